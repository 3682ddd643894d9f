//! Applies a seed to running parties.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use super::management::{Management, word};
use super::{Application, Seed, User};
use crate::World;
use crate::actions::GUIDE_MAPPINGS;
use crate::judge::{Failed, Outcome, list};
use crate::world::CORPORATE_PASSWORD;

impl World {
    /// Creates what the seed contains in addition to the organization: domains, groups,
    /// users, applications, faults. `metadata` contains the metadata documents of the
    /// applications, by name. What already exists is changed to the values of the seed.
    /// Everything that the seed does not name is kept, unless the seed is exact.
    ///
    /// # Errors
    /// When the portal or the identity provider refuses a part of it.
    pub async fn apply_seed(
        &mut self,
        seed: &Seed,
        metadata: &BTreeMap<String, String>,
    ) -> Outcome {
        for domain in &seed.organization.domains {
            self.create_seed_domain(domain).await?;
        }
        if !seed.holds_directory() {
            return Ok(());
        }
        let idp = Management::within(self)?;
        let groups = self.create_seed_groups(seed, &idp).await?;
        self.create_seed_users(seed, &idp, &groups).await?;
        self.create_seed_applications(seed, &idp, metadata).await?;
        if seed.exact || !seed.organization.faults.is_empty() {
            idp.choose(&self.directory.application, &seed.organization.faults)
                .await?;
        }
        self.directory_is_in_sync().await
    }

    async fn create_seed_domain(&mut self, domain: &str) -> Outcome {
        self.look_at_configurator("Ada").await?;
        let there = list(&self.configurator, "/domains")?
            .iter()
            .any(|row| row["domain"] == domain);
        if !there {
            self.adds_domain("Ada", domain)
                .await?
                .succeeded("adding the domain")?;
        }
        self.publishes_record(domain).await?;
        self.verifies_domain("Ada", domain)
            .await?
            .succeeded("verifying the domain")?;
        Ok(())
    }

    /// Creates and changes the groups; returns all groups of the directory.
    async fn create_seed_groups(&mut self, seed: &Seed, idp: &Management) -> Outcome<Groups> {
        let mut filters = BTreeMap::new();
        for group in idp.list_all("/groups", "groups").await? {
            let (name, id) = (word(&group, "/name"), word(&group, "/id"));
            let wanted = seed.groups.iter().any(|it| it.name == name);
            if seed.exact && !wanted {
                let path = format!("/groups/{id}");
                idp.send("deleting the group", Method::DELETE, &path, None)
                    .await?;
                self.directory.groups.remove(&name);
            } else {
                if let Some(filter) = group["userFilter"].as_str() {
                    filters.insert(name.clone(), filter.to_owned());
                }
                self.directory.groups.insert(name, id);
            }
        }
        for group in &seed.groups {
            if !self.directory.groups.contains_key(&group.name) {
                self.creates_group(&group.name).await?;
            }
            let before = match &group.filter {
                Some(filter) => filters.insert(group.name.clone(), filter.clone()),
                None => filters.remove(&group.name),
            };
            if before != group.filter {
                let path = format!("/groups/{}", self.group_id(&group.name)?);
                let mut body = idp
                    .send("reading the group", Method::GET, &path, None)
                    .await?;
                if let Some(document) = body.as_object_mut() {
                    document.remove("userFilter");
                    let filter = group
                        .filter
                        .clone()
                        .map(|it| ("userFilter".to_owned(), it.into()));
                    document.extend(filter);
                }
                idp.send("filling the group", Method::PUT, &path, Some(body))
                    .await?;
            }
        }
        let ids: BTreeMap<_, _> = self.directory.groups.clone().into_iter().collect();
        let dynamic = filters.keys().filter_map(|name| ids.get(name).cloned());
        let groups = Groups {
            dynamic: dynamic.collect(),
            ids,
        };
        for group in &seed.groups {
            let path = format!("/groups/{}/memberOfGroups", groups.id(&group.name)?);
            groups.set_groups(idp, &path, &group.groups).await?;
        }
        Ok(groups)
    }

    async fn create_seed_users(
        &mut self,
        seed: &Seed,
        idp: &Management,
        groups: &Groups,
    ) -> Outcome {
        let there: BTreeMap<String, String> = idp
            .list_all("/users", "users")
            .await?
            .iter()
            .map(|user| (word(user, "/username"), word(user, "/id")))
            .collect();
        for user in &seed.users {
            let id = match there.get(&user.username) {
                Some(id) => id.clone(),
                None => self.create_seed_user(user, idp).await?,
            };
            apply_seed_to_user(user, &id, idp, groups).await?;
        }
        let named: BTreeSet<&String> = seed.users.iter().map(|it| &it.username).collect();
        for (_, id) in there.iter().filter(|(name, _)| !named.contains(name)) {
            if seed.exact {
                let path = format!("/users/{id}");
                idp.send("deleting the user", Method::DELETE, &path, None)
                    .await?;
            }
        }
        Ok(())
    }

