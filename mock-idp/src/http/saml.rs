//! The SAML endpoints: metadata, single sign-on, single logout, and the forms of a sign-on.

use axum::extract::{Form, Path, Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Router, response::Redirect};
use saml::Limits;
use saml::acceptance::Refusal;
use saml::binding::{Outgoing, Parameter, post as posting, repost};
use saml::message::StatusCode as SamlStatus;
use saml::reception::Received;
use serde::Deserialize;
use url::Url;

use super::pages::{self, Destination};
use crate::Idp;
use crate::directory::passwords::{SignOn, SignedOn};
use crate::sso::logout::Ended;
use crate::sso::{Delivery, Denied, SignOnRequest};

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/saml20/metadata/{app}", get(show_metadata))
        .route(
            "/{env}/saml20/idp/sso",
            get(receive_request_by_redirect).post(receive_request_by_form),
        )
        .route("/{env}/saml20/idp/startsso", get(start_here))
        .route(
            "/{env}/saml20/idp/slo",
            get(receive_logout_by_redirect).post(receive_logout_by_form),
        )
        .route("/{env}/saml20/idp/startslo", get(sign_off))
        .route("/{env}/saml20/resume", get(resume))
        .route("/{env}/flows/{flow}", get(show_form).post(submit))
        .route("/{env}/flows/{flow}/password", post(choose_password))
        .route("/{env}/flows/{flow}/verification", post(verify))
}

type Answer = Result<Response, Denied>;

fn to_response(idp: &Idp, outcome: Answer) -> Response {
    outcome.unwrap_or_else(|denied| pages::render_denied(idp, &denied))
}

/// Returns the value of the session cookie `ST`.
fn session_token(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix("ST="))
        .map(str::to_owned)
}

fn delivery_to_response(delivery: &Delivery) -> Response {
    let page = posting::form_page_of(
        &delivery.acs_url,
        Parameter::Response,
        &delivery.field,
        delivery.relay_state.as_deref(),
    );
    form_page(page)
}

/// Returns a page that posts a message. Its content security policy allows the script that
/// submits the form.
fn form_page(page: String) -> Response {
    let policy = [(header::CONTENT_SECURITY_POLICY, posting::FORM_PAGE_POLICY)];
    (policy, Html(page)).into_response()
}

async fn show_metadata(
    State(idp): State<Idp>,
    Path((env, app)): Path<(String, String)>,
) -> Response {
    let made = idp.sign_metadata(&env, &app).await;
    to_response(
        &idp,
        made.map_err(Denied::from).map(|metadata| {
            let kind = [(header::CONTENT_TYPE, "application/samlmetadata+xml")];
            (kind, metadata).into_response()
        }),
    )
}

/// Sends the Response if the user has a session that the request accepts. Otherwise starts a
/// sign-on, or answers with an error status.
async fn proceed(idp: &Idp, env: &str, request: SignOnRequest, headers: &HeaderMap) -> Answer {
    let session = idp
        .find_session(env, session_token(headers).as_deref())
        .await?;
    if request.context_unmet {
        let message = "This identity provider supports the authentication context PasswordProtectedTransport only.";
        let delivery = idp
            .decline(env, &request, SamlStatus::NoAuthnContext, message)
            .await?;
        return Ok(delivery_to_response(&delivery));
    }
    match session {
        Some(sso_session) if !request.force_authn => {
            let delivery = idp.answer(env, &request, &sso_session).await?;
            Ok(delivery_to_response(&delivery))
        }
        _ if request.is_passive => {
            let message = "The user is not signed on, and IsPassive forbids a sign-on page.";
            let delivery = idp
                .decline(env, &request, SamlStatus::NoPassive, message)
                .await?;
            Ok(delivery_to_response(&delivery))
        }
        _ => {
            let flow = idp.start_flow(env, &request).await?;
            let to = format!("{}/{env}/flows/{flow}", idp.base_url);
            Ok((StatusCode::FOUND, [(header::LOCATION, to)]).into_response())
        }
    }
}

async fn receive_request_by_redirect(
    State(idp): State<Idp>,
    Path(env): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let outcome = async {
        let query = query.unwrap_or_default();
        let received = Received::by_redirect(&query, &Limits::default()).map_err(unreadable)?;
        let request = idp.check_authn_request(&env, received).await?;
        proceed(&idp, &env, request, &headers).await
    };
    let outcome = outcome.await;
    to_response(&idp, outcome)
}

fn unreadable(refusal: Refusal) -> Denied {
    Denied::Page(format!(
        "The message cannot be read: {}.",
        refusal.private()
    ))
}

#[derive(Deserialize)]
struct Posted {
    #[serde(rename = "SAMLRequest")]
    request: Option<String>,
    #[serde(rename = "SAMLResponse")]
    response: Option<String>,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
    /// The field [`repost::REPOST_FIELD`].
    reposted: Option<String>,
}

