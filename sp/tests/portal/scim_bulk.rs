//! Tests of bulk requests to the SCIM server (RFC 7644 §3.7).

use serde_json::{Value, json};

use crate::parties::{Parties, text};
use crate::scim_client::{Scim, user};

pub(crate) fn bulk(operations: Value) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": operations,
    })
}

#[tokio::test]
async fn bulk_requests_resolve_references_forward_and_in_circles() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
    let group = |name: &str, id: &str, member: &str| {
        json!({"method": "POST", "path": "/Groups", "bulkId": id,
               "data": {"displayName": name, "members": [{"value": member}]}})
    };
    let body = bulk(json!([
        group("Outer", "o", "bulkId:i"),
        group("Inner", "i", "bulkId:u"),
        {"method": "POST", "path": "/Users", "bulkId": "u", "data": user("cleo@corp.example")},
        {"method": "PATCH", "path": "/Users/bulkId:u", "data": {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "title", "value": "Lead"}]}},
        group("One", "a", "bulkId:b"),
        group("Two", "b", "bulkId:a"),
        group("Lost", "l", "bulkId:nobody"),
    ]));
    let done = scim.post("/Bulk", &body).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let operations = done.body["Operations"].as_array().unwrap();
    let statuses: Vec<&str> = operations
        .iter()
        .map(|one| one["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["201", "201", "201", "200", "201", "201", "409"]);
    let at = |n: usize| text(&operations[n]["location"]).replace(&scim.base, "");
    let member = async |n: usize| text(&scim.get(&at(n)).await.body["members"][0]["$ref"]);
    assert_eq!(member(0).await, text(&operations[1]["location"]));
    assert_eq!(member(1).await, text(&operations[2]["location"]));
    assert_eq!(member(4).await, text(&operations[5]["location"]));
    assert_eq!(member(5).await, text(&operations[4]["location"]));
    let cleo = scim.get(&at(2)).await;
    assert_eq!(cleo.body["title"], "Lead");
    assert_eq!(operations[4]["version"], scim.get(&at(4)).await.etag);
    assert_eq!(operations[6]["response"]["status"], "409");
    assert_eq!(operations[6]["location"], Value::Null);
}

#[tokio::test]
async fn bulk_requests_stop_at_errors_and_have_limits() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
    let create = |id: &str, name: &str| json!({"method": "POST", "path": "/Users", "bulkId": id, "data": {"userName": name}});
    let mut body = bulk(json!([
        create("1", "a"),
        create("2", "A"),
        create("3", "b"),
        {"method": "DELETE", "path": "/Users/nobody"},
    ]));
    body["failOnErrors"] = json!(1);
    let done = scim.post("/Bulk", &body).await.body;
    assert_eq!(done["Operations"].as_array().unwrap().len(), 2, "{done}");
    assert_eq!(done["Operations"][1]["response"]["scimType"], "uniqueness");
    assert_eq!(scim.get("/Users?count=0").await.body["totalResults"], 1);
    let all = bulk(json!([
        create("1", "a"),
        {"method": "DELETE", "path": "/Users/nobody"},
        {"method": "PUT", "path": "/Elsewhere/1", "data": {}},
    ]));
    let done = scim.post("/Bulk", &all).await.body;
    let statuses: Vec<&Value> = (0..3).map(|n| &done["Operations"][n]["status"]).collect();
    assert_eq!(statuses, ["409", "404", "404"]);
    let many: Vec<Value> = (0..1001).map(|n| create(&n.to_string(), "x")).collect();
    scim.post("/Bulk", &bulk(many.into())).await.error(413, "");
    let long = bulk(json!([create("1", &"x".repeat(1 << 20))]));
    scim.post("/Bulk", &long).await.error(413, "");
    scim.post("/Bulk", &json!({"Operations": []}))
        .await
        .error(400, "invalidSyntax");
}
