//! Routes of single sign-on in a browser: start, ACS and SP metadata.

use axum::Form;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use saml::binding::{Outgoing, Parameter, form, post as binding, repost};
use serde::Deserialize;

use super::caller::{Address, cookie, session_cookie};
use super::pages;
use crate::Portal;
use crate::login::{self, Asking, LoginRefusal, Posted, Purpose};
use crate::refusal::{self, Flow, Refused, kinds};
use crate::store::{self, fingerprint};

/// Name of the cookie that binds a Response to the browser that sent the
/// AuthnRequest.
const BROWSER: &str = "portal_sso";

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/login/sso", post(continue_with_sso))
        .route("/sso/start", get(start))
        .route("/webapp/sso/acs/{id}", post(receive_response))
        .route("/saml/metadata/{id}", get(show_metadata))
}

#[derive(Deserialize)]
struct StartQuery {
    #[serde(default)]
    email: String,
    return_to: Option<String>,
    /// `login` sets ForceAuthn, `none` sets IsPassive; the values are those of
    /// OpenID Connect's parameter `prompt`.
    prompt: Option<String>,
}

async fn continue_with_sso(
    State(portal): State<Portal>,
    Address(address): Address,
    headers: HeaderMap,
    form: Result<Form<StartQuery>, FormRejection>,
) -> Response {
    match form {
        Ok(Form(query)) => to_idp(&portal, &headers, query, &address).await,
        Err(rejection) => refuse(&portal, form_error(&rejection), Flow::Sso, &address).await,
    }
}

async fn start(
    State(portal): State<Portal>,
    Address(address): Address,
    headers: HeaderMap,
    Query(query): Query<StartQuery>,
) -> Response {
    to_idp(&portal, &headers, query, &address).await
}

async fn to_idp(
    portal: &Portal,
    headers: &HeaderMap,
    query: StartQuery,
    address: &str,
) -> Response {
    let (browser, is_new) = match cookie(headers, BROWSER) {
        Some(browser) => (browser.to_owned(), false),
        None => (portal.ambient.rng().token(32), true),
    };
    let purpose = |_: &str| Purpose::Browser {
        browser_hash: fingerprint(&browser),
        return_to: login::return_path(query.return_to.as_deref()),
    };
    let prompt = query.prompt.as_deref();
    let asking = Asking {
        force: prompt == Some("login"),
        passive: prompt == Some("none"),
    };
    match login::start(portal, &query.email, asking, purpose).await {
        Ok(started) => {
            let mut response = to_response(started.outgoing);
            if is_new && let Ok(value) = browser_cookie(portal, &browser).parse() {
                response.headers_mut().append(header::SET_COOKIE, value);
            }
            super::no_store(response)
        }
        Err(away) => refuse(portal, away, Flow::Sso, address).await,
    }
}

/// Returns the redirect or the form page with which the browser carries a
/// message to the IdP.
pub(super) fn to_response(outgoing: Outgoing) -> Response {
    match outgoing {
        Outgoing::Redirect(url) => (StatusCode::FOUND, [(header::LOCATION, url)]).into_response(),
        Outgoing::Form(page) => {
            let policy = [(header::CONTENT_SECURITY_POLICY, binding::FORM_PAGE_POLICY)];
            (policy, Html(page)).into_response()
        }
    }
}

/// Returns the `Set-Cookie` value of the browser-binding cookie. The IdP's page
/// posts the Response, usually from another site. With TLS the cookie is
/// `SameSite=None`, so browsers send it. Without TLS browsers ignore `None`,
/// and send a `Lax` cookie only within one site, such as `127.0.0.1` with two
/// ports; `portal.localhost` and `idp.localhost` are two sites. In that case
/// the ACS makes the browser post the Response again ([`repost_response`]).
fn browser_cookie(portal: &Portal, value: &str) -> String {
    let site = if portal.is_https() {
        "SameSite=None; Secure"
    } else {
        "SameSite=Lax"
    };
    format!("{BROWSER}={value}; Path=/; HttpOnly; Max-Age=3600; {site}")
}

#[derive(Deserialize)]
struct AcsForm {
    #[serde(rename = "SAMLResponse", default)]
    saml_response: String,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
    /// Field [`repost::REPOST_FIELD`]: the portal's own page posted the form.
    reposted: Option<String>,
}

/// Media type of forms.
const FORM: &str = "application/x-www-form-urlencoded";

