//! Further settings of step 4: binding and content of requests, validity of
//! metadata and sessions, and the target of IdP-initiated logins.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use jiff::SignedDuration;
use saml::Limits;
use saml::acceptance::TrustedKeys;
use saml::binding::Parameter;
use saml::keys::{Certificate, SigningKey};
use saml::message::AuthnRequest;
use saml::metadata::{Endpoint, SpMetadata};
use saml::names;
use saml::reception::Received;
use saml::signature::Signer;
use serde_json::{Value, json};

use crate::parties::{Answer, Browser, IDP, Parties, Person, Tenant, step, text};

fn anna() -> Person {
    Person::new("anna@corp.example", &["g-users"])
}

async fn fetch_refusal(admin: &Browser, answer: &Answer) -> Value {
    let (_, rest) = answer.body.split_once("id=\"reference\">").unwrap();
    let reference = rest.split('<').next().unwrap();
    let path = format!("/api/business/refusals/{reference}");
    admin.get(&path).await.is(200)
}

/// Decodes the AuthnRequest on a page that posts it to the IdP.
async fn read_posted_request(parties: &Parties, tenant: &Tenant, page: &Answer) -> AuthnRequest {
    let rest = page
        .body
        .split_once("name=\"SAMLRequest\" type=\"hidden\" value=\"");
    let field = rest.expect("a form").1.split_once('"').unwrap().0;
    let limits = Limits::default();
    let received = Received::by_form(Parameter::Request, field, None, &limits).unwrap();
    let id = tenant.entity_id.rsplit('/').next().unwrap();
    let metadata = parties.browser().get(&format!("/saml/metadata/{id}")).await;
    let metadata = SpMetadata::parse(&metadata.body).unwrap();
    assert!(metadata.authn_requests_signed);
    let keys = TrustedKeys::new(metadata.certificates).unwrap();
    received
        .verify::<AuthnRequest>(&keys)
        .unwrap()
        .message()
        .clone()
}

#[tokio::test]
async fn requests_use_post_if_chosen_or_if_it_is_the_only_binding() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let by_post = Endpoint::at(names::HTTP_POST, &format!("{IDP}/saml20/idp/sso/post"));
    let mut metadata = parties.idp.metadata();
    metadata.want_authn_requests_signed = true;
    metadata.sso.push(by_post.clone());
    let enter = async |metadata: &saml::metadata::IdpMetadata| {
        let body = json!({"metadata_xml": metadata.to_xml()});
        admin.put(&step("saml"), &body).await.is(200)
    };
    enter(&metadata).await;
    let start = "/sso/start?email=anna%40corp.example";
    parties.browser().get(start).await.is(302);
    let settings = json!({"request_binding": "post"});
    admin.put(&step("saml-settings"), &settings).await.is(200);
    let browser = parties.browser();
    let page = browser.get(start).await;
    let request = read_posted_request(&parties, &tenant, &page).await;
    assert_eq!(request.destination, Some(by_post.location.clone()));
    // The Response is accepted like any other.
    let xml = parties.idp.sign_response(&tenant, &request, &anna());
    browser
        .post_response(&tenant.acs_url, &xml, "")
        .await
        .is(303);

    metadata.sso = vec![by_post];
    let shown = enter(&metadata).await;
    assert_eq!(shown["saml_settings"]["request_binding"], "post");
    read_posted_request(&parties, &tenant, &parties.browser().get(start).await).await;
    let wrong = json!({"request_binding": "artifact"});
    let answer = admin.put(&step("saml-settings"), &wrong).await;
    answer.problem(400, "invalid-request-binding");

    // Without an SSO URL for it, "post" is refused, and nothing of the request is stored.
    let shown = enter(&parties.idp.metadata()).await;
    assert_eq!(shown["saml_settings"]["force_authn"], false);
    let unusable = json!({"request_binding": "post", "force_authn": true});
    let answer = admin.put(&step("saml-settings"), &unusable).await;
    answer.problem(409, "no-post-url");
    let shown = enter(&parties.idp.metadata()).await;
    assert_eq!(shown["saml_settings"]["force_authn"], false);
}

