//! Applications: the registered service providers with their settings, attribute mappings, keys
//! and certificates. Worker applications, which get access tokens for the management API, are
//! here too.

mod access_token;
mod attributes;
pub(crate) mod certificates;
mod client_assertion;
mod import;
pub(crate) mod keys;
mod oauth_client;
mod pkcs12;
mod settings;
pub(crate) mod workers;

pub(crate) use settings::Application;

use serde_json::{Value, json};

use crate::Idp;
use crate::directory::{
    Change, Document, check_unique_name, get_environment, get_existing, reference, text, writable,
};
use crate::flavor::Flavor;
use crate::refusal::{Refused, Result};
use crate::store::Db;
use crate::store::resources::{self, Kind, Resource};
use ambient::answer_body;

/// Name of the mapping that every application has. Its value becomes the `NameID`.
pub(crate) const SUBJECT: &str = "saml_subject";

async fn check_unique_entity(db: &mut Db, application: &Resource) -> Result<()> {
    let Some(entity) = text(&application.document, "spEntityId") else {
        return Ok(());
    };
    let all = resources::list(db, &application.environment, Kind::Application, None).await?;
    if all.iter().any(|other| {
        other.id != application.id && text(&other.document, "spEntityId") == Some(entity)
    }) {
        return Err(Refused::taken(
            "spEntityId",
            "application with the SP entity ID",
            entity,
        ));
    }
    Ok(())
}

/// Checks that the resources to which an application refers exist in its environment.
async fn check_references(db: &mut Db, application: &Resource) -> Result<()> {
    let (env, document) = (&application.environment, &application.document);
    let missing = |target: &str, what: &str, id: &str| {
        Refused::invalid(target, format!("{what} {id} not found in this environment"))
    };
    let mut certificates = Vec::new();
    for (target, held) in [
        ("spVerification.certificates", "/certificates"),
        ("spEncryption.certificate", "/certificate"),
    ] {
        let outer = target.split('.').next().unwrap_or_default();
        let Some(found) = document.get(outer).and_then(|value| value.pointer(held)) else {
            continue;
        };
        let entries = match found {
            Value::Array(entries) => entries.as_slice(),
            one => std::slice::from_ref(one),
        };
        let ids = entries.iter().filter_map(|entry| entry["id"].as_str());
        certificates.extend(ids.map(|id| (target, id)));
    }
    for (target, id) in certificates {
        if resources::get(db, env, Kind::Certificate, id)
            .await?
            .is_none()
        {
            return Err(missing(target, "certificate", id));
        }
    }
    let groups = document
        .get("accessControl")
        .and_then(|access| access.pointer("/group/groups"))
        .and_then(Value::as_array);
    for group in groups.into_iter().flatten() {
        let id = group["id"].as_str().unwrap_or_default();
        if resources::get(db, env, Kind::Group, id).await?.is_none() {
            return Err(missing("accessControl.group.groups", "group", id));
        }
    }
    let Some(signing) = document.get("idpSigning").and_then(Value::as_object) else {
        return Ok(());
    };
    let key = match reference(signing, "key") {
        Some(id) => crate::store::keys::get(db, env, id)
            .await?
            .ok_or_else(|| missing("idpSigning.key", "key", id))?,
        None => keys::default_key(db, env).await?,
    };
    let is_ec = keys::signer(&key)?.certificate().key().starts_with("EC");
    if let Some(algorithm) = signing.get("algorithm").and_then(Value::as_str)
        && algorithm.ends_with("ECDSA") != is_ec
    {
        return Err(Refused::invalid(
            "idpSigning.algorithm",
            format!(
                "expected an algorithm for the application's {} key, got {algorithm}",
                if is_ec { "EC" } else { "RSA" }
            ),
        ));
    }
    Ok(())
}

impl Idp {
    async fn fetch_metadata(&self, url: &str) -> Result<String> {
        let wrong = |error: reqwest::Error| {
            Refused::invalid(
                "spMetadataUrl",
                format!("cannot get the metadata at {url}: {error}"),
            )
        };
        let http = self.http(url).map_err(wrong)?;
        let answer = http.get(url).send().await.map_err(wrong)?;
        let answer = answer.error_for_status().map_err(wrong)?;
        let refused = |reason: String| {
            Refused::invalid("spMetadataUrl", format!("cannot read {url}: {reason}"))
        };
        let bytes = answer_body::read(answer, saml::metadata::MAX_METADATA_BYTES)
            .await
            .map_err(|error| refused(error.to_string()))?;
        let decoded = saml::encoding::decode(bytes).map_err(refused)?;
        Ok(decoded.text)
    }

