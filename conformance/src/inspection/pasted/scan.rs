//! Finds messages anywhere in a text, such as a log, a command line or an HTTP request: XML
//! documents, the parameters `SAMLRequest` and `SAMLResponse`, and long values in base64.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::field::{Decoded, Quality, Syntax, decode, looks_like_xml, quality};
use super::parameter::{self, NAME};
use crate::inspection::message::Message;

/// Shortest base64 without a name that is decoded, in characters.
const SHORTEST_BASE64: usize = 40;

/// A message, and its bytes in the text.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) range: Range<usize>,
    pub(super) message: Message,
    pub(super) quality: Quality,
}

/// What was found in a text.
#[derive(Debug, Clone, Default)]
pub(super) struct Scan {
    pub(super) pieces: Vec<Piece>,
    /// Number of parameters that cannot be read completely.
    pub(super) unread: usize,
}

impl Scan {
    /// True if everything that was found is well-formed.
    pub(super) fn is_sound(&self) -> bool {
        let mut all = self.pieces.iter();
        self.unread == 0
            && !self.pieces.is_empty()
            && all.all(|it| it.quality == Quality::WellFormed)
    }

    /// How much was read: the number of well-formed, complete, and all messages, and of values that
    /// cannot be decoded.
    pub(super) fn worth(&self) -> (usize, usize, usize, Reverse<usize>) {
        let count = |least| self.pieces.iter().filter(|it| it.quality >= least).count();
        (
            count(Quality::WellFormed),
            count(Quality::Complete),
            count(Quality::Begun),
            Reverse(self.unread),
        )
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern written here compiles")
}

/// The beginning of a SAML document or of an envelope around one.
const ROOT: &str = r"<(?:[A-Za-z_][\w.-]*:)?(?:Response|ArtifactResponse|ArtifactResolve|AuthnRequest|AuthnQuery|AttributeQuery|AssertionIDRequest|NameIDMappingRe(?:quest|sponse)|ManageNameIDRe(?:quest|sponse)|LogoutRe(?:quest|sponse)|Assertion|EncryptedAssertion|Envelope|EntityDescriptor|EntitiesDescriptor|RequestSecurityTokenResponse(?:Collection)?)[\s/>]";

static ROOT_ELEMENT: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("^{ROOT}")));

/// A document or the name of a parameter.
static BEGIN: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"{ROOT}|\b{NAME}\b")));

static BASE64: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"[A-Za-z0-9+/_%-]{{{SHORTEST_BASE64},}}[A-Za-z0-9+/_%=-]*"
    ))
});

static BASE64_LINE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\r?\n[ \t]*[A-Za-z0-9+/_%-]+=*[ \t]*"));

/// True if the document begins with a known element of SAML, or an envelope around one.
pub(super) fn has_known_root(xml: &str) -> bool {
    let begin = super::field::root_name(xml).and_then(|name| xml.find(&format!("<{name}")));
    begin.is_some_and(|at| ROOT_ELEMENT.is_match(&xml[at..]))
}

/// Finds every message in a text, in order.
pub(super) fn scan(text: &str) -> Scan {
    let mut scan = Scan::default();
    let mut at = 0;
    while let Some(found) = BEGIN.find_at(text, at) {
        let piece = if found.as_str().starts_with('<') {
            Some(document(text, found.start()))
        } else {
            let value = parameter::read(text, found.range());
            if value.as_ref().is_some_and(|it| it.is_unread) {
                scan.unread += 1;
            }
            value.and_then(|it| it.piece)
        };
        at = found.end();
        if let Some(piece) = piece {
            let before = scan.pieces.last().map_or(0, |it| it.range.end);
            bare_values(text, before..piece.range.start, &mut scan.pieces);
            at = piece.range.end.max(at);
            scan.pieces.push(piece);
        }
    }
    let before = scan.pieces.last().map_or(0, |it| it.range.end);
    bare_values(text, before..text.len(), &mut scan.pieces);
    scan.pieces = without_copies(scan.pieces);
    parameter::add_relay_states(text, &mut scan.pieces);
    scan
}

/// Longest document type declaration before a document in a text, in bytes.
const LONGEST_DTD: usize = 4096;

