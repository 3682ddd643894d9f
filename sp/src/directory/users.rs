//! SCIM users (RFC 7644 §3.3 – §3.6), and the effects of disabling and
//! deleting them.

use scim::patch::Operation;
use scim::schema::ResourceType;
use scim::{ListQuery, ListResponse, Resource, SortValue};
use serde_json::Value;

use super::listing::{self, Listed};
use super::{
    Answered, Precondition, Result, Shown, Stored, check_keys, conflict_error, json_list,
    not_found, note, text_to_store, uniqueness_error,
};
use crate::configurator::scim::ScimAccess;
use crate::store::selection::{Condition, Field, Selection};
use crate::store::users::UserRow;
use crate::store::{self, Db, to_microseconds};
use crate::{Portal, licensing};

/// Creates a user.
///
/// # Errors
/// `uniqueness` if the user name is taken.
pub async fn create(
    portal: &Portal,
    access: &ScimAccess,
    resource: Resource,
    shown: Shown,
) -> Result<Answered> {
    let now = to_microseconds(portal.now());
    let mut row = UserRow {
        id: portal.ambient.rng().uuid().to_string(),
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
        grouped: 0,
    };
    fill(&mut row, resource, portal.resource_types.user)?;
    store::with_retry(async || {
        let mut tx = portal.store.write().await?;
        store::locks::share_directory(&mut tx, &access.business_id).await?;
        store::users::insert(&mut tx, &row)
            .await
            .map_err(|error| uniqueness_error(error, "userName", &row.user_name))?;
        note(portal, &mut tx, access, "user-created", &row.user_name, "").await?;
        let answered = answer(portal, &mut tx, access, &row, shown).await?;
        tx.commit().await.map_err(store::StoreError::from)?;
        Ok(answered)
    })
    .await
}

/// Reads a user.
///
/// # Errors
/// 404 if there is no such user.
pub async fn read(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    shown: Shown,
) -> Result<Answered> {
    let mut db = portal.store.read().await?;
    let row = find(portal, &mut db, access, id).await?;
    answer(portal, &mut db, access, &row, shown).await
}

/// Replaces a user (RFC 7644 §3.5.1). `active` stays unchanged if the request
/// does not contain it.
///
/// # Errors
/// 404 if there is no such user, 412 if the version is another one,
/// `uniqueness` or `mutability`.
pub async fn replace(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    resource: Resource,
    precondition: &Precondition,
    shown: Shown,
) -> Result<Answered> {
    change(portal, access, id, precondition, shown, |_| {
        Ok(resource.clone())
    })
    .await
}

/// Modifies a user (RFC 7644 §3.5.2).
///
/// # Errors
/// 404 if there is no such user, 412 if the version is another one,
/// `uniqueness`, or an error of [`scim::patch::apply`].
pub async fn patch(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    operations: &[Operation],
    precondition: &Precondition,
    shown: Shown,
) -> Result<Answered> {
    let of = portal.resource_types.user;
    change(portal, access, id, precondition, shown, |row| {
        let before: Value = serde_json::from_str(&row.resource).unwrap_or_default();
        let after = scim::patch::apply(operations, &before, of)?;
        Ok(Resource::parse(&after, of)?)
    })
    .await
}

/// Deletes a user, including sessions, license and group memberships.
///
/// # Errors
/// 404 if there is no such user, 412 if the version is another one.
pub async fn delete(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    precondition: &Precondition,
) -> Result<()> {
    store::with_retry(async || {
        let mut tx = portal.store.write().await?;
        let row = find_locked(portal, &mut tx, access, id).await?;
        precondition.holds(row.version)?;
        let because = "deleted in the directory";
        licensing::revoke_access(portal, &mut tx, &row.business_id, &row.id, because).await?;
        store::users::delete(&mut tx, &row.id).await?;
        let at = to_microseconds(portal.now());
        let external_id = row.external_id.as_deref();
        let business_id = &row.business_id;
        store::removals::record_deletion(&mut tx, business_id, &row.user_name, external_id, at)
            .await?;
        note(portal, &mut tx, access, "user-deleted", &row.user_name, "").await?;
        tx.commit().await.map_err(store::StoreError::from)?;
        Ok(())
    })
    .await
}

