//! Tests of the SCIM server over HTTP (RFC 7644).

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::parties::{Parties, step, text};

pub(crate) struct Scim {
    client: Client,
    base: String,
    token: String,
}

pub(crate) struct Got {
    pub(crate) status: StatusCode,
    etag: String,
    media: String,
    challenge: String,
    allow: String,
    retry_after: String,
    pub(crate) body: Value,
}

impl Scim {
    pub(crate) async fn of(parties: &Parties) -> Self {
        let (admin, _) = parties.integrated(3).await;
        let made = admin.post(&step("scim/token"), &Value::Null).await.is(201);
        let page = admin.get("/api/business/idp-integration").await.is(200);
        Self {
            client: Client::new(),
            base: text(&page["scim"]["base_url"]),
            token: text(&made["token"]),
        }
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Got {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.bearer_auth(&self.token);
        }
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/scim+json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body.to_owned()).send().await.unwrap();
        let header = |name: &str| {
            let value = response.headers().get(name);
            value
                .map(|value| value.to_str().unwrap().to_owned())
                .unwrap_or_default()
        };
        Got {
            status: response.status(),
            etag: header("etag"),
            media: header("content-type"),
            challenge: header("www-authenticate"),
            allow: header("allow"),
            retry_after: header("retry-after"),
            body: serde_json::from_str(&response.text().await.unwrap()).unwrap_or(Value::Null),
        }
    }

    async fn get(&self, path: &str) -> Got {
        self.ask(Method::GET, path, &[], "").await
    }

    async fn post(&self, path: &str, body: &Value) -> Got {
        self.ask(Method::POST, path, &[], &body.to_string()).await
    }
}

impl Got {
    fn error(&self, status: u16, keyword: &str) -> &str {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.media, "application/scim+json");
        assert_eq!(
            self.body["schemas"][0],
            "urn:ietf:params:scim:api:messages:2.0:Error"
        );
        assert_eq!(self.body["status"], status.to_string());
        assert_eq!(
            self.body["scimType"].as_str().unwrap_or_default(),
            keyword,
            "{}",
            self.body
        );
        self.body["detail"].as_str().unwrap()
    }
}

fn user(name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "password": "never told",
        "emails": [{"value": name, "type": "work", "primary": true}],
    })
}

#[tokio::test]
async fn a_user_is_created_read_replaced_and_deleted() {
    let parties = Parties::start().await;
    let scim = Scim::of(&parties).await;
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

#[tokio::test]
async fn lists_are_filtered_sorted_paged_and_projected() {
    let parties = Parties::start().await;
    let scim = Scim::of(&parties).await;
    for name in [
        "dora@corp.example",
        "cleo@corp.example",
        "emil@corp.example",
    ] {
        assert_eq!(scim.post("/Users", &user(name)).await.status, 201);
    }
    let names = |got: &Got| -> Vec<String> {
        let all = got.body["Resources"].as_array().unwrap();
        all.iter()
            .map(|one| text(&one["userName"])[..4].to_owned())
            .collect()
    };
    let first = scim.get("/Users?sortBy=userName&count=2").await;
    assert_eq!(first.body["totalResults"], 3);
    assert_eq!(first.body["itemsPerPage"], 2);
    assert_eq!(names(&first), ["cleo", "dora"]);
    let unsorted = names(&scim.get("/Users?count=2").await);
    let rest = names(&scim.get("/Users?startIndex=3&count=2").await);
    assert_eq!((unsorted.len(), rest.len()), (2, 1));
    assert!(!unsorted.contains(&rest[0]), "pages must not overlap");
    assert_eq!(scim.get("/Users?count=0").await.body["totalResults"], 3);
    let sorted = scim
        .get("/Users?sortBy=userName&sortOrder=descending")
        .await;
    assert_eq!(names(&sorted), ["emil", "dora", "cleo"]);
    let found = scim
        .get("/Users?filter=userName%20Eq%20%22CLEO@corp.example%22")
        .await;
    assert_eq!(names(&found), ["cleo"]);
    let bare = scim.get("/Users?attributes=userName&count=1").await;
    let keys: Vec<&String> = bare.body["Resources"][0]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(keys, ["schemas", "id", "userName"]);
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "emails.value ew \"corp.example\"",
        "sortBy": "userName",
        "count": 1,
    });
    let searched = scim.post("/Users/.search", &search).await;
    assert_eq!(searched.body["totalResults"], 3, "{}", searched.body);
    assert_eq!(names(&searched), ["cleo"]);
    assert_eq!(scim.post("/.search", &search).await.body["totalResults"], 3);
    scim.get("/Users?filter=email%20co%20%22x%22")
        .await
        .error(400, "invalidFilter");
    scim.get("/Users?filter=userName")
        .await
        .error(400, "invalidFilter");
    scim.get("/Users?count=many")
        .await
        .error(400, "invalidValue");
}

