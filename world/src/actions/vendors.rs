//! Sends SCIM requests to the portal in the formats of vendors: the request sequences
//! ("acts") in `fixtures/scim/`.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Map, Value};

use crate::World;
use crate::judge::{Failed, Outcome, parse_url};

// ACTS, written by build.rs: (folder, text) of each acts.json under fixtures/scim.
include!(concat!(env!("OUT_DIR"), "/acts.rs"));

/// A vendor's SCIM client, as described in `fixtures/scim/`.
#[derive(Debug, Clone, Default)]
pub struct Provider {
    acts: Value,
    /// Ids that the portal assigned, by the first name of a user or the name of a group.
    ids: BTreeMap<String, String>,
    /// Ids of the members that each group should have, by the name of the group.
    members: BTreeMap<String, BTreeSet<String>>,
}

impl Provider {
    /// Returns the vendor of this folder under `fixtures/scim/`.
    ///
    /// # Errors
    /// When there is no such folder.
    pub fn named(name: &str) -> Outcome<Self> {
        let (_, text) = ACTS
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| Failed::Unknown(format!("a provider called {name}")))?;
        let document: Value = serde_json::from_str(text)
            .map_err(|error| Failed::Unknown(format!("fixtures/scim/{name}: {error}")))?;
        Ok(Self {
            acts: document["acts"].clone(),
            ..Self::default()
        })
    }
}

/// Replaces the placeholders in braces.
fn fill_placeholders(value: &Value, known: &BTreeMap<&str, String>, members: &Value) -> Value {
    match value {
        Value::String(text) if text == "{members}" => members.clone(),
        Value::String(text) => known
            .iter()
            .fold(text.clone(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), value)
            })
            .into(),
        Value::Array(values) => values
            .iter()
            .map(|value| fill_placeholders(value, known, members))
            .collect(),
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| (name.clone(), fill_placeholders(value, known, members)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

impl World {
    /// Sends the requests of one act for a person, and for a group if the act has one.
    ///
    /// # Errors
    /// When the portal answers with another status than the act expects.
    pub async fn provider_does(&mut self, act: &str, given: &str, group: &str) -> Outcome {
        let person = self.person(given)?;
        let (family, email) = (person.family.clone(), person.email.clone());
        let requests = self.provider.acts[act]["requests"]
            .as_array()
            .cloned()
            .ok_or_else(|| Failed::Unknown(format!("the act {act}")))?;
        let mut read = Value::Null;
        for request in requests {
            let id = |name: &str| self.provider.ids.get(name).cloned().unwrap_or_default();
            let known = BTreeMap::from([
                ("userName", email.clone()),
                ("email", email.clone()),
                ("given", given.to_owned()),
                ("family", family.clone()),
                ("externalId", format!("ext-{}", given.to_lowercase())),
                ("groupName", group.to_owned()),
                (
                    "groupExternalId",
                    self.directory
                        .groups
                        .get(group)
                        .cloned()
                        .unwrap_or_default(),
                ),
                ("user", id(given)),
                ("group", id(group)),
            ]);
            let members: Value = self
                .provider
                .members
                .get(group)
                .into_iter()
                .flatten()
                .map(|id| serde_json::json!({"value": id}))
                .collect();
            let request = fill_placeholders(&request, &known, &members);
            let body = request.get("body").cloned();
            // The body replaces members of the resource that the request before returned.
            let body = match (request["onto_read"] == true, body, &mut read) {
                (true, Some(Value::Object(new)), Value::Object(whole)) => {
                    whole.extend(new);
                    Some(whole.clone().into())
                }
                (_, body, _) => body,
            };
            let path = request["path"].as_str().unwrap_or_default();
            let method = request["method"].as_str().unwrap_or_default();
            let answered = self.provider_sends(method, path, body).await?;
            let (status, body) = (answered.status, answered.body.clone());
            if u64::from(status) != request["status"].as_u64().unwrap_or_default() {
                return Err(Failed::mismatch(
                    format!("{method} {path} to be answered {}", request["status"]),
                    format!("{status} {body}"),
                ));
            }
            read.clone_from(&body);
            for (name, pointer) in request["keep"].as_object().into_iter().flatten() {
                let pointer = pointer.as_str().unwrap_or_default();
                let kept = body.pointer(pointer).and_then(Value::as_str);
                let kept = kept.ok_or_else(|| Failed::Unknown(format!("{pointer} in {body}")))?;
                let whose = if name == "group" { group } else { given };
                self.provider.ids.insert(whose.to_owned(), kept.to_owned());
            }
        }
        if act == "remove"
            && let Some(id) = self.provider.ids.get(given)
        {
            for members in self.provider.members.values_mut() {
                members.remove(id);
            }
        }
        Ok(())
    }

    /// Adds a person to a group or removes them; creates the group at its first use.
    ///
    /// # Errors
    /// The same as [`World::provider_does`].
    pub async fn provider_moves(&mut self, act: &str, given: &str, group: &str) -> Outcome {
        if !self.provider.ids.contains_key(group) {
            self.provider_does("group", given, group).await?;
        }
        let id = self.provider.ids.get(given).cloned().unwrap_or_default();
        let members = self.provider.members.entry(group.to_owned()).or_default();
        if act == "join" {
            members.insert(id);
        } else {
            members.remove(&id);
        }
        self.provider_does(act, given, group).await
    }

    /// Sends one request with the bearer token of step 5.
    ///
    /// # Errors
    /// When the request fails; a refusal is returned as the answer.
    pub async fn provider_sends(
        &mut self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Outcome<&crate::world::Answer> {
        let base = self.given_by_portal("/scim/base_url")?;
        let url = parse_url(&format!("{base}{path}"))?;
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|error| Failed::Unknown(error.to_string()))?;
        let token = self.scim_token.clone();
        let client = self.person("the-provider")?.browser.client();
        let mut request = client.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/scim+json")
                .body(body.to_string());
        }
        self.keep(request).await
    }
}
