//! Controls in the form in which products of identity providers send their Responses, made from
//! `fixtures/flavors`, one for each file. The simulated identity provider reads the settings in the
//! same files, so that one place says what a product sends.

use serde::Deserialize;
use serde::de::Error as _;

use crate::fault::Level;
use crate::{
    Cover, Delivery, Edit, Encoding, Family, Fault, Handmade, Harm, KeyTransport, Place, Signing,
};

const ASSERTION: &str = "Response/Assertion";
/// The start of a value, as the honest Response has it.
const VALUE: &str = "<saml:AttributeValue>";
const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// The parts of a flavor's file that concern its Responses.
#[derive(Debug, Deserialize)]
struct Flavor {
    name: String,
    sources: Vec<String>,
    saml: Saml,
}

/// The settings of a new application, and the form of the document.
#[derive(Debug, Deserialize)]
struct Saml {
    #[serde(default)]
    signs: Vec<Signed>,
    assertion_seconds: Option<i64>,
    session_seconds: Option<i64>,
    not_before_seconds: Option<i64>,
    authn_context: Option<String>,
    #[serde(default)]
    attributes: Vec<Mapping>,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Signed {
    Assertion,
    Response,
}

#[derive(Debug, Deserialize)]
struct Mapping {
    name: String,
    format: Option<String>,
    value: String,
}

/// How the product writes the document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    /// Id of the control.
    check: String,
    /// What is special, for the title of the control.
    about: String,
    #[serde(default)]
    prefixes: Prefixes,
    /// The `AuthnContextClassRef` of the vendor's assertions, if users usually sign on without a
    /// form [default: the class of the settings].
    authn_context: Option<String>,
    /// The XML declaration.
    declaration: Option<String>,
    /// True if the Response has `Consent`.
    #[serde(default)]
    consent: bool,
    /// `xsi:type` of all attribute values.
    value_type: Option<String>,
    /// True if the PrefixList of every signature contains `xs`.
    #[serde(default)]
    prefix_list: bool,
    /// True if each value has an Attribute element of its own.
    #[serde(default)]
    attribute_per_value: bool,
    /// The text between several values, if they are written as one.
    values_joined_by: Option<String>,
    /// True if times have no fraction of a second.
    #[serde(default)]
    whole_seconds: bool,
}

/// The prefixes of the namespaces of SAML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Prefixes {
    /// `samlp` and `saml`.
    #[default]
    Saml,
    /// `saml2p` and `saml2`.
    Saml2,
    /// `samlp`; the assertion is in the default namespace.
    Default,
}

/// Returns the values that an expression of the file has for the person of a control.
fn values_of(expression: &str) -> Result<Vec<&str>, String> {
    Ok(match expression {
        "${user.username}" | "${user.email}" => vec!["{genuine-mail}"],
        "${user.name.given}" => vec!["Rehearsal"],
        "${user.name.family}" => vec!["Check"],
        "${user.name.given + ' ' + user.name.family}" => vec!["Rehearsal Check"],
        "${user.id}" => vec!["7c9e6679-7425-40de-944b-e07fc1f90ae7"],
        "${user.environment.id}" => vec!["0f8fad5b-d9cb-469f-a165-70867728950e"],
        "${user.memberOfGroupNames}" => vec!["Domain Users", "Staff"],
        "${user.memberOfGroupIDs}" => vec![
            "b1a7e1c2-0f6e-4f0b-8d41-2a4ed2f6a111",
            "b1a7e1c2-0f6e-4f0b-8d41-2a4ed2f6a112",
        ],
        text if !text.contains("${") => vec![text],
        other => {
            return Err(format!(
                "no test value for the expression {other}; add one where controls are made of flavors"
            ));
        }
    })
}

