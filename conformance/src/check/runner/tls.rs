//! TLS to a target whose own certificate is trusted. `openssl req -x509` makes a certificate that
//! is a certificate authority and a server certificate at once; webpki refuses it for a server.
//! curl's `--cacert` accepts it, so this verifier does too.

use std::sync::{Arc, Mutex, PoisonError};

use rustls_platform_verifier::Verifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The configurations made so far, by trusted certificates. A check creates a browser for each
/// trial, and reading the machine's authorities opens more than a hundred files.
static CONFIGURATIONS: Mutex<Vec<Configured>> = Mutex::new(Vec::new());

/// The trusted certificates, and the configuration that trusts them.
type Configured = (Vec<CertificateDer<'static>>, ClientConfig);

/// Returns a configuration that trusts the machine's authorities and these certificates, both as
/// authorities and as server certificates.
///
/// # Errors
/// When one of them cannot be used as an authority.
pub(super) fn config(trusted: &[CertificateDer<'static>]) -> Result<ClientConfig, Error> {
    let mut known = CONFIGURATIONS
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some((_, config)) = known.iter().find(|(it, _)| it == trusted) {
        return Ok(config.clone());
    }
    let config = make_config(trusted)?;
    known.push((trusted.to_vec(), config.clone()));
    Ok(config)
}

fn make_config(trusted: &[CertificateDer<'static>]) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    // On Windows, a verifier with an empty list of authorities cannot be created.
    let inner = match trusted {
        [] => Verifier::new(Arc::clone(&provider))?,
        _ => Verifier::new_with_extra_roots(trusted.iter().cloned(), Arc::clone(&provider))?,
    };
    let verifier = Trusting {
        inner,
        trusted: trusted.to_vec(),
    };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

#[derive(Debug)]
struct Trusting {
    inner: Verifier,
    trusted: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        if verdict.is_ok() || !self.trusted.iter().any(|it| it == end_entity) {
            return verdict;
        }
        is_for(end_entity, server_name, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Checks that a trusted certificate is valid now and for this name. A certificate without
/// subjectAltName, which openssl makes by default, is valid for its common name.
fn is_for(der: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Err(CertificateError::BadEncoding.into());
    };
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    if validity.not_before.timestamp() > now {
        return Err(CertificateError::NotValidYet.into());
    }
    if validity.not_after.timestamp() < now {
        return Err(CertificateError::Expired.into());
    }
    let has_names = certificate.extensions().iter().any(|it| {
        matches!(
            it.parsed_extension(),
            ParsedExtension::SubjectAlternativeName(_)
        )
    });
    if has_names {
        return verify_server_name(&ParsedCertificate::try_from(der)?, name);
    }
    let wanted = name.to_str();
    let mut common = certificate.subject().iter_common_name();
    let is_named = common.any(|it| it.as_str().is_ok_and(|it| it.eq_ignore_ascii_case(&wanted)));
    if is_named {
        return Ok(());
    }
    Err(CertificateError::NotValidForName.into())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    use crate::check::runner::Access;

    /// Serves HTTPS with a certificate as `openssl req -x509` makes it.
    async fn serve(names: &[&str]) -> (u16, super::CertificateDer<'static>) {
        let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
        let mut parameters = rcgen::CertificateParams::new(names).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, "localhost");
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap().der().clone();
        let provider = std::sync::Arc::new(super::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(std::sync::Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut asked = [0; 4096];
                let _ = stream.read(&mut asked).await;
                let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        });
        (port, certificate)
    }

    async fn fetch_status(host: &str, port: u16, access: Access) -> Option<u16> {
        let client = access.client().build().unwrap();
        let answer = client.get(format!("https://{host}:{port}/")).send().await;
        answer.ok().map(|it| it.status().as_u16())
    }

    #[tokio::test]
    async fn a_trusted_self_signed_certificate_is_accepted() {
        for names in [&["localhost"][..], &[]] {
            let (port, certificate) = serve(names).await;
            let trusting = || Access {
                authorities: vec![certificate.clone()],
                ..Access::default()
            };
            assert_eq!(fetch_status("localhost", port, trusting()).await, Some(204));
            // Refused under another name, and if it is not trusted.
            assert_eq!(fetch_status("127.0.0.1", port, trusting()).await, None);
            assert_eq!(
                fetch_status("localhost", port, Access::default()).await,
                None
            );
            let insecure = Access {
                insecure: true,
                ..Access::default()
            };
            assert_eq!(fetch_status("localhost", port, insecure).await, Some(204));
        }
    }
}
