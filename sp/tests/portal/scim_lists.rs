//! Tests of lists of the SCIM server: filters, order, pages, cursors, search (RFC 7644 §3.4.2, RFC 9865).

use reqwest::Method;
use serde_json::{Value, json};

use crate::parties::{Parties, text};
use crate::scim_client::{Got, Scim, user};

#[tokio::test]
async fn lists_are_filtered_sorted_paged_and_projected() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
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
async fn pages_by_cursor_neither_skip_nor_repeat_while_users_are_deleted() {
    let parties = Parties::start().await;
    let scim = Scim::set_up(&parties).await;
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
    let scim = Scim::set_up(&parties).await;
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
