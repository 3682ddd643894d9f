//! Propagation resources of PingOne: stores, plans, rules, mappings and revisions.

use serde_json::{Value, json};

use super::client::Client;
use super::connection::Connection;
use super::{queue, user_mapping};
use crate::Idp;
use crate::directory::filter::Filter;
use crate::directory::{
    Document, check_unique_name, get_environment, get_existing, reference, text, writable,
};
use crate::flavor::Flavor;
use crate::refusal::{Refused, Result};
use crate::store::Db;
use crate::store::resources::{self, Kind, Resource};
use crate::store::sync;

/// Returns the active rules of a store.
pub(super) async fn list_active_rules(
    db: &mut Db,
    environment: &str,
    store: &str,
) -> Result<Vec<Resource>> {
    let mut rules = resources::list(db, environment, Kind::Rule, None).await?;
    rules.retain(|rule| {
        rule.document.get("active") == Some(&Value::Bool(true))
            && reference(&rule.document, "targetStore") == Some(store)
    });
    Ok(rules)
}

/// True if the rule covers the user: by `populationExpression` and by the deprecated
/// `populations`; a rule with neither covers everyone.
pub(super) fn covers(rule: &Resource, user: &Value) -> bool {
    let by_expression = match text(&rule.document, "populationExpression") {
        None => true,
        Some(filter) => Filter::parse(filter).is_ok_and(|filter| filter.holds(user)),
    };
    let by_population = match rule.document.get("populations") {
        Some(Value::Array(populations)) if !populations.is_empty() => populations
            .iter()
            .any(|population| population["id"] == user["population"]["id"]),
        _ => true,
    };
    by_expression && by_population
}

/// True if the rule provisions the group.
pub(super) fn pushes(rule: &Resource, group: &str) -> bool {
    rule.document
        .get("groups")
        .and_then(Value::as_array)
        .is_some_and(|groups| groups.iter().any(|entry| entry["id"] == group))
}

/// Configuration keys whose values are never returned.
const SECRETS: [&str; 3] = [
    "OAUTH_ACCESS_TOKEN",
    "BASIC_AUTH_PASSWORD",
    "OAUTH_CLIENT_SECRET",
];

/// Returns the JSON of a store without its secrets.
pub(crate) fn without_secrets(mut document: Document) -> Document {
    if let Some(Value::Object(configuration)) = document.get_mut("configuration") {
        for key in SECRETS {
            configuration.remove(key);
        }
    }
    document
}

/// Checks `status`: `ACTIVE` (default), or `INACTIVE` for a resource that is paused.
fn status(document: &mut Document) -> Result<()> {
    let status = document.entry("status").or_insert("ACTIVE".into());
    if status != "ACTIVE" && status != "INACTIVE" {
        return Err(Refused::none_of("status", &["ACTIVE", "INACTIVE"], status));
    }
    Ok(())
}

async fn check(db: &mut Db, resource: &mut Resource) -> Result<()> {
    let environment = resource.environment.clone();
    match resource.kind {
        Kind::Store => {
            resource.document.entry("type").or_insert("scim".into());
            status(&mut resource.document)?;
            if resource.document["type"] == "scim" {
                Connection::of(&resource.document)?;
            }
            let rests = resource.document["status"] == "INACTIVE";
            sync::pause(db, &environment, &resource.id, rests).await?;
        }
        Kind::Plan => {
            status(&mut resource.document)?;
        }
        Kind::Rule => {
            for key in ["active", "deprovision"] {
                let value = resource.document.entry(key).or_insert(false.into());
                if !value.is_boolean() {
                    return Err(Refused::invalid(
                        key,
                        format!("expected true or false, got {value}"),
                    ));
                }
            }
            let target = reference(&resource.document, "targetStore")
                .ok_or_else(|| Refused::required("targetStore.id"))?;
            if resources::get(db, &environment, Kind::Store, target)
                .await?
                .is_none()
            {
                return Err(Refused::invalid(
                    "targetStore.id",
                    format!("store {target} not found in this environment"),
                ));
            }
            if let Some(filter) = text(&resource.document, "populationExpression") {
                Filter::parse(filter)
                    .map_err(|error| Refused::invalid("populationExpression", error.to_string()))?;
            }
            if let Some(Value::Array(groups)) = resource.document.get("groups") {
                for group in groups {
                    let id = group["id"].as_str().unwrap_or_default();
                    if resources::get(db, &environment, Kind::Group, id)
                        .await?
                        .is_none()
                    {
                        return Err(Refused::invalid(
                            "groups",
                            format!("group {id:?} not found in this environment"),
                        ));
                    }
                }
            }
        }
        Kind::Mapping => {
            user_mapping::parse_mapping(&resource.document)?;
        }
        _ => {}
    }
    if resource.kind != Kind::Mapping {
        if resource.name.is_empty() {
            return Err(Refused::required("name"));
        }
        check_unique_name(db, resource).await?;
    }
    Ok(())
}

