//! Certificates of service providers: to verify their signatures, or to encrypt assertions for
//! them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saml::keys::Certificate;
use serde_json::Value;

use super::settings::SpCertificate;
use crate::Idp;
use crate::directory::{Document, get_environment, get_existing, text};
use crate::refusal::{Refused, Result};
use crate::store::resources::{self, Kind, Resource};

/// Allowed values of a certificate's `usageType`.
pub(super) const PURPOSES: [&str; 2] = ["SIGNING", "ENCRYPTION"];

/// Decodes a stored certificate.
pub(crate) fn decode_certificate(resource: &Resource) -> Result<Certificate> {
    let pem = text(&resource.document, "pem").unwrap_or_default();
    Certificate::parse(pem).map_err(|error| Refused::Internal(error.to_string()))
}

/// Reads the certificate of an import: PEM or DER in Base64, as `certificate` or as PingOne's
/// `pkcs7FileBase64`. In the latter, PEM with one certificate is accepted, but not PKCS#7.
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
    /// Creates the resource for a certificate. Does not store it.
    pub(super) fn certificate(&self, environment_id: &str, certificate: &Certificate) -> Resource {
        let document = Document::from_iter([
            ("name".to_owned(), certificate.subject().into()),
            ("usageType".to_owned(), PURPOSES[0].into()),
            ("pem".to_owned(), certificate.to_pem().into()),
        ]);
        self.draft(environment_id, Kind::Certificate, "", document)
    }

    /// Imports and stores a certificate.
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
        get_environment(&mut tx, environment_id).await?;
        resources::put(&mut tx, &made).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Deletes a certificate that no application uses.
    pub(crate) async fn delete_certificate(&self, environment_id: &str, id: &str) -> Result<()> {
        let mut tx = self.store.write().await?;
        get_existing(&mut tx, environment_id, Kind::Certificate, id).await?;
        let all = resources::list(&mut tx, environment_id, Kind::Application, None).await?;
        if let Some(user) = all
            .iter()
            .find(|app| Value::Object(app.document.clone()).to_string().contains(id))
        {
            return Err(Refused::constraint(
                "id",
                format!("the certificate is in use by application {}", user.name),
            ));
        }
        resources::delete(&mut tx, environment_id, Kind::Certificate, id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Returns the certificates that an application's settings refer to.
    pub(crate) async fn find_certificates(
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
                    found.extend(stored.as_ref().map(decode_certificate).transpose()?);
                }
                (None, None) => {}
            }
        }
        Ok(found)
    }
}
