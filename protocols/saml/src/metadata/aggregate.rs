//! Selects an entity of an aggregate (saml-metadata §2.3.1) without a tree of the whole document.

use std::ops::Range;

use uppsala::QName;

use super::Selection;
use crate::names;
use crate::xml::{Checked, Tag, XmlError};

/// Element name of a role.
pub(super) type Role = &'static str;

/// The `entityID` of an entity that a selection fits, as written.
pub(super) type Candidate = Option<String>;

/// An element that is not closed yet.
struct Open {
    /// Bytes of its start tag.
    tag: Range<usize>,
    /// Its number, if it is an entity.
    entity: Option<usize>,
}

/// An entity of the document.
struct Entity {
    id: Option<String>,
    has_role: bool,
}

/// True for the root of an aggregate.
pub(super) fn is_aggregate(root: &QName<'_>) -> bool {
    root.matches(Some(names::METADATA), "EntitiesDescriptor")
}

/// True if the selection fits an entity with this `entityID`: it names the entity, or it names none
/// and the entity has the role.
pub(super) fn is_selected(selection: &Selection<'_>, id: Option<&str>, has_role: bool) -> bool {
    match selection.entity_id {
        Some(wanted) => id.map(str::trim) == Some(wanted),
        None => has_role,
    }
}

/// Returns all entities that the selection fits, in document order, and of one of them an excerpt
/// of the document: the entity, in all elements that surround it, whose namespace declarations,
/// `validUntil` and `cacheDuration` apply to it.
pub(super) fn select(
    checked: &Checked<'_>,
    selection: &Selection<'_>,
    role: Role,
) -> Result<(Vec<Candidate>, Option<String>), XmlError> {
    let mut entities: Vec<Entity> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut excerpt = None;
    checked.read_tags(|tag| match tag {
        Tag::Start {
            name,
            attributes,
            at,
        } => {
            let is = |it| name.matches(Some(names::METADATA), it);
            if let Some(parent) = open.last().and_then(|it| it.entity)
                && is(role)
            {
                entities[parent].has_role = true;
            }
            let entity = is("EntityDescriptor").then(|| {
                let id = attributes
                    .iter()
                    .find(|it| it.name.matches(None, "entityID"));
                entities.push(Entity {
                    id: id.map(|it| it.value.to_string()),
                    has_role: false,
                });
                entities.len() - 1
            });
            open.push(Open { tag: at, entity });
        }
        Tag::End { end } => {
            let Some(closed) = open.pop() else { return };
            let Some(entity) = closed.entity.map(|it| &entities[it]) else {
                return;
            };
            if excerpt.is_none() && is_selected(selection, entity.id.as_deref(), entity.has_role) {
                excerpt = Some(cut(checked.text(), &open, closed.tag.start..end));
            }
        }
    })?;
    let fitting = entities
        .into_iter()
        .filter(|it| is_selected(selection, it.id.as_deref(), it.has_role));
    Ok((fitting.map(|it| it.id).collect(), excerpt))
}

