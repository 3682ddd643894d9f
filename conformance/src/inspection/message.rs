//! Decodes a SAML message from any encoding: XML, base64, percent-encoded, deflated, in a query
//! string, a form, a page or a URL. What people paste is read by [`super::pasted`].

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::Serialize;

use super::encoding;
use super::pasted::repair::Repair;

/// Longest decompressed message, in bytes.
pub(super) const LONGEST: u64 = 4 << 20;

/// How often percent-encoding is removed: once for the browser, once for a proxy or framework, and
/// once for the tool from which the message was pasted.
pub(super) const MOST_PERCENT_ENCODINGS: usize = 3;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// Base64 with or without padding.
pub(crate) const STANDARD: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);

/// Base64url with or without padding, as JWT libraries write it.
pub(super) const URL_SAFE: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// What is said about base64url.
pub(super) const URL_SAFE_REMARK: &str = "base64 with the URL-safe alphabet (- and _): SAML bindings use the standard one (+ and /), so most parties cannot read it";

/// A decoded message, and its encodings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `SAMLRequest` or `SAMLResponse`, if the message was a parameter.
    pub parameter: Option<String>,
    /// The encodings that were removed, outermost first.
    pub wrapping: Vec<&'static str>,
    /// The XML document.
    pub xml: String,
    /// The `RelayState` that was sent with the message.
    pub relay_state: Option<String>,
    /// The signature in the query string, if there is one.
    pub query_signature: Option<QuerySignature>,
    /// Deviations in the encoding that a strict reader refuses, with what to do.
    pub remarks: Vec<String>,
    /// Errors in the encoding that every XML parser refuses.
    pub problems: Vec<String>,
    /// The changes without which the message could not be read, in the order in which they were made.
    pub repairs: Vec<Repair>,
    /// How the message was sent, if the input shows it.
    #[serde(skip)]
    pub delivery: Option<Delivery>,
    /// The URL to which a form was posted, without its query, if the input shows it.
    #[serde(skip)]
    pub delivered_to: Option<String>,
}

/// How a message was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// In the query of a URL: HTTP-Redirect (saml-bindings §3.4).
    Url,
    /// In a form: HTTP-POST (saml-bindings §3.5).
    Form,
}

/// The detached signature of the HTTP-Redirect binding (saml-bindings §3.4.4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuerySignature {
    /// The value of `SigAlg`.
    pub algorithm: String,
    /// The value of `Signature`, base64.
    pub value: String,
    /// The signed bytes: the parameters in their order, with their percent-encoding unchanged.
    pub signed: String,
}

/// Returns every message in a text: for a query string, form, page or URL those in its parameters,
/// otherwise the text itself.
pub fn messages(text: &str) -> Vec<Message> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with('<') {
        if is_page(text) {
            return in_page(text);
        }
        return vec![bare(text.to_owned())];
    }
    let found = in_parameters(text);
    if !found.is_empty() {
        return found;
    }
    unwrap_percent_encoded(text).into_iter().collect()
}

/// True if markup is an HTML page and not a SAML document.
pub fn is_page(text: &str) -> bool {
    let head: String = text.chars().take(2000).collect::<String>().to_lowercase();
    head.starts_with("<!doctype html")
        || ["<html", "<form", "<input", "<body"]
            .iter()
            .any(|tag| head.contains(tag))
}

fn bare(xml: String) -> Message {
    Message {
        xml,
        ..Message::default()
    }
}

