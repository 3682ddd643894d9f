//! Decides whether the user's NameID can have the format that the request asks for (saml-core
//! §3.4.1.1, §8.3). If not, the Response has the status `InvalidNameIDPolicy`.

use saml::message::NameIdFormat;

/// Where the value of the NameID comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NameIdSource {
    /// The value is the result of the attribute mapping.
    Mapped,
    /// The value is random, for this Response only.
    Transient,
    /// The user has no value of the requested format.
    NotSupported,
}

/// Chooses the source of the NameID for the requested format. `mapped` is the result of the
/// attribute mapping.
pub(super) fn choose_source(asked: Option<&str>, mapped: &str) -> NameIdSource {
    match asked.map(NameIdFormat::from_uri) {
        None | Some(NameIdFormat::Unspecified | NameIdFormat::Persistent) => NameIdSource::Mapped,
        Some(NameIdFormat::Transient) => NameIdSource::Transient,
        Some(NameIdFormat::EmailAddress) if is_address(mapped) => NameIdSource::Mapped,
        Some(_) => NameIdSource::NotSupported,
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
    fn a_name_id_format_is_fulfilled_or_refused() {
        let email = Some("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress");
        assert_eq!(
            choose_source(email, "ada@lumen.example"),
            NameIdSource::Mapped
        );
        assert_eq!(choose_source(email, "98c51dd7"), NameIdSource::NotSupported);
        assert_eq!(
            choose_source(Some("urn:x"), "98c51dd7"),
            NameIdSource::NotSupported
        );
        let transient = Some("urn:oasis:names:tc:SAML:2.0:nameid-format:transient");
        assert_eq!(
            choose_source(transient, "98c51dd7"),
            NameIdSource::Transient
        );
        assert_eq!(choose_source(None, "98c51dd7"), NameIdSource::Mapped);
    }
}
