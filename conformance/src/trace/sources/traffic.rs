//! The messages in a browser's traffic: a HAR file, or an export of SAML-tracer.

use ambient::terminal::printable;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::cause::error_of_page;
use super::{Answer, Found};
use crate::inspection::message::{Delivery, Message};
use crate::inspection::pasted;

/// Longest text of a page that is repeated, in characters.
const LONGEST_TEXT: usize = 300;

/// Elements whose text a browser does not show as text.
const NOT_SHOWN: [&str; 5] = ["script", "style", "template", "noscript", "head"];

/// Returns the messages of a URL or a form.
fn messages(text: &str) -> Vec<Message> {
    let found = pasted::messages(text).into_iter();
    found.map(|it| it.message).collect()
}

/// The messages of a browser's traffic. The same document is one message while it goes from a page or
/// a redirect to the request that carries it, and another one if it is sent again.
#[derive(Default)]
struct Traffic {
    found: Vec<Found>,
    /// The documents that were sent and not offered again since.
    sent: Vec<String>,
    /// The last request, and the error with which it was answered, until a Response arrives.
    asked: Option<(String, Option<String>)>,
}

impl Traffic {
    fn knows(&self, xml: &str) -> bool {
        self.found.iter().any(|it| it.message.xml == xml)
    }

    fn add(&mut self, place: &str, message: Message) {
        match message.parameter.as_deref() {
            Some("SAMLRequest") => {
                self.fail();
                self.asked = Some((message.xml.clone(), None));
            }
            // The login went on.
            _ => self.asked = None,
        }
        self.found.push(Found::new(place, message));
    }

    /// Notes the error page that answers the last request.
    fn note_error(&mut self, place: &str, entry: &Value) {
        let Some((_, error @ None)) = &mut self.asked else {
            return;
        };
        let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
        let media_type = text("/response/content/mimeType").unwrap_or_default();
        // Scripts contain the codes of many errors.
        let is_page = ["html", "json", "text/plain"]
            .iter()
            .any(|it| media_type.contains(it));
        let of_page = || error_of_page(&body(entry)).filter(|_| is_page);
        let of_url = || error_of_page(text("/response/redirectURL")?);
        if let Some((code, fix)) = of_page().or_else(of_url) {
            *error = Some(format!(
                "the identity provider answered with an error, {code} ({place}): {fix}"
            ));
        }
    }

    /// Adds the error page of the identity provider to the AuthnRequest before it, because no Response
    /// answered this request.
    fn fail(&mut self) {
        if let Some((xml, Some(error))) = self.asked.take()
            && let Some(found) = self.found.iter_mut().rev().find(|it| it.message.xml == xml)
        {
            found.message.problems.push(error);
        }
    }

    /// Adds what the receiver answered to a message that was sent.
    fn answer(&mut self, xml: &str, answer: &Answer) {
        let mut all = self.found.iter_mut().rev();
        if let Some(found) = all.find(|it| it.message.xml == xml) {
            found.answer.get_or_insert_with(|| answer.clone());
        }
    }

    /// Adds the messages that a request carries.
    fn send(&mut self, place: &str, messages: Vec<Message>) {
        for mut message in messages {
            let xml = message.xml.clone();
            if self.sent.contains(&xml) {
                // Identity providers pass a message on to pages of their own, encoded as they like.
                message.delivery = None;
                self.add(&format!("{place}, sent again"), message);
            } else {
                self.send_once(place, message);
                self.sent.push(xml);
            }
        }
    }

