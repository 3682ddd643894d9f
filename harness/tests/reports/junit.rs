//! JUnit XML: against its schemas, and its counts.

use super::{report, run_report};

/// Returns the content of the file that the environment variable names; None if it is not
/// set.
fn read_published(variable: &str) -> Option<String> {
    let path = std::env::var_os(variable)?;
    Some(std::fs::read_to_string(path).unwrap())
}

fn xml_complaints(schema: &str, document: &str) -> Vec<String> {
    let schema = uppsala::parse(schema).unwrap();
    let validator = uppsala::XsdValidator::from_schema(&schema).unwrap();
    let document = uppsala::parse(document).unwrap();
    let all = validator.validate(&document);
    all.iter().map(|it| it.message.clone()).collect()
}

#[test]
fn junit_matches_the_schema_of_its_readers() {
    let ours = include_str!("../schemas/junit.xsd").to_owned();
    let schemas = [Some(ours), read_published("REHEARSAL_JUNIT_XSD")];
    let reports = [report().junit(), rehearsal::report::junit(&run_report())];
    for schema in schemas.iter().flatten() {
        for junit in &reports {
            assert_eq!(
                xml_complaints(schema, junit),
                Vec::<String>::new(),
                "{junit}"
            );
            let wrong = junit.replace("errors=\"0\"", "mistakes=\"0\"");
            assert!(!xml_complaints(schema, &wrong).is_empty());
        }
    }
}

#[test]
fn junit_is_valid_xml_with_correct_counts() {
    let junit = report().junit();
    let document = roxmltree::Document::parse(&junit).unwrap();
    let suite = document.root_element().first_element_child().unwrap();
    let cases: Vec<_> = suite
        .children()
        .filter(|it| it.has_tag_name("testcase"))
        .collect();
    let with = |name: &str| {
        let held = cases
            .iter()
            .filter(|it| it.children().any(|it| it.has_tag_name(name)));
        held.count().to_string()
    };
    assert_eq!(suite.attribute("tests"), Some("4"));
    assert_eq!(suite.attribute("failures"), Some(with("failure").as_str()));
    assert_eq!(suite.attribute("skipped"), Some(with("skipped").as_str()));
    for case in cases {
        assert!(case.attribute("name").is_some() && case.attribute("classname").is_some());
        assert!(case.attribute("time").unwrap().parse::<f64>().is_ok());
    }
}
