//! Writes the state of running parties as a seed.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::management::{Management, word};
use super::{Application, Group, Organization, Seed, User};
use crate::judge::{Failed, Outcome, list};
use crate::organization::FIRST_DOMAIN;
use crate::trust::Trust;
use crate::world::Answer;

/// The attribute that every application has without a mapping in the seed.
const SUBJECT: &str = "saml_subject";

/// Returns the state of the parties behind `ready` (the JSON of the ready file) as a seed
/// with `exact`, which removes what it does not name. Passwords cannot be exported: users
/// get the password of the demo users when the seed is applied.
///
/// # Errors
/// When a party does not answer.
pub async fn export(ready: &Value) -> Outcome<Seed> {
    let idp = Management::of(ready)?;
    let groups = idp.list_all("/groups", "groups").await?;
    // Users cannot be added to groups with a filter: their members are computed.
    let joined = groups.iter().filter(|it| !it["userFilter"].is_string());
    let names: HashMap<String, String> = joined
        .map(|it| (word(it, "/id"), word(it, "/name")))
        .collect();
    let mut users = Vec::new();
    for user in idp.list_all("/users", "users").await? {
        let path = format!("/users/{}/memberOfGroups", word(&user, "/id"));
        let within = list_groups_of(&idp, &path, &names).await?;
        users.push(User {
            username: word(&user, "/username"),
            given: word(&user, "/name/given"),
            family: word(&user, "/name/family"),
            password: None,
            enabled: user["enabled"] != json!(false),
            groups: within,
        });
    }
    let portal = word(ready, "/sp/entity_id");
    let mut organization = read_organization(ready).await?;
    let mut applications = Vec::new();
    for application in idp.list_all("/applications", "applications").await? {
        let id = word(&application, "/id");
        let faults = idp.list_faults(&id).await?.into_iter().map(shorten);
        if word(&application, "/spEntityId") == portal {
            organization.faults = faults.collect();
            continue;
        }
        let path = format!("/applications/{id}/attributes");
        let attributes = idp.list_all(&path, "attributes").await?;
        let mappings: BTreeMap<String, String> = attributes
            .iter()
            .map(|it| (word(it, "/name"), word(it, "/value")))
            .filter(|(name, _)| name != SUBJECT)
            .collect();
        let urls = application["acsUrls"].as_array().cloned();
        applications.push(Application {
            name: word(&application, "/name"),
            metadata: None,
            entity_id: Some(word(&application, "/spEntityId")),
            acs_urls: urls
                .into_iter()
                .flatten()
                .filter_map(|url| url.as_str().map(str::to_owned))
                .collect(),
            enabled: application["enabled"] != json!(false),
            faults: faults.collect(),
            mappings,
        });
    }
    let mut seeded = Vec::new();
    for group in &groups {
        let path = format!("/groups/{}/memberOfGroups", word(group, "/id"));
        seeded.push(Group {
            name: word(group, "/name"),
            groups: list_groups_of(&idp, &path, &names).await?,
            filter: group["userFilter"].as_str().map(str::to_owned),
        });
    }
    seeded.sort_by(|one, other| one.name.cmp(&other.name));
    users.sort_by(|one, other| one.username.cmp(&other.username));
    applications.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Seed {
        exact: true,
        organization,
        groups: seeded,
        users,
        applications,
    })
}

/// Returns the names of the groups of the user or group at `path`.
async fn list_groups_of(
    idp: &Management,
    path: &str,
    names: &HashMap<String, String>,
) -> Outcome<Vec<String>> {
    let mut within: Vec<String> = idp
        .list_all(path, "groupMemberships")
        .await?
        .iter()
        .filter(|it| it["type"] != "INDIRECT")
        .filter_map(|it| names.get(&word(it, "/id")).cloned())
        .collect();
    within.sort();
    Ok(within)
}

/// Returns a fault that always applies as its id only.
fn shorten(fault: Value) -> Value {
    let plain = fault.as_object().is_some_and(|it| it.len() == 2);
    if plain && fault["times"] == "always" {
        return fault["id"].clone();
    }
    fault
}

/// Reads the organization from the portal, as its administrator.
async fn read_organization(ready: &Value) -> Outcome<Organization> {
    let base = word(ready, "/sp/base_url");
    let admin = &ready["sp"]["admin_login"];
    if !admin.is_object() {
        return Err(Failed::mismatch(
            "sp.admin_login in the file that `rehearsal up --ready-file` wrote",
            ready["sp"].to_string(),
        ));
    }
    let browser = Trust::of(ready)?.client().cookie_store(true).build()?;
    let login = browser.post(format!("{base}/api/session")).json(admin);
    Answer::read(login.send().await?)
        .await?
        .succeeded("the admin's login")?;
    let shown = async |path: &str| -> Outcome<Value> {
        let answer = browser.get(format!("{base}{path}")).send().await?;
        Ok(Answer::read(answer).await?.succeeded(path)?.body)
    };
    let integration = shown("/api/business/idp-integration").await?;
    let subscriptions = shown("/api/business/subscriptions").await?;
    let seats: u64 = list(&subscriptions, "/subscriptions")?
        .iter()
        .filter_map(|it| it["seats"].as_u64())
        .sum();
    let mut domains: Vec<String> = list(&integration, "/domains")?
        .iter()
        .filter(|it| it["status"] == "verified" && it["domain"] != FIRST_DOMAIN)
        .map(|it| word(it, "/domain"))
        .collect();
    domains.sort();
    Ok(Organization {
        seats: u32::try_from(seats).unwrap_or(u32::MAX),
        scim: integration["scim"]["enabled"] != json!(false),
        domains,
        faults: Vec::new(),
    })
}
