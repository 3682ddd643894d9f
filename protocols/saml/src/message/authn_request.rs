//! The request for authentication (saml-core §3.4.1).

use jiff::Timestamp;

use super::NameIdFormat;
use crate::names;
use crate::xml::{self, Limits, XmlError, XmlWriter, element, text_element, write_instant};

/// Which kind of name the requester wants (saml-core §3.4.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameIdPolicy {
    /// The format wanted.
    pub format: Option<NameIdFormat>,
    /// Whether a new identifier may be made.
    pub allow_create: bool,
}

/// A request for authentication (saml-core §3.4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthnRequest {
    /// Unique identifier, an `xs:ID`.
    pub id: String,
    /// When it was made.
    pub issue_instant: Timestamp,
    /// Entity identifier of the service provider.
    pub issuer: String,
    /// The address it is sent to.
    pub destination: Option<String>,
    /// Where the answer goes.
    pub acs_url: Option<String>,
    /// Where the answer goes, by index into the metadata.
    pub acs_index: Option<u16>,
    /// How the answer travels.
    pub protocol_binding: Option<String>,
    /// Which name is wanted.
    pub name_id_policy: Option<NameIdPolicy>,
    /// Whether the subject must sign on anew.
    pub force_authn: bool,
    /// Whether the subject must not be asked anything.
    pub is_passive: bool,
    /// Authentication contexts that will do, as class URIs.
    pub requested_authn_context: Vec<String>,
}

impl AuthnRequest {
    /// The document.
    pub fn to_xml(&self) -> String {
        let issued = write_instant(self.issue_instant);
        let index = self.acs_index.map(|index| index.to_string());
        let attributes = [
            ("xmlns:samlp", Some(names::PROTOCOL)),
            ("xmlns:saml", Some(names::ASSERTION)),
            ("ID", Some(self.id.as_str())),
            ("Version", Some("2.0")),
            ("IssueInstant", Some(issued.as_str())),
            ("Destination", self.destination.as_deref()),
            ("ForceAuthn", self.force_authn.then_some("true")),
            ("IsPassive", self.is_passive.then_some("true")),
            ("ProtocolBinding", self.protocol_binding.as_deref()),
            ("AssertionConsumerServiceURL", self.acs_url.as_deref()),
            ("AssertionConsumerServiceIndex", index.as_deref()),
        ];
        let mut w = XmlWriter::new();
        element(&mut w, "samlp:AuthnRequest", &attributes, |w| {
            text_element(w, "saml:Issuer", &[], &self.issuer);
            if let Some(policy) = &self.name_id_policy {
                let attributes = [
                    ("Format", policy.format.as_ref().map(NameIdFormat::uri)),
                    ("AllowCreate", policy.allow_create.then_some("true")),
                ];
                element(w, "samlp:NameIDPolicy", &attributes, |_| {});
            }
            if !self.requested_authn_context.is_empty() {
                let exact = [("Comparison", Some("exact"))];
                element(w, "samlp:RequestedAuthnContext", &exact, |w| {
                    for class in &self.requested_authn_context {
                        text_element(w, "saml:AuthnContextClassRef", &[], class);
                    }
                });
            }
        });
        w.into_string()
    }

    /// Reads a request.
    ///
    /// # Errors
    /// [`XmlError`] names the element or attribute that is missing or wrong.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        let document = xml::parse(text, &Limits::default())?;
        let root = xml::root(&document, names::PROTOCOL, "AuthnRequest")?;
        let attribute = |name| xml::attribute(&document, root, name);
        let owned = |name| attribute(name).map(str::to_owned);
        let version = xml::required_attribute(&document, root, "Version")?;
        if version != "2.0" {
            return Err(XmlError::Value {
                expected: "2.0",
                place: "AuthnRequest/@Version".into(),
                came: version.to_owned(),
            });
        }
        let flag = |name: &'static str| match attribute(name) {
            Some(value) => xml::boolean(value, name),
            None => Ok(false),
        };
        let acs_index = match attribute("AssertionConsumerServiceIndex") {
            None => None,
            Some(value) => Some(value.parse().map_err(|_| XmlError::Value {
                expected: "a number from 0 to 65535",
                place: "AuthnRequest/@AssertionConsumerServiceIndex".into(),
                came: value.to_owned(),
            })?),
        };
        let name_id_policy = match xml::child(&document, root, names::PROTOCOL, "NameIDPolicy") {
            None => None,
            Some(node) => Some(NameIdPolicy {
                format: xml::attribute(&document, node, "Format").map(NameIdFormat::from_uri),
                allow_create: match xml::attribute(&document, node, "AllowCreate") {
                    Some(value) => xml::boolean(value, "NameIDPolicy/@AllowCreate")?,
                    None => false,
                },
            }),
        };
        let requested_authn_context =
            xml::child(&document, root, names::PROTOCOL, "RequestedAuthnContext")
                .map(|node| {
                    xml::children(&document, node, names::ASSERTION, "AuthnContextClassRef")
                        .into_iter()
                        .map(|class| xml::trimmed(&document, class))
                        .collect()
                })
                .unwrap_or_default();
        let issuer = xml::required(&document, root, names::ASSERTION, "Issuer")?;
        Ok(Self {
            id: xml::required_attribute(&document, root, "ID")?.to_owned(),
            issue_instant: xml::instant(
                xml::required_attribute(&document, root, "IssueInstant")?,
                "AuthnRequest/@IssueInstant",
            )?,
            issuer: xml::trimmed(&document, issuer),
            destination: owned("Destination"),
            acs_url: owned("AssertionConsumerServiceURL"),
            acs_index,
            protocol_binding: owned("ProtocolBinding"),
            name_id_policy,
            force_authn: flag("ForceAuthn")?,
            is_passive: flag("IsPassive")?,
            requested_authn_context,
        })
    }
}