#[tokio::test]
async fn the_response_must_fulfill_the_request() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let smartcard = "urn:oasis:names:tc:SAML:2.0:ac:classes:Smartcard";
    let settings = json!({"authn_context": {"classes": [smartcard]}, "force_authn": true});
    admin.put(&step("saml-settings"), &settings).await.is(200);
    let browser = parties.browser();
    let (request, relay_state) = browser.start_sso("anna@corp.example").await;
    assert!(request.force_authn && !request.is_passive);
    let context = request.requested_authn_context.clone().unwrap();
    assert_eq!(context.class_refs, [smartcard]);
    let xml = parties.idp.sign_response(&tenant, &request, &anna());
    let answer = browser
        .post_response(&tenant.acs_url, &xml, &relay_state)
        .await;
    answer.is(403);
    assert_eq!(
        fetch_refusal(&admin, &answer).await["code"],
        "wrong-authn-context"
    );

    let weaker = json!({"authn_context": {"comparison": "minimum", "classes": [names::PASSWORD]}});
    admin.put(&step("saml-settings"), &weaker).await.is(200);
    let (request, relay_state) = browser.start_sso("anna@corp.example").await;
    let xml = parties.idp.sign_response(&tenant, &request, &anna());
    let answer = browser
        .post_response(&tenant.acs_url, &xml, &relay_state)
        .await;
    answer.is(303);

    // The identity provider did not ask for the password again.
    let browser = parties.browser();
    let (request, relay_state) = browser.start_sso("anna@corp.example").await;
    let mut draft = parties.idp.draft(&tenant, &request, &anna());
    draft.assertions[0].authn_statements[0].authn_instant -= SignedDuration::from_hours(1);
    let xml = parties.idp.sign(&draft);
    let answer = browser
        .post_response(&tenant.acs_url, &xml, &relay_state)
        .await;
    answer.is(403);
    let refusal = fetch_refusal(&admin, &answer).await;
    assert_eq!(refusal["code"], "sign-on-too-old");
    let wrong = json!({"authn_context": {"comparison": "equal", "classes": ["x"]}});
    let answer = admin.put(&step("saml-settings"), &wrong).await;
    answer.problem(400, "invalid-authn-context");
}

#[tokio::test]
async fn a_login_may_require_the_password_again_or_no_interaction() {
    let parties = Parties::start().await;
    parties.create_integration(5).await;
    for (prompt, force, passive) in [("login", true, false), ("none", false, true)] {
        let start = format!("/sso/start?email=anna%40corp.example&prompt={prompt}");
        let answer = parties.browser().get(&start).await;
        let (request, _) = crate::parties::sent_request(&answer.location.unwrap());
        assert_eq!((request.force_authn, request.is_passive), (force, passive));
    }
}

#[tokio::test]
async fn a_session_ends_no_later_than_the_idps() {
    let parties = Parties::start().await;
    let (_, tenant) = parties.create_integration(5).await;
    let browser = parties.browser();
    let (request, relay_state) = browser.start_sso("anna@corp.example").await;
    let mut draft = parties.idp.draft(&tenant, &request, &anna());
    let end = parties.ambient.now() + SignedDuration::from_mins(10);
    draft.assertions[0].authn_statements[0].session_not_on_or_after = Some(end);
    let xml = parties.idp.sign(&draft);
    let answer = browser
        .post_response(&tenant.acs_url, &xml, &relay_state)
        .await;
    answer.is(303);
    let clock = parties.ambient.clock();
    clock.advance(SignedDuration::from_mins(9)).unwrap();
    browser.get("/whoami").await.is(200);
    clock.advance(SignedDuration::from_mins(2)).unwrap();
    browser.get("/whoami").await.is(401);
}

#[tokio::test]
async fn idp_initiated_login_redirects_only_to_pages_of_the_portal() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let settings = json!({"unsolicited": true});
    admin.put(&step("saml-settings"), &settings).await.is(200);
    let base = parties.portal().base_url().to_owned();
    let whole = format!("{base}/profile");
    let long = format!("/{}", "a".repeat(80));
    let evil = format!("{base}.evil.example/");
    let user = format!("{base}@evil.example/");
    for (number, (relay_state, expected)) in [
        ("/profile?tab=1", "/profile?tab=1"),
        (whole.as_str(), "/profile"),
        ("", "/dashboard"),
        ("https://evil.example/", "/dashboard"),
        ("//evil.example", "/dashboard"),
        ("/\\evil.example", "/dashboard"),
        ("javascript:alert(1)", "/dashboard"),
        (evil.as_str(), "/dashboard"),
        (user.as_str(), "/dashboard"),
        (long.as_str(), "/dashboard"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("_{number}");
        let xml = parties.idp.sign_unsolicited_response(&tenant, &id, &anna());
        let browser = parties.browser();
        let answer = browser
            .post_response(&tenant.acs_url, &xml, relay_state)
            .await;
        assert_eq!(answer.location.as_deref(), Some(expected), "{relay_state}");
    }
}

#[tokio::test]
async fn expired_metadata_is_refused_when_entered_and_at_the_login() {
    let parties = Parties::start().await;
    let (admin, _) = parties.create_integration(5).await;
    let mut metadata = parties.idp.metadata();
    metadata.valid_until = Some(parties.ambient.now());
    let body = json!({"metadata_xml": metadata.to_xml()});
    let answer = admin.put(&step("saml"), &body).await;
    let problem = answer.problem(400, "metadata-invalid");
    assert!(
        text(&problem["detail"]).contains("the metadata expired at"),
        "{problem}"
    );

    metadata.valid_until = Some(parties.ambient.now() + SignedDuration::from_hours(1));
    let body = json!({"metadata_xml": metadata.to_xml()});
    let shown = admin.put(&step("saml"), &body).await.is(200);
    assert!(shown["identity_provider"]["metadata"]["valid_until"].is_string());
    let start = "/sso/start?email=anna%40corp.example";
    parties.browser().get(start).await.is(302);
    let clock = parties.ambient.clock();
    clock.advance(SignedDuration::from_mins(61)).unwrap();
    let answer = parties.browser().get(start).await;
    answer.is(403);
    assert_eq!(
        fetch_refusal(&admin, &answer).await["code"],
        "idp-metadata-expired"
    );
}

