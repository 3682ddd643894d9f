//! HTTP-POST (saml-bindings §3.5): base64 in a hidden field of a form that submits itself.

use base64::Engine as _;

use super::{BindingError, Parameter};
use crate::Limits;
use crate::encoding::{BASE64, decode_base64};
use crate::xml::{XmlWriter, element, text_element};

/// The script that submits the form.
const SUBMIT: &str = "document.forms[0].submit()";

/// The content security policy for [`form_page`]: it allows only the script that submits the form.
pub const FORM_PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-hashes' \
     'sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE='; base-uri 'none'; frame-ancestors 'none'";

/// Returns the value of the form field.
pub fn encode(xml: &str) -> String {
    BASE64.encode(xml)
}

/// Decodes the XML from the value of a form field; white space within the base64 is allowed.
///
/// # Errors
/// [`BindingError`] when it is too large, not base64, or not UTF-8.
pub fn decode(field: &str, limits: &Limits) -> Result<String, BindingError> {
    if field.len() > limits.max_encoded_bytes {
        return Err(BindingError::TooLarge {
            what: "an encoded message",
            limit: limits.max_encoded_bytes,
        });
    }
    let bytes = decode_base64(field).map_err(|error| BindingError::Base64 {
        parameter: "the message",
        reason: error.to_string(),
    })?;
    if bytes.len() > limits.max_xml_bytes {
        return Err(BindingError::TooLarge {
            what: "XML",
            limit: limits.max_xml_bytes,
        });
    }
    String::from_utf8(bytes).map_err(|_| BindingError::Utf8)
}

/// Returns an HTML page with a form that posts the message to `action`. It submits itself, and has
/// a button for browsers without scripts.
pub fn form_page(
    action: &str,
    parameter: Parameter,
    xml: &str,
    relay_state: Option<&str>,
) -> String {
    form_page_of(action, parameter, &encode(xml), relay_state)
}

/// Returns the page of [`form_page`] for a field that is already encoded.
pub fn form_page_of(
    action: &str,
    parameter: Parameter,
    message: &str,
    relay_state: Option<&str>,
) -> String {
    form_page_with(action, parameter, message, relay_state, &[])
}

/// Returns the page with additional hidden fields.
pub(super) fn form_page_with(
    action: &str,
    parameter: Parameter,
    message: &str,
    relay_state: Option<&str>,
    fields: &[(&str, &str)],
) -> String {
    let mut w = XmlWriter::new();
    element(&mut w, "html", &[("lang", Some("en"))], |w| {
        element(w, "head", &[], |w| {
            w.write_empty_element("meta", &[("charset", "utf-8")]);
            let viewport = [("name", "viewport"), ("content", "width=device-width")];
            w.write_empty_element("meta", &viewport);
            text_element(w, "title", &[], "Continue");
        });
        element(w, "body", &[("onload", Some(SUBMIT))], |w| {
            let form = [("method", Some("post")), ("action", Some(action))];
            element(w, "form", &form, |w| {
                let mut hidden = |name, value| {
                    w.write_empty_element(
                        "input",
                        &[("type", "hidden"), ("name", name), ("value", value)],
                    );
                };
                hidden(parameter.name(), message);
                if let Some(relay_state) = relay_state {
                    hidden("RelayState", relay_state);
                }
                for (name, value) in fields {
                    hidden(name, value);
                }
                element(w, "noscript", &[], |w| {
                    text_element(
                        w,
                        "p",
                        &[],
                        "Your browser runs no scripts here. Select Continue to go on.",
                    );
                    text_element(w, "button", &[("type", Some("submit"))], "Continue");
                });
            });
        });
    });
    format!("<!DOCTYPE html>\n{}\n", w.into_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_field_is_unchanged_after_encoding_and_decoding() {
        let limits = Limits::default();
        assert_eq!(decode(&encode("<a>ä</a>"), &limits).unwrap(), "<a>ä</a>");
        let wrapped = "PGE+\r\n w6Q8\tL2E+\n";
        assert_eq!(decode(wrapped, &limits).unwrap(), "<a>ä</a>");
    }

    #[test]
    fn the_form_escapes_its_values() {
        let page = form_page(
            "https://sp/?a=1&b=2",
            Parameter::Response,
            "<x/>",
            Some("\"><b>"),
        );
        assert!(
            page.contains("action=\"https://sp/?a=1&amp;b=2\""),
            "{page}"
        );
        assert!(!page.contains("\"><b>"), "{page}");
    }

    #[test]
    fn the_policy_allows_the_script_that_submits() {
        let hash = BASE64.encode(crate::keys::DigestAlgorithm::Sha256.of(SUBMIT.as_bytes()));
        assert!(
            FORM_PAGE_POLICY.contains(&format!("'sha256-{hash}'")),
            "{hash}"
        );
    }

    #[test]
    fn too_much_is_refused_before_it_is_decoded() {
        let limits = Limits {
            max_encoded_bytes: 8,
            ..Limits::default()
        };
        let error = decode("AAAAAAAAAAAA", &limits).unwrap_err();
        assert_eq!(
            error.to_string(),
            "an encoded message is larger than 8 bytes"
        );
    }
}
