//! Tests of single logout between applications, and of logout messages that must be refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use jiff::SignedDuration;
use reqwest::Method;
use saml::Limits;
use saml::acceptance::{Expected, TrustedKeys};
use saml::binding::{Outgoing, Parameter, send};
use saml::keys::{Certificate, SigningKey};
use saml::message::{
    LogoutRequest, LogoutResponse, NameId, NameIdFormat, Principal, Status, StatusCode,
};
use saml::names;
use saml::reception::{Message, Received};
use serde_json::json;
use world::{ACS, SP, World, browser, open};

/// A service provider that the test plays.
struct Sp {
    entity: String,
    slo: String,
    key: SigningKey,
}

fn key() -> SigningKey {
    let pair = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["sp.example".to_owned()]).unwrap();
    let pem = params.self_signed(&pair).unwrap().pem();
    SigningKey::new(&pair.serialize_pem(), Certificate::parse(&pem).unwrap()).unwrap()
}

impl Sp {
    fn new(entity: &str) -> Self {
        Self {
            entity: entity.to_owned(),
            slo: format!("{entity}/slo"),
            key: key(),
        }
    }

    fn settings(&self) -> serde_json::Value {
        json!({
            "sloEndpoint": self.slo,
            "sloBinding": "HTTP_REDIRECT",
            "spVerification": {
                "authnRequestSigned": false,
                "certificates": [{"certificate": self.key.certificate().to_pem()}],
            },
        })
    }
}

struct Parties {
    world: World,
    portal: Sp,
    other: Sp,
    other_app: String,
}

/// Creates two applications and signs Alice on to both in one browser.
async fn sign_on_to_both() -> (Parties, reqwest::Client) {
    let world = World::new().await;
    let (portal, other) = (Sp::new(SP), Sp::new("https://other.example"));
    let path = format!("/applications/{}", world.app);
    world.change(Method::PATCH, &path, portal.settings()).await;
    let mut settings = other.settings();
    for (name, value) in [
        ("name", json!("Other")),
        ("spEntityId", json!(other.entity)),
        ("acsUrls", json!([ACS])),
        ("enabled", json!(true)),
    ] {
        settings[name] = value;
    }
    let other_app = world.create("/applications", settings).await;
    let browser = browser();
    world.sign_on(&browser, &world.request()).await;
    let mut request = world.request();
    request.issuer.clone_from(&other.entity);
    open(browser.get(world.redirect(&request))).await;
    let parties = Parties {
        world,
        portal,
        other,
        other_app,
    };
    (parties, browser)
}

impl Parties {
    fn slo_url(&self) -> String {
        format!(
            "{}/{}/saml20/idp/slo",
            self.world.idp.base_url(),
            self.world.env
        )
    }

    /// Returns a `LogoutRequest` of the portal for Alice's sessions.
    fn request(&self) -> LogoutRequest {
        let now = self.world.ambient.now();
        LogoutRequest {
            id: format!("_{}", self.world.ambient.rng().hex(16)),
            issue_instant: now,
            issuer: self.portal.entity.clone(),
            destination: Some(self.slo_url()),
            not_on_or_after: Some(now + SignedDuration::from_mins(5)),
            reason: None,
            principal: Principal::Named(NameId {
                value: self.world.alice.clone(),
                format: NameIdFormat::Unspecified,
                name_qualifier: None,
                sp_name_qualifier: None,
            }),
            session_indexes: Vec::new(),
        }
    }

    fn response(&self, to: &LogoutRequest, status: Status) -> LogoutResponse {
        LogoutResponse {
            id: format!("_{}", self.world.ambient.rng().hex(16)),
            issue_instant: self.world.ambient.now(),
            issuer: self.other.entity.clone(),
            destination: Some(self.slo_url()),
            in_response_to: Some(to.id.clone()),
            status,
        }
    }

    /// Sends a message to the identity provider as a browser. Returns the status, and the
    /// address of the redirect.
    async fn carry(
        &self,
        parameter: Parameter,
        (xml, relay_state): (&str, &str),
        key: Option<&SigningKey>,
    ) -> (u16, String) {
        let endpoint = self.slo_url();
        let endpoint = (names::HTTP_REDIRECT, endpoint.as_str());
        let Outgoing::Redirect(url) =
            send(endpoint, parameter, xml, Some(relay_state), key).unwrap()
        else {
            panic!("a redirect");
        };
        follow(&url).await
    }