/// Reads a flavor's file and returns its control.
///
/// # Errors
/// When the file is no flavor, or has an expression whose value is not known.
pub(crate) fn control(name: &str, text: &str) -> Result<Fault, toml::de::Error> {
    let flavor: Flavor = toml::from_str(text)?;
    let saml = flavor.saml;
    let mut draft = saml.settings();
    for mapping in &saml.attributes {
        draft.push(saml.attribute(mapping).map_err(toml::de::Error::custom)?);
    }
    draft.extend(saml.form.document());
    let declaration = saml.form.declaration.iter();
    let signed = declaration.map(|it| Edit::Surround {
        before: it.clone(),
        after: String::new(),
    });
    Ok(Fault {
        id: format!("like-{name}"),
        about: format!(
            "The Response has the form in which {} sends it: {}.",
            flavor.name, saml.form.about
        ),
        spec: flavor.sources.first().cloned().unwrap_or_default(),
        covers: vec![saml.cover()],
        signed: signed.collect(),
        signing: saml.form.to_signing()?,
        check: saml.form.check,
        draft,
        family: Family::Control,
        harm: Harm::Function,
        level: Level::Should,
        is_open: false,
        fix: None,
        refusal: String::new(),
        follows: Vec::new(),
        encrypted: None,
        encrypted_name: None,
        key_transport: KeyTransport::default(),
        encoded: Encoding::default(),
        delivery: Delivery::default(),
    })
}

impl Saml {
    fn cover(&self) -> Cover {
        let signs = |what: Signed| self.signs.contains(&what);
        match (signs(Signed::Assertion), signs(Signed::Response)) {
            (true, true) => Cover::Both,
            (false, true) => Cover::Response,
            _ => Cover::Assertion,
        }
    }

    /// Returns the edits for lifetimes and the authentication context.
    fn settings(&self) -> Vec<Edit> {
        let time = |at: &str, name: &str, seconds: Option<i64>| {
            seconds.map(|seconds| Edit::Attribute {
                at: format!("{ASSERTION}/{at}"),
                name: name.to_owned(),
                value: Some(format!("{{now{seconds:+}}}")),
            })
        };
        let before = self.not_before_seconds.map(|it| -it);
        let until = self.assertion_seconds;
        let data = "Subject/SubjectConfirmation/SubjectConfirmationData";
        let context = self.form.authn_context.as_ref();
        let context = context
            .or(self.authn_context.as_ref())
            .map(|class| Edit::Content {
                at: format!("{ASSERTION}/AuthnStatement/AuthnContext/AuthnContextClassRef"),
                xml: class.clone(),
            });
        let times = [
            time("Conditions", "NotBefore", before),
            time("Conditions", "NotOnOrAfter", until),
            time(data, "NotOnOrAfter", until),
            time(
                "AuthnStatement",
                "SessionNotOnOrAfter",
                self.session_seconds,
            ),
        ];
        times.into_iter().flatten().chain(context).collect()
    }

    /// Returns the edit that adds an attribute, unless the Response has one of this name: the
    /// service provider may need that, and some refuse two of the same name.
    fn attribute(&self, mapping: &Mapping) -> Result<Edit, String> {
        let mut values: Vec<String> = values_of(&mapping.value)?
            .into_iter()
            .map(str::to_owned)
            .collect();
        if let Some(separator) = &self.form.values_joined_by {
            values = vec![values.join(separator)];
        }
        let format = mapping
            .format
            .as_ref()
            .map_or_else(String::new, |it| format!(" NameFormat=\"{it}\""));
        let name = format!("Name=\"{}\"", mapping.name);
        let element = |values: &[String]| {
            let mut xml = format!("<saml:Attribute {name}{format}>");
            for value in values {
                xml.push_str(&format!("{VALUE}{value}</saml:AttributeValue>"));
            }
            xml + "</saml:Attribute>"
        };
        let xml = match self.form.attribute_per_value {
            true => values.chunks(1).map(element).collect(),
            false => element(&values),
        };
        Ok(Edit::Insert {
            at: format!("{ASSERTION}/AttributeStatement"),
            place: Place::Last,
            xml,
            times: 1,
            unless: Some(name),
        })
    }
}

