//! Tests of single sign-on in a browser (G-10, G-16 to G-18).

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::parties::{Answer, Browser, Parties, Person, Tenant, step, text};

async fn log_in(parties: &Parties, tenant: &Tenant, browser: &Browser, person: &Person) -> Answer {
    let (request, relay_state) = browser.start_sso("anna@corp.example").await;
    let xml = parties.idp.sign_response(tenant, &request, person);
    browser
        .post_response(&tenant.acs_url, &xml, &relay_state)
        .await
}

/// Returns the refusal that the administrator finds by the reference number on
/// a page.
async fn fetch_refusal(admin: &Browser, answer: &Answer) -> Value {
    let page = &answer.body;
    let (_, rest) = page.split_once("id=\"reference\">").expect("a reference");
    let reference = rest.split('<').next().unwrap();
    admin
        .get(&format!("/api/business/refusals/{reference}"))
        .await
        .is(200)
}

#[tokio::test]
async fn a_member_of_the_admins_group_administers_the_business_account() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let browser = parties.browser();
    browser.get("/whoami").await.is(401);
    let anna = Person::new("anna@corp.example", &["g-admins"]);
    let answer = log_in(&parties, &tenant, &browser, &anna).await;
    answer.is(303);
    assert_eq!(answer.location.as_deref(), Some("/dashboard"));
    let who = browser.get("/whoami").await.is(200);
    assert_eq!(who["email"], "anna@corp.example");
    assert_eq!(who["roles"], json!(["admin"]));
    let users = browser.get("/api/business/users").await.is(200);
    let anna = &users["users"][1];
    assert_eq!(
        (&anna["source"], &anna["role"]),
        (&json!("sso"), &json!("admin"))
    );
    assert!(
        browser
            .get("/dashboard")
            .await
            .body
            .contains("anna@corp.example")
    );
    assert_eq!(
        admin.get("/api/business/licenses").await.is(200)["licenses"],
        json!([])
    );
}

#[tokio::test]
async fn a_member_of_the_users_group_enters_and_does_not_administer() {
    let parties = Parties::start().await;
    let (_, tenant) = parties.create_integration(5).await;
    let browser = parties.browser();
    let anna = Person::new("anna@corp.example", &["Desktop Users", "Other"]);
    log_in(&parties, &tenant, &browser, &anna).await.is(303);
    assert_eq!(
        browser.get("/whoami").await.is(200)["roles"],
        json!(["user"])
    );
    browser
        .get("/api/business/users")
        .await
        .problem(403, "not-an-admin");
}

#[tokio::test]
async fn a_group_in_the_wrong_letter_case_is_refused_and_explained_to_the_admin() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let browser = parties.browser();
    let anna = Person::new("anna@corp.example", &["desktop users"]);
    let answer = log_in(&parties, &tenant, &browser, &anna).await;
    answer.is(403);
    assert!(
        !answer.body.contains("desktop users"),
        "the page must not show the reason"
    );
    let reason = fetch_refusal(&admin, &answer).await;
    assert_eq!(reason["code"], "not-in-any-group");
    let private = text(&reason["private"]);
    assert!(
        private.contains("`Desktop Users`")
            && private.contains("`desktop users`")
            && private.contains("letter case"),
        "{private}"
    );
    browser.get("/whoami").await.is(401);
    let users = admin.get("/api/business/users").await.is(200);
    assert_eq!(
        users["users"].as_array().unwrap().len(),
        1,
        "no user was created"
    );
}