    async fn send_request(&self, request: &LogoutRequest) -> (u16, String) {
        let message = (request.to_xml(), "the-portals");
        let message = (message.0.as_str(), message.1);
        let key = Some(&self.portal.key);
        self.carry(Parameter::Request, message, key).await
    }

    /// Returns the identity provider's message in a redirect address, verified with the key of
    /// its metadata.
    async fn verify_logout_message<M: Message + Clone>(
        &self,
        to: &Sp,
        location: &str,
    ) -> (M, String) {
        let (address, query) = location.split_once('?').unwrap();
        assert_eq!(address, to.slo);
        let received = Received::by_redirect(query, &Limits::default()).unwrap();
        let relay_state = received.relay_state().unwrap().to_owned();
        let keys = self.world.fetch_metadata().await.signing_certificates;
        let vouched = received
            .verify::<M>(&TrustedKeys::new(keys).unwrap())
            .unwrap();
        (vouched.message().clone(), relay_state)
    }

    async fn is_signed_on(&self, browser: &reqwest::Client) -> bool {
        let page = open(browser.get(self.world.redirect(&self.world.request()))).await;
        !page.asks_for_a_password()
    }
}

async fn follow(url: &str) -> (u16, String) {
    let hasty = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let answer = hasty.get(url).send().await.unwrap();
    let status = answer.status().as_u16();
    match answer.headers().get("location") {
        Some(location) => (status, location.to_str().unwrap().to_owned()),
        None => (status, answer.text().await.unwrap()),
    }
}

