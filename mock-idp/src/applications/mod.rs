//! SAML applications: a service provider as the identity provider knows it,
//! and the attribute mappings that say what it is told.

pub(crate) mod keys;

use saml::keys::{Certificate, SignatureAlgorithm};
use saml::metadata::SpMetadata;
use saml::names;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::Idp;
use crate::directory::{Document, environment, existing, text, unique_name, writable};
use crate::expression::Template;
use crate::refusal::{Refused, Result};
use crate::store::Db;
use crate::store::resources::{self, Kind, Resource};

/// The mapping that every application has: it becomes the `NameID`.
pub(crate) const SUBJECT: &str = "saml_subject";

/// What the sign-on needs of an application.
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
    #[serde(default)]
    pub session_not_on_or_after_duration: Option<i64>,
    #[serde(default)]
    pub sp_verification: SpVerification,
    #[serde(default)]
    pub enable_always_accept_acs_url_in_signed_authn_request: bool,
    #[serde(default)]
    pub access_control: AccessControl,
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
    /// PingOne has ids here; this simulator takes the certificates themselves
    /// (`{"certificate": "PEM"}`), as it has no certificate store of others.
    #[serde(default)]
    pub certificates: Vec<SpCertificate>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SpCertificate {
    pub certificate: String,
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

impl Application {
    /// Reads a stored application.
    pub(crate) fn of(resource: &Resource) -> Result<Self> {
        serde_json::from_value(Value::Object(resource.document.clone()))
            .map_err(|error| Refused::invalid("application", error.to_string()))
    }

    /// Whether a member of those groups may use it.
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

    /// The algorithm that its answers are signed with, when one is chosen.
    pub(crate) fn algorithm(&self) -> Option<SignatureAlgorithm> {
        algorithm(self.idp_signing.as_ref()?.algorithm.as_deref()?)
    }

    /// The certificates that verify its requests.
    pub(crate) fn certificates(&self) -> Vec<Certificate> {
        self.sp_verification
            .certificates
            .iter()
            .filter_map(|entry| Certificate::parse(&entry.certificate).ok())
            .collect()
    }
}

/// The algorithm of PingOne's name for it.
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

/// Fills `document` from a service provider's metadata; what the client said
/// itself stands.
fn from_metadata(document: &mut Document, xml: &str) -> Result<()> {
    let metadata = SpMetadata::parse(xml)
        .map_err(|error| Refused::invalid("spMetadata", error.to_string()))?;
    let mut acs: Vec<_> = metadata
        .acs
        .iter()
        .filter(|acs| acs.endpoint.binding == names::HTTP_POST)
        .collect();
    acs.sort_by_key(|acs| (!acs.is_default, acs.index));
    if acs.is_empty() {
        return Err(Refused::invalid(
            "spMetadata",
            "expected an AssertionConsumerService with the HTTP-POST binding",
        ));
    }
    let locations: Vec<&str> = acs
        .iter()
        .map(|acs| acs.endpoint.location.as_str())
        .collect();
    document
        .entry("spEntityId")
        .or_insert_with(|| metadata.entity_id.clone().into());
    document
        .entry("acsUrls")
        .or_insert_with(|| json!(locations));
    if metadata.want_assertions_signed {
        document.insert("assertionSigned".into(), true.into());
    }
    if let Some(format) = metadata.name_id_formats.first() {
        document
            .entry("nameIdFormat")
            .or_insert_with(|| format.uri().into());
    }
    if !metadata.certificates.is_empty() {
        let certificates: Vec<Value> = metadata
            .certificates
            .iter()
            .map(|certificate| json!({"certificate": certificate.to_pem()}))
            .collect();
        document.entry("spVerification").or_insert_with(|| {
            json!({"authnRequestSigned": metadata.authn_requests_signed, "certificates": certificates})
        });
    }
    Ok(())
}

/// Checks an application and fills in PingOne's defaults.
fn complete(document: &mut Document) -> Result<()> {
    if text(document, "name").is_none() {
        return Err(Refused::required("name"));
    }
    for (key, default) in [
        ("enabled", json!(false)),
        ("protocol", json!("SAML")),
        ("type", json!("WEB_APP")),
        ("assertionDuration", json!(300)),
        ("assertionSigned", json!(true)),
        ("responseSigned", json!(false)),
        ("acsUrls", json!([])),
    ] {
        document.entry(key).or_insert(default);
    }
    if document["protocol"] != "SAML" {
        return Err(Refused::invalid(
            "protocol",
            format!("expected SAML, came {}", document["protocol"]),
        ));
    }
    let application: Application = serde_json::from_value(Value::Object(document.clone()))
        .map_err(|error| Refused::invalid("application", error.to_string()))?;
    for url in &application.acs_urls {
        if !Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(Refused::invalid(
                "acsUrls",
                format!("expected http or https URLs, came {url:?}"),
            ));
        }
    }
    if application.enabled
        && (application.acs_urls.is_empty() || application.sp_entity_id.is_empty())
    {
        return Err(Refused::invalid(
            "enabled",
            "expected acsUrls and spEntityId before the application is switched on",
        ));
    }
    if !(1..=86_400).contains(&application.assertion_duration) {
        return Err(Refused::invalid(
            "assertionDuration",
            "expected 1 to 86400 seconds",
        ));
    }
    if !application.assertion_signed && !application.response_signed {
        return Err(Refused::invalid(
            "assertionSigned",
            "expected assertionSigned, responseSigned or both",
        ));
    }
    for certificate in &application.sp_verification.certificates {
        Certificate::parse(&certificate.certificate)
            .map_err(|error| Refused::invalid("spVerification.certificates", error.to_string()))?;
    }
    if application.sp_verification.authn_request_signed
        && application.sp_verification.certificates.is_empty()
    {
        return Err(Refused::required("spVerification.certificates"));
    }
    if let Some(name) = application
        .idp_signing
        .and_then(|signing| signing.algorithm)
        && algorithm(&name).is_none()
    {
        return Err(Refused::invalid(
            "idpSigning.algorithm",
            format!(
                "expected SHA256withRSA, SHA384withRSA, SHA512withRSA or the same withECDSA, came {name}"
            ),
        ));
    }
    Ok(())
}