/// Returns the users that match a query.
///
/// # Errors
/// `invalidFilter`, `invalidPath` (sortBy), or an error of the cursor.
pub async fn list(portal: &Portal, access: &ScimAccess, query: &ListQuery) -> Result<ListResponse> {
    listing::list::<Users>(portal, access, query).await
}

/// The resource type User, for [`listing::list`].
struct Users;

impl Listed for Users {
    type Row = UserRow;
    const COSTLY: &'static str = "groups";
    const AT_ONCE: usize = 100;

    fn of(portal: &Portal) -> &'static ResourceType {
        portal.resource_types.user
    }

    fn id(row: &UserRow) -> &str {
        &row.id
    }

    fn key(row: &UserRow, by: Field) -> SortValue {
        let text = |text: Option<String>| text.map_or(SortValue::Absent, SortValue::Text);
        // Microseconds are exact in a double until the year 2255.
        #[allow(clippy::cast_precision_loss)]
        let number = |number: i64| SortValue::Number(number as f64);
        match by {
            Field::Id => SortValue::Text(row.id.clone()),
            Field::UserName => SortValue::Text(row.user_name.to_lowercase()),
            Field::ExternalId => text(row.external_id.clone()),
            Field::DisplayName => text(row.display_name.as_ref().map(|name| name.to_lowercase())),
            Field::Active => number(row.active),
            Field::LastModified => number(row.last_modified),
            Field::Created | Field::Email | Field::Group | Field::Member => number(row.created),
        }
    }

    async fn select(db: &mut Db, selection: &Selection<'_>) -> Result<Vec<UserRow>> {
        Ok(store::users::select(db, selection).await?)
    }

    async fn count(db: &mut Db, business_id: &str, condition: &Condition) -> Result<usize> {
        let count = store::users::count(db, business_id, condition).await?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    async fn encode_rows(
        portal: &Portal,
        db: &mut Db,
        access: &ScimAccess,
        rows: &[UserRow],
        shown: Shown,
    ) -> Result<Vec<String>> {
        Ok(answer_all(portal, db, access, rows, shown)
            .await?
            .into_iter()
            .map(|answered| answered.text)
            .collect())
    }
}

async fn find(portal: &Portal, db: &mut Db, access: &ScimAccess, id: &str) -> Result<UserRow> {
    // PostgreSQL does not accept NUL.
    if id.contains('\0') {
        return Err(not_found(portal.resource_types.user, id));
    }
    let found = store::users::find_by_id(db, &access.business_id, id).await?;
    found.ok_or_else(|| not_found(portal.resource_types.user, id))
}

/// Finds a user and locks the row, so that no other transaction changes or
/// admits the user until this one ends.
async fn find_locked(
    portal: &Portal,
    db: &mut Db,
    access: &ScimAccess,
    id: &str,
) -> Result<UserRow> {
    store::locks::share_directory(db, &access.business_id).await?;
    let found = find(portal, db, access, id).await?;
    if store::locks::lock_user(db, &found.id).await? {
        return find(portal, db, access, id).await;
    }
    Ok(found)
}

/// Copies the values of a SCIM resource to the row.
///
/// # Errors
/// `invalidValue` if a value is too long for a database index.
fn fill(row: &mut UserRow, mut resource: Resource, of: &ResourceType) -> Result<()> {
    // Passwords from SCIM are not stored: users sign in at the IdP.
    resource.forget_secrets(of);
    if let Some(active) = resource.get("active").and_then(Value::as_bool) {
        row.active = i64::from(active);
    }
    resource.set("active", (row.active == 1).into());
    row.user_name = resource.text("userName").unwrap_or_default().to_owned();
    let email = resource.preferred_value("emails").or_else(|| {
        let name = row.user_name.as_str();
        name.contains('@').then_some(name)
    });
    row.email = email.map(str::to_lowercase);
    row.external_id = resource.text("externalId").map(str::to_owned);
    row.display_name = resource.text("displayName").map(str::to_owned);
    row.resource = text_to_store(&resource);
    let emails = resource.get("emails").and_then(Value::as_array);
    let emails = emails.into_iter().flatten();
    check_keys(
        [
            ("userName", Some(row.user_name.as_str())),
            ("externalId", row.external_id.as_deref()),
            ("displayName", row.display_name.as_deref()),
        ]
        .into_iter()
        .chain(emails.map(|email| ("emails.value", email["value"].as_str()))),
    )
}

