//! The settings of an application: their JSON as in PingOne, their checks and default values,
//! and the form that sign-on uses.

use saml::keys::{Certificate, SignatureAlgorithm};
use saml::names;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::oauth_client::{ClientSettings, METHODS};
use crate::directory::{Document, text};
use crate::refusal::{Refused, Result};
use crate::store::resources::Resource;

/// The settings of an application that sign-on and logout use.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Application {
    pub enabled: bool,
    pub name: String,
    #[serde(default)]
    pub acs_urls: Vec<String>,
    #[serde(default)]
    pub sp_entity_id: String,
    pub assertion_duration: i64,
    pub assertion_signed: bool,
    pub response_signed: bool,
    #[serde(default)]
    pub idp_signing: Option<IdpSigning>,
    #[serde(default)]
    pub name_id_format: Option<String>,
    #[serde(default)]
    pub default_target_url: Option<String>,
    /// Not in PingOne: by how many seconds `NotBefore` is earlier than the time of issue.
    #[serde(default = "not_before_seconds")]
    pub not_before_seconds: i64,
    /// Not in PingOne: the authentication context class of a login with a password.
    #[serde(default = "password_class")]
    pub authn_context_class_ref: String,
    #[serde(default)]
    pub session_not_on_or_after_duration: Option<i64>,
    #[serde(default)]
    pub sp_verification: SpVerification,
    #[serde(default)]
    pub enable_always_accept_acs_url_in_signed_authn_request: bool,
    #[serde(default)]
    pub access_control: AccessControl,
    #[serde(default)]
    pub slo_endpoint: Option<String>,
    #[serde(default)]
    pub slo_response_endpoint: Option<String>,
    #[serde(default)]
    pub slo_binding: Option<String>,
    #[serde(default)]
    pub slo_window: Option<i64>,
    #[serde(default)]
    pub sp_encryption: Option<SpEncryption>,
    #[serde(default)]
    pub virtual_server_id_settings: VirtualServerIds,
}

/// How assertions are encrypted, and for which certificate.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpEncryption {
    pub algorithm: String,
    pub certificate: SpCertificate,
    /// Not in PingOne: the NameID is encrypted as well.
    #[serde(default)]
    pub encrypt_name_id: bool,
}

/// Other entity IDs that the environment can use as Issuer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VirtualServerIds {
    #[serde(default)]
    pub enabled: bool,
    #[serde(default)]
    pub virtual_server_ids: Vec<VirtualServerId>,
}