async fn unique_entity(db: &mut Db, application: &Resource) -> Result<()> {
    let Some(entity) = text(&application.document, "spEntityId") else {
        return Ok(());
    };
    let all = resources::list(db, &application.environment, Kind::Application, None).await?;
    if all.iter().any(|other| {
        other.id != application.id && text(&other.document, "spEntityId") == Some(entity)
    }) {
        return Err(Refused::taken("spEntityId", entity));
    }
    Ok(())
}

impl Idp {
    pub(crate) async fn fetch_metadata(&self, url: &str) -> Result<String> {
        let wrong = |error: reqwest::Error| {
            Refused::invalid(
                "spMetadataUrl",
                format!("expected metadata at {url}: {error}"),
            )
        };
        let answer = self.http.get(url).send().await.map_err(wrong)?;
        let answer = answer.error_for_status().map_err(wrong)?;
        answer.text().await.map_err(wrong)
    }

    /// A new application, with the mapping of its subject.
    pub(crate) async fn create_application(
        &self,
        environment_id: &str,
        document: Document,
    ) -> Result<Resource> {
        let mut document = writable(document);
        let xml = match (
            document.remove("spMetadata"),
            document.remove("spMetadataUrl"),
        ) {
            (Some(Value::String(xml)), _) => Some(xml),
            (_, Some(Value::String(url))) => Some(self.fetch_metadata(&url).await?),
            _ => None,
        };
        if let Some(xml) = xml {
            from_metadata(&mut document, &xml)?;
        }
        complete(&mut document)?;
        let created = self.draft(environment_id, Kind::Application, "", document);
        let subject = self.draft(
            environment_id,
            Kind::Attribute,
            &created.id,
            Document::from_iter([
                ("name".to_owned(), SUBJECT.into()),
                ("value".to_owned(), "${user.id}".into()),
                ("required".to_owned(), true.into()),
                ("mappingType".to_owned(), "CORE".into()),
            ]),
        );
        let mut tx = self.store.write().await?;
        environment(&mut tx, environment_id).await?;
        unique_name(&mut tx, &created).await?;
        unique_entity(&mut tx, &created).await?;
        resources::put(&mut tx, &created).await?;
        resources::put(&mut tx, &subject).await?;
        tx.commit().await?;
        Ok(created)
    }