#[tokio::test]
async fn an_attribute_in_the_wrong_letter_case_is_refused_by_name() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let mut anna = Person::new("anna@corp.example", &["g-users"]);
    anna.attributes[0].0 = "displayName";
    let answer = log_in(&parties, &tenant, &parties.browser(), &anna).await;
    answer.is(403);
    let reason = fetch_refusal(&admin, &answer).await;
    assert_eq!(reason["code"], "attribute-name-case");
    assert!(
        text(&reason["private"]).contains("expected `displayname`, got `displayName`"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_tampered_response_is_refused_with_a_reference_and_no_reason() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let browser = parties.browser();
    let (request, relay_state) = browser.start_sso("anna@corp.example").await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let xml = parties
        .idp
        .sign_response(&tenant, &request, &anna)
        .replace("g-users", "g-admins");
    let answer = browser
        .post_response(&tenant.acs_url, &xml, &relay_state)
        .await;
    answer.is(403);
    assert!(!answer.body.contains("signature"), "{}", answer.body);
    assert_eq!(
        fetch_refusal(&admin, &answer).await["code"],
        "signature-invalid"
    );
    browser.post_response(&tenant.acs_url, "", "").await.is(403);
    let garbage = browser
        .client
        .post(&tenant.acs_url)
        .body("x")
        .send()
        .await
        .unwrap();
    assert_eq!(garbage.status(), 400);
}

#[tokio::test]
async fn a_response_logs_in_once_and_only_in_the_browser_of_the_request() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let (browser, thief) = (parties.browser(), parties.browser());
    let (request, relay_state) = browser.start_sso("anna@corp.example").await;
    let xml = parties.idp.sign_response(
        &tenant,
        &request,
        &Person::new("anna@corp.example", &["g-users"]),
    );
    let stolen = thief
        .post_response(&tenant.acs_url, &xml, &relay_state)
        .await;
    stolen.is(403);
    assert_eq!(
        fetch_refusal(&admin, &stolen).await["code"],
        "request-cookie-missing"
    );
    browser
        .post_response(&tenant.acs_url, &xml, &relay_state)
        .await
        .is(303);
    browser
        .post_response(&tenant.acs_url, &xml, &relay_state)
        .await
        .is(403);
    // The same assertion for another AuthnRequest of the same browser.
    let (second, relay_state) = browser.start_sso("anna@corp.example").await;
    let mut draft = parties.idp.draft(
        &tenant,
        &second,
        &Person::new("anna@corp.example", &["g-users"]),
    );
    draft.assertions[0].id = "_again".to_owned();
    let again = parties.idp.sign(&draft);
    browser
        .post_response(&tenant.acs_url, &again, &relay_state)
        .await
        .is(303);
    let (third, relay_state) = browser.start_sso("anna@corp.example").await;
    let mut draft = parties.idp.draft(
        &tenant,
        &third,
        &Person::new("anna@corp.example", &["g-users"]),
    );
    draft.assertions[0].id = "_again".to_owned();
    let replay = browser
        .post_response(&tenant.acs_url, &parties.idp.sign(&draft), &relay_state)
        .await;
    replay.is(403);
    assert_eq!(
        fetch_refusal(&admin, &replay).await["code"],
        "assertion-replayed"
    );
}

#[tokio::test]
async fn a_response_without_a_request_is_refused() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let browser = parties.browser();
    let (request, _) = browser.start_sso("anna@corp.example").await;
    let mut draft = parties.idp.draft(
        &tenant,
        &request,
        &Person::new("anna@corp.example", &["g-users"]),
    );
    draft.in_response_to = None;
    draft.assertions[0].subject.as_mut().unwrap().confirmations[0].in_response_to = None;
    let answer = parties
        .browser()
        .post_response(&tenant.acs_url, &parties.idp.sign(&draft), "")
        .await;
    answer.is(403);
    assert_eq!(fetch_refusal(&admin, &answer).await["code"], "unsolicited");
}

#[tokio::test]
async fn a_user_of_another_domain_is_refused() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let eve = Person::new("eve@evil.example", &["g-admins"]);
    let answer = log_in(&parties, &tenant, &parties.browser(), &eve).await;
    answer.is(403);
    assert_eq!(fetch_refusal(&admin, &answer).await["code"], "wrong-domain");
}