/// Deletes a store. A managed store is kept as a [`Kind::LeavingStore`] until the next revision
/// has deprovisioned its users.
async fn delete_store(db: &mut Db, environment: &str, id: &str) -> Result<()> {
    let mut store = get_existing(db, environment, Kind::Store, id).await?;
    if store.document.get("managed") != Some(&Value::Bool(true)) {
        return Ok(sync::forget_store(db, environment, id).await?);
    }
    sync::clear(db, environment, id).await?;
    store.kind = Kind::LeavingStore;
    Ok(resources::put(db, &store).await?)
}

/// Deletes the data of a store that was deleted, as soon as its queue is empty.
pub(super) async fn forget_left(db: &mut Db, environment: &str, id: &str) -> Result<()> {
    let is_left = resources::get(db, environment, Kind::LeavingStore, id)
        .await?
        .is_some();
    if is_left && !sync::is_waiting(db, environment, id).await? {
        sync::forget_store(db, environment, id).await?;
        resources::delete(db, environment, Kind::LeavingStore, id).await?;
    }
    Ok(())
}

impl Idp {
    /// Creates a store, a plan, a rule (below a plan) or a mapping (below a rule).
    pub(crate) async fn create_propagation(
        &self,
        environment_id: &str,
        kind: Kind,
        parent: &str,
        document: Document,
    ) -> Result<Resource> {
        let mut created = self.draft(environment_id, kind, parent, writable(document));
        let mut tx = self.store.write().await?;
        get_environment(&mut tx, environment_id).await?;
        match kind {
            Kind::Rule => {
                get_existing(&mut tx, environment_id, Kind::Plan, parent).await?;
            }
            Kind::Mapping => {
                get_existing(&mut tx, environment_id, Kind::Rule, parent).await?;
            }
            _ => {}
        }
        check(&mut tx, &mut created).await?;
        resources::put(&mut tx, &created).await?;
        tx.commit().await?;
        Ok(created)
    }

    /// Replaces a propagation resource. Secrets of a store that are not sent are kept.
    pub(crate) async fn change_propagation(
        &self,
        environment_id: &str,
        kind: Kind,
        id: &str,
        document: Document,
    ) -> Result<Resource> {
        let mut tx = self.store.write().await?;
        let mut resource = get_existing(&mut tx, environment_id, kind, id).await?;
        let former = std::mem::replace(&mut resource.document, writable(document));
        if kind != Kind::Mapping && text(&resource.document, "name").is_none() {
            return Err(Refused::required("name"));
        }
        if let (Some(Value::Object(new)), Some(Value::Object(old))) = (
            resource.document.get_mut("configuration"),
            former.get("configuration"),
        ) {
            for key in SECRETS {
                if let (None, Some(secret)) = (new.get(key), old.get(key)) {
                    new.insert(key.to_owned(), secret.clone());
                }
            }
        }
        resource.name = text(&resource.document, "name")
            .unwrap_or(&resource.name)
            .to_owned();
        resource.updated_at = self.now();
        check(&mut tx, &mut resource).await?;
        resources::put(&mut tx, &resource).await?;
        tx.commit().await?;
        // A store that was paused may be active again.
        self.signals.wake();
        Ok(resource)
    }

    /// Deletes a propagation resource and the resources below it.
    pub(crate) async fn delete_propagation(
        &self,
        environment_id: &str,
        kind: Kind,
        id: &str,
    ) -> Result<()> {
        let mut tx = self.store.write().await?;
        get_existing(&mut tx, environment_id, kind, id).await?;
        match kind {
            Kind::Store => delete_store(&mut tx, environment_id, id).await?,
            Kind::Plan => {
                for rule in resources::list(&mut tx, environment_id, Kind::Rule, Some(id)).await? {
                    resources::delete_below(&mut tx, environment_id, Kind::Mapping, &rule.id)
                        .await?;
                }
                resources::delete_below(&mut tx, environment_id, Kind::Rule, id).await?;
            }
            Kind::Rule => {
                resources::delete_below(&mut tx, environment_id, Kind::Mapping, id).await?;
                let rule = get_existing(&mut tx, environment_id, Kind::Rule, id).await?;
                if rule.document.get("deprovision") == Some(&Value::Bool(true))
                    && let Some(store) = reference(&rule.document, "targetStore")
                {
                    queue::deprovision(&mut tx, environment_id, store, self.now()).await?;
                }
            }
            _ => {}
        }
        resources::delete(&mut tx, environment_id, kind, id).await?;
        tx.commit().await?;
        self.signals.wake();
        Ok(())
    }

