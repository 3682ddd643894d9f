//! Single logout, started by the portal or by the IdP, and messages that end
//! no session.

use jiff::SignedDuration;
use reqwest::StatusCode;
use saml::Limits;
use saml::acceptance::TrustedKeys;
use saml::binding::{Outgoing, Parameter, post, redirect, send};
use saml::encryption::{ContentCipher, Encryption};
use saml::keys::{Certificate, SigningKey};
use saml::message::{
    LogoutRequest, LogoutResponse, NameId, NameIdFormat, Principal, Status, StatusCode as Saml,
};
use saml::metadata::SpMetadata;
use saml::names;
use saml::reception::Received;

use crate::parties::{Answer, Browser, IDP, Parties, Person, Tenant};

const REDIRECT: &str = names::HTTP_REDIRECT;
const POST: &str = names::HTTP_POST;

fn slo_url(tenant: &Tenant) -> String {
    tenant.acs_url.replace("/sso/acs/", "/sso/slo/")
}

/// Logs Anna in by SSO, with this SessionIndex.
async fn log_in(parties: &Parties, tenant: &Tenant, index: &str) -> Browser {
    let browser = parties.browser();
    let (request, relay_state) = browser.start_sso("anna@corp.example").await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let mut draft = parties.idp.draft(tenant, &request, &anna);
    draft.assertions[0].authn_statements[0].session_index = Some(index.to_owned());
    let xml = parties.idp.sign(&draft);
    browser
        .post_response(&tenant.acs_url, &xml, &relay_state)
        .await
        .is(303);
    browser.get("/whoami").await.is(200);
    browser
}

fn request(parties: &Parties, tenant: &Tenant, indexes: &[&str]) -> LogoutRequest {
    let now = parties.ambient.now();
    LogoutRequest {
        id: format!("_{}", parties.ambient.rng().hex(16)),
        issue_instant: now,
        issuer: IDP.to_owned(),
        destination: Some(slo_url(tenant)),
        not_on_or_after: Some(now + SignedDuration::from_mins(5)),
        reason: None,
        principal: Principal::Named(NameId {
            value: "subject".to_owned(),
            format: NameIdFormat::Unspecified,
            name_qualifier: None,
            sp_name_qualifier: None,
        }),
        session_indexes: indexes.iter().map(|&index| index.to_owned()).collect(),
    }
}

/// Sends a message to the portal through the browser, with this binding.
async fn carry(
    browser: &Browser,
    binding: &str,
    parameter: Parameter,
    (location, xml, relay_state): (&str, &str, &str),
    key: Option<&SigningKey>,
) -> Answer {
    match send((binding, location), parameter, xml, Some(relay_state), key).unwrap() {
        Outgoing::Redirect(url) => {
            let path = url.strip_prefix(browser.base.as_str()).unwrap().to_owned();
            browser.get(&path).await
        }
        Outgoing::Form(page) => {
            let field = |name: &str| {
                let input = format!("name=\"{name}\" type=\"hidden\" value=\"");
                let rest = page.split_once(&input).unwrap().1;
                rest.split_once('"').unwrap().0.to_owned()
            };
            let name = parameter.name();
            let form = [(name, field(name)), ("RelayState", field("RelayState"))];
            browser.post_form(location, &form).await
        }
    }
}

async fn send_logout_request(
    parties: &Parties,
    browser: &Browser,
    binding: &str,
    it: &LogoutRequest,
) -> Answer {
    let location = it.destination.clone().unwrap_or_default();
    let message = (location.as_str(), it.to_xml(), "the-idps-state");
    let message = (message.0, message.1.as_str(), message.2);
    let key = Some(&parties.idp.key);
    carry(browser, binding, Parameter::Request, message, key).await
}

/// Returns the keys in the portal's metadata.
async fn read_portal_keys(parties: &Parties, tenant: &Tenant) -> TrustedKeys {
    let id = tenant.entity_id.rsplit('/').next().unwrap();
    let page = parties.browser().get(&format!("/saml/metadata/{id}")).await;
    let metadata = SpMetadata::parse(&page.body).unwrap();
    assert_eq!(metadata.slo[0].location, slo_url(tenant));
    assert_eq!(metadata.slo.len(), 2, "by both bindings");
    TrustedKeys::new(metadata.certificates).unwrap()
}

