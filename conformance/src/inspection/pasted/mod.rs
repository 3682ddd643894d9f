//! Reads the messages in what people paste and save: logs, mails, commands copied from a browser, HTTP
//! requests, JSON, and values that were damaged by copying.
//!
//! - `scan`: finds documents, parameters and base64 anywhere in a text;
//! - `parameter`: the value of a parameter, and what stands beside it;
//! - `field`: decodes a value, with repairs;
//! - `encoding`: documents in another encoding than they declare;
//! - `views`: undoes what mails, editors and command lines do to a whole text;
//! - `json`: the texts in JSON;
//! - [`repair`]: the names of the repairs.

pub(crate) mod encoding;
mod field;
mod json;
mod parameter;
pub mod repair;
mod scan;
mod views;

pub(crate) use field::root_name;
pub use json::messages_of_json;

use super::message::{Delivery, Message, fields_of_page, is_page, value_of};
use super::parse;
use field::{Decoded, Quality, Syntax};
use repair::Repair;
use scan::{Piece, Scan, has_known_root, scan};
use views::VIEWS;

/// A message, and its line in the text.
#[derive(Debug, Clone)]
pub struct Pasted {
    /// The line, counted from 1; `None` if the text has no line that begins with the message.
    pub line: Option<usize>,
    /// The message.
    pub message: Message,
}

/// Returns every message in a text, in order. If the text does not contain well-formed messages as it
/// is, the changes of mails, editors and command lines are undone.
pub fn messages(text: &str) -> Vec<Pasted> {
    let mut best = Candidate::new(text.to_owned(), Vec::new(), true);
    let mut all = (text.to_owned(), Vec::new(), true);
    for view in VIEWS {
        if best.scan.is_sound() {
            break;
        }
        if let Some(changed) = (view.apply)(text) {
            best.replace_by(changed, vec![view.repair], view.keeps_lines);
        }
        if let Some(changed) = (view.apply)(&all.0) {
            all.0 = changed;
            all.1.push(view.repair);
            all.2 &= view.keeps_lines;
            if all.1.len() > 1 {
                best.replace_by(all.0.clone(), all.1.clone(), all.2);
            }
        }
    }
    best.into_messages()
}

/// Returns the messages in the forms of an HTML page.
pub fn messages_of_page(page: &str) -> Vec<Message> {
    let forms = forms_of_page(page, 0).into_iter();
    forms.map(|it| it.message).collect()
}

/// The messages of one value, such as that of a form in a HAR file.
pub fn decode_value(field: &str) -> Option<Message> {
    field::decode(field, Syntax::Plain).map(|it| it.message)
}

/// A text as it is, or changed by views, and what was found in it.
struct Candidate {
    text: String,
    repairs: Vec<Repair>,
    keeps_lines: bool,
    scan: Scan,
}

impl Candidate {
    fn new(text: String, repairs: Vec<Repair>, keeps_lines: bool) -> Self {
        let scan = read(&text);
        Self {
            text,
            repairs,
            keeps_lines,
            scan,
        }
    }

    fn replace_by(&mut self, text: String, repairs: Vec<Repair>, keeps_lines: bool) {
        let other = Self::new(text, repairs, keeps_lines);
        if other.scan.worth() > self.scan.worth() {
            *self = other;
        }
    }

    fn into_messages(self) -> Vec<Pasted> {
        let mut line = 1;
        let mut at = 0;
        let mut found = Vec::new();
        for piece in self.scan.pieces {
            let begin = piece.range.start;
            line += self.text[at..begin].matches('\n').count();
            at = begin;
            let mut message = piece.message;
            message.repairs.splice(0..0, self.repairs.iter().copied());
            found.push(Pasted {
                line: self.keeps_lines.then_some(line),
                message,
            });
        }
        found
    }
}

