//! PATCH as the standard defines it, and as Entra ID, Okta and PingOne send it.
#![allow(clippy::unwrap_used)]

use scim::patch::{Action, Operation};
use scim::schema::{GROUP_TYPE, ResourceType, USER_TYPE};
use scim::{Error, Projection, Resource, patch};
use serde_json::{Value, json};

fn patch_resource(resource: &Value, of: &ResourceType, operations: Value) -> Result<Value, Error> {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": operations,
    });
    let operations = patch::parse(&body)?;
    let after = patch::apply(&operations, resource, of)?;
    Ok(Resource::parse(&after, of)?.into_json())
}

fn user() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "anna",
        "name": {"familyName": "Ash", "givenName": "Anna"},
        "active": true,
        "emails": [{"type": "work", "value": "anna@corp.example", "primary": true}],
    })
}

fn group() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Users",
        "members": [{"value": "1"}, {"value": "2"}],
    })
}

#[test]
fn users_are_changed_as_known_clients_ask() {
    let cases = [
        // Okta sets `active` to false without a path.
        (
            json!([{"op": "replace", "value": {"active": false}}]),
            "/active",
            json!(false),
        ),
        // Entra ID sends `Replace` and "False".
        (
            json!([{"op": "Replace", "path": "active", "value": "False"}]),
            "/active",
            json!(false),
        ),
        (
            json!([{"op": "Add", "path": "name.familyName", "value": "Birch"}]),
            "/name/familyName",
            json!("Birch"),
        ),
        (
            json!([{"op": "replace", "path": "name", "value": {"familyName": "Birch"}}]),
            "/name/givenName",
            json!("Anna"),
        ),
        (
            json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "a@b"}]),
            "/emails/0/value",
            json!("a@b"),
        ),
        (
            json!([{"op": "replace", "path": "emails[type eq \"work\"]", "value": {"value": "a@b"}}]),
            "/emails",
            json!([{"type": "work", "value": "a@b"}]),
        ),
        (
            json!([{"op": "add", "path": "emails[type eq \"work\"]", "value": {"display": "A"}}]),
            "/emails/0/primary",
            json!(true),
        ),
        // Entra ID adds to a value that does not exist yet.
        (
            json!([{"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+1"}]),
            "/phoneNumbers",
            json!([{"value": "+1", "type": "mobile"}]),
        ),
        (
            json!([{"op": "add", "path": "emails", "value": [{"type": "home", "value": "h", "primary": true}]}]),
            "/emails/0/primary",
            json!(false),
        ),
        (
            json!([{"op": "remove", "path": "emails"}]),
            "/emails",
            Value::Null,
        ),
        (
            json!([{"op": "remove", "path": "emails[type eq \"work\"]", "value": "anything"}]),
            "/emails",
            Value::Null,
        ),
        // The same value in other letter case, booleans as strings, names in any letter case.
        (
            json!([{"op": "add", "path": "EMAILS", "value": [{"Value": "Anna@corp.example", "Type": "work", "Primary": "True"}]}]),
            "/emails",
            json!([{"type": "work", "value": "Anna@corp.example", "primary": true}]),
        ),
        (
            json!([{"op": "add", "path": "emails", "value": {"value": "h", "primary": "True"}}]),
            "/emails/0/primary",
            json!(false),
        ),
        (
            json!([{"op": "replace", "value": {"title": null, "nickName": "A"}}]),
            "/nickName",
            json!("A"),
        ),
        // Entra ID sends only the id as manager.
        (
            json!([{"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": "9"}]),
            "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value",
            json!("9"),
        ),
        (
            json!([{"op": "Add", "value": {"name.givenName": "Ann", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "R&D"}}]),
            "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department",
            json!("R&D"),
        ),
        (
            json!([{"op": "add", "value": {"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "9"}}}}]),
            "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value",
            json!("9"),
        ),
    ];
    for (operations, pointer, expected) in cases {
        let after = patch_resource(&user(), &USER_TYPE, operations.clone())
            .unwrap_or_else(|error| panic!("{operations}: {error}"));
        assert_eq!(
            after.pointer(pointer).unwrap_or(&Value::Null),
            &expected,
            "{operations}: {after}"
        );
    }
}

#[test]
fn members_are_changed_as_known_clients_ask() {
    for (operations, expected) in [
        (
            json!([{"op": "add", "path": "members", "value": [{"value": "3"}, {"value": "1"}]}]),
            "123",
        ),
        (
            json!([{"op": "remove", "path": "members[value eq \"2\"]"}]),
            "1",
        ),
        (
            json!([{"op": "Remove", "path": "members", "value": [{"value": "1"}]}]),
            "2",
        ),
        (
            json!([{"op": "replace", "path": "members", "value": [{"value": "7"}]}]),
            "7",
        ),
        (
            json!([{"op": "replace", "value": {"id": "x", "members": [{"value": "8"}]}}]),
            "8",
        ),
        (json!([{"op": "remove", "path": "members"}]), ""),
        (
            json!([{"op": "remove", "path": "members[value eq \"none\"]"}]),
            "12",
        ),
    ] {
        let after = patch_resource(&group(), &GROUP_TYPE, operations.clone()).unwrap();
        let members = after["members"].as_array().cloned().unwrap_or_default();
        let mut ids: Vec<&str> = members
            .iter()
            .map(|member| member["value"].as_str().unwrap())
            .collect();
        ids.sort_unstable();
        assert_eq!(ids.concat(), expected, "{operations}");
    }
}

#[test]
fn a_refused_patch_has_its_scim_type() {
    for (operations, keyword) in [
        (json!([]), "invalidSyntax"),
        (json!([{"op": "delete", "path": "title"}]), "invalidSyntax"),
        (json!([{"op": "remove"}]), "noTarget"),
        (json!([{"op": "add", "path": "title"}]), "invalidSyntax"),
        (
            json!([{"op": "replace", "path": "color", "value": "red"}]),
            "invalidPath",
        ),
        (
            json!([{"op": "replace", "path": "name.color", "value": "red"}]),
            "invalidPath",
        ),
        (
            json!([{"op": "replace", "path": "emails[type eq", "value": "red"}]),
            "invalidPath",
        ),
        (
            json!([{"op": "replace", "path": "emails[type ne \"work\"].value", "value": "x"}]),
            "noTarget",
        ),
        (
            json!([{"op": "replace", "path": "id", "value": "x"}]),
            "mutability",
        ),
        (
            json!([{"op": "replace", "path": "groups", "value": []}]),
            "mutability",
        ),
        (json!([{"op": "remove", "path": "userName"}]), "mutability"),
        (
            json!([{"op": "replace", "path": "userName", "value": null}]),
            "invalidValue",
        ),
        (json!([{"op": "replace", "path": "title"}]), "invalidSyntax"),
        (
            json!([{"op": "add", "path": "title", "value": null}]),
            "invalidValue",
        ),
        (
            json!([{"op": "replace", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "1"}]),
            "noTarget",
        ),
        (
            json!([{"op": "replace", "path": "phoneNumbers.value", "value": "1"}]),
            "noTarget",
        ),
        (
            json!([{"op": "replace", "path": "emails[color eq \"work\"].value", "value": "x"}]),
            "invalidPath",
        ),
        (
            json!([{"op": "replace", "path": "name[givenName eq \"Anna\"]", "value": {}}]),
            "invalidPath",
        ),
        (
            json!([{"op": "add", "path": "emails", "value": [
                {"value": "a", "primary": true}, {"value": "b", "primary": true},
            ]}, {"op": "replace", "path": "emails[type pr or not (type pr)].primary", "value": true}]),
            "invalidValue",
        ),
        (
            json!([{"op": "replace", "path": "active", "value": "perhaps"}]),
            "invalidValue",
        ),
        (json!([{"op": "replace", "value": "x"}]), "invalidValue"),
    ] {
        let error = patch_resource(&user(), &USER_TYPE, operations.clone()).unwrap_err();
        assert_eq!(
            error.scim_type.map(scim::ScimType::keyword),
            Some(keyword),
            "{operations}: {error}"
        );
    }
}

#[test]
fn resources_are_read_with_names_and_types_set_right() {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "USERNAME": "anna", "Active": "True", "id": "mine", "unknown": 1,
        "emails": {"value": "a@b"}, "title": null, "phoneNumbers": [],
    });
    let read = Resource::parse(&body, &USER_TYPE).unwrap().into_json();
    let expected = json!({
        "userName": "anna", "active": true, "emails": [{"value": "a@b"}],
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    });
    assert_eq!(read, expected);
    for (body, said) in [
        (json!([]), "expected a User as JSON object"),
        (
            json!({"displayName": "x"}),
            "expected userName, which is required",
        ),
        (
            json!({"userName": " "}),
            "expected userName to be a text that is not empty",
        ),
        (
            json!({"userName": 7}),
            "expected userName to be string, got the number 7",
        ),
        (
            json!({"userName": "a", "emails": ["x"]}),
            "expected emails[0] to be complex",
        ),
        (
            json!({"userName": "a", "schemas": ["urn:x"]}),
            "expected schemas to name",
        ),
    ] {
        let error = Resource::parse(&body, &USER_TYPE).unwrap_err();
        assert!(error.detail.contains(said), "{body}: {}", error.detail);
    }
}

