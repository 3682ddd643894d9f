//! What a status that is not Success means and what to do about it: the codes of saml-core §3.2.2.2,
//! and codes of products in the status message, as their vendors document them.

/// The top-level status of a message that succeeded.
pub(super) const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// The beginning of every status code of SAML.
const PREFIX: &str = "urn:oasis:names:tc:SAML:2.0:status:";

/// The codes that may be at the top level (saml-core §3.2.2.2).
const TOP_LEVEL: [&str; 4] = ["Success", "Requester", "Responder", "VersionMismatch"];

/// Codes of products: of Entra (Microsoft's list of AADSTS error codes), of AD FS, of Google Workspace
/// ("SAML app error messages") and of PingOne for Enterprise; and the text of Okta's error page.
const PRODUCT_CODES: &[(&str, &str)] = &[
    (
        "AADSTS50011",
        "the ACS URL of the request is not among the Reply URLs of the Entra application: enter it there, letter by letter",
    ),
    (
        "AADSTS50020",
        "the account is of another tenant: invite the user as a guest, or sign on with an account of this tenant",
    ),
    (
        "AADSTS50058",
        "the request forbids a sign-on page (IsPassive) and the user has no session: send it again without IsPassive",
    ),
    (
        "AADSTS50105",
        "the user is not assigned to the Entra application: assign the user or one of their groups, or switch \"Assignment required\" off",
    ),
    (
        "AADSTS53000",
        "Conditional Access demands a compliant device: look into the sign-in log for the policy",
    ),
    (
        "AADSTS53003",
        "Conditional Access blocks the sign-on: look into the sign-in log for the policy",
    ),
    (
        "AADSTS65001",
        "the user or an administrator has not consented to the application: grant consent in Entra",
    ),
    (
        "AADSTS650056",
        "the Entra application is misconfigured, often because the Issuer of the request is not its Identifier (Entity ID): compare both",
    ),
    (
        "AADSTS700016",
        "no Entra application of this tenant has the Issuer of the request as Identifier (Entity ID): enter it there, and check the tenant",
    ),
    (
        "AADSTS70001",
        "no Entra application of this tenant has the Issuer of the request as Identifier (Entity ID): enter it there, and check the tenant",
    ),
    (
        "AADSTS75003",
        "Entra sends Responses by HTTP-POST only: leave ProtocolBinding out of the request, or set it to HTTP-POST",
    ),
    (
        "AADSTS75005",
        "Entra does not support the request as it is: compare it with Entra's documentation of its SAML protocol (NameIDPolicy, Subject, Conditions, encoding)",
    ),
    (
        "AADSTS75008",
        "the Destination of the request is not the address at Entra: take the sign-on URL from Entra's metadata",
    ),
    (
        "AADSTS75011",
        "the user signed on in another way than RequestedAuthnContext demands: leave RequestedAuthnContext out of the request",
    ),
    (
        "AADSTS75016",
        "Entra cannot fulfill the NameIDPolicy of the request: ask for emailAddress, persistent or unspecified, or leave NameIDPolicy out",
    ),
    (
        "AADSTS750054",
        "the sign-on URL was opened without SAMLRequest in its query: the service provider must redirect to it with a request, or a redirect lost the query",
    ),
    (
        "AADSTS7500529",
        "the ID of the request must not begin with a digit: write \"_\" before it",
    ),
    (
        "AADSTS76021",
        "the Entra application demands signed requests: sign them (by HTTP-Redirect in the query, by HTTP-POST in the XML), or switch the verification of requests off",
    ),
    (
        "AADSTS76026",
        "the request is too old: set the clock of the service provider, and start the sign-on again instead of using a saved page",
    ),
    (
        "MSIS0038",
        "AD FS cannot verify the signature of the request: enter the current signing certificate of the service provider at the relying party trust",
    ),
    (
        "MSIS3200",
        "the ACS URL of the request is not an endpoint of the relying party trust: add it, letter by letter",
    ),
    (
        "MSIS7007",
        "no relying party trust has the Issuer of the request as identifier: enter it there",
    ),
    (
        "MSIS7042",
        "the browser sent several requests within seconds: the service provider refuses the Responses and asks again; look for the reason there",
    ),
    (
        "MSIS7070",
        "the claim rules give no NameID in the format of NameIDPolicy: add a rule that issues a NameID of this format, or leave NameIDPolicy out of the request",
    ),
    (
        "MSIS7093",
        "the request is signed with another algorithm than the relying party trust expects: set its \"Secure hash algorithm\" to that of the request",
    ),
    (
        "MSIS7102",
        "AD FS does not offer the sign-on method that RequestedAuthnContext demands: leave RequestedAuthnContext out of the request",
    ),
    (
        "app_not_configured_for_user",
        "the Issuer of the request is not the Entity ID of the SAML app at Google: enter it there, letter by letter (case counts)",
    ),
    (
        "app_not_configured",
        "no SAML app at Google has the Issuer of the request as Entity ID: create the app, or correct its Entity ID",
    ),
    (
        "app_not_enabled_for_user",
        "the SAML app at Google is off for the organizational unit of the user: switch it on under \"User access\"",
    ),
    (
        "you are not assigned this app in Okta",
        "the user is not assigned to the application at Okta: assign the user or one of their groups (tab \"Assignments\")",
    ),
    (
        "User is not assigned to the client application",
        "the user is not assigned to the application at Okta: assign the user or one of their groups (tab \"Assignments\")",
    ),
    (
        "AUTHZ_001",
        "the user is in none of the groups that may use the application at PingOne for Enterprise: add the user to one of them, or add a group to the application",
    ),
];