    async fn create_seed_user(&self, user: &User, idp: &Management) -> Outcome<String> {
        let mut body = json!({
            "username": user.username,
            "email": user.username,
            "name": {"given": user.given, "family": user.family},
        });
        if let Some(population) = &self.directory.population {
            body["population"] = json!({"id": population});
        }
        let made = idp
            .send("making the user", Method::POST, "/users", Some(body))
            .await?;
        let id = word(&made, "/id");
        let password = user.password.as_deref().unwrap_or(CORPORATE_PASSWORD);
        let body = json!({"value": password, "forceChange": false});
        let path = format!("/users/{id}/password");
        idp.send("setting the password", Method::PUT, &path, Some(body))
            .await?;
        Ok(id)
    }

    async fn create_seed_applications(
        &mut self,
        seed: &Seed,
        idp: &Management,
        metadata: &BTreeMap<String, String>,
    ) -> Outcome {
        let mut there = BTreeMap::new();
        for application in idp.list_all("/applications", "applications").await? {
            let (name, id) = (word(&application, "/name"), word(&application, "/id"));
            if id == self.directory.application {
                continue;
            }
            if seed.exact && !seed.applications.iter().any(|it| it.name == name) {
                let path = format!("/applications/{id}");
                idp.send("deleting the application", Method::DELETE, &path, None)
                    .await?;
            } else {
                there.insert(name, id);
            }
        }
        for application in &seed.applications {
            let id = match there.get(&application.name) {
                Some(id) => id.clone(),
                None => {
                    let document = metadata.get(&application.name);
                    let (body, mappings) = registration(application, document)?;
                    self.registers_as(body, &mappings).await?
                }
            };
            if seed.exact || !application.faults.is_empty() {
                idp.choose(&id, &application.faults).await?;
            }
        }
        Ok(())
    }
}

/// Sets name, state and groups of a user to the values of the seed.
async fn apply_seed_to_user(user: &User, id: &str, idp: &Management, groups: &Groups) -> Outcome {
    let body = json!({"name": {"given": user.given, "family": user.family}});
    let path = format!("/users/{id}");
    idp.send("naming the user", Method::PATCH, &path, Some(body))
        .await?;
    let path = format!("/users/{id}/enabled");
    let body = json!({"enabled": user.enabled});
    idp.send("switching the user", Method::PUT, &path, Some(body))
        .await?;
    let path = format!("/users/{id}/memberOfGroups");
    groups.set_groups(idp, &path, &user.groups).await
}

/// The groups of the directory.
struct Groups {
    /// The ids, by name.
    ids: BTreeMap<String, String>,
    /// The ids of groups with a filter, whose members cannot be set.
    dynamic: BTreeSet<String>,
}

impl Groups {
    fn id(&self, name: &str) -> Outcome<&String> {
        let id = self.ids.get(name);
        id.ok_or_else(|| Failed::mismatch(format!("a group named {name:?} in the seed"), "none"))
    }

    /// Makes the user or group at `path` a member of exactly the named groups.
    async fn set_groups(&self, idp: &Management, path: &str, named: &[String]) -> Outcome {
        let mut wanted = BTreeSet::new();
        for name in named {
            wanted.insert(self.id(name)?.clone());
        }
        let within: BTreeSet<String> = idp
            .list_all(path, "groupMemberships")
            .await?
            .iter()
            .filter(|group| group["type"] != "INDIRECT")
            .map(|group| word(group, "/id"))
            .filter(|id| !self.dynamic.contains(id))
            .collect();
        for group in wanted.difference(&within) {
            let body = json!({"id": group});
            idp.send("joining the group", Method::POST, path, Some(body))
                .await?;
        }
        for group in within.difference(&wanted) {
            let path = format!("{path}/{group}");
            idp.send("leaving the group", Method::DELETE, &path, None)
                .await?;
        }
        Ok(())
    }
}

/// Returns the registration of an application: the body for the management API, and the
/// mappings.
fn registration(
    application: &Application,
    document: Option<&String>,
) -> Outcome<(Value, Vec<(String, String)>)> {
    let mut body = json!({
        "name": application.name,
        "enabled": application.enabled,
        "protocol": "SAML",
        "type": "WEB_APP",
    });
    match (document, &application.entity_id) {
        (Some(document), entity_id) => {
            body["spMetadata"] = document.as_str().into();
            if let Some(entity_id) = entity_id {
                body["spEntityId"] = entity_id.as_str().into();
            }
        }
        (None, Some(entity_id)) => {
            body["spEntityId"] = entity_id.as_str().into();
            body["acsUrls"] = json!(application.acs_urls);
        }
        (None, None) => {
            return Err(Failed::mismatch(
                format!(
                    "metadata, or entity_id and acs_urls, of the application {:?}",
                    application.name
                ),
                "neither",
            ));
        }
    }
    let mappings = if application.mappings.is_empty() {
        let guide = GUIDE_MAPPINGS.into_iter();
        guide
            .map(|(name, it)| (name.to_owned(), it.to_owned()))
            .collect()
    } else {
        application.mappings.clone().into_iter().collect()
    };
    Ok((body, mappings))
}
