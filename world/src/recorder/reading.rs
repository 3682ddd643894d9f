//! Finds the SAML messages in recorded exchanges. It decodes the bindings with its own
//! code, to not depend on the parties' code.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use browser::Page;
use serde::Serialize;
use url::Url;

use super::{Actor, Exchange};

/// Maximum size of an inflated message in bytes.
const LONGEST: u64 = 1 << 20;

/// A SAML message in a recorded exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SamlMessage {
    /// The name of the parameter: `SAMLRequest` or `SAMLResponse`.
    pub parameter: &'static str,
    /// The SAML binding that carries it.
    pub binding: &'static str,
    /// The party that created it.
    pub author: Actor,
    /// True if the message is in the answer, for the browser or the app to deliver; false
    /// if it is in the request.
    pub answered: bool,
    /// The XML document as it was sent.
    pub xml: String,
}

/// Returns the SAML messages of an exchange, both those that it delivers and those that it
/// hands to the browser or the app.
pub fn saml_messages(exchange: &Exchange) -> Vec<SamlMessage> {
    let mut found = Vec::new();
    let mut keep = |messages: Vec<(&'static str, String)>, binding, answered| {
        let author = if answered {
            exchange.to
        } else {
            // Only two actors create SAML messages: the author is not the recipient.
            match exchange.to {
                Actor::Portal => Actor::Idp,
                _ => Actor::Portal,
            }
        };
        found.extend(messages.into_iter().map(|(parameter, xml)| SamlMessage {
            parameter,
            binding,
            author,
            answered,
            xml,
        }));
    };
    let query = exchange.target.split_once('?').map(|(_, query)| query);
    keep(
        query.map(messages_in_query).unwrap_or_default(),
        "HTTP-Redirect",
        false,
    );
    if let Ok(body) = serde_json::from_str::<serde_json::Value>(&exchange.request) {
        let response = body["saml_response"].as_str().and_then(decode_post_field);
        let response = response.map(|xml| ("SAMLResponse", xml));
        keep(
            response.into_iter().collect(),
            "HTTP-POST, by way of the app",
            false,
        );
    } else {
        keep(form(&exchange.request), "HTTP-POST", false);
    }
    let location = exchange.location.as_deref();
    let query = location.and_then(|it| it.split_once('?')).map(|it| it.1);
    keep(
        query.map(messages_in_query).unwrap_or_default(),
        "HTTP-Redirect",
        true,
    );
    if exchange.media_type.contains("json")
        && let Ok(body) = serde_json::from_str::<serde_json::Value>(&exchange.response)
        && let Some((_, query)) = body["sso_url"].as_str().and_then(|it| it.split_once('?'))
    {
        keep(
            messages_in_query(query),
            "HTTP-Redirect, by way of the app",
            true,
        );
    }
    let response = find_posted_response(exchange).map(|xml| ("SAMLResponse", xml));
    keep(response.into_iter().collect(), "HTTP-POST", true);
    found
}

/// The parameters that carry SAML messages (saml-bindings §3.4.3, §3.5.3).
const PARAMETERS: [&str; 2] = ["SAMLRequest", "SAMLResponse"];

fn parameters<'t>(text: &'t str) -> impl Iterator<Item = (&'static str, String)> + 't {
    url::form_urlencoded::parse(text.as_bytes()).filter_map(|(name, value)| {
        let name = PARAMETERS.into_iter().find(|it| *it == name)?;
        Some((name, value.into_owned()))
    })
}

/// Returns the messages in the query of an HTTP-Redirect binding.
fn messages_in_query(query: &str) -> Vec<(&'static str, String)> {
    parameters(query)
        .filter_map(|(name, value)| Some((name, inflate(&value)?)))
        .collect()
}

/// Returns the messages in the form of an HTTP-POST binding.
fn form(body: &str) -> Vec<(&'static str, String)> {
    parameters(body)
        .filter_map(|(name, value)| Some((name, decode_post_field(&value)?)))
        .collect()
}

/// Returns the Response in a page that posts one.
pub fn find_posted_response(exchange: &Exchange) -> Option<String> {
    if !exchange.media_type.starts_with("text/html") || !exchange.response.contains("SAMLResponse")
    {
        return None;
    }
    let page = Page {
        url: Url::parse("http://recorder.invalid").ok()?,
        status: exchange.status,
        body: exchange.response.clone(),
        way: Vec::new(),
    };
    decode_post_field(page.saml_form()?.value("SAMLResponse")?)
}

/// Decodes the document in the field of an HTTP-POST binding (saml-bindings §3.5.4).
pub fn decode_post_field(field: &str) -> Option<String> {
    let bare: String = field.split_whitespace().collect();
    String::from_utf8(STANDARD.decode(bare).ok()?).ok()
}

/// Decodes the request in the query of an HTTP-Redirect binding (saml-bindings §3.4.4.1).
pub fn decode_redirect(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let (_, value) = url.query_pairs().find(|(name, _)| name == "SAMLRequest")?;
    inflate(&value)
}

fn inflate(value: &str) -> Option<String> {
    let deflated = STANDARD.decode(value.as_bytes()).ok()?;
    let mut xml = String::new();
    flate2::read::DeflateDecoder::new(deflated.as_slice())
        .take(LONGEST)
        .read_to_string(&mut xml)
        .ok()?;
    Some(xml)
}

/// Returns a JWS (RFC 7515) that expires ten years later and has the old signature, as after an
/// edit of the license file on the disk.
pub fn prolong_jws(jws: &str) -> Option<String> {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut parts = jws.split('.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let mut claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    let end = claims["exp"].as_i64()? + 10 * 365 * 24 * 3600;
    claims["exp"] = end.into();
    claims["revalidate_after"] = end.into();
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    Some(format!("{header}.{payload}.{signature}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_field_is_decoded_across_line_breaks() {
        assert_eq!(decode_post_field("PGEv\r\nPg==").as_deref(), Some("<a/>"));
        assert_eq!(decode_post_field("%%%"), None);
    }
}
