//! A document within the limits, and the two ways to read it: as a tree, and tag by tag.

use std::borrow::Cow;
use std::ops::Range;

use uppsala::pull::{PullEvent, PullParser};
use uppsala::{Attribute, Document, Parser, QName};

use super::{Limits, XmlError, elements, markup};

/// A document within the limits, whose attribute values are normalized. Whether it is well-formed is
/// known only when it is read.
pub(crate) struct Checked<'a> {
    text: Cow<'a, str>,
    limits: Limits,
}

/// A tag, with its position in the document.
pub(crate) enum Tag<'t, 'a> {
    /// A start tag.
    Start {
        /// The element.
        name: &'t QName<'a>,
        /// Its attributes, without namespace declarations.
        attributes: &'t [Attribute<'a>],
        /// Bytes of the tag.
        at: Range<usize>,
    },
    /// An end tag, or the end of an element without content (`<a/>`).
    End {
        /// Position after the tag.
        end: usize,
    },
}

impl<'a> Checked<'a> {
    /// Checks size and encoding, and normalizes attribute values.
    pub(crate) fn new(text: &'a str, limits: &Limits) -> Result<Self, XmlError> {
        if text.len() > limits.max_xml_bytes {
            return Err(XmlError::TooLarge {
                limit: limits.max_xml_bytes,
                got: text.len(),
            });
        }
        let text = text.trim_start_matches('\u{feff}');
        if let Some(encoding) = declared_encoding(text)
            && !["utf-8", "us-ascii"].contains(&encoding.to_ascii_lowercase().as_str())
        {
            return Err(XmlError::Encoding(encoding.to_owned()));
        }
        let normalized = markup::check_and_normalize(text, limits)?;
        Ok(Self {
            text: normalized.map_or(Cow::Borrowed(text), Cow::Owned),
            limits: *limits,
        })
    }

    /// The document, in which the positions of tags are valid.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Parses the document into a tree.
    pub(crate) fn into_tree(self) -> Result<Document<'a>, XmlError> {
        let parser = Parser::new()
            .with_forbid_dtd(true)
            .with_max_depth(self.limits.max_depth)
            .with_max_entity_expansion(0);
        let parsed = match &self.text {
            Cow::Borrowed(text) => parser.parse(text),
            Cow::Owned(text) => parser.parse(text).map(Document::into_static),
        };
        let document = parsed.map_err(|error| self.refuse(&error))?;
        let declared = elements(&document).flat_map(|(_, it)| &it.namespace_declarations);
        match unbound_prefix(declared) {
            None => Ok(document),
            Some(error) => Err(error),
        }
    }

    /// Calls `read` for each tag in document order, without a tree. Refuses the same documents as
    /// [`Self::into_tree`], with the same errors.
    pub(crate) fn read_tags(&self, mut read: impl FnMut(Tag<'_, '_>)) -> Result<(), XmlError> {
        let mut events = self.events();
        let mut unbound = None;
        while let Some(event) = events.next_event().map_err(|error| self.refuse(&error))? {
            match event {
                PullEvent::StartElement {
                    name,
                    attributes,
                    namespace_declarations,
                    byte_start,
                    byte_end,
                    ..
                } => {
                    unbound = unbound.or_else(|| unbound_prefix(&namespace_declarations));
                    read(Tag::Start {
                        name: &name,
                        attributes: &attributes,
                        at: byte_start..byte_end,
                    });
                }
                PullEvent::EndElement { byte_end, .. } => read(Tag::End { end: byte_end }),
                _ => {}
            }
        }
        unbound.map_or(Ok(()), Err)
    }

    /// Returns true if the name of the root fits; false if the document is malformed before it.
    pub(crate) fn is_root(&self, fits: impl FnOnce(&QName<'_>) -> bool) -> bool {
        let mut events = self.events().map_while(Result::ok);
        let root = events.find_map(|event| match event {
            PullEvent::StartElement { name, .. } => Some(name),
            _ => None,
        });
        root.is_some_and(|name| fits(&name))
    }

    fn events(&self) -> PullParser<'_> {
        PullParser::new(&self.text)
            .with_forbid_dtd(true)
            .with_max_depth(self.limits.max_depth)
            .with_max_entity_expansion(0)
    }

    fn refuse(&self, error: &uppsala::XmlError) -> XmlError {
        match self.text.contains("<!DOCTYPE") {
            true => XmlError::DocumentType,
            false => XmlError::Malformed(error.to_string()),
        }
    }
}

/// Refuses a prefix that is declared with an empty namespace name: the parser does not.
fn unbound_prefix<'d, 'a: 'd>(
    declared: impl IntoIterator<Item = &'d (Cow<'a, str>, Cow<'a, str>)>,
) -> Option<XmlError> {
    let mut declared = declared.into_iter();
    let unbound = declared.find(|(prefix, uri)| !prefix.is_empty() && uri.is_empty());
    unbound.map(|(prefix, _)| {
        XmlError::Malformed(format!(
            "xmlns:{prefix}=\"\" binds a prefix to no namespace (XML Namespaces 1.0 §2.2)"
        ))
    })
}

/// Returns the encoding in the XML declaration, if there is one (XML 1.0 §4.3.3). The text itself
/// was already decoded from UTF-8.
fn declared_encoding(text: &str) -> Option<&str> {
    let declaration = text.strip_prefix("<?xml")?.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value
        .chars()
        .next()
        .filter(|sign| matches!(sign, '"' | '\''))?;
    Some(value[1..].split_once(quote)?.0)
}