pub(crate) fn percent_decoded(text: &str) -> String {
    // In base64 a plus sign is not an encoded space.
    let pair = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// Decodes a message in base64 that is percent-encoded up to three times.
fn unwrap_percent_encoded(field: &str) -> Option<Message> {
    let mut field = field.to_owned();
    let mut times = 0;
    while field.contains('%') && times < MOST_PERCENT_ENCODINGS {
        field = percent_decoded(&field);
        times += 1;
    }
    let mut message = decode_message(&field)?;
    if times > 0 {
        message.wrapping.insert(0, "percent-encoding");
    }
    if times > 1 {
        message.remarks.push(format!(
            "percent-encoded {times} times: a proxy or framework encoded a value that was encoded already; encode it once"
        ));
    }
    Some(message)
}

/// Decodes a message in base64, deflated or not.
pub fn decode_message(field: &str) -> Option<Message> {
    let compact: String = field.split_whitespace().collect();
    // A form decoder may have changed plus signs to spaces.
    let repaired = field.trim().replace(' ', "+");
    let mut message = bare(String::new());
    let bytes = match STANDARD
        .decode(&compact)
        .or_else(|_| STANDARD.decode(repaired))
    {
        Ok(bytes) => bytes,
        Err(_) => {
            let bytes = URL_SAFE.decode(&compact).ok()?;
            message.remarks.push(URL_SAFE_REMARK.to_owned());
            bytes
        }
    };
    message.wrapping.push("base64");
    if let Some(xml) = read_xml(&bytes, &mut message.remarks) {
        message.xml = xml;
        return Some(message);
    }
    let (inflated, wrapping) = inflate(&bytes, &mut message.remarks)?;
    message.wrapping.push(wrapping);
    message.xml = read_xml(&inflated, &mut message.remarks)?;
    Some(message)
}

/// Decompresses raw DEFLATE, as saml-bindings §3.4.4.1 requires, or DEFLATE with a zlib header,
/// which many libraries write by default.
pub(super) fn inflate(bytes: &[u8], remarks: &mut Vec<String>) -> Option<(Vec<u8>, &'static str)> {
    let read = |reader: &mut dyn std::io::Read| {
        let mut out = Vec::new();
        reader.take(LONGEST).read_to_end(&mut out).ok()?;
        (!out.is_empty()).then_some(out)
    };
    if let Some(out) = read(&mut flate2::read::DeflateDecoder::new(bytes)) {
        return Some((out, "DEFLATE"));
    }
    if let Some(out) = read(&mut flate2::read::GzDecoder::new(bytes)) {
        remarks.push(
            "compressed with gzip (RFC 1952): by HTTP-Redirect, SAML demands raw DEFLATE (saml-bindings §3.4.4.1), and by HTTP-POST no compression"
                .to_owned(),
        );
        return Some((out, "gzip"));
    }
    let out = read(&mut flate2::read::ZlibDecoder::new(bytes))?;
    remarks.push(
        "compressed with the zlib header (RFC 1950): SAML demands raw DEFLATE (RFC 1951), so leave out the header and the checksum at the end (saml-bindings §3.4.4.1)"
            .to_owned(),
    );
    Some((out, "zlib"))
}

pub(super) fn read_xml(bytes: &[u8], remarks: &mut Vec<String>) -> Option<String> {
    let decoded = encoding::decode(bytes).ok()?;
    if !decoded.text.trim_start().starts_with('<') {
        return None;
    }
    remarks.extend(decoded.remark);
    Some(decoded.text)
}

const PARAMETERS: [&str; 2] = ["SAMLRequest", "SAMLResponse"];

fn in_parameters(text: &str) -> Vec<Message> {
    let query = text.split_once('?').map_or(text, |(_, query)| query);
    let query = query.split('#').next().unwrap_or(query).trim();
    if !PARAMETERS
        .iter()
        .any(|name| query.contains(&format!("{name}=")))
    {
        return Vec::new();
    }
    let all: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    all.iter()
        .filter(|(key, _)| PARAMETERS.contains(&key.as_str()))
        .filter_map(|(key, field)| {
            let mut message = if field.contains('%') {
                unwrap_percent_encoded(field).map(|mut message| {
                    message.remarks.push(
                        "percent-encoded twice: a proxy or framework encoded a value that was encoded already; encode it once".to_owned(),
                    );
                    message
                })
            } else {
                decode_message(field)
            }?;
            message.wrapping.insert(0, "parameter");
            message.parameter = Some(key.clone());
            message.relay_state = value_of(&all, "RelayState");
            message.query_signature = query_signature(query, key, &all);
            Some(message)
        })
        .collect()
}

pub(super) fn value_of(all: &[(String, String)], name: &str) -> Option<String> {
    let found = all.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.clone())
}

