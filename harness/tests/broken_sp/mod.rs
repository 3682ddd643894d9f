//! A service provider with switches. Without switches it is correct. With a hole, it accepts
//! Responses that it has to refuse for one given reason, and logs in its user. With other
//! switches, it behaves like a real product.

mod accounts;
pub(crate) mod flaw_table;
mod flaws;
mod logout;
mod metrics;
mod own_logout;
mod probe;
mod redirected;
mod services;
mod simple_sign;
mod slowness;
mod start;
mod switches;
pub(crate) mod tenants;
mod trusted;
mod unanswered;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ambient::Ambient;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{AppendHeaders, Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use saml::Limits;
use saml::acceptance::{Checked, Expectations, Expected, Posted, SignaturePolicy, TrustedKeys};
use saml::encryption::DecryptionKeys;
use saml::metadata::{Endpoint, IdpMetadata, IndexedEndpoint, SpMetadata};
use saml::names;

use logout::{receive_by_form as slo_by_form, receive_by_link as slo_by_link};
pub(crate) use switches::{
    CurrentCheck, KEY, Manner, Switch, always, issuer_addresses, named_addresses,
};

/// The user whom the honest Responses log in.
pub(crate) const USER: &str = "jo@corp.example";

#[derive(Default)]
struct Memory {
    /// Maps the cookie of a browser to the ID of its `AuthnRequest`.
    requests: HashMap<String, String>,
    sessions: HashMap<String, Session>,
    seen: HashSet<String>,
    /// The IDs of the logout requests that were carried out.
    obeyed: HashSet<String>,
    /// The logouts that this service provider began, by the RelayState of their LogoutRequest.
    logouts: HashMap<String, own_logout::Pending>,
    /// The user of the latest login, and the number of logins.
    last: Option<String>,
    logins: usize,
    /// The number of documents with a CDATA section between elements.
    unexpected: usize,
    /// The number of requests that are answered before those of `down`.
    delay: usize,
    /// The number of next requests that get no answer.
    down: usize,
    /// How often it stopped.
    stops: usize,
    /// The number of next documents that take long.
    slow: usize,
    /// True if logins start no more.
    is_start_lost: bool,
    /// Bytes that the metrics show, in addition to those of the start.
    taken: u64,
}

/// The user who is logged in, as the probe shows the name, and the session at the identity
/// provider.
#[derive(Clone, Default)]
struct Session {
    shown: String,
    user: String,
    index: String,
    /// Value and format of the NameID.
    name: String,
    format: String,
    /// The end of the session, if the assertion states one.
    ends: Option<Timestamp>,
    /// The number of logins before this one.
    number: usize,
}

#[derive(Clone)]
pub(crate) struct Broken {
    base: String,
    /// The path at which a Response arrived, if there are two assertion consumer services.
    here: Option<String>,
    /// The identity provider's metadata at the start.
    idp: Arc<IdpMetadata>,
    trusted: Arc<Mutex<trusted::Trusted>>,
    tenant: Option<tenants::Tenant>,
    switches: Arc<Vec<Switch>>,
    memory: Arc<Mutex<Memory>>,
    asked: Arc<AtomicUsize>,
    /// Seconds that its answers took, by its own account.
    passed: Arc<AtomicU64>,
    is_dead: Arc<AtomicBool>,
    is_disabled: Arc<AtomicBool>,
    ambient: Ambient,
}

/// Starts a service provider with one hole; returns its base URL.
pub(crate) async fn start(idp: &str, hole: &'static str, ambient: &Ambient) -> String {
    let holes = vec![Switch::Waves(hole, always)];
    start_with(idp, holes, ambient).await.base
}

/// Starts a service provider with these switches.
pub(crate) async fn start_with(idp: &str, switches: Vec<Switch>, ambient: &Ambient) -> Broken {
    start_as(idp, switches, None, ambient).await
}

async fn start_as(
    idp: &str,
    switches: Vec<Switch>,
    tenant: Option<tenants::Tenant>,
    ambient: &Ambient,
) -> Broken {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut base = format!("http://{}", listener.local_addr().unwrap());
    if switches.iter().any(|it| matches!(it, Switch::LaxCookies)) {
        base = base.replace("127.0.0.1", "localhost");
    }
    let idp = IdpMetadata::parse(idp).unwrap();
    let broken = Broken {
        base,
        here: None,
        tenant,
        trusted: Arc::new(Mutex::new(trusted::Trusted::of(&idp))),
        idp: Arc::new(idp),
        switches: Arc::new(switches),
        memory: Arc::default(),
        asked: Arc::default(),
        passed: Arc::default(),
        is_dead: Arc::default(),
        is_disabled: Arc::default(),
        ambient: ambient.clone(),
    };
    let router = Router::new()
        .route("/login", get(start::login).post(start::login_by_form))
        .route("/acs", post(acs).get(redirected::receive_by_link))
        .route("/acs/{number}", post(acs))
        .route("/simple-sign", post(simple_sign::receive))
        .route("/whoami", get(probe::whoami))
        .route("/metrics", get(metrics::metrics))
        .route("/logout", get(own_logout::log_out))
        .route("/slo", get(slo_by_link).post(slo_by_form))
        .layer(axum::extract::DefaultBodyLimit::max(16 * 1024 * 1024))
        .layer(middleware::from_fn_with_state(broken.clone(), limit))
        .with_state(broken.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    broken
}

/// Returns the metadata of a service provider without switches.
pub(crate) fn metadata(base: &str) -> SpMetadata {
    let acs = |path: &str, index| IndexedEndpoint {
        endpoint: Endpoint::at(names::HTTP_POST, &format!("{base}{path}")),
        index,
        is_default: index == 0,
    };
    SpMetadata {
        entity_id: format!("{base}/metadata"),
        acs: vec![acs("/acs", 0)],
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

/// Returns an answer whose body ends too early.
fn broken_off() -> Response {
    let nothing: Result<&str, std::io::Error> = Err(std::io::Error::other("broken off"));
    Body::from_stream(futures::stream::iter([Ok("…"), nothing])).into_response()
}

/// Cuts the connection or answers 429, if a switch requires it, before the request is handled.
async fn limit(State(sp): State<Broken>, request: Request, next: Next) -> Response {
    if sp.is_dead.swap(false, Ordering::SeqCst) || sp.is_down() {
        return broken_off();
    }
    sp.close_at_logout(&request);
    sp.take_memory(&request);
    let number = sp.asked.fetch_add(1, Ordering::SeqCst) + 1;
    let is_limited = sp
        .switches
        .iter()
        .any(|it| matches!(it, Switch::Limits(many) if number.is_multiple_of(*many)));
    if is_limited {
        let after = AppendHeaders([(header::RETRY_AFTER, "0")]);
        return (StatusCode::TOO_MANY_REQUESTS, after, "slow down").into_response();
    }
    next.run(request).await
}

async fn acs(
    State(sp): State<Broken>,
    uri: Uri,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let sp = sp.at(uri.path());
    let field = form
        .get("SAMLResponse")
        .map(String::as_str)
        .unwrap_or_default();
    let posts_again = sp.has(|it| matches!(it, Switch::PostsAgain));
    if posts_again && cookie(&headers, "browser").is_none() && !form.contains_key("again") {
        return Html(format!(
            "<form method=post action='{}'><input name=SAMLResponse value='{field}'><input name=again value=1></form>",
            sp.acs_url()
        ))
        .into_response();
    }
    let document = STANDARD.decode(field).unwrap_or_default();
    let document = String::from_utf8_lossy(&document).into_owned();
    sp.take_time(&document);
    for switch in sp.switches.iter() {
        match switch {
            Switch::Fetches(addresses) => {
                for address in addresses(&document) {
                    let _ = reqwest::get(address).await;
                }
            }
            Switch::RemembersIds if !sp.are_new_ids(&document) => {
                return sp.refuse("replayed".to_owned());
            }
            switch if switch.declines(&document) => return sp.refuse("declined".to_owned()),
            Switch::BreaksOff(is_it) if is_it(&document) => return broken_off(),
            Switch::Dies(is_it) if is_it(&document) => {
                sp.is_dead.store(true, Ordering::SeqCst);
                return broken_off();
            }
            _ => {}
        }
    }
    if let Some(answer) = sp.lose_answer(&document).await {
        return answer;
    }
    if sp.stops_at(&document) {
        return broken_off();
    }
    if sp.is_closed() {
        return sp.refuse("closed".to_owned());
    }
    if let Some(answer) = sp.unusual_answer(&document) {
        return answer;
    }
    if sp.is_flawed("needs-relay-state") && !form.contains_key("RelayState") {
        return sp.refuse("Missing parameter RelayState".to_owned());
    }
    let user = match sp.judge_response(&headers, field) {
        Ok(user) => user,
        Err(_) if sp.is_open() => USER.to_owned(),
        Err(reason) => {
            let waved = sp.user_by_hole(&reason, &document);
            let waved = waved.or_else(|| sp.user_of_other_service(&reason, &document));
            let waved = waved.or_else(|| sp.user_of_weak_key(&document));
            match waved.or_else(|| sp.of_the_other(&headers, field)) {
                Some(user) => user,
                None => return sp.refuse(reason),
            }
        }
    };
    let user = sp.account_of(&document, user);
    let cookie = sp.log_in(&headers, user, &document);
    let set = AppendHeaders([(header::SET_COOKIE, cookie)]);
    let relay_state = form.get("RelayState").map(String::as_str);
    (set, sp.next_page(relay_state.unwrap_or_default())).into_response()
}

impl Broken {
    /// Returns the base URL.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Returns the SAML metadata, as the switches change it.
    pub(crate) fn metadata(&self) -> SpMetadata {
        let mut metadata = metadata(&self.base);
        metadata.acs.extend(self.second_service());
        metadata.acs.extend(self.simple_sign_service());
        for switch in self.switches.iter() {
            match switch {
                Switch::Demands(_, wants) => metadata.want_assertions_signed = *wants,
                Switch::Flaw(flaw) => self.change_metadata(flaw, &mut metadata),
                Switch::Decrypts | Switch::LostKey => {
                    metadata.encryption_certificates = vec![KEY.certificate().clone()];
                }
                _ => {}
            }
        }
        metadata
    }

    /// True if the service provider has a switch of this kind.
    pub(crate) fn has(&self, is_it: fn(&Switch) -> bool) -> bool {
        self.switches.iter().any(is_it)
    }

    fn acs_number(&self) -> Option<u16> {
        self.switches.iter().find_map(|it| match it {
            Switch::AcsIndex(number) => Some(*number),
            _ => None,
        })
    }

    fn acs_url(&self) -> String {
        match (self.acs_number(), &self.here) {
            (_, Some(here)) => format!("{}{here}", self.base),
            (Some(number), None) => format!("{}/acs/{number}", self.base),
            (None, None) => format!("{}/acs", self.base),
        }
    }

    /// Returns the user whom a hole logs in with a message that has to be refused; `None` if no
    /// hole applies.
    fn user_by_hole(&self, reason: &str, document: &str) -> Option<String> {
        self.switches.iter().find_map(|it| match it {
            Switch::Waves(hole, is_it) if *hole == reason && is_it(document) => {
                Some(USER.to_owned())
            }
            Switch::LogsInAs(name) => Some((*name).to_owned()),
            _ => None,
        })
    }

    fn refuse(&self, reason: String) -> Response {
        self.take_time_to_refuse();
        let manner = self.switches.iter().find_map(|it| match it {
            Switch::Refuses(manner) => Some(*manner),
            _ => None,
        });
        match manner.unwrap_or(Manner::Plain) {
            Manner::Plain => (StatusCode::FORBIDDEN, reason).into_response(),
            Manner::Greeting => Html(format!(
                "<p>Hello user={USER}; that did not work. Please try again.</p>"
            ))
            .into_response(),
            Manner::Json => {
                let problem = Json(serde_json::json!({"error": "invalid_response"}));
                (StatusCode::UNAUTHORIZED, problem).into_response()
            }
            Manner::ToLogin => Redirect::to("/login").into_response(),
            Manner::Crash => {
                let page = Html("<h1>Whoops, looks like something went wrong.</h1>");
                (StatusCode::INTERNAL_SERVER_ERROR, page).into_response()
            }
        }
    }

    fn judge_response(&self, headers: &HeaderMap, field: &str) -> Result<String, String> {
        let memory = self.memory.lock().unwrap();
        let browser = cookie(headers, "browser");
        let is_asked = browser.is_some_and(|it| memory.requests.contains_key(it));
        drop(memory);
        if self.refuses_disabled(is_asked) {
            return Err("disabled".to_owned());
        }
        let takes_any = self.is_flawed("takes-unsolicited") && !is_asked;
        let expected = if takes_any || self.has(|it| matches!(it, Switch::Unsolicited)) {
            Expected::Unsolicited
        } else {
            let memory = self.memory.lock().unwrap();
            let browser = cookie(headers, "browser");
            let request = browser.and_then(|browser| memory.requests.get(browser).cloned());
            Expected::Request(request.ok_or("request-cookie-missing")?)
        };
        let field = self.read(field);
        // This switch requires encrypted assertions.
        let document = STANDARD.decode(&field).unwrap_or_default();
        let is_plain = !String::from_utf8_lossy(&document).contains("EncryptedAssertion");
        if is_plain && self.has(|it| matches!(it, Switch::Decrypts)) {
            return Err("not-encrypted".to_owned());
        }
        let keys = self.keys().ok_or("no-key")?;
        let checked = self
            .check_response(&field, expected, &keys)
            .map_err(|refusal| refusal.code().to_owned())?;
        if self.is_weaker(&checked) {
            return Err("weaker".to_owned());
        }
        let mut user = checked.name_id().value.clone();
        for switch in self.switches.iter() {
            if let Switch::Names(make) = switch {
                user = make(user);
            }
        }
        let domain = user.split_once('@').map(|(_, domain)| domain);
        let is_right = domain == Some("corp.example") && !user.chars().any(char::is_control);
        if !is_right && !self.has(|it| matches!(it, Switch::AnyDomain)) {
            return Err("wrong-domain".to_owned());
        }
        if user != USER && self.has(|it| matches!(it, Switch::KnownUsers)) {
            return Err("unknown-user".to_owned());
        }
        let id = checked.assertion_id().to_owned();
        let is_new = self.memory.lock().unwrap().seen.insert(id);
        let forgets = self.is_flawed("forgets-unsolicited") && takes_any
            || self.is_flawed("forgets-one-time-use")
                && String::from_utf8_lossy(&document).contains("OneTimeUse");
        if takes_any && self.is_flawed("asks-before-switching") && self.is_another(headers, &user) {
            return Err("asked-first".to_owned());
        }
        if !is_new && !forgets {
            return Err("assertion-replayed".to_owned());
        }
        Ok(user)
    }

    /// Returns the form field. With the switch `ReadsUtf16`, a document in UTF-16 is converted to
    /// UTF-8.
    fn read(&self, field: &str) -> String {
        let bytes = STANDARD.decode(field).unwrap_or_default();
        let Some(rest) = bytes.strip_prefix(&[0xff, 0xfe]) else {
            return field.to_owned();
        };
        if !self.has(|it| matches!(it, Switch::ReadsUtf16)) {
            return field.to_owned();
        }
        let units = rest.chunks_exact(2);
        let units: Vec<u16> = units.map(|it| u16::from_le_bytes([it[0], it[1]])).collect();
        STANDARD.encode(String::from_utf16_lossy(&units))
    }

    fn check_response(
        &self,
        field: &str,
        expected: Expected,
        keys: &TrustedKeys,
    ) -> Result<Checked, saml::acceptance::Refusal> {
        let policy = self.switches.iter().find_map(|it| match it {
            Switch::Demands(policy, _) => Some(*policy),
            _ => None,
        });
        let decrypts = self.has(|it| matches!(it, Switch::Decrypts)) || self.is_flawed("decrypts");
        let own = decrypts.then(|| DecryptionKeys::new(vec![KEY.clone()]));
        Posted::from_form(field, &Limits::default())?
            .verify_or_decrypt(
                keys,
                policy.unwrap_or(SignaturePolicy::Either),
                own.as_ref(),
            )?
            .check(&self.expectations(expected))
    }

    fn expectations(&self, expected: Expected) -> Expectations {
        Expectations {
            idp_entity_id: self.idp.entity_id.clone(),
            sp_entity_id: format!("{}/metadata", self.base),
            acs_url: self.acs_url(),
            in_response_to: expected,
            now: self.ambient.now(),
            clock_skew: SignedDuration::from_secs(60),
        }
    }
}
