//! Database: the resources of the management API that are JSON documents with an id:
//! environments, populations, groups, applications, attributes, propagation.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Db, Result, instant, to_microseconds};

/// A kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Environment,
    Population,
    Group,
    Application,
    Attribute,
    Store,
    /// A managed store that was deleted and whose users must still be removed from the target.
    LeavingStore,
    Plan,
    Rule,
    Mapping,
    Revision,
    /// A certificate of a service provider.
    Certificate,
    /// The secret of a worker application.
    Secret,
}

impl Kind {
    /// Returns the name of the kind, for the database and for error texts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Population => "population",
            Self::Group => "group",
            Self::Application => "application",
            Self::Attribute => "attribute",
            Self::Store => "store",
            Self::LeavingStore => "leaving store",
            Self::Plan => "plan",
            Self::Rule => "rule",
            Self::Mapping => "mapping",
            Self::Revision => "revision",
            Self::Certificate => "certificate",
            Self::Secret => "secret",
        }
    }
}

/// A stored resource.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub environment: String,
    pub kind: Kind,
    pub id: String,
    /// Id of the parent resource; empty if there is none.
    pub parent: String,
    pub name: String,
    pub document: Map<String, Value>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Place in the list of its kind; later resources have greater ones.
    pub place: i64,
}

fn read(kind: Kind, row: &AnyRow) -> Result<Resource> {
    Ok(Resource {
        kind,
        environment: row.try_get("environment")?,
        id: row.try_get("id")?,
        parent: row.try_get("parent")?,
        name: row.try_get("name")?,
        document: serde_json::from_str(&row.try_get::<String, _>("document")?)?,
        created_at: instant(row.try_get("created_at")?),
        updated_at: instant(row.try_get("updated_at")?),
        place: row.try_get("place")?,
    })
}

/// Stores a resource, or replaces the one with its id.
pub(crate) async fn put(db: &mut Db, resource: &Resource) -> Result<()> {
    sqlx::query(
        "INSERT INTO resources (environment, kind, id, parent, name, document, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (environment, kind, id) DO UPDATE SET
           parent = excluded.parent, name = excluded.name,
           document = excluded.document, updated_at = excluded.updated_at",
    )
    .bind(&resource.environment)
    .bind(resource.kind.name())
    .bind(&resource.id)
    .bind(&resource.parent)
    .bind(&resource.name)
    .bind(serde_json::to_string(&resource.document)?)
    .bind(to_microseconds(resource.created_at))
    .bind(to_microseconds(resource.updated_at))
    .execute(db)
    .await?;
    Ok(())
}

/// Returns the resource with this id.
pub(crate) async fn get(
    db: &mut Db,
    environment: &str,
    kind: Kind,
    id: &str,
) -> Result<Option<Resource>> {
    sqlx::query(
        "SELECT rowid AS place, * FROM resources WHERE environment = $1 AND kind = $2 AND id = $3",
    )
    .bind(environment)
    .bind(kind.name())
    .bind(id)
    .fetch_optional(db)
    .await?
    .map(|row| read(kind, &row))
    .transpose()
}

/// Returns all resources of a kind, the oldest first; with `parent`, only those below it.
pub(crate) async fn list(
    db: &mut Db,
    environment: &str,
    kind: Kind,
    parent: Option<&str>,
) -> Result<Vec<Resource>> {
    let query = match parent {
        None => sqlx::query(
            "SELECT rowid AS place, * FROM resources WHERE environment = $1 AND kind = $2
             ORDER BY rowid",
        )
        .bind(environment)
        .bind(kind.name()),
        Some(parent) => sqlx::query(
            "SELECT rowid AS place, * FROM resources WHERE environment = $1 AND kind = $2 AND parent = $3
             ORDER BY rowid",
        )
        .bind(environment)
        .bind(kind.name())
        .bind(parent),
    };
    query
        .fetch_all(db)
        .await?
        .iter()
        .map(|row| read(kind, row))
        .collect()
}

