//! The organization's directory, provisioned by its identity provider over
//! SCIM: users and groups, and the effects of their changes on sessions
//! and licenses.
//!
//! Each change and its effects are one transaction: a user who is disabled
//! loses sessions and license at the same time.

pub mod bulk;
pub mod cursor;
pub mod groups;
mod listing;
mod membership;
pub mod selection;
pub mod sync_log;
pub mod users;

pub use listing::Page;

use std::fmt::Write as _;

use scim::schema::{GROUP_TYPE, ResourceType, Schema, USER_TYPE};
use scim::{Projection, Resource, ScimType};
use serde_json::{Map, Value, json};

use crate::configurator::scim::ScimAccess;
use crate::store::{MayConflict, StoreError, instant};
use crate::{Portal, store};

/// Why a directory function failed.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// An invalid request; the SCIM error to answer.
    #[error(transparent)]
    Scim(#[from] scim::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MayConflict for DirectoryError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_conflict())
    }
}

/// Result of directory functions.
pub type Result<T> = std::result::Result<T, DirectoryError>;

/// A condition on the current version of a resource (RFC 7644 §3.14). In both lists of entity tags,
/// `*` is any version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Precondition {
    /// The version must have one of these entity tags (`If-Match`).
    pub one_of: Option<Vec<String>>,
    /// The version must have none of these entity tags (`If-None-Match`).
    pub none_of: Option<Vec<String>>,
}

impl Precondition {
    fn holds(&self, version: i64) -> Result<()> {
        let failed = |expected: String| {
            let current = etag(version);
            let detail = format!(
                "version mismatch: expected {expected}, the current version is {current}; read the resource again"
            );
            Err(scim::Error::new(412, detail).into())
        };
        match (&self.one_of, &self.none_of) {
            (Some(tags), _) if !names(tags, version) => failed(tags.join(" or ")),
            (_, Some(tags)) if names(tags, version) => {
                failed(format!("none of {} (If-None-Match)", tags.join(", ")))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the entity tag of a version.
pub fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// True if one of these entity tags is this version. Weak comparison: `W/` is
/// ignored (RFC 9110 §8.8.3.2).
pub fn names(tags: &[String], version: i64) -> bool {
    let version = version.to_string();
    tags.iter().any(|tag| {
        let opaque = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || opaque.trim_matches('"') == version
    })
}

/// The SCIM resource types of this portal.
#[derive(Debug, Clone, Copy)]
pub struct ResourceTypes {
    /// The resource type User, with the configured schema extensions.
    pub user: &'static ResourceType,
    /// The resource type Group.
    pub group: &'static ResourceType,
}

impl ResourceTypes {
    /// Creates the resource types with these extensions of User.
    pub fn with(extensions: &[&'static Schema]) -> Self {
        Self {
            user: USER_TYPE.with_extensions(extensions),
            group: &GROUP_TYPE,
        }
    }

    /// Returns both resource types.
    pub fn all(&self) -> [&'static ResourceType; 2] {
        [self.user, self.group]
    }

    /// Returns all schemas of both types, each once.
    pub fn schemas(&self) -> Vec<&'static Schema> {
        let of = |one: &'static ResourceType| {
            std::iter::once(one.schema).chain(one.extensions.iter().copied())
        };
        self.all().into_iter().flat_map(of).collect()
    }
}

/// How much to read of an attribute that needs another query: `groups` of a
/// user, `members` of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Do not read the attribute.
    Without,
    /// Read the attribute without display names.
    Plain,
    /// Read the attribute with display names, which the client must
    /// request explicitly.
    Named,
}

impl Shown {
    /// Returns how much of the attribute the projection requests.
    pub fn by(projection: &Projection, attribute: &str) -> Self {
        if projection.names(attribute, "display") {
            Self::Named
        } else if projection.wants(attribute) {
            Self::Plain
        } else {
            Self::Without
        }
    }
}

/// A complete resource, before `attributes` and `excludedAttributes`
/// are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The whole resource, as JSON text.
    pub text: String,
    /// Version, counted from 1.
    pub version: i64,
    /// URI of the resource (`meta.location`).
    pub location: String,
}

/// Applies a projection to the JSON text of a resource.
pub fn apply_projection(text: String, projection: &Projection, of: &ResourceType) -> String {
    if projection.takes_all(of) {
        return text;
    }
    let resource: Value = serde_json::from_str(&text).unwrap_or_default();
    projection.apply(&resource, of).to_string()
}

/// A resource as stored in the database.
struct Stored<'a> {
    of: &'static ResourceType,
    id: &'a str,
    resource: &'a str,
    version: i64,
    created: i64,
    last_modified: i64,
}