impl Form {
    /// Returns the edits of the document that concern its form alone. The prefixes come last: the
    /// other edits contain the usual ones.
    fn document(&self) -> Vec<Edit> {
        let mut edits = Vec::new();
        if self.consent {
            edits.push(Edit::Attribute {
                at: "Response".to_owned(),
                name: "Consent".to_owned(),
                value: Some("urn:oasis:names:tc:SAML:2.0:consent:unspecified".to_owned()),
            });
        }
        if let Some(value_type) = &self.value_type {
            edits.push(Edit::Substitute {
                find: VALUE.to_owned(),
                with: format!(
                    "<saml:AttributeValue xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"{value_type}\">"
                ),
            });
        }
        if self.whole_seconds {
            edits.push(Edit::WholeSeconds);
        }
        let prefixes: &[[&str; 2]] = match self.prefixes {
            Prefixes::Saml => &[],
            Prefixes::Saml2 => &[
                ["<saml:", "<saml2:"],
                ["</saml:", "</saml2:"],
                ["xmlns:saml=", "xmlns:saml2="],
                ["<samlp:", "<saml2p:"],
                ["</samlp:", "</saml2p:"],
                ["xmlns:samlp=", "xmlns:saml2p="],
            ],
            Prefixes::Default => &[
                ["<saml:", "<"],
                ["</saml:", "</"],
                ["xmlns:saml=", "xmlns="],
            ],
        };
        edits.extend(prefixes.iter().map(|[find, with]| Edit::Substitute {
            find: (*find).to_owned(),
            with: (*with).to_owned(),
        }));
        edits
    }

    fn to_signing(&self) -> Result<Signing, toml::de::Error> {
        if !self.prefix_list {
            return Ok(Signing::Rightly);
        }
        let mut handmade: Handmade = toml::from_str("prefixes = [\"xs\"]")?;
        handmade.transforms = Some(format!(
            "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform><ds:Transform Algorithm=\"{EXC_C14N}\"><ec:InclusiveNamespaces xmlns:ec=\"{EXC_C14N}\" PrefixList=\"xs\"></ec:InclusiveNamespaces></ds:Transform>"
        ));
        Ok(Signing::Handmade(Box::new(handmade)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flavor whose file has these lines in `[saml]`.
    fn with(lines: &str) -> Result<Fault, toml::de::Error> {
        let text = format!(
            "name = \"X\"\nsources = [\"X, Manual\"]\n[saml]\n{lines}\n[saml.form]\ncheck = \"SAML-SP-GOOD-99\"\nabout = \"nothing special\"\n"
        );
        control("x", &text)
    }

    #[test]
    fn the_settings_of_a_flavor_are_in_its_control() {
        let control = with("signs = [\"response\"]\nnot_before_seconds = 180\nsession_seconds = 9\nattributes = [{ name = \"m\", value = \"${user.email}\" }]").unwrap();
        assert_eq!(control.covers, [Cover::Response]);
        assert_eq!(control.id, "like-x");
        let has = |phrase: &str| control.draft.iter().any(|it| it.says(phrase));
        assert!(has("{now-180}") && has("{now+9}") && has("{genuine-mail}"));
        assert!(control.about.ends_with("X sends it: nothing special."));
    }

    #[test]
    fn an_expression_without_a_value_is_refused() {
        let error =
            with("attributes = [{ name = \"m\", value = \"${user.mobile}\" }]").unwrap_err();
        assert!(error.to_string().contains("${user.mobile}"), "{error}");
    }

    #[test]
    fn a_key_of_the_form_that_is_not_known_is_refused() {
        let text =
            "name = \"X\"\nsources = []\n[saml.form]\ncheck = \"a\"\nabout = \"b\"\ncolor = 1\n";
        let error = control("x", text).unwrap_err().to_string();
        assert!(error.contains("unknown field `color`"), "{error}");
    }
}
