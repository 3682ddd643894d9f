//! A SAML message out of any encoding: raw XML, base64, percent-encoded,
//! deflated, in a query, a form or a URL.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use serde::Serialize;

/// The longest message that is inflated, in bytes.
const LONGEST: u64 = 4 << 20;

/// Base64 with padding or without.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A message, and what it was wrapped in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `SAMLRequest` or `SAMLResponse`, where it was a parameter.
    pub parameter: Option<String>,
    /// What was taken off, outermost first.
    pub wrapping: Vec<&'static str>,
    /// The document.
    pub xml: String,
    /// The `RelayState` that came with it.
    pub relay_state: Option<String>,
    /// The algorithm of the signature that came with it in the query.
    pub query_signature: Option<String>,
}

/// Every message in a text: of a query, form or URL those among its
/// parameters, else the text itself.
pub fn messages(text: &str) -> Vec<Message> {
    let text = text.trim().trim_start_matches('\u{feff}');
    if text.starts_with('<') && !text.contains("name=\"SAMLRes") && !text.contains("name=\"SAMLReq")
    {
        return vec![bare(text.to_owned())];
    }
    if text.starts_with('<') {
        return in_page(text);
    }
    let found = in_parameters(text);
    if !found.is_empty() {
        return found;
    }
    let unescaped = percent_decoded(text);
    let mut message = unwrapped(&unescaped);
    if let Some(message) = &mut message
        && unescaped != text
    {
        message.wrapping.insert(0, "percent-encoding");
    }
    message.into_iter().collect()
}

fn bare(xml: String) -> Message {
    Message {
        parameter: None,
        wrapping: Vec::new(),
        xml,
        relay_state: None,
        query_signature: None,
    }
}

fn percent_decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let pair = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// The message in base64, deflated or not.
pub fn unwrapped(field: &str) -> Option<Message> {
    let compact: String = field.split_whitespace().collect();
    // A plus sign that a form decoder made a space of.
    let repaired = field.trim().replace(' ', "+");
    let bytes = LENIENT
        .decode(&compact)
        .or_else(|_| LENIENT.decode(repaired))
        .or_else(|_| general_purpose::URL_SAFE.decode(&compact))
        .ok()?;
    let mut message = bare(String::new());
    message.wrapping.push("base64");
    if let Ok(xml) = String::from_utf8(bytes.clone())
        && xml
            .trim_start_matches('\u{feff}')
            .trim_start()
            .starts_with('<')
    {
        message.xml = xml;
        return Some(message);
    }
    let mut xml = String::new();
    flate2::read::DeflateDecoder::new(bytes.as_slice())
        .take(LONGEST)
        .read_to_string(&mut xml)
        .ok()?;
    message.wrapping.push("DEFLATE");
    message.xml = xml;
    xml_like(&message.xml).then_some(message)
}

fn xml_like(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

fn in_parameters(text: &str) -> Vec<Message> {
    let query = text.split_once('?').map_or(text, |(_, query)| query);
    let query = query.split('#').next().unwrap_or(query);
    let all: Vec<(String, String)> = url::form_urlencoded::parse(query.trim().as_bytes())
        .into_owned()
        .collect();
    let value = |name: &str| {
        let mut found = all.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.clone())
    };
    let wanted = ["SAMLRequest", "SAMLResponse"];
    all.iter()
        .filter(|(key, _)| wanted.contains(&key.as_str()))
        .filter_map(|(key, field)| {
            let mut message = unwrapped(field)?;
            message.wrapping.insert(0, "parameter");
            message.parameter = Some(key.clone());
            message.relay_state = value("RelayState");
            message.query_signature = value("SigAlg").filter(|_| value("Signature").is_some());
            Some(message)
        })
        .collect()
}

/// The messages in the forms of an HTML page.
pub fn in_page(html: &str) -> Vec<Message> {
    let page = scraper::Html::parse_document(html);
    let Ok(inputs) = scraper::Selector::parse("input[name], textarea[name]") else {
        return Vec::new();
    };
    let fields: Vec<(String, String)> = page
        .select(&inputs)
        .map(|field| {
            let value = field
                .attr("value")
                .map_or_else(|| field.text().collect(), str::to_owned);
            (field.attr("name").unwrap_or_default().to_owned(), value)
        })
        .collect();
    let relay_state = fields.iter().find(|(name, _)| name == "RelayState");
    fields
        .iter()
        .filter(|(name, _)| name == "SAMLRequest" || name == "SAMLResponse")
        .filter_map(|(name, field)| {
            let mut message = unwrapped(field)?;
            message.wrapping.insert(0, "form of a page");
            message.parameter = Some(name.clone());
            message.relay_state = relay_state.map(|(_, value)| value.clone());
            Some(message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_in_every_wrapping() {
        let xml = "<a>\u{e4}</a>";
        let base64 = general_purpose::STANDARD.encode(xml);
        let escaped: String = url::form_urlencoded::byte_serialize(base64.as_bytes()).collect();
        let form = format!("RelayState=r&SAMLResponse={escaped}");
        let url = format!("https://sp.example/acs?{form}#x");
        let page = format!("<form><input name=\"SAMLResponse\" value=\"{base64}\"></form>");
        for text in [xml, &base64, &escaped, &form, &url, &page] {
            let found = messages(text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].xml, xml, "{text}");
        }
        assert_eq!(messages(&form)[0].relay_state.as_deref(), Some("r"));
    }
}
