//! Decodes one value, such as that of `SAMLResponse`: tries the repairs of a table, alone and
//! together, until the value is well-formed XML.

use std::io::Read as _;

use base64::Engine as _;

use super::encoding;
use super::repair::Repair;
use crate::inspection::message::{
    LONGEST, MOST_PERCENT_ENCODINGS, Message, STANDARD, URL_SAFE, URL_SAFE_REMARK, inflate,
    percent_decoded, read_xml,
};
use crate::inspection::parse;

/// How the value was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// As a parameter of a URL or form: percent-encoded, with `+` for a space.
    Query,
    /// As tools show it: decoded, or still percent-encoded.
    Plain,
}

/// How much of a document was read, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quality {
    /// It begins as XML.
    Begun,
    /// It ends with the end of its first element.
    Complete,
    /// It can be parsed.
    WellFormed,
}

/// A decoded value.
#[derive(Debug, Clone)]
pub(super) struct Decoded {
    pub(super) message: Message,
    pub(super) quality: Quality,
}

/// Shortest beginning of a compressed message that was cut, in bytes: random bytes decompress to a few
/// characters.
const SHORTEST_BEGINNING: usize = 32;

/// A change to a value.
struct FieldRepair {
    repair: Repair,
    /// Returns the changed value; `None` if there is nothing to change.
    apply: fn(&str) -> Option<String>,
}

/// The changes in the order in which they are tried.
const FIELD_REPAIRS: &[FieldRepair] = &[
    FieldRepair {
        repair: Repair::InvisibleCharacters,
        apply: without_invisible,
    },
    FieldRepair {
        repair: Repair::Quotes,
        apply: without_quotes,
    },
    FieldRepair {
        repair: Repair::Spaces,
        apply: spaces_to_plus,
    },
    FieldRepair {
        repair: Repair::Spaces,
        apply: spaces_and_end_to_plus,
    },
];

/// True for characters that chats and word processors put into long words.
pub(super) fn is_invisible(sign: char) -> bool {
    matches!(sign, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}')
}

/// True for quotation marks of any kind.
pub(super) fn is_quote(sign: char) -> bool {
    matches!(
        sign,
        '"' | '\'' | '`' | '´' | '“' | '”' | '„' | '‘' | '’' | '‚' | '«' | '»' | '‹' | '›'
    )
}

fn without_invisible(field: &str) -> Option<String> {
    field
        .contains(is_invisible)
        .then(|| field.replace(is_invisible, ""))
}

fn without_quotes(field: &str) -> Option<String> {
    let is_around =
        |sign: char| sign.is_whitespace() || is_quote(sign) || matches!(sign, ',' | ';' | '.');
    let inner = field.trim_matches(is_around);
    (inner != field.trim()).then(|| inner.to_owned())
}

fn spaces_to_plus(field: &str) -> Option<String> {
    let field = field.trim();
    field.contains(' ').then(|| {
        let lines: Vec<&str> = field.lines().map(str::trim).collect();
        lines.concat().replace(' ', "+")
    })
}

/// Does the same for a value whose last plus sign was removed with the space at its end. `>` at the
/// end of a document can become a plus sign.
fn spaces_and_end_to_plus(field: &str) -> Option<String> {
    let value = match field.trim().contains(' ') {
        true => spaces_to_plus(field)?,
        false => field.strip_suffix(' ')?.trim().to_owned(),
    };
    (value.len() % 4 == 3).then(|| value + "+")
}

/// Decodes a value; `None` if no repair leads to XML.
pub(super) fn decode(field: &str, syntax: Syntax) -> Option<Decoded> {
    let mut value = field.to_owned();
    let mut times = 0;
    while value.contains('%') && times < MOST_PERCENT_ENCODINGS {
        value = percent_decoded(&value);
        times += 1;
    }
    let is_document = syntax == Syntax::Query && value.starts_with('<');
    if is_document {
        // XML without base64, in which a plus sign is a space.
        value = form_decoded(field);
    }
    let mut decoded = with_repairs(&value)?;
    let message = &mut decoded.message;
    if syntax == Syntax::Plain && times > 0 {
        message.wrapping.insert(0, "percent-encoding");
    }
    if times > 1 {
        message.remarks.push(format!(
            "percent-encoded {times} times: a proxy or framework encoded a value that was encoded already; encode it once"
        ));
    }
    if syntax == Syntax::Query && !is_document && field.contains('+') {
        message.repairs.push(Repair::PlusSigns);
    }
    Some(decoded)
}