#[test]
fn an_answer_has_what_was_asked_for() {
    let mut whole = user();
    whole["id"] = json!("1");
    let names = |attributes, excluded| -> String {
        let projection = Projection::parse(attributes, excluded).unwrap();
        projection.apply(&whole, &USER_TYPE).to_string()
    };
    assert_eq!(
        names(Some("userName,emails.type"), None),
        r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"anna","emails":[{"type":"work"}],"id":"1"}"#
    );
    assert!(!names(None, Some("emails,schemas")).contains("emails\":"));
    assert!(
        names(None, Some("emails,schemas")).contains("schemas"),
        "always returned"
    );
    assert!(Projection::parse(Some("a"), Some("b")).is_err());
}

#[test]
fn changes_of_members_are_separated_if_possible() {
    use scim::patch::ListChange::{Join, Leave, Replace};
    let split = |operations: Value| {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations,
        });
        let operations = patch::parse(&body).unwrap();
        patch::split(&operations, "members", &GROUP_TYPE).unwrap()
    };
    let texts = |all: &[&str]| -> Vec<String> { all.iter().map(|one| (*one).to_owned()).collect() };
    let (changes, rest) = split(json!([
        {"op": "Add", "path": "Members", "value": [{"value": "1"}]},
        {"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:Group:members", "value": {"value": "2"}},
        {"op": "remove", "path": "members[value eq \"1\" or value eq \"2\"]"},
        {"op": "remove", "path": "members", "value": [{"value": "3"}]},
        {"op": "replace", "value": {"id": "x", "displayName": "A", "members": [{"value": "4"}]}},
        {"op": "remove", "path": "members"},
    ]))
    .unwrap();
    assert_eq!(
        changes,
        [
            Join(texts(&["1"])),
            Join(texts(&["2"])),
            Leave(texts(&["1", "2"])),
            Leave(texts(&["3"])),
            Replace(texts(&["4"])),
            Replace(vec![]),
        ]
    );
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].value, Some(json!({"id": "x", "displayName": "A"})));
    for whole in [
        json!([{"op": "remove", "path": "members[display co \"x\"]"}]),
        json!([{"op": "replace", "path": "members[value eq \"1\"].value", "value": "2"}]),
    ] {
        assert_eq!(split(whole), None);
    }
}

