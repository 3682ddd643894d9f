//! A proxy in front of a server, whose address clients use. It forwards every exchange
//! unchanged and records it.
//!
//! The address stays the same when the server behind it is stopped and started again.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use ambient::answer_body;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use super::masking::mask_body;
use super::{Actor, Exchange, Recorder};
use crate::trust::Trust;

/// Maximum size of a forwarded message in bytes; larger than any party accepts.
const LONGEST: usize = 64 << 20;

/// Maximum size of a recorded body in bytes.
const LONGEST_KEPT: usize = 64 << 10;

/// Headers of one connection, which are not forwarded (RFC 9110 §7.6.1).
const HOP_BY_HOP: [header::HeaderName; 3] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
];

/// A proxy in front of one server. It stops when it is dropped.
#[derive(Debug)]
pub struct RecordingProxy {
    address: SocketAddr,
    wire: Arc<Wire>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Wire {
    listener: Actor,
    behind: RwLock<Option<Url>>,
    client: reqwest::Client,
    recorder: Recorder,
}

impl RecordingProxy {
    /// Opens a proxy on a free loopback port in front of the server of `listener`; `trust`
    /// holds the authorities to trust when it connects to that server.
    ///
    /// # Errors
    /// When no port can be opened.
    pub(crate) async fn open(
        listener: Actor,
        recorder: Recorder,
        trust: &Trust,
    ) -> std::io::Result<Self> {
        let socket = TcpListener::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        let client = trust
            .client()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(std::io::Error::other)?;
        let wire = Arc::new(Wire {
            listener,
            behind: RwLock::new(None),
            client,
            recorder,
        });
        let router = Router::new()
            .fallback(pass_on)
            .with_state(Arc::clone(&wire));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(socket, router).await {
                tracing::error!(%error, "a proxy stopped");
            }
        });
        Ok(Self {
            address,
            wire,
            task,
        })
    }

    /// Returns the URL that clients use.
    pub fn url(&self) -> Url {
        Url::parse(&format!("http://{}", self.address)).expect("a socket address makes a URL")
    }

    /// Sets the server that requests are forwarded to; None for no server.
    pub fn pass_on_to(&self, behind: Option<Url>) {
        *self
            .wire
            .behind
            .write()
            .unwrap_or_else(PoisonError::into_inner) = behind;
    }
}

impl Drop for RecordingProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass_on(State(wire): State<Arc<Wire>>, request: Request) -> Response {
    let behind = wire
        .behind
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let Some(behind) = behind else {
        return (StatusCode::BAD_GATEWAY, "this server is stopped").into_response();
    };
    match exchange(&wire, &behind, request).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!(%error, %behind, "cannot forward a request");
            (
                StatusCode::BAD_GATEWAY,
                "the server behind this address did not answer",
            )
                .into_response()
        }
    }
}

async fn exchange(wire: &Wire, behind: &Url, request: Request) -> Result<Response, axum::Error> {
    let (parts, body) = request.into_parts();
    let sent = axum::body::to_bytes(body, LONGEST).await?;
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str())
        .to_owned();
    // Joined as text, because a URL parser would correct an invalid URL that a scenario
    // sends.
    let url = format!("{}{target}", behind.as_str().trim_end_matches('/'));
    let answer = wire
        .client
        .request(parts.method.clone(), url)
        .headers(without_hop_by_hop(&parts.headers))
        .body(sent.clone())
        .send()
        .await
        .map_err(axum::Error::new)?;
    let status = answer.status();
    let headers = without_hop_by_hop(answer.headers());
    let received = answer_body::read(answer, LONGEST).await;
    let received = Bytes::from(received.map_err(axum::Error::new)?);
    wire.recorder.keep(Exchange {
        step: 0,
        at_ms: 0,
        from: speaker(wire.listener, &target, &parts.headers),
        to: wire.listener,
        method: parts.method.to_string(),
        request: message_to_text(&parts.headers, &target, &sent),
        status: status.as_u16(),
        location: text_of(&headers, header::LOCATION),
        media_type: text_of(&headers, header::CONTENT_TYPE).unwrap_or_default(),
        response: message_to_text(&headers, &target, &received),
        target,
    });
    let mut response = Response::new(Body::from(received));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Guesses who sent a request, from its target and its `User-Agent`.
fn speaker(listener: Actor, target: &str, headers: &HeaderMap) -> Actor {
    let agent = text_of(headers, header::USER_AGENT).unwrap_or_default();
    if listener == Actor::Portal && target.starts_with("/scim/") {
        Actor::Idp
    } else if agent.starts_with("desktop-sim/") {
        Actor::Desktop
    } else if listener == Actor::Idp && agent.starts_with("sp/") {
        Actor::Portal
    } else {
        Actor::Browser
    }
}

fn without_hop_by_hop(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in &HOP_BY_HOP {
        kept.remove(name);
    }
    kept
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

fn message_to_text(headers: &HeaderMap, target: &str, body: &Bytes) -> String {
    if body.len() > LONGEST_KEPT {
        return format!("({} bytes, too long to show)", body.len());
    }
    let media_type = text_of(headers, header::CONTENT_TYPE).unwrap_or_default();
    mask_body(&media_type, target, &String::from_utf8_lossy(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_proxy_forwards_an_exchange_unchanged_and_records_it() {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let behind = Url::parse(&format!("http://{}", socket.local_addr().unwrap())).unwrap();
        let router = Router::new().fallback(|request: Request| async move {
            let path = request.uri().to_string();
            ([("x-seen", path)], "hello")
        });
        tokio::spawn(async move { axum::serve(socket, router).await });
        let recorder = Recorder::default();
        let opened = RecordingProxy::open(Actor::Portal, recorder.clone(), &Trust::Nobody).await;
        let proxy = opened.unwrap();
        let client = reqwest::Client::new();
        let url = format!("{}scim/t/v2/Users?filter=a%20eq%20b", proxy.url());
        let stopped = client.get(&url).send().await.unwrap();
        assert_eq!(stopped.status(), 502);
        proxy.pass_on_to(Some(behind));
        let answer = client.get(&url).send().await.unwrap();
        assert_eq!(
            answer.headers()["x-seen"],
            "/scim/t/v2/Users?filter=a%20eq%20b"
        );
        assert_eq!(answer.text().await.unwrap(), "hello");
        let exchanges = recorder.exchanges();
        assert_eq!(exchanges.len(), 1);
        assert_eq!(exchanges[0].from, Actor::Idp);
        assert_eq!(exchanges[0].response, "hello");
    }
}
