//! The directory: environments, populations, users and groups.

pub(crate) mod environments;
pub(crate) mod filter;
pub(crate) mod groups;
pub(crate) mod passwords;
pub(crate) mod users;

use crate::store::resources::{self, Kind, Resource};
use crate::store::{self, Db};
use crate::{Idp, refusal};
use refusal::{Refused, Result};
use serde_json::{Map, Value};

/// A JSON object as a client sent it.
pub(crate) type Document = Map<String, Value>;

/// Returns the string at a key, trimmed; `None` if it is missing or blank.
pub(crate) fn text<'d>(document: &'d Document, key: &str) -> Option<&'d str> {
    document
        .get(key)
        .and_then(Value::as_str)
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// Returns the id in `{"key": {"id": …}}`.
pub(crate) fn reference<'d>(document: &'d Document, key: &str) -> Option<&'d str> {
    document.get(key)?.get("id")?.as_str()
}

/// Members that the server sets and clients cannot change.
const READ_ONLY: [&str; 8] = [
    "id",
    "_links",
    "_embedded",
    "environment",
    "createdAt",
    "updatedAt",
    "directMemberCounts",
    "totalMemberCounts",
];

/// Returns the document without the members that only the server sets.
pub(crate) fn writable(mut document: Document) -> Document {
    for key in READ_ONLY {
        document.remove(key);
    }
    document
}

/// Returns a resource of this kind, or an error if it does not exist.
pub(crate) async fn get_existing(
    db: &mut Db,
    environment: &str,
    kind: Kind,
    id: &str,
) -> Result<Resource> {
    resources::get(db, environment, kind, id)
        .await?
        .ok_or_else(|| Refused::not_found(kind.name(), id))
}

/// Returns an environment, or an error if it does not exist.
pub(crate) async fn get_environment(db: &mut Db, id: &str) -> Result<Resource> {
    get_existing(db, "", Kind::Environment, id).await
}

impl Idp {
    /// Creates a resource of this kind. Does not store it.
    pub(crate) fn draft(
        &self,
        environment: &str,
        kind: Kind,
        parent: &str,
        document: Document,
    ) -> Resource {
        let now = self.now();
        Resource {
            environment: environment.to_owned(),
            kind,
            id: self.new_id(),
            parent: parent.to_owned(),
            name: text(&document, "name").unwrap_or_default().to_owned(),
            document,
            created_at: now,
            updated_at: now,
            place: 0,
        }
    }

    /// Returns the resources of a kind in an environment, which must exist.
    pub(crate) async fn list(
        &self,
        environment_id: &str,
        kind: Kind,
        parent: Option<&str>,
    ) -> Result<Vec<Resource>> {
        let mut db = self.store.read().await?;
        get_environment(&mut db, environment_id).await?;
        Ok(resources::list(&mut db, environment_id, kind, parent).await?)
    }

    /// Returns a resource of an environment.
    pub(crate) async fn get(&self, environment_id: &str, kind: Kind, id: &str) -> Result<Resource> {
        let mut db = self.store.read().await?;
        get_existing(&mut db, environment_id, kind, id).await
    }
}

/// Refuses a name that another resource of the kind has. Groups of two different populations
/// may have the same name; a group without a population belongs to the whole environment.
pub(crate) async fn check_unique_name(db: &mut Db, resource: &Resource) -> Result<()> {
    let population = |group: &Resource| reference(&group.document, "population").map(str::to_owned);
    let own = population(resource);
    for other in resources::list_namesakes(db, resource).await? {
        let apart = resource.kind == Kind::Group
            && matches!((&own, population(&other)), (Some(one), Some(two)) if *one != two);
        if !apart {
            let what = format!("{} named", resource.kind.name());
            return Err(Refused::taken("name", &what, &resource.name));
        }
    }
    Ok(())
}

/// Merges `patch` into `onto`; null removes a member (RFC 7396).
pub(crate) fn merge(onto: &mut Document, patch: Document) {
    for (key, value) in patch {
        match value {
            Value::Null => {
                onto.remove(&key);
            }
            Value::Object(new) => {
                // A value that is not an object is replaced by one, so that no null of the patch
                // remains in it.
                let mut inner = match onto.remove(&key) {
                    Some(Value::Object(old)) => old,
                    _ => Document::new(),
                };
                merge(&mut inner, new);
                onto.insert(key, inner.into());
            }
            value => {
                onto.insert(key, value);
            }
        }
    }
}

/// A change of a resource.
pub(crate) enum Change {
    /// Replaces the whole document (PUT).
    Replace(Document),
    /// Merges these members (PATCH).
    Merge(Document),
}

impl Change {
    /// Returns the changed document.
    pub(crate) fn of(self, document: Document) -> Document {
        match self {
            Self::Replace(document) => writable(document),
            Self::Merge(patch) => {
                let mut merged = document;
                merge(&mut merged, writable(patch));
                merged
            }
        }
    }
}

impl From<store::StoreError> for crate::StartError {
    fn from(error: store::StoreError) -> Self {
        Self::Store(error)
    }
}
