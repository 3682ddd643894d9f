//! Problems of a document as a whole, which are the cause of others: an ID that several elements have,
//! and what only a copy of the message contains (prefixes of a log, marks of a browser's tree view,
//! values that were replaced because they are secret).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use roxmltree::Node;

use super::Verdict;
use super::verdict::list;
use crate::inspection::ns;

/// Longest text that is repeated, in characters.
const LONGEST_TEXT: usize = 40;

/// Elements in which SAML and XML Signature have elements and no text.
const WITHOUT_TEXT: [&str; 20] = [
    "Response",
    "Assertion",
    "AuthnRequest",
    "LogoutRequest",
    "LogoutResponse",
    "Status",
    "Subject",
    "SubjectConfirmation",
    "Conditions",
    "AudienceRestriction",
    "AuthnStatement",
    "AuthnContext",
    "AttributeStatement",
    "Attribute",
    "Signature",
    "SignedInfo",
    "Reference",
    "Transforms",
    "KeyInfo",
    "X509Data",
];

static REDACTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)x{4,}|\*{3,}|redacted|anonymi[sz]ed|\bremoved\b|\bhidden\b|\.{3,}|…")
        .expect("a pattern written here compiles")
});

/// Why the signatures of a document cannot be judged as usual.
#[derive(Debug, Clone, Default)]
pub(super) struct Damage {
    /// Text between elements, and the element that contains it.
    between: Option<(String, String)>,
    /// A value that looks replaced.
    redacted: Option<String>,
    /// True if a line of the document ends between two elements.
    has_lines: bool,
    has_duplicate_ids: bool,
}

impl Damage {
    /// Finds the damage of a document, and adds the objections to it.
    pub(super) fn judge(element: Node<'_, '_>, verdict: &mut Verdict) -> Self {
        let mut damage = Self::find(element);
        damage.has_duplicate_ids = judge_duplicate_ids(element, verdict);
        if let Some((text, parent)) = &damage.between {
            verdict.refuse_first(format!(
                "this copy is damaged: the text \"{text}\" stands between the elements of {parent}, where SAML has none. It is of a log (before each line), of a browser's tree view, or of a mail. Copy the message again as it was sent, best in base64"
            ));
        }
        damage
    }

    fn find(element: Node<'_, '_>) -> Self {
        Self {
            between: text_between(element),
            redacted: redacted_value(element),
            has_lines: has_lines(element),
            has_duplicate_ids: false,
        }
    }

    /// True if an ID of the document names several elements.
    pub(super) fn has_duplicate_ids(&self) -> bool {
        self.has_duplicate_ids
    }

    /// True if text stands between elements, so that no digest can be right.
    pub(super) fn has_text_between(&self) -> bool {
        self.between.is_some()
    }

    /// Returns why a digest does not hold, as the rest of an objection.
    pub(super) fn describe_change(&self) -> String {
        match &self.redacted {
            Some(value) => format!(
                ". It contains \"{value}\", which looks like a value that was replaced in this copy: then no signature can hold, and the message that was sent may be right"
            ),
            None => {
                let layout = match self.has_lines {
                    true => "the copy was indented again (pretty-printed), ",
                    false => "",
                };
                format!(
                    ". Usual causes: {layout}a proxy that rewrites host names, a filter or editor, or values that were replaced in this copy"
                )
            }
        }
    }
}

/// True if white space with the end of a line stands between two elements.
fn has_lines(element: Node<'_, '_>) -> bool {
    element.descendants().any(|it| {
        let text = it.text().filter(|_| it.is_text()).unwrap_or_default();
        text.trim().is_empty() && text.contains('\n') && it.next_sibling_element().is_some()
    })
}

/// Refuses IDs that several elements have. Returns true if there is one.
fn judge_duplicate_ids(element: Node<'_, '_>, verdict: &mut Verdict) -> bool {
    let mut ids: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in element.descendants() {
        if let Some(id) = node.attribute("ID") {
            ids.entry(id).or_default().push(node.tag_name().name());
        }
    }
    let before = verdict.objections.len();
    for (id, names) in ids.into_iter().filter(|(_, names)| names.len() > 1) {
        verdict.refuse_first(format!(
            "{} have the same ID, \"{id}\": an ID must be unique in the document (xs:ID, saml-core §1.3.4), or a signature that references it names no single element. The identity provider must write a new ID for each",
            list(&names)
        ));
    }
    verdict.objections.len() > before
}

fn shorten(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    let begin: String = words.chars().take(LONGEST_TEXT).collect();
    if begin == words { words } else { begin + "…" }
}

fn text_between(element: Node<'_, '_>) -> Option<(String, String)> {
    let spaces = [ns::ASSERTION, ns::PROTOCOL, ns::DSIG].map(Some);
    element
        .descendants()
        .filter(|it| {
            let tag = it.tag_name();
            spaces.contains(&tag.namespace()) && WITHOUT_TEXT.contains(&tag.name())
        })
        .find_map(|parent| {
            let mut texts = parent.children().filter_map(|it| {
                let text = it.text().filter(|_| it.is_text())?;
                (!text.trim().is_empty()).then(|| shorten(text))
            });
            Some((texts.next()?, parent.tag_name().name().to_owned()))
        })
}

/// Returns the first text or attribute that looks replaced, without those of signatures.
fn redacted_value(element: Node<'_, '_>) -> Option<String> {
    let all = element
        .descendants()
        .filter(|it| it.tag_name().namespace() != Some(ns::DSIG));
    all.flat_map(|it| {
        let texts = it
            .children()
            .filter(roxmltree::Node::is_text)
            .filter_map(|it| it.text());
        let attributes = it.attributes().map(|it| it.value());
        texts.chain(attributes).collect::<Vec<_>>()
    })
    .find(|text| REDACTED.is_match(text))
    .map(shorten)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspection::parse;

    fn damage(content: &str) -> Damage {
        let xml = format!(
            "<a:Assertion xmlns:a=\"{}\" ID=\"_x\"><a:Issuer>https://idp.example</a:Issuer>{content}</a:Assertion>",
            ns::ASSERTION
        );
        Damage::find(parse(&xml).unwrap().root_element())
    }

    #[test]
    fn text_between_elements_is_found_and_values_are_not() {
        let sound = damage(
            "\n  <a:Subject>\n<a:NameID>jo</a:NameID></a:Subject><a:AttributeStatement>\
             <a:Attribute Name=\"b\"><a:AttributeValue>a <b/> c</a:AttributeValue></a:Attribute></a:AttributeStatement>",
        );
        assert!(!sound.has_text_between());
        assert_eq!(sound.redacted, None);
        for prefix in ["- ", "2026-11-30 12:00:05,123 DEBUG [org.keycloak.saml] "] {
            let damaged = damage(&format!("\n{prefix}<a:Subject/>"));
            let (text, parent) = damaged.between.unwrap();
            assert!(prefix.starts_with(text.trim_end_matches('…')), "{text}");
            assert_eq!(parent, "Assertion");
        }
    }

    #[test]
    fn replaced_values_are_found() {
        for (value, expected) in [
            ("XXXX@XXXX.com", true),
            ("***", true),
            ("[REDACTED]", true),
            ("jo@example.com", false),
            ("https://sp.example/acs", false),
        ] {
            let found = damage(&format!(
                "<a:Subject><a:NameID>{value}</a:NameID></a:Subject>"
            ));
            assert_eq!(found.redacted.is_some(), expected, "{value}");
        }
    }
}
