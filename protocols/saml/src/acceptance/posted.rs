//! A posted form field: decoded, limited in size, and not trusted.

use super::{Code, Refusal};
use crate::Limits;
use crate::binding::{BindingError, post};

/// The XML of a posted `SAMLResponse`, not yet parsed.
#[derive(Debug, Clone)]
pub struct Posted {
    xml: String,
    limits: Limits,
}

impl Posted {
    /// Decodes the value of the form field `SAMLResponse` (saml-bindings §3.5.4).
    ///
    /// # Errors
    /// [`Code::NotEncoded`] and [`Code::TooLarge`].
    pub fn from_form(saml_response: &str, limits: &Limits) -> Result<Self, Refusal> {
        match post::decode(saml_response, limits) {
            Ok(xml) => Ok(Self {
                xml: match xml.strip_prefix('\u{feff}') {
                    Some(rest) => rest.to_owned(),
                    None => xml,
                },
                limits: *limits,
            }),
            Err(error @ BindingError::TooLarge { .. }) => {
                Err(Refusal::new(Code::TooLarge, error.to_string()))
            }
            Err(error) => Err(Refusal::new(Code::NotEncoded, error.to_string())),
        }
    }

    /// Returns the decoded text, for the log.
    pub fn xml(&self) -> &str {
        &self.xml
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }
}
