//! Finds and changes elements in the text of a document. Everything outside of the changed element
//! stays the same, byte for byte.

use std::ops::Range;

use bergshamra_c14n::{C14nMode, canonicalize_doc};
use bergshamra_xml::nodeset::NodeSet;
use uppsala::{self, Document, NodeId};

/// The byte ranges of an element in a text.
pub(crate) struct Found {
    /// From the `<` of the start tag to the `>` of the end tag.
    pub(crate) outer: Range<usize>,
    /// The start tag, from `<` to `>`.
    pub(crate) start: Range<usize>,
    /// Between start tag and end tag; an empty range at the end of the start tag if the element is
    /// empty.
    pub(crate) inner: Range<usize>,
    empty_tag: bool,
}

fn local<'d>(document: &'d Document<'_>, node: NodeId) -> Option<std::borrow::Cow<'d, str>> {
    let name = document.element(node)?.name.prefixed_name();
    Some(match name.rsplit_once(':') {
        Some((_, local)) => local.to_owned().into(),
        None => name,
    })
}

fn walk(document: &Document<'_>, path: &str) -> Option<NodeId> {
    let mut steps = path.split('/');
    let mut node = document.document_element()?;
    if local(document, node)? != steps.next()? {
        return None;
    }
    for step in steps {
        node = document
            .children_iter(node)
            .find(|child| local(document, *child).is_some_and(|name| name == step))?;
    }
    Some(node)
}

/// Returns the local name of the root element.
pub(crate) fn root(text: &str) -> Result<String, String> {
    let document = uppsala::parse(text).map_err(|error| format!("invalid XML: {error}"))?;
    let name = document
        .document_element()
        .and_then(|it| local(&document, it).map(|name| name.into_owned()));
    name.ok_or_else(|| "the document has no root element".to_owned())
}

/// Finds the element that `path` names.
pub(crate) fn find(text: &str, path: &str) -> Result<Found, String> {
    let document = uppsala::parse(text).map_err(|error| format!("invalid XML: {error}"))?;
    let node = walk(&document, path).ok_or_else(|| format!("element {path} not found"))?;
    let outer = document
        .node_range(node)
        .ok_or_else(|| format!("element {path} not found in the text"))?;
    let mut quote = None;
    let mut end = outer.end;
    for (at, sign) in text[outer.clone()].char_indices() {
        match (quote, sign) {
            (None, '"' | '\'') => quote = Some(sign),
            (Some(open), _) if open == sign => quote = None,
            (None, '>') => {
                end = outer.start + at + 1;
                break;
            }
            _ => {}
        }
    }
    let empty_tag = text[..end].ends_with("/>");
    let inner = if empty_tag {
        end..end
    } else {
        end..text[outer.clone()]
            .rfind("</")
            .map_or(end, |at| outer.start + at)
    };
    Ok(Found {
        start: outer.start..end,
        outer,
        inner,
        empty_tag,
    })
}

/// True if the text contains the element that `path` names.
pub(crate) fn has(text: &str, path: &str) -> bool {
    find(text, path).is_ok()
}

/// Returns the whole element, with its tags.
pub(crate) fn outer<'t>(text: &'t str, path: &str) -> Result<&'t str, String> {
    Ok(&text[find(text, path)?.outer])
}

/// Returns what is inside the element.
pub(crate) fn inner<'t>(text: &'t str, path: &str) -> Result<&'t str, String> {
    Ok(&text[find(text, path)?.inner])
}

/// Returns the text without the element.
pub(crate) fn without(text: &str, path: &str) -> Result<String, String> {
    replace_element(text, path, "")
}

/// Returns the text with `with` in the place of the element.
pub(crate) fn replace_element(text: &str, path: &str, with: &str) -> Result<String, String> {
    let range = find(text, path)?.outer;
    Ok(format!(
        "{}{with}{}",
        &text[..range.start],
        &text[range.end..]
    ))
}

/// Changes an empty tag `<a/>` to `<a></a>`, so that content can be inserted.
fn open_empty_tag(text: &str, path: &str) -> Result<String, String> {
    let found = find(text, path)?;
    if !found.empty_tag {
        return Ok(text.to_owned());
    }
    let tag = &text[found.start.clone()];
    let name: String = tag[1..]
        .chars()
        .take_while(|sign| !sign.is_whitespace() && *sign != '/' && *sign != '>')
        .collect();
    let open = tag.trim_end_matches("/>").trim_end();
    Ok(format!(
        "{}{open}></{name}>{}",
        &text[..found.outer.start],
        &text[found.outer.end..]
    ))
}

