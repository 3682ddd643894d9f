//! The correct SCIM server over HTTP, with a fault in each third answer to `GET /Users/{id}`, or
//! in writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use rehearsal::check::scim::wire::{ScimRequest, Wire as _};

use crate::mutant_scim::{BASE, MutantServer};

/// The fault of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// HTTP 500.
    Fails,
    /// Another user than the requested one.
    WrongId,
    /// 429 with Retry-After.
    Limits,
    /// A redirect to this address.
    Redirects(String),
    /// No answer.
    Hangs,
    /// PATCH is answered with 204 and changes nothing.
    Forgets,
    /// DELETE is refused.
    Keeps,
    /// DELETE is answered with 200.
    DeletesWith200,
    /// Filters are ignored.
    FindsAll,
}

struct Inner {
    server: MutantServer,
    fault: Fault,
    base: String,
    reads: AtomicUsize,
}

/// A server on its own port.
pub(crate) struct Faulty {
    pub(crate) base: String,
    inner: Arc<Inner>,
}

impl Faulty {
    pub(crate) async fn start(fault: Fault) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner {
            server: MutantServer::default(),
            fault,
            base: base.clone(),
            reads: AtomicUsize::new(0),
        });
        let router = Router::new().fallback(answer).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base, inner }
    }

    /// Returns the resources that are still there.
    pub(crate) fn left(&self) -> Vec<String> {
        self.inner.server.left()
    }
}

fn said(status: u16, header: Option<(&str, &str)>) -> Response<Body> {
    let mut response = Response::builder().status(status);
    if let Some((name, value)) = header {
        response = response.header(name, value);
    }
    response.body(Body::from("{}")).unwrap()
}

async fn answer(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let is_user = uri.path().starts_with("/Users/");
    let is_third =
        method == Method::GET && is_user && inner.reads.fetch_add(1, Ordering::SeqCst) % 3 == 2;
    match &inner.fault {
        Fault::Fails if is_third => return said(500, None),
        Fault::Limits if is_third => return said(429, Some(("retry-after", "0"))),
        Fault::Redirects(to) if is_third => return said(302, Some(("location", to))),
        Fault::Hangs if is_third => return std::future::pending().await,
        Fault::Forgets if method == Method::PATCH && is_user => return said(204, None),
        Fault::Keeps if method == Method::DELETE => return said(403, None),
        _ => {}
    }
    let is_deletion = method == Method::DELETE;
    let text = String::from_utf8_lossy(&body).replace(&inner.base, BASE);
    let request = ScimRequest {
        method,
        target: match inner.fault {
            Fault::FindsAll => uri.path().to_owned(),
            _ => uri.to_string(),
        },
        headers: headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                (name.as_str().to_owned(), value.replace(&inner.base, BASE))
            })
            .collect(),
        body: (!text.is_empty()).then_some(text),
    };
    let mut answer = inner.server.send(&request).await.unwrap();
    if inner.fault == Fault::WrongId && is_third {
        answer.text = answer.text.replacen("\"id\":\"", "\"id\":\"not-", 1);
        answer.text = answer.text.replacen("\"id\": \"", "\"id\": \"not-", 1);
    }
    if inner.fault == Fault::DeletesWith200 && is_deletion && answer.status == 204 {
        answer.status = 200;
        answer.text = "{}".to_owned();
    }
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        if !name.eq_ignore_ascii_case("content-length") {
            response = response.header(name, value.replace(BASE, &inner.base));
        }
    }
    let text = answer.text.replace(BASE, &inner.base);
    response.body(Body::from(text)).unwrap()
}
