//! Attribute mappings: the attributes of a user that an application's assertions contain.

use super::SUBJECT;
use crate::Idp;
use crate::directory::{Document, get_existing, text, writable};
use crate::expression::Template;
use crate::refusal::{Refused, Result};
use crate::store::resources::{self, Kind, Resource};

/// Allowed values of `nameFormat`.
const FORMATS: [&str; 3] = [
    "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified",
    "urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
    "urn:oasis:names:tc:SAML:2.0:attrname-format:basic",
];

impl Idp {
    /// Creates an attribute mapping, or replaces the one with `id`.
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
        if let Some(format) = document
            .get("nameFormat")
            .filter(|format| !format.is_null())
            && !FORMATS.iter().any(|known| format == known)
        {
            return Err(Refused::none_of("nameFormat", &FORMATS, format));
        }
        if let Some(required) = document.get("required")
            && !required.is_boolean()
        {
            return Err(Refused::invalid(
                "required",
                format!("expected true or false, got {required}"),
            ));
        }
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
        get_existing(&mut tx, environment_id, Kind::Application, application).await?;
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
                        "the mapping saml_subject cannot be renamed, and no other mapping can take its name",
                    ));
                }
                attribute.id = former.id.clone();
                attribute.created_at = former.created_at;
            }
            // The mapping of the subject exists from the start, so adding it means changing it.
            None if core => {
                if let Some(former) = others.iter().find(|other| other.name == SUBJECT) {
                    attribute.id = former.id.clone();
                    attribute.created_at = former.created_at;
                }
            }
            None if name.eq_ignore_ascii_case(SUBJECT) => {
                return Err(Refused::invalid(
                    "name",
                    "saml_subject is reserved, in any letter case",
                ));
            }
            None => {}
        }
        if others
            .iter()
            .any(|other| other.id != attribute.id && other.name == name)
        {
            return Err(Refused::taken("name", "attribute named", &name));
        }
        resources::put(&mut tx, &attribute).await?;
        tx.commit().await?;
        Ok(attribute)
    }

    /// Deletes an attribute mapping other than `saml_subject`.
    pub(crate) async fn delete_attribute(
        &self,
        environment_id: &str,
        application: &str,
        id: &str,
    ) -> Result<()> {
        let mut tx = self.store.write().await?;
        let attribute = get_existing(&mut tx, environment_id, Kind::Attribute, id).await?;
        if attribute.parent != application {
            return Err(Refused::not_found("attribute", id));
        }
        if attribute.name == SUBJECT {
            return Err(Refused::constraint(
                "name",
                "the mapping saml_subject cannot be deleted",
            ));
        }
        resources::delete(&mut tx, environment_id, Kind::Attribute, id).await?;
        tx.commit().await?;
        Ok(())
    }
}
