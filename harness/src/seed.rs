//! The set-up as one file (`rehearsal up --seed FILE`, `rehearsal export`):
//! what of the organization differs from the guide's, and what the simulated
//! identity provider holds besides. TOML or JSON; the form is
//! `docs/schemas/seed.schema.json`.

use std::collections::{BTreeMap, HashMap};

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::World;
use crate::judge::{Failed, Outcome, text};
use crate::organization::Plan;
use crate::world::CORPORATE_PASSWORD;

/// The set-up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seed {
    /// The organization at the portal.
    pub organization: Organization,
    /// Groups of the identity provider, besides the guide's two.
    pub groups: Vec<Group>,
    /// Users of the identity provider, besides Ada and Grace.
    pub users: Vec<User>,
    /// Applications of the identity provider, besides the portal's.
    pub applications: Vec<Application>,
}

/// What of the organization differs from the guide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Organization {
    /// Seats of the subscription.
    pub seats: u32,
    /// Whether users are provisioned by SCIM.
    pub scim: bool,
}

impl Default for Organization {
    fn default() -> Self {
        let plan = Plan::default();
        Self {
            seats: plan.seats,
            scim: plan.scim,
        }
    }
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name, unique.
    pub name: String,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The user name, which is the e-mail address too.
    pub username: String,
    /// The given name.
    pub given: String,
    /// The family name.
    pub family: String,
    /// The password; the demo users' when not given. Never exported.
    #[serde(default, skip_serializing)]
    pub password: Option<String>,
    /// Whether they are switched on.
    #[serde(default = "on")]
    pub enabled: bool,
    /// The names of their groups.
    #[serde(default)]
    pub groups: Vec<String>,
}

fn on() -> bool {
    true
}

/// An application: a service provider of somebody else's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its metadata, a file or an address.
    pub metadata: String,
    /// Faults of its answers, by their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// Why a seed can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// It isn't TOML of this form.
    #[error("expected a seed in TOML: {0}")]
    Toml(#[from] toml::de::Error),
    /// It isn't JSON of this form.
    #[error("expected a seed in JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Seed {
    /// Reads a seed; JSON when it begins with a brace, TOML otherwise.
    ///
    /// # Errors
    /// [`SeedError`], with line and column.
    pub fn read(text: &str) -> Result<Self, SeedError> {
        if text.trim_start().starts_with('{') {
            return Ok(serde_json::from_str(text)?);
        }
        Ok(toml::from_str(text)?)
    }

    /// The plan of the organization.
    pub fn plan(&self) -> Plan {
        Plan {
            seats: self.organization.seats,
            scim: self.organization.scim,
            ..Plan::default()
        }
    }
}

impl World {
    /// What the seed has besides the organization. `metadata` holds the
    /// documents of the applications, by name. Whatever is there already is
    /// left as it is.
    ///
    /// # Errors
    /// When the identity provider doesn't take a part of it.
    pub async fn plants(&mut self, seed: &Seed, metadata: &BTreeMap<String, String>) -> Outcome {
        for group in &seed.groups {
            if !self.directory.groups.contains_key(&group.name) {
                self.creates_group(&group.name).await?;
            }
        }
        for user in &seed.users {
            self.plants_user(user).await?;
        }
        for application in &seed.applications {
            let document = metadata.get(&application.name).map_or("", String::as_str);
            let id = self.registers(&application.name, document).await?;
            if id.is_empty() || application.faults.is_empty() {
                continue;
            }
            let url = self.rehearsal.idp_control_url().join(&format!(
                "/control/environments/{}/applications/{id}/faults",
                self.directory.environment
            ))?;
            let answer = reqwest::Client::new()
                .put(url)
                .json(&json!({"faults": application.faults}))
                .send()
                .await?;
            crate::world::Answer::read(answer)
                .await?
                .succeeded("choosing the faults")?;
        }
        Ok(())
    }

