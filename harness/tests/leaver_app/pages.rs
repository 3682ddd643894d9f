//! The pages and the API of the application: SAML, sessions, tokens and Universal Logout.

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};
use axum::{Form, Json};
use jiff::SignedDuration;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use saml::Limits;
use saml::acceptance::{Checked, Expectations, Expected, Posted, SignaturePolicy, TrustedKeys};
use saml::binding::{Parameter, redirect};
use saml::message::{AuthnRequest, LogoutRequest};
use saml::reception::{LogoutExpectations, Received};
use serde_json::{Value, json};

use super::state::{Access, Event};
use super::{ADMINS, App, Hole, KNOWN, STAFF};

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get(header::COOKIE)?.to_str().ok()?;
    all.split("; ")
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

pub(super) async fn log_in(State(app): State<App>) -> Response {
    let id = format!("_{}", app.ambient.rng().hex(16));
    let browser = app.ambient.rng().token(16);
    let request = AuthnRequest {
        id: id.clone(),
        issue_instant: app.ambient.now(),
        issuer: format!("{}/metadata", app.base),
        destination: Some(app.idp.sso[0].location.clone()),
        acs_url: Some(format!("{}/acs", app.base)),
        acs_index: None,
        protocol_binding: None,
        name_id_policy: None,
        force_authn: false,
        is_passive: false,
        requested_authn_context: None,
    };
    let to = &app.idp.sso[0].location;
    let url = redirect::encode(to, Parameter::Request, &request.to_xml(), None, None).unwrap();
    app.state().requests.insert(browser.clone(), id);
    let set = AppendHeaders([(header::SET_COOKIE, format!("browser={browser}; Path=/"))]);
    (set, Redirect::to(&url)).into_response()
}

pub(super) async fn acs(
    State(app): State<App>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let browser = cookie(&headers, "browser").unwrap_or_default();
    let asked = app.state().requests.get(browser).cloned();
    let field = form.get("SAMLResponse").map_or("", String::as_str);
    let Some(checked) = asked.and_then(|id| app.check_response(field, id)) else {
        return (StatusCode::FORBIDDEN, "this Response is not accepted").into_response();
    };
    let name = checked.name_id().value.clone();
    let Some(access) = app.admit(&name, checked.session_index()) else {
        return (StatusCode::FORBIDDEN, "you have no access").into_response();
    };
    let session = app.ambient.rng().token(16);
    app.state().sessions.insert(session.clone(), access);
    let set = AppendHeaders([(header::SET_COOKIE, format!("session={session}; Path=/"))]);
    (set, Redirect::to("/me")).into_response()
}

impl App {
    fn check_response(&self, field: &str, request: String) -> Option<Checked> {
        let keys = TrustedKeys::new(self.idp.signing_certificates.clone()).unwrap();
        let verified = Posted::from_form(field, &Limits::default())
            .ok()?
            .verify(&keys, SignaturePolicy::Either)
            .ok()?;
        let expected = Expectations {
            idp_entity_id: self.idp.entity_id.clone(),
            sp_entity_id: format!("{}/metadata", self.base),
            acs_url: format!("{}/acs", self.base),
            in_response_to: Expected::Request(request),
            now: self.ambient.now(),
            clock_skew: SignedDuration::from_secs(60),
        };
        let checked = verified.check(&expected).ok()?;
        let is_new = self.state().seen.insert(checked.assertion_id().to_owned());
        is_new.then_some(checked)
    }

    /// Returns the access of a person who may log in; `None` if the login is refused.
    fn admit(&self, name: &str, index: Option<&str>) -> Option<Access> {
        let mut state = self.state();
        if self.hole == Hole::JoinersAreRefused && name != KNOWN {
            return None;
        }
        let creates = matches!(self.hole, Hole::SignOnCreates | Hole::RefusedSignOnCreates);
        if creates && state.by_name(name).is_none() {
            let id = state.insert(json!({"userName": name, "active": true}));
            if self.hole == Hole::SignOnCreates {
                state.groups.entry(STAFF).or_default().insert(id);
            }
        }
        let account = state.by_name(name)?.clone();
        if !account.active && self.hole == Hole::SignOnReactivates {
            state.accounts.get_mut(&account.id)?.active = true;
            return None;
        }
        let is_active = account.active || self.hole == Hole::SignsOnInactive;
        let ignored = account.was_inactive && self.hole == Hole::ReactivationIsIgnored;
        let is_member =
            state.is_member(STAFF, &account.id) || self.hole == Hole::SignsOnWithoutGroup;
        (is_active && is_member && !ignored).then(|| Access {
            roles: state.roles(&account.id),
            account: account.id,
            user_name: account.user_name,
            index: index.map(str::to_owned),
            end: None,
        })
    }

    fn session(&self, headers: &HeaderMap) -> Option<Access> {
        let mut state = self.state();
        let name = cookie(headers, "session")?;
        let access = state.sessions.get(name)?.clone();
        let blinks = self.hole == Hole::Blinks;
        let is_good =
            self.is_good(&state, &access) || (blinks && !state.blinked.insert(name.to_owned()));
        is_good.then_some(access)
    }
}

