//! The documented sample expressions with their documented results, and what
//! is refused.

use serde_json::{Value as Json, json};

use super::*;

fn model() -> Json {
    json!({
        "user": {
            "name": {"given": "John", "family": "Doe"}, "role": "SA", "type": "User",
            "email": "john@example.com",
            "memberOfGroupNames": ["Admin", "User"], "memberOfGroupIDs": ["User"],
            "groupDNs": ["CN=Devs,CN=Users,DC=malibu,DC=gl,DC=lab", "CN=Admins,CN=Users,DC=malibu"],
            "contacts": [
                {"type": "email", "info": "user01@test.com", "primary": false},
                {"type": "phone", "info": 9876512345_i64, "primary": true},
                {"type": "phone", "info": 9876511111_i64, "primary": false},
            ],
        },
        "providerAttributes": {"full-name": "John Doe"},
        "custom-attributes": {"email": "johndoe00@test.com"},
    })
}

fn of(expression: &str) -> Json {
    Template::parse(&format!("${{{expression}}}"))
        .and_then(|template| template.evaluate(&model()))
        .unwrap_or_else(|error| panic!("{expression}: {error}"))
}

fn refused(expression: &str) -> String {
    Template::parse(&format!("${{{expression}}}"))
        .and_then(|template| template.evaluate(&model()))
        .unwrap_err()
        .to_string()
}

#[test]
fn documented_expressions_give_their_documented_results() {
    let int = "new int[] {2,4,6,8,10}";
    for (expression, result) in [
        ("'FirstName'", json!("FirstName")),
        ("\"User\"", json!("User")),
        ("'''string'''", json!("'string'")),
        ("1", json!(1)),
        ("true", json!(true)),
        ("{'USER'}", json!(["USER"])),
        ("{'firstName': 'John'}", json!({"firstName": "John"})),
        (
            "user.name.given + ', ' + user.name.family",
            json!("John, Doe"),
        ),
        ("user.address.city", json!(null)),
        (
            "#string.substring(user.name.given, 0, 1) + #string.substring(user.name.family, 0, 4)",
            json!("JDoe"),
        ),
        (
            "user.name.given + ' ' + user.name.family + ', ' + {'PM': 'Product Manager', 'SA': 'Software Architect'}[user.role] ?: 'Unknown'",
            json!("John Doe, Software Architect"),
        ),
        (
            "user.memberOfGroupNames.![#string.upperCase(#this)]",
            json!(["ADMIN", "USER"]),
        ),
        (
            "user.memberOfGroupNames.!['CN=' + #this + ',DC=example,DC=com']",
            json!(["CN=Admin,DC=example,DC=com", "CN=User,DC=example,DC=com"]),
        ),
        (
            "user.memberOfGroupNames.![#root.user.email + ' - ' + #this]",
            json!(["john@example.com - Admin", "john@example.com - User"]),
        ),
        (
            "user.groupDNs.![#regex.replaceAll(#this, '(CN=)(.*?),.*', '$2')]",
            json!(["Devs", "Admins"]),
        ),
        ("providerAttributes['full-name']", json!("John Doe")),
        (
            "#root['custom-attributes'].email",
            json!("johndoe00@test.com"),
        ),
        (
            "{1,2,3,4,5,6,7,8,9,10}.?[#this % 2 == 0]",
            json!([2, 4, 6, 8, 10]),
        ),
        ("{1,2,3,4,5,6,7,8,9,10}.^[#this % 2 == 0]", json!(2)),
        ("{1,2,3,4,5,6,7,8,9,10}.$[#this % 2 == 0]", json!(10)),
        ("user.contacts.![type]", json!(["email", "phone", "phone"])),
        ("user.contacts.?[primary].![info]", json!([9876512345_i64])),
        (
            "user.contacts.?[primary].![{'primaryContact': info}]",
            json!([{"primaryContact": 9876512345_i64}]),
        ),
        ("new int[] {1,2,3,4} [0]", json!(1)),
        (
            "#string.substring('example input for substring demo', 8, 13)",
            json!("input"),
        ),
        (
            "#string.substring('example input for substring demo', -24, 13)",
            json!("input"),
        ),
        (
            "#string.substring('example input for substring demo', -24, -19)",
            json!("input"),
        ),
        (
            "#string.split('Administrator, User, Guest', ', ')",
            json!(["Administrator", "User", "Guest"]),
        ),
        (
            "#string.join({'Administrator', 'User', 'Guest'}, ', ')",
            json!("Administrator, User, Guest"),
        ),
        (
            "#string.indexOf('To find and return index or return -1', 'return', -1)",
            json!(12),
        ),
        (
            "#string.lastIndexOf('To find and return index or return -1', 'return', 50)",
            json!(28),
        ),
        (
            "#string.replace('input values replaced by input replacement', 'in', 'out', -1)",
            json!("output values replaced by output replacement"),
        ),
        ("#string.compare('Input', 'INPUT', true)", json!(0)),
        ("#string.asInt('9876543210123456789', 0)", json!(0)),
        ("#string.asFloat('12.5', 0)", json!(12.5)),
        (
            "#string.asFloat('1234567899876543210123456789987654321019.12', 0)",
            json!(0),
        ),
        (
            "#string.asBase64Encoded('Test Value for encoding')",
            json!("VGVzdCBWYWx1ZSBmb3IgZW5jb2Rpbmc="),
        ),
        (
            "#string.asUrlEncoded('username=johndoe+admin')",
            json!("username%3Djohndoe%2Badmin"),
        ),
        (
            "#string.asUrlDecoded('username%3Djohndoe%2Badmin')",
            json!("username=johndoe+admin"),
        ),
        (
            "#string.format('UserId: %s, Full Name: %s, %s', 'johndoe','John', 'Doe')",
            json!("UserId: johndoe, Full Name: John, Doe"),
        ),
        (
            "#string.format('Hex for 10 is %X', 10)",
            json!("Hex for 10 is A"),
        ),
        (
            "#string.uuidAsBase64Guid('7754d487-1fc3-4206-9e95-ce012f1586e5', null)",
            json!("h9RUd8MfBkKelc4BLxWG5Q=="),
        ),
        (
            "#string.firstNonBlank(null, '', ' ', 'firstNonEmpty', 'secondNonEmpty')",
            json!("firstNonEmpty"),
        ),
        (
            "#data.containsAll(new float[] {2.1,4.1}, {2.1})",
            json!(false),
        ),
        (
            "#data.containsAll(new double[] {2.1,4.1}, {2.1})",
            json!(true),
        ),
        ("#data.union({2,4}, {1,10,11})", json!([2, 4, 1, 10, 11])),
        (
            "#regex.replaceFirst('upper case AND lower case', '([a-z]+)( +)([a-z]+)', '$1_$3')",
            json!("upper_case AND lower case"),
        ),
        (
            "#regex.matches('upper case', '([a-z]+)( +)([a-z]+)')",
            json!(true),
        ),
        (
            "#core.ifelse(user.type == 'Administrator','Full Access', user.type == 'User','Restricted Access','No Access')",
            json!("Restricted Access"),
        ),
        (
            "#core.switchExpr(user.type,'Administrator','Full Access','User','Restricted Access','No Access')",
            json!("Restricted Access"),
        ),
        (
            "( (user.role eq 'SA' and user.type NE 'x') )? user.email : null",
            json!("john@example.com"),
        ),
    ] {
        assert_eq!(of(expression), result, "{expression}");
    }
    assert_eq!(of(&format!("#data.indexOf({int}, 6)")), json!(2));
    assert_eq!(
        of(&format!("#data.retainAll({{2,4,6}}, {int})")),
        json!([2, 4, 6])
    );
}

