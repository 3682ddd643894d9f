//! SCIM groups (RFC 7644 §3.3 – §3.6). Their members are
//! in [`super::membership`].

use std::collections::BTreeSet;

use scim::patch::{ListChange, Operation};
use scim::schema::{GROUP_TYPE, ResourceType};
use scim::{ListQuery, ListResponse, Projection, Resource, ScimType, SortValue};
use serde_json::{Value, json};

use super::listing::{self, Listed};
use super::membership::{carry_out, read_member_ids};
use super::{
    Answered, Precondition, Result, Shown, Stored, check_keys, conflict_error, json_list,
    not_found, note, text_to_store,
};
use crate::Portal;
use crate::configurator::scim::ScimAccess;
use crate::store::groups::GroupRow;
use crate::store::selection::{Condition, Field, Selection};
use crate::store::{self, Db, to_microseconds};

/// Maximum number of members with which PATCH answers 200 and the whole group.
/// For larger groups it answers 204 with the new version in the ETag, which RFC
/// 7644 §3.5.2 permits: encoding the body would cost more than the change.
pub const SHOWN_MEMBERS: i64 = 100;

/// The answer to a PATCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patched {
    /// 200 with the resource.
    Shown(Answered),
    /// 204: the group is too large to return. The value has no text.
    Done(Answered),
}

/// Creates a group.
///
/// # Errors
/// `invalidValue` if a member does not exist.
pub async fn create(
    portal: &Portal,
    access: &ScimAccess,
    mut resource: Resource,
    shown: Shown,
) -> Result<Answered> {
    let now = to_microseconds(portal.now());
    let wanted = read_member_ids(resource.take("members").as_ref());
    let row = GroupRow {
        id: portal.ambient.rng().uuid().to_string(),
        business_id: access.business_id.clone(),
        display_name: resource.text("displayName").unwrap_or_default().to_owned(),
        external_id: resource.text("externalId").map(str::to_owned),
        resource: text_to_store(&resource),
        version: 1,
        created: now,
        last_modified: now,
    };
    check_names(&row)?;
    let joins = [ListChange::Join(wanted)];
    store::with_retry(async || {
        let mut tx = portal.store.write().await?;
        store::locks::lock_directory(&mut tx, &access.business_id).await?;
        require_free_name(&mut tx, access, &row).await?;
        store::groups::insert(&mut tx, &row).await?;
        let moved = carry_out(&mut tx, access, &row.id, &joins).await?;
        let detail = moved.description();
        let name = &row.display_name;
        note(portal, &mut tx, access, "group-created", name, detail).await?;
        let users = expand_to_users(&mut tx, moved.ids()).await?;
        super::review(portal, &mut tx, &row.business_id, &users).await?;
        let answered = answer(&mut tx, access, &row, shown).await?;
        tx.commit().await.map_err(store::StoreError::from)?;
        Ok(answered)
    })
    .await
}

/// Reads a group.
///
/// # Errors
/// 404 if there is no such group.
pub async fn read(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    shown: Shown,
) -> Result<Answered> {
    let mut db = portal.store.read().await?;
    let row = find(&mut db, access, id).await?;
    answer(&mut db, access, &row, shown).await
}

/// Replaces a group, members included (RFC 7644 §3.5.1).
///
/// # Errors
/// 404 if there is no such group, 412 if its version is another one,
/// `invalidValue` if a member does not exist.
pub async fn replace(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    mut resource: Resource,
    precondition: &Precondition,
    shown: Shown,
) -> Result<Answered> {
    let members = read_member_ids(resource.take("members").as_ref());
    let change = Change {
        resource: Some(resource),
        members: vec![ListChange::Replace(members)],
    };
    store::with_retry(async || {
        let mut tx = portal.store.write().await?;
        let before = find_locked(&mut tx, access, id).await?;
        precondition.holds(before.version)?;
        let row = change.save(portal, &mut tx, access, before).await?;
        let answered = answer(&mut tx, access, &row, shown).await?;
        tx.commit().await.map_err(store::StoreError::from)?;
        Ok(answered)
    })
    .await
}

/// Modifies a group (RFC 7644 §3.5.2).
///
/// # Errors
/// 404 if there is no such group, 412 if its version is another one, or an
/// error of [`scim::patch::apply`].
pub async fn patch(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    operations: &[Operation],
    precondition: &Precondition,
    projection: &Projection,
) -> Result<Patched> {
    store::with_retry(|| patch_once(portal, access, id, operations, precondition, projection)).await
}

