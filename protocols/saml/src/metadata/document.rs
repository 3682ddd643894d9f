//! Opens a metadata document and finds the selected entity in it.

use uppsala::{Document, NodeId};

use super::aggregate::{self, Candidate, Role};
use super::{MAX_METADATA_BYTES, MetadataError, Selection};
use crate::Limits;
use crate::acceptance::TrustedKeys;
use crate::names;
use crate::signature::SignatureError;
use crate::signature::enveloped::Enveloped;
use crate::xml::{self, Checked, XmlError};

/// Opens a document in which [`entity`] finds what the selection names.
///
/// Of an aggregate, only that entity is parsed into a tree, which takes several times the memory of
/// the text. The exception is an aggregate whose signature has to be verified: it covers all.
pub(super) fn open<'a>(
    text: &'a str,
    selection: &Selection<'_>,
    role: Role,
) -> Result<Document<'a>, MetadataError> {
    let text = without_declaration(text);
    let checked = check(text)?;
    if selection.signed_by.is_some() || !checked.is_root(aggregate::is_aggregate) {
        return parse(text, checked);
    }
    let (candidates, excerpt) = aggregate::select(&checked, selection, role)?;
    match excerpt {
        Some(excerpt) if candidates.len() == 1 => {
            let document = parse(&excerpt, check(&excerpt)?)?;
            Ok(document.into_static())
        }
        _ => Err(selection_error(selection, role, candidates)),
    }
}

/// Returns the text without its XML declaration. The text is already decoded ([`crate::encoding`]),
/// so the encoding in its declaration is ignored. Line breaks before the declaration are removed: XML
/// does not allow them, but editors and web forms add them.
fn without_declaration(text: &str) -> &str {
    let text = text.trim_start_matches(|sign: char| sign == '\u{feff}' || sign.is_whitespace());
    match text.strip_prefix("<?xml ").map(|it| it.split_once("?>")) {
        Some(Some((_, rest))) => rest.trim_start(),
        _ => text,
    }
}

/// Checks the size, with limits that allow the metadata of a federation.
fn check(text: &str) -> Result<Checked<'_>, MetadataError> {
    if text.len() > MAX_METADATA_BYTES {
        return Err(MetadataError::TooLarge { got: text.len() });
    }
    let limits = Limits {
        max_xml_bytes: MAX_METADATA_BYTES,
        // As many for each megabyte as a message may have.
        max_elements: 1_000_000,
        ..Limits::default()
    };
    Checked::new(text, &limits).map_err(|error| web_page_or(error, text))
}

fn parse<'a>(text: &str, checked: Checked<'a>) -> Result<Document<'a>, MetadataError> {
    let parsed = checked.into_tree();
    let document = parsed.map_err(|error| web_page_or(error, text))?;
    match document.document_element() {
        Some(root) if is_html(&xml::name_of(&document, root)) => Err(MetadataError::WebPage),
        _ => Ok(document),
    }
}

/// Parses the whole document into a tree.
#[cfg(test)]
pub(super) fn parse_whole(text: &str) -> Result<Document<'_>, MetadataError> {
    let text = without_declaration(text);
    parse(text, check(text)?)
}

/// Returns the error, or that for a web page if the text begins like one.
fn web_page_or(error: XmlError, text: &str) -> MetadataError {
    match starts_as_html(text) {
        true => MetadataError::WebPage,
        false => error.into(),
    }
}

/// True if the text begins like an HTML page.
fn starts_as_html(text: &str) -> bool {
    let head: String = text.chars().take(200).collect();
    let head = head.to_ascii_lowercase();
    head.starts_with("<!doctype html") || head.starts_with("<html")
}

fn is_html(root: &str) -> bool {
    root.eq_ignore_ascii_case("html")
}