/// Parses the portal's LogoutResponse to a request of the IdP.
async fn read_logout_response(
    parties: &Parties,
    tenant: &Tenant,
    answer: &Answer,
) -> LogoutResponse {
    assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
    let location = answer.location.clone().unwrap();
    let (address, query) = location.split_once('?').unwrap();
    assert_eq!(address, format!("{IDP}/saml20/idp/slo/response"));
    let received = Received::by_redirect(query, &Limits::default()).unwrap();
    assert_eq!(received.relay_state(), Some("the-idps-state"));
    let keys = read_portal_keys(parties, tenant).await;
    let vouched = received.verify::<LogoutResponse>(&keys).unwrap();
    vouched.message().clone()
}

#[tokio::test]
async fn the_idp_ends_the_session_it_names_and_no_other() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    for binding in [REDIRECT, POST] {
        let one = log_in(&parties, &tenant, "_one").await;
        let other = log_in(&parties, &tenant, "_other").await;
        let logout_request = request(&parties, &tenant, &["_one"]);
        let answer =
            send_logout_request(&parties, &parties.browser(), binding, &logout_request).await;
        let said = read_logout_response(&parties, &tenant, &answer).await;
        assert_eq!(said.status, Status::success());
        assert_eq!(said.in_response_to.as_ref(), Some(&logout_request.id));
        assert_eq!(said.issuer, tenant.entity_id);
        one.get("/whoami").await.is(401);
        other.get("/whoami").await.is(200);

        let all = request(&parties, &tenant, &[]);
        send_logout_request(&parties, &parties.browser(), binding, &all).await;
        other.get("/whoami").await.is(401);
    }
    // The administrator logged in with a password, so no LogoutRequest ends
    // this session.
    admin.get("/whoami").await.is(200);
}

#[tokio::test]
async fn an_encrypted_name_is_understood() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let settings = serde_json::json!({"encryption": true});
    let path = crate::parties::step("saml-settings");
    admin.put(&path, &settings).await.is(200);
    let id = tenant.entity_id.rsplit('/').next().unwrap();
    let page = admin.get(&format!("/saml/metadata/{id}")).await;
    let metadata = SpMetadata::parse(&page.body).unwrap();
    assert!(!metadata.encryption_methods.is_empty());
    let anna = log_in(&parties, &tenant, "_one").await;
    let mut logout_request = request(&parties, &tenant, &["_one"]);
    let encryption = Encryption {
        recipient: metadata.encryption_certificates[0].clone(),
        cipher: ContentCipher::Aes256Gcm,
        oaep_sha256: true,
    };
    let Principal::Named(name) = &logout_request.principal else {
        panic!("a name");
    };
    logout_request.principal = Principal::Encrypted(encryption.encrypt_name_id(name).unwrap());
    let answer = send_logout_request(&parties, &parties.browser(), POST, &logout_request).await;
    let said = read_logout_response(&parties, &tenant, &answer).await;
    assert_eq!(said.status, Status::success());
    anna.get("/whoami").await.is(401);
}

