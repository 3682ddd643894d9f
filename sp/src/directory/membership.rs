//! Who joins and leaves a group. The group's other members are not read: one
//! more costs the same in a group of ten and of fifty thousand.

use std::collections::{BTreeMap, BTreeSet};

use scim::ScimType;
use scim::patch::ListChange;
use serde_json::Value;

use super::Result;
use crate::configurator::scim::ScimAccess;
use crate::store::{self, Db};

/// What became of a group's members.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Member id to whether it joined (else it left); both in a row is neither.
    moved: BTreeMap<String, bool>,
}

impl Moved {
    fn note(&mut self, id: &str, joined: bool) {
        match self.moved.remove(id) {
            Some(before) if before != joined => {}
            _ => {
                self.moved.insert(id.to_owned(), joined);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.moved.is_empty()
    }

    /// Those who joined or left.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.moved.keys().map(String::as_str)
    }

    pub(super) fn told(&self) -> String {
        let joined = self.moved.values().filter(|joined| **joined).count();
        format!("{joined} joined, {} left", self.moved.len() - joined)
    }
}

/// The ids in a resource's `members`.
pub(super) fn named(members: Option<&Value>) -> Vec<String> {
    let all = members.and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .map(|member| member["value"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Carries the changes out, in order.
///
/// # Errors
/// `invalidValue` when someone who joins does not exist.
pub(super) async fn carry_out(
    db: &mut Db,
    access: &ScimAccess,
    group_id: &str,
    changes: &[ListChange],
) -> Result<Moved> {
    let mut moved = Moved::default();
    for change in changes {
        match change {
            ListChange::Join(ids) => {
                for id in ids {
                    join(db, access, group_id, id, &mut moved).await?;
                }
            }
            ListChange::Leave(ids) => {
                for id in ids {
                    if store::groups::leave(db, group_id, id).await? {
                        moved.note(id, false);
                    }
                }
            }
            ListChange::Replace(ids) => {
                let wanted: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
                let held: BTreeSet<String> = store::groups::member_ids(db, group_id)
                    .await?
                    .into_iter()
                    .collect();
                for id in wanted.iter().filter(|id| !held.contains(**id)) {
                    join(db, access, group_id, id, &mut moved).await?;
                }
                for id in held.iter().filter(|id| !wanted.contains(id.as_str())) {
                    store::groups::leave(db, group_id, id).await?;
                    moved.note(id, false);
                }
            }
        }
    }
    Ok(moved)
}

async fn join(
    db: &mut Db,
    access: &ScimAccess,
    group_id: &str,
    id: &str,
    moved: &mut Moved,
) -> Result<()> {
    let invalid = |detail: String| scim::Error::of(ScimType::InvalidValue, detail);
    if id == group_id {
        return Err(invalid(format!(
            "expected other members than the group itself, got {id}"
        ))
        .into());
    }
    let kind = match id.contains('\0') {
        true => None,
        false => store::groups::kind_of(db, &access.business_id, id).await?,
    };
    let Some(kind) = kind else {
        return Err(invalid(format!(
            "expected members that exist, got the value {id:?}, the id of no user or group here"
        ))
        .into());
    };
    if store::groups::join(db, group_id, id, &kind).await? {
        moved.note(id, true);
    }
    Ok(())
}
