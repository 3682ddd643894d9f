//! Filters are parsed and evaluated, and never panic.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use scim::AttributePath;
use scim::filter::{Filter, Operator, matches, parse};
use scim::schema::{GROUP_TYPE, USER_TYPE};
use serde_json::{Value, json};

fn user() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "2819c223",
        "externalId": "Ping-1",
        "userName": "Anna@corp.example",
        "name": {"familyName": "O'Malley", "givenName": "Anna"},
        "title": "Engineer",
        "active": true,
        "emails": [
            {"type": "work", "value": "anna@corp.example", "primary": true},
            {"type": "home", "value": "anna@home.example"},
        ],
        "meta": {"lastModified": "2026-03-02T09:00:00Z"},
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "R&D"},
    })
}

#[test]
fn the_examples_of_the_standard_and_of_known_clients_are_judged() {
    for (filter, expected) in [
        (r#"userName eq "anna@CORP.example""#, true),
        (r#"userName Eq "anna@corp.example""#, true),
        (r#"externalId eq "ping-1""#, false),
        (r#"externalId eq "Ping-1""#, true),
        (r#"name.familyName co "O'Malley""#, true),
        (
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "A""#,
            true,
        ),
        (
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "r&d""#,
            true,
        ),
        ("title pr", true),
        ("nickName pr", false),
        (r#"title pr and userType eq "Employee""#, false),
        (r#"title pr or userType eq "Intern""#, true),
        (r#"userType ne "Intern""#, true),
        (r#"meta.lastModified gt "2026-03-02T08:59:59.9Z""#, true),
        (r#"meta.lastModified lt "2026-03-02T10:00:00+02:00""#, false),
        (r#"emails co "home.example""#, true),
        (r#"emails.type eq "work""#, true),
        (
            r#"emails[type eq "work" and value co "@home.example"]"#,
            false,
        ),
        (
            r#"emails[type eq "home" and value co "@home.example"]"#,
            true,
        ),
        (r#"not (active eq false)"#, true),
        (r#"active eq "True""#, true),
        (r#"userType eq null"#, true),
        (r#"userName eq "x" or active eq true and title pr"#, true),
        (
            r#"(userName eq "x" or active eq true) and nickName pr"#,
            false,
        ),
    ] {
        let parsed = parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
        assert_eq!(
            matches(&parsed, &user(), &USER_TYPE),
            Ok(expected),
            "{filter}"
        );
    }
}

#[test]
fn errors_name_their_position() {
    for (filter, said) in [
        ("", "expected an attribute at character 1, got the end"),
        ("userName", "expected an operator"),
        (
            "userName eq",
            "expected a JSON string, number, true, false or null at character 12",
        ),
        ("userName eq anna", "expected a JSON string"),
        (r#"userName eq "anna"#, "expected a closing quote"),
        (r#"userName eq "a" and"#, "expected an attribute"),
        (r#"(userName pr"#, "expected ')'"),
        (
            r#"userName pr)"#,
            "expected and, or, or the end at character 12",
        ),
        (r#"emails[type eq "work""#, "expected ']'"),
        (r#"9x eq 1"#, "expected an attribute name"),
    ] {
        let error = parse(filter).unwrap_err();
        assert_eq!(error.scim_type.unwrap().keyword(), "invalidFilter");
        assert!(error.detail.contains(said), "{filter}: {}", error.detail);
    }
    let long = vec!["userName pr"; 501].join(" or ");
    assert!(parse(&long).unwrap_err().detail.contains("500 terms"));
    let deep = format!("{}userName pr{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(parse(&deep).unwrap_err().detail.contains("32 levels"));
}

#[test]
fn attributes_that_do_not_exist_or_do_not_compare_are_refused() {
    for filter in [
        r#"email co "x""#,
        "active gt true",
        "active co true",
        r#"name eq "x""#,
        "userName eq 1",
        r#"password eq "secret""#,
        "password pr",
        "title gt null",
        r#"meta.lastModified gt "yesterday""#,
        r#"x509Certificates.value gt "AA""#,
        r#"userName[value eq "x"]"#,
        r#"emails.value[value eq "x"]"#,
        r#"emails[primary eq "perhaps"]"#,
    ] {
        let parsed = parse(filter).unwrap();
        assert!(matches(&parsed, &user(), &USER_TYPE).is_err(), "{filter}");
    }
    let members = parse(r#"members.value eq "2819c223""#).unwrap();
    let group = json!({"displayName": "A", "members": [{"value": "2819c223"}]});
    assert_eq!(matches(&members, &group, &GROUP_TYPE), Ok(true));
}

fn filters() -> impl Strategy<Value = Filter> {
    let path = prop_oneof![
        Just("userName"),
        Just("name.givenName"),
        Just("emails.value"),
        Just("active"),
        Just("urn:ietf:params:scim:schemas:core:2.0:User:title"),
    ]
    .prop_map(|text| AttributePath::parse(text).unwrap());
    let value = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    let operator = (0..Operator::ALL.len()).prop_map(|index| Operator::ALL[index].1);
    let leaf = prop_oneof![
        path.clone().prop_map(Filter::Present),
        (path, operator, value)
            .prop_map(|(path, operator, value)| Filter::Compare(path, operator, value)),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Filter::Or(a.into(), b.into())),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Filter::And(a.into(), b.into())),
            inner.clone().prop_map(|a| Filter::Not(a.into())),
        ]
    })
}

proptest! {
    #[test]
    fn a_filter_that_is_written_is_read_back(filter in filters()) {
        prop_assert_eq!(parse(&filter.to_string()), Ok(filter));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,60}") {
        if let Ok(filter) = parse(&text) {
            let _ = matches(&filter, &user(), &USER_TYPE);
        }
    }
}

#[test]
fn a_number_of_many_digits_is_the_same_when_printed_and_parsed_again() {
    let threes = format!("value le {}", "3".repeat(50));
    for text in [
        threes.as_str(),
        "value eq 1e-7",
        "value gt 0.1",
        "value lt 1e300",
    ] {
        let parsed = parse(text).unwrap();
        assert_eq!(parse(&parsed.to_string()).unwrap(), parsed, "{text}");
    }
}