pub(super) async fn me(State(app): State<App>, headers: HeaderMap) -> Response {
    if app.hole == Hole::ProbeFails && app.state().has_left {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if app.hole == Hole::ProbeBreaksOff && app.state().has_left {
        let nothing: Result<&str, std::io::Error> = Err(std::io::Error::other("broken off"));
        return Body::from_stream(futures::stream::iter([Ok("…"), nothing])).into_response();
    }
    let Some(access) = app.session(&headers) else {
        return (StatusCode::UNAUTHORIZED, "log in").into_response();
    };
    let mut roles = match app.hole {
        Hole::RolesStay => access.roles,
        _ => app.state().roles(&access.account),
    };
    if app.hole == Hole::NoRoles {
        roles.retain(|role| *role != ADMINS);
    }
    format!("user={}; roles={};", access.user_name, roles.join(",")).into_response()
}

pub(super) async fn slo(State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    let received = Received::by_redirect(&query.unwrap_or_default(), &Limits::default());
    let keys = TrustedKeys::new(app.idp.signing_certificates.clone()).unwrap();
    let expected = LogoutExpectations {
        issuer: app.idp.entity_id.clone(),
        destination: format!("{}/slo", app.base),
        in_response_to: None,
        now: app.ambient.now(),
        clock_skew: SignedDuration::from_secs(60),
        lifetime: SignedDuration::from_secs(300),
    };
    let honored = received
        .and_then(|it| it.verify::<LogoutRequest>(&keys))
        .and_then(|it| it.check(&expected, None));
    let Ok(honored) = honored else {
        return (StatusCode::FORBIDDEN, "this LogoutRequest is not accepted").into_response();
    };
    let indexes = &honored.message().session_indexes;
    let name = &honored.name_id().value;
    let stays = matches!(app.hole, Hole::SurvivesLogout | Hole::CookieOnly);
    app.state().sessions.retain(|_, access| {
        let is_named = access.index.as_ref().is_some_and(|it| indexes.contains(it));
        stays || access.user_name != *name || !is_named
    });
    let clears = app.hole == Hole::CookieOnly;
    let set = clears.then(|| AppendHeaders([(header::SET_COOKIE, "session=; Path=/; Max-Age=0")]));
    match set {
        Some(set) => (set, "logged out").into_response(),
        None => "logged out".into_response(),
    }
}

pub(super) async fn token(State(app): State<App>, headers: HeaderMap) -> Response {
    let Some(access) = app.session(&headers) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let token = app.ambient.rng().token(16);
    app.state().tokens.insert(token.clone(), access);
    Json(json!({ "access_token": token })).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    given.strip_prefix("Bearer ").map(str::to_owned)
}

pub(super) async fn api(State(app): State<App>, headers: HeaderMap) -> StatusCode {
    let state = app.state();
    let access = bearer(&headers).and_then(|token| state.tokens.get(&token));
    match access {
        Some(access) if app.is_good_token(&state, access) => StatusCode::OK,
        _ => StatusCode::UNAUTHORIZED,
    }
}

/// The endpoint of Universal Logout, as Okta documents it.
pub(super) async fn revoke(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> StatusCode {
    let is_right = match bearer(&headers) {
        Some(token) => app.is_of_the_issuer(&token).await,
        None => false,
    };
    if !is_right && app.hole != Hole::AnyRevocation {
        return StatusCode::UNAUTHORIZED;
    }
    let name = body["sub_id"]["email"].as_str().unwrap_or_default();
    let mut state = app.state();
    let Some(id) = state.by_name(name).map(|it| it.id.clone()) else {
        return StatusCode::NOT_FOUND;
    };
    app.end(&mut state, &id, Event::Revoked);
    match app.hole {
        Hole::RevocationDoesNothing => StatusCode::OK,
        _ => StatusCode::NO_CONTENT,
    }
}

impl App {
    async fn is_of_the_issuer(&self, token: &str) -> bool {
        let about = format!("{}/.well-known/oauth-authorization-server", self.issuer);
        let about: Value = reqwest::get(about).await.unwrap().json().await.unwrap();
        let url = about["jwks_uri"].as_str().unwrap().to_owned();
        let keys: JwkSet = reqwest::get(url).await.unwrap().json().await.unwrap();
        let header = jsonwebtoken::decode_header(token).unwrap();
        assert_eq!(header.typ.as_deref(), Some("global-token-revocation+jwt"));
        let Some(key) = keys.find(&header.kid.unwrap()) else {
            return false;
        };
        let mut validation = Validation::new(Algorithm::RS256);
        if self.hole != Hole::AnyIssuer {
            validation.set_issuer(&[&self.issuer]);
        }
        if self.hole == Hole::AnyAudience {
            validation.validate_aud = false;
        } else {
            validation.set_audience(&[format!("{}/revoke", self.base)]);
        }
        // `jsonwebtoken` compares `exp` with the real clock, but this clock is simulated.
        validation.validate_exp = false;
        let key = DecodingKey::from_jwk(key).unwrap();
        match jsonwebtoken::decode::<Value>(token, &key, &validation) {
            Ok(_) if self.hole == Hole::ExpiredRevocation => true,
            Ok(read) => read.claims["exp"].as_i64() > Some(self.ambient.now().as_second()),
            Err(_) => false,
        }
    }
}