    /// Creates an application, with the mapping of its subject.
    pub(crate) async fn create_application(
        &self,
        environment_id: &str,
        document: Document,
    ) -> Result<Resource> {
        let mut document = writable(document);
        let imported = self.import_metadata(environment_id, &mut document).await?;
        let flavor = {
            let mut db = self.store.read().await?;
            Flavor::of(&get_environment(&mut db, environment_id).await?)
        };
        if document
            .get("protocol")
            .is_none_or(|protocol| protocol == "SAML")
        {
            for (key, value) in flavor.saml.settings() {
                document.entry(key).or_insert(value);
            }
        }
        settings::complete(&mut document)?;
        let by_email = import::is_email(text(&document, "nameIdFormat"));
        let created = self.draft(environment_id, Kind::Application, "", document);
        if created.document["protocol"] != "SAML" {
            return self.create_worker(created).await;
        }
        let subject = self.draft(
            environment_id,
            Kind::Attribute,
            &created.id,
            Document::from_iter([
                ("name".to_owned(), SUBJECT.into()),
                ("value".to_owned(), flavor.saml.subject(by_email).into()),
                ("required".to_owned(), true.into()),
                ("mappingType".to_owned(), "CORE".into()),
            ]),
        );
        let mut tx = self.store.write().await?;
        get_environment(&mut tx, environment_id).await?;
        check_unique_name(&mut tx, &created).await?;
        check_unique_entity(&mut tx, &created).await?;
        for certificate in &imported {
            resources::put(&mut tx, certificate).await?;
        }
        check_references(&mut tx, &created).await?;
        resources::put(&mut tx, &created).await?;
        resources::put(&mut tx, &subject).await?;
        for mapping in &flavor.saml.attributes {
            let mut attribute = Document::from_iter([
                ("name".to_owned(), mapping.name.clone().into()),
                ("value".to_owned(), mapping.value.clone().into()),
                ("required".to_owned(), false.into()),
                ("mappingType".to_owned(), "CUSTOM".into()),
            ]);
            if let Some(format) = &mapping.format {
                attribute.insert("nameFormat".to_owned(), format.clone().into());
            }
            let attribute = self.draft(environment_id, Kind::Attribute, &created.id, attribute);
            resources::put(&mut tx, &attribute).await?;
        }
        tx.commit().await?;
        Ok(created)
    }

    /// Removes `spMetadata` or `spMetadataUrl` from the document and fills in the settings from
    /// that metadata. Returns the certificates in it, not stored yet.
    async fn import_metadata(
        &self,
        environment_id: &str,
        document: &mut Document,
    ) -> Result<Vec<Resource>> {
        let xml = match (
            document.remove("spMetadata"),
            document.remove("spMetadataUrl"),
        ) {
            (Some(Value::String(xml)), _) => xml,
            (_, Some(Value::String(url))) => self.fetch_metadata(&url).await?,
            _ => return Ok(Vec::new()),
        };
        let import::Certificates {
            verification,
            encryption,
        } = import::from_metadata(document, &xml)?;
        let mut stored: Vec<Resource> = verification
            .iter()
            .map(|certificate| self.certificate(environment_id, certificate))
            .collect();
        if !stored.is_empty() {
            let ids: Vec<Value> = stored.iter().map(|one| json!({"id": one.id})).collect();
            document["spVerification"]["certificates"] = ids.into();
        }
        if let Some(certificate) = encryption {
            let mut made = self.certificate(environment_id, &certificate);
            made.document
                .insert("usageType".into(), certificates::PURPOSES[1].into());
            document["spEncryption"]["certificate"] = json!({"id": made.id});
            stored.push(made);
        }
        Ok(stored)
    }

    /// Changes the settings of an application.
    pub(crate) async fn change_application(
        &self,
        environment_id: &str,
        id: &str,
        change: Change,
    ) -> Result<Resource> {
        let (mut said, merged) = match change {
            Change::Replace(said) => (said, false),
            Change::Merge(said) => (said, true),
        };
        let imported = self.import_metadata(environment_id, &mut said).await?;
        let change = if merged {
            Change::Merge(said)
        } else {
            Change::Replace(said)
        };
        let mut tx = self.store.write().await?;
        let mut application = get_existing(&mut tx, environment_id, Kind::Application, id).await?;
        let protocol = application.document["protocol"].clone();
        application.document = change.of(application.document);
        settings::complete(&mut application.document)?;
        if application.document["protocol"] != protocol {
            return Err(Refused::invalid(
                "protocol",
                format!("expected {protocol}: the protocol cannot be changed"),
            ));
        }
        application.name = text(&application.document, "name")
            .unwrap_or_default()
            .to_owned();
        application.updated_at = self.now();
        check_unique_name(&mut tx, &application).await?;
        check_unique_entity(&mut tx, &application).await?;
        for certificate in &imported {
            resources::put(&mut tx, certificate).await?;
        }
        check_references(&mut tx, &application).await?;
        resources::put(&mut tx, &application).await?;
        tx.commit().await?;
        Ok(application)
    }

    /// Deletes an application with its mappings and secrets.
    pub(crate) async fn delete_application(&self, environment_id: &str, id: &str) -> Result<()> {
        let mut tx = self.store.write().await?;
        get_existing(&mut tx, environment_id, Kind::Application, id).await?;
        resources::delete_below(&mut tx, environment_id, Kind::Attribute, id).await?;
        resources::delete_below(&mut tx, environment_id, Kind::Secret, id).await?;
        crate::store::workers::revoke(&mut tx, environment_id, id).await?;
        resources::delete(&mut tx, environment_id, Kind::Application, id).await?;
        tx.commit().await?;
        self.misbehavior.forget_application(environment_id, id);
        Ok(())
    }
}
