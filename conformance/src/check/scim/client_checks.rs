//! The checks of the SCIM clients: one for each act of each client.

use std::sync::LazyLock;

use super::client::{ACT_KINDS, CLIENTS, Part};
use super::item::{How, Item, Method};
use crate::check::{Harm, Level};

/// The checks of all clients, in the order of the clients and of the acts.
pub(super) static CHECKS: LazyLock<Vec<Item>> = LazyLock::new(|| {
    let clients = CLIENTS.iter();
    let parts = clients.flat_map(|client| ACT_KINDS.iter().map(move |kind| Part { client, kind }));
    parts.filter_map(item).collect()
});

/// Returns the check of an act; `None` if the client has no such act.
fn item(part: Part) -> Option<Item> {
    let Part { client, kind } = part;
    Some(Item {
        id: client.check_id(kind)?,
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
    })
}