    /// Replaces an application's settings, or with `merge` only those given.
    pub(crate) async fn change_application(
        &self,
        environment_id: &str,
        id: &str,
        document: Document,
        merge: bool,
    ) -> Result<Resource> {
        let mut document = writable(document);
        if let Some(Value::String(xml)) = document.remove("spMetadata") {
            from_metadata(&mut document, &xml)?;
        }
        let mut tx = self.store.write().await?;
        let mut application = existing(&mut tx, environment_id, Kind::Application, id).await?;
        if merge {
            application.document.extend(document);
        } else {
            application.document = document;
        }
        complete(&mut application.document)?;
        application.name = text(&application.document, "name")
            .unwrap_or_default()
            .to_owned();
        application.updated_at = self.now();
        unique_name(&mut tx, &application).await?;
        unique_entity(&mut tx, &application).await?;
        resources::put(&mut tx, &application).await?;
        tx.commit().await?;
        Ok(application)
    }

    /// Removes an application with its mappings.
    pub(crate) async fn delete_application(&self, environment_id: &str, id: &str) -> Result<()> {
        let mut tx = self.store.write().await?;
        existing(&mut tx, environment_id, Kind::Application, id).await?;
        resources::delete_below(&mut tx, environment_id, Kind::Attribute, id).await?;
        resources::delete(&mut tx, environment_id, Kind::Application, id).await?;
        tx.commit().await?;
        self.misbehaviour.forget_application(environment_id, id);
        Ok(())
    }

    /// Adds an attribute mapping, or replaces the one with `id`.
    pub(crate) async fn put_attribute(
        &self,
        environment_id: &str,
        application: &str,
        id: Option<&str>,
        document: Document,
    ) -> Result<Resource> {
        let mut document = writable(document);
        let Some(name) = text(&document, "name").map(str::to_owned) else {
            return Err(Refused::required("name"));
        };
        let Some(value) = text(&document, "value") else {
            return Err(Refused::required("value"));
        };
        Template::parse(value).map_err(|error| Refused::invalid("value", error.to_string()))?;
        let core = name == SUBJECT;
        if core {
            document.insert("required".into(), true.into());
        }
        document.entry("required").or_insert(false.into());
        document.insert(
            "mappingType".into(),
            if core { "CORE" } else { "CUSTOM" }.into(),
        );
        let mut tx = self.store.write().await?;
        existing(&mut tx, environment_id, Kind::Application, application).await?;
        let mut attribute = self.draft(environment_id, Kind::Attribute, application, document);
        let others =
            resources::list(&mut tx, environment_id, Kind::Attribute, Some(application)).await?;
        match id {
            Some(id) => {
                let former = others.iter().find(|other| other.id == id);
                let former = former.ok_or_else(|| Refused::not_found("attribute", id))?;
                if (former.name == SUBJECT) != core {
                    return Err(Refused::invalid(
                        "name",
                        "saml_subject can't be renamed or replaced",
                    ));
                }
                attribute.id = former.id.clone();
                attribute.created_at = former.created_at;
            }
            // The subject's mapping is there from the start: to add it is to change it.
            None if core => {
                if let Some(former) = others.iter().find(|other| other.name == SUBJECT) {
                    attribute.id = former.id.clone();
                    attribute.created_at = former.created_at;
                }
            }
            None if name.eq_ignore_ascii_case(SUBJECT) => {
                return Err(Refused::invalid(
                    "name",
                    "saml_subject is reserved, whatever its case",
                ));
            }
            None => {}
        }
        if others
            .iter()
            .any(|other| other.id != attribute.id && other.name == name)
        {
            return Err(Refused::taken("name", &name));
        }
        resources::put(&mut tx, &attribute).await?;
        tx.commit().await?;
        Ok(attribute)
    }

    /// Removes an attribute mapping, unless it is the subject's.
    pub(crate) async fn delete_attribute(
        &self,
        environment_id: &str,
        application: &str,
        id: &str,
    ) -> Result<()> {
        let mut tx = self.store.write().await?;
        let attribute = existing(&mut tx, environment_id, Kind::Attribute, id).await?;
        if attribute.parent != application {
            return Err(Refused::not_found("attribute", id));
        }
        if attribute.name == SUBJECT {
            return Err(Refused::constraint("name", "saml_subject can't be removed"));
        }
        resources::delete(&mut tx, environment_id, Kind::Attribute, id).await?;
        tx.commit().await?;
        Ok(())
    }
}
