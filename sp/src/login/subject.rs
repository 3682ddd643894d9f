//! Stores the NameID of a session. A LogoutRequest of the IdP names the session
//! by it (saml-profiles §4.4).

use saml::message::{NameId, NameIdFormat};

/// Returns the NameID as text. Equal NameIDs give equal texts: the value and
/// every qualifier are compared (saml-core §3.3.4).
pub(super) fn name_id_to_text(name: &NameId) -> String {
    serde_json::json!([
        name.value,
        name.format.uri(),
        name.name_qualifier,
        name.sp_name_qualifier
    ])
    .to_string()
}

/// Returns how the texts of all NameIDs with this value begin.
pub(super) fn start_of_text(value: &str) -> String {
    format!("[{},", serde_json::json!(value))
}

/// Parses a NameID from its stored text.
pub(super) fn read(stored: &str) -> Option<NameId> {
    let (value, format, name_qualifier, sp_name_qualifier): (
        String,
        String,
        Option<String>,
        Option<String>,
    ) = serde_json::from_str(stored).ok()?;
    Some(NameId {
        value,
        format: NameIdFormat::from_uri(&format),
        name_qualifier,
        sp_name_qualifier,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_id_is_unchanged_after_writing_and_reading() {
        let name = NameId {
            value: "jo\"hn".into(),
            format: NameIdFormat::Persistent,
            name_qualifier: Some("idp".into()),
            sp_name_qualifier: None,
        };
        assert_eq!(read(&name_id_to_text(&name)), Some(name.clone()));
        let starts = |value: &str| name_id_to_text(&name).starts_with(&start_of_text(value));
        assert!(starts("jo\"hn") && !starts("jo"));
    }
}