async fn patch_once(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    operations: &[Operation],
    precondition: &Precondition,
    projection: &Projection,
) -> Result<Patched> {
    let mut tx = portal.store.write().await?;
    let before = find_locked(&mut tx, access, id).await?;
    precondition.holds(before.version)?;
    let change = match scim::patch::split(operations, "members", &GROUP_TYPE)? {
        Some((members, rest)) => Change {
            resource: match rest.as_slice() {
                [] => None,
                rest => Some(apply_patch(rest, &before, None)?),
            },
            members,
        },
        // If the operations on members cannot be separated from the others,
        // apply them to the whole list of members.
        None => {
            let held = store::groups::list_members_with_names(&mut tx, id).await?;
            let held = held.iter().map(
                |one| json!({"value": one.member_id, "type": one.kind, "display": one.display}),
            );
            let mut resource = apply_patch(operations, &before, Some(held.collect()))?;
            let members = read_member_ids(resource.take("members").as_ref());
            Change {
                resource: Some(resource),
                members: vec![ListChange::Replace(members)],
            }
        }
    };
    let row = change.save(portal, &mut tx, access, before).await?;
    let shown = Shown::by(projection, "members");
    let is_large = shown != Shown::Without
        && projection.is_default()
        && store::groups::count_members(&mut tx, id, SHOWN_MEMBERS + 1).await? > SHOWN_MEMBERS;
    let patched = if is_large {
        Patched::Done(answer(&mut tx, access, &row, Shown::Without).await?)
    } else {
        Patched::Shown(answer(&mut tx, access, &row, shown).await?)
    };
    tx.commit().await.map_err(store::StoreError::from)?;
    Ok(patched)
}

fn apply_patch(
    operations: &[Operation],
    before: &GroupRow,
    members: Option<Value>,
) -> Result<Resource> {
    let mut resource: Value = serde_json::from_str(&before.resource).unwrap_or_default();
    if let Some(members) = members {
        resource["members"] = members;
    }
    let after = scim::patch::apply(operations, &resource, &GROUP_TYPE)?;
    Ok(Resource::parse(&after, &GROUP_TYPE)?)
}

/// Deletes a group. Its members lose the roles and licenses that it gave them.
///
/// # Errors
/// 404 if there is no such group, 412 if its version is another one.
pub async fn delete(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    precondition: &Precondition,
) -> Result<()> {
    store::with_retry(async || {
        let mut tx = portal.store.write().await?;
        let row = find_locked(&mut tx, access, id).await?;
        precondition.holds(row.version)?;
        let users = store::groups::list_users_beneath(&mut tx, id).await?;
        store::groups::delete(&mut tx, id).await?;
        let name = &row.display_name;
        note(portal, &mut tx, access, "group-deleted", name, "").await?;
        super::review(portal, &mut tx, &row.business_id, &users).await?;
        tx.commit().await.map_err(store::StoreError::from)?;
        Ok(())
    })
    .await
}

/// Returns the groups that match a query.
///
/// # Errors
/// `invalidFilter`, `invalidPath` (sortBy), or an error of the cursor.
pub async fn list(portal: &Portal, access: &ScimAccess, query: &ListQuery) -> Result<ListResponse> {
    listing::list::<Groups>(portal, access, query).await
}

/// The resource type Group, for [`listing::list`].
struct Groups;

impl Listed for Groups {
    type Row = GroupRow;
    const COSTLY: &'static str = "members";
    const AT_ONCE: usize = 1;

    fn of(_: &Portal) -> &'static ResourceType {
        &GROUP_TYPE
    }

    fn id(row: &GroupRow) -> &str {
        &row.id
    }

    fn key(row: &GroupRow, by: Field) -> SortValue {
        // Microseconds are exact in a double until the year 2255.
        #[allow(clippy::cast_precision_loss)]
        let number = |number: i64| SortValue::Number(number as f64);
        match by {
            Field::Id => SortValue::Text(row.id.clone()),
            Field::DisplayName => SortValue::Text(row.display_name.to_lowercase()),
            Field::ExternalId => match &row.external_id {
                Some(id) => SortValue::Text(id.clone()),
                None => SortValue::Absent,
            },
            Field::LastModified => number(row.last_modified),
            _ => number(row.created),
        }
    }

    async fn select(db: &mut Db, selection: &Selection<'_>) -> Result<Vec<GroupRow>> {
        Ok(store::groups::select(db, selection).await?)
    }

    async fn count(db: &mut Db, business_id: &str, condition: &Condition) -> Result<usize> {
        let count = store::groups::count(db, business_id, condition).await?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    async fn encode_rows(
        _: &Portal,
        db: &mut Db,
        access: &ScimAccess,
        rows: &[GroupRow],
        shown: Shown,
    ) -> Result<Vec<String>> {
        let mut texts = Vec::with_capacity(rows.len());
        for row in rows {
            texts.push(answer(db, access, row, shown).await?.text);
        }
        Ok(texts)
    }
}

