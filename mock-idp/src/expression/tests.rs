//! The sample expressions of PingOne's documentation with their documented results, and
//! expressions that are refused.

use serde_json::{Value as Json, json};

use super::*;

fn model() -> Json {
    json!({
        "user": {
            "name": {"given": "John", "family": "Doe"}, "role": "SA", "type": "User",
            "email": "john@example.com", "username": "jdoe", "population": {"id": "p1"},
            "memberOfGroupNames": ["Admin", "User"], "memberOfGroupIDs": ["User"],
            "groupDNs": ["CN=Devs,CN=Users,DC=malibu,DC=gl,DC=lab", "CN=Admins,CN=Users,DC=malibu"],
            "contacts": [
                {"type": "email", "info": "user01@test.com", "primary": false},
                {"type": "phone", "info": 9876512345_i64, "primary": true},
                {"type": "phone", "info": 9876511111_i64, "primary": false},
            ],
        },
        "providerAttributes": {
            "full-name": "John Doe",
            "http://www.schema.com/samples/userId": "jdoe00",
            "Email Address": "johndoe00@test.com",
        },
        "custom-attributes": {"email": "johndoe00@test.com"},
    })
}

fn now() -> jiff::Timestamp {
    "2026-03-01T08:00:00.1234Z".parse().unwrap()
}

fn evaluate(expression: &str) -> Result<Json> {
    Template::parse(&format!("${{{expression}}}"))
        .and_then(|template| template.evaluate(&Model::of(&model()), now()))
}

