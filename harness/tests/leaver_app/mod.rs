//! A small application with SAML, SCIM, single logout, API tokens and Universal Logout. It is
//! correct except for one hole. It shares no code with the portal.
//!
//! To add a hole, add a value of [`Hole`] and a line in [`HOLES`] with the checks that must
//! fail.

mod pages;
mod scim;
mod state;
mod table;

use std::sync::{Arc, Mutex, MutexGuard};

use ambient::Ambient;
use axum::Router;
use axum::routing::{get, post};
use rehearsal::check::leaver::Provider;
use saml::metadata::{Endpoint, IdpMetadata, IndexedEndpoint, SpMetadata};
use saml::names;

use state::State;
pub(crate) use table::{HOLES, REQUIREMENTS};

/// The bearer token for SCIM requests.
pub(crate) const TOKEN: &str = "token-of-the-leaver-app";
/// userName of a person who exists from the start.
pub(crate) const KNOWN: &str = "jo@corp.example";
/// The group that gives access.
pub(crate) const STAFF: &str = "Staff";
/// Another group, whose members are admins.
pub(crate) const ADMINS: &str = "Admins";

/// The fault of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hole {
    None,
    /// Sessions and tokens end this many seconds after the event.
    EndsAfter(i64),
    SurvivesDeactivation,
    SurvivesDelete,
    SurvivesGroup,
    SurvivesLogout,
    TokenSurvivesDeactivation,
    TokenSurvivesDelete,
    TokenSurvivesGroup,
    TokenSurvivesRevocation,
    /// `active` is not checked at login.
    SignsOnInactive,
    /// A login of an inactive person is refused, but makes the account active.
    SignOnReactivates,
    /// A login of an unknown person creates an account and is accepted.
    SignOnCreates,
    /// A login of an unknown person creates an account but is refused.
    RefusedSignOnCreates,
    SignsOnWithoutGroup,
    ReactivationMakesAnother,
    /// Deactivation deletes `externalId`.
    DeactivationForgets,
    /// A person who was deactivated can never log in again.
    ReactivationIsIgnored,
    /// Sessions are refused only while the person is inactive, and work again afterwards.
    SessionsResume,
    /// Tokens are refused only while the person is inactive, and work again afterwards.
    TokensResume,
    UserNameStaysTaken,
    /// Sessions belong to a userName instead of an account.
    SessionsByName,
    /// Tokens belong to a userName instead of an account.
    TokensByName,
    /// A person whom SCIM created cannot log in.
    JoinersAreRefused,
    RevocationDoesNothing,
    /// Revocation requests are accepted with any signature.
    AnyRevocation,
    /// Revocation requests for other audiences are accepted.
    AnyAudience,
    /// Revocation requests of other issuers are accepted.
    AnyIssuer,
    /// Expired revocation requests are accepted.
    ExpiredRevocation,
    /// When one person leaves, the sessions and tokens of all persons end.
    EndsEverybody,
    /// A session keeps the roles from the login.
    RolesStay,
    /// Members of the group `ADMINS` do not get its role.
    NoRoles,
    /// Single logout removes only the cookie.
    CookieOnly,
    /// An ended session is refused once and then works again.
    Blinks,
    /// The answers of the probe are cut off after the first person left.
    ProbeBreaksOff,
    /// The probe answers 503 after the first person left.
    ProbeFails,
    /// A login creates a second account.
    SignOnDuplicates,
    /// DELETE is answered with success but deletes nothing.
    KeepsDeleted,
    /// Deactivation is answered with success but changes nothing.
    KeepsActive,
}

/// The application.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) base: String,
    pub(crate) hole: Hole,
    idp: Arc<IdpMetadata>,
    issuer: String,
    ambient: Ambient,
    state: Arc<Mutex<State>>,
}

impl App {
    /// Starts the application with this hole. It trusts this identity provider.
    pub(crate) async fn start(provider: &Provider, hole: Hole, ambient: &Ambient) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let app = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            hole,
            idp: Arc::new(IdpMetadata::parse(&provider.metadata()).unwrap()),
            issuer: provider.issuer.clone(),
            ambient: ambient.clone(),
            state: Arc::new(Mutex::new(State::new())),
        };
        let router = Router::new()
            .route("/login", get(pages::log_in))
            .route("/acs", post(pages::acs))
            .route("/slo", get(pages::slo))
            .route("/me", get(pages::me))
            .route("/token", post(pages::token))
            .route("/api", get(pages::api))
            .route("/revoke", post(pages::revoke))
            .nest("/scim", scim::routes())
            .with_state(app.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        app
    }

    /// Returns its SAML metadata.
    pub(crate) fn metadata(&self) -> SpMetadata {
        SpMetadata {
            entity_id: format!("{}/metadata", self.base),
            acs: vec![IndexedEndpoint {
                endpoint: Endpoint::at(names::HTTP_POST, &format!("{}/acs", self.base)),
                index: 0,
                is_default: true,
            }],
            slo: vec![Endpoint::at(
                names::HTTP_REDIRECT,
                &format!("{}/slo", self.base),
            )],
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Returns the userNames of all accounts except the one that exists from the start.
    pub(crate) fn left(&self) -> Vec<String> {
        let state = self.state();
        let all = state.accounts.values();
        all.map(|it| it.user_name.clone())
            .filter(|name| name != KNOWN)
            .collect()
    }
}