#[test]
fn immutable_values_cannot_be_changed() {
    let change = json!([{"op": "replace", "path": "members[value eq \"1\"].value", "value": "9"}]);
    let error = patch_resource(&group(), &GROUP_TYPE, change).unwrap_err();
    assert_eq!(error.scim_type, Some(scim::ScimType::Mutability));
    let same = json!([{"op": "replace", "path": "members[value eq \"1\"].value", "value": "1"}]);
    assert_eq!(
        patch_resource(&group(), &GROUP_TYPE, same).unwrap()["members"],
        group()["members"]
    );
}

#[test]
fn a_custom_extension_is_data() {
    let document = json!({
        "id": "urn:example:scim:schemas:badge:2.0:User", "name": "Badge",
        "attributes": [
            {"name": "number", "type": "string", "mutability": "immutable", "caseExact": true},
            {"name": "level", "type": "integer"},
            {"name": "pin", "type": "string", "mutability": "writeOnly", "returned": "never"},
            {"name": "doors", "type": "complex", "multiValued": true, "returned": "request",
             "subAttributes": [{"name": "value", "type": "string"}]},
        ],
    });
    let schema = scim::schema::Schema::from_json(&document).unwrap();
    assert_eq!(
        schema.to_json("x")["attributes"][0]["mutability"],
        "immutable"
    );
    let of = USER_TYPE.with_extensions(&[schema]);
    let urn = schema.id;
    let mut whole = user();
    whole[urn] = json!({"Number": "7", "level": 3, "pin": "1", "doors": [{"value": "d"}]});
    let mut read = Resource::parse(&whole, of).unwrap();
    read.forget_secrets(of);
    let before = read.into_json();
    assert_eq!(
        before[urn],
        json!({"number": "7", "level": 3, "doors": [{"value": "d"}]})
    );
    let path = format!("{urn}:level");
    let after = patch_resource(
        &before,
        of,
        json!([{"op": "replace", "path": path, "value": 4}]),
    )
    .unwrap();
    assert_eq!(after[urn]["level"], 4);
    assert!(scim::keeps_immutable(&before, &after, of).is_ok());
    let path = format!("{urn}:number");
    let after = patch_resource(
        &before,
        of,
        json!([{"op": "replace", "path": path, "value": "8"}]),
    )
    .unwrap();
    assert!(scim::keeps_immutable(&before, &after, of).is_err());
    let shown = |attributes: Option<&str>| {
        Projection::parse(attributes, None)
            .unwrap()
            .apply(&before, of)[urn]
            .clone()
    };
    assert_eq!(shown(None), json!({"number": "7", "level": 3}));
    assert_eq!(shown(Some(urn)), json!({"number": "7", "level": 3}));
    assert_eq!(
        shown(Some(&format!("{urn}:doors"))),
        json!({"doors": [{"value": "d"}]})
    );
    assert_eq!(shown(Some("level")), Value::Null);
    let wrong = json!({"id": "urn:x", "name": "X", "attributes": [{"name": "a", "type": "text"}]});
    let error = scim::schema::Schema::from_json(&wrong).unwrap_err();
    assert!(error.to_string().contains("attributes[0].type"), "{error}");
}

