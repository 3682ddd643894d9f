//! Tests of workers, forced password changes, locked accounts, verification, and creation and
//! rotation of keys.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use reqwest::Method;
use serde_json::{Value, json};
use world::{PASSWORD, World, browser, open};

async fn act(world: &World, method: Method, path: &str, act: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/v1{}", world.idp.base_url(), world.at(path));
    let answer = browser()
        .request(method, url)
        .bearer_auth(world.idp.admin_token())
        .header(
            "content-type",
            format!("application/vnd.pingidentity.{act}+json"),
        )
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

async fn request_token(world: &World, env: &str, id: &str, secret: &str) -> (u16, Value) {
    let url = format!("{}/{env}/as/token", world.idp.base_url());
    let answer = browser()
        .post(url)
        .basic_auth(id, Some(secret))
        .form(&[("grant_type", "client_credentials")])
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn get_status_with(world: &World, token: &str, path: &str) -> u16 {
    let url = format!("{}/v1{path}", world.idp.base_url());
    let answer = browser().get(url).bearer_auth(token).send().await.unwrap();
    answer.status().as_u16()
}

#[tokio::test]
async fn a_worker_acts_in_its_own_environment_while_its_token_lasts() {
    let world = World::new().await;
    let worker = json!({"name": "Worker", "protocol": "OPENID_CONNECT", "enabled": true});
    let worker = world.create("/applications", worker).await;
    let secret = world.show(&format!("/applications/{worker}/secret")).await;
    let secret = secret["secret"].as_str().unwrap();
    let (status, refused) = request_token(&world, &world.env, &worker, "wrong").await;
    assert_eq!((status, &refused["error"]), (401, &json!("invalid_client")));
    let (status, issued) = request_token(&world, &world.env, &worker, secret).await;
    assert_eq!((status, &issued["token_type"]), (200, &json!("Bearer")));
    let access = issued["access_token"].as_str().unwrap();
    assert_eq!(
        get_status_with(&world, access, &world.at("/users")).await,
        200
    );

    let other = json!({"name": "Other"});
    let other = world.create_document("/environments", other).await;
    let elsewhere = format!("/environments/{}/users", other["id"].as_str().unwrap());
    assert_eq!(get_status_with(&world, access, &elsewhere).await, 403);
    let (_, strange) = request_token(&world, other["id"].as_str().unwrap(), &worker, secret).await;
    assert_eq!(strange["error"], "invalid_client");

    world.advance(issued["expires_in"].as_i64().unwrap()).await;
    assert_eq!(
        get_status_with(&world, access, &world.at("/users")).await,
        401
    );
    let (_, fresh) = request_token(&world, &world.env, &worker, secret).await;
    let fresh = fresh["access_token"].as_str().unwrap();
    world
        .change(
            Method::POST,
            &format!("/applications/{worker}/secret"),
            json!({}),
        )
        .await;
    assert_eq!(
        get_status_with(&world, fresh, &world.at("/users")).await,
        401
    );
}

#[tokio::test]
async fn a_password_that_must_be_changed_is_changed_at_the_sign_on() {
    let world = World::new().await;
    let path = format!("/users/{}/password", world.alice);
    let (status, forced) = act(
        &world,
        Method::POST,
        &path,
        "password.forceChange",
        json!({}),
    )
    .await;
    assert_eq!(
        (status, &forced["status"]),
        (200, &json!("MUST_CHANGE_PASSWORD"))
    );
    let browser = browser();
    let page = world.sign_on(&browser, &world.request()).await;
    let choose = |new: &'static str| {
        let fields = [
            ("username", "alice"),
            ("currentPassword", PASSWORD),
            ("newPassword", new),
        ];
        browser.post(page.action()).form(&fields)
    };
    let short = open(choose("short")).await;
    assert!(
        short.body.contains("at least 8 characters"),
        "{}",
        short.body
    );
    let done = open(choose("another horse battery")).await;
    done.saml_response();
    let (status, _) = act(
        &world,
        Method::POST,
        &path,
        "password.check",
        json!({"password": "another horse battery"}),
    )
    .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_locked_account_is_unlocked_by_an_administrator_or_after_its_time() {
    let world = World::new().await;
    let path = format!("/users/{}", world.alice);
    for _ in 0..10 {
        let page = open(browser().get(world.redirect(&world.request()))).await;
        page.sign_on(&browser(), "alice", "wrong").await;
    }
    assert_eq!(world.show(&path).await["account"]["status"], "LOCKED");
    let page = world.sign_on(&browser(), &world.request()).await;
    assert!(page.body.contains("locked"), "{}", page.body);
    let (_, unlocked) = act(&world, Method::POST, &path, "account.unlock", json!({})).await;
    assert_eq!(unlocked["account"]["status"], "OK");
    world.sign_on_and_judge().await.unwrap();

    let (_, locked) = act(&world, Method::POST, &path, "account.lock", json!({})).await;
    assert_eq!(locked["account"]["canAuthenticate"], false);
    world.advance(15 * 60).await;
    world.sign_on_and_judge().await.unwrap();
}

#[tokio::test]
async fn a_new_account_is_verified_by_the_code_that_was_sent() {
    let world = World::new().await;
    let bob = world
        .create(
            "/users",
            json!({"username": "bob", "email": "bob@example.com", "password": PASSWORD,
                   "lifecycle": {"status": "VERIFICATION_REQUIRED"}}),
        )
        .await;
    let browser = browser();
    let request = world.request();
    let page = open(browser.get(world.redirect(&request))).await;
    let page = page.sign_on(&browser, "bob", PASSWORD).await;
    assert!(page.body.contains("Verification Code"), "{}", page.body);
    let sent = format!(
        "/control/environments/{}/users/{bob}/verification",
        world.env
    );
    let (_, sent) = world.call_control(Method::GET, &sent, None).await;
    let fields = [
        ("username", "bob"),
        ("code", sent["code"].as_str().unwrap()),
    ];
    let page = open(browser.post(page.action()).form(&fields)).await;
    let page = page.sign_on(&browser, "bob", PASSWORD).await;
    page.saml_response();
    assert_eq!(
        world.show(&format!("/users/{bob}")).await["emailVerified"],
        true
    );
}

#[tokio::test]
async fn an_application_signs_with_the_key_that_was_rotated_in() {
    let world = World::new().await;
    let key = json!({"name": "EC", "algorithm": "EC", "keyLength": 384, "validityPeriod": 90,
        "subjectDN": "CN=EC, O=Example"});
    let made = world.create_document(&world.at("/keys"), key).await;
    assert_eq!(
        (
            &made["algorithm"],
            &made["keyLength"],
            &made["validityPeriod"]
        ),
        (&json!("EC"), &json!(384), &json!(90))
    );
    let key = made["id"].as_str().unwrap();
    let signing = json!({"idpSigning": {"key": {"id": key}, "algorithm": "SHA384withECDSA"}});
    let app = format!("/applications/{}", world.app);
    world.change(Method::PATCH, &app, signing).await;
    world.sign_on_and_judge().await.unwrap();
    let wrong = json!({"idpSigning": {"algorithm": "SHA256withRSA"}});
    let (status, refused) = world
        .call(Method::PATCH, &world.at(&app), Some(wrong))
        .await;
    assert_eq!((status, &refused["code"]), (400, &json!("INVALID_DATA")));
    let (status, refused) = world
        .call(Method::DELETE, &world.at(&format!("/keys/{key}")), None)
        .await;
    assert_eq!(
        (status, &refused["details"][0]["code"]),
        (400, &json!("CONSTRAINT_VIOLATION"))
    );

    let before = world.fetch_metadata().await.signing_certificates;
    let rotated = world
        .create(&format!("/keys/{key}/rotation"), json!({}))
        .await;
    assert_ne!(world.fetch_metadata().await.signing_certificates, before);
    world.sign_on_and_judge().await.unwrap();
    let app = world.show(&app).await;
    assert_eq!(app["idpSigning"]["key"]["id"], json!(rotated));
    world.delete(&format!("/keys/{key}")).await;
}

#[tokio::test]
async fn a_key_is_imported_in_pem_and_asks_for_a_certificate() {
    let world = World::new().await;
    let material = mock_idp::generate_key("Imported", world::start_of_time()).unwrap();
    let import = json!({"name": "Imported", "privateKey": material.private_key,
        "certificate": material.certificate});
    let made = world.create_document(&world.at("/keys"), import).await;
    assert!(
        made["subjectDN"].as_str().unwrap().contains("Imported"),
        "{made}"
    );
    let key = made["id"].as_str().unwrap();
    let signing = json!({"idpSigning": {"key": {"id": key}}});
    let app = format!("/applications/{}", world.app);
    world.change(Method::PATCH, &app, signing).await;
    world.sign_on_and_judge().await.unwrap();

    let path = world.at(&format!("/keys/{key}/csr"));
    let url = format!("{}/v1{path}", world.idp.base_url());
    let request = browser().get(url).bearer_auth(world.idp.admin_token());
    let request = request.send().await.unwrap().text().await.unwrap();
    let begin = "-----BEGIN CERTIFICATE REQUEST-----";
    assert!(request.starts_with(begin), "{request}");
}