/// Reads a text: as one document, as a page, as one value, or with messages anywhere in it.
fn read(text: &str) -> Scan {
    let begin = text.len() - text.trim_start_matches('\u{feff}').trim_start().len();
    let trimmed = text[begin..].trim_end();
    let one = |message: Message, quality: Quality| Scan {
        pieces: vec![Piece {
            range: begin..begin + trimmed.len(),
            message,
            quality,
        }],
        unread: 0,
    };
    let whole = || Message {
        xml: trimmed.to_owned(),
        ..Message::default()
    };
    if trimmed.starts_with('<') {
        if is_page(trimmed) {
            return of_page(trimmed, begin);
        }
        if has_known_root(trimmed) && parse(trimmed).is_ok() {
            return one(whole(), Quality::WellFormed);
        }
        let inside = scan(text);
        if inside.worth().0 > 0 {
            return inside;
        }
        // Another document may contain a message with escapes, so these are still tried.
        let quality = field::quality(trimmed).min(Quality::Complete);
        return one(whole(), quality);
    }
    if is_one_value(trimmed)
        && let Some(Decoded { message, quality }) = field::decode(trimmed, Syntax::Plain)
        && quality > Quality::Begun
    {
        return one(message, quality);
    }
    let found = scan(text);
    // A page may stand in a text, such as an HTTP response with its head.
    let lower = trimmed.to_ascii_lowercase();
    if trimmed.contains("SAML") && ["<input", "<textarea"].iter().any(|it| lower.contains(it)) {
        return join(of_page(trimmed, begin), found);
    }
    if !found.pieces.is_empty() {
        return found;
    }
    match field::decode(trimmed, Syntax::Plain) {
        Some(Decoded { message, quality }) => one(message, quality),
        None => found,
    }
}

fn of_page(page: &str, begin: usize) -> Scan {
    let pieces = forms_of_page(page, begin);
    // The message may be in a link, or printed as text.
    if pieces.is_empty() {
        let mut found = scan(page);
        for piece in &mut found.pieces {
            piece.range.start += begin;
            piece.range.end += begin;
        }
        return found;
    }
    Scan { pieces, unread: 0 }
}

fn forms_of_page(page: &str, begin: usize) -> Vec<Piece> {
    let fields = fields_of_page(page);
    let relay_state = value_of(&fields, "RelayState");
    let forms = fields
        .iter()
        .filter(|(name, _)| is_parameter(name))
        .filter_map(|(name, value)| {
            let Decoded {
                mut message,
                quality,
            } = field::decode(value, Syntax::Plain)?;
            message.wrapping.insert(0, "form of a page");
            message.delivery = Some(Delivery::Form);
            message.parameter = Some(name.clone());
            message.relay_state.clone_from(&relay_state);
            Some(Piece {
                range: begin..begin + page.len(),
                message,
                quality,
            })
        });
    forms.collect()
}

/// True for the names of parameters that carry a message; `wresult` is that of WS-Federation.
pub fn is_parameter(name: &str) -> bool {
    ["SAMLRequest", "SAMLResponse", "wresult"].contains(&name)
}

/// Adds what was found in the text of a page to the messages of its forms.
fn join(mut forms: Scan, text: Scan) -> Scan {
    for piece in text.pieces {
        let mut all = forms.pieces.iter();
        if !all.any(|it| it.message.xml == piece.message.xml) {
            forms.pieces.push(piece);
        }
    }
    forms.pieces.sort_by_key(|it| it.range.start);
    forms.unread += text.unread;
    forms
}

/// True if a text can be a single value: no other characters than those of base64, and what stands
/// around values.
fn is_one_value(text: &str) -> bool {
    text.chars().all(|it| {
        it.is_ascii_alphanumeric()
            || it.is_whitespace()
            || matches!(it, '+' | '/' | '=' | '_' | '-' | '%' | ',' | ';')
            || field::is_quote(it)
            || field::is_invisible(it)
    })
}

#[cfg(test)]
mod tests;