/// Applies one PATCH to a user with `count` e-mail addresses, in each way, and returns how long it
/// took.
fn seconds_for(count: usize) -> f64 {
    let emails = |domain: &str| -> Vec<Value> {
        (0..count)
            .map(|number| json!({"value": format!("u{number}@{domain}"), "type": "work"}))
            .collect()
    };
    let base = json!({"userName": "anna", "emails": emails("a.example")});
    let operation = |action, path: &str, value: Option<Value>| Operation {
        action,
        path: Some(path.to_owned()),
        value,
    };
    let began = std::time::Instant::now();
    let parsed = Resource::parse(&base, &USER_TYPE).unwrap();
    for operation in [
        operation(Action::Add, "emails", Some(emails("b.example").into())),
        operation(Action::Add, "emails", Some(emails("A.example").into())),
        operation(Action::Remove, "emails", Some(emails("a.example").into())),
        operation(Action::Remove, "emails[type eq \"work\"]", None),
    ] {
        let resource = Value::Object(parsed.as_object().clone());
        patch::apply(&[operation], &resource, &USER_TYPE).unwrap();
    }
    began.elapsed().as_secs_f64()
}

/// With the comparison of every pair, eight times as many values take 64 times as long.
#[test]
fn the_time_for_a_list_grows_as_its_length() {
    let fastest = |count| (0..3).map(|_| seconds_for(count)).fold(f64::MAX, f64::min);
    let ratio = fastest(16_000) / fastest(2_000);
    assert!(ratio < 30.0, "{ratio}");
}
