//! Links the names of specifications to their texts.

use std::sync::LazyLock;

use maud::{Markup, html};
use regex::Regex;

const OASIS: &str = "https://docs.oasis-open.org/security/saml/v2.0";

static CITATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"RFC (?<rfc>\d+)(?: §(?<section>[\d.]*\d))?|saml-(?<schema>schema-[a-z]+-2\.0)|saml-(?<saml>core|bindings|profiles|metadata)|(?<w3>xmldsig-core|xmlenc-core1|xml-exc-c14n|xml-c14n)|XML (?<xml>1\.0)|(?<cve>CVE-\d{4}-\d{4,})|CWE-(?<cwe>\d+)",
    )
    .expect("a pattern written here compiles")
});

/// Returns the text with a link on every known specification.
pub(crate) fn link_specifications(spec: &str) -> Markup {
    let mut pieces: Vec<Markup> = Vec::new();
    let mut at = 0;
    for found in CITATION.captures_iter(spec) {
        let Some(whole) = found.get(0) else { continue };
        let group = |name| found.name(name).map(|it| it.as_str());
        let url = if let Some(number) = group("rfc") {
            let section = group("section").map(|it| format!("#section-{it}"));
            let section = section.unwrap_or_default();
            format!("https://www.rfc-editor.org/rfc/rfc{number}{section}")
        } else if let Some(name) = group("schema") {
            format!("{OASIS}/saml-{name}.xsd")
        } else if let Some(name) = group("saml") {
            format!("{OASIS}/saml-{name}-2.0-os.pdf")
        } else if let Some(name) = group("w3") {
            let name = if name == "xmldsig-core" {
                "xmldsig-core1"
            } else {
                name
            };
            format!("https://www.w3.org/TR/{name}/")
        } else if group("xml").is_some() {
            "https://www.w3.org/TR/xml/".to_owned()
        } else if let Some(id) = group("cve") {
            format!("https://www.cve.org/CVERecord?id={id}")
        } else {
            let id = group("cwe").unwrap_or_default();
            format!("https://cwe.mitre.org/data/definitions/{id}.html")
        };
        let before = &spec[at..whole.start()];
        pieces.push(html! { (before) a href=(url) rel="noreferrer" { (whole.as_str()) } });
        at = whole.end();
    }
    html! { @for piece in &pieces { (piece) } (&spec[at..]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(spec: &str) -> Vec<String> {
        let markup = link_specifications(spec).into_string();
        let page = scraper::Html::parse_fragment(&markup);
        let text: String = page.root_element().text().collect();
        assert_eq!(text, spec);
        let anchors = scraper::Selector::parse("a").unwrap();
        page.select(&anchors)
            .filter_map(|it| it.attr("href").map(str::to_owned))
            .collect()
    }

    #[test]
    fn every_citation_links_to_its_text() {
        assert_eq!(
            links("RFC 7644 §3.5.2, RFC 9231"),
            [
                "https://www.rfc-editor.org/rfc/rfc7644#section-3.5.2",
                "https://www.rfc-editor.org/rfc/rfc9231"
            ]
        );
        assert_eq!(
            links("saml-core §2.3.4, saml-schema-metadata-2.0"),
            [
                "https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf",
                "https://docs.oasis-open.org/security/saml/v2.0/saml-schema-metadata-2.0.xsd"
            ]
        );
        assert_eq!(links("CVE-2017-11427, CWE-347 (XML 1.0 §2.8)").len(), 3);
        assert!(links("Somorovsky et al.").is_empty());
    }
}
