//! Why a response is refused: every reason has a stable code, a section of the standard, and advice
//! on what to do next.

use std::fmt;

macro_rules! codes {
    ($($variant:ident $code:literal $section:literal $next:literal;)+) => {
        /// The reasons for refusing a response.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $code, "` (", $section, ")")] $variant,)+
        }

        impl Code {
            /// All reasons.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns the stable name, in kebab case.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// Returns the section of the standard.
            pub fn section(self) -> &'static str {
                match self { $(Self::$variant => $section,)+ }
            }

            /// Returns what an administrator should do next.
            pub fn next(self) -> &'static str {
                match self { $(Self::$variant => $next,)+ }
            }
        }
    };
}

codes! {
    NotEncoded "response-not-encoded" "saml-bindings §3.5.4"
        "Have the identity provider send the response by HTTP-POST, base64 in the field SAMLResponse.";
    TooLarge "response-too-large" "saml-bindings §3.5.4"
        "Send fewer attributes, or fewer groups, in the assertion.";
    NotXml "response-not-xml" "saml-core §1.1"
        "Have the identity provider send a well-formed document without a DTD.";
    NotAResponse "not-a-response" "saml-core §3.3.3"
        "Have the identity provider send a <samlp:Response> to this address.";
    StatusNotSuccess "status-not-success" "saml-core §3.2.2.2"
        "Look up the sign-on in the identity provider's log: the identity provider refused it.";
    NoAssertion "no-assertion" "saml-profiles §4.1.4.2"
        "Have the identity provider send exactly one assertion.";
    ManyAssertions "many-assertions" "saml-profiles §4.1.4.2"
        "Have the identity provider send exactly one assertion; a second one may be an attack.";
    EncryptedAssertion "encrypted-assertion" "saml-core §2.3.4"
        "Have the identity provider encrypt for the key in the service provider's metadata, or not at all.";
    NotSigned "not-signed" "saml-profiles §4.1.4.2"
        "Have the sender sign it: the assertion or the response, the request, or the logout message.";
    SignatureMisplaced "signature-misplaced" "saml-core §5.4"
        "Have the identity provider sign the response or the assertion as a whole; anything else may be an attack.";
    SignatureAlgorithm "signature-algorithm" "saml-core §5.4, RFC 9231 §2"
        "Set the identity provider's signing algorithm to RSA_SHA256.";
    SignatureInvalid "signature-invalid" "saml-core §5.4"
        "Upload the identity provider's current metadata or signing certificate; if it is current, the response was changed after it was signed.";
    Version "wrong-version" "saml-core §4.1"
        "Have the identity provider use SAML 2.0.";
    Malformed "response-malformed" "saml-core"
        "Have the identity provider send a message that follows the SAML schema.";
    WrongIssuer "wrong-issuer" "saml-profiles §4.1.4.2"
        "Compare the IdP Entity ID in the configurator with the issuer the identity provider sends.";
    WrongDestination "wrong-destination" "saml-bindings §3.5.5.2"
        "Set the ACS URL in the identity provider's application to the one the configurator shows.";
    WrongInResponseTo "wrong-in-response-to" "saml-profiles §4.1.4.3"
        "Start the sign-on again, in one browser; an old answer cannot be used again.";
    Unsolicited "unsolicited" "saml-profiles §4.1.5"
        "Start the sign-on at the service provider.";
    WrongRecipient "wrong-recipient" "saml-profiles §4.1.4.2"
        "Set the ACS URL in the identity provider's application to the one the configurator shows.";
    NoBearerConfirmation "no-bearer-confirmation" "saml-profiles §4.1.4.2"
        "Have the identity provider send a bearer subject confirmation with Recipient and NotOnOrAfter.";
    Expired "expired" "saml-core §2.5.1.2"
        "Start the sign-on again; if it happens again, compare the clocks of both sides.";
    NotYetValid "not-yet-valid" "saml-core §2.5.1.2"
        "Compare the clocks of both sides.";
    WrongAudience "wrong-audience" "saml-core §2.5.1.4"
        "Set the Entity ID in the identity provider's application to the one the configurator shows.";
    UnknownCondition "unknown-condition" "saml-core §2.5.1"
        "Remove the condition from the assertion: a service provider must refuse conditions that it does not know.";
    NoAuthnStatement "no-authn-statement" "saml-profiles §4.1.4.2"
        "Have the identity provider send an AuthnStatement in the assertion.";
    NoNameId "no-name-id" "saml-profiles §4.1.4.2"
        "Map the user's e-mail address to saml_subject in the identity provider's application.";
}

/// One violated rule: the expected and the actual value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The kind of violation.
    pub code: Code,
    /// Expected value, actual value and place, for an administrator.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, detail } = self;
        write!(f, "{}: {detail} ({})", code.name(), code.section())
    }
}

/// A refused response, with all violations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    first: Violation,
    others: Vec<Violation>,
}

impl Refusal {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            first: Violation {
                code,
                detail: detail.into(),
            },
            others: Vec::new(),
        }
    }

    /// Creates a refusal for these violations; returns `None` if there are none.
    pub(crate) fn of(violations: Vec<Violation>) -> Option<Self> {
        let mut all = violations.into_iter();
        let first = all.next()?;
        Some(Self {
            first,
            others: all.collect(),
        })
    }

    /// Returns the stable name of the first violation.
    pub fn code(&self) -> &'static str {
        self.first.code.name()
    }

    /// Returns the text for the user. It contains nothing that helps an attacker.
    pub fn public(&self) -> &'static str {
        match self.first.code {
            Code::Expired | Code::NotYetValid | Code::WrongInResponseTo => {
                "This sign-on is no longer valid. Start it again."
            }
            Code::StatusNotSuccess => "Your identity provider declined the sign-on.",
            _ => "The answer of your identity provider could not be accepted.",
        }
    }

    /// Returns the text for the administrator and the log: every violation, by code.
    pub fn private(&self) -> String {
        let mut codes: Vec<Code> = Vec::new();
        for violation in self.violations() {
            if !codes.contains(&violation.code) {
                codes.push(violation.code);
            }
        }
        let of_code = |code: Code| {
            let all = self.violations().filter(|it| it.code == code);
            let details: Vec<&str> = all.map(|it| it.detail.as_str()).collect();
            // Each code once, although both times of an assertion may be over.
            format!(
                "{}: {} ({})",
                code.name(),
                details.join("; "),
                code.section()
            )
        };
        codes
            .into_iter()
            .map(of_code)
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// Returns what the administrator should do next.
    pub fn next(&self) -> &'static str {
        self.first.code.next()
    }

    /// Returns every violation, the most important first.
    pub fn violations(&self) -> impl Iterator<Item = &Violation> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.private())
    }
}

impl std::error::Error for Refusal {}