    /// Adds a message that a request carries, or where it goes if a page offered it before.
    fn send_once(&mut self, place: &str, message: Message) {
        let mut all = self.found.iter_mut();
        match all.find(|it| it.message.xml == message.xml) {
            Some(found) => {
                found.message.delivered_to = message.delivered_to;
                found.message.delivery = message.delivery;
            }
            None => self.add(place, message),
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
pub(super) fn of_saml_tracer(requests: &[Value]) -> Vec<Found> {
    let mut traffic = Traffic::default();
    for (at, request) in requests.iter().enumerate() {
        let text = |name: &str| request[name].as_str().unwrap_or_default();
        let (method, url) = (text("method"), text("url"));
        let bare = without_query(url);
        let place = format!("request {}: {method} {bare}", at + 1);
        if is_of_sign_on(url) {
            traffic.offer(&place, messages(url));
        }
        for name in ["get", "post"] {
            let pairs = request[name].as_array().map(Vec::as_slice);
            let pairs = pairs.unwrap_or_default().iter().map(|pair| {
                let part = |at: usize| pair[at].as_str().unwrap_or_default();
                (part(0), part(1).to_owned())
            });
            let carried = of_pairs(&pairs.collect::<Vec<_>>());
            match name {
                // An identity provider may redirect a request to pages of its own, with the request
                // in the URL; the export does not show which URLs are such redirects.
                "get" => traffic.offer(&place, as_query(carried)),
                _ => traffic.send(&place, as_form(carried, &bare)),
            }
        }
    }
    traffic.found
}

/// Reads a HAR file. Messages are in request URLs, forms, redirects or pages; a message in a page
/// that is posted next is returned once.
pub(super) fn of_har(entries: &[Value]) -> Vec<Found> {
    let mut traffic = Traffic::default();
    for (at, entry) in entries.iter().enumerate() {
        let text = |pointer: &str| {
            entry
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (method, url) = (text("/request/method"), text("/request/url"));
        let bare = without_query(url);
        let place = format!("entry {}: {method} {bare}", at + 1);
        let mut sent = Vec::new();
        if is_of_sign_on(url) {
            sent.extend(messages(url));
        }
        sent.extend(as_form(messages_of_form(entry), &bare));
        let answer = answer(entry, &place);
        // The usual answer to a request is a page to sign on.
        let is_failed = answer.as_ref().is_some_and(|it| it.status >= 400);
        let answered: Vec<String> = sent
            .iter()
            .filter(|it| is_failed || it.parameter.as_deref() != Some("SAMLRequest"))
            .map(|it| it.xml.clone())
            .collect();
        traffic.send(&place, sent);
        if let Some(answer) = answer {
            for xml in answered {
                traffic.answer(&xml, &answer);
            }
        }
        traffic.note_error(&place, entry);
        if is_of_sign_on(text("/response/redirectURL")) {
            traffic.offer(&place, messages(text("/response/redirectURL")));
        }
        if text("/response/content/mimeType").contains("html") {
            traffic.offer(&place, pasted::messages_of_page(&body(entry)));
        }
    }
    traffic.fail();
    traffic.found
}

fn as_form(mut messages: Vec<Message>, url: &str) -> Vec<Message> {
    for message in &mut messages {
        message.delivery = Some(Delivery::Form);
        message.delivered_to = Some(url.to_owned());
    }
    messages
}

fn as_query(mut messages: Vec<Message>) -> Vec<Message> {
    for message in &mut messages {
        message.delivery = Some(Delivery::Url);
    }
    messages
}

/// True if a URL or a form can carry a message.
fn is_of_sign_on(text: &str) -> bool {
    text.contains("SAML") || text.contains("wresult")
}

/// Returns a URL without user name, password, query and fragment.
fn without_query(url: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or(url);
    match url::Url::parse(bare) {
        Ok(mut parsed) if parsed.password().is_some() || !parsed.username().is_empty() => {
            let _ = parsed.set_username("");
            let _ = parsed.set_password(None);
            parsed.into()
        }
        _ => bare.to_owned(),
    }
}

/// Returns what the receiver answered to a request.
fn answer(entry: &Value, place: &str) -> Option<Answer> {
    let status = entry.pointer("/response/status")?.as_u64()?;
    // Browsers write 0 for an answer that they did not see.
    let status = u16::try_from(status).ok().filter(|it| *it > 0)?;
    let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
    let location = text("/response/redirectURL").filter(|it| !it.is_empty());
    let media_type = text("/response/content/mimeType").unwrap_or_default();
    let page = (status >= 400).then(|| visible_text(&body(entry), media_type));
    Some(Answer {
        place: place.to_owned(),
        status,
        location: location.map(without_query),
        text: page.filter(|it| !it.is_empty()),
    })
}

/// Returns the beginning of the text that a browser shows.
fn visible_text(body: &str, media_type: &str) -> String {
    let all = match media_type.contains("html") {
        true => text_of_page(body),
        false => body.to_owned(),
    };
    let words: Vec<&str> = all.split_whitespace().collect();
    let words = printable(&words.join(" ")).into_owned();
    let begin: String = words.chars().take(LONGEST_TEXT).collect();
    if begin == words { words } else { begin + "…" }
}

fn text_of_page(html: &str) -> String {
    let page = scraper::Html::parse_document(html);
    let mut all = String::new();
    for node in page.root_element().descendants() {
        let parent = node.parent().and_then(|it| it.value().as_element());
        let is_shown = parent.is_none_or(|it| !NOT_SHOWN.contains(&it.name()));
        if let Some(text) = node.value().as_text().filter(|_| is_shown) {
            all.push_str(text);
            all.push(' ');
        }
    }
    all
}

/// Returns the response body of a HAR entry, which some browsers store as base64.
pub(super) fn body(entry: &Value) -> String {
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
    if let Some(params) = params.filter(|it| !it.is_empty()) {
        let pairs = params.iter().map(|param| {
            let of = |name: &str| param[name].as_str().unwrap_or_default();
            // Browsers differ in whether these values are decoded.
            let value = of("value");
            let raw = format!("x={value}");
            let decoded = url::form_urlencoded::parse(raw.as_bytes()).next();
            let value = match decoded.filter(|_| value.contains('%')) {
                Some((_, value)) => value.into_owned(),
                None => value.to_owned(),
            };
            (of("name"), value)
        });
        return of_pairs(&pairs.collect::<Vec<_>>());
    }
    let form = entry
        .pointer("/request/postData/text")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if is_of_sign_on(form) {
        messages(form)
    } else {
        Vec::new()
    }
}

/// Returns the messages of decoded parameters.
fn of_pairs(pairs: &[(&str, String)]) -> Vec<Message> {
    let relay_state = pairs.iter().find(|(name, _)| *name == "RelayState");
    pairs
        .iter()
        .filter(|(name, _)| pasted::is_parameter(name))
        .filter_map(|(name, value)| {
            let mut message = pasted::decode_value(value)?;
            message.wrapping.insert(0, "parameter");
            message.parameter = Some((*name).to_owned());
            message.relay_state = relay_state.map(|(_, value)| value.clone());
            Some(message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::trace::sources::{SourceError, read};

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
