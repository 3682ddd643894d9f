//! Step 4, Configure SAML integration (G-11).

use ::saml::acceptance::SignaturePolicy;
use ::saml::keys::Certificate;
use ::saml::metadata::IdpMetadata;
use ::saml::names;
use jiff::Timestamp;
use url::Url;

use super::entering::change;
use super::{By, ConfiguratorError, Entered, Step};
use crate::Portal;

const LARGEST_METADATA: usize = 1024 * 1024;

/// The three ways to bring the IdP's values in.
#[derive(Debug, Clone)]
pub enum Source {
    /// The metadata file's text.
    Xml(String),
    /// Where the metadata is published.
    Url(String),
    /// Typed in one by one.
    Manual {
        /// Identity Provider Entity ID.
        entity_id: String,
        /// Identity Provider SSO URL.
        sso_url: String,
        /// Public Certificate.
        certificate: String,
    },
}

struct Values {
    entity_id: String,
    sso_url: String,
    certificates: Vec<Certificate>,
    wants_signed_requests: bool,
}

pub(super) fn missing(entered: &Entered, now: Timestamp) -> Vec<String> {
    let tenant = &entered.tenant;
    let mut missing = Vec::new();
    if tenant.idp_entity_id.is_none() {
        missing.push("enter the Identity Provider Entity ID".to_owned());
    }
    if tenant.idp_sso_url.is_none() {
        missing.push("enter the Identity Provider SSO URL".to_owned());
    }
    let certificates = certificates(entered);
    if certificates.is_empty() {
        missing.push("enter the Public Certificate".to_owned());
    } else if let Some(last) = certificates.iter().map(Certificate::not_after).max()
        && last <= now
    {
        missing.push(format!(
            "the Public Certificate expired on {last}: download the current one from the IdP"
        ));
    }
    missing
}

/// The certificates that were entered.
pub fn certificates(entered: &Entered) -> Vec<Certificate> {
    let stored = entered.tenant.idp_certificates.as_deref().unwrap_or("[]");
    let texts: Vec<String> = serde_json::from_str(stored).unwrap_or_default();
    texts
        .iter()
        .filter_map(|text| Certificate::parse(text).ok())
        .collect()
}

/// Takes the IdP's values from wherever they come.
///
/// # Errors
/// See [`ConfiguratorError`].
pub async fn enter(
    portal: &Portal,
    by: By<'_>,
    source: Source,
) -> Result<Entered, ConfiguratorError> {
    let values = match source {
        Source::Xml(xml) => from_metadata(&xml, portal.now())?,
        Source::Url(url) => from_metadata(&fetch(portal, &url).await?, portal.now())?,
        Source::Manual {
            entity_id,
            sso_url,
            certificate,
        } => typed_in(&entity_id, &sso_url, &certificate)?,
    };
    let texts: Vec<String> = values
        .certificates
        .iter()
        .map(Certificate::to_pem)
        .collect();
    let detail = format!("{} at {}", values.entity_id, values.sso_url);
    change(portal, by, Step::Saml, &detail, |tenant| {
        tenant.idp_entity_id = Some(values.entity_id);
        tenant.idp_sso_url = Some(values.sso_url);
        tenant.idp_certificates = Some(serde_json::Value::from(texts).to_string());
        tenant.idp_wants_signed_requests = i64::from(values.wants_signed_requests);
    })
    .await
}

/// What a tenant demands of Responses and of its own requests; what isn't
/// given stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `either`, `assertion`, `response` or `both` is signed.
    pub signature_policy: Option<String>,
    /// Responses that answer no request are accepted (IdP-initiated SSO,
    /// saml-profiles §4.1.5).
    pub unsolicited: Option<bool>,
    /// AuthnRequests are signed, even if the IdP's metadata doesn't want it.
    pub sign_requests: Option<bool>,
    /// Assertions may come encrypted: the metadata has a key to do it with.
    pub encryption: Option<bool>,
}

/// The signature policy of that name.
pub fn policy(name: &str) -> Option<SignaturePolicy> {
    Some(match name {
        "either" => SignaturePolicy::Either,
        "assertion" => SignaturePolicy::Assertion,
        "response" => SignaturePolicy::Response,
        "both" => SignaturePolicy::Both,
        _ => return None,
    })
}

