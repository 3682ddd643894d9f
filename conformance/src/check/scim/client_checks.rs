//! The checks of the SCIM clients: one for each act of each client.

use std::sync::LazyLock;

use super::client::{ACT_KINDS, ActKind, CLIENTS, Client, Part};
use super::item::{How, Item, Method};
use crate::check::{Harm, Level};

/// The checks of all clients, in the order of the clients and of the acts.
pub(super) static CHECKS: LazyLock<Vec<Item>> = LazyLock::new(|| {
    let clients = CLIENTS.iter();
    let parts = clients.flat_map(|client| ACT_KINDS.iter().map(move |kind| Part { client, kind }));
    let has = |part: &Part| part.client.act(part.kind.name).is_some();
    parts.filter(has).map(item).collect()
});

fn item(part: Part) -> Item {
    let Part { client, kind } = part;
    Item {
        id: client.id(kind).leak(),
        level: Level::May,
        harm: Harm::Function,
        spec: kind.spec,
        title: format!("{} {}", client.name, kind.does).leak(),
        expected: kind.expected,
        fix: kind.fix,
        by: Method {
            needs: kind.needs,
            how: How::Replays(part),
        },
    }
}

/// Returns the id of the check of an act; `None` if this client has no such act.
pub(super) fn check_of(client: &Client, kind: &ActKind) -> Option<&'static str> {
    let id = client.id(kind);
    CHECKS.iter().map(|it| it.id).find(|it| *it == id)
}
