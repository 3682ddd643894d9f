//! Says why a document cannot be parsed: a DTD, a limit of `trace`, an end that is missing, a prefix
//! without its namespace, or another error of XML.

use std::sync::LazyLock;

use regex::Regex;

use super::Verdict;
use crate::inspection::ns;

/// Lengths, in characters, at which chats, terminals and databases cut texts.
const USUAL_LENGTHS: [usize; 7] = [255, 1024, 2000, 4000, 4096, 8192, 65_536];

/// The prefixes that most documents use, and their namespaces.
const PREFIXES: [(&str, &str); 8] = [
    ("samlp", ns::PROTOCOL),
    ("saml2p", ns::PROTOCOL),
    ("saml", ns::ASSERTION),
    ("saml2", ns::ASSERTION),
    ("md", ns::METADATA),
    ("ds", ns::DSIG),
    ("dsig", ns::DSIG),
    ("xenc", ns::XENC),
];

static UNKNOWN_PREFIX: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("unknown namespace prefix '([^']*)'").expect("a pattern written here compiles")
});

/// Adds why the parser refused a document. `pasted` is the length of the value that was decoded, in
/// characters. Returns true if the document is larger than what is read.
pub(super) fn judge(xml: &str, error: &str, verdict: &mut Verdict) -> bool {
    if error.contains("expected at most")
        || error.contains("nested more than")
        || error.contains("nodes limit")
    {
        verdict.leave_out(format!(
            "the document: it is larger than what trace reads ({error}); give only the part that is needed, such as one EntityDescriptor of an aggregate"
        ));
        return true;
    }
    judge_error(xml, error, verdict);
    false
}

fn judge_error(xml: &str, error: &str, verdict: &mut Verdict) {
    if has_dtd(xml) {
        verdict.refuse(
            "it contains a document type declaration (<!DOCTYPE …>), which receivers refuse because its entities allow attacks (XXE, expansion of entities). The sender must write the message without it",
        );
        return;
    }
    if let Some(at) = cut_after(xml) {
        let length = xml.chars().count();
        let encoded = length.div_ceil(3) * 4;
        let usual = USUAL_LENGTHS
            .iter()
            .find(|it| **it == length || encoded.abs_diff(**it) < 4);
        let usual = match usual {
            Some(usual) => {
                format!(" Many chats, terminals and databases cut a text at {usual} characters.")
            }
            None => String::new(),
        };
        verdict.refuse(format!(
            "the end is missing: the document ends after {length} characters, {at}, without the end of its first element. The copy is incomplete.{usual} Copy the whole value, or save a HAR file"
        ));
        return;
    }
    if let Some(found) = UNKNOWN_PREFIX.captures(error) {
        let prefix = &found[1];
        let known = PREFIXES.iter().find(|(it, _)| *it == prefix);
        let example = known.map(|(_, space)| format!(", such as xmlns:{prefix}=\"{space}\""));
        verdict.refuse(format!(
            "the prefix \"{prefix}\" has no namespace ({error}): its declaration{} is missing. Copy the whole document, not a part of it; or the sender removed the declaration",
            example.unwrap_or_default()
        ));
        return;
    }
    verdict.refuse(format!("it is not well-formed XML: {error}"));
}

/// True if a document type declaration stands before the first element.
fn has_dtd(xml: &str) -> bool {
    let mut rest = xml;
    while let Some((_, after)) = rest.split_once('<') {
        if after.starts_with("!DOCTYPE") {
            return true;
        }
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if after.starts_with('?') {
            rest = after;
        } else {
            return false;
        }
    }
    false
}

/// Returns after what a document ends, if the end of its first element is missing.
fn cut_after(xml: &str) -> Option<String> {
    let xml = xml.trim_end();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    while let Some((_, after)) = rest.split_once('<') {
        let skipped = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>"), ("!", ">")];
        if let Some((_, end)) = skipped.iter().find(|(begin, _)| after.starts_with(begin)) {
            match after.split_once(end) {
                Some((_, after)) => rest = after,
                None => return Some("within a comment or a declaration".to_owned()),
            }
            continue;
        }
        let Some((tag, after)) = after.split_once('>') else {
            return Some(match open.last() {
                Some(parent) => format!("within a tag in <{parent}>"),
                None => "within its first tag".to_owned(),
            });
        };
        rest = after;
        let name = tag.trim_start_matches('/');
        let end = name.find(|it: char| it.is_whitespace() || it == '/');
        let name = &name[..end.unwrap_or(name.len())];
        if tag.starts_with('/') {
            // A wrong end is another error than a missing one.
            if open.pop() != Some(name) {
                return None;
            }
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    open.last().map(|name| format!("within <{name}>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_where_a_document_is_cut_is_named() {
        for (xml, place) in [
            ("<a><b>x</b><c", Some("within a tag in <a>")),
            ("<a", Some("within its first tag")),
            (
                "<?xml version='1.0'?><a><b/><!-- > <c",
                Some("within a comment or a declaration"),
            ),
            ("<a><b d='1'>text", Some("within <b>")),
            ("<a><b></a>", None),
            ("<a></a>", None),
            ("<a/>", None),
        ] {
            assert_eq!(cut_after(xml).as_deref(), place, "{xml}");
        }
    }

    #[test]
    fn a_document_type_is_found_only_before_the_first_element() {
        assert!(has_dtd(
            "<?xml version='1.0'?>\n<!-- <a> --><!DOCTYPE a><a/>"
        ));
        assert!(!has_dtd("<a><!DOCTYPE a></a>"));
    }
}