/// Codes of saml-core §3.2.2.2, those of the second level first.
const SAML_CODES: &[(&str, &str)] = &[
    (
        "AuthnFailed",
        "the user could not sign on (password, account or second factor): look into the log of the identity provider for this user",
    ),
    (
        "InvalidAttrNameOrValue",
        "an attribute of the request has an unexpected name or value: compare it with the documentation of the identity provider",
    ),
    (
        "InvalidNameIDPolicy",
        "the identity provider cannot fulfill NameIDPolicy: ask for a format that it offers (NameIDFormat in its metadata), or leave NameIDPolicy out of the request; AllowCreate=\"true\" lets it create an identifier",
    ),
    (
        "NoAuthnContext",
        "the identity provider cannot fulfill RequestedAuthnContext: leave it out of the request, or use Comparison=\"minimum\" with a class that it offers",
    ),
    (
        "NoAvailableIDP",
        "no identity provider of IDPList can be used: check the list in Scoping",
    ),
    (
        "NoPassive",
        "the request forbids a sign-on page (IsPassive=\"true\") and the user has no session: that is the regular answer; send the request again without IsPassive",
    ),
    (
        "NoSupportedIDP",
        "none of the identity providers of IDPList is supported: check the list in Scoping",
    ),
    (
        "PartialLogout",
        "the session was not ended at every party: the user should close the browser",
    ),
    (
        "ProxyCountExceeded",
        "ProxyCount of the request forbids to forward it to another identity provider: raise it, or leave Scoping out",
    ),
    (
        "RequestDenied",
        "the identity provider understood the request and does not answer it: often the user is not assigned to the application, or a policy blocks the sign-on; look into its log for the ID of the request",
    ),
    (
        "RequestUnsupported",
        "the identity provider does not support this kind of request: compare the request with its metadata",
    ),
    (
        "RequestVersionDeprecated",
        "the request has a Version that is no longer supported: write Version=\"2.0\"",
    ),
    (
        "RequestVersionTooHigh",
        "the request has a Version that is not supported: write Version=\"2.0\"",
    ),
    (
        "RequestVersionTooLow",
        "the request has a Version that is not supported: write Version=\"2.0\"",
    ),
    (
        "ResourceNotRecognized",
        "the identity provider does not know the resource of the request",
    ),
    (
        "TooManyResponses",
        "the answer has more parts than the identity provider can return: narrow the request",
    ),
    (
        "UnknownAttrProfile",
        "the identity provider does not know the attribute profile of the request",
    ),
    (
        "UnknownPrincipal",
        "the identity provider does not know the user: create the account there, or correct Subject in the request",
    ),
    (
        "UnsupportedBinding",
        "the identity provider cannot answer by the ProtocolBinding of the request: leave ProtocolBinding out, or set it to HTTP-POST",
    ),
    (
        "Requester",
        "the mistake is in the request or in the registration of the service provider: check Issuer, ACS URL, signature and NameIDPolicy of the request against the settings at the identity provider, and look into its log for the ID of the request",
    ),
    (
        "Responder",
        "the identity provider could not process the request, and its log tells why: look there for the ID of the request. The mistake can be at the service provider, because many products answer Responder for a wrong signature, ACS URL or NameIDPolicy of the request",
    ),
    (
        "VersionMismatch",
        "the identity provider does not support the Version of the request: write Version=\"2.0\"",
    ),
];