async fn find(db: &mut Db, access: &ScimAccess, id: &str) -> Result<GroupRow> {
    // PostgreSQL does not accept NUL.
    if id.contains('\0') {
        return Err(not_found(&GROUP_TYPE, id));
    }
    let found = store::groups::find_by_id(db, &access.business_id, id).await?;
    found.ok_or_else(|| not_found(&GROUP_TYPE, id))
}

/// Finds a group and locks the whole directory of the business account until
/// the transaction ends.
async fn find_locked(db: &mut Db, access: &ScimAccess, id: &str) -> Result<GroupRow> {
    store::locks::lock_directory(db, &access.business_id).await?;
    find(db, access, id).await
}

fn check_names(row: &GroupRow) -> Result<()> {
    check_keys([
        ("displayName", Some(row.display_name.as_str())),
        ("externalId", row.external_id.as_deref()),
    ])
}

/// By the strict rules, requires that no other group has this displayName.
async fn require_free_name(db: &mut Db, access: &ScimAccess, row: &GroupRow) -> Result<()> {
    let (business_id, name) = (&row.business_id, &row.display_name);
    if access.rules.has_unique_groups()
        && store::groups::is_name_taken(db, business_id, name, &row.id).await?
    {
        let detail =
            format!("displayName {name} is in use by another group; letter case is ignored");
        return Err(scim::Error::of(ScimType::Uniqueness, detail).into());
    }
    Ok(())
}

/// Returns the users among these IDs and all direct and indirect members of the
/// groups among them.
async fn expand_to_users(db: &mut Db, ids: impl Iterator<Item = &str>) -> Result<Vec<String>> {
    let mut users = BTreeSet::new();
    for id in ids {
        users.extend(store::groups::list_users_beneath(db, id).await?);
    }
    Ok(users.into_iter().collect())
}

/// A change of a group.
struct Change {
    /// The new attributes without members; `None` leaves them unchanged.
    resource: Option<Resource>,
    members: Vec<ListChange>,
}

impl Change {
    async fn save(
        &self,
        portal: &Portal,
        db: &mut Db,
        access: &ScimAccess,
        before: GroupRow,
    ) -> Result<GroupRow> {
        let mut row = before.clone();
        if let Some(resource) = &self.resource {
            row.display_name = resource.text("displayName").unwrap_or_default().to_owned();
            row.external_id = resource.text("externalId").map(str::to_owned);
            row.resource = text_to_store(resource);
            check_names(&row)?;
            // Groups from before the strict rules may have one name.
            if row.display_name.to_lowercase() != before.display_name.to_lowercase() {
                require_free_name(db, access, &row).await?;
            }
        }
        let moved = carry_out(db, access, &row.id, &self.members).await?;
        if row == before && moved.is_empty() {
            return Ok(before);
        }
        row.version = before.version + 1;
        row.last_modified = to_microseconds(portal.now()).max(before.last_modified);
        if !store::groups::update(db, &row, before.version).await? {
            return Err(conflict_error(&GROUP_TYPE));
        }
        let is_another =
            (&row.display_name, &row.external_id) != (&before.display_name, &before.external_id);
        // Members of a renamed group may gain or lose a role of step 3.
        let itself = is_another.then_some(row.id.as_str());
        let users = expand_to_users(db, moved.ids().chain(itself)).await?;
        let name = &row.display_name;
        note(
            portal,
            db,
            access,
            "group-changed",
            name,
            moved.description(),
        )
        .await?;
        super::review(portal, db, &row.business_id, &users).await?;
        Ok(row)
    }
}

async fn answer(
    db: &mut Db,
    access: &ScimAccess,
    row: &GroupRow,
    shown: Shown,
) -> Result<Answered> {
    let held = match shown {
        Shown::Without => Vec::new(),
        Shown::Plain => store::groups::list_members(db, &row.id).await?,
        Shown::Named => store::groups::list_members_with_names(db, &row.id).await?,
    };
    let base = &access.base_url;
    let members = json_list(&held, |out, member| {
        use std::fmt::Write as _;
        let _ = write!(
            out,
            r#"{{"value":"{id}","$ref":"{base}/{kind}s/{id}","type":"{kind}""#,
            id = member.member_id,
            kind = member.kind,
        );
        if let Some(display) = &member.display {
            let _ = write!(out, r#","display":{}"#, Value::from(display.as_str()));
        }
        out.push('}');
    });
    let stored = Stored {
        of: &GROUP_TYPE,
        id: &row.id,
        resource: &row.resource,
        version: row.version,
        created: row.created,
        last_modified: row.last_modified,
    };
    Ok(stored.to_answered(
        access,
        members.as_deref().map(|members| ("members", members)),
    ))
}
