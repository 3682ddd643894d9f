//! Shows a SAML document in colors, one tag per line. The background shows what is signed, and
//! whether the signature is valid.

use std::ops::Range;

use maud::{Markup, html};

use crate::inspection::certificate::Certificate;
use crate::inspection::signature::signatures;
use crate::inspection::{is, ns, parse};

/// The signed byte ranges of a document, by the state of their signature.
#[derive(Default)]
struct SignedParts {
    valid: Vec<Range<usize>>,
    invalid: Vec<Range<usize>>,
    /// DigestValue is right, but no known key can verify SignatureValue.
    unknown: Vec<Range<usize>>,
    /// The Signature elements themselves, which no signature covers.
    signatures: Vec<Range<usize>>,
    /// One sentence on each signature.
    notes: Vec<String>,
}

fn find_signed_parts(xml: &str, trusted: &[String]) -> SignedParts {
    let mut parts = SignedParts::default();
    let Ok(document) = parse(xml) else {
        return parts;
    };
    let trusted: Vec<Certificate> = trusted
        .iter()
        .filter_map(|it| Certificate::read(it).ok())
        .collect();
    for it in signatures(&document, &trusted) {
        parts.notes.push(format!(
            "The {}'s signature: {}.",
            it.parent,
            it.to_sentence()
        ));
        let Some(range) = it.range.clone() else {
            continue;
        };
        let unknown = it.covers_parent && it.digest_holds == Some(true) && it.value_holds.is_none();
        if it.holds() {
            parts.valid.push(range);
        } else if unknown {
            parts.unknown.push(range);
        } else {
            parts.invalid.push(range);
        }
    }
    let elements = document.descendants();
    parts.signatures = elements
        .filter(|it| is(*it, ns::DSIG, "Signature"))
        .map(|it| it.range())
        .collect();
    parts
}

impl SignedParts {
    /// Returns the CSS class of the byte at this offset.
    fn class_at(&self, at: usize) -> &'static str {
        let within = |ranges: &[Range<usize>]| ranges.iter().any(|it| it.contains(&at));
        if within(&self.signatures) {
            "sigpart"
        } else if within(&self.valid) {
            "signed"
        } else if within(&self.invalid) {
            "broken"
        } else if within(&self.unknown) {
            "unjudged"
        } else {
            ""
        }
    }
}

/// Returns the legend of the background colors.
pub fn legend() -> Markup {
    html! {
        p.legend {
            span.signed { "signed, the signature is valid" }
            span.broken { "signed, the signature is invalid" }
            span.unjudged { "signed, no key to judge it with" }
            span { "not signed" }
        }
    }
}

/// Maximum depth of the indentation: at ten thousand levels, the spaces would be
/// megabytes.
const DEEPEST: usize = 30;

/// Returns the document, indented and colored. Its signatures are verified with the keys of the
/// `trusted` certificates (base64).
pub fn markup(xml: &str, trusted: &[String]) -> Markup {
    let signed = find_signed_parts(xml, trusted);
    let mut lines: Vec<Markup> = Vec::new();
    let (mut depth, mut at) = (0_usize, 0_usize);
    let mut pending: Option<(usize, Vec<Markup>, &'static str)> = None;
    let mut flush = |pending: &mut Option<(usize, Vec<Markup>, &'static str)>| {
        if let Some((depth, parts, ground)) = pending.take() {
            lines.push(html! {
                span class=(ground) { ("  ".repeat(depth.min(DEEPEST))) @for part in &parts { (part) } "\n" }
            });
        }
    };
    while at < xml.len() {
        let rest = &xml[at..];
        if let Some(tag) = tag_of(rest) {
            let closing = tag.starts_with("</");
            if closing {
                depth = depth.saturating_sub(1);
            }
            // Keep a closing tag on the line of the text before it.
            let joins = closing
                && pending
                    .as_ref()
                    .is_some_and(|(_, parts, _)| parts.len() == 2);
            let empty = closing
                && pending
                    .as_ref()
                    .is_some_and(|(level, parts, _)| parts.len() == 1 && *level == depth);
            if !joins && !empty {
                flush(&mut pending);
                pending = Some((depth, Vec::new(), signed.class_at(at)));
            }
            if let Some((_, parts, _)) = &mut pending {
                parts.push(tag_markup(tag));
            }
            if joins || empty || closing {
                flush(&mut pending);
            }
            let opens = !closing
                && !tag.ends_with("/>")
                && !tag.starts_with("<?")
                && !tag.starts_with("<!");
            if opens {
                depth += 1;
            } else if !closing {
                flush(&mut pending);
            }
            at += tag.len();
        } else {
            let end = rest.find('<').unwrap_or(rest.len()).max(1);
            let end = if rest.is_char_boundary(end) {
                end
            } else {
                rest.len()
            };
            let text = rest[..end].trim();
            if !text.is_empty() {
                let text = html! { (text) };
                match &mut pending {
                    Some((_, parts, _)) if parts.len() == 1 => parts.push(text),
                    _ => pending = Some((depth, vec![text], signed.class_at(at))),
                }
            }
            at += end;
        }
    }
    flush(&mut pending);
    html! {
        @for note in &signed.notes { p.quiet { (note) } }
        pre tabindex="0" { @for line in &lines { (line) } }
    }
}

fn tag_of(rest: &str) -> Option<&str> {
    if !rest.starts_with('<') {
        return None;
    }
    let end = if rest.starts_with("<!--") {
        rest.find("-->").map(|at| at + 3)
    } else {
        rest.find('>').map(|at| at + 1)
    };
    Some(&rest[..end.unwrap_or(rest.len())])
}

fn tag_markup(tag: &str) -> Markup {
    html! {
        span.tag-name {
            @for (at, piece) in tag.split('"').enumerate() {
                @if at % 2 == 1 { span.value { "\"" (piece) "\"" } } @else { (piece) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(xml: &str) -> String {
        let markup = markup(xml, &[]).into_string();
        let page = scraper::Html::parse_fragment(&markup);
        page.root_element().text().collect()
    }

    #[test]
    fn a_document_is_shown_with_one_tag_per_line() {
        assert_eq!(
            text("<?xml version=\"1.0\"?><a><b x=\"1\">t</b><c/><d></d></a>"),
            "<?xml version=\"1.0\"?>\n<a>\n  <b x=\"1\">t</b>\n  <c/>\n  <d></d>\n</a>\n"
        );
    }

    #[test]
    fn text_that_is_not_xml_is_shown_too() {
        assert!(text("<a><b").contains("<b"));
        assert!(text("no <").contains("no"));
    }
}
