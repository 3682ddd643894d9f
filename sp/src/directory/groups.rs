//! Groups and memberships (RFC 7644 §3.3 – §3.6).

use std::collections::{BTreeMap, BTreeSet};

use scim::patch::Operation;
use scim::schema::GROUP_TYPE;
use scim::{ListQuery, ListResponse, Resource, ScimType};
use serde_json::{Value, json};

use super::listing::{chosen, looked_up, mentions, proven};
use super::{
    Answered, Page, Precondition, Result, Stored, changed_meanwhile, kept, not_found, note,
};
use crate::configurator::scim::ScimAccess;
use crate::store::groups::{GroupRow, Key, MemberRow};
use crate::store::{self, Db, stored};
use crate::{Portal, licensing};

/// Member id to `User` or `Group`.
type Members = BTreeMap<String, String>;

/// Creates a group.
///
/// # Errors
/// `invalidValue` when a member does not exist.
pub async fn create(
    portal: &Portal,
    access: &ScimAccess,
    mut resource: Resource,
) -> Result<Answered> {
    let now = stored(portal.now());
    let wanted = resource.take("members");
    let row = GroupRow {
        id: portal.ambient.chance().uuid().to_string(),
        business_id: access.business_id.clone(),
        display_name: resource.text("displayName").unwrap_or_default().to_owned(),
        external_id: resource.text("externalId").map(str::to_owned),
        resource: kept(&resource),
        version: 1,
        created: now,
        last_modified: now,
    };
    let mut tx = portal.store.write().await?;
    store::groups::insert(&mut tx, &row).await?;
    let members = known(&mut tx, access, &row.id, wanted.as_ref(), &Members::new()).await?;
    for (id, kind) in &members {
        store::groups::join(&mut tx, &row.id, id, kind).await?;
    }
    let users = store::groups::users_beneath(&mut tx, &row.id).await?;
    let detail = format!("{} members", members.len());
    note(
        portal,
        &mut tx,
        access,
        "group-created",
        &row.display_name,
        detail,
    )
    .await?;
    licensing::after_directory_change(portal, &mut tx, &row.business_id, &users).await?;
    let answered = answer(portal, &mut tx, access, &row, true).await?;
    tx.commit().await.map_err(store::StoreError::from)?;
    Ok(answered)
}

/// Reads a group.
///
/// # Errors
/// 404.
pub async fn read(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    with_members: bool,
) -> Result<Answered> {
    let mut db = portal.store.read().await?;
    let row = find(&mut db, access, id).await?;
    answer(portal, &mut db, access, &row, with_members).await
}

/// Replaces a group, members included (RFC 7644 §3.5.1).
///
/// # Errors
/// 404, 412, `invalidValue` when a member does not exist.
pub async fn replace(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    resource: Resource,
    precondition: &Precondition,
) -> Result<Answered> {
    change(portal, access, id, precondition, |_, _| Ok(resource)).await
}

/// Modifies a group (RFC 7644 §3.5.2).
///
/// # Errors
/// 404, 412, and what [`scim::patch::apply`] refuses.
pub async fn patch(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    operations: &[Operation],
    precondition: &Precondition,
) -> Result<Answered> {
    change(portal, access, id, precondition, |row, members| {
        let mut before: Value = serde_json::from_str(&row.resource).unwrap_or_default();
        let held = members
            .iter()
            .map(|(id, kind)| json!({"value": id, "type": kind}));
        before["members"] = held.collect();
        let after = scim::patch::apply(operations, &before, &GROUP_TYPE)?;
        Ok(Resource::parse(&after, &GROUP_TYPE)?)
    })
    .await
}

/// Deletes a group: its members lose what it gave them.
///
/// # Errors
/// 404, 412.
pub async fn delete(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    precondition: &Precondition,
) -> Result<()> {
    let mut tx = portal.store.write().await?;
    let row = find(&mut tx, access, id).await?;
    precondition.holds(row.version)?;
    let users = store::groups::users_beneath(&mut tx, id).await?;
    store::groups::delete(&mut tx, id).await?;
    note(
        portal,
        &mut tx,
        access,
        "group-deleted",
        &row.display_name,
        "",
    )
    .await?;
    licensing::after_directory_change(portal, &mut tx, &row.business_id, &users).await?;
    tx.commit().await.map_err(store::StoreError::from)?;
    Ok(())
}

/// The groups a query asks for.
///
/// # Errors
/// `invalidFilter`.
pub async fn list(portal: &Portal, access: &ScimAccess, query: &ListQuery) -> Result<ListResponse> {
    proven(query, &GROUP_TYPE)?;
    let mut db = portal.store.read().await?;
    let business = &access.business_id;
    let with_members = query.projection.wants("members")
        || query
            .filter
            .as_ref()
            .is_some_and(|filter| mentions(filter, "members"));
    let key = query
        .filter
        .as_ref()
        .and_then(|filter| looked_up(filter, &GROUP_TYPE));
    let key = key.and_then(|(name, value)| match name.to_ascii_lowercase().as_str() {
        "id" => Some((Key::Id, value)),
        "displayname" => Some((Key::DisplayName, value)),
        "externalid" => Some((Key::ExternalId, value)),
        _ => None,
    });
    let whole = query.filter.is_some() || query.sort_by.is_some();
    let rows = match key {
        Some((key, value)) => store::groups::by_key(&mut db, business, key, value).await?,
        None if whole => store::groups::page(&mut db, business, 0, i64::MAX).await?,
        None => {
            let page = Page::of(query);
            let offset = i64::try_from(page.offset).unwrap_or(i64::MAX);
            let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
            store::groups::page(&mut db, business, offset, limit).await?
        }
    };
    let mut resources = Vec::with_capacity(rows.len());
    for row in &rows {
        resources.push(
            answer(portal, &mut db, access, row, with_members)
                .await?
                .resource,
        );
    }
    if whole {
        return chosen(resources, query, &GROUP_TYPE);
    }
    let total = store::groups::count(&mut db, business).await?;
    Ok(ListResponse {
        total_results: usize::try_from(total).unwrap_or_default(),
        start_index: query.start_index,
        resources,
    })
}