#[tokio::test]
async fn groups_list_their_members_and_users_their_groups() {
    let parties = Parties::start().await;
    let scim = Scim::of(&parties).await;
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
    for (asked, name) in [
        ("", Value::Null),
        ("?attributes=members", Value::Null),
        (
            "?attributes=members.value,members.display",
            json!("cleo@corp.example"),
        ),
    ] {
        let read = scim.get(&format!("{team_path}{asked}")).await;
        assert_eq!(read.body["members"][0]["value"], cleo, "{asked}");
        assert_eq!(read.body["members"][0]["display"], name, "{asked}");
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
async fn forbidden_and_unreadable_requests_get_scim_errors() {
    let parties = Parties::start().await;
    let scim = Scim::of(&parties).await;
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
    let scim = Scim::of(&parties).await;
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

fn bulk(operations: Value) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": operations,
    })
}

#[tokio::test]
async fn bulk_requests_resolve_references_forward_and_in_circles() {
    let parties = Parties::start().await;
    let scim = Scim::of(&parties).await;
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
    let scim = Scim::of(&parties).await;
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

#[tokio::test]
async fn pages_by_cursor_neither_skip_nor_repeat_while_users_are_deleted() {
    let parties = Parties::start().await;
    let scim = Scim::of(&parties).await;
    for n in 0..7 {
        let user = json!({"userName": format!("u{n}"), "displayName": format!("D{}", n % 3)});
        assert_eq!(scim.post("/Users", &user).await.status, 201);
    }
    let name = |one: &Value| text(&one["userName"]);
    for (query, expected) in [
        ("sortBy=userName", "u0 u1 u2 u3 u4 u5 u6"),
        (
            "sortBy=userName&sortOrder=descending",
            "u6 u5 u4 u3 u2 u1 u0",
        ),
        (
            "filter=userName%20ne%20%22u3%22%20and%20schemas%20pr&sortBy=userName",
            "u0 u1 u2 u4 u5 u6",
        ),
        ("sortBy=nickName", ""),
        ("sortBy=displayName&sortOrder=descending", ""),
        ("sortBy=meta.version", ""),
    ] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/Users?{query}&count=2&cursor={cursor}");
            let page = scim.get(&path).await;
            assert_eq!(page.status, 200, "{path}: {}", page.body);
            assert_eq!(page.body["startIndex"], Value::Null);
            seen.extend(page.body["Resources"].as_array().unwrap().iter().map(name));
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        if expected.is_empty() {
            seen.sort_unstable();
            assert_eq!(seen.join(" "), "u0 u1 u2 u3 u4 u5 u6", "{query}");
        } else {
            assert_eq!(seen.join(" "), expected, "{query}");
        }
    }
    let first = scim
        .get("/Users?count=2&sortBy=userName&cursor=")
        .await
        .body;
    let gone = text(&first["Resources"][0]["id"]);
    scim.ask(Method::DELETE, &format!("/Users/{gone}"), &[], "")
        .await;
    let cursor = text(&first["nextCursor"]);
    let next = scim
        .get(&format!("/Users?count=2&sortBy=userName&cursor={cursor}"))
        .await;
    assert_eq!(
        name(&next.body["Resources"][0]),
        "u2",
        "the page must not skip a user"
    );
    let wrong = |query: String| {
        let scim = &scim;
        async move { scim.get(&format!("/Users?{query}")).await }
    };
    wrong("cursor=xyz".into()).await.error(400, "invalidCursor");
    wrong(format!("cursor={cursor}"))
        .await
        .error(400, "invalidCursor");
    wrong("cursor=&count=501".into())
        .await
        .error(400, "invalidCount");
    wrong("cursor=&count=x".into())
        .await
        .error(400, "invalidCount");
    wrong("cursor=&startIndex=1".into())
        .await
        .error(400, "invalidValue");
    wrong("sortBy=color".into()).await.error(400, "invalidPath");
    wrong("sortBy=password".into())
        .await
        .error(400, "invalidPath");
    wrong("filter=password%20sw%20%22n%22".into())
        .await
        .error(400, "invalidFilter");
    parties
        .ambient
        .clock()
        .advance(jiff::SignedDuration::from_secs(3601))
        .unwrap();
    wrong(format!("count=2&sortBy=userName&cursor={cursor}"))
        .await
        .error(400, "expiredCursor");
}

