//! The correct SCIM server over HTTP, with ways to hang or to answer slowly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use rehearsal::check::scim::wire::{ScimRequest, Wire as _};
use tokio::sync::Notify;

use crate::mutant_scim::{BASE, MutantServer};

/// Returns an answer whose body repeats a chunk without end, each time after a pause.
pub(crate) fn repeat_chunk(chunk: String, pause: Duration) -> Response<Body> {
    let stream = futures::stream::unfold((), move |()| {
        let chunk = chunk.clone();
        async move {
            // The slowness is the tested behavior; nothing waits for it to pass.
            #[allow(clippy::disallowed_methods)]
            tokio::time::sleep(pause).await;
            Some((Ok::<_, std::io::Error>(chunk), ()))
        }
    });
    Response::new(Body::from_stream(stream))
}

/// How the target answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behavior {
    /// Gives no answer after this number of requests.
    HangsAfter(usize),
    /// Gives no answer to one search and to the request after it.
    HangsOnce,
    /// Answers correctly, but one search only after [`Target::resume`].
    Pauses,
    /// Gives no answer to DELETE.
    HangsAtDelete,
    /// Sends its answers byte by byte.
    Drips,
    /// Sends answers that never end.
    Endless,
    /// Answers errors without a body.
    ErrorsWithoutBody,
}

#[derive(Default)]
struct Inner {
    server: MutantServer,
    requests: AtomicUsize,
    created: AtomicUsize,
    hung: Notify,
    resumed: Notify,
    searches: AtomicUsize,
    hangs_next: AtomicBool,
}

/// Number of the search that is not answered.
const SEARCH: usize = 8;

/// A target on its own port.
pub(crate) struct Target {
    pub(crate) base: String,
    inner: Arc<Inner>,
}

impl Target {
    pub(crate) async fn start(behavior: Behavior) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner::default());
        let state = (inner.clone(), base.clone(), behavior);
        let router = Router::new().fallback(answer).with_state(state);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base, inner }
    }

    /// Returns the resources that are still there.
    pub(crate) fn left(&self) -> Vec<String> {
        self.inner.server.left()
    }

    /// Returns the number of created resources.
    pub(crate) fn created(&self) -> usize {
        self.inner.created.load(Ordering::SeqCst)
    }

    /// Returns the number of received requests.
    pub(crate) fn requests(&self) -> usize {
        self.inner.requests.load(Ordering::SeqCst)
    }

    /// Answers the request that hangs.
    pub(crate) fn resume(&self) {
        self.inner.resumed.notify_one();
    }

    /// Waits until a request hangs.
    pub(crate) async fn wait_until_hung(&self) {
        self.inner.hung.notified().await;
    }
}

impl Inner {
    fn is_the_search(&self, uri: &Uri) -> bool {
        let is_search = uri.query().is_some_and(|query| query.contains("filter="));
        is_search && self.searches.fetch_add(1, Ordering::SeqCst) == SEARCH
    }
}

type Answering = (Arc<Inner>, String, Behavior);

async fn answer(
    State((inner, base, behavior)): State<Answering>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let number = inner.requests.fetch_add(1, Ordering::SeqCst) + 1;
    let hangs = match behavior {
        Behavior::Pauses | Behavior::Drips | Behavior::Endless | Behavior::ErrorsWithoutBody => {
            false
        }
        Behavior::HangsAfter(many) => number > many,
        Behavior::HangsOnce => {
            let is_it = inner.is_the_search(&uri);
            inner.hangs_next.swap(is_it, Ordering::SeqCst) || is_it
        }
        Behavior::HangsAtDelete => method == Method::DELETE,
    };
    if hangs {
        inner.hung.notify_one();
        return std::future::pending().await;
    }
    if behavior == Behavior::Pauses && inner.is_the_search(&uri) {
        inner.hung.notify_one();
        inner.resumed.notified().await;
    }
    let chunk = match behavior {
        Behavior::Drips => Some((" ".to_owned(), Duration::from_millis(100))),
        Behavior::Endless => Some((" ".repeat(64 * 1024), Duration::ZERO)),
        _ => None,
    };
    if let Some((chunk, pause)) = chunk {
        return repeat_chunk(chunk, pause);
    }
    let text = String::from_utf8_lossy(&body).replace(&base, BASE);
    let request = ScimRequest {
        method,
        target: uri.to_string(),
        headers: headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                (name.as_str().to_owned(), value.replace(&base, BASE))
            })
            .collect(),
        body: (!text.is_empty()).then_some(text),
    };
    let answer = inner.server.send(&request).await.unwrap();
    if answer.status == 201 {
        inner.created.fetch_add(1, Ordering::SeqCst);
    }
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        if !name.eq_ignore_ascii_case("content-length") {
            response = response.header(name, value.replace(BASE, &base));
        }
    }
    let text = match behavior == Behavior::ErrorsWithoutBody && answer.status >= 400 {
        true => String::new(),
        false => answer.text.replace(BASE, &base),
    };
    response.body(Body::from(text)).unwrap()
}
