//! Transport faults for the SAML endpoints: those chosen for the application of the request,
//! and those in the request's header.

use std::time::Duration;

use ambient::telemetry::Deliberate;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use faults::Fault;
use futures::stream;
use saml::Limits;
use saml::binding::{post, redirect};
use saml::message::AuthnRequest;

use super::LARGEST_BODY;
use super::socket::Peer;
use crate::Idp;
use crate::misbehavior::{self, BY_HEADER};
use crate::store::resources::Kind;
use crate::transport::Transport;

/// Header with the faults for one request, of the catalogue or of the transport:
/// `X-Rehearsal-Fault: expired, latency; milliseconds=500`.
const HEADER: &str = "x-rehearsal-fault";

/// Number of bytes that `slow-drip` sends at once.
const DROP: usize = 16;

/// Adds the transport faults to these routes.
pub(super) fn around(routes: Router<Idp>, idp: Idp) -> Router<Idp> {
    routes.layer(middleware::from_fn_with_state(idp, misbehave))
}

fn read_requested_faults(request: &Request) -> Result<(Vec<Fault>, Vec<Transport>), String> {
    let mut of_catalogue = Vec::new();
    let mut of_transport = Vec::new();
    let values = request.headers().get_all(HEADER);
    let texts = values.iter().filter_map(|value| value.to_str().ok());
    for name in texts.flat_map(|text| text.split(',')) {
        let id = name.split(';').next().unwrap_or_default().trim();
        if Transport::is_known(id) {
            of_transport.push(Transport::of_header(name)?);
            continue;
        }
        let all = faults::catalogue().map_err(|error| error.to_string())?;
        let found = all
            .into_iter()
            .find(|fault| fault.id == id && misbehavior::is_ours(fault));
        of_catalogue.push(found.ok_or_else(|| format!("fault {id:?} not found"))?);
    }
    Ok((of_catalogue, of_transport))
}

async fn misbehave(State(idp): State<Idp>, request: Request, next: Next) -> Response {
    let (of_catalogue, mut striking) = match read_requested_faults(&request) {
        Ok(asked) => asked,
        Err(wrong) => {
            return (StatusCode::BAD_REQUEST, format!("{HEADER}: {wrong}\n")).into_response();
        }
    };
    let peer = request.extensions().get::<ConnectInfo<Peer>>().cloned();
    let mut request = request;
    if idp.misbehavior.has_transport() {
        let (put_back, place) = find_application(&idp, request).await;
        request = put_back;
        if let Some((environment, application)) = place {
            striking.extend(idp.misbehavior.strike_transport(&environment, &application));
        }
    }
    let mut response = BY_HEADER.scope(of_catalogue, next.run(request)).await;
    for fault in striking {
        tracing::info!(?fault, "applying a chosen transport fault");
        response = apply_transport_fault(&idp, &fault, response, peer.as_ref()).await;
    }
    response
}

/// Finds the application of a request, as environment id and application id. Also returns the
/// request, unchanged.
async fn find_application(idp: &Idp, request: Request) -> (Request, Option<(String, String)>) {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let parameter = |name: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let (environment, application) = match parts[..] {
        [env, "saml20", "metadata", app] => return (request, Some((env.into(), app.into()))),
        [env, "saml20", "resume"] => match parameter("flowId") {
            Some(flow) => (env, find_by_flow(idp, env, &flow).await),
            None => (env, None),
        },
        [env, "flows", flow, ..] => (env, find_by_flow(idp, env, flow).await),
        [env, "saml20", "idp", "startsso"] => match parameter("spEntityId") {
            Some(entity) => (env, find_by_entity(idp, env, &entity).await),
            None => (env, None),
        },
        [env, "saml20", "idp", _] if request.method() == Method::GET => {
            let message = redirect::decode(&query, &Limits::default()).ok();
            let xml = message.map(|message| message.xml);
            (env, find_by_request(idp, env, xml).await)
        }
        [env, "saml20", "idp", _] => {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, LARGEST_BODY).await;
            let body = body.unwrap_or_default();
            let field = url::form_urlencoded::parse(&body)
                .find(|(key, _)| key == "SAMLRequest")
                .map(|(_, value)| value.into_owned());
            let xml = field.and_then(|field| post::decode(&field, &Limits::default()).ok());
            let application = find_by_request(idp, env, xml).await;
            let place = application.map(|application| (env.to_owned(), application));
            return (Request::from_parts(parts, Body::from(body)), place);
        }
        _ => return (request, None),
    };
    let place = application.map(|application| (environment.to_owned(), application));
    (request, place)
}