/// Returns where a document type declaration before a root element begins: without it, a document that
/// receivers refuse would look right.
pub(super) fn begin_of_dtd(text: &str, root: usize) -> Option<usize> {
    let least = root.saturating_sub(LONGEST_DTD);
    let least = (least..=root).find(|at| text.is_char_boundary(*at))?;
    let before = &text[least..root];
    let at = before.rfind("<!DOCTYPE")?;
    let is_beside = before.trim_end().ends_with('>') && !before[at..].contains("</");
    is_beside.then_some(least + at)
}

/// Reads the document that begins at a position, to the end of its root element, or else to the end
/// of the text.
fn document(text: &str, begin: usize) -> Piece {
    let rest = &text[begin..];
    let name = super::field::root_name(rest).unwrap_or_default();
    let end = end_of_element(rest, name).unwrap_or(rest.len());
    let end = begin + end;
    let begin = begin_of_dtd(text, begin).unwrap_or(begin);
    let xml = text[begin..end].trim_end();
    Piece {
        range: begin..end,
        quality: quality(xml),
        message: Message {
            xml: xml.to_owned(),
            ..Message::default()
        },
    }
}

/// Returns where the first element ends, counting elements of the same name in it.
fn end_of_element(text: &str, name: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(found) = text[at..].find('<') {
        at += found + 1;
        let (is_end, inner) = match text[at..].strip_prefix('/') {
            Some(inner) => (true, inner),
            None => (false, &text[at..]),
        };
        let Some(after) = inner.strip_prefix(name) else {
            continue;
        };
        if !after.starts_with(|it: char| it.is_whitespace() || matches!(it, '>' | '/')) {
            continue;
        }
        let close = after.find('>')?;
        let end = text.len() - after.len() + close + 1;
        if is_end {
            depth = depth.saturating_sub(1);
        } else if !after[..close].ends_with('/') {
            depth += 1;
        }
        if depth == 0 {
            return Some(end);
        }
        at = end;
    }
    None
}

/// Adds the messages in base64 without a name.
fn bare_values(text: &str, range: Range<usize>, pieces: &mut Vec<Piece>) {
    let mut at = range.start;
    while let Some(found) = BASE64.find_at(&text[..range.end], at) {
        // A value may be wrapped over several lines.
        let mut lines = vec![found.range()];
        at = found.end();
        while let Some(line) = BASE64_LINE.find(&text[at..range.end]) {
            let next = at + line.end();
            if !matches!(text.as_bytes().get(next), None | Some(b'\r' | b'\n')) {
                break;
            }
            lines.push(at..next);
            at = next;
        }
        let whole = found.start()..at;
        match bare_value(text, whole) {
            Some(piece) if lines.len() == 1 || piece.quality > Quality::Begun => pieces.push(piece),
            // Each line may be a value. All lines are read now, so that the time is linear.
            whole => {
                let each = lines.into_iter().filter_map(|line| bare_value(text, line));
                let before = pieces.len();
                pieces.extend(each.filter(|it| it.quality > Quality::Begun));
                if pieces.len() == before {
                    pieces.extend(whole);
                }
            }
        }
    }
}

fn bare_value(text: &str, range: Range<usize>) -> Option<Piece> {
    // Logs are full of hashes and ids in hexadecimal, which would be decompressed in vain.
    if text[range.clone()].bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    let Decoded { message, quality } = decode(&text[range.clone()], Syntax::Plain)?;
    looks_like_xml(&message.xml).then_some(Piece {
        range,
        message,
        quality,
    })
}

/// Removes documents that the text also contains as a parameter, as logs print both: only what was
/// a parameter was sent.
fn without_copies(mut pieces: Vec<Piece>) -> Vec<Piece> {
    let is_sent = |it: &Piece| it.message.parameter.is_some();
    let document = |it: &Piece| it.message.xml.trim().to_owned();
    let sent = pieces.iter().filter(|it| is_sent(it)).map(document);
    let mut known: HashSet<String> = sent.collect();
    pieces.retain(|it| is_sent(it) || known.insert(document(it)));
    pieces
}
