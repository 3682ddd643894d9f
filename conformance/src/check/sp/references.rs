//! A server for the external references of the faults: a DTD, an entity, an XInclude, a key, a
//! ciphertext, a document of a style sheet, a schema, the issuer of a certificate. A service
//! provider that fetches one of them has a server-side request forgery (CWE-918), even if it
//! refuses the login.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use saml::keys::Certificate;

/// The path of the issuer's certificate, to which the certificate of the foreign key refers.
const ISSUER: &str = "/issuer.cer";

/// A request that the server received.
#[derive(Debug, Clone)]
struct Fetched {
    path: String,
    /// The method, the path and the `User-Agent`, for the evidence.
    line: String,
}

#[derive(Debug, Default)]
struct Shared {
    fetched: Mutex<Vec<Fetched>>,
    /// The certificate in DER that every request for a key receives: that of the key which signs
    /// forged messages.
    certificate: Mutex<Vec<u8>>,
}

/// The running server.
#[derive(Debug, Clone)]
pub(in crate::check) struct ReferenceServer {
    base: String,
    shared: Arc<Shared>,
}

impl ReferenceServer {
    /// Starts the server at an address of this machine.
    pub(super) async fn start(at: SocketAddr) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(at).await?;
        let server = Self {
            base: format!("http://{}", listener.local_addr()?),
            shared: Arc::default(),
        };
        let router = Router::new()
            .fallback(answer)
            .with_state(server.shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(server)
    }

    /// Returns the base URL, without a slash at the end.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Returns the URL of the issuer's certificate.
    pub(super) fn issuer_url(&self) -> String {
        format!("{}{ISSUER}", self.base)
    }

    /// Sets the certificate that requests for a key receive.
    pub(super) fn serve_key(&self, certificate: &Certificate) {
        *lock(&self.shared.certificate) = certificate.der().to_vec();
    }

    /// Returns the base URL of the references of one check.
    pub(super) fn address_for(&self, check: &str) -> String {
        format!("{}/{check}", self.base)
    }

    /// Returns the number of requests so far.
    pub(super) fn count(&self) -> usize {
        lock(&self.shared.fetched).len()
    }

    /// Returns the requests for this check's references. Also returns requests for the issuer's
    /// certificate, whose URL contains no check, if they came after the first `count` requests.
    pub(super) fn requests_for(&self, check: &str, count: usize) -> Vec<String> {
        let own = format!("/{check}/");
        let fetched = lock(&self.shared.fetched);
        let all = fetched.iter().enumerate();
        all.filter(|(at, it)| it.path.starts_with(&own) || *at >= count && it.path == ISSUER)
            .map(|(_, it)| it.line.clone())
            .collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let agent = request.headers().get(header::USER_AGENT);
    let agent = agent
        .and_then(|it| it.to_str().ok())
        .unwrap_or("a client without User-Agent");
    let line = format!("{} {path} by {agent}", request.method());
    let (media_type, body) = match path.rsplit('.').next() {
        Some("cer") => ("application/pkix-cert", lock(&shared.certificate).clone()),
        Some("dtd") => ("application/xml-dtd", b"<!ENTITY all \"\">".to_vec()),
        Some("xsd") => (
            "application/xml",
            b"<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"/>".to_vec(),
        ),
        Some("xml") => ("application/xml", b"<x/>".to_vec()),
        // The signature of such a fault has the digest of an empty document.
        _ if path.ends_with("/empty") => ("text/plain", Vec::new()),
        _ => ("text/plain", b"elsewhere".to_vec()),
    };
    lock(&shared.fetched).push(Fetched { path, line });
    ([(header::CONTENT_TYPE, media_type)], body).into_response()
}
