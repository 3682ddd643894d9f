//! An HTTP server with time limits: for the headers of a request, for its body, and for open
//! connections when the server stops. A slow or silent client cannot block it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::serve::Listener;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use crate::server_host;

/// Time limits of a server.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Limit for the headers of a request, counted from the start of the connection or from the
    /// end of the previous answer.
    pub headers: Duration,
    /// Limit for the whole body of a request.
    pub body: Duration,
    /// Limit for open connections to end after the server was told to stop.
    pub end: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(30),
            body: Duration::from_secs(60),
            end: Duration::from_secs(5),
        }
    }
}

/// Serves `router` until `stop` is canceled. Then accepts no new connection and finishes the
/// requests in progress, for at most `patience.end`. Handlers get the client's address as
/// `ConnectInfo<L::Addr>`.
pub async fn serve<L>(mut listener: L, router: Router, stop: CancellationToken, patience: Patience)
where
    L: Listener,
    L::Addr: Clone + Send + Sync + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            (io, peer) = listener.accept() => {
                connections.spawn(serve_one(io, peer, router.clone(), stop.clone(), patience));
            }
            Some(_) = connections.join_next() => {}
            () = stop.cancelled() => break,
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(patience.end, all).await.is_err() {
        tracing::warn!("the server stopped while connections were still open");
    }
}

/// Serves `router` until the task is aborted or the program ends.
pub async fn serve_to_the_end<L>(listener: L, router: Router)
where
    L: Listener,
    L::Addr: Clone + Send + Sync + 'static,
{
    serve(
        listener,
        router,
        CancellationToken::new(),
        Patience::default(),
    )
    .await;
}

async fn serve_one<I, A>(
    io: I,
    peer: A,
    router: Router,
    stop: CancellationToken,
    patience: Patience,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Clone + Send + Sync + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(|body| Body::new(Timed::new(body, patience.body)));
        request.extensions_mut().insert(ConnectInfo(peer.clone()));
        let mut router = router.clone();
        async move {
            match server_host::refusal(&request) {
                Some(refusal) => Ok(refusal),
                None => router.call(request).await,
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.headers)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended");
    }
}

/// The body of a request, with a time limit for reading it.
struct Timed {
    body: Incoming,
    end: Pin<Box<Sleep>>,
}

impl Timed {
    fn new(body: Incoming, within: Duration) -> Self {
        Self {
            body,
            end: Box::pin(sleep_until(Instant::now() + within)),
        }
    }
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        self.end.as_mut().poll(context).map(|()| {
            let late = "the client did not send the request body in time";
            Some(Err(
                std::io::Error::new(std::io::ErrorKind::TimedOut, late).into()
            ))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::post;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// A limit short enough for a test to wait until it is over.
    const SHORT: Duration = Duration::from_millis(200);

    async fn start_server(
        patience: Patience,
    ) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let echo = async |ConnectInfo(peer): ConnectInfo<SocketAddr>, body: Bytes| {
            format!("{} {}", peer.ip(), body.len())
        };
        let router = Router::new().route("/", post(echo));
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, router, stop.clone(), patience));
        (address, stop, server)
    }

    /// Sends `request` and returns everything the server sends until it closes the connection.
    async fn answer_to(address: SocketAddr, request: &str) -> String {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        let _ = connection.read_to_string(&mut text).await;
        text
    }

    #[tokio::test]
    async fn a_request_is_answered_and_has_the_client_address() {
        let (address, _, _) = start_server(Patience::default()).await;
        let request =
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc";
        let text = answer_to(address, request).await;
        assert!(text.ends_with("127.0.0.1 3"), "{text}");
    }

    #[tokio::test]
    async fn a_request_without_one_valid_host_is_refused() {
        let (address, _, _) = start_server(Patience::default()).await;
        let end = "Connection: close\r\nContent-Length: 0\r\n\r\n";
        for (version, host, got) in [
            ("1.1", "", "got none"),
            ("1.1", "Host: a\r\nHost: a\r\n", "got 2 of them"),
            ("1.0", "Host: a\r\nhost: b\r\nHost: c\r\n", "got 3 of them"),
            ("1.1", "Host: a b\r\n", "got \"a b\""),
            ("1.1", "Host:\r\n", "got \"\""),
        ] {
            let text = answer_to(address, &format!("POST / HTTP/{version}\r\n{host}{end}")).await;
            assert!(
                text.starts_with(&format!("HTTP/{version} 400")),
                "{host}: {text}"
            );
            assert!(text.contains(got), "{host}: {text}");
        }
        let text = answer_to(address, &format!("POST / HTTP/1.0\r\n{end}")).await;
        assert!(text.starts_with("HTTP/1.0 200"), "{text}");
    }

    #[tokio::test]
    async fn connections_without_headers_or_without_a_body_are_closed() {
        let silent = Patience {
            headers: SHORT,
            ..Patience::default()
        };
        let (address, _, _) = start_server(silent).await;
        for half in ["", "POST / HTTP/1.1\r\nHost:"] {
            let text = answer_to(address, half).await;
            assert!(!text.contains("200 OK"), "{text}");
        }
        let slow = Patience {
            body: SHORT,
            ..Patience::default()
        };
        let (address, _, _) = start_server(slow).await;
        let body = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\na";
        let text = answer_to(address, body).await;
        assert!(text.starts_with("HTTP/1.1 400"), "{text}");
    }

    #[tokio::test]
    async fn shutdown_does_not_wait_for_silent_connections() {
        let ended = Patience {
            end: SHORT,
            ..Patience::default()
        };
        let (address, stop, server) = start_server(ended).await;
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(b"POST / HTTP/1.1\r\n").await.unwrap();
        stop.cancel();
        server.await.unwrap();
    }
}
