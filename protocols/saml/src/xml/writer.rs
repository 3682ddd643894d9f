//! Writes XML that is already in canonical form.

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

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.0.push('<');
        self.0.push_str(name);
        let key = |name: &str| (!name.starts_with("xmlns"), name.contains(':'));
        let mut sorted: Vec<&(&str, &str)> = attributes.iter().collect();
        sorted
            .sort_by(|(one, _), (other, _)| key(one).cmp(&key(other)).then_with(|| one.cmp(other)));
        for (name, value) in sorted {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            for sign in value.chars() {
                match sign {
                    '&' => self.0.push_str("&amp;"),
                    '<' => self.0.push_str("&lt;"),
                    '"' => self.0.push_str("&quot;"),
                    '\t' => self.0.push_str("&#x9;"),
                    '\n' => self.0.push_str("&#xA;"),
                    '\r' => self.0.push_str("&#xD;"),
                    sign => self.0.push(sign),
                }
            }
            self.0.push('"');
        }
    }

    pub(crate) fn start_element(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes);
        self.0.push('>');
    }

    pub(crate) fn end_element(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    /// Writes an empty tag as HTML needs it; not canonical.
    pub(crate) fn empty_element(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes);
        self.0.push_str("/>");
    }

    pub(crate) fn text(&mut self, text: &str) {
        for sign in text.chars() {
            match sign {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '\r' => self.0.push_str("&#xD;"),
                sign => self.0.push(sign),
            }
        }
    }

    /// Writes canonical XML unchanged.
    pub(crate) fn raw(&mut self, xml: &str) {
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
    let attributes: Vec<(&str, &str)> = attributes
        .iter()
        .filter_map(|(name, value)| value.map(|value| (*name, value)))
        .collect();
    writer.start_element(name, &attributes);
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
    element(writer, name, attributes, |writer| writer.text(text));
}
