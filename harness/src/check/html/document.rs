//! A SAML document in colours, a tag a line. The ground tells what is signed:
//! whether a signature covers it, and whether that holds.

use std::ops::Range;

use maud::{Markup, html};

use crate::inspection::certificate::Certificate;
use crate::inspection::signature::signatures;
use crate::inspection::{is, ns, parse};

/// Which parts of a document are what.
#[derive(Default)]
struct Grounds {
    signed: Vec<Range<usize>>,
    broken: Vec<Range<usize>>,
    /// The signatures themselves, which nothing covers.
    own: Vec<Range<usize>>,
    said: Vec<String>,
}

fn grounds(xml: &str, trusted: &[String]) -> Grounds {
    let mut grounds = Grounds::default();
    let Ok(document) = parse(xml) else {
        return grounds;
    };
    let trusted: Vec<Certificate> = trusted
        .iter()
        .filter_map(|it| Certificate::read(it).ok())
        .collect();
    for it in signatures(&document, &trusted) {
        grounds
            .said
            .push(format!("The {}'s signature: {}.", it.parent, it.said()));
        if let Some(range) = it.range.clone() {
            if it.holds() {
                grounds.signed.push(range);
            } else {
                grounds.broken.push(range);
            }
        }
    }
    let elements = document.descendants();
    grounds.own = elements
        .filter(|it| is(*it, ns::DSIG, "Signature"))
        .map(|it| it.range())
        .collect();
    grounds
}

impl Grounds {
    fn of(&self, at: usize) -> &'static str {
        let within = |ranges: &[Range<usize>]| ranges.iter().any(|it| it.contains(&at));
        if within(&self.own) {
            "sigpart"
        } else if within(&self.signed) {
            "signed"
        } else if within(&self.broken) {
            "broken"
        } else {
            ""
        }
    }
}

/// The document, laid out and coloured; its signatures are judged by the keys
/// of `trusted` certificates (base64).
pub(super) fn markup(xml: &str, trusted: &[String]) -> Markup {
    let grounds = grounds(xml, trusted);
    let mut lines: Vec<Markup> = Vec::new();
    let (mut depth, mut at) = (0_usize, 0_usize);
    let mut pending: Option<(usize, Vec<Markup>, &'static str)> = None;
    let mut flush = |pending: &mut Option<(usize, Vec<Markup>, &'static str)>| {
        if let Some((depth, parts, ground)) = pending.take() {
            lines.push(html! {
                span class=(ground) { ("  ".repeat(depth)) @for part in &parts { (part) } "\n" }
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
            // A closing tag stays on the line of the text before it.
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
                pending = Some((depth, Vec::new(), grounds.of(at)));
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
                    _ => pending = Some((depth, vec![text], grounds.of(at))),
                }
            }
            at += end;
        }
    }
    flush(&mut pending);
    html! {
        @for said in &grounds.said { p { (said) } }
        pre { @for line in &lines { (line) } }
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
        span.tag {
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
    fn a_document_is_laid_out_a_tag_a_line() {
        assert_eq!(
            text("<?xml version=\"1.0\"?><a><b x=\"1\">t</b><c/><d></d></a>"),
            "<?xml version=\"1.0\"?>\n<a>\n  <b x=\"1\">t</b>\n  <c/>\n  <d></d>\n</a>\n"
        );
    }

    #[test]
    fn what_is_no_xml_is_shown_all_the_same() {
        assert!(text("<a><b").contains("<b"));
        assert!(text("no <").contains("no"));
    }
}
