//! Certificates of others: those that verify a service provider's requests, or
//! for which assertions are encrypted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saml::keys::Certificate;
use serde_json::Value;

use super::settings::SpCertificate;
use crate::Idp;
use crate::directory::{Document, environment, existing, text};
use crate::refusal::{Refused, Result};
use crate::store::resources::{self, Kind, Resource};

/// The purposes of a certificate that are of use here.
pub(super) const PURPOSES: [&str; 2] = ["SIGNING", "ENCRYPTION"];

/// A stored certificate, decoded.
pub(crate) fn decoded(resource: &Resource) -> Result<Certificate> {
    let pem = text(&resource.document, "pem").unwrap_or_default();
    Certificate::parse(pem).map_err(|error| Refused::Internal(error.to_string()))
}

/// The certificate in an import: PEM or DER in Base64 (`certificate`, or
/// PingOne's `pkcs7FileBase64`, of which a bundle with one certificate in PEM
/// is read, not PKCS#7 itself).
fn from_import(document: &Document) -> Result<Certificate> {
    for key in ["certificate", "pkcs7FileBase64"] {
        let Some(given) = text(document, key) else {
            continue;
        };
        let wrong = |error: saml::keys::CertificateError| Refused::invalid(key, error.to_string());
        let inner = STANDARD
            .decode(given)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(|inner| inner.contains("BEGIN CERTIFICATE"));
        return Certificate::parse(inner.as_deref().unwrap_or(given)).map_err(wrong);
    }
    Err(Refused::required("certificate"))
}

impl Idp {
    /// A certificate as the environment keeps it, not yet stored.
    pub(super) fn certificate(&self, environment_id: &str, certificate: &Certificate) -> Resource {
        let document = Document::from_iter([
            ("name".to_owned(), certificate.subject().into()),
            ("usageType".to_owned(), PURPOSES[0].into()),
            ("pem".to_owned(), certificate.to_pem().into()),
        ]);
        self.draft(environment_id, Kind::Certificate, "", document)
    }

    /// Imports a certificate.
    pub(crate) async fn import_certificate(
        &self,
        environment_id: &str,
        document: &Document,
    ) -> Result<Resource> {
        let certificate = from_import(document)?;
        let mut made = self.certificate(environment_id, &certificate);
        if let Some(name) = text(document, "name") {
            made.name = name.to_owned();
            made.document.insert("name".into(), name.into());
        }
        if let Some(purpose) = document.get("usageType") {
            if !PURPOSES.iter().any(|known| purpose == known) {
                return Err(Refused::none_of("usageType", &PURPOSES, purpose));
            }
            made.document.insert("usageType".into(), purpose.clone());
        }
        let mut tx = self.store.write().await?;
        environment(&mut tx, environment_id).await?;
        resources::put(&mut tx, &made).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Removes a certificate that no application needs.
    pub(crate) async fn delete_certificate(&self, environment_id: &str, id: &str) -> Result<()> {
        let mut tx = self.store.write().await?;
        existing(&mut tx, environment_id, Kind::Certificate, id).await?;
        let all = resources::list(&mut tx, environment_id, Kind::Application, None).await?;
        if let Some(user) = all
            .iter()
            .find(|app| Value::Object(app.document.clone()).to_string().contains(id))
        {
            return Err(Refused::constraint(
                "id",
                format!(
                    "expected a certificate that nobody needs, the application {} does",
                    user.name
                ),
            ));
        }
        resources::delete(&mut tx, environment_id, Kind::Certificate, id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The certificates that an application's settings name.
    pub(crate) async fn certificates(
        &self,
        environment_id: &str,
        named: &[SpCertificate],
    ) -> Result<Vec<Certificate>> {
        let mut found = Vec::new();
        let mut db = self.store.read().await?;
        for entry in named {
            match (&entry.id, &entry.certificate) {
                (_, Some(inline)) => found.extend(Certificate::parse(inline).ok()),
                (Some(id), None) => {
                    let stored =
                        resources::get(&mut db, environment_id, Kind::Certificate, id).await?;
                    found.extend(stored.as_ref().map(decoded).transpose()?);
                }
                (None, None) => {}
            }
        }
        Ok(found)
    }
}