/// Returns the root if it is `name` in the metadata namespace. The same name in another namespace
/// gets an error of its own.
fn metadata_root(document: &Document<'_>, name: &'static str) -> Result<NodeId, MetadataError> {
    let got = document
        .document_element()
        .and_then(|root| document.element(root));
    if let Some(root) = got
        && matches!(
            root.name.local_name.as_ref(),
            "EntityDescriptor" | "EntitiesDescriptor"
        )
        && root.name.namespace_uri.as_deref() != Some(names::METADATA)
    {
        return Err(MetadataError::Namespace {
            element: root.name.local_name.to_string(),
            got: root.name.namespace_uri.as_deref().map(str::to_owned),
        });
    }
    Ok(xml::root(document, names::METADATA, name)?)
}

/// Returns the entity IDs of all entities with the role, in document order.
pub(super) fn entity_ids(text: &str, role: Role) -> Result<Vec<String>, MetadataError> {
    let text = without_declaration(text);
    let checked = check(text)?;
    let (candidates, _) = aggregate::select(&checked, &Selection::default(), role)
        .map_err(|error| web_page_or(error, text))?;
    if checked.is_root(|root| is_html(&root.prefixed_name())) {
        return Err(MetadataError::WebPage);
    }
    let ids = candidates.into_iter().flatten();
    Ok(ids
        .map(|id| id.trim_matches(names::WHITE_SPACE).to_owned())
        .collect())
}

/// Returns the selected entity with the role, after verifying the signature that the selection
/// requires.
pub(super) fn entity(
    document: &Document<'_>,
    selection: &Selection<'_>,
    role: Role,
) -> Result<NodeId, MetadataError> {
    let aggregate = document
        .document_element()
        .filter(|root| xml::is(document, *root, names::METADATA, "EntitiesDescriptor"));
    let root = match aggregate {
        Some(root) => root,
        None => metadata_root(document, "EntityDescriptor")?,
    };
    if let Some(keys) = selection.signed_by {
        verify_signature(document, root, keys)?;
    }
    let id = |node: NodeId| xml::attribute(document, node, "entityID");
    if aggregate.is_none() {
        let is_wanted = aggregate::is_selected(selection, id(root), true);
        return match is_wanted {
            true => Ok(root),
            false => Err(no_such(selection)),
        };
    }
    // `EntitiesDescriptor` elements can be nested.
    let entities = document.get_elements_by_tag_name_ns(names::METADATA, "EntityDescriptor");
    let plays = |node: NodeId| xml::child(document, node, names::METADATA, role).is_some();
    let candidates = entities.into_iter();
    let candidates: Vec<NodeId> = candidates
        .filter(|node| aggregate::is_selected(selection, id(*node), plays(*node)))
        .collect();
    match candidates.as_slice() {
        [one] => Ok(*one),
        all => {
            let ids = all.iter().map(|node| id(*node).map(str::to_owned));
            Err(selection_error(selection, role, ids.collect()))
        }
    }
}

/// Returns why none or several entities are selected.
fn selection_error(
    selection: &Selection<'_>,
    role: Role,
    candidates: Vec<Candidate>,
) -> MetadataError {
    match (candidates.is_empty(), selection.entity_id) {
        (true, Some(_)) => no_such(selection),
        (true, None) => MetadataError::Role {
            expected: role,
            hint: " in any entity of the aggregate",
        },
        (false, _) => MetadataError::Aggregate {
            role,
            got: candidates.into_iter().flatten().collect(),
        },
    }
}

fn no_such(selection: &Selection<'_>) -> MetadataError {
    MetadataError::NoSuchEntity(selection.entity_id.unwrap_or_default().to_owned())
}

/// Requires a signature over the whole document by one of these keys (saml-metadata §3).
fn verify_signature(
    document: &Document<'_>,
    root: NodeId,
    keys: &TrustedKeys,
) -> Result<(), SignatureError> {
    let all = xml::children(document, root, names::DSIG, "Signature");
    let [signature] = all.as_slice() else {
        return Err(SignatureError::Misplaced(format!(
            "expected one <Signature> in <{}>, got {}",
            xml::name_of(document, root),
            all.len()
        )));
    };
    Enveloped::of(document, *signature, root)?.verify(document, keys.certificates())
}
