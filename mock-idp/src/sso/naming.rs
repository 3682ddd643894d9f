//! The subject's name in the format that a request asks for (saml-core
//! §3.4.1.1, §8.3): given, or refused with InvalidNameIDPolicy.

use saml::message::NameIdFormat;

/// What a request's NameIDPolicy comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// The name is the mapped one.
    AsMapped,
    /// The name is drawn by chance, for this answer only.
    ByChance,
    /// The format can't be given.
    Unmet,
}

/// Judges the format that was asked for against the name that the mapping
/// makes.
pub(super) fn naming(asked: Option<&str>, mapped: &str) -> Naming {
    match asked.map(NameIdFormat::from_uri) {
        None | Some(NameIdFormat::Unspecified | NameIdFormat::Persistent) => Naming::AsMapped,
        Some(NameIdFormat::Transient) => Naming::ByChance,
        Some(NameIdFormat::EmailAddress) if is_address(mapped) => Naming::AsMapped,
        Some(_) => Naming::Unmet,
    }
}

fn is_address(name: &str) -> bool {
    let halves = name.split_once('@');
    halves.is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_given_as_it_promises_or_not_at_all() {
        let email = Some("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress");
        assert_eq!(naming(email, "ada@lumen.example"), Naming::AsMapped);
        assert_eq!(naming(email, "98c51dd7"), Naming::Unmet);
        assert_eq!(naming(Some("urn:x"), "98c51dd7"), Naming::Unmet);
        let transient = Some("urn:oasis:names:tc:SAML:2.0:nameid-format:transient");
        assert_eq!(naming(transient, "98c51dd7"), Naming::ByChance);
        assert_eq!(naming(None, "98c51dd7"), Naming::AsMapped);
    }
}