fn form_decoded(field: &str) -> String {
    let pair = format!("x={field}");
    let value = url::form_urlencoded::parse(pair.as_bytes()).next();
    value.map_or_else(String::new, |(_, value)| value.into_owned())
}

/// Tries the value as it is, then with each repair, then with all repairs one after the other.
fn with_repairs(value: &str) -> Option<Decoded> {
    let mut best = through(value, 0);
    let mut all = value.to_owned();
    let mut applied = Vec::new();
    for it in FIELD_REPAIRS {
        if best
            .as_ref()
            .is_some_and(|it| it.quality == Quality::WellFormed)
        {
            break;
        }
        if let Some(changed) = (it.apply)(value) {
            consider(&mut best, &changed, &[it.repair]);
        }
        if let Some(changed) = (it.apply)(&all) {
            all = changed;
            applied.push(it.repair);
            if applied.len() > 1 {
                consider(&mut best, &all, &applied);
            }
        }
    }
    best
}

fn consider(best: &mut Option<Decoded>, value: &str, repairs: &[Repair]) {
    let Some(mut found) = through(value, 0) else {
        return;
    };
    if best
        .as_ref()
        .is_none_or(|best| found.quality > best.quality)
    {
        found.message.repairs.splice(0..0, repairs.iter().copied());
        *best = Some(found);
    }
}

/// Decodes base64, with or without DEFLATE, to XML. `depth` counts the base64 around it.
fn through(value: &str, depth: usize) -> Option<Decoded> {
    // WS-Federation sends XML without base64, and some tools show it decoded.
    let xml = value.trim();
    if xml.starts_with('<') {
        let message = Message {
            xml: xml.to_owned(),
            ..Message::default()
        };
        let quality = quality(xml);
        return Some(Decoded { message, quality });
    }
    let compact: String = value.split_whitespace().collect();
    let bare = compact.trim_end_matches('=');
    if bare.is_empty() {
        return None;
    }
    // A value that is cut may end within four characters that belong together.
    let whole = match bare.len() % 4 {
        1 => bare.get(..bare.len() - 1)?,
        _ => bare,
    };
    let mut message = Message::default();
    let bytes = match STANDARD.decode(whole) {
        Ok(bytes) => bytes,
        Err(_) => {
            let bytes = URL_SAFE.decode(whole).ok()?;
            message.remarks.push(URL_SAFE_REMARK.to_owned());
            bytes
        }
    };
    let padding = compact.len() - bare.len();
    // Base64url is written without padding.
    let is_padded = padding == (4 - bare.len() % 4) % 4 || !message.remarks.is_empty();
    message.wrapping.push("base64");
    let mut decoded = of_bytes(&bytes, message, depth)?;
    if !is_padded && decoded.quality > Quality::Begun {
        decoded.message.repairs.push(Repair::Padding);
    }
    Some(decoded)
}

fn of_bytes(bytes: &[u8], mut message: Message, depth: usize) -> Option<Decoded> {
    let xml = match read_xml(without_cut_character(bytes), &mut message.remarks) {
        Some(xml) => xml,
        None if let Some(xml) = encoding::read_windows_1252(bytes) => {
            message.problems.push(encoding::not_utf8(bytes));
            xml
        }
        None if depth == 0 && is_base64(bytes) => {
            let mut inner = through(std::str::from_utf8(bytes).ok()?, depth + 1)?;
            inner.message.wrapping.splice(0..0, message.wrapping);
            inner.message.repairs.push(Repair::Base64Twice);
            return Some(inner);
        }
        None => {
            let (inflated, wrapping) = inflate(bytes, &mut message.remarks)
                .or_else(|| Some((inflate_beginning(bytes)?, "DEFLATE")))?;
            message.wrapping.push(wrapping);
            read_xml(without_cut_character(&inflated), &mut message.remarks)?
        }
    };
    message.remarks.extend(encoding::wrong_declaration(bytes));
    let quality = quality(&xml);
    // Words of four letters may be base64 of a "<" and other bytes, such as "POST".
    if quality == Quality::Begun && !looks_like_xml(&xml) {
        return None;
    }
    message.xml = xml;
    Some(Decoded { message, quality })
}

/// Shortest beginning of a document, in characters.
const SHORTEST_XML: usize = 8;