#[tokio::test]
async fn unknown_unverified_and_deactivated_domains_get_the_same_answer() {
    let parties = Parties::start().await;
    let (admin, _) = parties.create_integration(5).await;
    admin
        .post(&step("domains"), &json!({"domain": "new.example"}))
        .await
        .is(201);
    let page = async |email: &str| {
        let answer = parties
            .browser()
            .get(&format!("/sso/start?email={email}"))
            .await;
        answer.is(403);
        let reference = answer.body.split_once("id=\"reference\">").unwrap().1;
        let reference = reference.split('<').next().unwrap();
        answer.body.replace(reference, "")
    };
    let unknown = page("a@unknown.example").await;
    assert_eq!(unknown, page("a@new.example").await);
    admin.post(&step("deactivate"), &Value::Null).await.is(200);
    assert_eq!(
        unknown.replace("a@unknown", "a@corp"),
        page("a@corp.example").await
    );
    parties
        .browser()
        .get("/sso/start?email=nonsense")
        .await
        .is(400);
}

#[tokio::test]
async fn a_user_who_left_the_groups_loses_access_at_the_next_login() {
    let parties = Parties::start().await;
    let (_, tenant) = parties.create_integration(5).await;
    let browser = parties.browser();
    log_in(
        &parties,
        &tenant,
        &browser,
        &Person::new("anna@corp.example", &["g-admins"]),
    )
    .await
    .is(303);
    browser.get("/api/business/users").await.is(200);
    let elsewhere = parties.browser();
    log_in(
        &parties,
        &tenant,
        &elsewhere,
        &Person::new("anna@corp.example", &["g-users"]),
    )
    .await
    .is(303);
    browser
        .get("/api/business/users")
        .await
        .problem(403, "not-an-admin");
    log_in(
        &parties,
        &tenant,
        &elsewhere,
        &Person::new("anna@corp.example", &[]),
    )
    .await
    .is(403);
    browser.get("/whoami").await.is(401);
}

#[tokio::test]
async fn a_login_that_took_too_long_is_refused() {
    let parties = Parties::start().await;
    let (_, tenant) = parties.create_integration(5).await;
    let browser = parties.browser();
    let (request, relay_state) = browser.start_sso("anna@corp.example").await;
    parties
        .ambient
        .clock()
        .advance(SignedDuration::from_mins(16))
        .unwrap();
    let xml = parties.idp.sign_response(
        &tenant,
        &request,
        &Person::new("anna@corp.example", &["g-users"]),
    );
    browser
        .post_response(&tenant.acs_url, &xml, &relay_state)
        .await
        .is(403);
}

#[tokio::test]
async fn the_metadata_and_the_sign_in_page_are_there_for_the_idp_and_the_user() {
    let parties = Parties::start().await;
    let (_, tenant) = parties.create_integration(5).await;
    let browser = parties.browser();
    let id = tenant.entity_id.rsplit('/').next().unwrap();
    let metadata = browser.get(&format!("/saml/metadata/{id}")).await;
    let read = saml::metadata::SpMetadata::parse(&metadata.body).unwrap();
    assert_eq!(read.entity_id, tenant.entity_id);
    assert_eq!(read.acs[0].endpoint.location, tenant.acs_url);
    let page = browser.get("/directdownload/pd?experience=sso").await;
    assert!(page.body.contains("Continue with SSO"));
    let typed = browser
        .client
        .post(format!("{}/login/sso", browser.base))
        .form(&[("email", "anna@corp.example")])
        .send()
        .await
        .unwrap();
    assert_eq!(typed.status(), 302);
}

#[tokio::test]
async fn corporate_credentials_in_the_portals_dialog_lead_to_sso() {
    let parties = Parties::start().await;
    parties.create_integration(5).await;
    let browser = parties.browser();
    let typed = async |email: &str, password: &str| {
        let form = [("email", email), ("password", password)];
        let answer = browser.fill_in("/login", "/login/password", &form).await;
        (answer.status.as_u16(), answer.body)
    };
    let (status, page) = typed("anna@corp.example", "her corporate password").await;
    assert_eq!(status, 403);
    assert!(page.contains("choose Continue with SSO"), "{page}");
    assert!(!page.contains("her corporate password"));
    assert_eq!(typed("owner@vendor-mail.example", "wrong").await.0, 401);
    let (status, _) = typed("owner@vendor-mail.example", crate::parties::PASSWORD).await;
    assert_eq!(status, 303);
    assert!(
        browser
            .get("/dashboard")
            .await
            .body
            .contains("owner@vendor-mail.example")
    );
}