impl Posted {
    fn decode_message(self) -> Result<Received, Denied> {
        let (parameter, field) = match (self.request, self.response) {
            (Some(request), None) => (Parameter::Request, request),
            (None, Some(response)) => (Parameter::Response, response),
            _ => {
                let words = "Expected either SAMLRequest or SAMLResponse.";
                return Err(Denied::Page(words.to_owned()));
            }
        };
        Received::by_form(parameter, &field, self.relay_state, &Limits::default())
            .map_err(unreadable)
    }
}

async fn receive_request_by_form(
    State(idp): State<Idp>,
    Path(env): Path<String>,
    headers: HeaderMap,
    Form(posted): Form<Posted>,
) -> Response {
    if let Some(page) = repost_request(&idp, &env, &headers, &posted) {
        return page;
    }
    let outcome = async {
        let request = idp
            .check_authn_request(&env, posted.decode_message()?)
            .await?;
        proceed(&idp, &env, request, &headers).await
    };
    let outcome = outcome.await;
    to_response(&idp, outcome)
}

/// Returns a page that posts the `AuthnRequest` again, from this site, if a page of another
/// site posted it and no session cookie came with it. Without TLS that cookie is
/// `SameSite=Lax`, so the browser may have held it back. Then a signed-on user would have to
/// enter the password again, and a passive request (`IsPassive`) would fail.
fn repost_request(idp: &Idp, env: &str, headers: &HeaderMap, posted: &Posted) -> Option<Response> {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let own_origin = Url::parse(&idp.base_url)
        .ok()?
        .origin()
        .ascii_serialization();
    let message = posted.request.as_deref()?;
    let is_needed = posted.reposted.is_none()
        && session_token(headers).is_none()
        && !is_https(idp)
        && repost::is_posted_across_sites(value("origin"), value("sec-fetch-site"), &own_origin);
    is_needed.then(|| {
        let action = format!("{}/{env}/saml20/idp/sso", idp.base_url);
        let page = repost::repost_page(
            &action,
            Parameter::Request,
            message,
            posted.relay_state.as_deref(),
        );
        let policy = [(header::CONTENT_SECURITY_POLICY, repost::REPOST_PAGE_POLICY)];
        (policy, Html(page)).into_response()
    })
}

