//! The SCIM server as a client meets it: RFC 7644 over real sockets.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::parties::{Parties, step, text};

struct Scim {
    client: Client,
    base: String,
    token: String,
}

struct Got {
    status: StatusCode,
    etag: String,
    media: String,
    challenge: String,
    body: Value,
}

impl Scim {
    async fn of(parties: &Parties) -> Self {
        let (admin, _) = parties.integrated(3).await;
        let made = admin.post(&step("scim/token"), &Value::Null).await.is(201);
        let page = admin.get("/api/business/idp-integration").await.is(200);
        Self {
            client: Client::new(),
            base: text(&page["scim"]["base_url"]),
            token: text(&made["token"]),
        }
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
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
    assert!(!unsorted.contains(&rest[0]), "no page repeats another's");
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
async fn groups_know_their_members_and_users_their_groups() {
    let parties = Parties::start().await;
    let scim = Scim::of(&parties).await;
    let cleo = text(&scim.post("/Users", &user("cleo@corp.example")).await.body["id"]);
    let group = json!({"displayName": "Team", "members": [{"value": cleo}]});
    let team = scim.post("/Groups", &group).await;
    assert_eq!(team.status, 201, "{}", team.body);
    assert_eq!(team.body["members"][0]["type"], "User");
    let held = scim.get(&format!("/Users/{cleo}")).await;
    assert_eq!(held.body["groups"][0]["display"], "Team");
    let without = scim.get("/Groups?excludedAttributes=members").await;
    assert_eq!(without.body["Resources"][0]["members"], Value::Null);
    let outer = json!({"displayName": "All", "members": [{"value": team.body["id"]}]});
    let outer = scim.post("/Groups", &outer).await;
    assert_eq!(outer.body["members"][0]["type"], "Group");
    let stranger = json!({"displayName": "X", "members": [{"value": "nobody"}]});
    let refused = scim.post("/Groups", &stranger).await;
    assert!(refused.error(400, "invalidValue").contains("\"nobody\""));
    assert_eq!(
        scim.get("/Groups").await.body["totalResults"],
        2,
        "nothing half done"
    );
}

#[tokio::test]
async fn who_may_not_and_what_cannot_be_read_gets_scims_own_error() {
    let parties = Parties::start().await;
    let scim = Scim::of(&parties).await;
    for authorization in ["", "Basic eDp5", "Bearer wrong"] {
        let headers = [("authorization", authorization)];
        let refused = scim.ask(Method::GET, "/Users", &headers, "").await;
        refused.error(401, "");
        assert_eq!(refused.challenge, "Bearer realm=\"scim\"");
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
    scim.ask(Method::DELETE, "/Users", &[], "")
        .await
        .error(405, "");
    scim.get("/Elsewhere").await.error(404, "");
}

#[tokio::test]
async fn discovery_describes_what_is_there() {
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
