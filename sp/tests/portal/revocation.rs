//! Universal Logout: the identity provider ends all sessions of a person.

use jsonwebtoken::{Algorithm, Header, encode};
use serde_json::{Value, json};

use crate::browser::{self, Answer, Browser};
use crate::identity_provider::{IDP, Person};
use crate::parties::{Parties, Tenant, step, text};
use crate::scim_issuers::{Issuer, Key, key};

const ANNA: &str = "anna@corp.example";

/// An accepted issuer, and the URL at which it revokes.
struct Okta {
    parties: Parties,
    admin: Browser,
    tenant: Tenant,
    issuer: Issuer,
    key: Key,
    url: String,
}

impl Okta {
    async fn accepted() -> Self {
        Self::accepted_at(Parties::start().await).await
    }

    async fn accepted_at(parties: Parties) -> Self {
        let (admin, tenant) = parties.create_integration(3).await;
        let page = admin.get("/api/business/idp-integration").await.is(200);
        let issuer = Issuer::start().await;
        let key = key("k1");
        issuer.add_key(&key);
        let new = json!({"issuer": issuer.url, "audience": "api://scim", "clients": ["c"]});
        admin.post(&step("scim/issuers"), &new).await.is(201);
        Self {
            url: text(&page["service_provider"]["revocation_url"]),
            parties,
            admin,
            tenant,
            issuer,
            key,
        }
    }