/// Returns the element within the tags of all elements that surround it.
fn cut(text: &str, around: &[Open], element: Range<usize>) -> String {
    let mut out = String::new();
    for outer in around {
        out.push_str(&text[outer.tag.clone()]);
    }
    out.push_str(&text[element]);
    for outer in around.iter().rev() {
        let name = &text[outer.tag.start + 1..outer.tag.end - 1];
        let name = name.split(names::WHITE_SPACE).next().unwrap_or_default();
        out.push_str("</");
        out.push_str(name);
        out.push('>');
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::document::{entity_ids, parse_whole};
    use super::super::{IdpMetadata, MetadataError, SpMetadata};
    use super::*;
    use crate::xml;

    const ROLES: [Role; 2] = ["IDPSSODescriptor", "SPSSODescriptor"];

    /// Entity IDs that occur more than once.
    const IDS: [&str; 4] = ["urn:a", "urn:b", " urn:b\n", "urn:c &amp; d"];

    fn one_of(all: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
        prop::sample::select(all)
    }

    /// Prefixes that are bound to the metadata namespace everywhere, to another one in some places,
    /// or to none.
    fn prefix() -> impl Strategy<Value = &'static str> {
        one_of(&["md:", "md:", "md:", "n:", "n:", "", "o:"])
    }

    fn declarations() -> impl Strategy<Value = &'static str> {
        one_of(&[
            "",
            "",
            " xmlns:n='urn:oasis:names:tc:SAML:2.0:metadata'",
            " xmlns:n='urn:other'",
            " xmlns='urn:oasis:names:tc:SAML:2.0:metadata'",
            " xmlns=''",
            "\r\n xmlns:m\t= \"urn:m\"",
        ])
    }

    fn validity() -> impl Strategy<Value = &'static str> {
        one_of(&[
            "",
            "",
            " validUntil='2027-01-01T00:00:00Z'",
            " validUntil='2026-01-01T00:00:00Z'",
            " validUntil='soon'",
            " cacheDuration='PT1H'",
            " cacheDuration='P1D'",
        ])
    }

    prop_compose! {
        fn entity()(
            prefix in prefix(),
            declarations in declarations(),
            validity in validity(),
            id in prop::option::weighted(0.9, one_of(&IDS)),
            roles in prop::sample::subsequence(&ROLES, 0..=2),
            depth in one_of(&["", "", "", "md:Extensions"]),
        ) -> String {
            let mut out = format!("<{prefix}EntityDescriptor{declarations}{validity}");
            if let Some(id) = id {
                out.push_str(&format!(" x='' entityID=\"{id}\""));
            }
            out.push('>');
            if !depth.is_empty() {
                out.push_str(&format!("<{depth}>"));
            }
            for role in roles {
                out.push_str(&format!(
                    "<md:{role} protocolSupportEnumeration='{}'><md:AssertionConsumerService \
                     index='0' Binding='{}' Location='https://sp.example/\t'/></md:{role}>",
                    names::PROTOCOL, names::HTTP_POST
                ));
            }
            if !depth.is_empty() {
                out.push_str(&format!("</{depth}>"));
            }
            out.push_str(&format!("</{prefix}EntityDescriptor>"));
            out
        }
    }

    fn wrap(name: &'static str) -> impl Fn((&str, &str, &str, Vec<String>)) -> String {
        move |(prefix, declarations, validity, inner)| {
            let inner = inner.concat();
            format!("<{prefix}{name}{declarations}{validity}>{inner}</{prefix}{name}>")
        }
    }

    fn content() -> impl Strategy<Value = String> {
        let other = one_of(&[
            "\r\n  ",
            "<!-- <md:EntityDescriptor entityID='no'> -->",
            "<![CDATA[</md:EntitiesDescriptor>]]>",
            "<?p <md:EntityDescriptor?>",
            "<md:EntityDescriptor entityID='urn:a'/>",
            "<md:EntityDescriptor entityID='urn:b' xmlns:md='urn:other'/>",
            "<o xmlns:p=''/>",
        ]);
        let leaf = prop_oneof![4 => entity(), 1 => other.prop_map(str::to_owned)];
        leaf.prop_recursive(3, 16, 4, |inner| {
            let around = |name| {
                let inner = prop::collection::vec(inner.clone(), 0..4);
                (prefix(), declarations(), validity(), inner)
                    .prop_map(move |(a, b, c, d)| wrap(name)((a, b, c, d)))
            };
            prop_oneof![
                4 => around("EntitiesDescriptor"),
                1 => around("Extensions"),
                1 => around("EntityDescriptor"),
            ]
        })
    }

    prop_compose! {
        fn document()(
            head in one_of(&["", "\n<?xml version='1.0' encoding='utf-16'?>\n", "<?xml version='1.0'?>\u{feff}"]),
            root in one_of(&["md:EntitiesDescriptor", "md:EntitiesDescriptor", "n:EntityDescriptor", "html"]),
            validity in validity(),
            content in prop::collection::vec(content(), 0..5),
            change in prop::option::weighted(0.3, (
                any::<prop::sample::Index>(),
                one_of(&["<", ">", "'", "&", "\u{1}", "<!DOCTYPE a>", "</n:EntityDescriptor>", "<a>"]),
            )),
        ) -> String {
            let mut text = format!(
                "{head}<{root} xmlns:md='{0}' xmlns:n='{0}'{validity}>{1}</{root}>\n",
                names::METADATA, content.concat()
            );
            if let Some((at, inserted)) = change {
                let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
                text.insert_str(*at.get(&places), inserted);
            }
            text
        }
    }

    fn ids_of_tree(text: &str, role: Role) -> Result<Vec<String>, MetadataError> {
        let document = parse_whole(text)?;
        let entities = document.get_elements_by_tag_name_ns(names::METADATA, "EntityDescriptor");
        let entities = entities.into_iter();
        let entities = entities
            .filter(|node| xml::child(&document, *node, names::METADATA, role).is_some())
            .filter_map(|node| xml::attribute(&document, node, "entityID"));
        Ok(entities.map(|it| it.trim().to_owned()).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn an_entity_is_read_as_in_a_tree_of_the_whole_document(
            text in document(),
            entity_id in prop::option::of(one_of(&["urn:a", "urn:b", "urn:c & d", "urn:e"])),
        ) {
            let selection = Selection { entity_id, signed_by: None };
            for role in ROLES {
                prop_assert_eq!(entity_ids(&text, role), ids_of_tree(&text, role), "{}", text);
            }
            let tree = parse_whole(&text);
            let sp = tree.and_then(|tree| SpMetadata::read_tree(&tree, &selection));
            prop_assert_eq!(SpMetadata::read(&text, &selection), sp, "{}", text);
            let tree = parse_whole(&text);
            let idp = tree.and_then(|tree| IdpMetadata::read_tree(&tree, &selection));
            prop_assert_eq!(IdpMetadata::read(&text, &selection), idp, "{}", text);
        }
    }
}