/// Changes the settings.
///
/// # Errors
/// [`ConfiguratorError::SignaturePolicy`], or as for every step.
pub async fn settle(
    portal: &Portal,
    by: By<'_>,
    settings: Settings,
) -> Result<Entered, ConfiguratorError> {
    if let Some(name) = &settings.signature_policy
        && policy(name).is_none()
    {
        return Err(ConfiguratorError::SignaturePolicy(name.clone()));
    }
    let detail = format!("{settings:?}");
    change(portal, by, Step::Saml, &detail, |tenant| {
        if let Some(name) = settings.signature_policy {
            tenant.signature_policy = name;
        }
        if let Some(unsolicited) = settings.unsolicited {
            tenant.unsolicited = i64::from(unsolicited);
        }
        if let Some(sign_requests) = settings.sign_requests {
            tenant.sign_requests = i64::from(sign_requests);
        }
        if let Some(encryption) = settings.encryption {
            tenant.encryption = i64::from(encryption);
        }
    })
    .await
}

fn from_metadata(xml: &str, now: Timestamp) -> Result<Values, ConfiguratorError> {
    let invalid = |reason: &str| ConfiguratorError::MetadataInvalid(reason.to_owned());
    let metadata = IdpMetadata::parse(xml)
        .and_then(|metadata| metadata.valid_at(now))
        .map_err(|error| ConfiguratorError::MetadataInvalid(error.to_string()))?;
    let endpoint = metadata
        .sso
        .iter()
        .find(|endpoint| endpoint.binding == names::HTTP_REDIRECT)
        .ok_or_else(|| invalid("it has no SingleSignOnService with the HTTP-Redirect binding"))?;
    web_address("Identity Provider SSO URL", &endpoint.location)?;
    if metadata.signing_certificates.is_empty() {
        return Err(invalid(
            "it has no signing certificate (KeyDescriptor with use=\"signing\")",
        ));
    }
    Ok(Values {
        entity_id: metadata.entity_id.clone(),
        sso_url: endpoint.location.clone(),
        wants_signed_requests: metadata.want_authn_requests_signed,
        certificates: metadata.signing_certificates,
    })
}

fn typed_in(
    entity_id: &str,
    sso_url: &str,
    certificate: &str,
) -> Result<Values, ConfiguratorError> {
    let entity_id = entity_id.trim().to_owned();
    if entity_id.is_empty() {
        return Err(ConfiguratorError::EntityIdMissing);
    }
    let certificate = Certificate::parse(certificate)
        .map_err(|error| ConfiguratorError::CertificateInvalid(error.to_string()))?;
    Ok(Values {
        entity_id,
        sso_url: web_address("Identity Provider SSO URL", sso_url)?.to_owned(),
        certificates: vec![certificate],
        wants_signed_requests: false,
    })
}

fn web_address<'u>(what: &'static str, value: &'u str) -> Result<&'u str, ConfiguratorError> {
    let value = value.trim();
    let fits = Url::parse(value)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if fits {
        Ok(value)
    } else {
        Err(ConfiguratorError::InvalidUrl {
            what,
            value: value.to_owned(),
            expected: "expected an address like https://auth.example.com/saml20/idp/sso",
        })
    }
}

async fn fetch(portal: &Portal, url: &str) -> Result<String, ConfiguratorError> {
    let url = web_address("metadata URL", url)?;
    let unreachable = |reason: String| ConfiguratorError::MetadataUnreachable {
        url: url.to_owned(),
        reason,
    };
    let mut response = portal
        .fetcher
        .get(url)
        .send()
        .await
        .map_err(|error| unreachable(error.without_url().to_string()))?;
    if !response.status().is_success() {
        return Err(unreachable(format!(
            "expected 200, came {}",
            response.status()
        )));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| unreachable(error.without_url().to_string()))?
    {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST_METADATA {
            return Err(unreachable(format!(
                "it is larger than {LARGEST_METADATA} bytes"
            )));
        }
    }
    String::from_utf8(bytes).map_err(|_| unreachable("it is not UTF-8 text".to_owned()))
}