async fn find_by_flow(idp: &Idp, environment: &str, flow: &str) -> Option<String> {
    let (_, request, _) = idp.get_flow(environment, flow).await.ok()?;
    Some(request.application)
}

async fn find_by_request(idp: &Idp, environment: &str, xml: Option<String>) -> Option<String> {
    let request = AuthnRequest::parse(&xml?).ok()?;
    find_by_entity(idp, environment, &request.issuer).await
}

async fn find_by_entity(idp: &Idp, environment: &str, entity: &str) -> Option<String> {
    let all = idp.list(environment, Kind::Application, None).await.ok()?;
    let found = all.into_iter().find(|application| {
        crate::directory::text(&application.document, "spEntityId") == Some(entity)
    });
    found.map(|application| application.id)
}

async fn apply_transport_fault(
    idp: &Idp,
    fault: &Transport,
    mut response: Response,
    peer: Option<&ConnectInfo<Peer>>,
) -> Response {
    match fault {
        Transport::Latency { milliseconds } => {
            let late = Duration::from_millis(*milliseconds);
            idp.config.timer.wait(late).await;
            response
        }
        Transport::ErrorStatus { status } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            (
                status,
                Extension(Deliberate),
                "This error is a fault that was chosen for this identity provider.\n",
            )
                .into_response()
        }
        Transport::TooManyRequests { retry_after } => (
            StatusCode::TOO_MANY_REQUESTS,
            [(header::RETRY_AFTER, retry_after.to_string())],
            "Too many requests: this is a fault that was chosen for this identity provider.\n",
        )
            .into_response(),
        Transport::WrongContentType { content_type } => {
            if let Ok(value) = HeaderValue::from_str(content_type) {
                response.headers_mut().insert(header::CONTENT_TYPE, value);
            }
            response
        }
        Transport::Reset => {
            if let Some(ConnectInfo(peer)) = peer {
                peer.reset();
            }
            response
        }
        Transport::HalfABody => {
            let (parts, body) = read_response(response).await;
            let half = body.slice(..body.len() / 2);
            let length = body.len();
            answer_of_length(parts, length, broken(half))
        }
        Transport::SlowDrip { milliseconds } => {
            let (parts, body) = read_response(response).await;
            let length = body.len();
            let pace = Duration::from_millis(*milliseconds);
            answer_of_length(parts, length, slow_body(idp.clone(), body, pace))
        }
    }
}

async fn read_response(response: Response) -> (axum::http::response::Parts, Bytes) {
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await;
    (parts, body.unwrap_or_default())
}

/// Returns an answer whose `Content-Length` is `length`, whatever `body` contains.
fn answer_of_length(mut parts: axum::http::response::Parts, length: usize, body: Body) -> Response {
    parts.headers.insert(header::CONTENT_LENGTH, length.into());
    Response::from_parts(parts, body)
}

/// Returns a body that sends these bytes and then ends the connection.
fn broken(bytes: Bytes) -> Body {
    Body::from_stream(stream::unfold(0, move |turn| {
        let bytes = bytes.clone();
        async move {
            if turn == 0 {
                return Some((Ok(bytes), 1));
            }
            // Give the server time to send the bytes first.
            tokio::task::yield_now().await;
            let end = std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
            (turn == 1).then_some((Err(end), 2))
        }
    }))
}

fn slow_body(idp: Idp, bytes: Bytes, pace: Duration) -> Body {
    Body::from_stream(stream::unfold(bytes, move |mut rest| {
        let idp = idp.clone();
        async move {
            if rest.is_empty() {
                return None;
            }
            idp.config.timer.wait(pace).await;
            let drop = rest.split_to(rest.len().min(DROP));
            Some((Ok::<_, std::io::Error>(drop), rest))
        }
    }))
}
