//! HTTPS for the parties: a TLS server ("door") in front of each party, which forwards the
//! decrypted bytes, and the certificate authority that issues their certificates.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use std::time::Duration;

use ambient::Ambient;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};
use url::Url;

/// The names in a door's certificate.
const NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// A certificate authority that is used for one rehearsal only.
pub(super) struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Creates an authority with a new key.
    pub(super) fn new() -> std::io::Result<Self> {
        let make = || {
            let mut parameters = CertificateParams::default();
            set_validity_to_a_year(&mut parameters);
            let name = "Rehearsal's certificate authority";
            parameters.distinguished_name.push(DnType::CommonName, name);
            parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            let key = KeyPair::generate()?;
            let certificate = parameters.self_signed(&key)?.pem();
            Ok(Self {
                certificate,
                issuer: Issuer::new(parameters, key),
            })
        };
        make().map_err(|error: rcgen::Error| std::io::Error::other(error))
    }

    /// Returns the authority's certificate in PEM.
    pub(super) fn certificate(&self) -> String {
        self.certificate.clone()
    }

    /// Returns the authority's certificate for HTTP clients.
    pub(super) fn root(&self) -> std::io::Result<reqwest::Certificate> {
        reqwest::Certificate::from_pem(self.certificate.as_bytes()).map_err(std::io::Error::other)
    }

    /// Opens a door on a loopback port; 0 takes a free one.
    pub(super) async fn open_door(&self, port: u16, host: Option<&str>) -> std::io::Result<Door> {
        self.open_door_with(port, host, HANDSHAKE).await
    }

    /// Does the same with another time limit for the TLS handshake.
    async fn open_door_with(
        &self,
        port: u16,
        host: Option<&str>,
        handshake: Duration,
    ) -> std::io::Result<Door> {
        let acceptor = TlsAcceptor::from(Arc::new(self.server_config(host)?));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let behind = Arc::new(RwLock::new(None));
        let task = tokio::spawn(keep(listener, acceptor, Arc::clone(&behind), handshake));
        Ok(Door {
            address,
            behind,
            task,
        })
    }

    /// Returns a new certificate for a door, and its key.
    fn server_certificate(
        &self,
        host: Option<&str>,
    ) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
        let key = KeyPair::generate()?;
        let names = NAMES.into_iter().chain(host).map(str::to_owned);
        let mut parameters = CertificateParams::new(names.collect::<Vec<_>>())?;
        set_validity_to_a_year(&mut parameters);
        // macOS refuses a server certificate without this purpose, or with a validity of
        // more than 825 days; browsers refuse more than 398 days.
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters
            .distinguished_name
            .push(DnType::CommonName, NAMES[1]);
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        Ok((certificate, key))
    }

    /// Returns the TLS configuration of a door.
    fn server_config(&self, host: Option<&str>) -> std::io::Result<ServerConfig> {
        let made = self.server_certificate(host);
        let (certificate, key) = made.map_err(std::io::Error::other)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(std::io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .map_err(std::io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Uses the clock of the machine, because clients check the validity with it. Valid from
/// yesterday, for clocks that differ a little.
fn set_validity_to_a_year(parameters: &mut CertificateParams) {
    let day = |days: i64| {
        let hours = jiff::SignedDuration::from_hours(24 * days);
        let at = Ambient::real().now().saturating_add(hours);
        let at = at.unwrap_or(jiff::Timestamp::MAX);
        let date = jiff::tz::Offset::UTC.to_datetime(at).date();
        let part = |part: i8| u8::try_from(part).unwrap_or(1);
        rcgen::date_time_ymd(date.year().into(), part(date.month()), part(date.day()))
    };
    parameters.not_before = day(-1);
    parameters.not_after = day(365);
}

/// Maximum duration of a client's TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

type Behind = Arc<RwLock<Option<SocketAddr>>>;

/// A TLS server in front of one server. It closes when it is dropped.
#[derive(Debug)]
pub(super) struct Door {
    address: SocketAddr,
    behind: Behind,
    task: JoinHandle<()>,
}

impl Door {
    /// Returns the URL that clients use.
    pub(super) fn url(&self) -> Url {
        Url::parse(&format!("https://{}", self.address)).expect("a socket address makes a URL")
    }

    /// Sets the server that connections are forwarded to.
    pub(super) fn pass_on_to(&self, behind: Option<SocketAddr>) {
        *self.behind.write().unwrap_or_else(PoisonError::into_inner) = behind;
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep(listener: TcpListener, acceptor: TlsAcceptor, behind: Behind, handshake: Duration) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a TLS connection");
                continue;
            }
        };
        let to = *behind.read().unwrap_or_else(PoisonError::into_inner);
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // A client that disconnects or does not trust the authority reports the error
            // itself.
            if let Err(error) = relay_connection(stream, &acceptor, to, handshake).await {
                tracing::debug!(%error, "a TLS connection ended");
            }
        });
    }
}

async fn relay_connection(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    to: Option<SocketAddr>,
    handshake: Duration,
) -> std::io::Result<()> {
    // The server is stopped: close the connection.
    let Some(to) = to else { return Ok(()) };
    stream.set_nodelay(true)?;
    // Without a time limit, idle connections would use up all file descriptors.
    let mut world = tokio::time::timeout(handshake, acceptor.accept(stream)).await??;
    let mut server = TcpStream::connect(to).await?;
    server.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut world, &mut server).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_client_without_a_tls_handshake_is_disconnected() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let authority = Authority::new().unwrap();
        let short = Duration::from_millis(50);
        let door = authority.open_door_with(0, None, short).await.unwrap();
        door.pass_on_to(Some(server.local_addr().unwrap()));
        let mut silent = TcpStream::connect(door.address).await.unwrap();
        let mut slow = TcpStream::connect(door.address).await.unwrap();
        // The first bytes of a ClientHello.
        slow.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
        for client in [&mut silent, &mut slow] {
            // Returns only when the connection is closed.
            let mut nothing = Vec::new();
            let _ = client.read_to_end(&mut nothing).await;
        }
    }

    #[test]
    fn operating_systems_accept_the_server_certificate() {
        let authority = Authority::new().unwrap();
        let (pem, _) = authority.server_certificate(None).unwrap();
        let certificate = saml::keys::Certificate::parse(&pem.pem()).unwrap();
        let held = certificate
            .not_after()
            .duration_since(certificate.not_before());
        assert!(held.as_hours() <= 24 * 398, "{held:?}");
        // The OID id-kp-serverAuth, 1.3.6.1.5.5.7.3.1, in DER.
        let purpose = [6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
        let der = certificate.der();
        assert!(der.windows(purpose.len()).any(|part| part == purpose));
    }
}
