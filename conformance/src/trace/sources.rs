//! Finds the messages in a file: a message in any encoding, a browser's HAR file, an export of
//! SAML-tracer, or a recording of `check idp`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use serde_json::Value;

use crate::check::idp::Recording;
use crate::check::idp::recording::{Ending, Trial};
use crate::inspection::encoding;
use crate::inspection::message::{
    Message, QuerySignature, decode_message, in_page, is_page, messages,
};

/// A message, and where it was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The place in the file.
    pub place: String,
    /// The message.
    pub message: Message,
}

/// Why no message was found.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SourceError {
    /// The text contains no message.
    #[error(
        "no SAML message found in {0} bytes; give a SAMLRequest or SAMLResponse (XML, base64, a form, a query, a URL or \"name: value\" lines), a HAR file, an export of SAML-tracer, or a recording of check idp"
    )]
    NoMessage(usize),
    /// The text is an HTML page without a SAML form.
    #[error(
        "no SAML message found: this is a web page without a form that posts SAMLRequest or SAMLResponse; save the page that posts the message, or record a HAR file"
    )]
    PageWithoutMessage,
    /// The text is JSON of an unsupported kind.
    #[error(
        "no SAML message found: this JSON is neither a HAR file (log.entries), an export of SAML-tracer (requests), nor a recording of check idp (trials)"
    )]
    OtherJson,
    /// The text ends in the middle of a JSON document.
    #[error("the JSON document ends after {0} bytes: the file is truncated; save or copy it again")]
    CutJson(usize),
    /// The text is a JSON document with an error.
    #[error("invalid JSON: {0}; save or copy the file again")]
    InvalidJson(String),
    /// The bytes cannot be decoded as text.
    #[error("cannot read the input as text: {0}")]
    Encoding(String),
}

/// Returns every message of a file, in order.
///
/// # Errors
/// [`SourceError`] if there is none.
pub fn read_bytes(bytes: &[u8]) -> Result<Vec<Found>, SourceError> {
    let decoded = encoding::decode(bytes).map_err(SourceError::Encoding)?;
    let mut found = read(&decoded.text)?;
    // The remark on the encoding applies only if the file is a single document.
    if let (Some(remark), [only]) = (decoded.remark, found.as_mut_slice())
        && only.message.wrapping.is_empty()
    {
        only.message.remarks.push(remark);
    }
    Ok(found)
}

/// Returns metadata as XML: decodes metadata in base64, as consoles of identity providers show it,
/// and returns any other text unchanged.
pub fn unwrapped_metadata(text: &str) -> String {
    match decode_message(text) {
        Some(message) => message.xml,
        None => text.to_owned(),
    }
}

/// Returns every message of a text, in order.
///
/// # Errors
/// [`SourceError`] if there is none.
pub fn read(text: &str) -> Result<Vec<Found>, SourceError> {
    let text = text.trim_start_matches('\u{feff}');
    let found = match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(object)) => {
            let value = Value::Object(object);
            if let Ok(recording) = serde_json::from_value::<Recording>(value.clone()) {
                of_recording(&recording)
            } else if let Some(entries) = value.pointer("/log/entries").and_then(Value::as_array) {
                of_har(entries)
            } else if let Some(requests) = value["requests"].as_array() {
                of_saml_tracer(requests)
            } else {
                return Err(SourceError::OtherJson);
            }
        }
        Err(error) if is_meant_as_json(text) => {
            return Err(match error.is_eof() {
                true => SourceError::CutJson(text.len()),
                false => SourceError::InvalidJson(error.to_string()),
            });
        }
        _ => messages(text)
            .into_iter()
            .map(|message| Found {
                place: "the input".to_owned(),
                message,
            })
            .collect(),
    };
    if found.is_empty() {
        return Err(if is_page(text.trim_start()) {
            SourceError::PageWithoutMessage
        } else {
            SourceError::NoMessage(text.len())
        });
    }
    Ok(found)
}

/// True if a text that is no JSON document was meant to be one of those that are read. Only its first
/// members are looked at, because a message may be written into any other text.
fn is_meant_as_json(text: &str) -> bool {
    let head: String = text.chars().take(400).collect();
    let names = ["\"log\"", "\"requests\"", "\"trials\"", "\"metadata\""];
    head.trim_start().starts_with('{') && names.iter().any(|name| head.contains(name))
}

/// The messages of a browser's traffic. The same document is one message while it goes from a page or
/// a redirect to the request that carries it, and another one if it is sent again.
#[derive(Default)]
struct Traffic {
    found: Vec<Found>,
    /// The documents that were sent and not offered again since.
    sent: Vec<String>,
}

