//! Tests that provisioning writes its requests as the product does that an environment imitates.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scim_target;
mod world;

use reqwest::Method;
use scim_target::Target;
use scim_target::provisioned::Provisioned;
use serde_json::{Value, json};

/// Makes the environment behave like this provider.
async fn set_flavor(here: &Provisioned, flavor: &str) {
    let (status, answer) = here
        .world
        .call(
            Method::PUT,
            &here.world.at(""),
            Some(json!({"name": "Administrators", "flavor": flavor})),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn each_flavor_has_its_habits() {
    let find = r#"GET /Groups?displayName eq "Users""#;
    let patches = "PATCH /Users, DELETE /Users";
    for (flavor, group, change, removal) in [
        (
            "ping",
            vec![find, "POST /Groups"],
            "PUT /Users",
            "DELETE /Users",
        ),
        (
            "keycloak",
            vec![find, "POST /Groups"],
            "PUT /Users",
            "DELETE /Users",
        ),
        (
            "entra",
            vec![find, "POST /Groups", "GET /Groups/r2", "PATCH /Groups"],
            "PATCH /Users",
            patches,
        ),
        (
            "okta",
            vec![find, "POST /Groups", "PATCH /Groups"],
            "GET /Users/r1, PUT /Users",
            "PATCH /Users",
        ),
        (
            "google",
            vec![find, "POST /Groups", "GET /Groups/r2", "PUT /Groups"],
            "PATCH /Users",
            patches,
        ),
        (
            "onelogin",
            vec!["GET /Groups?", "POST /Groups", "PATCH /Groups"],
            "PUT /Users",
            "DELETE /Users",
        ),
        (
            "jumpcloud",
            vec![find, "POST /Groups", "PATCH /Groups"],
            "PUT /Users",
            "GET /Users/r1, PUT /Users, DELETE /Users",
        ),
        (
            "ping-federate",
            vec!["GET /Groups?", "POST /Groups"],
            "PUT /Users",
            "DELETE /Users",
        ),
    ] {
        let here = Provisioned::new(json!({})).await;
        set_flavor(&here, flavor).await;
        here.world.create("/propagation/revisions", json!({})).await;
        here.wait_until_idle().await;
        let groups = here.target.requests().into_iter();
        let groups: Vec<String> = groups.filter(|it| it.contains("/Groups")).collect();
        assert_eq!(groups, group, "{flavor}");
        assert_eq!(
            here.target.all("Groups")[0]["members"],
            json!([{"value": "r1"}]),
            "{flavor}"
        );
        let path = format!("/users/{}", here.world.alice);
        here.world
            .change(Method::PATCH, &path, json!({"title": "Dr"}))
            .await;
        here.wait_until_idle().await;
        assert_eq!(here.target.requests().join(", "), change, "{flavor}");
        assert_eq!(here.target.user("alice").unwrap()["title"], "Dr");
        here.world.delete(&path).await;
        here.wait_until_idle().await;
        let requests = here.target.requests().into_iter();
        let requests: Vec<String> = requests.filter(|it| it.contains("/Users")).collect();
        assert_eq!(requests.join(", "), removal, "{flavor}");
    }
}

/// Returns the operations of each PATCH since the last call.
fn operations(target: &Target) -> Vec<Value> {
    let patches = std::mem::take(&mut target.held.lock().unwrap().patches);
    patches
        .into_iter()
        .map(|it| it["Operations"].clone())
        .collect()
}

#[tokio::test]
async fn entra_names_each_value_by_a_path_and_with_the_flag_replaces_several_at_once() {
    let mail = "emails[type eq \"work\"].value";
    for (query, change, disable, find_group) in [
        (
            "",
            json!([
                {"op": "Replace", "path": mail, "value": "new@example.com"},
                {"op": "Replace", "path": "displayName", "value": "Alice Murray"},
                {"op": "Replace", "path": "name.familyName", "value": "Murray"},
            ]),
            json!([{"op": "Replace", "path": "active", "value": "False"}]),
            "excludedAttributes=members&filter=displayName+eq+%22Users%22",
        ),
        (
            "?aadOptscim062020",
            json!([
                {"op": "replace", "path": mail, "value": "new@example.com"},
                {"op": "replace", "value": {"displayName": "Alice Murray", "name.familyName": "Murray"}},
            ]),
            json!([{"op": "replace", "path": "active", "value": false}]),
            "aadOptscim062020&excludedAttributes=members&filter=displayName+eq+%22Users%22",
        ),
    ] {
        let target = Target::new().await;
        let url = format!("{}{query}", target.url);
        let here = Provisioned::with_target(target, json!({"SCIM_URL": url})).await;
        set_flavor(&here, "entra").await;
        here.world.create("/propagation/revisions", json!({})).await;
        here.wait_until_idle().await;
        operations(&here.target);
        let path = format!("/users/{}", here.world.alice);
        let renamed =
            json!({"name": {"given": "Alice", "family": "Murray"}, "email": "new@example.com"});
        here.world.change(Method::PATCH, &path, renamed).await;
        here.wait_until_idle().await;
        assert_eq!(operations(&here.target), [change]);
        let enabled = format!("{path}/enabled");
        here.world
            .change(Method::PUT, &enabled, json!({"enabled": false}))
            .await;
        here.wait_until_idle().await;
        assert_eq!(operations(&here.target), [disable]);
        let user = here.target.user("alice").unwrap();
        assert_eq!(user["meta"]["resourceType"], "User");
        assert_eq!(user["emails"][0]["value"], "new@example.com");
        let queries = std::mem::take(&mut here.target.held.lock().unwrap().queries);
        let queries: Vec<&str> = queries.iter().map(|(query, _)| query.as_str()).collect();
        assert!(queries.contains(&find_group), "{queries:?}");
        let flag = query.trim_start_matches('?');
        assert!(
            queries
                .iter()
                .all(|it| it.matches("aadOptscim062020").count() == usize::from(!flag.is_empty())),
            "{queries:?}"
        );
    }
}

#[tokio::test]
async fn a_provider_has_its_user_agent() {
    let here = Provisioned::new(json!({})).await;
    set_flavor(&here, "okta").await;
    here.world.create("/propagation/revisions", json!({})).await;
    here.wait_until_idle().await;
    let queries = here.target.held.lock().unwrap().queries.clone();
    let (_, agent) = queries.last().unwrap();
    assert_eq!(agent, "Okta SCIM Client 1.0.0");
}

#[tokio::test]
async fn an_unknown_flavor_is_an_error_that_names_all() {
    let here = Provisioned::new(json!({})).await;
    let body = json!({"name": "Administrators", "flavor": "nonesuch"});
    let (status, answer) = here
        .world
        .call(Method::PUT, &here.world.at(""), Some(body))
        .await;
    assert_eq!(status, 400);
    let names = "ping, ad-fs, entra, google, jumpcloud, keycloak, okta, onelogin, ping-federate";
    assert!(answer.to_string().contains(names), "{answer}");
}

/// Returns a PATCH operation as text: its path, or the names in its value; and the value of
/// `active`, because clients write it differently.
fn describe_operation(operation: &Value) -> String {
    let op = operation["op"].as_str().unwrap();
    let value = &operation["value"];
    if let Some(path) = operation["path"].as_str() {
        // Ids differ.
        let path = match path.split_once("value eq \"") {
            Some((front, _)) => format!("{front}value eq …]"),
            None => path.to_owned(),
        };
        return match path.as_str() {
            "active" => format!("{op} active {value}"),
            path => format!("{op} {path}"),
        };
    }
    let mut names: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    format!("{op} {names:?} {}", value["active"])
}

fn describe_patch(body: &Value) -> String {
    let all = body["Operations"].as_array().unwrap().iter();
    let mut all: Vec<String> = all.map(describe_operation).collect();
    all.sort();
    all.join(", ")
}

/// Returns the changes that the target received since the last call.
fn take_changes(target: &Target) -> Vec<String> {
    let mut patches = std::mem::take(&mut target.held.lock().unwrap().patches).into_iter();
    let changes = target.requests().into_iter();
    let changes = changes.filter(|it| !it.starts_with("GET"));
    changes
        .map(|change| match change.starts_with("PATCH") {
            true => format!("{change}: {}", describe_patch(&patches.next().unwrap())),
            false => change,
        })
        .collect()
}

/// Returns the changes of an act in `fixtures/scim`.
fn written(acts: &Value, act: &str) -> Vec<String> {
    let all = acts["acts"][act]["requests"].as_array().unwrap().iter();
    let changes = all.filter(|it| it["method"] != "GET");
    changes
        .map(|it| {
            let endpoint = it["path"].as_str().unwrap().split('/').nth(1).unwrap();
            let change = format!("{} /{endpoint}", it["method"].as_str().unwrap());
            match it["method"] == "PATCH" {
                true => format!("{change}: {}", describe_patch(&it["body"])),
                false => change,
            }
        })
        .collect()
}

#[tokio::test]
async fn the_changes_of_a_provider_are_those_of_its_client_in_the_checks() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/scim");
    for (flavor, client, query) in [
        ("ping", "pingone", ""),
        ("entra", "entra", ""),
        ("entra", "entra-2020", "?aadOptscim062020"),
        ("okta", "okta", ""),
        ("google", "google", ""),
        ("onelogin", "onelogin", ""),
        ("jumpcloud", "jumpcloud", ""),
    ] {
        let acts = std::fs::read_to_string(folder.join(client).join("acts.json")).unwrap();
        let acts: Value = serde_json::from_str(&acts).unwrap();
        let target = Target::new().await;
        let url = format!("{}{query}", target.url);
        let here = Provisioned::with_target(target, json!({"SCIM_URL": url})).await;
        set_flavor(&here, flavor).await;
        let user = format!("/users/{}", here.world.alice);
        let membership = format!("{user}/memberOfGroups");
        let member = format!("{membership}/{}", here.group);
        let enabled = format!("{user}/enabled");
        let group = format!("/groups/{}", here.group);
        here.world.delete(&member).await;
        here.world.create("/propagation/revisions", json!({})).await;
        here.wait_until_idle().await;
        let wanted = [written(&acts, "create"), written(&acts, "group")].concat();
        assert_eq!(take_changes(&here.target), wanted, "{client}");
        for act in [
            "join", "update", "disable", "enable", "rename", "leave", "remove", "dissolve",
        ] {
            let world = &here.world;
            match act {
                "join" => drop(
                    here.world
                        .create(&membership, json!({"id": here.group}))
                        .await,
                ),
                "update" => {
                    let names = json!({"given": "Alice", "family": "Murray"});
                    let body = json!({"name": names, "email": "new@example.com"});
                    world.change(Method::PATCH, &user, body).await;
                }
                "disable" | "enable" => {
                    let body = json!({"enabled": act == "enable"});
                    world.change(Method::PUT, &enabled, body).await;
                }
                "rename" => {
                    world
                        .change(Method::PUT, &group, json!({"name": "Others"}))
                        .await;
                }
                "leave" => here.world.delete(&member).await,
                "remove" => here.world.delete(&user).await,
                _ => here.world.delete(&group).await,
            }
            here.wait_until_idle().await;
            assert_eq!(
                take_changes(&here.target),
                written(&acts, act),
                "{client} {act}"
            );
        }
    }
}