#[allow(dead_code, reason = "the issuer by virtual server reads it")]
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VirtualServerId {
    pub vs_id: String,
    #[serde(default)]
    pub default: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct IdpSigning {
    #[serde(default)]
    pub key: Option<Reference>,
    #[serde(default)]
    pub algorithm: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Reference {
    pub id: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpVerification {
    #[serde(default)]
    pub authn_request_signed: bool,
    #[serde(default)]
    pub certificates: Vec<SpCertificate>,
}

/// A certificate: the id of one in the environment, as in PingOne, or the certificate itself,
/// which PingOne does not support.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct SpCertificate {
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub certificate: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct AccessControl {
    #[serde(default)]
    pub group: Option<GroupAccess>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct GroupAccess {
    #[serde(rename = "type", default)]
    pub rule: String,
    #[serde(default)]
    pub groups: Vec<Reference>,
}

fn not_before_seconds() -> i64 {
    60
}

fn password_class() -> String {
    names::PASSWORD_PROTECTED_TRANSPORT.to_owned()
}

impl Application {
    /// Parses a stored application.
    pub(crate) fn of(resource: &Resource) -> Result<Self> {
        serde_json::from_value(Value::Object(resource.document.clone()))
            .map_err(|error| Refused::invalid("application", error.to_string()))
    }

    /// True if a user in these groups may use the application.
    pub(crate) fn admits(&self, groups: &[crate::directory::groups::InGroup]) -> bool {
        let Some(access) = &self.access_control.group else {
            return true;
        };
        let mut wanted = access.groups.iter();
        let within = |wanted: &Reference| groups.iter().any(|group| group.id == wanted.id);
        access.groups.is_empty()
            || match access.rule.as_str() {
                "ALL_GROUPS" => wanted.all(within),
                _ => wanted.any(within),
            }
    }

    /// Returns the chosen signature algorithm of its Responses; `None` if none is chosen.
    pub(crate) fn algorithm(&self) -> Option<SignatureAlgorithm> {
        algorithm(self.idp_signing.as_ref()?.algorithm.as_deref()?)
    }

    /// Returns the entity ID of the virtual server that answers: the requested one, else the
    /// default one; `None` if virtual servers are not enabled.
    #[allow(dead_code, reason = "the issuer by virtual server reads it")]
    pub(crate) fn virtual_server(&self, asked: Option<&str>) -> Option<&str> {
        let settings = &self.virtual_server_id_settings;
        if !settings.enabled {
            return None;
        }
        let all = &settings.virtual_server_ids;
        all.iter()
            .find(|server| Some(server.vs_id.as_str()) == asked)
            .or_else(|| all.iter().find(|server| server.default))
            .or(all.first())
            .map(|server| server.vs_id.as_str())
    }
}

/// Returns the signature algorithm with this PingOne name.
fn algorithm(name: &str) -> Option<SignatureAlgorithm> {
    Some(match name {
        "SHA256withRSA" => SignatureAlgorithm::RsaSha256,
        "SHA384withRSA" => SignatureAlgorithm::RsaSha384,
        "SHA512withRSA" => SignatureAlgorithm::RsaSha512,
        "SHA256withECDSA" => SignatureAlgorithm::EcdsaSha256,
        "SHA384withECDSA" => SignatureAlgorithm::EcdsaSha384,
        "SHA512withECDSA" => SignatureAlgorithm::EcdsaSha512,
        _ => return None,
    })
}

const PROTOCOLS: [&str; 2] = ["SAML", "OPENID_CONNECT"];
const TYPES: [&str; 3] = ["WEB_APP", "CUSTOM_APP", "WORKER"];
const ALGORITHMS: [&str; 6] = [
    "SHA256withRSA",
    "SHA384withRSA",
    "SHA512withRSA",
    "SHA256withECDSA",
    "SHA384withECDSA",
    "SHA512withECDSA",
];
const CIPHERS: [&str; 3] = ["AES_128", "AES_256", "TRIPLEDES"];
const BINDINGS: [&str; 2] = ["HTTP_POST", "HTTP_REDIRECT"];
const GROUP_RULES: [&str; 2] = ["ANY_GROUP", "ALL_GROUPS"];
const CORS: [&str; 2] = ["ALLOW_NO_ORIGINS", "ALLOW_SPECIFIC_ORIGINS"];

/// Boolean members, with their default values.
const SWITCHES: [(&str, bool); 6] = [
    ("enabled", false),
    ("assertionSigned", true),
    ("responseSigned", false),
    ("hiddenFromAppPortal", false),
    ("enableRequestedAuthnContext", false),
    ("enableAlwaysAcceptAcsUrlInSignedAuthnRequest", false),
];

/// Members that are URLs.
const URLS: [&str; 5] = [
    "homePageUrl",
    "loginPageUrl",
    "sloEndpoint",
    "sloResponseEndpoint",
    "defaultTargetUrl",
];

pub(super) fn is_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn one_of(document: &Document, target: &str, allowed: &[&str]) -> Result<()> {
    let pointer = format!("/{}", target.replace('.', "/"));
    let key = target.split('.').next().unwrap_or_default();
    let Some(value) = document.get(key) else {
        return Ok(());
    };
    let value = match pointer[1..].split_once('/') {
        None => value,
        Some((_, rest)) => value.pointer(&format!("/{rest}")).unwrap_or(&Value::Null),
    };
    if value.is_null() || allowed.iter().any(|known| value == known) {
        return Ok(());
    }
    Err(Refused::none_of(target, allowed, value))
}

fn within(document: &Document, key: &str, least: i64, most: i64) -> Result<()> {
    match document.get(key) {
        None | Some(Value::Null) => Ok(()),
        Some(value) if value.as_i64().is_some_and(|n| (least..=most).contains(&n)) => Ok(()),
        Some(value) => Err(Refused::out_of_range(key, least, most, value)),
    }
}

/// Checks an application and fills in PingOne's defaults.
pub(super) fn complete(document: &mut Document) -> Result<()> {
    if text(document, "name").is_none() {
        return Err(Refused::required("name"));
    }
    // A null counts as not sent.
    document.retain(|_, value| !value.is_null());
    document.entry("protocol").or_insert("SAML".into());
    one_of(document, "protocol", &PROTOCOLS)?;
    let worker = document["protocol"] == "OPENID_CONNECT";
    document
        .entry("type")
        .or_insert(if worker { "WORKER" } else { "WEB_APP" }.into());
    one_of(document, "type", &TYPES)?;
    if (document["type"] == "WORKER") != worker {
        return Err(Refused::invalid(
            "type",
            "expected WORKER with OPENID_CONNECT, WEB_APP or CUSTOM_APP with SAML",
        ));
    }
    for (key, default) in SWITCHES {
        let value = document.entry(key).or_insert(default.into());
        if !value.is_boolean() {
            return Err(Refused::invalid(
                key,
                format!("expected true or false, got {value}"),
            ));
        }
    }
    if worker {
        return complete_worker(document);
    }
    document.entry("assertionDuration").or_insert(300.into());
    document.entry("acsUrls").or_insert(json!([]));
    within(document, "assertionDuration", 1, 86_400)?;
    within(document, "sessionNotOnOrAfterDuration", 1, 31_536_000)?;
    within(document, "notBeforeSeconds", 0, 86_400)?;
    within(document, "sloWindow", 0, 24)?;
    one_of(document, "sloBinding", &BINDINGS)?;
    one_of(document, "idpSigning.algorithm", &ALGORITHMS)?;
    one_of(document, "spEncryption.algorithm", &CIPHERS)?;
    one_of(document, "accessControl.group.type", &GROUP_RULES)?;
    one_of(document, "accessControl.role.type", &["ADMIN_USERS_ONLY"])?;
    one_of(document, "corsSettings.behavior", &CORS)?;
    for key in URLS {
        if let Some(value) = document.get(key)
            && !value.as_str().is_some_and(is_url)
        {
            return Err(Refused::invalid(
                key,
                format!("expected an http or https URL, got {value}"),
            ));
        }
    }
    let application: Application = serde_json::from_value(Value::Object(document.clone()))
        .map_err(|error| Refused::invalid("application", error.to_string()))?;
    complete_saml(&application)?;
    document.entry("sloBinding").or_insert("HTTP_POST".into());
    document
        .entry("spVerification")
        .or_insert_with(|| json!({"authnRequestSigned": false, "certificates": []}));
    document
        .entry("corsSettings")
        .or_insert_with(|| json!({"behavior": "ALLOW_NO_ORIGINS"}));
    Ok(())
}

fn complete_saml(application: &Application) -> Result<()> {
    if let Some(url) = application.acs_urls.iter().find(|url| !is_url(url)) {
        return Err(Refused::invalid(
            "acsUrls",
            format!("expected http or https URLs, got {url:?}"),
        ));
    }
    if application.enabled
        && (application.acs_urls.is_empty() || application.sp_entity_id.is_empty())
    {
        return Err(Refused::invalid(
            "enabled",
            "expected acsUrls and spEntityId before the application is enabled",
        ));
    }
    if application.authn_context_class_ref.trim().is_empty() {
        return Err(Refused::required("authnContextClassRef"));
    }
    if !application.assertion_signed && !application.response_signed {
        return Err(Refused::invalid(
            "assertionSigned",
            "expected assertionSigned, responseSigned or both",
        ));
    }
    let verification = &application.sp_verification;
    for certificate in &verification.certificates {
        if let Some(inline) = &certificate.certificate {
            Certificate::parse(inline).map_err(|error| {
                Refused::invalid("spVerification.certificates", error.to_string())
            })?;
        } else if certificate.id.is_none() {
            return Err(Refused::required("spVerification.certificates[].id"));
        }
    }
    if verification.authn_request_signed && verification.certificates.is_empty() {
        return Err(Refused::required("spVerification.certificates"));
    }
    if let Some(encryption) = &application.sp_encryption {
        if encryption.algorithm == "TRIPLEDES" {
            return Err(Refused::invalid(
                "spEncryption.algorithm",
                "expected AES_128 or AES_256: this simulator has no Triple DES",
            ));
        }
        let held = &encryption.certificate;
        if let Some(inline) = &held.certificate {
            Certificate::parse(inline).map_err(|error| {
                Refused::invalid("spEncryption.certificate.certificate", error.to_string())
            })?;
        } else if held.id.is_none() {
            return Err(Refused::required("spEncryption.certificate.id"));
        }
    }
    let servers = &application.virtual_server_id_settings;
    if servers.enabled && servers.virtual_server_ids.is_empty() {
        return Err(Refused::required(
            "virtualServerIdSettings.virtualServerIds",
        ));
    }
    Ok(())
}

/// Checks a worker application, which gets access tokens with client credentials, and fills in the
/// defaults.
fn complete_worker(document: &mut Document) -> Result<()> {
    for (key, default) in [
        ("grantTypes", json!(["CLIENT_CREDENTIALS"])),
        ("tokenEndpointAuthMethod", json!("CLIENT_SECRET_BASIC")),
    ] {
        document.entry(key).or_insert(default);
    }
    if document["grantTypes"] != json!(["CLIENT_CREDENTIALS"]) {
        return Err(Refused::none_of(
            "grantTypes",
            &["CLIENT_CREDENTIALS"],
            &document["grantTypes"],
        ));
    }
    one_of(document, "tokenEndpointAuthMethod", &METHODS)?;
    ClientSettings::check(document)
}
