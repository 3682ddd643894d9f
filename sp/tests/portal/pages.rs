//! Tests of the portal's pages through their HTML forms.

use jiff::SignedDuration;
use reqwest::StatusCode;
use saml::metadata::Endpoint;
use saml::names;
use serde_json::{Value, json};

use crate::desktop::activate;
use crate::lockout::{ADMINS_ID, USERS_ID};
use crate::parties::{Browser, PASSWORD, Parties, Person, step};

const PAGE: &str = "/profile/business/idp_integration";

/// Registers account, license key and organization on the pages.
async fn register_on_pages(parties: &Parties) -> Browser {
    let browser = parties.browser();
    let fields = [
        ("email", "owner@vendor-mail.example"),
        ("password", PASSWORD),
    ];
    let answer = browser.fill_in("/register", "/register", &fields).await;
    assert_eq!(
        answer.location.as_deref(),
        Some("/dashboard"),
        "{}",
        answer.body
    );
    let key = parties.order_license_key(json!({"seats": 3})).await;
    let fields = [("key", key.as_str()), ("subscription_name", "Macs")];
    let form_page = browser
        .fill_in("/register-key", "/register-key", &fields)
        .await;
    assert!(
        form_page.body.contains("Your organization"),
        "{}",
        form_page.body
    );
    assert!(form_page.body.contains(&key), "what was typed is kept");
    let mut fields = fields.to_vec();
    fields.extend([("with_organization", "1"), ("organization", "Corp")]);
    let answer = browser
        .fill_in("/register-key", "/register-key", &fields)
        .await;
    assert_eq!(
        answer.location.as_deref(),
        Some("/dashboard?done=registered-key")
    );
    browser
}

async fn does(browser: &Browser, act: &str, fields: &[(&str, &str)]) -> crate::parties::Answer {
    browser
        .fill_in(PAGE, &format!("{PAGE}/{act}"), fields)
        .await
}

#[tokio::test]
async fn the_whole_configurator_is_walked_by_forms() {
    let parties = Parties::start().await;
    let browser = register_on_pages(&parties).await;
    assert!(browser.get(PAGE).await.body.contains("Start Configuring"));
    let go = async |act: &str, fields: &[(&str, &str)]| {
        let answer = does(&browser, act, fields).await;
        assert_eq!(
            answer.status,
            StatusCode::SEE_OTHER,
            "{act}: {}",
            answer.body
        );
    };
    go("start", &[]).await;
    go("domains", &[("domain", "corp.example")]).await;
    let shown = browser.get(&step("")[..step("").len() - 1]).await.is(200);
    let record = shown["domains"][0]["txt_value"].as_str().unwrap();
    assert!(browser.get(PAGE).await.body.contains(record));
    parties.dns.txt("corp.example", &[record]);
    let live = browser.get(&format!("{PAGE}/lookup/corp.example")).await;
    assert!(
        live.body.contains("the TXT record was found"),
        "{}",
        live.body
    );
    go("verify", &[("which", "corp.example")]).await;
    go("application", &[("done", "1")]).await;
    let groups = [
        ("admins_name", "Portal Admins"),
        ("admins_id", ADMINS_ID),
        ("users_name", "Desktop Users"),
        ("users_id", USERS_ID),
    ];
    go("groups", &groups).await;
    let metadata = parties.idp.metadata();
    let pem = parties.idp.key.certificate().to_pem();
    let wrong = [
        ("entity_id", metadata.entity_id.as_str()),
        ("sso_url", metadata.sso[0].location.as_str()),
        ("certificate", "no certificate"),
    ];
    let refused = does(&browser, "saml", &wrong).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.body.contains("id=\"certificate-error\""),
        "{}",
        refused.body
    );
    assert!(
        refused.body.contains("no certificate"),
        "what was typed is kept"
    );
    assert_eq!(
        refused.body.matches("xpected the base64").count(),
        1,
        "the page must show the error once: {}",
        refused.body
    );
    let typed = [("field", "certificate"), ("certificate", pem.as_str())];
    let understood = does(&browser, "understood", &typed).await;
    let print = parties
        .idp
        .key
        .certificate()
        .fingerprint_sha256()
        .to_string();
    assert!(understood.body.contains(&print), "{}", understood.body);
    go("saml", &[wrong[0], wrong[1], ("certificate", &pem)]).await;
    let token = does(&browser, "scim-token", &[]).await;
    assert!(token.body.contains("shown only once"));
    let issuer = [
        ("issuer", "as.example"),
        ("audience", "api"),
        ("clients", "one, two"),
    ];
    let refused = does(&browser, "add-issuer", &issuer).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.body.contains("id=\"issuer-error\""),
        "{}",
        refused.body
    );
    go(
        "add-issuer",
        &[("issuer", "https://as.example"), issuer[1], issuer[2]],
    )
    .await;
    let page = browser.get(PAGE).await.body;
    assert!(page.contains("<code>https://as.example</code>"), "{page}");
    assert!(page.contains("one, two"), "{page}");
    go("scim", &[("enabled", "1"), ("done", "1")]).await;
    let page = browser.get(PAGE).await.body;
    assert!(!page.contains("Ready to be activated"));
    // The current user is the backup login without any action.
    assert_eq!(page.matches("class=\"step green\"").count(), 6, "{page}");
    go("users", &[("done", "1")]).await;
    go(
        "backup-login",
        &[("backup_login", "owner@vendor-mail.example")],
    )
    .await;
    assert!(
        browser
            .get(PAGE)
            .await
            .body
            .contains("Activate Integration")
    );
    go("activate", &[]).await;
    let page = browser.get(PAGE).await.body;
    assert_eq!(page.matches("class=\"step green\"").count(), 7);
    assert!(page.contains("Deactivate"));
}