/// True if the identity provider uses TLS. Only then can a cookie be `SameSite=None`, so that
/// browsers send it with requests from other sites.
fn is_https(idp: &Idp) -> bool {
    idp.base_url.starts_with("https:")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start {
    #[serde(default)]
    sp_entity_id: String,
    application_url: Option<String>,
}

async fn start_here(
    State(idp): State<Idp>,
    Path(env): Path<String>,
    Query(start): Query<Start>,
    headers: HeaderMap,
) -> Response {
    let outcome = async {
        let request = idp
            .create_unsolicited_request(&env, &start.sp_entity_id, start.application_url)
            .await?;
        proceed(&idp, &env, request, &headers).await
    };
    let outcome = outcome.await;
    to_response(&idp, outcome)
}

async fn receive_logout_by_redirect(
    State(idp): State<Idp>,
    Path(env): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let outcome = async {
        let query = query.unwrap_or_default();
        let received = Received::by_redirect(&query, &Limits::default()).map_err(unreadable)?;
        idp.receive_logout(&env, received).await
    };
    let outcome = outcome.await;
    to_response(&idp, outcome.map(|ended| logout_page(&idp, &env, ended)))
}

async fn receive_logout_by_form(
    State(idp): State<Idp>,
    Path(env): Path<String>,
    Form(posted): Form<Posted>,
) -> Response {
    let outcome = async { idp.receive_logout(&env, posted.decode_message()?).await };
    let outcome = outcome.await;
    to_response(&idp, outcome.map(|ended| logout_page(&idp, &env, ended)))
}

/// Signs the user off, started at the identity provider. PingOne has no such endpoint.
async fn sign_off(State(idp): State<Idp>, Path(env): Path<String>, headers: HeaderMap) -> Response {
    let token = session_token(&headers);
    let outcome = idp.sign_off(&env, token.as_deref()).await;
    to_response(&idp, outcome.map(|ended| logout_page(&idp, &env, ended)))
}

fn logout_page(idp: &Idp, env: &str, ended: Ended) -> Response {
    let gone = format!("ST=; {}; Max-Age=0", session_cookie_attributes(idp, env));
    let cookie = [(header::SET_COOKIE, gone)];
    match ended {
        Ended::Carrying(Outgoing::Redirect(url)) => {
            (StatusCode::FOUND, cookie, [(header::LOCATION, url)]).into_response()
        }
        Ended::Carrying(Outgoing::Form(page)) => (cookie, form_page(page)).into_response(),
        Ended::Whole => (cookie, pages::render_signed_off(true)).into_response(),
        Ended::InPart => (cookie, pages::render_signed_off(false)).into_response(),
    }
}

fn action(idp: &Idp, env: &str, flow: &str) -> String {
    format!("{}/{env}/flows/{flow}", idp.base_url)
}

async fn show_form(State(idp): State<Idp>, Path((env, flow)): Path<(String, String)>) -> Response {
    let found = idp.get_flow(&env, &flow).await;
    to_response(
        &idp,
        found.map(|(_, request, application)| {
            let to = Destination::of(application, &request.acs_url);
            pages::render_sign_on(&action(&idp, &env, &flow), &to, "", None)
        }),
    )
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

async fn submit(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Form(credentials): Form<Credentials>,
) -> Response {
    let outcome = async {
        let (flow, request, application) = idp.get_flow(&env, &id).await?;
        let to = Destination::of(application, &request.acs_url);
        let Credentials { username, password } = credentials;
        let wrong = match idp.sign_on(&env, &username, &password).await? {
            SignOn::Welcome(signed_on) => {
                let SignedOn { user, tx } = *signed_on;
                let token = idp.open_session(tx, &flow, &user).await?;
                return Ok(set_session_and_resume(&idp, &env, &id, &token));
            }
            SignOn::Wrong => "Incorrect username or password. Please try again.",
            SignOn::Locked => "This account is locked. Ask your administrator to unlock it.",
            SignOn::Disabled => "This account is disabled. Ask your administrator to enable it.",
            SignOn::MustChange => {
                let save = format!("{}/password", action(&idp, &env, &id));
                return Ok(pages::render_new_password(&save, &username, None));
            }
            SignOn::Unverified => {
                if let Some(user) = idp.find_user_by_name(&env, &username).await? {
                    idp.send_verification_code(&env, &user.id).await?;
                }
                let send = format!("{}/verification", action(&idp, &env, &id));
                return Ok(pages::render_verification(&send, &username));
            }
        };
        Ok(pages::render_sign_on(
            &action(&idp, &env, &id),
            &to,
            &username,
            Some(wrong),
        ))
    };
    let outcome = outcome.await;
    to_response(&idp, outcome)
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Chosen {
    username: String,
    current_password: String,
    new_password: String,
}

/// Changes a password that must be changed, and signs the user on.
async fn choose_password(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Form(chosen): Form<Chosen>,
) -> Response {
    let outcome = async {
        let (flow, request, application) = idp.get_flow(&env, &id).await?;
        let destination = Destination::of(application, &request.acs_url);
        let changed = idp
            .change_password(
                &env,
                &chosen.username,
                &chosen.current_password,
                &chosen.new_password,
            )
            .await?;
        if let Err(lacking) = changed {
            let to = format!("{}/password", action(&idp, &env, &id));
            return Ok(pages::render_new_password(
                &to,
                &chosen.username,
                Some(&lacking),
            ));
        }
        match idp
            .sign_on(&env, &chosen.username, &chosen.new_password)
            .await?
        {
            SignOn::Welcome(signed_on) => {
                let SignedOn { user, tx } = *signed_on;
                let token = idp.open_session(tx, &flow, &user).await?;
                Ok(set_session_and_resume(&idp, &env, &id, &token))
            }
            _ => Ok(pages::render_sign_on(
                &action(&idp, &env, &id),
                &destination,
                &chosen.username,
                None,
            )),
        }
    };
    let outcome = outcome.await;
    to_response(&idp, outcome)
}

#[derive(Deserialize)]
struct Verification {
    #[serde(default)]
    username: String,
    #[serde(default)]
    code: String,
}

/// Verifies the e-mail address by the code, and shows the sign-on form again.
async fn verify(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Form(said): Form<Verification>,
) -> Response {
    let outcome = async {
        let (_, request, application) = idp.get_flow(&env, &id).await?;
        let destination = Destination::of(application, &request.acs_url);
        let right = match idp.find_user_by_name(&env, &said.username).await? {
            Some(user) => idp.verify_user(&env, &user.id, &said.code).await?,
            None => false,
        };
        let wrong = (!right)
            .then_some("This is not the code that was sent last. Sign on to get a new one.");
        Ok(pages::render_sign_on(
            &action(&idp, &env, &id),
            &destination,
            &said.username,
            wrong,
        ))
    };
    let outcome = outcome.await;
    to_response(&idp, outcome)
}

/// Returns the attributes of the session cookie. Browsers accept `SameSite=None` only together
/// with `Secure`; without TLS, [`repost_request`] is the workaround.
fn session_cookie_attributes(idp: &Idp, env: &str) -> String {
    let guard = if is_https(idp) {
        "SameSite=None; Secure"
    } else {
        "SameSite=Lax"
    };
    format!("Path=/{env}; HttpOnly; {guard}")
}

fn set_session_and_resume(idp: &Idp, env: &str, flow: &str, token: &str) -> Response {
    let cookie = format!("ST={token}; {}", session_cookie_attributes(idp, env));
    let to = format!("{}/{env}/saml20/resume?flowId={flow}", idp.base_url);
    ([(header::SET_COOKIE, cookie)], Redirect::to(&to)).into_response()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resumed {
    flow_id: String,
}

async fn resume(
    State(idp): State<Idp>,
    Path(env): Path<String>,
    Query(resumed): Query<Resumed>,
    headers: HeaderMap,
) -> Response {
    let token = session_token(&headers);
    let outcome = idp.resume(&env, &resumed.flow_id, token.as_deref()).await;
    to_response(
        &idp,
        outcome.map(|delivery| delivery_to_response(&delivery)),
    )
}