fn of(expression: &str) -> Json {
    evaluate(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

fn error_of(expression: &str) -> String {
    evaluate(expression).unwrap_err().to_string()
}

/// The samples of the documentation: `expression → result`, the result in JSON. A `//` before a
/// row says how a sample was understood where the documentation is damaged or contradicts
/// itself.
const SAMPLES: &str = include_str!("samples.txt");

#[test]
fn documented_expressions_give_their_documented_results() {
    let mut seen = 0;
    for row in SAMPLES
        .lines()
        .filter(|row| !row.is_empty() && !row.starts_with("//"))
    {
        let (expression, result) = row.rsplit_once(" → ").unwrap();
        let result: Json = serde_json::from_str(result).unwrap();
        assert_eq!(of(expression), result, "{expression}");
        seen += 1;
    }
    assert!(seen > 150, "{seen}");
}

#[test]
fn the_given_clock_is_used() {
    assert_eq!(of("#datetime.now()"), "2026-03-01T08:00:00.123Z");
}

#[test]
fn text_around_an_expression_is_kept() {
    let template = Template::parse("Dear ${user.name.given}: ${'}'}").unwrap();
    assert_eq!(
        template.evaluate(&Model::of(&model()), now()).unwrap(),
        json!("Dear John: }")
    );
}

#[test]
fn disabled_syntax_is_refused_with_its_column() {
    for (expression, message) in [
        (
            "5+6",
            "invalid expression at column 4: expected a space on both sides of the operator",
        ),
        (
            "'Hi'+ user.name.given",
            "invalid expression at column 7: expected a space on both sides of the operator",
        ),
        (
            "user?.name",
            "invalid expression at column 7: the operator ?. is disabled: a plain dot is null-safe already",
        ),
        (
            "T(java.lang.Runtime)",
            "invalid expression at column 3: the operator T() is disabled",
        ),
        (
            "user.role = 'x'",
            "invalid expression at column 13: assignment is disabled: data can only be read; compare by ==",
        ),
        (
            "user instanceof x",
            "invalid expression at column 8: instanceof is disabled",
        ),
        (
            "user.name.toString()",
            "invalid expression at column 12: methods are disabled: toString() cannot be called; use #string, #data, #regex …",
        ),
        (
            "user.name.",
            "invalid expression at column 13: expected a property after the dot, got the end",
        ),
    ] {
        assert_eq!(error_of(expression), message, "{expression}");
    }
}

#[test]
fn no_expression_exceeds_its_budget() {
    let mut nested = format!("'{}'", "a".repeat(50));
    for _ in 0..20 {
        nested = format!("#string.replace({nested}, 'a', 'aaaa', -1)");
    }
    assert!(error_of(&nested).contains("at most"));
    assert!(error_of(&"(".repeat(4000)).contains("nested levels"));
    assert!(error_of(&format!("user{}", ".a".repeat(4000))).contains("steps in one path"));
    assert!(error_of(&format!("1{}", " + 1".repeat(3000))).contains("operators"));
    // The deepest expression that is allowed must not overflow a worker's stack.
    let row = format!("1{}", " + 1".repeat(150));
    let deep = format!("{}{row}{}", "(".repeat(40), ")".repeat(40));
    assert_eq!(of(&deep), json!(151));
    // Evaluates the inner list for every item, five levels deep.
    let ten = "{1,2,3,4,5,6,7,8,9,10}";
    let all = format!("{ten}.![{ten}.![{ten}.![{ten}.![{ten}.![#root]]]]]");
    assert!(error_of(&all).contains("steps"));
    let wide = format!("new int[10000].![{}]", "#root");
    assert!(error_of(&wide).contains("steps"));
    let many = "${'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}".repeat(400);
    assert!(
        Template::parse(&many)
            .unwrap()
            .evaluate(&Model::of(&model()), now())
            .is_ok()
    );
    let long = "${#string.format('%1000s%1000s%1000s', 1, 1, 1)}".repeat(60);
    let error = Template::parse(&long)
        .unwrap()
        .evaluate(&Model::of(&model()), now())
        .unwrap_err();
    assert!(error.to_string().contains("bytes of text"), "{error}");
}

#[test]
fn a_pattern_that_goes_back_without_end_is_refused() {
    let catastrophe = format!("#regex.matches('{}b', '((?=a)a+)+c')", "a".repeat(40));
    assert!(error_of(&catastrophe).contains("too many backtracking steps"));
    assert!(error_of("#regex.matches('a', '(')").contains("invalid regular expression"));
    assert!(
        error_of("#regex.matches('a', '((a{1000}){1000}){1000}')")
            .contains("invalid regular expression")
    );
    let long = format!("#regex.matches('a', '{}')", "a".repeat(3000));
    assert!(error_of(&long).contains("at most 2000 bytes"));
}

#[test]
fn only_a_written_out_object_is_not_safe_for_null() {
    assert_eq!(of("user.nothing.at.all"), json!(null));
    assert_eq!(of("{'a': 1}.a"), json!(1));
    assert_eq!(of("{'a': 1}['b']"), json!(null));
    assert!(error_of("{'a': 1}.b").contains("no property b"));
}

#[test]
fn nothing_but_the_model_is_seen() {
    for expression in [
        "#root.environment",
        "#system",
        "systemProperties",
        "#root.class",
    ] {
        match evaluate(expression) {
            Ok(value) => assert_eq!(value, json!(null), "{expression}"),
            Err(error) => assert!(error.message.contains("expected #root"), "{error}"),
        }
    }
    for name in ["exec", "getClass", "forName"] {
        assert!(error_of(&format!("#string.{name}('x')")).contains("not found in #string"));
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}") {
        if let Ok(template) = Template::parse(&text) {
            let _ = template.evaluate(&Model::of(&model()), now());
        }
    }

    #[test]
    fn no_pile_of_tokens_makes_the_evaluator_panic(
        text in "(user|\\.name|\\.|#this|#root|#string\\.length|#data\\.size|\\(|\\)|\\[|\\]|\\{|\\}|'a'|1|-| \\+ | - | / | % | == | and |!|\\?| : |,|\\.!\\[|\\.\\?\\[|null){0,24}"
    ) {
        if let Ok(template) = Template::parse(&format!("${{{text}}}")) {
            let _ = template.evaluate(&Model::of(&model()), now());
        }
    }

    #[test]
    fn no_argument_makes_a_function_panic(
        function in "(string\\.(substring|indexOf|lastIndexOf|replace|format|split|asUrlDecoded|asBase64Decoded|uuidAsBase64Guid)|datetime\\.(addDays|addMonths|addYears|addHours|parse|format|periodBetween|monthsBetween|toDateTimeInTimezone|fromUnixTimestamp|toDate)|data\\.(union|indexOf|equals)|regex\\.(matches|replaceAll|findAllMatches))",
        arguments in "(('[a-zA-Z0-9:%$ä .TZ+-]{0,20}'|-?[0-9]{1,18}|null|\\{1,2\\}|'2021-02-28Z'|'9999-12-31T23:59:59Z'|'-009999-01-01Z'|'yyyy-MM-dd'),){0,4}null"
    ) {
        let _ = evaluate(&format!("#{function}({arguments})"));
    }

    #[test]
    fn a_list_keeps_its_length_when_it_is_projected(items in proptest::collection::vec(0_i64..1000, 0..50)) {
        let list: Vec<String> = items.iter().map(i64::to_string).collect();
        let projected = of(&format!("{{{}}}.![#this + 1]", list.join(",")));
        let more: Vec<i64> = items.iter().map(|item| item + 1).collect();
        proptest::prop_assert_eq!(projected, json!(more));
    }

    #[test]
    fn text_survives_its_encodings(text in "[^'$]{0,60}") {
        for there_and_back in [
            format!("#string.asBase64Decoded(#string.asBase64Encoded('{text}'))"),
            format!("#string.asUrlDecoded(#string.asUrlEncoded('{text}'))"),
        ] {
            proptest::prop_assert_eq!(of(&there_and_back), json!(text));
        }
    }

    #[test]
    fn days_that_are_added_are_the_days_between(days in -100_000_i64..100_000) {
        let expression = format!("#datetime.daysBetween('2021-02-28T12:30:00Z', #datetime.addDays('2021-02-28T12:30:00Z', {days}), 'no')");
        proptest::prop_assert_eq!(of(&expression), json!(days));
    }
}