async fn fetch_refusal_code(admin: &Browser, answer: &Answer) -> String {
    let word = answer.body.split_once("R-").unwrap().1;
    let digits: String = word.chars().take_while(char::is_ascii_hexdigit).collect();
    let path = format!("/api/business/refusals/R-{digits}");
    let shown = admin.get(&path).await.is(200);
    shown["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_unverified_logout_message_ends_no_session() {
    type Bend = fn(&mut LogoutRequest);
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let anna = log_in(&parties, &tenant, "_one").await;
    let stranger = {
        let pair = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["x.example".to_owned()]).unwrap();
        let pem = params.self_signed(&pair).unwrap().pem();
        SigningKey::new(&pair.serialize_pem(), Certificate::parse(&pem).unwrap()).unwrap()
    };
    let browser = parties.browser();
    for binding in [REDIRECT, POST] {
        for (key, code) in [(None, "not-signed"), (Some(&stranger), "signature-invalid")] {
            let logout_request = request(&parties, &tenant, &["_one"]);
            let xml = logout_request.to_xml();
            let message = (slo_url(&tenant), xml.as_str());
            let message = (message.0.as_str(), message.1, "x");
            let answer = carry(&browser, binding, Parameter::Request, message, key).await;
            answer.is(403);
            assert_eq!(fetch_refusal_code(&admin, &answer).await, code);
        }
        let bends: [(&str, Bend); 5] = [
            ("wrong-issuer", |r| {
                r.issuer = "https://other.example".into()
            }),
            ("wrong-destination", |r| {
                r.destination = r.destination.as_ref().map(|it| format!("{it}?"));
            }),
            ("expired", |r| {
                r.not_on_or_after = Some(r.issue_instant - SignedDuration::from_mins(2));
            }),
            ("expired", |r| {
                r.issue_instant -= SignedDuration::from_mins(7)
            }),
            ("not-yet-valid", |r| {
                r.issue_instant += SignedDuration::from_mins(2);
            }),
        ];
        for (code, bend) in bends {
            let mut logout_request = request(&parties, &tenant, &["_one"]);
            bend(&mut logout_request);
            let xml = logout_request.to_xml();
            let location = slo_url(&tenant);
            let message = (location.as_str(), xml.as_str(), "x");
            let key = Some(&parties.idp.key);
            let answer = carry(&browser, binding, Parameter::Request, message, key).await;
            answer.is(403);
            assert_eq!(fetch_refusal_code(&admin, &answer).await, code);
        }
    }
    // The message was changed after signing.
    let logout_request = request(&parties, &tenant, &["_none"]);
    let url = redirect::encode(
        &slo_url(&tenant),
        Parameter::Request,
        &logout_request.to_xml(),
        Some("x"),
        Some(&parties.idp.key),
    )
    .unwrap();
    let changed = url.replace("RelayState=x", "RelayState=y");
    let path = changed.strip_prefix(browser.base.as_str()).unwrap();
    let answer = browser.get(path).await;
    assert_eq!(
        fetch_refusal_code(&admin, &answer).await,
        "signature-invalid"
    );
    anna.get("/whoami").await.is(200);
}

#[tokio::test]
async fn a_logout_counts_once_and_an_unknown_session_is_said_to_be() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let browser = parties.browser();
    let unknown = request(&parties, &tenant, &["_nobodys"]);
    let answer = send_logout_request(&parties, &browser, REDIRECT, &unknown).await;
    let said = read_logout_response(&parties, &tenant, &answer).await;
    assert_eq!(said.status.code, Saml::Requester);
    assert_eq!(said.status.detail, Some(Saml::UnknownPrincipal));

    log_in(&parties, &tenant, "_one").await;
    let logout_request = request(&parties, &tenant, &["_one"]);
    let answer = send_logout_request(&parties, &browser, REDIRECT, &logout_request).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    // Replay of the same message, also with the other binding.
    let anna = log_in(&parties, &tenant, "_one").await;
    for binding in [REDIRECT, POST] {
        let answer = send_logout_request(&parties, &browser, binding, &logout_request).await;
        answer.is(403);
        assert_eq!(fetch_refusal_code(&admin, &answer).await, "logout-replayed");
    }
    anna.get("/whoami").await.is(200);
}

/// Logs the user out at the portal; returns the LogoutRequest to the IdP.
async fn log_out_at_portal(
    parties: &Parties,
    tenant: &Tenant,
    browser: &Browser,
) -> (LogoutRequest, String) {
    let answer = browser
        .post_form(&format!("{}/logout", browser.base), &[])
        .await;
    assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
    let location = answer.location.unwrap();
    let (address, query) = location.split_once('?').unwrap();
    assert_eq!(address, format!("{IDP}/saml20/idp/slo"));
    let received = Received::by_redirect(query, &Limits::default()).unwrap();
    let relay_state = received.relay_state().unwrap().to_owned();
    let keys = read_portal_keys(parties, tenant).await;
    let vouched = received.verify::<LogoutRequest>(&keys).unwrap();
    (vouched.message().clone(), relay_state)
}