#[tokio::test]
async fn everything_is_searched_by_index_and_by_cursor() {
    let parties = Parties::start().await;
    let scim = Scim::of(&parties).await;
    for n in 0..3 {
        scim.post(
            "/Users",
            &json!({"userName": format!("u{n}"), "displayName": "x"}),
        )
        .await;
        scim.post("/Groups", &json!({"displayName": "x"})).await;
    }
    let search = |more: Value| {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "filter": "displayName eq \"X\"", "count": 2,
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let kinds = |got: &Got| -> String {
        let all = got.body["Resources"].as_array().unwrap();
        all.iter()
            .map(|one| text(&one["meta"]["resourceType"])[..1].to_owned())
            .collect()
    };
    let page = scim
        .post("/.search", &search(json!({"startIndex": 3})))
        .await;
    assert_eq!(page.body["totalResults"], 6, "{}", page.body);
    assert_eq!(kinds(&page), "UG");
    let (mut seen, mut cursor) = (String::new(), String::new());
    loop {
        let page = scim
            .post("/.search", &search(json!({"cursor": cursor})))
            .await;
        assert_eq!(page.body["totalResults"], 6, "{}", page.body);
        seen += &kinds(&page);
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, "UUUGGG");
    let only = search(json!({"filter": "userName pr"}));
    assert_eq!(scim.post("/.search", &only).await.body["totalResults"], 3);
    let none = search(json!({"filter": "color pr"}));
    scim.post("/.search", &none)
        .await
        .error(400, "invalidFilter");
}

#[tokio::test]
async fn groups_are_patched_without_being_read() {
    let parties = Parties::start().await;
    let scim = Scim::of(&parties).await;
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
    let asked = patch(&format!("{path}?attributes=members"), add.clone()).await;
    assert_eq!(asked.status, 200);
    assert_eq!(asked.body["members"].as_array().unwrap().len(), 101);
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

#[tokio::test]
async fn another_tenants_resources_are_not_found() {
    let parties = Parties::start().await;
    let ours = Scim::of(&parties).await;
    let theirs = Scim {
        token: ours.token.clone(),
        base: ours.base.replace("/scim/", "/scim/x"),
        client: Client::new(),
    };
    theirs.get("/Users").await.error(401, "");
    let other = parties.second_tenant().await;
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
    let asked = format!("/Users?filter=groups.value%20eq%20%22{team}%22");
    assert_eq!(theirs.get(&asked).await.body["totalResults"], 0);
    assert_eq!(ours.get(&asked).await.body["totalResults"], 1);
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
    let scim = Scim::of(&parties).await;
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
    let scim = Scim::of(&parties).await;
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
    let scim = Scim::of(&parties).await;
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
    let scim = Scim::of(&parties).await;
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
