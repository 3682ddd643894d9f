//! Step 4, Configure SAML integration (G-11).

use ::saml::acceptance::{SignaturePolicy, TrustedKeys};
use ::saml::keys::Certificate;
use ::saml::message::{AuthnContextComparison, RequestedAuthnContext};
use ::saml::metadata::{Endpoint, IdpMetadata, MAX_METADATA_BYTES, MetadataError, Selection};
use ::saml::names;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use super::changes::{change, try_change};
use super::fetch::fetch;
pub use super::integration::certificates;
use super::{By, ConfiguratorError, Entered, Step, endpoints};
use crate::Portal;
use crate::store::tenants::TenantRow;
use crate::store::to_microseconds;

/// The three ways to enter the IdP's values.
#[derive(Debug, Clone)]
pub enum Source {
    /// Text of the metadata file.
    Xml(String, Picked),
    /// URL of the metadata.
    Url(String, Picked),
    /// Values entered one by one.
    Manual {
        /// Identity Provider Entity ID.
        entity_id: String,
        /// Identity Provider SSO URL.
        sso_url: String,
        /// Public Certificate.
        certificate: String,
    },
}

/// Which entity of the metadata to use, and which signature it must have.
#[derive(Debug, Clone, Default)]
pub struct Picked {
    /// Entity ID, if the document contains several entities.
    pub entity_id: Option<String>,
    /// Certificate that must verify the metadata's signature; `None`: no
    /// signature is required.
    pub signed_by: Option<String>,
}

struct Values {
    entity_id: String,
    sso_url: String,
    sso_post_url: Option<String>,
    by_post: bool,
    slo: Vec<Endpoint>,
    certificates: Vec<Certificate>,
    wants_signed_requests: bool,
    until: Option<Timestamp>,
    fresh_until: Option<Timestamp>,
    left_out: Vec<String>,
}

impl Values {
    /// Replaces all values that come from the metadata.
    fn fill(self, tenant: &mut TenantRow) {
        let texts: Vec<String> = self.certificates.iter().map(Certificate::to_pem).collect();
        tenant.idp_entity_id = Some(self.entity_id);
        tenant.idp_sso_url = Some(self.sso_url);
        tenant.idp_sso_post_url = self.sso_post_url;
        if self.by_post {
            "post".clone_into(&mut tenant.request_binding);
        } else if tenant.idp_sso_post_url.is_none() {
            "redirect".clone_into(&mut tenant.request_binding);
        }
        tenant.idp_slo = endpoints::endpoints_to_json(&self.slo);
        tenant.idp_certificates = Some(serde_json::Value::from(texts).to_string());
        tenant.idp_wants_signed_requests = i64::from(self.wants_signed_requests);
        tenant.idp_metadata_until = self.until.map(to_microseconds);
        tenant.idp_metadata_fresh_until = self.fresh_until.map(to_microseconds);
        tenant.idp_left_out = serde_json::Value::from(self.left_out).to_string();
    }
}

pub(super) fn list_missing_actions(entered: &Entered, now: Timestamp) -> Vec<String> {
    let tenant = &entered.tenant;
    let mut missing = Vec::new();
    if tenant.idp_entity_id.is_none() {
        missing.push("enter the Identity Provider Entity ID".to_owned());
    }
    if tenant.idp_sso_url.is_none() {
        missing.push("enter the Identity Provider SSO URL".to_owned());
    }
    let certificates = certificates(&entered.tenant);
    if certificates.is_empty() {
        missing.push("enter the Public Certificate".to_owned());
    } else if let Some(last) = certificates.iter().map(Certificate::not_after).max()
        && last <= now
        && tenant.accept_expired_certificates == 0
    {
        missing.push(format!(
            "the Public Certificate expired on {}: download the current one from the IdP, or accept expired certificates in More settings",
            crate::words::moment(last)
        ));
    }
    missing
}

/// Stores the IdP's values from one of the sources.
///
/// # Errors
/// See [`ConfiguratorError`].
pub async fn enter(
    portal: &Portal,
    by: By<'_>,
    source: Source,
) -> Result<Entered, ConfiguratorError> {
    let (mut url, mut signer) = (None, None);
    let values = match source {
        Source::Xml(xml, picked) => from_metadata(&xml, &picked, portal.now())?,
        Source::Url(from, picked) => {
            let text = fetch_metadata(portal, &from).await?;
            let values = from_metadata(&text, &picked, portal.now())?;
            (url, signer) = (Some(from.trim().to_owned()), picked.signed_by);
            values
        }
        Source::Manual {
            entity_id,
            sso_url,
            certificate,
        } => parse_typed_values(&entity_id, &sso_url, &certificate)?,
    };
    let certificates: Vec<String> = values
        .certificates
        .iter()
        .map(|one| one.fingerprint_sha256().chars().take(23).collect())
        .collect();
    let detail = format!(
        "{} at {}, certificate {}…",
        values.entity_id,
        values.sso_url,
        certificates.join("…, ")
    );
    change(portal, by, Step::Saml, &detail, |tenant| {
        values.fill(tenant);
        tenant.idp_metadata_url = url;
        tenant.idp_metadata_signer = signer;
    })
    .await
}

