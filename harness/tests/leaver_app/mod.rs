//! A small application with SAML, SCIM, single logout, API tokens and Universal
//! Logout: right, but for one hole. It shares nothing with our portal.
//!
//! To add a hole: a value of [`Hole`], and a line in [`HOLES`] with
//! the checks that have to find it.

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
pub(crate) use table::HOLES;

/// The SCIM token.
pub(crate) const TOKEN: &str = "token-of-the-leaver-app";
/// Somebody who is there already.
pub(crate) const KNOWN: &str = "jo@corp.example";
/// The group that gives access.
pub(crate) const STAFF: &str = "Staff";
/// Another group, whose members are admins.
pub(crate) const ADMINS: &str = "Admins";

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hole {
    None,
    /// Sessions and tokens end so many seconds late.
    EndsAfter(i64),
    SurvivesDeactivation,
    SurvivesDelete,
    SurvivesGroup,
    SurvivesLogout,
    TokenSurvivesDeactivation,
    TokenSurvivesDelete,
    TokenSurvivesGroup,
    TokenSurvivesRevocation,
    /// `active` is not looked at when somebody signs on.
    SignsOnInactive,
    /// A sign-on of an inactive person makes them active, and is refused.
    SignOnReactivates,
    /// A sign-on creates who isn't there.
    SignOnCreates,
    /// The same, and is refused.
    RefusedSignOnCreates,
    SignsOnWithoutGroup,
    ReactivationMakesAnother,
    /// Deactivation forgets the externalId.
    DeactivationForgets,
    /// Nobody who was deactivated gets in again.
    ReactivationIsIgnored,
    /// Sessions are refused only while the person is inactive.
    SessionsResume,
    UserNameStaysTaken,
    /// Sessions belong to names.
    SessionsByName,
    /// Whom SCIM created can't sign on.
    JoinersAreRefused,
    RevocationDoesNothing,
    /// Any signature of a revocation request will do.
    AnyRevocation,
    /// Whoever leaves takes everybody along.
    EndsEverybody,
    /// The roles of a session are those of the sign-on.
    RolesStay,
    /// Groups give no roles.
    NoRoles,
    /// Single logout removes the cookie, and no more.
    CookieOnly,
    /// An ended session is refused once, and works again.
    Blinks,
    /// The probe's answers break off once somebody left.
    ProbeBreaksOff,
    /// The probe fails once somebody left.
    ProbeFails,
    /// A sign-on creates a second account.
    SignOnDuplicates,
    /// SCIM says that it deletes, and doesn't.
    KeepsDeleted,
    /// SCIM says that it deactivates, and doesn't.
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
    /// Starts it with this hole; it trusts the provider.
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

    /// What it says of itself.
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

    /// The userNames that are left, but for those that were there.
    pub(crate) fn left(&self) -> Vec<String> {
        let state = self.state();
        let all = state.accounts.values();
        all.map(|it| it.user_name.clone())
            .filter(|name| name != KNOWN)
            .collect()
    }
}