async fn find(db: &mut Db, access: &ScimAccess, id: &str) -> Result<GroupRow> {
    let found = store::groups::by_key(db, &access.business_id, Key::Id, id).await?;
    found
        .into_iter()
        .next()
        .ok_or_else(|| not_found(&GROUP_TYPE, id))
}

/// The members a client names, each of which must exist; those of `before`
/// are known to.
async fn known(
    db: &mut Db,
    access: &ScimAccess,
    group_id: &str,
    wanted: Option<&Value>,
    before: &Members,
) -> Result<Members> {
    let invalid = |detail: String| scim::Error::of(ScimType::InvalidValue, detail);
    let mut members = Members::new();
    for member in wanted.and_then(Value::as_array).into_iter().flatten() {
        let id = member["value"].as_str().unwrap_or_default();
        if id == group_id {
            return Err(invalid(format!(
                "expected other members than the group itself, came {id}"
            ))
            .into());
        }
        if let Some(kind) = before.get(id) {
            members.insert(id.to_owned(), kind.clone());
            continue;
        }
        let business = &access.business_id;
        let users = store::users::by_key(db, business, store::users::Key::Id, id).await?;
        let kind = if !users.is_empty() {
            "User"
        } else if !store::groups::by_key(db, business, Key::Id, id)
            .await?
            .is_empty()
        {
            "Group"
        } else {
            let detail = format!(
                "expected members that exist, came the value {id:?}, the id of no user or group here"
            );
            return Err(invalid(detail).into());
        };
        members.insert(id.to_owned(), kind.to_owned());
    }
    Ok(members)
}

async fn change(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    precondition: &Precondition,
    to: impl FnOnce(&GroupRow, &Members) -> Result<Resource> + Send,
) -> Result<Answered> {
    let mut tx = portal.store.write().await?;
    let before = find(&mut tx, access, id).await?;
    precondition.holds(before.version)?;
    let held: Members = store::groups::members(&mut tx, id)
        .await?
        .into_iter()
        .map(
            |MemberRow {
                 member_id, kind, ..
             }| (member_id, kind),
        )
        .collect();
    let mut resource = to(&before, &held)?;
    let wanted = resource.take("members");
    let members = known(&mut tx, access, id, wanted.as_ref(), &held).await?;
    let mut row = GroupRow {
        display_name: resource.text("displayName").unwrap_or_default().to_owned(),
        external_id: resource.text("externalId").map(str::to_owned),
        resource: kept(&resource),
        ..before.clone()
    };
    let left: Vec<&String> = held
        .keys()
        .filter(|id| !members.contains_key(*id))
        .collect();
    let joined: Vec<(&String, &String)> = members
        .iter()
        .filter(|(id, _)| !held.contains_key(*id))
        .collect();
    if row != before || !left.is_empty() || !joined.is_empty() {
        row.version = before.version + 1;
        row.last_modified = stored(portal.now());
        if !store::groups::update(&mut tx, &row, before.version).await? {
            return Err(changed_meanwhile(&GROUP_TYPE));
        }
        let mut users = BTreeSet::new();
        for id in left.iter().copied().chain(joined.iter().map(|(id, _)| *id)) {
            users.extend(store::groups::users_beneath(&mut tx, id).await?);
        }
        for member in &left {
            store::groups::leave(&mut tx, id, member).await?;
        }
        for (member, kind) in &joined {
            store::groups::join(&mut tx, id, member, kind).await?;
        }
        if (&row.display_name, &row.external_id) != (&before.display_name, &before.external_id) {
            users.extend(store::groups::users_beneath(&mut tx, id).await?);
        }
        let detail = format!("{} joined, {} left", joined.len(), left.len());
        note(
            portal,
            &mut tx,
            access,
            "group-changed",
            &row.display_name,
            detail,
        )
        .await?;
        let users: Vec<String> = users.into_iter().collect();
        licensing::after_directory_change(portal, &mut tx, &row.business_id, &users).await?;
    }
    let answered = answer(portal, &mut tx, access, &row, true).await?;
    tx.commit().await.map_err(store::StoreError::from)?;
    Ok(answered)
}

async fn answer(
    portal: &Portal,
    db: &mut Db,
    access: &ScimAccess,
    row: &GroupRow,
    with_members: bool,
) -> Result<Answered> {
    let members = if with_members {
        let base = portal.service_provider(&access.tenant_id).scim_base_url;
        let held = store::groups::members(db, &row.id).await?;
        let held: Vec<Value> = held
            .into_iter()
            .map(|member| {
                json!({
                    "value": member.member_id,
                    "$ref": format!("{base}/{}s/{}", member.kind, member.member_id),
                    "type": member.kind,
                    "display": member.display,
                })
            })
            .collect();
        (!held.is_empty()).then(|| ("members", held.into()))
    } else {
        None
    };
    let stored = Stored {
        of: &GROUP_TYPE,
        id: &row.id,
        resource: &row.resource,
        version: row.version,
        created: row.created,
        last_modified: row.last_modified,
    };
    Ok(stored.answered(portal, access, members))
}
