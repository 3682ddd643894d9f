//! Tests of the SCIM server over HTTP (RFC 7644).

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::parties::{Parties, step, text};
use crate::scim_client::{Scim, user};

#[tokio::test]
async fn a_user_is_created_read_replaced_and_deleted() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
    let made = scim.post("/Users", &user("Cleo@corp.example")).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.etag, "W/\"1\"");
    assert_eq!(made.body["meta"]["version"], "W/\"1\"");
    assert_eq!(made.body["active"], true);
    assert_eq!(made.body["password"], Value::Null, "never returned");
    let path = format!("/Users/{}", text(&made.body["id"]));
    assert_eq!(
        made.body["meta"]["location"],
        format!("{}{path}", scim.base)
    );
    assert_eq!(scim.get(&path).await.body, made.body);

    let same = scim
        .ask(Method::GET, &path, &[("if-none-match", "W/\"1\"")], "")
        .await;
    assert_eq!(same.status, 304);
    let mut changed = user("Cleo@corp.example");
    changed["title"] = json!("Lead");
    let stale = [("if-match", "W/\"7\"")];
    let refused = scim
        .ask(Method::PUT, &path, &stale, &changed.to_string())
        .await;
    assert!(refused.error(412, "").contains("read the resource again"));
    let current = [("if-match", "W/\"1\"")];
    let replaced = scim
        .ask(Method::PUT, &path, &current, &changed.to_string())
        .await;
    assert_eq!(
        (replaced.status.as_u16(), replaced.etag.as_str()),
        (200, "W/\"2\"")
    );
    let again = scim
        .ask(Method::PUT, &path, &[], &changed.to_string())
        .await;
    assert_eq!(again.etag, "W/\"2\"", "nothing changed");

    let twin = scim.post("/Users", &user("cleo@CORP.example")).await;
    assert!(twin.error(409, "uniqueness").contains("userName"));
    assert_eq!(scim.ask(Method::DELETE, &path, &[], "").await.status, 204);
    scim.get(&path).await.error(404, "");
    scim.ask(Method::DELETE, &path, &[], "")
        .await
        .error(404, "");
}

/// RFC 9110 §13.1.2: the condition is false if the resource has one of the versions.
#[tokio::test]
async fn if_none_match_forbids_changes_of_what_exists() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
    let body = user("cleo@corp.example");
    let made = scim.post("/Users", &body).await;
    let path = format!("/Users/{}", text(&made.body["id"]));
    let group =
        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Crew"});
    let group_made = scim.post("/Groups", &group).await;
    let group_path = format!("/Groups/{}", text(&group_made.body["id"]));
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "displayName", "value": "changed"}],
    });
    for (path, body) in [(&path, &body), (&group_path, &group)] {
        for (method, sent) in [
            (Method::PUT, body.to_string()),
            (Method::PATCH, patch.to_string()),
            (Method::DELETE, String::new()),
        ] {
            for tag in ["*", "W/\"1\"", "\"7\", \"1\""] {
                let none = [("if-none-match", tag)];
                let refused = scim.ask(method.clone(), path, &none, &sent).await;
                assert!(refused.error(412, "").contains("If-None-Match"));
            }
            let both = [("if-match", "*"), ("if-none-match", "*")];
            let refused = scim.ask(method, path, &both, &sent).await;
            refused.error(412, "");
        }
        assert_eq!(scim.get(path).await.etag, "W/\"1\"");
        let other = [("if-none-match", "W/\"7\"")];
        let changed = scim
            .ask(Method::PATCH, path, &other, &patch.to_string())
            .await;
        assert_eq!(changed.etag, "W/\"2\"");
    }
}

#[tokio::test]
async fn an_error_quotes_only_the_beginning_of_a_long_filter() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
    let filter = format!("userName eq \"{}\" nonsense", "x".repeat(3000));
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": filter,
    });
    let refused = scim.post("/Users/.search", &body).await;
    let detail = refused.error(400, "invalidFilter");
    assert!(detail.len() < 300, "{detail}");
    assert!(detail.contains("at character 3016"), "{detail}");
}

#[tokio::test]
async fn many_operations_on_a_long_list_are_refused() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
    let made = scim.post("/Users", &user("cleo@corp.example")).await;
    let path = format!("/Users/{}", text(&made.body["id"]));
    let add = |number: usize| {
        let value = json!([{"value": format!("{number}@corp.example")}]);
        json!({"op": "add", "path": "emails", "value": value})
    };
    let operations: Vec<Value> = (0..5_000).map(add).collect();
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": operations,
    });
    let refused = scim
        .ask(Method::PATCH, &path, &[], &patch.to_string())
        .await;
    assert!(refused.error(413, "").contains("expected at most"));
}

