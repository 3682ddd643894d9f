//! Tests of the console's guard: who can see a page, and which forms are accepted. The
//! harness's browser tests use the pages themselves.
#![allow(clippy::unwrap_used)]

mod world;

use reqwest::{Response, StatusCode, header};
use scraper::{Html, Selector};
use serde_json::Value;
use world::World;

/// A browser of an administrator, which follows no redirect.
struct Administrator {
    http: reqwest::Client,
    base: String,
    cookie: String,
}

impl Administrator {
    async fn sign_on(world: &World, password: &str) -> (Response, Self) {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        let base = world.idp.base_url().to_owned();
        let answer = http
            .post(format!("{base}/console/sign-on"))
            .header(header::ORIGIN, &base)
            .form(&[("username", "administrator"), ("password", password)])
            .send()
            .await
            .unwrap();
        let cookie = answer
            .headers()
            .get(header::SET_COOKIE)
            .and_then(|cookie| cookie.to_str().ok()?.split(';').next())
            .unwrap_or_default()
            .to_owned();
        (answer, Self { http, base, cookie })
    }

    async fn get(&self, path: &str) -> Response {
        self.http
            .get(format!("{}{path}", self.base))
            .header(header::COOKIE, &self.cookie)
            .send()
            .await
            .unwrap()
    }

    /// Returns the form token in the forms of a page.
    async fn read_form_token(&self, path: &str) -> String {
        let page = Html::parse_document(&self.get(path).await.text().await.unwrap());
        let field = Selector::parse("input[name=form_token]").unwrap();
        let found = page.select(&field).next().unwrap();
        found.attr("value").unwrap().to_owned()
    }

    async fn post(&self, path: &str, origin: &str, form: &[(&str, &str)]) -> Response {
        self.http
            .post(format!("{}{path}", self.base))
            .header(header::COOKIE, &self.cookie)
            .header(header::ORIGIN, origin)
            .form(form)
            .send()
            .await
            .unwrap()
    }
}

async fn list_group_names(world: &World) -> Vec<Value> {
    let groups = world.show("/groups").await;
    let groups = groups["_embedded"]["groups"].as_array().unwrap();
    groups.iter().map(|group| group["name"].clone()).collect()
}

#[tokio::test]
async fn only_the_administrator_sees_the_console() {
    let world = World::new().await;
    let (wrong, stranger) = Administrator::sign_on(&world, "guessed").await;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert!(stranger.cookie.is_empty());
    let path = format!("/console/{}/groups", world.env);
    let away = stranger.get(&path).await;
    assert_eq!(away.status(), StatusCode::SEE_OTHER);
    let to = away.headers()[header::LOCATION].to_str().unwrap();
    assert!(to.starts_with("/console/sign-on?to="), "{to}");

    let (welcome, administrator) = Administrator::sign_on(&world, "admin-token").await;
    assert_eq!(welcome.status(), StatusCode::SEE_OTHER);
    let cookie = welcome.headers()[header::SET_COOKIE].to_str().unwrap();
    for guard in ["HttpOnly", "SameSite=Lax", "Path=/console"] {
        assert!(cookie.contains(guard), "{cookie}");
    }
    let page = administrator.get(&path).await;
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[tokio::test]
async fn a_form_is_accepted_only_from_its_own_page() {
    let world = World::new().await;
    let (_, administrator) = Administrator::sign_on(&world, "admin-token").await;
    let path = format!("/console/{}/groups/new", world.env);
    let token = administrator.read_form_token(&path).await;
    let here = administrator.base.clone();
    let named = ("name", "Engineers");
    let evil = "https://evil.example";
    for (origin, form) in [
        (here.as_str(), vec![named]),
        (here.as_str(), vec![named, ("form_token", "0000")]),
        (evil, vec![named, ("form_token", token.as_str())]),
        ("null", vec![named, ("form_token", token.as_str())]),
    ] {
        let refused = administrator.post(&path, origin, &form).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{origin} {form:?}");
    }
    assert!(list_group_names(&world).await.is_empty());
    let form = [named, ("form_token", token.as_str())];
    let made = administrator.post(&path, &here, &form).await;
    assert_eq!(made.status(), StatusCode::SEE_OTHER);
    assert_eq!(list_group_names(&world).await, ["Engineers"]);
}

#[tokio::test]
async fn a_session_ends_by_sign_off_and_by_time() {
    let world = World::new().await;
    let (_, administrator) = Administrator::sign_on(&world, "admin-token").await;
    let token = administrator.read_form_token("/console").await;
    let form = [("form_token", token.as_str())];
    let here = administrator.base.clone();
    administrator.post("/console/sign-off", &here, &form).await;
    let away = administrator.get("/console").await;
    assert_eq!(away.status(), StatusCode::SEE_OTHER);

    let (_, administrator) = Administrator::sign_on(&world, "admin-token").await;
    assert_eq!(administrator.get("/console").await.status(), StatusCode::OK);
    world.advance(9 * 60 * 60).await;
    let away = administrator.get("/console").await;
    assert_eq!(away.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_sign_on_redirects_only_to_the_console() {
    let world = World::new().await;
    let (_, administrator) = Administrator::sign_on(&world, "admin-token").await;
    for (wanted, to) in [
        ("https://evil.example/", "/console"),
        ("//evil.example", "/console"),
        ("/console/somewhere", "/console/somewhere"),
    ] {
        let form = [
            ("username", "administrator"),
            ("password", "admin-token"),
            ("to", wanted),
        ];
        let here = administrator.base.clone();
        let answer = administrator.post("/console/sign-on", &here, &form).await;
        assert_eq!(answer.headers()[header::LOCATION], to);
    }
}