async fn change(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    precondition: &Precondition,
    shown: Shown,
    to: impl Fn(&UserRow) -> Result<Resource> + Send + Sync,
) -> Result<Answered> {
    store::with_retry(|| change_once(portal, access, id, precondition, shown, &to)).await
}

async fn change_once(
    portal: &Portal,
    access: &ScimAccess,
    id: &str,
    precondition: &Precondition,
    shown: Shown,
    to: &(impl Fn(&UserRow) -> Result<Resource> + Send + Sync),
) -> Result<Answered> {
    let of = portal.resource_types.user;
    let mut tx = portal.store.write().await?;
    let before = find_locked(portal, &mut tx, access, id).await?;
    precondition.holds(before.version)?;
    let mut row = before.clone();
    fill(&mut row, to(&before)?, of)?;
    super::keeps_immutable(&before.resource, &row.resource, of)?;
    // A different order of members in the JSON is not a change.
    if super::is_same_json(&before.resource, &row.resource) {
        row.resource.clone_from(&before.resource);
    }
    row.source = "scim".to_owned();
    if row != before {
        row.version = before.version + 1;
        row.last_modified = to_microseconds(portal.now()).max(before.last_modified);
        let done = store::users::update(&mut tx, &row, &before)
            .await
            .map_err(|error| uniqueness_error(error, "userName", &row.user_name))?;
        if !done {
            return Err(conflict_error(of));
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
        super::review(portal, &mut tx, &row.business_id, &[row.id.clone()]).await?;
    }
    let answered = answer(portal, &mut tx, access, &row, shown).await?;
    tx.commit().await.map_err(store::StoreError::from)?;
    Ok(answered)
}

async fn answer(
    portal: &Portal,
    db: &mut Db,
    access: &ScimAccess,
    row: &UserRow,
    shown: Shown,
) -> Result<Answered> {
    let rows = std::slice::from_ref(row);
    let mut answered = answer_all(portal, db, access, rows, shown).await?;
    answered
        .pop()
        .ok_or_else(|| not_found(portal.resource_types.user, &row.id))
}

async fn answer_all(
    portal: &Portal,
    db: &mut Db,
    access: &ScimAccess,
    rows: &[UserRow],
    shown: Shown,
) -> Result<Vec<Answered>> {
    let grouped: Vec<&str> = rows
        .iter()
        .filter(|row| shown != Shown::Without && row.grouped == 1)
        .map(|row| row.id.as_str())
        .collect();
    let held = store::groups::list_groups_of_users(db, &grouped).await?;
    let base = &access.base_url;
    Ok(rows
        .iter()
        .map(|row| {
            let from = held.partition_point(|one| one.member_id < row.id);
            let mine = &held[from..];
            let upto = mine.partition_point(|one| one.member_id == row.id);
            let groups = json_list(&mine[..upto], |out, group| {
                use std::fmt::Write as _;
                let _ = write!(
                    out,
                    r#"{{"value":"{id}","$ref":"{base}/Groups/{id}","display":{},"type":"{how}"}}"#,
                    Value::from(group.display_name.as_str()),
                    id = group.id,
                    how = if group.direct == 1 {
                        "direct"
                    } else {
                        "indirect"
                    },
                );
            });
            let stored = Stored {
                of: portal.resource_types.user,
                id: &row.id,
                resource: &row.resource,
                version: row.version,
                created: row.created,
                last_modified: row.last_modified,
            };
            stored.to_answered(access, groups.as_deref().map(|groups| ("groups", groups)))
        })
        .collect())
}