#[tokio::test]
async fn forbidden_and_unreadable_requests_get_scim_errors() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
    for authorization in ["", "Basic eDp5", "Bearer wrong"] {
        let headers = [("authorization", authorization)];
        let refused = scim.ask(Method::GET, "/Users", &headers, "").await;
        refused.error(401, "");
        assert!(refused.challenge.starts_with("Bearer realm=\"scim\""));
    }
    let text = [("content-type", "text/plain")];
    scim.ask(Method::POST, "/Users", &text, "{}")
        .await
        .error(415, "");
    scim.ask(Method::POST, "/Users", &[], "{")
        .await
        .error(400, "invalidSyntax");
    scim.post("/Users", &json!({}))
        .await
        .error(400, "invalidValue");
    let refused = scim.ask(Method::DELETE, "/Users", &[], "").await;
    refused.error(405, "");
    assert_eq!(refused.allow, "GET, HEAD, POST");
    let xml = [("accept", "text/xml")];
    scim.ask(Method::GET, "/Users", &xml, "")
        .await
        .error(406, "");
    let both = [("accept", "text/xml;q=0.9, application/*;q=0.5")];
    assert_eq!(scim.ask(Method::GET, "/Users", &both, "").await.status, 200);
    let huge = format!("{{\"userName\":\"{}\"}}", "x".repeat(17 << 20));
    scim.ask(Method::POST, "/Users", &[], &huge)
        .await
        .error(413, "");
    scim.get("/Me").await.error(501, "");
    scim.get("/Elsewhere").await.error(404, "");
}

#[tokio::test]
async fn discovery_describes_the_server() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
    let config = scim.get("/ServiceProviderConfig").await;
    assert_eq!(config.body["patch"]["supported"], true);
    assert_eq!(scim.get("/ResourceTypes").await.body["totalResults"], 2);
    assert_eq!(
        scim.get("/ResourceTypes/User").await.body["endpoint"],
        "/Users"
    );
    let schemas = scim.get("/Schemas").await.body;
    assert_eq!(schemas["totalResults"], 3);
    for schema in schemas["Resources"].as_array().unwrap() {
        let alone = scim.get(&format!("/Schemas/{}", text(&schema["id"]))).await;
        assert_eq!(&alone.body, schema);
    }
    scim.get("/Schemas?filter=name%20pr").await.error(403, "");
}

#[tokio::test]
async fn another_tenants_resources_are_not_found() {
    let parties = Parties::start().await;
    let ours = Scim::set_up(&parties).await;
    let theirs = Scim {
        token: ours.token.clone(),
        base: ours.base.replace("/scim/", "/scim/x"),
        client: Client::new(),
    };
    theirs.get("/Users").await.error(401, "");
    let other = parties.create_second_tenant().await;
    let theirs = Scim {
        base: other.0,
        token: other.1,
        client: Client::new(),
    };
    let cleo = text(&ours.post("/Users", &user("cleo@corp.example")).await.body["id"]);
    let team = json!({"displayName": "Team", "members": [{"value": cleo}]});
    let team = text(&ours.post("/Groups", &team).await.body["id"]);
    for path in [format!("/Users/{cleo}"), format!("/Groups/{team}")] {
        theirs.get(&path).await.error(404, "");
        let body = json!({"userName": "x", "displayName": "x"}).to_string();
        theirs
            .ask(Method::PUT, &path, &[], &body)
            .await
            .error(404, "");
        theirs
            .ask(Method::DELETE, &path, &[], "")
            .await
            .error(404, "");
        let filter = format!(
            "{}?filter=id%20eq%20%22{}%22",
            &path[..path.rfind('/').unwrap()],
            &path[path.rfind('/').unwrap() + 1..]
        );
        assert_eq!(theirs.get(&filter).await.body["totalResults"], 0);
    }
    for value in [&cleo, &team] {
        let group = json!({"displayName": "X", "members": [{"value": value}]});
        theirs
            .post("/Groups", &group)
            .await
            .error(400, "invalidValue");
    }
    let filtered = format!("/Users?filter=groups.value%20eq%20%22{team}%22");
    assert_eq!(theirs.get(&filtered).await.body["totalResults"], 0);
    assert_eq!(ours.get(&filtered).await.body["totalResults"], 1);
    // Another tenant may use the same name.
    assert_eq!(
        theirs
            .post("/Users", &user("cleo@corp.example"))
            .await
            .status,
        201
    );
    let mixed = Scim {
        base: theirs.base.clone(),
        token: ours.token.clone(),
        client: Client::new(),
    };
    mixed.get("/Users").await.error(401, "");
}