/// True if a text begins with a tag. Random bytes may begin with `<`.
pub(super) fn looks_like_xml(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let second = text.chars().nth(1);
    second.is_some_and(|it| it.is_alphabetic() || matches!(it, '_' | '?' | '!'))
        && text.chars().nth(SHORTEST_XML - 1).is_some()
}

/// Returns what can be decompressed of a value that was cut.
fn inflate_beginning(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut reader = flate2::read::DeflateDecoder::new(bytes).take(LONGEST);
    // The error is expected: the end is missing.
    let _ = reader.read_to_end(&mut out);
    (out.len() >= SHORTEST_BEGINNING).then_some(out)
}

/// Removes the beginning of a character at the end: a value may be cut within a character.
fn without_cut_character(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    }
}

fn is_base64(bytes: &[u8]) -> bool {
    bytes.len() >= 8
        && bytes.iter().all(|byte| {
            byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || b"+/=-_".contains(byte)
        })
}

/// Returns how much of a document a text contains.
pub(super) fn quality(xml: &str) -> Quality {
    let xml = xml.trim_start_matches('\u{feff}').trim();
    if parse(xml).is_ok() {
        return Quality::WellFormed;
    }
    match root_name(xml) {
        Some(name) if ends_with_element(xml, name) => Quality::Complete,
        _ => Quality::Begun,
    }
}

/// Returns the qualified name of the first element.
pub(crate) fn root_name(xml: &str) -> Option<&str> {
    let mut rest = xml;
    loop {
        let (_, after) = rest.split_once('<')?;
        if after.starts_with(['?', '!']) {
            rest = after;
            continue;
        }
        let end = after.find(|it: char| it.is_whitespace() || matches!(it, '>' | '/'));
        let name = &after[..end.unwrap_or(after.len())];
        return Some(name).filter(|it| !it.is_empty());
    }
}

fn ends_with_element(xml: &str, name: &str) -> bool {
    let end = xml.strip_suffix('>').map(str::trim_end);
    end.and_then(|it| it.strip_suffix(name))
        .is_some_and(|it| it.ends_with("</"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = "<a b=\"\u{fb}\u{ff}\u{bf}\u{be}\u{fe}>>>~~~???\">\u{e4}\u{f6}</a>";

    fn decoded(value: &str) -> Message {
        let decoded = decode(value, Syntax::Plain).unwrap_or_else(|| panic!("{value}"));
        assert_eq!(decoded.quality, Quality::WellFormed, "{value}");
        decoded.message
    }

    #[test]
    fn every_repair_of_a_value_leads_to_the_message() {
        // Two of three documents need padding.
        let xml = [XML, &format!("{XML} "), &format!("{XML}  ")]
            .into_iter()
            .map(str::to_owned)
            .find(|it| it.len() % 3 == 1)
            .unwrap();
        let value = STANDARD.encode(&xml);
        assert!(value.contains('+') && value.ends_with('='), "{value}");
        let spaces = value.replace('+', " ");
        let twice = STANDARD.encode(&value);
        let rows: [(String, &[Repair]); 8] = [
            (value.clone(), &[]),
            (spaces.clone(), &[Repair::Spaces]),
            (spaces.replace(' ', "%20"), &[Repair::Spaces]),
            (value.replace('=', ""), &[Repair::Padding]),
            (format!("“{value}”;"), &[Repair::Quotes]),
            (format!("'{spaces}',"), &[Repair::Quotes, Repair::Spaces]),
            (
                value.replace('+', "\u{200b}+"),
                &[Repair::InvisibleCharacters],
            ),
            (twice, &[Repair::Base64Twice]),
        ];
        for (value, repairs) in rows {
            let message = decoded(&value);
            assert_eq!(message.xml, xml, "{value}");
            assert_eq!(message.repairs, repairs, "{value}");
        }
        // Line breaks that became spaces are no plus signs.
        let wrapped = [&value[..20], &value[20..]].join(" ");
        assert_eq!(decoded(&wrapped).repairs, []);
    }

    #[test]
    fn a_value_that_is_cut_keeps_its_beginning() {
        let value = STANDARD.encode(XML);
        for end in [17, 18, 19, 20] {
            let decoded = decode(&value[..end], Syntax::Plain).unwrap();
            assert_eq!(decoded.quality, Quality::Begun);
            assert_eq!(decoded.message.repairs, []);
        }
    }
}