#[tokio::test]
async fn requests_are_signed_when_the_admin_wants_it_with_the_key_of_the_metadata() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let before = parties
        .browser()
        .start_sso_and_get_query("anna@corp.example")
        .await;
    assert!(!before.contains("Signature="), "{before}");
    let settings = json!({"sign_requests": true});
    admin.put(&step("saml-settings"), &settings).await.is(200);
    let query = parties
        .browser()
        .start_sso_and_get_query("anna@corp.example")
        .await;
    let message = saml::binding::redirect::decode(&query, &saml::Limits::default()).unwrap();
    let (_, id) = tenant.acs_url.rsplit_once('/').unwrap();
    let path = format!("/saml/metadata/{id}");
    let metadata = parties.browser().get(&path).await.body;
    let metadata = saml::metadata::SpMetadata::parse(&metadata).unwrap();
    assert!(metadata.authn_requests_signed);
    assert!(message.signature.unwrap().verify(&metadata.certificates));
}

#[tokio::test]
async fn the_tenant_chooses_the_required_signature() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    // The IdP signs only the assertion.
    for (policy, status) in [
        ("assertion", 303),
        ("either", 303),
        ("response", 403),
        ("both", 403),
    ] {
        let settings = json!({"signature_policy": policy});
        admin.put(&step("saml-settings"), &settings).await.is(200);
        let answer = log_in(&parties, &tenant, &parties.browser(), &anna).await;
        answer.is(status);
        if status == 403 {
            assert_eq!(fetch_refusal(&admin, &answer).await["code"], "not-signed");
        }
    }
    let none = json!({"signature_policy": "none"});
    let answer = admin.put(&step("saml-settings"), &none).await;
    answer.problem(400, "invalid-signature-policy");
}

#[tokio::test]
async fn an_unsolicited_response_is_accepted_only_if_the_tenant_allows_it() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let unsolicited = |id: &str| parties.idp.sign_unsolicited_response(&tenant, id, &anna);
    let browser = parties.browser();
    let answer = browser
        .post_response(&tenant.acs_url, &unsolicited("_one"), "")
        .await;
    answer.is(403);
    assert_eq!(fetch_refusal(&admin, &answer).await["code"], "unsolicited");
    let settings = json!({"unsolicited": true});
    admin.put(&step("saml-settings"), &settings).await.is(200);
    let xml = unsolicited("_two");
    browser
        .post_response(&tenant.acs_url, &xml, "https://evil.example/")
        .await
        .is(303);
    browser.get("/whoami").await.is(200);
    // It is accepted once like any other Response; a Response to the
    // request of another browser is never accepted.
    let again = parties
        .browser()
        .post_response(&tenant.acs_url, &xml, "")
        .await;
    again.is(403);
    assert_eq!(
        fetch_refusal(&admin, &again).await["code"],
        "assertion-replayed"
    );
    let (request, relay_state) = parties.browser().start_sso("anna@corp.example").await;
    let theirs = parties.idp.sign_response(&tenant, &request, &anna);
    let other = parties
        .browser()
        .post_response(&tenant.acs_url, &theirs, &relay_state)
        .await;
    other.is(403);
}

#[tokio::test]
async fn used_assertions_are_remembered_after_a_restart() {
    let mut parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let settings = json!({"unsolicited": true});
    admin.put(&step("saml-settings"), &settings).await.is(200);
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let xml = parties
        .idp
        .sign_unsolicited_response(&tenant, "_once", &anna);
    let browser = parties.browser();
    browser
        .post_response(&tenant.acs_url, &xml, "")
        .await
        .is(303);
    parties.restart().await;
    let again = parties
        .browser()
        .post_response(&tenant.acs_url, &xml, "")
        .await;
    again.is(403);
    assert_eq!(
        fetch_refusal(&admin, &again).await["code"],
        "assertion-replayed"
    );
    browser.get("/whoami").await.is(200);
}
