//! Finds the messages in a file: a message in any encoding, a text that contains messages, a
//! browser's HAR file, an export of SAML-tracer, JSON, or a recording of `check idp`.
//!
//! - `container`: from bytes to text: gzip, encodings, and files of other kinds;
//! - `cause`: what an input without a message is;
//! - `traffic`: HAR files and exports of SAML-tracer;
//! - `recording`: recordings of `check idp`.

mod cause;
mod container;
mod recording;
mod traffic;

use serde::{Deserialize as _, Serialize};
use serde_json::Value;

use crate::check::idp::Recording;
use crate::inspection::message::{Message, decode_message, is_page};
use crate::inspection::pasted;

/// A message, and where it was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The place in the file.
    pub place: String,
    /// The message.
    pub message: Message,
    /// What the receiver answered, if the file shows it.
    pub answer: Option<Answer>,
}

impl Found {
    pub(super) fn new(place: impl Into<String>, message: Message) -> Self {
        Self {
            place: place.into(),
            message,
            answer: None,
        }
    }
}

/// What the receiver of a message answered, as a HAR file shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The request in the file.
    pub place: String,
    /// HTTP status.
    pub status: u16,
    /// Where the answer redirects to, without the query.
    pub location: Option<String>,
    /// The beginning of the visible text, for an error (400 and above).
    pub text: Option<String>,
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
    /// A file that contains no text.
    #[error("no SAML message found: the input is {what}; {fix}")]
    OtherFile {
        /// What it is.
        what: &'static str,
        /// What to do.
        fix: &'static str,
    },
    /// The gzip file is damaged.
    #[error("cannot decompress the gzip file: {0}; copy or export it again")]
    Gzip(String),
    /// The gzip file decompresses to more than is read.
    #[error(
        "the gzip file decompresses to more than {0} MiB; write the part that is needed to a file, and give this file"
    )]
    LongGzip(u64),
    /// The text contains no message, but says why.
    #[error("no SAML message found: {what}; {fix}")]
    Cause {
        /// What the input is.
        what: String,
        /// What to do.
        fix: String,
    },
}

/// Returns every message of a file, in order.
///
/// # Errors
/// [`SourceError`] if there is none.
pub fn read_bytes(bytes: &[u8]) -> Result<Vec<Found>, SourceError> {
    let contents = container::read(bytes)?;
    let mut found = read(&contents.text)?;
    if let [only] = found.as_slice()
        && let Some(error) = cause::of_other_xml(&only.message.xml)
    {
        return Err(error);
    }
    // The remark on the encoding applies only if the file is a single document.
    if let (Some(remark), [only]) = (contents.remark, found.as_mut_slice())
        && only.message.wrapping.is_empty()
    {
        only.message.remarks.push(remark);
    }
    if contents.is_gzip {
        for it in &mut found {
            it.message.wrapping.insert(0, "gzip");
        }
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
    if let Some(error) = cause::of_placeholder(text) {
        return Err(error);
    }
    let found = match values(text) {
        Ok(values) if values.is_empty() => of_text(text),
        Ok(values) => {
            let found: Vec<Found> = values.iter().flat_map(of_json).collect();
            if found.is_empty() {
                return Err(without_message(text, &values));
            }
            found
        }
        Err(error) if is_meant_as_json(text) => {
            return Err(match error.is_eof() {
                true => SourceError::CutJson(text.len()),
                false => SourceError::InvalidJson(error.to_string()),
            });
        }
        Err(_) => of_text(text),
    };
    if found.is_empty() {
        return Err(match cause::of_text(text) {
            Some(error) => error,
            None if is_page(text.trim_start()) => SourceError::PageWithoutMessage,
            None => SourceError::NoMessage(text.len()),
        });
    }
    Ok(found)
}

/// Says why JSON contains no message.
fn without_message(text: &str, values: &[Value]) -> SourceError {
    let entries = |value: &Value| value.pointer("/log/entries")?.as_array().cloned();
    if let Some(entries) = values.iter().find_map(entries) {
        return cause::of_har(&entries);
    }
    let is_traffic = values.iter().any(|it| it["requests"].is_array());
    let known = cause::of_text(text);
    known.unwrap_or(match is_traffic {
        true => SourceError::NoMessage(text.len()),
        false => SourceError::OtherJson,
    })
}

/// Returns the JSON documents of a text: one, or one on each line as logs have them. None for other
/// text, and for text that is JSON by chance, such as a quoted value.
fn values(text: &str) -> Result<Vec<Value>, serde_json::Error> {
    let begin = text.trim_start();
    let is_text = begin.starts_with('"') && begin.contains('\\');
    if !begin.starts_with(['{', '[']) && !is_text {
        return Ok(Vec::new());
    }
    let all = serde_json::Deserializer::from_str(text).into_iter();
    all.collect()
}

fn of_json(value: &Value) -> Vec<Found> {
    if let Ok(recording) = Recording::deserialize(value) {
        return recording::of_recording(&recording);
    }
    if let Some(entries) = value.pointer("/log/entries").and_then(Value::as_array) {
        return traffic::of_har(entries);
    }
    if let Some(requests) = value["requests"].as_array() {
        let found = traffic::of_saml_tracer(requests);
        // Other tools write "requests" too, with other members.
        if !found.is_empty() {
            return found;
        }
    }
    let found = pasted::messages_of_json(value).into_iter();
    let place = |path: String| match path.as_str() {
        "" => "the input".to_owned(),
        _ => format!("member {path}"),
    };
    let mut all: Vec<(String, Message)> = Vec::new();
    for (path, message) in found {
        // Tools write a message as it was sent and decoded, side by side.
        let copy = all
            .iter()
            .position(|(other, it)| it.xml == message.xml && is_in_same_item(other, &path));
        match copy {
            Some(at) if all[at].1.parameter.is_none() => all[at] = (path, message),
            Some(_) => {}
            None => all.push((path, message)),
        }
    }
    all.into_iter()
        .map(|(path, message)| Found::new(place(path), message))
        .collect()
}

/// True if two members of a JSON document are of the same item of its first list, or of none.
fn is_in_same_item(one: &str, other: &str) -> bool {
    let item = |path: &str| path.split_once(']').map(|(item, _)| item.to_owned());
    item(one) == item(other)
}

fn of_text(text: &str) -> Vec<Found> {
    let found = pasted::messages(text);
    let is_only = found.len() < 2;
    let place = |at: usize, line: Option<usize>| match line {
        _ if is_only => "the input".to_owned(),
        Some(line) => format!("line {line}"),
        None => format!("message {} of the input", at + 1),
    };
    found
        .into_iter()
        .enumerate()
        .map(|(at, it)| Found::new(place(at, it.line), it.message))
        .collect()
}

/// True if a text that is no JSON document was meant to be one of those that are read. Only its first
/// members are looked at, because a message may be written into any other text.
fn is_meant_as_json(text: &str) -> bool {
    let head: String = text.chars().take(400).collect();
    let names = ["\"log\"", "\"requests\"", "\"trials\"", "\"metadata\""];
    head.trim_start().starts_with('{') && names.iter().any(|name| head.contains(name))
}
