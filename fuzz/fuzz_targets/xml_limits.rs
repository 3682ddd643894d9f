#![no_main]
//! Compares the limits that are checked before a document is parsed with what a parser then finds:
//! a document within them has no more levels, attributes, namespaces or elements.

const LIMITS: saml::Limits = saml::Limits {
    max_encoded_bytes: usize::MAX,
    max_xml_bytes: usize::MAX,
    max_depth: 6,
    max_elements: 20,
    max_attributes: 4,
    max_namespaces: 6,
};

libfuzzer_sys::fuzz_target!(|xml: &str| {
    if saml::check_xml_size(xml, &LIMITS).is_err() {
        return;
    }
    let Ok(document) = roxmltree::Document::parse(xml) else {
        return;
    };
    let elements: Vec<_> = document.descendants().filter(|it| it.is_element()).collect();
    assert!(elements.len() <= LIMITS.max_elements);
    for element in elements {
        let depth = element.ancestors().filter(|it| it.is_element()).count();
        assert!(depth <= LIMITS.max_depth as usize);
        assert!(element.attributes().count() <= LIMITS.max_attributes);
        // The prefix `xml` is always bound.
        assert!(element.namespaces().count() <= LIMITS.max_namespaces + 1);
    }
});
