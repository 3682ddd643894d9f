//! Tests: what is said about servers with which no connection can be made, each by a real server.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::{Access, AnswerError};

/// A certificate for `localhost`, changed by `change`.
fn certificate(change: fn(&mut CertificateParams)) -> (CertificateDer<'static>, KeyPair) {
    let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    change(&mut parameters);
    let key = KeyPair::generate().unwrap();
    let made = parameters.self_signed(&key).unwrap();
    (made.der().clone(), key)
}

/// Starts a server that answers by HTTPS; it may require a client certificate.
async fn serve_tls(
    change: fn(&mut CertificateParams),
    is_client_verified: bool,
) -> (u16, CertificateDer<'static>) {
    let (certificate, key) = certificate(change);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if is_client_verified {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = builder
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let port = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut asked = [0; 4096];
                let _ = stream.read(&mut asked).await;
                let _ = stream.shutdown().await;
            }
        }
    })
    .await;
    (port, certificate)
}

/// Starts a server that answers the first bytes of each connection with `answer`.
async fn serve_bytes(answer: &'static [u8]) -> u16 {
    serve(move |mut stream: TcpStream| async move {
        let mut asked = [0; 4096];
        let _ = stream.read(&mut asked).await;
        let _ = stream.write_all(answer).await;
        let _ = stream.shutdown().await;
    })
    .await
}

async fn serve<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> u16
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            handle(stream).await;
        }
    });
    port
}

async fn error_of(url: &str, trusted: &[CertificateDer<'static>]) -> String {
    let access = Access {
        authorities: trusted.to_vec(),
        ..Access::default()
    };
    let sent = access.client().build().unwrap().get(url).send().await;
    AnswerError::of(&sent.unwrap_err(), Duration::from_secs(1)).to_string()
}

#[tokio::test]
async fn every_certificate_that_is_refused_is_explained() {
    let past = |parameters: &mut CertificateParams| {
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
    };
    let future = |parameters: &mut CertificateParams| {
        parameters.not_before = rcgen::date_time_ymd(2990, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2999, 1, 1);
    };
    let authority = |parameters: &mut CertificateParams| {
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    let usual: fn(&mut CertificateParams) = |_| {};
    for (change, is_trusted, host, meaning, remedy) in [
        (
            usual,
            false,
            "localhost",
            "is self-signed, or of an authority",
            "--ca FILE trusts it",
        ),
        (
            authority,
            false,
            "localhost",
            "is one of an authority, as `openssl",
            "--ca FILE trusts it",
        ),
        (
            usual,
            true,
            "127.0.0.1",
            "is for another host name",
            "into the URL",
        ),
        (
            past,
            true,
            "localhost",
            "certificate has expired",
            "replace the certificate",
        ),
        (
            future,
            true,
            "localhost",
            "is not valid yet",
            "check the clock",
        ),
    ] {
        let (port, certificate) = serve_tls(change, false).await;
        let trusted = if is_trusted {
            vec![certificate]
        } else {
            Vec::new()
        };
        let error = error_of(&format!("https://{host}:{port}/"), &trusted).await;
        assert!(error.contains(meaning), "{meaning}: {error}");
        assert!(error.contains(remedy), "{meaning}: {error}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_explained() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nX Y: z\r\n\r\n"[..],
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
    ] {
        let port = serve_bytes(answer).await;
        let error = error_of(&format!("http://localhost:{port}/"), &[]).await;
        assert!(error.contains("is not valid HTTP"), "{error}");
    }
}

#[tokio::test]
async fn only_a_closed_connection_is_one() {
    let silent = serve_bytes(b"").await;
    let half = serve_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").await;
    let (tls, certificate) = serve_tls(|_| {}, false).await;
    let (refused, hanging) = {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        (closed.local_addr().unwrap().port(), open)
    };
    let hangs = hanging.local_addr().unwrap().port();
    for (url, expected) in [
        (format!("http://localhost:{silent}/"), true),
        (format!("https://localhost:{tls}/"), true),
        (format!("http://localhost:{half}/"), false),
        (format!("https://localhost:{silent}/"), false),
        (format!("http://localhost:{refused}/"), false),
        (format!("http://localhost:{hangs}/"), false),
    ] {
        let access = Access {
            authorities: vec![certificate.clone()],
            timeout: Duration::from_secs(1),
            ..Access::default()
        };
        let error = match access.client().build().unwrap().get(&url).send().await {
            Ok(answer) => answer.text().await.unwrap_err(),
            Err(error) => error,
        };
        let error = AnswerError::of(&error, access.timeout);
        assert_eq!(error.is_closed(), expected, "{url}: {error:?}");
    }
}

#[tokio::test]
async fn a_required_client_certificate_is_explained() {
    let (port, certificate) = serve_tls(|_| {}, true).await;
    let error = error_of(&format!("https://localhost:{port}/"), &[certificate]).await;
    assert!(error.contains("requires a client certificate"), "{error}");
}

#[tokio::test]
async fn a_wrong_scheme_or_version_is_explained() {
    let (tls, _) = serve_tls(|_| {}, false).await;
    // The alerts of OpenSSL.
    let old = serve_bytes(b"\x15\x03\x01\x00\x02\x02\x46").await;
    let picky = serve_bytes(b"\x15\x03\x03\x00\x02\x02\x28").await;
    let nameless = serve_bytes(b"\x15\x03\x03\x00\x02\x02\x70").await;
    let http = serve_bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let silent = serve_bytes(b"").await;
    for (scheme, port, expected) in [
        ("https", old, "only versions of TLS before 1.2"),
        ("https", picky, "no algorithm of TLS in common"),
        ("https", nameless, "does not know this host name"),
        ("https", http, "does not use TLS"),
        ("https", silent, "before TLS was established"),
        ("http", tls, "write https:// into the URL"),
        ("http", silent, "write https:// into the URL"),
    ] {
        let error = error_of(&format!("{scheme}://localhost:{port}/"), &[]).await;
        assert!(error.contains(expected), "{scheme} {expected}: {error}");
    }
}
