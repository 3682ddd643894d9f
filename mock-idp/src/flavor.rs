//! The flavor of an environment: the identity provider whose behavior it imitates. All differences
//! are data, one file of `fixtures/flavors` for each provider (the README there explains each key):
//! the settings of a new application ([`Saml`]), and how the provider writes SCIM requests
//! ([`Habits`]).

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use crate::provisioning::habits::Habits;
use crate::store::resources::Resource;

// FILES, written by build.rs: (name, text) of each file under fixtures/flavors.
include!(concat!(env!("OUT_DIR"), "/flavors.rs"));

/// The flavor of an environment that names none.
const DEFAULT: &str = "ping";

/// The identity provider whose behavior an environment imitates.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flavor {
    /// The value of `flavor`, a member of an environment that PingOne does not have: the name of
    /// the file.
    #[serde(skip)]
    pub(crate) key: &'static str,
    /// The name of the product.
    pub(crate) name: String,
    /// What differs, for the console.
    pub(crate) about: String,
    /// The documents that were read.
    #[allow(dead_code, reason = "for readers of the file; a test wants them")]
    sources: Vec<String>,
    /// What the documents do not say.
    #[allow(dead_code, reason = "for readers of the file; a test wants them")]
    assumed: Vec<String>,
    pub(crate) saml: Saml,
    #[serde(default)]
    scim: Option<Habits>,
    /// Why there is no `scim`.
    #[allow(dead_code, reason = "for readers of the file; a test wants it")]
    #[serde(default)]
    no_scim: Option<String>,
}

/// The settings of a new application. `None` is PingOne's default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Saml {
    name_id: String,
    #[serde(default)]
    name_id_email: Option<String>,
    /// The default `Format` of the `NameID`.
    #[serde(default)]
    pub(crate) name_id_format: Option<String>,
    #[serde(default)]
    signs: Option<Vec<Signed>>,
    #[serde(default)]
    assertion_seconds: Option<i64>,
    #[serde(default)]
    session_seconds: Option<i64>,
    #[serde(default)]
    not_before_seconds: Option<i64>,
    #[serde(default)]
    authn_context: Option<String>,
    /// How the product writes the document: for the controls of `check sp`, which the crate
    /// `rehearsal-faults` reads.
    #[allow(dead_code, reason = "so that the key is known")]
    #[serde(default)]
    form: serde::de::IgnoredAny,
    /// The attribute mappings, without the one for the `NameID`.
    #[serde(default)]
    pub(crate) attributes: Vec<Mapping>,
}

/// An element that is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Signed {
    Assertion,
    Response,
}

/// An attribute mapping: name, name format, expression.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mapping {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) format: Option<String>,
    pub(crate) value: String,
}

impl Saml {
    /// Returns the default expression for the `NameID`. A `NameID` of the format emailAddress must
    /// be an e-mail address (saml-core §8.3.2).
    pub(crate) fn subject(&self, by_email: bool) -> &str {
        let email = self.name_id_email.as_ref().filter(|_| by_email);
        email.unwrap_or(&self.name_id)
    }