impl Traffic {
    fn knows(&self, xml: &str) -> bool {
        self.found.iter().any(|it| it.message.xml == xml)
    }

    fn add(&mut self, place: &str, message: Message) {
        self.found.push(Found {
            place: place.to_owned(),
            message,
        });
    }

    /// Adds the messages that a request carries.
    fn send(&mut self, place: &str, messages: Vec<Message>) {
        for message in messages {
            let xml = message.xml.clone();
            if self.sent.contains(&xml) {
                self.add(&format!("{place}, sent again"), message);
            } else {
                if !self.knows(&xml) {
                    self.add(place, message);
                }
                self.sent.push(xml);
            }
        }
    }

    /// Adds the messages that a page or a redirect makes the browser send next.
    fn offer(&mut self, place: &str, messages: Vec<Message>) {
        for message in messages {
            self.sent.retain(|xml| *xml != message.xml);
            if !self.knows(&message.xml) {
                self.add(place, message);
            }
        }
    }
}

/// Reads the requests in an export of the browser extension SAML-tracer; each has a URL and its
/// parameters as pairs.
fn of_saml_tracer(requests: &[Value]) -> Vec<Found> {
    let mut traffic = Traffic::default();
    for (at, request) in requests.iter().enumerate() {
        let text = |name: &str| request[name].as_str().unwrap_or_default();
        let (method, url) = (text("method"), text("url"));
        let bare = url.split('?').next().unwrap_or(url);
        let place = format!("request {}: {method} {bare}", at + 1);
        if url.contains("SAML") {
            traffic.offer(&place, messages(url));
        }
        for name in ["get", "post"] {
            let pairs = request[name].as_array().map(Vec::as_slice);
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for pair in pairs.unwrap_or_default() {
                let part = |at: usize| pair[at].as_str().unwrap_or_default();
                form.append_pair(part(0), part(1));
            }
            let carried = messages(&form.finish());
            match name {
                // An identity provider may redirect a request to pages of its own, with the request
                // in the URL; the export does not show which URLs are such redirects.
                "get" => traffic.offer(&place, carried),
                _ => traffic.send(&place, carried),
            }
        }
    }
    traffic.found
}

fn of_recording(recording: &Recording) -> Vec<Found> {
    let mut found = Vec::new();
    for (name, trial) in &recording.trials {
        for mut message in messages(&trial.request) {
            message.parameter = Some("SAMLRequest".to_owned());
            message.relay_state.clone_from(&trial.relay_state);
            message.query_signature = signature_in_url(trial, &message.xml);
            found.push(Found {
                place: format!("trial {name}: request by {}", trial.binding),
                message,
            });
        }
        if let Ending::Answer(delivered) = &trial.ending
            && let Some(mut message) = decode_message(&delivered.field)
        {
            message.parameter = Some(delivered.parameter.clone());
            message.relay_state.clone_from(&delivered.relay_state);
            found.push(Found {
                place: format!("trial {name}: answer to {}", delivered.to),
                message,
            });
        }
    }
    found
}

/// Returns the signature of a request that was sent in a URL: `request` of the trial is only the XML
/// document.
fn signature_in_url(trial: &Trial, xml: &str) -> Option<QuerySignature> {
    let urls = trial.pages.iter().map(|page| page.url.as_str());
    let sent = urls.filter(|url| url.contains("SAML")).flat_map(messages);
    sent.filter(|message| message.xml == xml)
        .find_map(|message| message.query_signature)
}

