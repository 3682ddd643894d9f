//! URIs of the standards: namespaces, bindings, formats, status codes and algorithms. Each is
//! defined only here.

/// Assertion namespace (saml-core §1.1).
pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// Protocol namespace (saml-core §1.1).
pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// Metadata namespace (saml-metadata §1.1).
pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// XML Signature namespace.
pub const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
/// XML Encryption namespace.
pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";

/// HTTP-Redirect binding (saml-bindings §3.4).
pub const HTTP_REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
/// HTTP-POST binding (saml-bindings §3.5).
pub const HTTP_POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/// HTTP-POST-SimpleSign binding (SAML V2.0 HTTP POST "SimpleSign" Binding §2).
pub const HTTP_POST_SIMPLE_SIGN: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST-SimpleSign";

/// Bearer subject confirmation (saml-profiles §3.3).
pub const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/// Attribute name format `unspecified` (saml-core §8.2.1).
pub const ATTRNAME_UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified";
/// Attribute name format `basic`: simple strings (saml-core §8.2.3).
pub const ATTRNAME_BASIC: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic";
/// Authentication context class of a password over a protected channel (saml-authn-context §3.4.6).
pub const PASSWORD_PROTECTED_TRANSPORT: &str =
    "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
/// Authentication context class of a password over a channel that is not declared as protected
/// (saml-authn-context §3.4.5).
pub const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password";
/// Authentication context class `unspecified` (saml-authn-context §3.4.25).
pub const AUTHN_UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified";
/// Authentication context class of an earlier session (saml-authn-context §3.4.8).
pub const PREVIOUS_SESSION: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PreviousSession";
/// Reason: the user wants to log out (saml-core §3.7.3).
pub const LOGOUT_USER: &str = "urn:oasis:names:tc:SAML:2.0:logout:user";
/// Reason: an administrator ends the sessions (saml-core §3.7.3).
pub const LOGOUT_ADMIN: &str = "urn:oasis:names:tc:SAML:2.0:logout:admin";
/// NameID format `entity`: the value is an entity ID (saml-core §8.3.6).
pub const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";

pub use bergshamra::core::algorithm::{
    C14N, ECDSA_SHA256, ECDSA_SHA384, ECDSA_SHA512, ENVELOPED_SIGNATURE, EXC_C14N, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512, RSA_SHA1, RSA_SHA256, RSA_SHA384, RSA_SHA512, SHA1, SHA256,
    SHA384, SHA512,
};

/// White space in XML (XML 1.0 §2.3). Other white space of Unicode is a part of the value: a name
/// that ends with a no-break space is another name.
pub const WHITE_SPACE: [char; 4] = [' ', '\t', '\r', '\n'];