#[tokio::test]
async fn a_logout_visits_every_application_and_returns_to_the_requester() {
    let (parties, browser) = sign_on_to_both().await;
    assert!(parties.is_signed_on(&browser).await);
    let logout_request = parties.request();
    let (status, location) = parties.send_request(&logout_request).await;
    assert_eq!(status, 302, "{location}");
    let (logout_message, round): (LogoutRequest, _) = parties
        .verify_logout_message(&parties.other, &location)
        .await;
    assert_eq!(logout_message.session_indexes.len(), 1);
    let said = parties
        .response(&logout_message, Status::success())
        .to_xml();
    let key = Some(&parties.other.key);
    let message = (said.as_str(), round.as_str());
    let (_, location) = parties.carry(Parameter::Response, message, key).await;
    let (answer, state): (LogoutResponse, _) = parties
        .verify_logout_message(&parties.portal, &location)
        .await;
    assert_eq!(answer.status, Status::success());
    assert_eq!(answer.in_response_to.as_ref(), Some(&logout_request.id));
    assert_eq!(state, "the-portals");
    assert!(!parties.is_signed_on(&browser).await);
    // The identity provider accepts an answer only once.
    let (status, _) = parties.carry(Parameter::Response, message, key).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn an_application_that_cannot_be_notified_makes_the_logout_partial() {
    // Cases: no endpoint, an answer that refuses, an SLO window that has ended.
    for case in ["no-endpoint", "refused", "window"] {
        let (parties, _) = sign_on_to_both().await;
        let path = format!("/applications/{}", parties.other_app);
        if case == "no-endpoint" {
            let mut application = parties.world.show(&path).await;
            application.as_object_mut().unwrap().remove("sloEndpoint");
            parties.world.change(Method::PUT, &path, application).await;
        }
        if case == "window" {
            let window = json!({"sloWindow": 1});
            parties.world.change(Method::PATCH, &path, window).await;
            let clock = parties.world.ambient.clock();
            clock.advance(SignedDuration::from_mins(61)).unwrap();
        }
        let (_, mut location) = parties.send_request(&parties.request()).await;
        if case == "refused" {
            let (logout_message, round): (LogoutRequest, _) = parties
                .verify_logout_message(&parties.other, &location)
                .await;
            let no = Status {
                code: StatusCode::Responder,
                detail: Some(StatusCode::RequestDenied),
                message: None,
            };
            let said = parties.response(&logout_message, no).to_xml();
            let message = (said.as_str(), round.as_str());
            let key = Some(&parties.other.key);
            (_, location) = parties.carry(Parameter::Response, message, key).await;
        }
        let (answer, _): (LogoutResponse, _) = parties
            .verify_logout_message(&parties.portal, &location)
            .await;
        assert!(answer.status.is_success(), "{case}");
        assert_eq!(
            answer.status.detail,
            Some(StatusCode::PartialLogout),
            "{case}"
        );
    }
}

#[tokio::test]
async fn an_unverified_logout_message_ends_no_session() {
    let (parties, browser) = sign_on_to_both().await;
    let stranger = key();
    for (key, words) in [(None, "not-signed"), (Some(&stranger), "signature-invalid")] {
        let xml = parties.request().to_xml();
        let (status, page) = parties.carry(Parameter::Request, (&xml, "x"), key).await;
        assert_eq!(status, 400);
        assert!(page.contains(words), "{page}");
    }
    let mut late = parties.request();
    late.issue_instant -= SignedDuration::from_mins(7);
    assert_eq!(parties.send_request(&late).await.0, 400);
    let mut elsewhere = parties.request();
    elsewhere.destination = Some("https://idp.example/slo".into());
    assert_eq!(parties.send_request(&elsewhere).await.0, 400);
    // The key of the other application does not verify the portal's messages.
    let xml = parties.request().to_xml();
    let key = Some(&parties.other.key);
    let (status, _) = parties.carry(Parameter::Request, (&xml, "x"), key).await;
    assert_eq!(status, 400);
    assert!(parties.is_signed_on(&browser).await);

    let mut unknown = parties.request();
    unknown.session_indexes = vec!["_nobodys".into()];
    let (_, location) = parties.send_request(&unknown).await;
    let (answer, _): (LogoutResponse, _) = parties
        .verify_logout_message(&parties.portal, &location)
        .await;
    assert_eq!(answer.status.detail, Some(StatusCode::UnknownPrincipal));
    let (status, page) = parties.send_request(&unknown).await;
    assert_eq!(status, 400);
    assert!(page.contains("used already"), "{page}");
    assert!(parties.is_signed_on(&browser).await);
}

#[tokio::test]
async fn a_sign_off_at_the_idp_signs_off_everywhere() {
    let (parties, browser) = sign_on_to_both().await;
    let start = format!(
        "{}/{}/saml20/idp/startslo",
        parties.world.idp.base_url(),
        parties.world.env
    );
    // Without a session there is nothing to end.
    let page = open(reqwest::Client::new().get(&start)).await;
    assert!(page.body.contains("You are signed off."));
    // Neither application runs in this test, so only the address of the redirect is checked.
    let path = format!("/applications/{}", parties.other_app);
    for path in [format!("/applications/{}", parties.world.app), path] {
        let mut application = parties.world.show(&path).await;
        application.as_object_mut().unwrap().remove("sloEndpoint");
        parties.world.change(Method::PUT, &path, application).await;
    }
    let page = open(browser.get(&start)).await;
    assert!(
        page.body.contains("may still be logged in"),
        "{}",
        page.body
    );
    assert!(!parties.is_signed_on(&browser).await);
}

#[tokio::test]
async fn metadata_names_both_bindings_and_is_signed() {
    let world = World::new().await;
    let metadata = world.fetch_metadata().await;
    let bindings: Vec<&str> = metadata.slo.iter().map(|it| it.binding.as_str()).collect();
    assert_eq!(bindings, [names::HTTP_POST, names::HTTP_REDIRECT]);
    let url = format!(
        "{}/{}/saml20/metadata/{}",
        world.idp.base_url(),
        world.env,
        world.app
    );
    let text = open(reqwest::Client::new().get(url)).await.body;
    let keys = TrustedKeys::new(metadata.signing_certificates.clone()).unwrap();
    let selection = saml::metadata::Selection {
        entity_id: None,
        signed_by: Some(&keys),
    };
    let read = saml::metadata::IdpMetadata::select(&text, &selection);
    assert_eq!(read.unwrap(), metadata);
    let request = world.request();
    let page = world.sign_on(&browser(), &request).await;
    let expected = Expected::Request(request.id);
    world.judge(&page.saml_response(), expected).await.unwrap();
}
