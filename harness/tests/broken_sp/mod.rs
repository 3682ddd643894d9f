//! A service provider with one hole: it waves a response through that it
//! should have refused for one given reason, and takes it for its user's.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use ambient::Ambient;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use jiff::SignedDuration;
use saml::Limits;
use saml::acceptance::{Checked, Expectations, Expected, Posted, SignaturePolicy, TrustedKeys};
use saml::binding::{Parameter, redirect};
use saml::message::AuthnRequest;
use saml::metadata::{Endpoint, IdpMetadata, IndexedEndpoint, SpMetadata};
use saml::names;

/// The user whom the good responses are about.
pub(crate) const USER: &str = "jo@corp.example";

#[derive(Default)]
struct Memory {
    /// Browser cookie to the ID of its request.
    requests: HashMap<String, String>,
    sessions: HashMap<String, String>,
    seen: HashSet<String>,
}

#[derive(Clone)]
struct Broken {
    base: String,
    idp: Arc<IdpMetadata>,
    hole: &'static str,
    memory: Arc<Mutex<Memory>>,
    ambient: Ambient,
}

/// Starts it; its base address.
pub(crate) async fn start(idp: &str, hole: &'static str, ambient: &Ambient) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let broken = Broken {
        base: base.clone(),
        idp: Arc::new(IdpMetadata::parse(idp).unwrap()),
        hole,
        memory: Arc::default(),
        ambient: ambient.clone(),
    };
    let router = Router::new()
        .route("/login", get(login))
        .route("/acs", post(acs))
        .route("/whoami", get(whoami))
        .layer(axum::extract::DefaultBodyLimit::max(16 * 1024 * 1024))
        .with_state(broken);
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

/// Its metadata.
pub(crate) fn metadata(base: &str) -> SpMetadata {
    SpMetadata {
        entity_id: format!("{base}/metadata"),
        acs: vec![IndexedEndpoint {
            endpoint: Endpoint {
                binding: names::HTTP_POST.to_owned(),
                location: format!("{base}/acs"),
                response_location: None,
            },
            index: 0,
            is_default: true,
        }],
        slo: Vec::new(),
        certificates: Vec::new(),
        encryption_certificates: Vec::new(),
        encryption_methods: Vec::new(),
        valid_until: None,
        cache_duration: None,
        authn_requests_signed: false,
        want_assertions_signed: true,
        name_id_formats: Vec::new(),
    }
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get(header::COOKIE)?.to_str().ok()?;
    all.split("; ")
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

async fn login(State(sp): State<Broken>) -> Response {
    let id = format!("_{}", sp.ambient.chance().hex(16));
    let browser = sp.ambient.chance().token(16);
    let request = AuthnRequest {
        id: id.clone(),
        issue_instant: sp.ambient.now(),
        issuer: format!("{}/metadata", sp.base),
        destination: Some(sp.idp.sso[0].location.clone()),
        acs_url: Some(format!("{}/acs", sp.base)),
        acs_index: None,
        protocol_binding: None,
        name_id_policy: None,
        force_authn: false,
        is_passive: false,
        requested_authn_context: None,
    };
    let url = redirect::encode(
        &sp.idp.sso[0].location,
        Parameter::Request,
        &request.to_xml(),
        None,
        None,
    );
    sp.memory
        .lock()
        .unwrap()
        .requests
        .insert(browser.clone(), id);
    let set = AppendHeaders([(header::SET_COOKIE, format!("browser={browser}; Path=/"))]);
    (set, Redirect::to(&url.unwrap())).into_response()
}

async fn acs(
    State(sp): State<Broken>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let field = form
        .get("SAMLResponse")
        .map(String::as_str)
        .unwrap_or_default();
    let user = match sp.judged(&headers, field) {
        Ok(user) => user,
        Err(reason) if reason == sp.hole => USER.to_owned(),
        Err(reason) => return (StatusCode::FORBIDDEN, reason).into_response(),
    };
    let session = sp.ambient.chance().token(16);
    sp.memory
        .lock()
        .unwrap()
        .sessions
        .insert(session.clone(), user);
    let set = AppendHeaders([(header::SET_COOKIE, format!("session={session}; Path=/"))]);
    (set, Redirect::to("/whoami")).into_response()
}

async fn whoami(State(sp): State<Broken>, headers: HeaderMap) -> Response {
    let memory = sp.memory.lock().unwrap();
    match cookie(&headers, "session").and_then(|session| memory.sessions.get(session)) {
        Some(user) => format!("user={user};").into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

impl Broken {
    fn judged(&self, headers: &HeaderMap, field: &str) -> Result<String, String> {
        let request = {
            let memory = self.memory.lock().unwrap();
            let browser = cookie(headers, "browser");
            browser.and_then(|browser| memory.requests.get(browser).cloned())
        };
        let request = request.ok_or("request-cookie-missing")?;
        let checked = self
            .checked(field, request)
            .map_err(|refusal| refusal.code().to_owned())?;
        let user = checked.name_id().value.clone();
        let domain = user.split_once('@').map(|(_, domain)| domain);
        if domain != Some("corp.example") || user.chars().any(char::is_control) {
            return Err("wrong-domain".to_owned());
        }
        let id = checked.assertion_id().to_owned();
        if !self.memory.lock().unwrap().seen.insert(id) {
            return Err("assertion-replayed".to_owned());
        }
        Ok(user)
    }

    fn checked(&self, field: &str, request: String) -> Result<Checked, saml::acceptance::Refusal> {
        let keys = TrustedKeys::new(self.idp.signing_certificates.clone()).unwrap();
        Posted::from_form(field, &Limits::default())?
            .verify(&keys, SignaturePolicy::Either)?
            .check(&Expectations {
                idp_entity_id: self.idp.entity_id.clone(),
                sp_entity_id: format!("{}/metadata", self.base),
                acs_url: format!("{}/acs", self.base),
                in_response_to: Expected::Request(request),
                now: self.ambient.now(),
                clock_skew: SignedDuration::from_secs(60),
            })
    }
}
