//! Users (RFC 7644 §3.3 – §3.6), and what becomes of those who lose their
//! place.

use scim::patch::Operation;
use scim::schema::USER_TYPE;
use scim::{ListQuery, ListResponse, Resource};
use serde_json::{Value, json};

use super::listing::{chosen, looked_up, mentions, proven};
use super::{
    Answered, Page, Precondition, Result, Stored, changed_meanwhile, kept, not_found, note, taken,
};
use crate::configurator::scim::ScimAccess;
use crate::store::users::{Key, UserRow};
use crate::store::{self, Db, stored};
use crate::{Portal, licensing};

/// Creates a user.
///
/// # Errors
/// `uniqueness` when the user name is taken.
pub async fn create(portal: &Portal, access: &ScimAccess, resource: Resource) -> Result<Answered> {
    let now = stored(portal.now());
    let mut row = UserRow {
        id: portal.ambient.chance().uuid().to_string(),
        business_id: access.business_id.clone(),
        user_name: String::new(),
        email: None,
        external_id: None,
        display_name: None,
        active: 1,
        source: "scim".to_owned(),
        resource: String::new(),
        version: 1,
        created: now,
        last_modified: now,
    };
    fill(&mut row, resource);
    let mut tx = portal.store.write().await?;
    store::users::insert(&mut tx, &row)
        .await
        .map_err(|error| taken(error, "userName", &row.user_name))?;
    note(portal, &mut tx, access, "user-created", &row.user_name, "").await?;
    licensing::after_directory_change(portal, &mut tx, &row.business_id, &[row.id.clone()]).await?;
    let answered = answer(portal, &mut tx, access, &row, true).await?;
    tx.commit().await.map_err(store::StoreError::from)?;
    Ok(answered)
}

/// Reads a user.
///
/// # Errors
/// 404.
pub async fn read(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    with_groups: bool,
) -> Result<Answered> {
    let mut db = portal.store.read().await?;
    let row = find(&mut db, access, id).await?;
    answer(portal, &mut db, access, &row, with_groups).await
}

/// Replaces a user (RFC 7644 §3.5.1). `active`, when it is not said, stays.
///
/// # Errors
/// 404, 412, `uniqueness`.
pub async fn replace(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    resource: Resource,
    precondition: &Precondition,
) -> Result<Answered> {
    change(portal, access, id, precondition, |_| Ok(resource)).await
}

/// Modifies a user (RFC 7644 §3.5.2).
///
/// # Errors
/// 404, 412, `uniqueness`, and what [`scim::patch::apply`] refuses.
pub async fn patch(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    operations: &[Operation],
    precondition: &Precondition,
) -> Result<Answered> {
    change(portal, access, id, precondition, |row| {
        let before: Value = serde_json::from_str(&row.resource).unwrap_or_default();
        let after = scim::patch::apply(operations, &before, &USER_TYPE)?;
        Ok(Resource::parse(&after, &USER_TYPE)?)
    })
    .await
}

/// Deletes a user: sessions, licence and memberships go with it.
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
    let because = "deleted in the directory";
    licensing::holder_gone(portal, &mut tx, &row.business_id, &row.id, because).await?;
    store::users::delete(&mut tx, &row.id).await?;
    note(portal, &mut tx, access, "user-deleted", &row.user_name, "").await?;
    tx.commit().await.map_err(store::StoreError::from)?;
    Ok(())
}