#[tokio::test]
async fn a_tenant_with_too_many_requests_waits() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
    let control = format!(
        "{}/control/scim-rate-limit",
        parties.portal().control_url().unwrap()
    );
    let set = |body: Value| Client::new().put(&control).json(&body).send();
    let answer = set(json!({"per_second": 0.5, "burst": 2})).await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(scim.get("/Users").await.status, 200);
    assert_eq!(scim.get("/Users").await.status, 200);
    let refused = scim.get("/Users").await;
    refused.error(429, "");
    assert_eq!(refused.retry_after, "2");
    parties
        .ambient
        .clock()
        .advance(jiff::SignedDuration::from_secs(2))
        .unwrap();
    assert_eq!(scim.get("/Users").await.status, 200);
    set(json!({})).await.unwrap();
    assert_eq!(scim.get("/Users").await.status, 200);
    assert_eq!(set(json!({"per_second": -1})).await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_token_is_rotated_with_an_overlap_and_revoked_at_once() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
    assert_eq!(scim.get("/Users").await.status, 200);
    let admin = parties.browser();
    let credentials =
        json!({"email": "owner@vendor-mail.example", "password": crate::parties::PASSWORD});
    admin.post("/api/session", &credentials).await.is(200);
    let shown = admin.get("/api/business/idp-integration").await.is(200);
    assert_ne!(shown["scim"]["token_last_used"], Value::Null);
    let newer = admin.post(&step("scim/token"), &Value::Null).await.is(201);
    let newer = Scim {
        token: text(&newer["token"]),
        base: scim.base.clone(),
        client: Client::new(),
    };
    assert_eq!(newer.get("/Users").await.status, 200);
    assert_eq!(scim.get("/Users").await.status, 200, "the overlap");
    let day = jiff::SignedDuration::from_hours(24);
    parties.ambient.clock().advance(day).unwrap();
    scim.get("/Users").await.error(401, "");
    assert_eq!(newer.get("/Users").await.status, 200);
    admin.post("/api/session", &credentials).await.is(200);
    admin
        .put(&step("scim"), &json!({"enabled": false}))
        .await
        .is(200);
    newer.get("/Users").await.error(401, "");
}

#[tokio::test]
async fn a_long_error_keeps_its_body_and_quotes_little_of_the_request() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
    let filter = vec!["userName eq \"a\""; 3000].join(" or ") + " or";
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": filter,
    });
    let got = scim
        .ask(Method::POST, "/Users/.search", &[], &search.to_string())
        .await;
    assert_eq!(got.status, 400, "{}", got.body);
    assert_eq!(got.body["scimType"], "invalidFilter");
    assert!(text(&got.body["detail"]).len() < 4000);
}

#[tokio::test]
async fn values_that_an_index_cannot_hold_are_refused_and_the_longest_allowed_are_kept() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
    // Random text, so that the database cannot compress it.
    let long = |bytes: usize| parties.ambient.rng().hex(bytes / 2 + 1)[..bytes].to_owned();
    for (bytes, status) in [(1025, 400), (9000, 400), (1024, 201)] {
        for attribute in ["userName", "externalId", "displayName", "emails"] {
            let mut user = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": format!("{attribute}@corp.example"),
            });
            user[attribute] = match attribute {
                "emails" => json!([{"value": long(bytes)}]),
                _ => long(bytes).into(),
            };
            let got = scim
                .ask(Method::POST, "/Users", &[], &user.to_string())
                .await;
            assert_eq!(got.status, status, "{attribute} {bytes} {}", got.body);
        }
        for attribute in ["displayName", "externalId"] {
            let mut group = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                "displayName": "Group",
            });
            group[attribute] = long(bytes).into();
            let got = scim
                .ask(Method::POST, "/Groups", &[], &group.to_string())
                .await;
            assert_eq!(got.status, status, "{attribute} {bytes} {}", got.body);
        }
    }
}