    /// Returns the claims of a right token, with these changes.
    fn claims(&self, id: &str, changes: &Value) -> Value {
        let now = self.parties.ambient.now().as_second();
        let mut claims = json!({"iss": self.issuer.url, "sub": self.issuer.url, "aud": self.url,
            "jti": id, "iat": now, "exp": now + 300});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    fn token(&self, key: &Key, kind: &str, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(kind.to_owned());
        header.kid = Some("k1".to_owned());
        encode(&header, claims, &key.private).unwrap()
    }

    async fn post(&self, url: &str, token: &str, body: &Value) -> Answer {
        let request = reqwest::Client::new().post(url).bearer_auth(token);
        browser::answer(request.json(body)).await
    }

    /// Revokes by a right token with this ID.
    async fn revoke(&self, id: &str, person: &Value) -> Answer {
        let token = self.token(&self.key, TYPE, &self.claims(id, &json!({})));
        self.post(&self.url, &token, &json!({"sub_id": person}))
            .await
    }

    async fn audit_log(&self) -> String {
        let log = self.admin.get("/api/business/audit").await;
        log.is(200).to_string()
    }

    async fn log_in(&self, email: &str) -> Browser {
        let browser = self.parties.browser();
        let (request, relay_state) = browser.start_sso(email).await;
        let person = Person::new(email, &["g-users"]);
        let mut draft = self.parties.idp.draft(&self.tenant, &request, &person);
        let subject = draft.assertions[0].subject.as_mut().unwrap();
        email.clone_into(&mut subject.name_id.value);
        let xml = self.parties.idp.sign(&draft);
        let answer = browser.post_response(&self.tenant.acs_url, &xml, &relay_state);
        answer.await.is(303);
        browser.get("/api/session").await.is(200);
        browser
    }
}

const TYPE: &str = "global-token-revocation+jwt";

fn email(email: &str) -> Value {
    json!({"format": "email", "email": email})
}

#[tokio::test]
async fn an_accepted_issuer_ends_all_sessions_of_a_person_and_of_nobody_else() {
    let okta = Okta::accepted().await;
    let (first, second) = (okta.log_in(ANNA).await, okta.log_in(ANNA).await);
    let other = okta.log_in("bert@corp.example").await;
    okta.revoke("1", &email("ANNA@corp.example")).await.is(204);
    for browser in [&first, &second] {
        browser.get("/api/session").await.is(401);
    }
    other.get("/api/session").await.is(200);
    okta.admin.get("/api/session").await.is(200);

    // By entity ID and NameID.
    let again = okta.log_in(ANNA).await;
    let by_name =
        |issuer: &str, name: &str| json!({"format": "iss_sub", "iss": issuer, "sub": name});
    let refused = okta
        .revoke("2", &by_name("https://other.example", ANNA))
        .await;
    refused.problem(404, "user-unknown");
    okta.revoke("3", &by_name(IDP, ANNA)).await.is(204);
    again.get("/api/session").await.is(401);

    // A user without a session is found, too.
    okta.revoke("4", &email(ANNA)).await.is(204);
    let refused = okta.revoke("5", &email("unknown@corp.example")).await;
    refused.problem(404, "user-unknown");
    let log = okta.audit_log().await;
    assert!(log.contains("sessions-revoked-by-idp"), "{log}");
    assert!(log.contains("2 sessions ended"), "{log}");
}

#[tokio::test]
async fn a_refused_revocation_ends_no_session() {
    let okta = Okta::accepted().await;
    let anna = okta.log_in(ANNA).await;
    let person = json!({"sub_id": email(ANNA)});
    let now = okta.parties.ambient.now().as_second();
    for (code, changes) in [
        ("token-claims", json!({"jti": ""})),
        ("token-claims", json!({"jti": null})),
        ("token-claims", json!({"exp": "soon"})),
        ("token-claims", json!({"aud": null})),
        ("token-lifetime", json!({"exp": now + 90_000})),
        ("token-not-yet-valid", json!({"iat": now + 120})),
        ("token-audience", json!({"aud": "https://other.example"})),
        ("token-issuer", json!({"iss": "https://other.example"})),
        ("token-expired", json!({"exp": now - 61})),
        ("token-not-yet-valid", json!({"nbf": now + 120})),
    ] {
        let token = okta.token(&okta.key, TYPE, &okta.claims(code, &changes));
        okta.post(&okta.url, &token, &person)
            .await
            .problem(401, code);
    }
    let claims = okta.claims("x", &json!({}));
    let forged = okta.token(&key("k1"), TYPE, &claims);
    okta.post(&okta.url, &forged, &person)
        .await
        .problem(401, "token-signature");
    // An access token for SCIM does not end sessions.
    let access = okta.token(&okta.key, "at+jwt", &claims);
    okta.post(&okta.url, &access, &person)
        .await
        .problem(401, "token-type");
    okta.post(&okta.url, "x", &person)
        .await
        .problem(401, "token-malformed");
    let missing = reqwest::Client::new().post(&okta.url).json(&person);
    browser::answer(missing).await.problem(401, "token-missing");

    let token = okta.token(&okta.key, TYPE, &claims);
    for body in [
        json!({}),
        json!({"sub_id": {"format": "phone_number", "phone_number": "+1"}}),
        json!({"sub_id": {"format": "email"}}),
    ] {
        okta.post(&okta.url, &token, &body)
            .await
            .problem(400, "invalid-body");
    }
    let elsewhere = okta.url.replace("/revocation/", "/revocation/x");
    okta.post(&elsewhere, &token, &person)
        .await
        .problem(404, "not-found");
    anna.get("/api/session").await.is(200);

    // The token is still unused; it works once.
    okta.post(&okta.url, &token, &person).await.is(204);
    anna.get("/api/session").await.is(401);
    let again = okta.log_in(ANNA).await;
    okta.post(&okta.url, &token, &person)
        .await
        .problem(401, "token-used");
    again.get("/api/session").await.is(200);
    let log = okta.audit_log().await;
    assert!(log.contains("sessions-revocation-refused"), "{log}");
}

#[tokio::test]
async fn a_session_by_password_ends_only_if_the_domain_is_verified() {
    let parties = Parties::start().await;
    // Later, this address has to sign on by SSO.
    let own = "boss@corp.example";
    let boss = parties.register_account(own).await;
    let okta = Okta::accepted_at(parties).await;
    // Anybody can add a foreign address as a member.
    let foreign = "jo@other.example";
    let jo = okta.parties.register_account(foreign).await;
    let new = json!({"email": foreign});
    okta.admin.post("/api/business/users", &new).await.is(201);
    let refused = okta.revoke("1", &email(foreign)).await;
    refused.problem(404, "user-unknown");
    jo.get("/api/session").await.is(200);

    boss.get("/api/session").await.is(200);
    okta.revoke("2", &email(own)).await.is(204);
    boss.get("/api/session").await.is(401);
    jo.get("/api/session").await.is(200);
}

#[tokio::test]
async fn a_time_can_have_a_fraction_and_a_token_for_an_unknown_user_is_used_too() {
    let okta = Okta::accepted().await;
    let now = okta.parties.ambient.now().as_second();
    #[allow(clippy::cast_precision_loss)]
    let fraction = json!({"exp": now as f64 + 300.5});
    let token = okta.token(&okta.key, TYPE, &okta.claims("1", &fraction));
    let unknown = json!({"sub_id": email("unknown@corp.example")});
    let answer = okta.post(&okta.url, &token, &unknown).await;
    answer.problem(404, "user-unknown");
    let anna = okta.log_in(ANNA).await;
    let person = json!({"sub_id": email(ANNA)});
    let answer = okta.post(&okta.url, &token, &person).await;
    answer.problem(401, "token-used");
    anna.get("/api/session").await.is(200);
}