pub(super) fn query_signature(
    query: &str,
    parameter: &str,
    all: &[(String, String)],
) -> Option<QuerySignature> {
    let raw = |name: &str| {
        let mut pairs = query.split('&');
        pairs.find(|pair| pair.split('=').next() == Some(name))
    };
    let signed = [parameter, "RelayState", "SigAlg"];
    Some(QuerySignature {
        algorithm: value_of(all, "SigAlg")?,
        value: value_of(all, "Signature")?,
        signed: signed
            .iter()
            .filter_map(|name| raw(name))
            .collect::<Vec<_>>()
            .join("&"),
    })
}

/// Returns the messages in the forms of an HTML page.
pub fn in_page(html: &str) -> Vec<Message> {
    let fields = fields_of_page(html);
    fields
        .iter()
        .filter(|(name, _)| PARAMETERS.contains(&name.as_str()))
        .filter_map(|(name, field)| {
            let mut message = unwrap_percent_encoded(field)?;
            message.wrapping.insert(0, "form of a page");
            message.parameter = Some(name.clone());
            message.relay_state = value_of(&fields, "RelayState");
            Some(message)
        })
        .collect()
}

/// Returns the names and values of the fields of an HTML page.
pub(super) fn fields_of_page(html: &str) -> Vec<(String, String)> {
    let page = scraper::Html::parse_document(html);
    let Ok(inputs) = scraper::Selector::parse("input[name], textarea[name]") else {
        return Vec::new();
    };
    page.select(&inputs)
        .map(|field| {
            let value = field
                .attr("value")
                .map_or_else(|| field.text().collect(), str::to_owned);
            (field.attr("name").unwrap_or_default().to_owned(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn percent_encoded(text: &str) -> String {
        url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
    }

    #[test]
    fn a_message_is_found_in_every_encoding() {
        let xml = "<a>\u{e4}</a>";
        let base64 = STANDARD.encode(xml);
        let escaped = percent_encoded(&base64);
        let form = format!("RelayState=r&SAMLResponse={escaped}");
        let url = format!("https://sp.example/acs?{form}#x");
        let page = format!("<form><input name=\"SAMLResponse\" value=\"{base64}\"></form>");
        let single = format!("<HTML><input value='{base64}' name=SAMLResponse></HTML>");
        let twice = percent_encoded(&percent_encoded(&base64));
        for text in [xml, &base64, &escaped, &form, &url, &page, &single, &twice] {
            let found = messages(text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].xml, xml, "{text}");
        }
        assert_eq!(messages(&form)[0].relay_state.as_deref(), Some("r"));
    }

    #[test]
    fn deviations_that_a_strict_reader_refuses_are_read_and_reported() {
        // Characters whose base64 contains + and /.
        let xml = "<a>\u{fb}\u{ff}\u{bf}\u{be}\u{fe}</a>";
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        zlib.write_all(xml.as_bytes()).unwrap();
        let zlib = STANDARD.encode(zlib.finish().unwrap());
        let url_safe = URL_SAFE.encode(xml).replace('=', "");
        assert!(url_safe.contains(['-', '_']), "{url_safe}");
        let twice = percent_encoded(&percent_encoded(&STANDARD.encode(xml)));
        let in_query = format!("https://sp.example/acs?SAMLResponse={twice}");
        let marked = STANDARD.encode(format!("\u{feff}{xml}"));
        for (text, remark) in [
            (&zlib, "zlib"),
            (&url_safe, "URL-safe"),
            (&twice, "percent-encoded 2 times"),
            (&in_query, "percent-encoded twice"),
            (&marked, "byte order mark"),
        ] {
            let found = messages(text);
            assert_eq!(found[0].xml, xml, "{text}");
            assert!(
                found[0].remarks.iter().any(|it| it.contains(remark)),
                "{:?}",
                found[0].remarks
            );
        }
    }

    #[test]
    fn the_signed_part_of_a_query_keeps_its_encoding() {
        let base64 = percent_encoded(&STANDARD.encode("<a/>"));
        let query = format!(
            "https://idp.example/sso?x=1&SAMLRequest={base64}&RelayState=a%2fb&SigAlg=urn%3ax&Signature=AAAA"
        );
        let signature = messages(&query)[0].query_signature.clone().unwrap();
        assert_eq!(
            signature.signed,
            format!("SAMLRequest={base64}&RelayState=a%2fb&SigAlg=urn%3ax")
        );
        assert_eq!(signature.algorithm, "urn:x");
    }
}
