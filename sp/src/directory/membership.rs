//! Adds and removes members of groups. It does not read the other members, so a
//! change costs the same in a small and in a very large group.

use std::collections::{BTreeMap, BTreeSet};

use scim::ScimType;
use scim::patch::ListChange;
use serde_json::Value;

use super::Result;
use crate::configurator::scim::ScimAccess;
use crate::store::{self, Db};

/// The members that a change has added and removed.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Member ID → true if added, false if removed. Adding and removing the
    /// same member cancel out.
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

    /// IDs of all added and removed members.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.moved.keys().map(String::as_str)
    }

    pub(super) fn description(&self) -> String {
        let joined = self.moved.values().filter(|joined| **joined).count();
        format!("{joined} joined, {} left", self.moved.len() - joined)
    }
}

/// Returns the IDs in the attribute `members` of a resource.
pub(super) fn read_member_ids(members: Option<&Value>) -> Vec<String> {
    let all = members.and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .map(|member| member["value"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Carries out changes of members, in order.
///
/// # Errors
/// `invalidValue` if an added member does not exist or is the group itself.
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
                let held: BTreeSet<String> = store::groups::list_member_ids(db, group_id)
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
            "invalid member {id}: a group cannot be a member of itself"
        ))
        .into());
    }
    let kind = match id.contains('\0') {
        true => None,
        false => store::groups::find_kind(db, &access.business_id, id).await?,
    };
    let Some(kind) = kind else {
        return Err(invalid(format!(
            "invalid member {id:?}: no user or group has this id"
        ))
        .into());
    };
    if store::groups::join(db, group_id, id, &kind).await? {
        moved.note(id, true);
    }
    Ok(())
}
