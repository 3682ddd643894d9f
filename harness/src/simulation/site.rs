//! The server of the simulation page: one page with forms, and the same as a JSON API below
//! `/api`.
//!
//! It needs its secret, like the control ports: programs send it in the path or as bearer token,
//! browsers get a cookie when they open the address with the secret (`lock`). Requests with a
//! foreign `Host` or `Origin` are refused, and forms need a token that only a page of this server
//! contains.

use std::collections::HashMap;
use std::sync::Arc;

use ambient::local_requests::{self, ForeignRequestError};
use ambient::{Ambient, ControlSecret, Rng, require_secret};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use super::checks::{self, Checks};
use super::controls::Controls;
use super::{api, explain, forms, lock};
use world::social::{SocialControls, social_router};

/// Maximum size of a request body in bytes. The page that explains messages has its own
/// limit.
const LARGEST_BODY: usize = 64 * 1024;

/// The state of the simulation page.
#[derive(Debug)]
pub struct Site {
    pub(super) controls: Controls,
    /// The social identity providers, if they belong to this process.
    pub(super) social: Option<SocialControls>,
    /// The clock of the providers, if this server serves them below `/social`.
    social_clock: Option<Ambient>,
    /// Host names of the page, in addition to those of this machine.
    names: Vec<String>,
    pub(super) form_token: String,
    pub(super) secret: ControlSecret,
    /// What browsers send as cookie. It is not the secret, because browsers send cookies to every
    /// port of a host.
    pub(super) session: ControlSecret,
    /// A part of the cookie's name.
    pub(super) cookie_id: String,
    /// Runs the checks of the page, if the `rehearsal` command can be started.
    pub(super) checks: Option<Checks>,
}

impl Site {
    /// Creates the site for these parties. Its secret is `secret`, or a random one.
    pub fn new(
        controls: Controls,
        social: Option<SocialControls>,
        secret: Option<ControlSecret>,
    ) -> Self {
        let rng = Rng::from_os();
        Self {
            controls,
            social,
            social_clock: None,
            names: Vec::new(),
            form_token: rng.token(24),
            secret: secret.unwrap_or_else(|| ControlSecret::generate(&rng)),
            session: ControlSecret::generate(&rng),
            cookie_id: rng.hex(4),
            checks: None,
        }
    }

    /// Returns the secret of the page.
    pub fn secret(&self) -> &ControlSecret {
        &self.secret
    }

    /// Adds the host of this URL to the names of the page.
    #[must_use]
    pub fn known_as(mut self, public: &Url) -> Self {
        self.names.extend(public.host_str().map(str::to_owned));
        self
    }

    /// Lets users of the page run checks.
    #[must_use]
    pub fn with_checks(mut self, checks: Checks) -> Self {
        self.checks = Some(checks);
        self
    }

    /// Stops a check that is still running, and waits until it has deleted what it created.
    pub async fn stop_checks(&self) {
        if let Some(checks) = &self.checks {
            checks.stop_all().await;
        }
    }

    /// True if a form comes from a page of this server.
    pub(super) fn has_token(&self, fields: &HashMap<String, String>) -> bool {
        fields.get("form_token") == Some(&self.form_token)
    }

    /// Serves the social identity providers below `/social`: their issuers are the page's
    /// URL followed by `/social/google` and so on.
    #[must_use]
    pub fn with_social(mut self, social: SocialControls, clock: Ambient) -> Self {
        self.social = Some(social);
        self.social_clock = Some(clock);
        self
    }

    /// Sets the clock of the providers that this server serves.
    pub(super) fn set_social_clock(&self, now: Timestamp) {
        if let Some(ambient) = &self.social_clock
            && let Err(error) = ambient.clock().set(now)
        {
            tracing::warn!(%error, "the social providers' clock could not be set");
        }
    }

    fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }
}

/// A simulation page whose port is open and whose server has not started, because the
/// parties need its URL first.
#[derive(Debug)]
pub struct Page {
    listener: TcpListener,
    url: Url,
}

/// A simulation page that is being served. It stops when this is dropped.
#[derive(Debug)]
pub struct Served(JoinHandle<()>);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Page {
    /// Opens the port; 0 takes a free one.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub async fn bind(address: impl tokio::net::ToSocketAddrs) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let mut at = listener.local_addr()?;
        if at.ip().is_unspecified() {
            at.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let url = Url::parse(&format!("http://{at}/")).map_err(std::io::Error::other)?;
        Ok(Self { listener, url })
    }

    /// Returns the URL of the page.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Starts the server.
    pub fn serve(self, site: Arc<Site>) -> Served {
        let router = router(site);
        Served(tokio::spawn(ambient::server::serve_to_the_end(
            self.listener,
            router,
        )))
    }
}

fn router(site: Arc<Site>) -> Router {
    let social = site.social_clock.as_ref().and(site.social.as_ref());
    let social = social.map(social_router);
    let own = Router::new()
        .merge(forms::router())
        .merge(explain::router())
        .merge(checks::router())
        .merge(lock::router())
        .nest("/api", api::router())
        .fallback(async || (StatusCode::NOT_FOUND, "There is no such page here.\n"))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&site),
            refuse_foreign,
        ))
        .with_state(Arc::clone(&site));
    let (asked, refused) = (Arc::clone(&site), Arc::clone(&site));
    let own = require_secret(
        own,
        site.secret.clone(),
        move |request| lock::is_open(&asked, request),
        move |request| lock::refuse(&refused, request),
    );
    // Browsers come to the social providers from another site, the portal, and the portal
    // sends requests itself. OpenID Connect protects these requests.
    let router = match social {
        Some(social) => own.nest("/social", social),
        None => own,
    };
    let fixed = |name: &'static str, value: &'static str| {
        tower_http::set_header::SetResponseHeaderLayer::if_not_present(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    router
        .route("/healthz", get(async || "alive\n"))
        .layer(fixed("x-content-type-options", "nosniff"))
        .layer(fixed("x-frame-options", "DENY"))
        // With `no-referrer`, browsers send the forms of this page with the origin `null`,
        // which is refused.
        .layer(fixed("referrer-policy", "same-origin"))
        .layer(fixed("cache-control", "no-store"))
        .layer(fixed(
            "content-security-policy",
            "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
        ))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

/// The API accepts requests of programs only. The page also accepts requests of browsers,
/// if they change nothing or come from the page itself.
async fn refuse_foreign(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let names = site.names();
    let (method, headers) = (request.method(), request.headers());
    let checked = if request.uri().path().starts_with("/api/") {
        local_requests::check_program(method, headers, &names)
    } else if *method == Method::GET || *method == Method::HEAD {
        local_requests::check_host(headers, &names)
    } else {
        local_requests::check_host(headers, &names)
            .and_then(|()| local_requests::check_origin(headers))
    };
    match checked {
        Ok(()) => next.run(request).await,
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &ForeignRequestError) -> Response {
    let problem = json!({
        "status": error.status().as_u16(),
        "code": error.code(),
        "detail": error.to_string(),
    });
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (error.status(), kind, Json(problem)).into_response()
}