impl<S: Send + Sync> FromRequest<S> for AcsForm {
    type Rejection = FormRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, FormRejection> {
        let of_form = |Form(form)| form;
        let kind = request.headers().get(header::CONTENT_TYPE);
        if kind.is_none_or(|kind| kind != FORM) {
            return Form::from_request(request, state).await.map(of_form);
        }
        let body = Bytes::from_request(request, state).await?;
        let names = [
            Parameter::Response.name(),
            "RelayState",
            repost::REPOST_FIELD,
        ];
        if let Some([saml_response, relay_state, reposted]) = form::find_fields(&body, names) {
            return Ok(Self {
                saml_response: saml_response.unwrap_or_default(),
                relay_state,
                reposted,
            });
        }
        let request = Request::post("/").header(header::CONTENT_TYPE, FORM);
        let mut request = request.body(Body::from(body)).unwrap_or_default();
        // It was within the limit when it was read.
        DefaultBodyLimit::disable().apply(&mut request);
        Form::from_request(request, state).await.map(of_form)
    }
}

async fn receive_response(
    State(portal): State<Portal>,
    Address(address): Address,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<AcsForm, FormRejection>,
) -> Response {
    let form = match form {
        Ok(form) => form,
        Err(rejection) => {
            let away = LoginRefusal {
                business_id: login::find_business_of_tenant(&portal, &id).await,
                ..form_error(&rejection)
            };
            return refuse(&portal, away, Flow::Sso, &address).await;
        }
    };
    let browser = cookie(&headers, BROWSER);
    if browser.is_none()
        && form.reposted.is_none()
        && super::is_posted_across_sites(&portal, &headers)
        && login::claims_to_answer(&form.saml_response)
    {
        return repost_response(&portal, &id, &form);
    }
    let posted = Posted {
        tenant_id: &id,
        browser,
        saml_response: &form.saml_response,
        relay_state: form.relay_state.as_deref().unwrap_or_default(),
        address: &address,
    };
    match login::receive_browser_response(&portal, posted).await {
        Ok(logged_in) => {
            let cookie = AppendHeaders([(
                header::SET_COOKIE,
                session_cookie(&portal, &logged_in.token),
            )]);
            (cookie, Redirect::to(&logged_in.return_to)).into_response()
        }
        Err(away) => refuse(&portal, away, Flow::Sso, &address).await,
    }
}

/// Returns a page that posts the Response to the ACS again, now from the
/// portal's own site, so that the browser sends the cookie. Nothing is read
/// from the Response or stored; the repeated request is checked like any other.
fn repost_response(portal: &Portal, tenant_id: &str, form: &AcsForm) -> Response {
    let acs_url = portal.service_provider(tenant_id).acs_url;
    let page = repost::repost_page(
        &acs_url,
        Parameter::Response,
        &form.saml_response,
        form.relay_state.as_deref(),
    );
    let policy = [(header::CONTENT_SECURITY_POLICY, repost::REPOST_PAGE_POLICY)];
    super::no_store((policy, Html(page)))
}

fn form_error(rejection: &FormRejection) -> LoginRefusal {
    Refused::new(&kinds::MALFORMED_FORM, rejection.body_text()).into()
}

async fn refuse(portal: &Portal, away: LoginRefusal, flow: Flow, address: &str) -> Response {
    let business_id = away.business_id.as_deref();
    let reference = refusal::record(portal, business_id, &away.refused, flow, address).await;
    let status = status_of(&away.refused);
    let page = pages::refusal_page(&away.refused, &reference);
    super::no_store((status, [("x-refusal-reference", reference)], page))
}

/// Returns the HTTP status of a page that shows a refusal.
pub(super) fn status_of(refused: &Refused) -> StatusCode {
    match refused.code {
        "malformed-form" | "invalid-email" => StatusCode::BAD_REQUEST,
        "no-such-service" => StatusCode::NOT_FOUND,
        "internal" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::FORBIDDEN,
    }
}

async fn show_metadata(
    State(portal): State<Portal>,
    Address(address): Address,
    Path(id): Path<String>,
) -> Response {
    let known = async {
        let mut db = portal.store.read().await?;
        store::tenants::find_by_id(&mut db, &id).await
    };
    let tenant = match known.await {
        Ok(Some(tenant)) => tenant,
        Ok(None) => {
            let page = pages::message("Not found", "No service provider has this address.");
            return (StatusCode::NOT_FOUND, page).into_response();
        }
        Err(error) => return refuse(&portal, error.into(), Flow::Sso, &address).await,
    };
    match portal.sign_metadata(&tenant).await {
        Ok(document) => {
            let kind = [(header::CONTENT_TYPE, "application/samlmetadata+xml")];
            (kind, document).into_response()
        }
        Err(refused) => refuse(&portal, refused.into(), Flow::Sso, &address).await,
    }
}
