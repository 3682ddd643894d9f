//! Writes XML that is already in canonical form.

use super::canonical::{escape, in_text, in_value};

/// Writes XML in exclusive canonical form (xml-exc-c14n, xml-c14n §2.3), so that it can be signed
/// without parsing and canonicalizing it again: namespaces before attributes, attributes sorted by
/// name, no empty tags, canonical escaping. A namespace must be declared on the outermost element
/// that uses its prefix.
#[derive(Debug, Default)]
pub(crate) struct XmlWriter(String);

impl XmlWriter {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }

    fn write_tag<'t>(&mut self, name: &str, attributes: impl Iterator<Item = (&'t str, &'t str)>) {
        self.0.push('<');
        self.0.push_str(name);
        let mut attributes = attributes.fuse();
        // Most elements have no attribute or one, so that there is nothing to sort.
        let (first, second) = (attributes.next(), attributes.next());
        if second.is_none() {
            first.into_iter().for_each(|one| self.write_attribute(one));
            return;
        }
        let mut sorted: Vec<_> = first.into_iter().chain(second).chain(attributes).collect();
        let key = |name: &str| (!name.starts_with("xmlns"), name.contains(':'));
        sorted
            .sort_by(|(one, _), (other, _)| key(one).cmp(&key(other)).then_with(|| one.cmp(other)));
        for one in sorted {
            self.write_attribute(one);
        }
    }

    fn write_attribute(&mut self, (name, value): (&str, &str)) {
        self.0.push(' ');
        self.0.push_str(name);
        self.0.push_str("=\"");
        self.write_escaped(value, in_value);
        self.0.push('"');
    }

    pub(crate) fn end_element(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    /// Writes an empty tag as HTML needs it; not canonical.
    pub(crate) fn write_empty_element(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.write_tag(name, attributes.iter().copied());
        self.0.push_str("/>");
    }

    pub(crate) fn write_text(&mut self, text: &str) {
        self.write_escaped(text, in_text);
    }

    fn write_escaped(&mut self, text: &str, replaced: fn(u8) -> Option<&'static str>) {
        escape(text, replaced, |part| self.0.push_str(part));
    }

    /// Writes canonical XML unchanged.
    pub(crate) fn write_raw(&mut self, xml: &str) {
        self.0.push_str(xml);
    }
}

/// Writes a whole element; attributes with the value `None` are left out.
pub(crate) fn element(
    writer: &mut XmlWriter,
    name: &str,
    attributes: &[(&str, Option<&str>)],
    body: impl FnOnce(&mut XmlWriter),
) {
    let present = attributes
        .iter()
        .filter_map(|(name, value)| Some((*name, (*value)?)));
    writer.write_tag(name, present);
    writer.0.push('>');
    body(writer);
    writer.end_element(name);
}

/// Writes an element with only text.
pub(crate) fn text_element(
    writer: &mut XmlWriter,
    name: &str,
    attributes: &[(&str, Option<&str>)],
    text: &str,
) {
    element(writer, name, attributes, |writer| writer.write_text(text));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Escapes one character after the other.
    fn slow(text: &str, entities: &[(char, &str)]) -> String {
        let mut out = String::new();
        for sign in text.chars() {
            match entities.iter().find(|(known, _)| *known == sign) {
                Some((_, entity)) => out.push_str(entity),
                None => out.push(sign),
            }
        }
        out
    }

    fn slow_text(text: &str) -> String {
        let entities = [
            ('&', "&amp;"),
            ('<', "&lt;"),
            ('>', "&gt;"),
            ('\r', "&#xD;"),
        ];
        slow(text, &entities)
    }

    fn slow_value(text: &str) -> String {
        let entities = [
            ('&', "&amp;"),
            ('<', "&lt;"),
            ('"', "&quot;"),
            ('\t', "&#x9;"),
            ('\n', "&#xA;"),
            ('\r', "&#xD;"),
        ];
        slow(text, &entities)
    }

    /// Namespaces first, then attributes without a prefix, then those with one, each by name.
    const NAMES: [&str; 7] = ["xmlns", "xmlns:a", "xmlns:b", "ID", "b", "a:c", "xml:lang"];

    proptest! {
        #[test]
        fn elements_are_written_as_character_by_character(
            text in "([&<>\"'\t\n\ré]|\\PC){0,20}",
            values in prop::collection::vec("([&<>\"'\t\n\ré]|\\PC){0,8}", 7),
            chosen in prop::sample::subsequence((0..7).collect::<Vec<usize>>(), 0..=7).prop_shuffle(),
        ) {
            let attributes: Vec<(&str, &str)> =
                chosen.iter().map(|at| (NAMES[*at], values[*at].as_str())).collect();
            let mut wanted = String::new();
            for (at, name) in NAMES.iter().enumerate().filter(|(at, _)| chosen.contains(at)) {
                wanted.push_str(&format!(" {name}=\"{}\"", slow_value(&values[at])));
            }
            let mut writer = XmlWriter::new();
            let optional: Vec<_> =
                attributes.iter().map(|(name, value)| (*name, Some(*value))).collect();
            text_element(&mut writer, "e", &optional, &text);
            writer.write_empty_element("f", &attributes);
            let wanted = format!("<e{wanted}>{}</e><f{wanted}/>", slow_text(&text));
            prop_assert_eq!(writer.into_string(), wanted);
        }
    }
}