/// Returns the known product code in a text, and what to do about it.
pub(super) fn product_code(text: &str) -> Option<(&'static str, &'static str)> {
    let is_whole = |code: &str| {
        text.match_indices(code).any(|(at, _)| {
            let next = text[at + code.len()..].chars().next();
            next.is_none_or(|it| !(it.is_ascii_alphanumeric() || it == '_'))
        })
    };
    PRODUCT_CODES
        .iter()
        .find(|(code, _)| is_whole(code))
        .copied()
}

fn saml_code(name: &str) -> Option<&'static str> {
    let found = SAML_CODES.iter().find(|(code, _)| *code == name);
    found.map(|(_, advice)| *advice)
}

/// What a party means by refusing a LogoutRequest.
const LOGOUT_REFUSED: &str = "the other party refused the LogoutRequest, and the user is still logged in there: check that NameID (value, Format, NameQualifier, SPNameQualifier) and SessionIndex are those of the assertion, that the request is signed by the key of the metadata, and that its Issuer is registered and its Destination is the SingleLogoutService";

/// Words of messages that name the cause although the code does not: words of which one must be in the
/// text, and what to do.
const TEXTS: &[(&[&str], &str)] = &[
    (
        &["signature", "not signed", "must be signed", "unsigned"],
        "the text names the signature of the request: enter the current signing certificate of the service provider at the identity provider, and sign as it expects (algorithm; by HTTP-Redirect in the query)",
    ),
    (
        &[
            "assertionconsumerservice",
            "assertion consumer",
            "acs url",
            "reply url",
            "recipient",
        ],
        "the text names the ACS URL: enter the one of the request at the identity provider, letter by letter",
    ),
    (
        &["destination"],
        "the text names the Destination of the request: take the sign-on URL from the metadata of the identity provider; behind a proxy, the identity provider must know its public URL",
    ),
    (
        &[
            "nameidpolicy",
            "nameid format",
            "name identifier",
            "nameidformat",
        ],
        "the text names the NameID: ask for a format that the identity provider offers, or leave NameIDPolicy out of the request",
    ),
    (
        &[
            "audience",
            "issuer",
            "entity id",
            "entityid",
            "unknown service provider",
            "relying party",
        ],
        "the text names the service provider: register the Issuer of the request at the identity provider, letter by letter",
    ),
];

/// Words of a failure: a text without one of them can be anything.
const FAILURES: [&str; 12] = [
    "invalid",
    "fail",
    "not ",
    "cannot",
    "unable",
    "missing",
    "wrong",
    "unknown",
    "mismatch",
    "no ",
    "error",
    "could not",
];

/// Returns what to do about a text that names its cause.
fn text_advice(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    if !FAILURES.iter().any(|it| text.contains(it)) {
        return None;
    }
    let found = TEXTS
        .iter()
        .find(|(words, _)| words.iter().any(|it| text.contains(it)));
    found.map(|(_, advice)| *advice)
}