/// Fetches the metadata at `url` again and stores its values.
pub(super) async fn fetch_again(
    portal: &Portal,
    tenant: &TenantRow,
    url: &str,
) -> Result<(), ConfiguratorError> {
    let picked = Picked {
        entity_id: tenant.idp_entity_id.clone(),
        signed_by: tenant.idp_metadata_signer.clone(),
    };
    let text = fetch_metadata(portal, url).await?;
    let values = from_metadata(&text, &picked, portal.now())?;
    let by = By {
        business_id: &tenant.business_id,
        actor: "portal",
        address: "",
        who: None,
        confirmed: true,
    };
    let detail = format!("the metadata at {url}, fetched again");
    change(portal, by, Step::Saml, &detail, |tenant| {
        values.fill(tenant)
    })
    .await?;
    Ok(())
}

/// The settings for Responses and AuthnRequests; `None` leaves a setting
/// unchanged.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What must be signed: `either`, `assertion`, `response` or `both`.
    pub signature_policy: Option<String>,
    /// Accept unsolicited Responses (IdP-initiated SSO, saml-profiles §4.1.5).
    pub unsolicited: Option<bool>,
    /// Sign AuthnRequests, even if the IdP's metadata does not require it.
    pub sign_requests: Option<bool>,
    /// Accept encrypted assertions; the SP metadata then contains an encryption
    /// key.
    pub encryption: Option<bool>,
    /// Binding of AuthnRequests: `redirect` or `post`.
    pub request_binding: Option<String>,
    /// Set `ForceAuthn`: users must authenticate at the IdP for each login.
    pub force_authn: Option<bool>,
    /// The authentication context to request; an empty list of classes removes
    /// it.
    pub authn_context: Option<AuthnContext>,
    /// Accept signatures with expired certificates: in SAML metadata a
    /// certificate only carries the key (saml-metadata §2.4.1.1).
    pub accept_expired_certificates: Option<bool>,
}

impl Settings {
    /// Describes the changes, for the audit log.
    fn description(&self) -> String {
        let switch = |name: &str, on: Option<bool>| {
            on.map(|on| format!("{name} {}", if on { "on" } else { "off" }))
        };
        let word =
            |name: &str, word: &Option<String>| word.as_ref().map(|word| format!("{name} {word}"));
        let context = self.authn_context.as_ref().map(|context| {
            let classes = context.classes.join(" ");
            format!("RequestedAuthnContext {} {classes}", context.comparison)
        });
        [
            word("signed must be:", &self.signature_policy),
            switch("sign-ins that begin at the IdP", self.unsolicited),
            switch("signed requests", self.sign_requests),
            switch("encrypted assertions", self.encryption),
            word("requests by", &self.request_binding),
            switch("ForceAuthn", self.force_authn),
            switch("expired certificates", self.accept_expired_certificates),
            context,
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
    }
}

/// The requested authentication context (saml-core §3.3.2.2.1).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthnContext {
    /// Comparison: `exact`, `minimum`, `maximum` or `better`.
    #[serde(default = "exact")]
    pub comparison: String,
    /// URIs of authentication context classes.
    pub classes: Vec<String>,
}

fn exact() -> String {
    AuthnContextComparison::Exact.name().to_owned()
}

impl AuthnContext {
    fn into_requested(self) -> Option<RequestedAuthnContext> {
        Some(RequestedAuthnContext {
            comparison: AuthnContextComparison::from_name(&self.comparison)?,
            class_refs: self.classes,
        })
    }
}

/// Returns the authentication context that this tenant requests.
pub fn requested_authn_context(tenant: &TenantRow) -> Option<RequestedAuthnContext> {
    let stored = tenant.requested_authn_context.as_deref()?;
    let context: AuthnContext = serde_json::from_str(stored).ok()?;
    context.into_requested()
}

/// Returns the IdP's single logout endpoints as JSON: binding and location.
pub fn slo(tenant: &TenantRow) -> Vec<serde_json::Value> {
    endpoints::read(&tenant.idp_slo)
        .iter()
        .map(|it| serde_json::json!({"binding": it.binding, "location": it.location}))
        .collect()
}

/// Returns descriptions of the parts of the IdP's metadata that are not used.
pub fn left_out(tenant: &TenantRow) -> Vec<String> {
    serde_json::from_str(&tenant.idp_left_out).unwrap_or_default()
}

/// Returns the signature policy with this name.
pub fn policy(name: &str) -> Option<SignaturePolicy> {
    Some(match name {
        "either" => SignaturePolicy::Either,
        "assertion" => SignaturePolicy::Assertion,
        "response" => SignaturePolicy::Response,
        "both" => SignaturePolicy::Both,
        _ => return None,
    })
}