#[test]
fn text_around_an_expression_is_kept() {
    let template = Template::parse("Dear ${user.name.given}: ${'}'}").unwrap();
    assert_eq!(template.evaluate(&model()).unwrap(), json!("Dear John: }"));
}

#[test]
fn what_is_disabled_is_refused_by_name() {
    for (expression, message) in [
        (
            "5+6",
            "column 4: expected a space on both sides of the operator",
        ),
        (
            "'Hi'+ user.name.given",
            "column 7: expected a space on both sides of the operator",
        ),
        (
            "user?.name",
            "column 7: the operator ?. is disabled: a plain dot is safe for null already",
        ),
        (
            "T(java.lang.Runtime)",
            "column 3: the operator T() is disabled",
        ),
        (
            "user.role = 'x'",
            "column 13: assignment is disabled: data can only be read; compare by ==",
        ),
        ("user instanceof x", "column 8: instanceof is disabled"),
        (
            "user.name.toString()",
            "column 12: methods are disabled: toString() can't be called; use #string, #data, #regex …",
        ),
        (
            "user.name.",
            "column 13: expected a property after the dot, came the end",
        ),
    ] {
        assert_eq!(refused(expression), message, "{expression}");
    }
}

#[test]
fn no_expression_outgrows_its_budget() {
    let doubling = "#string.replace(#this, 'a', 'aa', -1)";
    let mut nested = "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'".to_owned();
    for _ in 0..20 {
        nested = format!("#string.replace({nested}, 'a', 'aaaa', -1)");
    }
    assert!(refused(&nested).contains("at most"), "{doubling}");
    assert!(refused(&"(".repeat(4000)).contains("nested levels"));
    assert!(refused(&format!("user{}", ".a".repeat(4000))).contains("steps in one path"));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}") {
        if let Ok(template) = Template::parse(&text) {
            let _ = template.evaluate(&model());
        }
    }

    #[test]
    fn no_pile_of_tokens_makes_the_evaluator_panic(
        text in "(user|\\.name|\\.|#this|#root|#string\\.length|#data\\.size|\\(|\\)|\\[|\\]|\\{|\\}|'a'|1|-| \\+ | - | / | % | == | and |!|\\?| : |,|\\.!\\[|\\.\\?\\[|null){0,24}"
    ) {
        if let Ok(template) = Template::parse(&format!("${{{text}}}")) {
            let _ = template.evaluate(&model());
        }
    }
}