/// A status that is not Success, as a message contains it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said<'a> {
    /// The top-level status code.
    pub(super) status: &'a str,
    /// The second-level status code.
    pub(super) detail: Option<&'a str>,
    /// The text of `StatusMessage`.
    pub(super) message: Option<&'a str>,
    /// The text within `StatusDetail`.
    pub(super) text: Option<&'a str>,
}

impl Said<'_> {
    /// Describes the status, and what to do about it.
    pub(super) fn describe(&self) -> String {
        self.describe_with(saml_code)
    }

    /// Describes the status of a LogoutResponse.
    pub(super) fn describe_logout(&self) -> String {
        self.describe_with(|name| match name {
            "Requester" | "RequestDenied" | "UnknownPrincipal" => Some(LOGOUT_REFUSED),
            "Responder" => Some(
                "the other party could not end the session: its log tells why; look there for the ID of the LogoutRequest",
            ),
            other => saml_code(other),
        })
    }

    fn describe_with(&self, advice: impl Fn(&str) -> Option<&'static str>) -> String {
        let name = |value: &str| value.strip_prefix(PREFIX).unwrap_or(value).to_owned();
        let texts = [self.text, self.message];
        let of_product = || texts.into_iter().flatten().find_map(product_code);
        let advice = of_product()
            .map(|(_, advice)| advice)
            .or_else(|| texts.into_iter().flatten().find_map(text_advice))
            .or_else(|| self.detail.and_then(|it| advice(&name(it))))
            .or_else(|| advice(&name(self.status)))
            .unwrap_or("look into the log of the sender for the ID of the request");
        let status = self.status;
        let detail = self.detail.unwrap_or("no second-level status");
        let message = self.message.unwrap_or("no message");
        let text = self
            .text
            .map(|it| format!("; StatusDetail: {}", crate::excerpt::truncate(it, 300)))
            .unwrap_or_default();
        let mut sentence = format!("{status} / {detail} ({message}{text}): {advice}");
        let is_top_level = status
            .strip_prefix(PREFIX)
            .is_some_and(|it| TOP_LEVEL.contains(&it));
        if !is_top_level {
            sentence.push_str(
                ". Besides, the top-level status must be one of the four URIs of saml-core §3.2.2.2",
            );
        }
        sentence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_code_decides() {
        let responder = format!("{PREFIX}Responder");
        let passive = format!("{PREFIX}NoPassive");
        let status = Said {
            status: &responder,
            detail: Some(&passive),
            ..Said::default()
        };
        let said = status.describe();
        assert!(said.contains("again without IsPassive"), "{said}");
        assert!(!said.contains("Besides"), "{said}");
        let message = Some("AADSTS75011: method X509");
        let said = Said { message, ..status }.describe();
        assert!(said.contains("leave RequestedAuthnContext out"), "{said}");
        // A longer number is another code.
        assert_eq!(product_code("AADSTS750110"), None);
        let found = product_code("AADSTS7500529: invalid").map(|(code, _)| code);
        assert_eq!(found, Some("AADSTS7500529"));
        let responder = Said {
            status: "Responder",
            ..Said::default()
        };
        let said = responder.describe();
        assert!(said.contains("one of the four URIs"), "{said}");
        assert!(said.contains("can be at the service provider"), "{said}");
    }

    #[test]
    fn a_text_that_names_the_cause_decides() {
        let status = Said {
            status: "Responder",
            ..Said::default()
        };
        for (text, expected) in [
            ("signature validation failed", Some("signing certificate")),
            ("Invalid destination.", Some("Destination of the request")),
            ("Invalid ACS URL", Some("the text names the ACS URL")),
            ("The signature is valid", None),
            ("password wrong", None),
        ] {
            for said in [
                Said {
                    message: Some(text),
                    ..status
                },
                Said {
                    text: Some(text),
                    message: Some("x"),
                    ..status
                },
            ] {
                let said = said.describe();
                assert!(said.contains(text), "{said}");
                assert!(
                    said.contains(expected.unwrap_or("its log tells why")),
                    "{said}"
                );
            }
        }
    }
}