/// Reads a HAR file. Messages are in request URLs, forms, redirects or pages; a message in a page
/// that is posted next is returned once.
fn of_har(entries: &[Value]) -> Vec<Found> {
    let mut traffic = Traffic::default();
    for (at, entry) in entries.iter().enumerate() {
        let text = |pointer: &str| {
            entry
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (method, url) = (text("/request/method"), text("/request/url"));
        let bare = url.split('?').next().unwrap_or(url);
        let place = format!("entry {}: {method} {bare}", at + 1);
        if url.contains("SAML") {
            traffic.send(&place, messages(url));
        }
        traffic.send(&place, messages_of_form(entry));
        if text("/response/redirectURL").contains("SAML") {
            traffic.offer(&place, messages(text("/response/redirectURL")));
        }
        if text("/response/content/mimeType").contains("html") {
            traffic.offer(&place, in_page(&body(entry)));
        }
    }
    traffic.found
}

/// Returns the response body of a HAR entry, which some browsers store as base64.
fn body(entry: &Value) -> String {
    let content = &entry["response"]["content"];
    let text = content["text"].as_str().unwrap_or_default();
    if content["encoding"].as_str() != Some("base64") {
        return text.to_owned();
    }
    let bytes = STANDARD.decode(text).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn messages_of_form(entry: &Value) -> Vec<Message> {
    let params = entry
        .pointer("/request/postData/params")
        .and_then(Value::as_array);
    let form = match params {
        Some(params) if !params.is_empty() => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for param in params {
                let of = |name: &str| param[name].as_str().unwrap_or_default();
                // Browsers differ in whether these values are decoded.
                let value = of("value");
                if value.contains('%') {
                    let raw = format!("x={value}");
                    let decoded = url::form_urlencoded::parse(raw.as_bytes())
                        .next()
                        .map(|(_, value)| value.into_owned());
                    form.append_pair(of("name"), &decoded.unwrap_or_default());
                } else {
                    form.append_pair(of("name"), value);
                }
            }
            form.finish()
        }
        _ => entry
            .pointer("/request/postData/text")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    };
    if form.contains("SAML") {
        messages(&form)
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;
    use crate::check::idp::recording::Page;

    #[test]
    fn a_request_of_a_recording_has_the_signature_of_its_url() {
        let xml = "<p:AuthnRequest xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>";
        let mut url = url::Url::parse("https://idp.example/sso").unwrap();
        url.query_pairs_mut()
            .append_pair("SAMLRequest", &STANDARD.encode(xml))
            .append_pair(
                "SigAlg",
                "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            )
            .append_pair("Signature", "AAAA");
        let page = Page {
            method: "GET".to_owned(),
            url: url.into(),
            sent: String::new(),
            status: 200,
            media_type: "text/html".to_owned(),
            location: None,
            cache_control: String::new(),
            unframed: false,
            cookies: Vec::new(),
            asks: false,
            body: String::new(),
            retry_after: None,
        };
        let trial = Trial {
            request: xml.to_owned(),
            pages: vec![page],
            ..Trial::not_tried(jiff::Timestamp::UNIX_EPOCH, "")
        };
        let signature = signature_in_url(&trial, xml).unwrap();
        assert!(signature.algorithm.ends_with("rsa-sha256"));
        assert!(signature_in_url(&trial, "<another/>").is_none());
    }

    #[test]
    fn each_message_of_a_har_file_is_reported_once() {
        let field = STANDARD.encode("<Response/>");
        let page = format!("<form><input name=\"SAMLResponse\" value=\"{field}\"></form>");
        let har = json!({"log": {"entries": [
            {"request": {"method": "GET", "url": "https://idp.example/a"},
             "response": {"content": {"mimeType": "text/html", "text": page}}},
            {"request": {"method": "POST", "url": "https://sp.example/acs",
                         "postData": {"params": [{"name": "SAMLResponse", "value": field}]}},
             "response": {}},
        ]}});
        let found = read(&har.to_string()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, "entry 1: GET https://idp.example/a");
        assert!(read("{\"a\": 1}").is_err());
        assert!(read("nothing here").is_err());
    }

    fn posted(field: &str) -> Value {
        let data = json!({"params": [{"name": "SAMLResponse", "value": field}]});
        let request = json!({"method": "POST", "url": "https://sp.example/acs", "postData": data});
        json!({"request": request, "response": {}})
    }

    #[test]
    fn a_message_that_is_sent_twice_is_reported_twice() {
        let field = STANDARD.encode("<Response/>");
        let page = format!("<form><input name=\"SAMLResponse\" value=\"{field}\"></form>");
        let content = json!({"mimeType": "text/html", "text": page});
        let request = json!({"method": "GET", "url": "https://idp.example/a"});
        let offered = json!({"request": request, "response": {"content": content}});
        let places = |entries: &[&Value]| -> Vec<String> {
            let har = json!({"log": {"entries": entries}}).to_string();
            let found = read(&har).unwrap().into_iter();
            found.map(|it| it.place).collect()
        };
        let sent = posted(&field);
        let twice = places(&[&offered, &sent, &sent]);
        assert_eq!(
            twice,
            [
                "entry 1: GET https://idp.example/a",
                "entry 3: POST https://sp.example/acs, sent again"
            ]
        );
        // A page of the service provider may post the message to itself once more.
        assert_eq!(places(&[&offered, &sent, &offered, &sent]).len(), 1);
    }

    #[test]
    fn a_har_file_that_is_cut_is_named_as_that() {
        let har =
            json!({"log": {"entries": [posted(&STANDARD.encode("<Response/>"))]}}).to_string();
        let cut = &har[..har.len() - 3];
        assert_eq!(read(cut).unwrap_err(), SourceError::CutJson(cut.len()));
        let wrong = har.replace("\"entries\":[", "\"entries\":[,");
        let error = read(&wrong).unwrap_err();
        assert!(matches!(error, SourceError::InvalidJson(_)), "{error}");
    }
}