impl Stored<'_> {
    fn location(&self, access: &ScimAccess) -> String {
        format!("{}{}/{}", access.base_url, self.of.endpoint, self.id)
    }

    /// Returns the resource with `id`, `meta` and the added attribute (name and
    /// JSON text). The stored JSON is inserted without parsing it.
    fn text(&self, access: &ScimAccess, added: Option<(&str, &str)>) -> String {
        let opening = "{\"schemas\":[";
        let kept = match self.resource.strip_prefix(opening) {
            Some(rest) => rest.split_once(']'),
            None => None,
        };
        let Some((schemas, rest)) = kept else {
            let resource = &to_stored_json(self.resource, self.of);
            return Stored { resource, ..*self }.text(access, added);
        };
        let rest = rest.strip_suffix('}').unwrap_or(rest);
        let mut out = String::with_capacity(
            self.resource.len() + added.map_or(0, |(_, text)| text.len()) + 400,
        );
        let _ = write!(
            out,
            r#"{opening}{schemas}],"id":{}{rest}"#,
            Value::from(self.id)
        );
        if let Some((name, text)) = added {
            let _ = write!(out, r#","{name}":{text}"#);
        }
        let _ = write!(
            out,
            r#","meta":{{"resourceType":"{}","created":"{}","lastModified":"{}","location":{},"version":"W/\"{}\""}}}}"#,
            self.of.name,
            instant(self.created),
            instant(self.last_modified),
            Value::from(self.location(access)),
            self.version
        );
        out
    }

    fn to_answered(&self, access: &ScimAccess, added: Option<(&str, &str)>) -> Answered {
        Answered {
            text: self.text(access, added),
            version: self.version,
            location: self.location(access),
        }
    }
}

/// Converts the JSON of a resource to the stored format: `schemas` first,
/// without null values.
fn to_stored_json(resource: &str, of: &ResourceType) -> String {
    let mut kept: Map<String, Value> = serde_json::from_str(resource).unwrap_or_default();
    let schemas = kept.shift_remove("schemas").filter(Value::is_array);
    let mut out = Map::new();
    let schemas = schemas.unwrap_or_else(|| json!([of.schema.id]));
    out.insert("schemas".to_owned(), schemas);
    out.extend(kept.into_iter().filter(|(_, value)| !value.is_null()));
    Value::Object(out).to_string()
}

/// Encodes a list as JSON text; `write` encodes one element. `None` if the list
/// is empty.
fn json_list<T>(all: &[T], write: impl Fn(&mut String, &T)) -> Option<String> {
    if all.is_empty() {
        return None;
    }
    let mut text = String::with_capacity(all.len() * 160);
    text.push('[');
    for (number, one) in all.iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        write(&mut text, one);
    }
    text.push(']');
    Some(text)
}

fn not_found(of: &ResourceType, id: &str) -> DirectoryError {
    scim::Error::new(404, format!("{} {id} not found", of.name)).into()
}

fn conflict_error(of: &ResourceType) -> DirectoryError {
    let detail = format!(
        "the {} was changed by another request meanwhile: try again",
        of.name
    );
    scim::Error::new(409, detail).into()
}

fn uniqueness_error(store: StoreError, attribute: &str, value: &str) -> DirectoryError {
    if !store.is_unique_violation() {
        return store.into();
    }
    scim::Error::of(
        ScimType::Uniqueness,
        format!("{attribute} {value} is in use by another user; letter case is ignored"),
    )
    .into()
}

/// Checks that values with a database index are not longer than the
/// index allows.
fn check_keys<'v>(values: impl IntoIterator<Item = (&'static str, Option<&'v str>)>) -> Result<()> {
    let most = store::MAX_KEY_BYTES;
    for (attribute, value) in values {
        let length = value.map_or(0, str::len);
        if length > most {
            let detail = format!(
                "invalid {attribute}: expected at most {most} bytes, got {length}; shorten it"
            );
            return Err(scim::Error::of(ScimType::InvalidValue, detail).into());
        }
    }
    Ok(())
}

/// Checks that a change does not modify immutable attributes.
fn keeps_immutable(before: &str, after: &str, of: &ResourceType) -> Result<()> {
    if before == after || !of.has_immutable() {
        return Ok(());
    }
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    Ok(scim::keeps_immutable(&read(before), &read(after), of)?)
}

/// True if two JSON texts have the same content, in any order of members.
fn is_same_json(one: &str, other: &str) -> bool {
    let read = serde_json::from_str::<Value>;
    one == other
        || read(one)
            .ok()
            .is_some_and(|one| read(other).is_ok_and(|other| one == other))
}

/// Returns the JSON text to store.
fn text_to_store(resource: &Resource) -> String {
    Value::Object(resource.as_object().clone()).to_string()
}

/// Call it after SCIM has changed these users or their groups: revokes what
/// they may no longer have, and records the time, so that older Responses do
/// not restore it.
async fn review(
    portal: &Portal,
    db: &mut store::Db,
    business_id: &str,
    user_ids: &[String],
) -> Result<()> {
    store::removals::record_directory_change(db, user_ids, store::to_microseconds(portal.now()))
        .await?;
    Ok(crate::licensing::update_access(portal, db, business_id, user_ids).await?)
}

async fn note(
    portal: &Portal,
    db: &mut store::Db,
    access: &ScimAccess,
    action: &'static str,
    target: &str,
    detail: impl Into<String>,
) -> Result<()> {
    let event = crate::audit::Event::new("scim", action, target).with_detail(detail);
    Ok(crate::audit::record(portal, db, Some(&access.business_id), event).await?)
}
