//! Finds formats of a NameID that do not exist: some are of SAML 1.1, the others of SAML 2.0
//! (saml-core §8.3).

const OF_SAML_1_1: [&str; 4] = [
    "unspecified",
    "emailAddress",
    "X509SubjectName",
    "WindowsDomainQualifiedName",
];

const OF_SAML_2_0: [&str; 5] = ["kerberos", "entity", "persistent", "transient", "encrypted"];

/// Returns why a format does not exist, if its URN has the wrong version of SAML; `None` for every
/// other format.
pub(super) fn describe_wrong_version(format: &str) -> Option<String> {
    let rest = format.strip_prefix("urn:oasis:names:tc:SAML:")?;
    let (version, name) = rest.split_once(":nameid-format:")?;
    let right = match version {
        "2.0" if OF_SAML_1_1.contains(&name) => "1.1",
        "1.1" | "1.0" if OF_SAML_2_0.contains(&name) => "2.0",
        _ => return None,
    };
    Some(format!(
        "the format {format} does not exist: {name} is urn:oasis:names:tc:SAML:{right}:nameid-format:{name} (saml-core §8.3), and products compare the text"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_formats_with_the_version_of_the_others_are_wrong() {
        for (version, name, is_wrong) in [
            ("2.0", "emailAddress", true),
            ("2.0", "unspecified", true),
            ("1.1", "persistent", true),
            ("1.1", "emailAddress", false),
            ("2.0", "persistent", false),
            ("2.0", "own", false),
        ] {
            let format = format!("urn:oasis:names:tc:SAML:{version}:nameid-format:{name}");
            assert_eq!(
                describe_wrong_version(&format).is_some(),
                is_wrong,
                "{format}"
            );
        }
    }
}
