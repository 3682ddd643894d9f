//! AuthnRequest (saml-core §3.4.1).

use jiff::Timestamp;
use uppsala::{Document, NodeId};

use super::NameIdFormat;
use crate::names;
use crate::xml::{self, Limits, XmlError, XmlWriter, element, text_element, write_instant};

/// The requested kind of NameID (saml-core §3.4.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameIdPolicy {
    /// The requested format.
    pub format: Option<NameIdFormat>,
    /// True if the identity provider may create a new identifier.
    pub allow_create: bool,
}

/// Returns the strength of a class that both sides of this project know, as a number;
/// saml-authn-context itself defines no order.
pub fn authn_strength(class: &str) -> Option<u32> {
    let known = [
        names::AUTHN_UNSPECIFIED,
        names::PASSWORD,
        names::PASSWORD_PROTECTED_TRANSPORT,
    ];
    let at = known.iter().position(|known| *known == class)?;
    u32::try_from(at).ok()
}

/// `Comparison`: how the class of the sign-on must relate to the requested classes (saml-core
/// §3.3.2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthnContextComparison {
    /// Equal to one of them.
    #[default]
    Exact,
    /// Equal to one of them, or stronger.
    Minimum,
    /// Not stronger than the strongest of them.
    Maximum,
    /// Stronger than each of them.
    Better,
}

impl AuthnContextComparison {
    const ALL: [Self; 4] = [Self::Exact, Self::Minimum, Self::Maximum, Self::Better];

    /// Returns the comparison with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// Returns the value of the attribute.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::Better => "better",
        }
    }
}

/// The requested authentication context (saml-core §3.3.2.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedAuthnContext {
    /// How the class must relate to the requested classes.
    pub comparison: AuthnContextComparison,
    /// URIs of the requested classes, the preferred one first.
    pub class_refs: Vec<String>,
}

impl RequestedAuthnContext {
    /// Requests exactly one of these classes.
    pub fn exactly(class_refs: Vec<String>) -> Self {
        Self {
            comparison: AuthnContextComparison::Exact,
            class_refs,
        }
    }

    /// True if a sign-on of class `got` meets the request. `strength` orders the classes that the
    /// caller knows; other classes are only compared for equality.
    pub fn allows(&self, got: &str, strength: impl Fn(&str) -> Option<u32>) -> bool {
        use AuthnContextComparison::{Better, Exact, Maximum, Minimum};
        let mut named = self.class_refs.iter();
        let same = self.class_refs.iter().any(|class| class == got);
        let Some(ours) = strength(got) else {
            return same && self.comparison != Better;
        };
        match self.comparison {
            Exact => same,
            Minimum => same || named.any(|class| strength(class).is_some_and(|it| ours >= it)),
            Maximum => same || named.any(|class| strength(class).is_some_and(|it| ours <= it)),
            Better => named.all(|class| strength(class).is_some_and(|it| ours > it)),
        }
    }

    fn read(document: &Document<'_>, node: NodeId) -> Result<Self, XmlError> {
        let comparison = match xml::attribute(document, node, "Comparison") {
            None => AuthnContextComparison::Exact,
            Some(name) => {
                AuthnContextComparison::from_name(name).ok_or_else(|| XmlError::Value {
                    expected: "exact, minimum, maximum or better",
                    place: "RequestedAuthnContext/@Comparison".into(),
                    got: name.to_owned(),
                })?
            }
        };
        let class_refs = xml::children(document, node, names::ASSERTION, "AuthnContextClassRef");
        Ok(Self {
            comparison,
            class_refs: class_refs
                .into_iter()
                .map(|class| xml::trimmed_text(document, class))
                .collect(),
        })
    }
}

/// A request for authentication (saml-core §3.4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthnRequest {
    /// Unique ID, an `xs:ID`.
    pub id: String,
    /// When the request was issued.
    pub issue_instant: Timestamp,
    /// Entity ID of the service provider.
    pub issuer: String,
    /// URL to which the request is sent.
    pub destination: Option<String>,
    /// URL to which the Response is sent.
    pub acs_url: Option<String>,
    /// Index, in the metadata, of the endpoint to which the Response is sent.
    pub acs_index: Option<u16>,
    /// `ProtocolBinding`: binding of the Response.
    pub protocol_binding: Option<String>,
    /// The requested kind of NameID.
    pub name_id_policy: Option<NameIdPolicy>,
    /// True if the subject must sign on again.
    pub force_authn: bool,
    /// True if the subject must not see a page.
    pub is_passive: bool,
    /// The requested authentication context.
    pub requested_authn_context: Option<RequestedAuthnContext>,
}

impl AuthnRequest {
    /// Returns the XML document.
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
            if let Some(requested) = &self.requested_authn_context {
                let comparison = [("Comparison", Some(requested.comparison.name()))];
                element(w, "samlp:RequestedAuthnContext", &comparison, |w| {
                    for class in &requested.class_refs {
                        text_element(w, "saml:AuthnContextClassRef", &[], class);
                    }
                });
            }
        });
        w.into_string()
    }

    /// Parses a request.
    ///
    /// # Errors
    /// [`XmlError`] names the element or attribute that is missing or wrong.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        let document = xml::parse(text, &Limits::default())?;
        let root = xml::root(&document, names::PROTOCOL, "AuthnRequest")?;
        Self::read(&document, root)
    }

    pub(crate) fn read(document: &Document<'_>, root: NodeId) -> Result<Self, XmlError> {
        let attribute = |name| xml::attribute(document, root, name);
        let owned = |name| attribute(name).map(str::to_owned);
        let version = xml::require_attribute(document, root, "Version")?;
        if version != "2.0" {
            return Err(XmlError::Value {
                expected: "2.0",
                place: "AuthnRequest/@Version".into(),
                got: version.to_owned(),
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
                got: value.to_owned(),
            })?),
        };
        let name_id_policy = match xml::child(document, root, names::PROTOCOL, "NameIDPolicy") {
            None => None,
            Some(node) => Some(NameIdPolicy {
                format: xml::attribute(document, node, "Format").map(NameIdFormat::from_uri),
                allow_create: match xml::attribute(document, node, "AllowCreate") {
                    Some(value) => xml::boolean(value, "NameIDPolicy/@AllowCreate")?,
                    None => false,
                },
            }),
        };
        let requested = xml::child(document, root, names::PROTOCOL, "RequestedAuthnContext");
        let issuer = xml::require_child(document, root, names::ASSERTION, "Issuer")?;
        Ok(Self {
            id: xml::require_attribute(document, root, "ID")?.to_owned(),
            issue_instant: xml::instant(
                xml::require_attribute(document, root, "IssueInstant")?,
                "AuthnRequest/@IssueInstant",
            )?,
            issuer: xml::trimmed_text(document, issuer),
            destination: owned("Destination"),
            acs_url: owned("AssertionConsumerServiceURL"),
            acs_index,
            protocol_binding: owned("ProtocolBinding"),
            name_id_policy,
            force_authn: flag("ForceAuthn")?,
            is_passive: flag("IsPassive")?,
            requested_authn_context: requested
                .map(|node| RequestedAuthnContext::read(document, node))
                .transpose()?,
        })
    }
}
