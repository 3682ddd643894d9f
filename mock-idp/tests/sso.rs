//! Tests of single sign-on over real sockets. The service provider's code checks the Responses.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use saml::acceptance::Expected;
use saml::binding::post;
use serde_json::json;
use world::{ACS, PASSWORD, SP, World, browser, open};

#[tokio::test]
async fn one_sign_on_is_enough_for_two_logins() {
    let world = World::new().await;
    let group = world
        .create("/groups", json!({"name": "Administrators"}))
        .await;
    world
        .create(
            &format!("/users/{}/memberOfGroups", world.alice),
            json!({"id": group}),
        )
        .await;
    let browser = browser();
    let request = world.request();
    let page = world.sign_on(&browser, &request).await;
    assert_eq!(page.action(), ACS);
    assert_eq!(page.relay_state().as_deref(), Some("state"));
    let expected = Expected::Request(request.id);
    let signed_on = world.judge(&page.saml_response(), expected).await.unwrap();
    assert_eq!(signed_on.name_id().value, world.alice);
    assert_eq!(signed_on.attribute("displayname").unwrap(), ["Alice Adams"]);
    assert_eq!(signed_on.attribute("name").unwrap(), ["alice"]);
    assert_eq!(signed_on.attribute("groups").unwrap(), [group]);
    assert_eq!(
        signed_on.attribute("objectidentifier").unwrap(),
        std::slice::from_ref(&world.alice)
    );

    // With a session, the user is not asked again; with `ForceAuthn`, the user is.
    let mut again = world.request();
    let page = open(browser.get(world.redirect(&again))).await;
    let expected = Expected::Request(again.id.clone());
    world.judge(&page.saml_response(), expected).await.unwrap();
    again.force_authn = true;
    let page = open(browser.get(world.redirect(&again))).await;
    assert!(page.asks_for_a_password());
    // The page names the identity provider, and has a link back to the application.
    assert!(page.body.contains("Rehearsal Identity Provider"));
    assert!(
        page.body.contains("href=\"https://sp.example\">Back to "),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn a_passive_request_without_a_session_is_answered_no_passive() {
    let world = World::new().await;
    let mut request = world.request();
    request.is_passive = true;
    let page = open(browser().get(world.redirect(&request))).await;
    let expected = Expected::Request(request.id);
    let refusal = world.judge(&page.saml_response(), expected).await;
    let refusal = refusal.unwrap_err();
    assert_eq!(refusal.code(), "status-not-success");
    assert!(
        refusal.private().contains("NoPassive"),
        "{}",
        refusal.private()
    );
}

#[tokio::test]
async fn a_request_by_post_and_a_start_at_the_idp_are_answered() {
    let world = World::new().await;
    let browser = browser();
    let sso = format!("{}/{}/saml20/idp", world.idp.base_url(), world.env);
    let request = world.request();
    let fields = [("SAMLRequest", post::encode(&request.to_xml()))];
    let page = open(browser.post(format!("{sso}/sso")).form(&fields)).await;
    let page = page.sign_on(&browser, "Alice", PASSWORD).await;
    let expected = Expected::Request(request.id);
    world.judge(&page.saml_response(), expected).await.unwrap();

    let start = format!("{sso}/startsso?spEntityId={SP}&applicationUrl=/deep");
    let page = open(browser.get(start)).await;
    assert_eq!(page.relay_state().as_deref(), Some("/deep"));
    world
        .judge(&page.saml_response(), Expected::Unsolicited)
        .await
        .unwrap();
}

#[tokio::test]
async fn wrong_passwords_disabled_users_and_strange_requests_get_clear_answers() {
    let world = World::new().await;
    let browser = browser();
    let page = open(browser.get(world.redirect(&world.request()))).await;
    let page = page.sign_on(&browser, "alice", "wrong").await;
    assert_eq!(page.status, 401);
    assert!(page.body.contains("Incorrect username or password"));

    let path = format!("/users/{}/enabled", world.alice);
    world
        .change(Method::PUT, &path, json!({"enabled": false}))
        .await;
    let page = page.sign_on(&browser, "alice", PASSWORD).await;
    assert!(
        page.body.contains("This account is disabled"),
        "{}",
        page.body
    );

    let mut elsewhere = world.request();
    elsewhere.acs_url = Some("https://evil.example/acs".into());
    let page = open(browser.get(world.redirect(&elsewhere))).await;
    assert_eq!(page.status, 400);
    assert!(page.body.contains("no ACS URL of the application Portal"));

    let mut stranger = world.request();
    stranger.issuer = "https://nobody.example".into();
    let page = open(browser.get(world.redirect(&stranger))).await;
    assert!(page.body.contains("SP Entity ID https://nobody.example"));
}

#[tokio::test]
async fn another_browser_cannot_get_the_answer() {
    let world = World::new().await;
    let victim = browser();
    let form = open(victim.get(world.redirect(&world.request()))).await;
    let flow = form
        .url
        .path_segments()
        .unwrap()
        .next_back()
        .unwrap()
        .to_owned();
    let resume = format!(
        "{}/{}/saml20/resume?flowId={flow}",
        world.idp.base_url(),
        world.env
    );
    let fields = [("username", "alice"), ("password", PASSWORD)];
    let hasty = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    open(hasty.post(form.action()).form(&fields)).await;
    let page = open(browser().get(&resume)).await;
    assert_eq!(page.status, 400);
    assert!(page.body.contains("Nobody is signed on in this browser"));

    // A browser with another session cannot either.
    let another = browser();
    world.sign_on(&another, &world.request()).await;
    let page = open(another.get(&resume)).await;
    assert!(
        page.body.contains("belongs to another browser"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn an_application_for_a_group_declines_everyone_else() {
    let world = World::new().await;
    let group = world.create("/groups", json!({"name": "Staff"})).await;
    let access =
        json!({"accessControl": {"group": {"type": "ANY_GROUP", "groups": [{"id": group}]}}});
    let path = format!("/applications/{}", world.app);
    world.change(Method::PATCH, &path, access).await;
    let refusal = world.sign_on_and_judge().await.unwrap_err();
    assert_eq!(refusal.code(), "status-not-success");
    // Membership by a nested group counts as well.
    let inner = world.create("/groups", json!({"name": "Interns"})).await;
    world
        .create(
            &format!("/groups/{inner}/memberOfGroups"),
            json!({"id": group}),
        )
        .await;
    world
        .create(
            &format!("/users/{}/memberOfGroups", world.alice),
            json!({"id": inner}),
        )
        .await;
    world.sign_on_and_judge().await.unwrap();
}

#[tokio::test]
async fn a_subject_without_a_value_gives_an_error_page() {
    let world = World::new().await;
    let attributes = world
        .show(&format!("/applications/{}/attributes", world.app))
        .await;
    let subject = &attributes["_embedded"]["attributes"][0];
    assert_eq!(subject["name"], "saml_subject");
    let path = format!(
        "/applications/{}/attributes/{}",
        world.app,
        subject["id"].as_str().unwrap()
    );
    let mapping = json!({"name": "saml_subject", "value": "${user.externalId}"});
    world.change(Method::PUT, &path, mapping).await;
    let page = world.sign_on(&browser(), &world.request()).await;
    assert_eq!(page.status, 400);
    assert!(
        page.body.contains("saml_subject is required"),
        "{}",
        page.body
    );
    assert!(page.body.contains("Rehearsal Identity Provider"));
    assert!(page.body.contains("Go back to the application"));
}

/// Returns the content of the Response for a user with a session, who is not asked again.
async fn sign_on_again(world: &World, browser: &reqwest::Client) -> saml::acceptance::Checked {
    let request = world.request();
    let page = open(browser.get(world.redirect(&request))).await;
    let expected = Expected::Request(request.id);
    world.judge(&page.saml_response(), expected).await.unwrap()
}

#[tokio::test]
async fn the_next_answer_of_a_session_has_every_change() {
    let world = World::new().await;
    let browser = browser();
    world.sign_on(&browser, &world.request()).await;
    let before = sign_on_again(&world, &browser).await;
    assert_eq!(before.attribute("displayname").unwrap(), ["Alice Adams"]);
    assert_eq!(before.attribute("groups"), None);

    // A change of the user.
    let user = format!("/users/{}", world.alice);
    let renamed = json!({"name": {"given": "Alice", "family": "Baker"}});
    world.change(Method::PATCH, &user, renamed).await;
    let now = sign_on_again(&world, &browser).await;
    assert_eq!(now.attribute("displayname").unwrap(), ["Alice Baker"]);

    // A change of groups: by membership, by nesting, by filter; and the end of the membership.
    let inner = world.create("/groups", json!({"name": "Inner"})).await;
    let join = format!("{user}/memberOfGroups");
    world.create(&join, json!({"id": inner})).await;
    let now = sign_on_again(&world, &browser).await;
    assert_eq!(
        now.attribute("groups").unwrap(),
        std::slice::from_ref(&inner)
    );
    world.delete(&format!("/groups/{inner}")).await;
    assert_eq!(
        sign_on_again(&world, &browser).await.attribute("groups"),
        None
    );

    // A change of the mapping.
    let application = format!("/applications/{}", world.app);
    let mappings = world.show(&format!("{application}/attributes")).await;
    let mappings = mappings["_embedded"]["attributes"].as_array().unwrap();
    let name = mappings.iter().find(|one| one["name"] == "name").unwrap();
    let at = format!("{application}/attributes/{}", name["id"].as_str().unwrap());
    let mapping = json!({"name": "name", "value": "${user.email}"});
    world.change(Method::PUT, &at, mapping).await;
    let now = sign_on_again(&world, &browser).await;
    assert_eq!(now.attribute("name").unwrap(), ["alice@example.com"]);

    // A sign-on of the same user in another browser.
    let mapping = json!({"name": "name", "value": "${user.lastSignOn.at}"});
    world.change(Method::PUT, &at, mapping).await;
    let before = sign_on_again(&world, &browser).await;
    world.advance(60).await;
    world.sign_on(&self::browser(), &world.request()).await;
    let now = sign_on_again(&world, &browser).await;
    assert_ne!(now.attribute("name"), before.attribute("name"));

    // A change of the key.
    let former = world.fetch_metadata().await.signing_certificates;
    let key = json!({"name": "Next", "usageType": "SIGNING", "default": true,
        "algorithm": "RSA", "keyLength": 2048, "validityPeriod": 365,
        "subjectDN": "CN=Next", "signatureAlgorithm": "SHA256withRSA"});
    world.create("/keys", key).await;
    assert_ne!(world.fetch_metadata().await.signing_certificates, former);
    sign_on_again(&world, &browser).await;

    // The end of the session.
    let sessions = world.show(&format!("{user}/sessions")).await;
    let session = &sessions["_embedded"]["sessions"][0]["id"];
    let at = format!("{user}/sessions/{}", session.as_str().unwrap());
    world.delete(&at).await;
    let page = open(browser.get(world.redirect(&world.request()))).await;
    assert!(page.asks_for_a_password(), "{}", page.body);
}

/// Returns the value of the first attribute with this name in a document.
fn attribute(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value.to_owned())
}

#[tokio::test]
async fn a_new_application_gets_responses_as_the_provider_sends_them() {
    let mut world = World::new().await;
    let (password, unspecified) = ("Password", "unspecified");
    for (flavor, signed, class, before, session, name_id, names) in [
        (
            "ping",
            "assertion",
            "PasswordProtectedTransport",
            60,
            None,
            "",
            0,
        ),
        (
            "entra",
            "assertion",
            password,
            300,
            None,
            "alice@example.com",
            8,
        ),
        (
            "okta",
            "both",
            "PasswordProtectedTransport",
            300,
            None,
            "alice",
            3,
        ),
        (
            "google",
            "assertion",
            unspecified,
            300,
            None,
            "alice@example.com",
            0,
        ),
        (
            "onelogin",
            "assertion",
            "PasswordProtectedTransport",
            180,
            Some(86_400),
            "alice@example.com",
            3,
        ),
        (
            "jumpcloud",
            "assertion",
            "PasswordProtectedTransport",
            60,
            None,
            "alice@example.com",
            0,
        ),
        (
            "keycloak",
            "response",
            unspecified,
            0,
            Some(36_000),
            "alice",
            0,
        ),
        (
            "ad-fs",
            "assertion",
            "PasswordProtectedTransport",
            0,
            None,
            "alice",
            4,
        ),
        (
            "ping-federate",
            "assertion",
            unspecified,
            300,
            None,
            "alice",
            3,
        ),
    ] {
        let environment = json!({"name": "Administrators", "flavor": flavor});
        world.change(Method::PUT, "", environment).await;
        world.delete(&format!("/applications/{}", world.app)).await;
        let application =
            json!({"name": "Portal", "spEntityId": SP, "acsUrls": [ACS], "enabled": true});
        world.app = world.create("/applications", application).await;
        if flavor == "entra" {
            let user = format!("/users/{}", world.alice);
            let named = json!({"username": "alice@example.com"});
            world.change(Method::PATCH, &user, named).await;
        }
        let browser = browser();
        let request = world.request();
        let page = open(browser.get(world.redirect(&request))).await;
        let user = if flavor == "entra" {
            "alice@example.com"
        } else {
            "alice"
        };
        let page = page.sign_on(&browser, user, PASSWORD).await;
        let field = page.saml_response();
        let told = world.judge(&field, Expected::Request(request.id)).await;
        let told = told.unwrap_or_else(|error| panic!("{flavor}: {error}"));
        let wanted = if flavor == "ping" {
            world.alice.as_str()
        } else {
            name_id
        };
        assert_eq!(told.name_id().value, wanted, "{flavor}");
        let xml = String::from_utf8(STANDARD.decode(&field).unwrap()).unwrap();
        let (response, assertion) = xml.split_once("<saml:Assertion").unwrap();
        let signs = match (
            response.contains("<ds:Signature"),
            assertion.contains("<ds:Signature"),
        ) {
            (true, true) => "both",
            (true, false) => "response",
            _ => "assertion",
        };
        assert_eq!(signs, signed, "{flavor}");
        let context = format!("ac:classes:{class}</saml:AuthnContextClassRef>");
        assert!(xml.contains(&context), "{flavor}: {xml}");
        let instant = |name: &str| -> Option<jiff::Timestamp> {
            attribute(assertion, name).map(|it| it.parse().unwrap())
        };
        let issued = instant("IssueInstant").unwrap();
        let since = issued.duration_since(instant("NotBefore").unwrap());
        assert_eq!(since.as_secs(), before, "{flavor}");
        let until = instant("SessionNotOnOrAfter").map(|it| it.duration_since(issued).as_secs());
        assert_eq!(until, session, "{flavor}");
        assert_eq!(
            xml.matches("<saml:Attribute ").count(),
            names,
            "{flavor}: {xml}"
        );
        if flavor == "entra" {
            let user = format!("/users/{}", world.alice);
            world
                .change(Method::PATCH, &user, json!({"username": "alice"}))
                .await;
        }
    }
}
