//! The organisation's directory as its identity provider pushes it by SCIM:
//! users, groups, and what their changes mean for sessions and licences.
//!
//! Every change is one transaction, with its consequences in it: a user who
//! is disabled is without session and licence in that same instant.

pub mod groups;
mod listing;
pub mod sync_log;
pub mod users;

pub use listing::Page;

use scim::schema::ResourceType;
use scim::{Resource, ScimType};
use serde_json::{Map, Value, json};

use crate::configurator::scim::ScimAccess;
use crate::store::{StoreError, instant};
use crate::{Portal, store};

/// Why a change or a question came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The client's fault: SCIM has words for it.
    #[error(transparent)]
    Scim(#[from] scim::Error),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What directory functions answer.
pub type Result<T> = std::result::Result<T, DirectoryError>;

/// A condition on the version that is stored (RFC 7644 §3.14).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Any will do.
    #[default]
    None,
    /// One of these entity tags, or any with `*`.
    Match(Vec<String>),
}

impl Precondition {
    fn holds(&self, version: i64) -> Result<()> {
        match self {
            Self::Match(tags) if !tags.iter().any(|tag| tag == "*" || *tag == etag(version)) => {
                Err(scim::Error::new(
                    412,
                    format!(
                        "expected the version {}, stored is {}: read the resource again",
                        tags.join(" or "),
                        etag(version)
                    ),
                )
                .into())
            }
            _ => Ok(()),
        }
    }
}

/// The entity tag of a version.
pub fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// A resource as it is answered, before projection.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The whole resource.
    pub resource: Value,
    /// Its version.
    pub version: i64,
    /// Its URI.
    pub location: String,
}

/// The stored part of a resource with what the portal adds.
struct Stored<'a> {
    of: &'static ResourceType,
    id: &'a str,
    resource: &'a str,
    version: i64,
    created: i64,
    last_modified: i64,
}

impl Stored<'_> {
    fn answered(
        &self,
        portal: &Portal,
        access: &ScimAccess,
        added: Option<(&str, Value)>,
    ) -> Answered {
        let base = portal.service_provider(&access.tenant_id).scim_base_url;
        let location = format!("{base}{}/{}", self.of.endpoint, self.id);
        let kept: Map<String, Value> = serde_json::from_str(self.resource).unwrap_or_default();
        let mut out = Map::new();
        let schemas = kept.get("schemas").cloned();
        out.insert(
            "schemas".into(),
            schemas.unwrap_or_else(|| json!([self.of.schema.id])),
        );
        out.insert("id".into(), self.id.into());
        out.extend(kept.into_iter().filter(|(name, _)| name != "schemas"));
        if let Some((name, value)) = added {
            out.insert(name.into(), value);
        }
        let meta = json!({
            "resourceType": self.of.name,
            "created": instant(self.created).to_string(),
            "lastModified": instant(self.last_modified).to_string(),
            "location": location,
            "version": etag(self.version),
        });
        out.insert("meta".into(), meta);
        Answered {
            resource: Value::Object(out),
            version: self.version,
            location,
        }
    }
}

fn not_found(of: &ResourceType, id: &str) -> DirectoryError {
    scim::Error::new(404, format!("there is no {} with the id {id}", of.name)).into()
}

fn changed_meanwhile(of: &ResourceType) -> DirectoryError {
    let detail = format!(
        "the {} was changed by another request meanwhile: try again",
        of.name
    );
    scim::Error::new(409, detail).into()
}

fn taken(store: StoreError, attribute: &str, value: &str) -> DirectoryError {
    if !store.is_unique_violation() {
        return store.into();
    }
    scim::Error::of(
        ScimType::Uniqueness,
        format!("expected a {attribute} that no other user has (letter case aside), came {value}"),
    )
    .into()
}

/// The stored JSON of a resource.
fn kept(resource: &Resource) -> String {
    Value::Object(resource.as_object().clone()).to_string()
}

async fn note(
    portal: &Portal,
    db: &mut store::Db,
    access: &ScimAccess,
    action: &'static str,
    target: &str,
    detail: impl Into<String>,
) -> Result<()> {
    let event = crate::audit::Event::new("scim", action, target).saying(detail);
    Ok(crate::audit::record(portal, db, Some(&access.business_id), event).await?)
}