fn response(parties: &Parties, tenant: &Tenant, to: &str, status: Status) -> LogoutResponse {
    LogoutResponse {
        id: format!("_{}", parties.ambient.rng().hex(16)),
        issue_instant: parties.ambient.now(),
        issuer: IDP.to_owned(),
        destination: Some(slo_url(tenant)),
        in_response_to: Some(to.to_owned()),
        status,
    }
}

async fn send_logout_response(
    parties: &Parties,
    browser: &Browser,
    said: &LogoutResponse,
    relay_state: &str,
) -> Answer {
    let location = said.destination.clone().unwrap();
    let xml = said.to_xml();
    let message = (location.as_str(), xml.as_str(), relay_state);
    let key = Some(&parties.idp.key);
    carry(browser, POST, Parameter::Response, message, key).await
}

#[tokio::test]
async fn a_person_who_logs_out_is_logged_out_at_once_and_the_idp_is_notified() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let anna = log_in(&parties, &tenant, "_one").await;
    let (logout_request, relay_state) = log_out_at_portal(&parties, &tenant, &anna).await;
    anna.get("/whoami").await.is(401);
    assert_eq!(logout_request.session_indexes, ["_one"]);
    assert_eq!(logout_request.issuer, tenant.entity_id);
    let Principal::Named(name) = &logout_request.principal else {
        panic!("a name");
    };
    assert_eq!(name.value, "subject");

    // A LogoutResponse to another request, and one with an unknown RelayState.
    let wrong = response(&parties, &tenant, "_another", Status::success());
    let answer = send_logout_response(&parties, &anna, &wrong, &relay_state).await;
    assert_eq!(
        fetch_refusal_code(&admin, &answer).await,
        "wrong-in-response-to"
    );
    let right = response(&parties, &tenant, &logout_request.id, Status::success());
    let answer = send_logout_response(&parties, &anna, &right, "nobodys").await;
    assert_eq!(
        fetch_refusal_code(&admin, &answer).await,
        "logout-unsolicited"
    );
    // The right answer is accepted once.
    let answer = send_logout_response(&parties, &anna, &right, &relay_state).await;
    answer.is(200);
    assert!(
        answer.body.contains("You are logged out."),
        "{}",
        answer.body
    );
    let answer = send_logout_response(&parties, &anna, &right, &relay_state).await;
    assert_eq!(
        fetch_refusal_code(&admin, &answer).await,
        "logout-unsolicited"
    );

    // PartialLogout: another session participant was not reached.
    let anna = log_in(&parties, &tenant, "_two").await;
    let (logout_request, relay_state) = log_out_at_portal(&parties, &tenant, &anna).await;
    let partly = Status {
        detail: Some(Saml::PartialLogout),
        ..Status::success()
    };
    let said = response(&parties, &tenant, &logout_request.id, partly);
    let answer = send_logout_response(&parties, &anna, &said, &relay_state).await;
    assert!(answer.body.contains("in part"), "{}", answer.body);
}

#[tokio::test]
async fn a_user_who_logged_in_by_password_logs_out_only_at_the_portal() {
    let parties = Parties::start().await;
    let (admin, _) = parties.create_integration(5).await;
    let answer = admin
        .post_form(&format!("{}/logout", admin.base), &[])
        .await;
    answer.is(200);
    admin.get("/whoami").await.is(401);
}

#[tokio::test]
async fn a_field_is_not_a_message_of_the_other_kind() {
    let parties = Parties::start().await;
    let (_, tenant) = parties.create_integration(5).await;
    let logout_request = request(&parties, &tenant, &[]).to_xml();
    let browser = parties.browser();
    let form = [("SAMLResponse", post::encode(&logout_request))];
    browser.post_form(&slo_url(&tenant), &form).await.is(403);
    browser.post_form(&slo_url(&tenant), &[]).await.is(400);
}