/// Returns the text with `xml` as the content of the element.
pub(crate) fn content(text: &str, path: &str, xml: &str) -> Result<String, String> {
    let text = open_empty_tag(text, path)?;
    let range = find(&text, path)?.inner;
    Ok(format!(
        "{}{xml}{}",
        &text[..range.start],
        &text[range.end..]
    ))
}

/// Returns the text with `xml` inserted.
pub(crate) fn insert_xml(
    text: &str,
    path: &str,
    place: crate::Place,
    xml: &str,
) -> Result<String, String> {
    use crate::Place;
    let text = match place {
        Place::First | Place::Last => open_empty_tag(text, path)?,
        Place::Before | Place::After => text.to_owned(),
    };
    let found = find(&text, path)?;
    let at = match place {
        Place::Before => found.outer.start,
        Place::After => found.outer.end,
        Place::First => found.inner.start,
        Place::Last => found.inner.end,
    };
    Ok(format!("{}{xml}{}", &text[..at], &text[at..]))
}

/// Returns the text with the attribute set, or removed if `value` is `None`.
pub(crate) fn attribute(
    text: &str,
    path: &str,
    name: &str,
    value: Option<&str>,
) -> Result<String, String> {
    let found = find(text, path)?;
    let tag = &text[found.start.clone()];
    let lead = format!(" {name}=\"");
    let written = value
        .map(|value| format!("{lead}{value}\""))
        .unwrap_or_default();
    let tag = match tag.find(&lead) {
        Some(from) => {
            let until = from
                + lead.len()
                + tag[from + lead.len()..]
                    .find('"')
                    .ok_or_else(|| format!("the attribute {name} of {path} has no end"))?
                + 1;
            format!("{}{written}{}", &tag[..from], &tag[until..])
        }
        None if value.is_none() => return Err(format!("attribute {name} not found on {path}")),
        None => {
            let at = tag.len() - if found.empty_tag { 2 } else { 1 };
            format!("{}{written}{}", &tag[..at], &tag[at..])
        }
    };
    Ok(format!(
        "{}{tag}{}",
        &text[..found.start.start],
        &text[found.start.end..]
    ))
}

/// Returns the value of the attribute, as written in the text.
pub(crate) fn value_of(text: &str, path: &str, name: &str) -> Result<String, String> {
    let found = find(text, path)?;
    let tag = &text[found.start];
    let lead = format!(" {name}=\"");
    tag.split_once(&lead)
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(value, _)| value.to_owned())
        .ok_or_else(|| format!("attribute {name} not found on {path}"))
}

/// Returns the text of the element and of all elements in it.
pub(crate) fn text_of(text: &str, path: &str) -> Result<String, String> {
    let document = uppsala::parse(text).map_err(|error| format!("invalid XML: {error}"))?;
    let node = walk(&document, path).ok_or_else(|| format!("element {path} not found"))?;
    Ok(document.text_content_deep(node))
}

/// Returns the element in exclusive canonical form without comments (exc-c14n) and without the
/// signature that is its child (enveloped-signature transform, xmldsig-core §6.6.4).
pub(crate) fn canonical(text: &str, path: &str) -> Result<Vec<u8>, String> {
    canonical_with(text, path, &[])
}

/// The same with a PrefixList: the namespaces of these prefixes are written where they are in scope
/// (xml-exc-c14n §3).
pub(crate) fn canonical_with(
    text: &str,
    path: &str,
    prefixes: &[String],
) -> Result<Vec<u8>, String> {
    let signature = format!("{path}/Signature");
    let text = if has(text, &signature) {
        without(text, &signature)?
    } else {
        text.to_owned()
    };
    let document = uppsala::parse(&text).map_err(|error| format!("invalid XML: {error}"))?;
    let node = walk(&document, path).ok_or_else(|| format!("element {path} not found"))?;
    let nodes = NodeSet::tree_without_comments(node, &document);
    canonicalize_doc(&document, C14nMode::Exclusive, Some(&nodes), prefixes)
        .map_err(|error| error.to_string())
}