#[tokio::test]
async fn a_form_from_elsewhere_changes_nothing() {
    let parties = Parties::start().await;
    let browser = register_on_pages(&parties).await;
    let url = format!("{}{PAGE}/start", browser.base);
    let send = async |token: &str, origin: Option<&str>| {
        let mut request = browser.client.post(&url).form(&[("csrf", token)]);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        request.send().await.unwrap().status()
    };
    assert_eq!(send("", None).await, StatusCode::FORBIDDEN);
    assert_eq!(send("guessed", None).await, StatusCode::FORBIDDEN);
    // The form token of another browser is refused as well.
    let other = parties.browser().get("/login").await.body;
    let (_, rest) = other.split_once("name=\"csrf\" value=\"").unwrap();
    let theirs = rest.split('"').next().unwrap();
    assert_eq!(send(theirs, None).await, StatusCode::FORBIDDEN);
    let mine = browser.get(PAGE).await.body;
    let (_, rest) = mine.split_once("name=\"csrf\" value=\"").unwrap();
    let mine = rest.split('"').next().unwrap();
    let evil = Some("https://evil.example");
    assert_eq!(send(mine, evil).await, StatusCode::FORBIDDEN);
    assert!(browser.get(PAGE).await.body.contains("Start Configuring"));
    assert_eq!(send(mine, None).await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn every_page_has_a_strict_policy_and_runs_no_inline_script_or_style() {
    let parties = Parties::start().await;
    let (browser, _) = parties.create_integration(3).await;
    for path in [
        "/login",
        "/register",
        "/directdownload/pd?experience=sso",
        "/dashboard",
        "/register-key",
        "/profile/business/general",
        "/profile/business/users?role=All&status=All",
        PAGE,
        "/subscriptions",
        "/licenses",
        "/audit",
        "/scim-log",
    ] {
        let url = format!("{}{path}", browser.base);
        let answer = browser.client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(
            policy.contains("script-src 'self'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(answer.headers()["cache-control"], "no-store", "{path}");
        let body = answer.text().await.unwrap();
        for inline in [" style=\"", "<style", " onclick", "javascript:"] {
            assert!(!body.contains(inline), "{path} has {inline}");
        }
    }
    // These pages need a session.
    let stranger = parties.browser();
    for path in ["/dashboard", PAGE, "/audit", "/scim-log", "/licenses"] {
        let answer = stranger.get(path).await;
        assert_eq!(answer.location.as_deref(), Some("/login"), "{path}");
    }
}

#[tokio::test]
async fn license_holders_are_shown_and_a_device_is_released() {
    let parties = Parties::start().await;
    let (browser, tenant) = parties.create_integration(3).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    activate(&parties, &tenant, &anna, "mac-of-anna")
        .await
        .is(200);
    let page = browser.get("/subscriptions").await.body;
    assert!(page.contains("<strong>1</strong> in use") && page.contains("<strong>2</strong> free"));
    let page = browser.get("/licenses").await.body;
    assert!(page.contains("anna@corp.example") && page.contains("mac-of-anna"));
    let listed = browser.get("/api/business/licenses").await.is(200);
    let license = listed["licenses"][0]["id"].as_str().unwrap();
    let fields = [("license", license), ("device", "mac-of-anna")];
    browser
        .fill_in("/licenses", "/licenses/release", &fields)
        .await
        .is(303);
    assert!(!browser.get("/licenses").await.body.contains("mac-of-anna"));
    let page = browser
        .get("/profile/business/users?role=All&status=All")
        .await
        .body;
    assert!(page.contains("SSO") && page.contains("local"));
}

#[tokio::test]
async fn the_sync_log_has_each_scim_requests_outcome() {
    let mut parties = Parties::start().await;
    let (browser, _) = parties.create_integration(3).await;
    let token = browser
        .post(&step("scim/token"), &Value::Null)
        .await
        .is(201);
    let shown = browser.get("/api/business/idp-integration").await.is(200);
    let base = shown["scim"]["base_url"].as_str().unwrap();
    let users = format!("{base}/Users");
    let bearer = token["token"].as_str().unwrap();
    let client = reqwest::Client::new();
    let ask = async |bearer: &str, body: &Value| {
        let request = client.post(&users).bearer_auth(bearer).json(body);
        request.send().await.unwrap().status().as_u16()
    };
    let anna = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna@corp.example"});
    assert_eq!(ask(bearer, &anna).await, 201);
    assert_eq!(ask(bearer, &anna).await, 409);
    assert_eq!(ask("wrong", &anna).await, 401);
    let log = browser.get("/api/business/scim-log").await.is(200);
    let statuses: Vec<i64> = log["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|request| request["status"].as_i64().unwrap())
        .collect();
    assert_eq!(statuses, [401, 409, 201], "newest first");
    assert_eq!(log["requests"][0]["path"], "/Users");
    let page = browser.get("/scim-log").await.body;
    assert!(page.contains(">409<") && page.contains("POST"));
    // The log survives a restart of the portal.
    assert_eq!(ask(bearer, &anna).await, 409);
    parties.restart().await;
    let log = browser.get("/api/business/scim-log").await.is(200);
    assert_eq!(log["requests"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn a_login_changes_the_session_and_sign_out_everywhere_ends_all() {
    let parties = Parties::start().await;
    let first = parties.register_account("jo@mail.example").await;
    let before = log_in_for_cookie(&first).await;
    let credentials = json!({"email": "jo@mail.example", "password": PASSWORD});
    first.post("/api/session", &credentials).await.is(200);
    let after = log_in_for_cookie(&first).await;
    assert_ne!(before, after);
    let stale = parties.browser();
    let url = format!("{}/api/session", stale.base);
    let with = stale.client.get(url).header("cookie", &before);
    assert_eq!(
        with.send().await.unwrap().status(),
        401,
        "the previous session has ended"
    );
    let second = parties.browser();
    second.post("/api/session", &credentials).await.is(200);
    first
        .fill_in("/dashboard", "/logout-everywhere", &[])
        .await
        .is(303);
    second
        .get("/api/session")
        .await
        .problem(401, "not-logged-in");
    first
        .get("/api/session")
        .await
        .problem(401, "not-logged-in");
}

/// Returns the session cookie of a new login, as a new client receives it.
async fn log_in_for_cookie(browser: &Browser) -> String {
    let credentials = json!({"email": "jo@mail.example", "password": PASSWORD});
    let url = format!("{}/api/session", browser.base);
    let answer = browser
        .client
        .post(url)
        .json(&credentials)
        .send()
        .await
        .unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_session_ends_when_idle_and_at_its_absolute_end() {
    let parties = Parties::start().await;
    let browser = parties.register_account("jo@mail.example").await;
    let clock = parties.ambient.clock();
    for _ in 0..7 {
        clock.advance(SignedDuration::from_mins(100)).unwrap();
        browser.get("/api/session").await.is(200);
    }
    clock.advance(SignedDuration::from_mins(100)).unwrap();
    browser
        .get("/api/session")
        .await
        .problem(401, "not-logged-in");
    let idle = parties.browser();
    let credentials = json!({"email": "jo@mail.example", "password": PASSWORD});
    idle.post("/api/session", &credentials).await.is(200);
    clock.advance(SignedDuration::from_mins(121)).unwrap();
    idle.get("/api/session").await.problem(401, "not-logged-in");
}

#[tokio::test]
async fn one_address_that_tries_many_accounts_must_wait() {
    let parties = Parties::start().await;
    let browser = parties.browser();
    let attempts = parties.config.login_attempts * 10;
    for n in 0..attempts {
        let wrong = json!({"email": format!("jo{n}@mail.example"), "password": "wrong horse"});
        browser
            .post("/api/session", &wrong)
            .await
            .problem(401, "wrong-credentials");
    }
    let one_more = json!({"email": "al@mail.example", "password": "wrong horse"});
    browser
        .post("/api/session", &one_more)
        .await
        .problem(429, "too-many-attempts");
}

#[tokio::test]
async fn an_idp_of_a_federation_and_the_finer_settings_are_chosen_at_step_4() {
    let parties = Parties::start().await;
    let (browser, _) = parties.create_integration(1).await;
    let mut ours = parties.idp.metadata();
    let by_post = format!("{}/post", ours.sso[0].location);
    ours.sso.push(Endpoint::at(names::HTTP_POST, &by_post));
    let mut other = parties.idp.metadata();
    other.entity_id = "https://other.example".to_owned();
    let federation = format!(
        "<md:EntitiesDescriptor xmlns:md=\"{}\">{}{}</md:EntitiesDescriptor>",
        names::METADATA,
        other.to_xml(),
        ours.to_xml()
    );
    let mut fields = vec![("metadata_xml", federation.as_str())];
    let refused = does(&browser, "saml", &fields).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.body.contains("The metadata of 2 IdPs") && refused.body.contains(&ours.entity_id),
        "{}",
        refused.body
    );
    fields.push(("metadata_entity_id", &ours.entity_id));
    let unsigned = [&fields[..], &[("metadata_signed_by", "nobody’s")]].concat();
    let refused = does(&browser, "saml", &unsigned).await;
    assert!(
        refused.body.contains("id=\"metadata_signed_by-error\""),
        "{}",
        refused.body
    );
    does(&browser, "saml", &fields).await.is(303);
    let shown = browser.get("/api/business/idp-integration").await.is(200);
    assert_eq!(shown["identity_provider"]["entity_id"], ours.entity_id);
    let classes = format!(
        "{}\n{}",
        names::PASSWORD_PROTECTED_TRANSPORT,
        names::PASSWORD
    );
    let settings = [
        ("request_binding", "post"),
        ("sign_requests", "1"),
        ("force_authn", "1"),
        ("authn_context", classes.as_str()),
        ("comparison", "minimum"),
        ("signature_policy", "both"),
        ("encryption", "1"),
    ];
    does(&browser, "saml-settings", &settings).await.is(303);
    let shown = browser.get("/api/business/idp-integration").await.is(200);
    let wanted = json!({
        "signature_policy": "both", "unsolicited": false, "sign_requests": true,
        "encryption": true, "request_binding": "post", "force_authn": true,
        "accept_expired_certificates": false,
        "authn_context": {"comparison": "minimum",
            "classes": [names::PASSWORD_PROTECTED_TRANSPORT, names::PASSWORD]},
    });
    assert_eq!(shown["saml_settings"], wanted);
    // The form shows the chosen values; emptying a field removes its value.
    let page = browser.get(PAGE).await.body;
    assert!(
        page.contains("<option value=\"minimum\" selected>"),
        "{page}"
    );
    let fewer = [
        ("request_binding", "redirect"),
        ("signature_policy", "either"),
    ];
    does(&browser, "saml-settings", &fewer).await.is(303);
    let shown = browser.get("/api/business/idp-integration").await.is(200);
    assert_eq!(shown["saml_settings"]["authn_context"], Value::Null);
    assert_eq!(shown["saml_settings"]["force_authn"], false);
}

#[tokio::test]
async fn the_forgotten_password_page_names_who_can_help() {
    let parties = Parties::start().await;
    let browser = parties.browser();
    let login = browser.get("/login").await;
    assert!(
        login.body.contains("href=\"/forgot-password\""),
        "{}",
        login.body
    );
    let page = browser.get("/forgot-password").await;
    page.is(200);
    for who in [
        "your identity provider",
        "an administrator of your business account",
        "the operator",
    ] {
        assert!(page.body.contains(who), "{who}: {}", page.body);
    }
}