/// Changes the SAML settings.
///
/// # Errors
/// See [`ConfiguratorError`].
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
    if let Some(binding) = &settings.request_binding
        && !["redirect", "post"].contains(&binding.as_str())
    {
        return Err(ConfiguratorError::RequestBinding(binding.clone()));
    }
    if let Some(context) = &settings.authn_context
        && context.clone().into_requested().is_none()
    {
        return Err(ConfiguratorError::Comparison(context.comparison.clone()));
    }
    let detail = settings.description();
    try_change(portal, by, Step::Saml, &detail, |tenant| {
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
        if let Some(binding) = settings.request_binding {
            if binding == "post" && tenant.idp_sso_post_url.is_none() {
                return Err(ConfiguratorError::NoPostUrl);
            }
            tenant.request_binding = binding;
        }
        if let Some(force_authn) = settings.force_authn {
            tenant.force_authn = i64::from(force_authn);
        }
        if let Some(accept) = settings.accept_expired_certificates {
            tenant.accept_expired_certificates = i64::from(accept);
        }
        if let Some(context) = settings.authn_context {
            tenant.requested_authn_context = (!context.classes.is_empty())
                .then(|| serde_json::to_string(&context).ok())
                .flatten();
        }
        Ok(())
    })
    .await
}

fn from_metadata(xml: &str, picked: &Picked, now: Timestamp) -> Result<Values, ConfiguratorError> {
    let invalid = |reason: &str| ConfiguratorError::MetadataInvalid(reason.to_owned());
    let said = |error: MetadataError| ConfiguratorError::MetadataInvalid(error.to_string());
    let signers = match &picked.signed_by {
        Some(text) => {
            let certificate = Certificate::parse(text)
                .map_err(|error| ConfiguratorError::SignerInvalid(error.to_string()))?;
            TrustedKeys::new(vec![certificate]).ok()
        }
        None => None,
    };
    let selection = Selection {
        entity_id: picked.entity_id.as_deref(),
        signed_by: signers.as_ref(),
    };
    let read = IdpMetadata::read(xml, &selection).map_err(said)?;
    let metadata = read.metadata.valid_at(now).map_err(said)?;
    let by_redirect = metadata.sso_location(names::HTTP_REDIRECT);
    let by_post = metadata.sso_location(names::HTTP_POST).map(str::to_owned);
    let sso_url = by_redirect
        .map(str::to_owned)
        .or_else(|| by_post.clone())
        .ok_or_else(|| {
            invalid("it has no SingleSignOnService with the HTTP-Redirect or HTTP-POST binding")
        })?;
    web_address("Identity Provider SSO URL", &sso_url)?;
    if metadata.signing_certificates.is_empty() {
        return Err(invalid(
            "it has no signing certificate (KeyDescriptor with use=\"signing\")",
        ));
    }
    Ok(Values {
        by_post: by_redirect.is_none(),
        sso_url,
        sso_post_url: by_post,
        fresh_until: metadata.fresh_until(now).map_err(said)?,
        until: metadata.valid_until,
        entity_id: metadata.entity_id,
        slo: metadata.slo,
        wants_signed_requests: metadata.want_authn_requests_signed,
        certificates: metadata.signing_certificates,
        left_out: read.left_out,
    })
}

fn parse_typed_values(
    entity_id: &str,
    sso_url: &str,
    certificate: &str,
) -> Result<Values, ConfiguratorError> {
    let entity_id = entity_id.trim().to_owned();
    let mut errors = Vec::new();
    if entity_id.is_empty() {
        errors.push(ConfiguratorError::EntityIdMissing);
    }
    let sso_url = web_address("Identity Provider SSO URL", sso_url);
    let certificate = Certificate::parse(certificate)
        .map_err(|error| ConfiguratorError::CertificateInvalid(error.to_string()));
    let (sso_url, certificate) = match (sso_url, certificate) {
        (Ok(url), Ok(certificate)) => {
            super::all_of(errors)?;
            (url, certificate)
        }
        (url, certificate) => {
            errors.extend(url.err());
            errors.extend(certificate.err());
            super::all_of(errors)?;
            // Not reached: one of the two was an error.
            return Err(ConfiguratorError::NothingToImport);
        }
    };
    Ok(Values {
        entity_id,
        sso_url: sso_url.to_owned(),
        sso_post_url: None,
        by_post: false,
        slo: Vec::new(),
        certificates: vec![certificate],
        wants_signed_requests: false,
        until: None,
        fresh_until: None,
        left_out: Vec::new(),
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

async fn fetch_metadata(portal: &Portal, url: &str) -> Result<String, ConfiguratorError> {
    let unreachable = |reason: String| ConfiguratorError::MetadataUnreachable {
        url: url.trim().to_owned(),
        reason,
    };
    let url = web_address("metadata URL", url)
        .map_err(|_| unreachable("it is not an http or https URL".to_owned()))?;
    let bytes = fetch(portal, url, MAX_METADATA_BYTES)
        .await
        .map_err(|error| unreachable(error.to_string()))?;
    let decoded = ::saml::encoding::decode(bytes).map_err(unreachable)?;
    Ok(decoded.text)
}
