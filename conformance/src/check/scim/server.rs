//! What the server supports, with the defaults of the RFC where it does not say so.

use serde_json::Value;

use super::outcome::{Need, TEXTS};
use super::reading::at;
use super::schema::{ENTERPRISE, Schema};

/// A resource type.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    pub(super) endpoint: String,
    pub(super) schema: Schema,
    /// Extensions, each with true if it is required.
    pub(super) extensions: Vec<(Schema, bool)>,
}

/// What was read from the server before the checks.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) config: Option<Value>,
    /// The HTTP status of GET /Schemas.
    pub(super) schemas_status: u16,
    pub(super) users: Kind,
    pub(super) groups: Option<Kind>,
}

/// Returns why no attribute of [`TEXTS`] can be used.
pub(super) fn why_no_text_attribute() -> String {
    format!(
        "the server's schema of users has none of {} as an optional and writable string",
        TEXTS.join(", ")
    )
}

impl Server {
    /// Returns why the server does not meet a need, or `None` if it does.
    pub(super) fn lacks(&self, need: Need) -> Option<String> {
        match need {
            Need::Writes | Need::TwoEmails | Need::Count => None,
            Need::Patch => self.why_unsupported(&["patch", "supported"], true),
            Need::Filter => self.why_unsupported(&["filter", "supported"], true),
            Need::Sort => self.why_unsupported(&["sort", "supported"], false),
            Need::Bulk => self.why_unsupported(&["bulk", "supported"], false),
            Need::ETag => self.why_unsupported(&["etag", "supported"], false),
            Need::Cursor => self.why_unsupported(&["pagination", "cursor"], false),
            Need::Groups => self
                .groups
                .is_none()
                .then(|| "the server has no resource type for groups".to_owned()),
            Need::Enterprise | Need::KeepsEnterprise => self.enterprise().is_none().then(|| {
                "the server's resource type for users has no enterprise extension".to_owned()
            }),
            Need::Manager => self
                .enterprise()
                .is_some_and(|it| it.is_declared && it.attribute("manager").is_none())
                .then(|| "the server's enterprise extension has no manager".to_owned()),
            Need::KeepsText => self
                .text_attributes()
                .next()
                .is_none()
                .then(why_no_text_attribute),
            Need::Has(paths) | Need::Keeps(paths) => {
                // `externalId` is common to all resources (RFC 7643 §3.1), so schemas do not list
                // it.
                let absent = |path: &&&str| {
                    **path != "externalId" && self.users.schema.attribute(path).is_none()
                };
                paths
                    .iter()
                    .find(absent)
                    .map(|path| self.why_no_attribute(path))
            }
        }
    }

    fn why_no_attribute(&self, path: &str) -> String {
        if self.users.schema.is_declared {
            return format!("the server's schema of users has no {path}");
        }
        let why = match self.schemas_status {
            200..=299 => format!(
                "/Schemas has no attributes of the schema of users ({})",
                self.users.schema.id
            ),
            status => format!("GET /Schemas is answered with HTTP {status}"),
        };
        format!("{why}, so that the server does not say whether users have {path}")
    }

    /// Returns those of [`TEXTS`] that the schema declares as clients may write and leave out.
    pub(super) fn text_attributes(&self) -> impl Iterator<Item = &'static str> {
        TEXTS.into_iter().filter(|name| {
            let declared = self.users.schema.attribute(name);
            declared.is_some_and(|it| {
                let is_text = it.kind == "string" && !it.multi_valued && it.canonical.is_empty();
                is_text && !it.required && it.mutability == "readWrite"
            })
        })
    }

    fn why_unsupported(&self, names: &[&str], unsaid: bool) -> Option<String> {
        let Some(config) = &self.config else {
            return (!unsaid).then(|| {
                format!(
                    "the server has no readable ServiceProviderConfig, so {} is taken for false",
                    names.join(".")
                )
            });
        };
        match at(config, names).and_then(Value::as_bool) {
            Some(true) => None,
            Some(false) => Some(format!("the server says {}: false", names.join("."))),
            None => Some(format!("the server does not declare {}", names.join("."))),
        }
    }

    /// Returns a number in ServiceProviderConfig.
    pub(super) fn limit(&self, names: &[&str]) -> Option<u64> {
        at(self.config.as_ref()?, names)?.as_u64()
    }

    /// Returns the enterprise extension, if users have it.
    pub(super) fn enterprise(&self) -> Option<&Schema> {
        let all = self.users.extensions.iter();
        all.map(|(schema, _)| schema)
            .find(|schema| schema.id.eq_ignore_ascii_case(ENTERPRISE))
    }
}
