//! Tests of groups at the SCIM server.

use reqwest::Method;
use serde_json::{Value, json};

use crate::parties::{Parties, text};
use crate::scim_bulk::bulk;
use crate::scim_client::{Scim, user};

#[tokio::test]
async fn groups_list_their_members_and_users_their_groups() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
    let cleo = text(&scim.post("/Users", &user("cleo@corp.example")).await.body["id"]);
    let group = json!({"displayName": "Team", "members": [{"value": cleo}]});
    let team = scim.post("/Groups", &group).await;
    assert_eq!(team.status, 201, "{}", team.body);
    assert_eq!(team.body["members"][0]["type"], "User");
    let held = scim.get(&format!("/Users/{cleo}")).await;
    assert_eq!(held.body["groups"][0]["display"], "Team");
    // The display name of a member is returned only on request (RFC 7643
    // §2.2, "request").
    let team_path = format!("/Groups/{}", text(&team.body["id"]));
    for (selected, name) in [
        ("", Value::Null),
        ("?attributes=members", Value::Null),
        (
            "?attributes=members.value,members.display",
            json!("cleo@corp.example"),
        ),
    ] {
        let read = scim.get(&format!("{team_path}{selected}")).await;
        assert_eq!(read.body["members"][0]["value"], cleo, "{selected}");
        assert_eq!(read.body["members"][0]["display"], name, "{selected}");
    }
    let named = "/Groups?filter=members.display%20sw%20%22cleo%22";
    assert_eq!(scim.get(named).await.body["totalResults"], 1);
    let without = scim.get("/Groups?excludedAttributes=members").await;
    assert_eq!(without.body["Resources"][0]["members"], Value::Null);
    let outer = json!({"displayName": "All", "members": [{"value": team.body["id"]}]});
    let outer = scim.post("/Groups", &outer).await;
    assert_eq!(outer.body["members"][0]["type"], "Group");
    let held = scim.get(&format!("/Users/{cleo}")).await;
    let mut all: Vec<(&str, &str)> = Vec::new();
    for group in held.body["groups"].as_array().unwrap() {
        all.push((
            group["display"].as_str().unwrap(),
            group["type"].as_str().unwrap(),
        ));
    }
    assert_eq!(all, [("All", "indirect"), ("Team", "direct")]);
    let query = format!("groups.value%20eq%20%22{}%22", text(&outer.body["id"]));
    let found = scim.get(&format!("/Users?filter={query}")).await;
    assert_eq!(found.body["totalResults"], 1);
    assert_eq!(found.body["Resources"][0]["id"], cleo.as_str());
    let stranger = json!({"displayName": "X", "members": [{"value": "nobody"}]});
    let refused = scim.post("/Groups", &stranger).await;
    assert!(refused.error(400, "invalidValue").contains("\"nobody\""));
    assert_eq!(
        scim.get("/Groups").await.body["totalResults"],
        2,
        "a failed operation must leave nothing"
    );
}

#[tokio::test]
async fn groups_are_patched_without_being_read() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
    let operations: Vec<Value> = (0..101)
        .map(|n| {
            json!({"method": "POST", "path": "/Users", "bulkId": n.to_string(),
                   "data": {"userName": format!("u{n}")}})
        })
        .collect();
    let done = scim.post("/Bulk", &bulk(operations.into())).await.body;
    let ids: Vec<String> = done["Operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            text(&one["location"])
                .rsplit('/')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    let members = |ids: &[String]| -> Value { ids.iter().map(|id| json!({"value": id})).collect() };
    let team = json!({"displayName": "Team", "members": members(&ids[..100])});
    let team = scim.post("/Groups", &team).await;
    let path = format!("/Groups/{}", text(&team.body["id"]));
    let patch = async |path: &str, operations: Value| {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations,
        });
        scim.ask(Method::PATCH, path, &[], &body.to_string()).await
    };
    let same = patch(
        &path,
        json!([{"op": "add", "path": "members", "value": members(&ids[..1])}]),
    )
    .await;
    assert_eq!(
        (same.status.as_u16(), same.etag.as_str()),
        (200, "W/\"1\""),
        "nothing changed"
    );
    assert_eq!(same.body["members"].as_array().unwrap().len(), 100);
    // The group is too large to return by default: 204 with the version (RFC
    // 7644 §3.5.2).
    let add = json!([{"op": "add", "path": "members", "value": members(&ids[100..])}]);
    let added = patch(&path, add.clone()).await;
    assert_eq!(
        (added.status.as_u16(), added.etag.as_str()),
        (204, "W/\"2\"")
    );
    let selected = patch(&format!("{path}?attributes=members"), add.clone()).await;
    assert_eq!(selected.status, 200);
    assert_eq!(selected.body["members"].as_array().unwrap().len(), 101);
    let without = patch(&format!("{path}?excludedAttributes=members"), add).await;
    assert_eq!(
        (without.status.as_u16(), &without.body["members"]),
        (200, &Value::Null)
    );
    let unknown = json!([
        {"op": "replace", "path": "members", "value": [{"value": ids[0]}]},
        {"op": "add", "path": "members", "value": [{"value": "nobody"}]},
    ]);
    patch(&path, unknown).await.error(400, "invalidValue");
    let held = scim.get(&path).await;
    assert_eq!(
        held.body["members"].as_array().unwrap().len(),
        101,
        "all members must remain"
    );
    assert_eq!(held.etag, "W/\"2\"");
    let swap = json!([
        {"op": "remove", "path": format!("members[value eq \"{}\"]", ids[0])},
        {"op": "add", "path": "members", "value": [{"value": ids[0]}]},
    ]);
    assert_eq!(
        patch(&path, swap).await.etag,
        "W/\"2\"",
        "removing and adding the same member is no change"
    );
    let by_name = json!([{"op": "remove", "path": "members[display co \"u1\"]"}]);
    let left = patch(&path, by_name).await;
    let counted = left.body["members"].as_array().unwrap();
    assert_eq!(counted.len(), 101 - 12, "u1, u10 to u19, u100");
}
