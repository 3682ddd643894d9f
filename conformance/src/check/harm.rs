//! How much harm a finding means, so that reports begin with the worst.

use super::{Level, Outcome};

/// Families of checks that keep strangers out: what fails them lets somebody
/// in, reveals secrets, or stops the service.
const SECURITY: &[&str] = &[
    "SAML-IDP-SIGN-",
    "SAML-IDP-SEC-",
    "SAML-IDP-ID-",
    "SAML-IDP-REPLAY-",
    "SAML-IDP-SLO-",
    "SAML-IDP-DOS-",
    "SAML-SP-XSW-",
    "SAML-SP-SIG-",
    "SAML-SP-ALG-",
    "SAML-SP-ENC-",
    "SAML-SP-COND-",
    "SAML-SP-REPLAY-",
    "SAML-SP-XML-",
    "SAML-SP-INJ-",
    "SAML-SP-DOS-",
    "SCIM-AUTH-",
];

/// Families about what is announced and how it is written: users are served
/// all the same.
const STYLE: &[&str] = &[
    "SAML-IDP-MD-",
    "SAML-IDP-ATTR-",
    "SCIM-DISC-",
    "SCIM-VENDOR-",
];

/// Sorts findings: MUST first, and of one level what harms security first and
/// style last.
pub(super) fn order(outcome: &Outcome) -> (Level, u8) {
    let id = outcome.check.id.as_str();
    let is_in = |families: &[&str]| families.iter().any(|family| id.starts_with(family));
    let rank = if is_in(SECURITY) || outcome.actual.starts_with("denial of service") {
        0
    } else if is_in(STYLE) {
        2
    } else {
        1
    };
    (outcome.check.level, rank)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::check::{Check, idp, scim, sp};

    #[test]
    fn every_family_that_is_named_exists() {
        let all = idp::catalogue()
            .into_iter()
            .chain(scim::catalogue())
            .chain(sp::catalogue().unwrap());
        let ids: BTreeSet<String> = all.map(|it| it.id).collect();
        for family in SECURITY.iter().chain(STYLE) {
            let exists = ids.iter().any(|id| id.starts_with(family));
            assert!(exists, "{family}");
        }
    }

    #[test]
    fn security_comes_before_style_and_must_before_all() {
        let outcome = |id: &str, level, actual: &str| {
            let check = Check {
                id: id.to_owned(),
                level,
                title: String::new(),
                spec: String::new(),
                fix: String::new(),
            };
            let evidence = serde_json::Value::Null;
            Outcome::judged(check, false, "", actual.to_owned(), evidence)
        };
        let mut all = [
            outcome("SAML-IDP-SEC-05", Level::Should, ""),
            outcome("SAML-IDP-MD-16", Level::Must, ""),
            outcome("SAML-IDP-REQ-09", Level::Must, ""),
            outcome("SCIM-PATCH-08", Level::Must, "denial of service: …"),
            outcome("SAML-IDP-SEC-08", Level::Must, ""),
        ];
        all.sort_by_key(order);
        assert_eq!(
            all.map(|it| it.check.id),
            [
                "SCIM-PATCH-08",
                "SAML-IDP-SEC-08",
                "SAML-IDP-REQ-09",
                "SAML-IDP-MD-16",
                "SAML-IDP-SEC-05",
            ]
        );
    }
}