    /// Creates a revision, which makes the configuration take effect: resynchronizes every
    /// store, and deprovisions all users of managed stores that were deleted.
    pub(crate) async fn create_revision(&self, environment_id: &str) -> Result<Resource> {
        let created = self.draft(environment_id, Kind::Revision, "", Document::new());
        let mut tx = self.store.write().await?;
        get_environment(&mut tx, environment_id).await?;
        resources::put(&mut tx, &created).await?;
        for store in queue::list_targets(&mut tx, environment_id).await? {
            queue::resynchronize(&mut tx, environment_id, &store, created.created_at).await?;
        }
        for store in resources::list(&mut tx, environment_id, Kind::LeavingStore, None).await? {
            queue::deprovision(&mut tx, environment_id, &store.id, created.created_at).await?;
        }
        tx.commit().await?;
        self.signals.wake();
        Ok(created)
    }

    /// Tests the connection to a target. Returns `None` if it works, otherwise the error text.
    pub(crate) async fn test_connection(
        &self,
        environment_id: &str,
        document: &Document,
    ) -> Result<Option<String>> {
        let connection = Connection::of(document)?;
        let flavor = {
            let mut db = self.store.read().await?;
            Flavor::of(&get_environment(&mut db, environment_id).await?)
        };
        let habits = flavor.habits(&connection.base_url);
        let connection = match self.authorize(environment_id, connection).await {
            Ok(connection) => connection,
            Err(error) => return Ok(Some(error.to_string())),
        };
        let http = match self.http(&connection.base_url) {
            Ok(http) => http,
            Err(error) => return Ok(Some(error.to_string())),
        };
        let client = Client {
            http,
            connection: &connection,
            user_agent: habits.user_agent.as_deref(),
        };
        Ok(client.test().await.err().map(|error| error.to_string()))
    }

    /// Returns the `syncStatus` of a store.
    pub(crate) async fn sync_status(&self, store: &Resource) -> Result<Value> {
        let mut db = self.store.read().await?;
        let (waiting, _) = sync::count_waiting(&mut db, &store.environment, &store.id).await?;
        let mut users = sync::list_known(&mut db, &store.environment, &store.id, "user").await?;
        // A creation without an answer yet counts neither as successful nor as failed.
        users.retain(|(_, known, _)| known.remote_id.is_some() || known.error.is_some());
        let groups = sync::list_known(&mut db, &store.environment, &store.id, "group").await?;
        let failed: Vec<_> = users
            .iter()
            .map(|known| ("user", known))
            .chain(groups.iter().map(|known| ("group", known)))
            .filter_map(|(kind, (id, known, _))| Some((kind, id, known.error.as_ref()?)))
            .collect();
        let last = users.iter().chain(&groups).map(|(_, _, at)| *at).max();
        let rests = text(&store.document, "status") == Some("INACTIVE");
        let state = match (waiting, failed.is_empty()) {
            _ if rests => "PAUSED",
            (1.., _) => "SYNCING",
            (_, true) => "SUCCESS",
            (_, false) => "FAILED",
        };
        let details: Vec<Value> = failed
            .iter()
            .take(100)
            .map(|(kind, id, error)| json!({"type": kind, "id": id, "message": error}))
            .collect();
        let failed_users = users.iter().filter(|(_, known, _)| known.error.is_some());
        let failed_users: Vec<&String> = failed_users.map(|(id, _, _)| id).collect();
        let failed_count = failed_users.len();
        let mut leaving = 0;
        for id in failed_users {
            if crate::store::users::get(&mut db, &store.environment, id)
                .await?
                .is_none()
            {
                leaving += 1;
            }
        }
        let mut status = json!({
            "syncState": state,
            "userTotal": users.len(),
            "successCount": users.len() - failed_count,
            "failedCount": failed_count,
            "failedDeprovisionCount": leaving,
            "pendingCount": waiting,
            "details": details,
        });
        if let Some(last) = last {
            status["lastSyncAt"] = last.to_string().into();
        }
        Ok(status)
    }
}