/// The users a query asks for.
///
/// # Errors
/// `invalidFilter`.
pub async fn list(portal: &Portal, access: &ScimAccess, query: &ListQuery) -> Result<ListResponse> {
    proven(query, &USER_TYPE)?;
    let mut db = portal.store.read().await?;
    let business = &access.business_id;
    let with_groups = query.projection.wants("groups")
        || query
            .filter
            .as_ref()
            .is_some_and(|filter| mentions(filter, "groups"));
    let key = query
        .filter
        .as_ref()
        .and_then(|filter| looked_up(filter, &USER_TYPE));
    let key = key.and_then(|(name, value)| match name.to_ascii_lowercase().as_str() {
        "id" => Some((Key::Id, value)),
        "username" => Some((Key::UserName, value)),
        "externalid" => Some((Key::ExternalId, value)),
        _ => None,
    });
    let whole = query.filter.is_some() || query.sort_by.is_some();
    let rows = match key {
        Some((key, value)) => store::users::by_key(&mut db, business, key, value).await?,
        None if whole => store::users::page(&mut db, business, 0, i64::MAX).await?,
        None => {
            let page = Page::of(query);
            let offset = i64::try_from(page.offset).unwrap_or(i64::MAX);
            let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
            store::users::page(&mut db, business, offset, limit).await?
        }
    };
    let mut resources = Vec::with_capacity(rows.len());
    for row in &rows {
        resources.push(
            answer(portal, &mut db, access, row, with_groups)
                .await?
                .resource,
        );
    }
    if whole {
        return chosen(resources, query, &USER_TYPE);
    }
    let total = store::users::count(&mut db, business).await?;
    Ok(ListResponse {
        total_results: usize::try_from(total).unwrap_or_default(),
        start_index: query.start_index,
        resources,
    })
}

async fn find(db: &mut Db, access: &ScimAccess, id: &str) -> Result<UserRow> {
    let found = store::users::by_key(db, &access.business_id, Key::Id, id).await?;
    found
        .into_iter()
        .next()
        .ok_or_else(|| not_found(&USER_TYPE, id))
}

/// Takes over what the resource says.
fn fill(row: &mut UserRow, mut resource: Resource) {
    // Nobody signs on here by a directory's password: it is not kept.
    resource.take("password");
    if let Some(active) = resource.get("active").and_then(Value::as_bool) {
        row.active = i64::from(active);
    }
    resource.set("active", (row.active == 1).into());
    row.user_name = resource.text("userName").unwrap_or_default().to_owned();
    let email = resource.preferred("emails").or_else(|| {
        let name = row.user_name.as_str();
        name.contains('@').then_some(name)
    });
    row.email = email.map(str::to_lowercase);
    row.external_id = resource.text("externalId").map(str::to_owned);
    row.display_name = resource.text("displayName").map(str::to_owned);
    row.resource = kept(&resource);
}

async fn change(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    precondition: &Precondition,
    to: impl FnOnce(&UserRow) -> Result<Resource> + Send,
) -> Result<Answered> {
    let mut tx = portal.store.write().await?;
    let before = find(&mut tx, access, id).await?;
    precondition.holds(before.version)?;
    let mut row = before.clone();
    fill(&mut row, to(&before)?);
    row.source = "scim".to_owned();
    if row != before {
        row.version = before.version + 1;
        row.last_modified = stored(portal.now());
        let done = store::users::update(&mut tx, &row, before.version)
            .await
            .map_err(|error| taken(error, "userName", &row.user_name))?;
        if !done {
            return Err(changed_meanwhile(&USER_TYPE));
        }
        let action = match (before.active, row.active) {
            (1, 0) => "user-disabled",
            (0, 1) => "user-enabled",
            _ => "user-changed",
        };
        note(portal, &mut tx, access, action, &row.user_name, "").await?;
        if row.active == 0 {
            store::accounts::end_sessions_of_user(&mut tx, &row.id).await?;
        }
        licensing::after_directory_change(portal, &mut tx, &row.business_id, &[row.id.clone()])
            .await?;
    }
    let answered = answer(portal, &mut tx, access, &row, true).await?;
    tx.commit().await.map_err(store::StoreError::from)?;
    Ok(answered)
}

async fn answer(
    portal: &Portal,
    db: &mut Db,
    access: &ScimAccess,
    row: &UserRow,
    with_groups: bool,
) -> Result<Answered> {
    let groups = if with_groups {
        let base = portal.service_provider(&access.tenant_id).scim_base_url;
        let held = store::groups::held_by(db, &row.id).await?;
        let held: Vec<Value> = held
            .into_iter()
            .map(|group| {
                json!({
                    "value": group.id,
                    "$ref": format!("{base}/Groups/{}", group.id),
                    "display": group.display_name,
                    "type": "direct",
                })
            })
            .collect();
        (!held.is_empty()).then(|| ("groups", held.into()))
    } else {
        None
    };
    let stored = Stored {
        of: &USER_TYPE,
        id: &row.id,
        resource: &row.resource,
        version: row.version,
        created: row.created,
        last_modified: row.last_modified,
    };
    Ok(stored.answered(portal, access, groups))
}