#[tokio::test]
async fn signed_metadata_is_accepted_with_the_given_certificate() {
    let parties = Parties::start().await;
    let (admin, _) = parties.create_integration(5).await;
    let signed = parties.idp.metadata().to_signed_xml("_m", &parties.idp.key);
    let signed = signed.unwrap();
    let enter = async |xml: &str, signer: &Certificate| {
        let body = json!({"metadata_xml": xml, "metadata_signed_by": signer.to_pem()});
        admin.put(&step("saml"), &body).await
    };
    let (own, theirs) = (parties.idp.key.certificate(), another_key());
    enter(&signed, own).await.is(200);
    let wrong = enter(&signed, theirs.certificate()).await;
    wrong.problem(400, "metadata-invalid");
    let changed = signed.replace("/saml20/idp/sso\"", "/saml20/idp/evil\"");
    assert_ne!(changed, signed);
    let problem = enter(&changed, own).await.problem(400, "metadata-invalid");
    assert!(
        text(&problem["detail"]).contains("changed after"),
        "{problem}"
    );
}

fn another_key() -> SigningKey {
    let pair = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["idp.example".to_owned()]).unwrap();
    let pem = params.self_signed(&pair).unwrap().pem();
    SigningKey::new(&pair.serialize_pem(), Certificate::parse(&pem).unwrap()).unwrap()
}

#[tokio::test]
async fn a_new_key_is_read_when_the_cache_expires() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let mut metadata = parties.idp.metadata();
    metadata.cache_duration = Some("PT1H".to_owned());
    let published = Arc::new(Mutex::new(metadata.to_xml()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metadata", listener.local_addr().unwrap());
    let shown = Arc::clone(&published);
    let handler = move || std::future::ready(shown.lock().unwrap().clone());
    let router = Router::new().route("/metadata", get(handler));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let body = json!({"metadata_url": url});
    admin.put(&step("saml"), &body).await.is(200);

    let new = another_key();
    metadata.signing_certificates = vec![new.certificate().clone()];
    *published.lock().unwrap() = metadata.to_xml();
    let with_new = async || {
        let browser = parties.browser();
        let (request, relay_state) = browser.start_sso("anna@corp.example").await;
        let signer = Signer {
            assertion: true,
            ..Signer::of_documents(new.clone())
        };
        let xml = signer.sign(&parties.idp.draft(&tenant, &request, &anna()));
        let xml = xml.unwrap();
        browser
            .post_response(&tenant.acs_url, &xml, &relay_state)
            .await
    };
    // The known metadata may be used for an hour.
    let answer = with_new().await;
    answer.is(403);
    assert_eq!(
        fetch_refusal(&admin, &answer).await["code"],
        "signature-invalid"
    );
    let clock = parties.ambient.clock();
    clock.advance(SignedDuration::from_mins(61)).unwrap();
    with_new().await.is(303);
    // The metadata URL fails: the portal continues with the known metadata.
    *published.lock().unwrap() = "nothing".to_owned();
    clock.advance(SignedDuration::from_mins(61)).unwrap();
    with_new().await.is(303);
}

#[tokio::test]
async fn metadata_that_hangs_is_fetched_once_and_delays_no_later_login() {
    let parties = Parties::start().await;
    let (admin, _) = parties.create_integration(5).await;
    let mut metadata = parties.idp.metadata();
    metadata.cache_duration = Some("PT1H".to_owned());
    let text = metadata.to_xml();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metadata", listener.local_addr().unwrap());
    let fetches = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&fetches);
    // The first request, when the URL is entered, is answered.
    let handler = move || {
        let (count, text) = (counted.fetch_add(1, Ordering::SeqCst), text.clone());
        async move {
            if count > 0 {
                std::future::pending::<()>().await;
            }
            text
        }
    };
    let router = Router::new().route("/metadata", get(handler));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let body = json!({"metadata_url": url});
    admin.put(&step("saml"), &body).await.is(200);
    let clock = parties.ambient.clock();
    clock.advance(SignedDuration::from_mins(61)).unwrap();
    let browsers: Vec<_> = (0..10).map(|_| parties.browser()).collect();
    let logins = browsers
        .iter()
        .map(|browser| browser.start_sso("anna@corp.example"));
    futures::future::join_all(logins).await;
    assert_eq!(fetches.load(Ordering::SeqCst), 2);
}