    async fn plants_user(&mut self, user: &User) -> Outcome {
        let mut body = json!({
            "username": user.username,
            "email": user.username,
            "name": {"given": user.given, "family": user.family},
        });
        if let Some(population) = &self.directory.population {
            body["population"] = json!({"id": population});
        }
        let answer = self
            .at_management(Method::POST, "/users", Some(body))
            .await?
            .clone();
        if answer.body.to_string().contains("UNIQUENESS_VIOLATION") {
            return Ok(());
        }
        let made = answer.succeeded("making the user")?;
        let id = text(&made.body, "/id")?.to_owned();
        let password = user.password.as_deref().unwrap_or(CORPORATE_PASSWORD);
        let mut wanted = vec![(
            Method::PUT,
            format!("/users/{id}/password"),
            json!({"value": password, "forceChange": false}),
        )];
        for group in &user.groups {
            let group = self.directory.groups.get(group).cloned().ok_or_else(|| {
                Failed::mismatch(
                    format!("a group named {group:?} in the seed"),
                    "none".to_owned(),
                )
            })?;
            wanted.push((
                Method::POST,
                format!("/users/{id}/memberOfGroups"),
                json!({"id": group}),
            ));
        }
        if !user.enabled {
            wanted.push((
                Method::PUT,
                format!("/users/{id}/enabled"),
                json!({"enabled": false}),
            ));
        }
        for (method, path, body) in wanted {
            self.at_management(method, &path, Some(body))
                .await?
                .clone()
                .succeeded("planting the user")?;
        }
        Ok(())
    }
}

/// What a running simulated identity provider holds, as a seed: its
/// environment is the one of `ready`, the JSON that `rehearsal up` wrote.
/// Passwords can't be exported; applications are, by the addresses of their
/// service providers' metadata, which are their entity IDs by custom.
///
/// # Errors
/// When the identity provider doesn't answer.
pub async fn export(ready: &Value) -> Outcome<Seed> {
    let at = |name: &str| ready["idp"][name].as_str().unwrap_or_default().to_owned();
    let environment = at("entity_id");
    let environment = environment.rsplit('/').next().unwrap_or_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let base = format!("{}/environments/{environment}", at("admin_api_url"));
    let list = async |path: &str, collection: &str| -> Outcome<Vec<Value>> {
        let answer = client
            .get(format!("{base}{path}"))
            .bearer_auth(at("admin_token"))
            .send()
            .await?;
        let answer = crate::world::Answer::read(answer)
            .await?
            .succeeded("reading the directory")?;
        let found = answer.body["_embedded"][collection].as_array().cloned();
        Ok(found.unwrap_or_default())
    };
    let word = |value: &Value, pointer: &str| {
        let found = value.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let groups = list("/groups", "groups").await?;
    let names: HashMap<String, String> = groups
        .iter()
        .map(|it| (word(it, "/id"), word(it, "/name")))
        .collect();
    let mut users = Vec::new();
    for user in list("/users", "users").await? {
        let path = format!("/users/{}/memberOfGroups", word(&user, "/id"));
        let within = list(&path, "groupMemberships").await?;
        users.push(User {
            username: word(&user, "/username"),
            given: word(&user, "/name/given"),
            family: word(&user, "/name/family"),
            password: None,
            enabled: user["enabled"] != json!(false),
            groups: within
                .iter()
                .filter_map(|it| names.get(&word(it, "/id")).cloned())
                .collect(),
        });
    }
    let portal = ready["sp"]["entity_id"].as_str().unwrap_or_default();
    let applications = list("/applications", "applications").await?;
    Ok(Seed {
        organization: Organization::default(),
        groups: groups
            .iter()
            .map(|it| Group {
                name: word(it, "/name"),
            })
            .collect(),
        users,
        applications: applications
            .iter()
            .filter(|it| word(it, "/spEntityId") != portal)
            .map(|it| Application {
                name: word(it, "/name"),
                metadata: word(it, "/spEntityId"),
                faults: Vec::new(),
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_and_json_say_the_same_and_a_typing_mistake_is_told() {
        let toml = "[organization]\nseats = 9\n[[users]]\nusername = \"a@b\"\ngiven = \"A\"\nfamily = \"B\"\n";
        let json = r#"{"organization": {"seats": 9}, "users": [{"username": "a@b", "given": "A", "family": "B"}]}"#;
        let seed = Seed::read(toml).unwrap();
        assert_eq!(seed, Seed::read(json).unwrap());
        assert!(seed.users[0].enabled && seed.organization.scim);
        let error = Seed::read("[[user]]\n").unwrap_err().to_string();
        assert!(error.contains("unknown field `user`"), "{error}");
    }
}