/// Returns the dynamic groups, which have a filter.
pub(crate) async fn list_dynamic_groups(db: &mut Db, environment: &str) -> Result<Vec<Resource>> {
    sqlx::query(
        "SELECT rowid AS place, * FROM resources WHERE environment = $1 AND kind = $2
           AND document LIKE '%\"userFilter\"%' ORDER BY rowid",
    )
    .bind(environment)
    .bind(Kind::Group.name())
    .fetch_all(db)
    .await?
    .iter()
    .map(|row| read(Kind::Group, row))
    .collect()
}

/// Returns the ids of the target stores of active rules; none before the first revision.
pub(crate) async fn list_target_stores(db: &mut Db, environment: &str) -> Result<Vec<String>> {
    // In SQL, because each change of a user or group reads them, and a rule may list thousands of
    // groups.
    sqlx::query(
        "SELECT DISTINCT json_extract(document, '$.targetStore.id') AS store FROM resources
         WHERE environment = $1 AND kind = $2
           AND json_extract(document, '$.active')
           AND json_extract(document, '$.targetStore.id') IS NOT NULL
           AND EXISTS (SELECT 1 FROM resources WHERE environment = $1 AND kind = $3)
         ORDER BY store",
    )
    .bind(environment)
    .bind(Kind::Rule.name())
    .bind(Kind::Revision.name())
    .fetch_all(db)
    .await?
    .iter()
    .map(|row| Ok(row.try_get("store")?))
    .collect()
}

/// Returns the other resources of the same kind and environment that have the same name.
pub(crate) async fn list_namesakes(db: &mut Db, resource: &Resource) -> Result<Vec<Resource>> {
    sqlx::query(
        "SELECT rowid AS place, * FROM resources
         WHERE environment = $1 AND kind = $2 AND name = $3 AND id <> $4",
    )
    .bind(&resource.environment)
    .bind(resource.kind.name())
    .bind(&resource.name)
    .bind(&resource.id)
    .fetch_all(db)
    .await?
    .iter()
    .map(|row| read(resource.kind, row))
    .collect()
}

/// Deletes a resource. Returns false if there was none.
pub(crate) async fn delete(db: &mut Db, environment: &str, kind: Kind, id: &str) -> Result<bool> {
    let gone =
        sqlx::query("DELETE FROM resources WHERE environment = $1 AND kind = $2 AND id = $3")
            .bind(environment)
            .bind(kind.name())
            .bind(id)
            .execute(db)
            .await?;
    Ok(gone.rows_affected() > 0)
}

/// Deletes all resources of a kind below a parent.
pub(crate) async fn delete_below(
    db: &mut Db,
    environment: &str,
    kind: Kind,
    parent: &str,
) -> Result<()> {
    sqlx::query("DELETE FROM resources WHERE environment = $1 AND kind = $2 AND parent = $3")
        .bind(environment)
        .bind(kind.name())
        .bind(parent)
        .execute(db)
        .await?;
    Ok(())
}

/// Deletes an environment and everything in it.
pub(crate) async fn delete_environment(db: &mut Db, environment: &str) -> Result<()> {
    for statement in [
        "DELETE FROM sync_jobs WHERE environment = $1",
        "DELETE FROM synced WHERE environment = $1",
        "DELETE FROM sync_pauses WHERE environment = $1",
        "DELETE FROM flows WHERE environment = $1",
        "DELETE FROM sessions WHERE environment = $1",
        "DELETE FROM signing_keys WHERE environment = $1",
        "DELETE FROM worker_tokens WHERE environment = $1",
        "DELETE FROM client_assertions WHERE environment = $1",
        "DELETE FROM memberships WHERE environment = $1",
        "DELETE FROM users WHERE environment = $1",
        "DELETE FROM resources WHERE environment = $1",
    ] {
        sqlx::query(statement)
            .bind(environment)
            .execute(&mut *db)
            .await?;
    }
    delete(db, "", Kind::Environment, environment).await?;
    Ok(())
}