    /// Returns the members of a new application that differ from PingOne's defaults.
    pub(crate) fn settings(&self) -> Vec<(&'static str, Value)> {
        let signs = |what: Signed| self.signs.as_ref().map(|all| all.contains(&what).into());
        let number = |seconds: Option<i64>| seconds.map(Value::from);
        let all = [
            ("nameIdFormat", self.name_id_format.clone().map(Value::from)),
            ("assertionSigned", signs(Signed::Assertion)),
            ("responseSigned", signs(Signed::Response)),
            ("assertionDuration", number(self.assertion_seconds)),
            ("sessionNotOnOrAfterDuration", number(self.session_seconds)),
            ("notBeforeSeconds", number(self.not_before_seconds)),
            (
                "authnContextClassRef",
                self.authn_context.clone().map(Value::from),
            ),
        ];
        let set = all.into_iter();
        set.filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

static FLAVORS: LazyLock<Result<Vec<Flavor>, FlavorError>> = LazyLock::new(|| read_all(FILES));

/// A file of a flavor is invalid.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot read fixtures/flavors/{name}.toml: {source}")]
pub struct FlavorError {
    /// The name of the file, without its ending.
    name: &'static str,
    /// What is wrong with it.
    source: toml::de::Error,
}

/// Parses the files; the default flavor is the first.
fn read_all(files: &'static [(&'static str, &'static str)]) -> Result<Vec<Flavor>, FlavorError> {
    let mut all = Vec::new();
    for (name, text) in files {
        let mut flavor: Flavor =
            toml::from_str(text).map_err(|source| FlavorError { name, source })?;
        flavor.key = name;
        all.push(flavor);
    }
    all.sort_by_key(|it| (it.key != DEFAULT, it.key));
    Ok(all)
}

/// Reads the files of all flavors.
///
/// # Errors
/// [`FlavorError`] if a file has an unknown key or lacks one.
pub(crate) fn check() -> Result<(), FlavorError> {
    FLAVORS.as_ref().map(|_| ()).map_err(Clone::clone)
}

/// Returns all flavors, the default one first.
pub(crate) fn all() -> &'static [Flavor] {
    FLAVORS.as_deref().unwrap_or_default()
}

/// Returns the names of all flavors, the default one first.
pub(crate) fn names() -> Vec<&'static str> {
    all().iter().map(|it| it.key).collect()
}

impl Flavor {
    /// Returns the flavor with this name.
    pub(crate) fn find_by_name(name: &str) -> Option<&'static Self> {
        all().iter().find(|it| it.key == name)
    }

    /// Returns the flavor of an environment; `ping` by default.
    pub(crate) fn of(environment: &Resource) -> &'static Self {
        static NONE: LazyLock<Flavor> = LazyLock::new(Flavor::default);
        let name = environment.document.get("flavor").and_then(Value::as_str);
        let named = name.and_then(Self::find_by_name);
        named.or_else(|| all().first()).unwrap_or(&NONE)
    }

    /// Returns how it writes SCIM requests to a target with this base URL. If the product is no
    /// SCIM client: as RFC 7644 says.
    pub(crate) fn habits(&self, base_url: &str) -> Habits {
        let habits = self.scim.clone().unwrap_or_default();
        habits.at(base_url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Template;

    #[test]
    fn every_file_is_read_and_says_where_its_facts_are_from() {
        let flavors = read_all(FILES).unwrap();
        assert_eq!(
            flavors.iter().map(|it| it.key).collect::<Vec<_>>(),
            [
                "ping",
                "ad-fs",
                "entra",
                "google",
                "jumpcloud",
                "keycloak",
                "okta",
                "onelogin",
                "ping-federate"
            ]
        );
        for flavor in flavors {
            let key = flavor.key;
            assert!(flavor.name.len() > 3 && flavor.about.len() > 40, "{key}");
            assert!(
                !flavor.sources.is_empty() && !flavor.assumed.is_empty(),
                "{key}"
            );
            assert_ne!(flavor.scim.is_some(), flavor.no_scim.is_some(), "{key}");
            let values = flavor.saml.attributes.iter().map(|it| it.value.as_str());
            for value in values.chain([true, false].map(|it| flavor.saml.subject(it))) {
                assert!(Template::parse(value).is_ok(), "{key}: {value}");
            }
        }
    }

    #[test]
    fn a_file_with_an_unknown_key_is_an_error_with_its_name() {
        for text in [
            "color = 1",
            "[scim]\ncolor = 1",
            "[scim.flags.x]\ncolor = 1",
            "[saml]\ncolor = 1",
        ] {
            let files: &[_] = vec![("x", &*text.to_owned().leak())].leak();
            let error = read_all(files).unwrap_err().to_string();
            assert!(
                error.starts_with("cannot read fixtures/flavors/x.toml: "),
                "{error}"
            );
            assert!(error.contains("unknown field `color`"), "{error}");
        }
    }

    #[test]
    fn the_description_of_the_interface_names_all_flavors() {
        let schemas: Value =
            serde_json::from_str(include_str!("http/management/schemas.json")).unwrap();
        let named = &schemas["Environment"]["properties"]["flavor"]["enum"];
        assert_eq!(*named, serde_json::json!(names()));
    }
}
