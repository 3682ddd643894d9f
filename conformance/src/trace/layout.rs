//! Indents a document for reading. The result is never sent, because the added white space breaks
//! signatures.

/// Returns the document with one tag per line, indented.
pub(super) fn indent_xml(xml: &str) -> String {
    let mut lines = String::with_capacity(xml.len() * 2);
    let (mut depth, mut rest) = (0_usize, xml.trim());
    let mut after_text = false;
    while let Some(open) = rest.find('<') {
        let text = rest[..open].trim();
        lines.push_str(text);
        after_text = after_text || !text.is_empty();
        let Some(length) = rest[open..].find('>') else {
            break;
        };
        let tag = &rest[open..=open + length];
        let closing = tag.starts_with("</");
        if closing {
            depth = depth.saturating_sub(1);
        }
        if !(lines.is_empty() || closing && after_text) {
            lines.push('\n');
            lines.push_str(&"  ".repeat(depth));
        }
        lines.push_str(tag);
        after_text = !closing && !tag.ends_with("/>") && text_follows(&rest[open + length + 1..]);
        if !closing && !tag.ends_with("/>") && !tag.starts_with("<?") && !tag.starts_with("<!") {
            depth += 1;
        }
        rest = &rest[open + length + 1..];
    }
    lines
}

fn text_follows(rest: &str) -> bool {
    rest.find('<')
        .is_some_and(|open| !rest[..open].trim().is_empty() || rest.starts_with("</"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_shown_with_one_tag_per_line() {
        let xml = "<?xml version=\"1.0\"?><a><b x=\"1\">t</b><c/></a>";
        assert_eq!(
            indent_xml(xml),
            "<?xml version=\"1.0\"?>\n<a>\n  <b x=\"1\">t</b>\n  <c/>\n</a>"
        );
    }
}
