//! The result of any PATCH is a resource that the schema allows.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use scim::patch::{self, Action, ListChange, Operation};
use scim::schema::{GROUP_TYPE, USER_TYPE};
use scim::{Resource, keeps_immutable};
use serde_json::{Value, json};

fn user() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "anna",
        "name": {"familyName": "Ash", "givenName": "Anna"},
        "active": true,
        "emails": [
            {"type": "work", "value": "anna@corp.example", "primary": true},
            {"type": "home", "value": "anna@home.example"},
        ],
    })
}

fn paths() -> impl Strategy<Value = Option<String>> {
    let known = [
        "userName",
        "active",
        "title",
        "name",
        "name.familyName",
        "emails",
        "EMAILS.value",
        "emails[type eq \"work\"]",
        "emails[type eq \"work\"].value",
        "emails[type eq \"other\"].primary",
        "emails[value co \"anna\"].primary",
        "addresses[type eq \"work\"].locality",
        "groups",
        "id",
        "meta.version",
        "schemas",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "urn:ietf:params:scim:schemas:core:2.0:User:emails",
        "color",
    ];
    prop_oneof![
        6 => proptest::sample::select(known.to_vec()).prop_map(|path| Some(path.to_owned())),
        1 => Just(None),
        1 => "\\PC{0,12}".prop_map(Some),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        proptest::sample::select(vec!["True", "work", "anna@corp.example", "", "x"])
            .prop_map(Value::from),
    ];
    let names = vec![
        "value",
        "type",
        "primary",
        "Value",
        "userName",
        "active",
        "emails",
        "name",
        "familyName",
        "manager",
        "department",
        "name.givenName",
        "emails[type eq \"work\"].value",
        "groups",
        "id",
    ];
    leaf.prop_recursive(3, 20, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((proptest::sample::select(names.clone()), inner), 0..4)
                .prop_map(|members| {
                    members
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect::<serde_json::Map<_, _>>()
                        .into()
                }),
        ]
    })
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let action = proptest::sample::select(vec![Action::Add, Action::Remove, Action::Replace]);
    let one = (action, paths(), values()).prop_map(|(action, path, value)| Operation {
        action,
        path,
        value: Some(value),
    });
    proptest::collection::vec(one, 1..5)
}

fn primaries(resource: &Value) -> usize {
    let all = resource["emails"].as_array();
    all.into_iter()
        .flatten()
        .filter(|one| one["primary"] == true)
        .count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_patch_leaves_a_user_that_the_schema_allows_or_none(operations in operations()) {
        let Ok(after) = patch::apply(&operations, &user(), &USER_TYPE) else {
            return Ok(());
        };
        let Ok(read) = Resource::parse(&after, &USER_TYPE) else {
            return Ok(());
        };
        let read = read.into_json();
        prop_assert!(read["userName"].as_str().is_some_and(|name| !name.trim().is_empty()));
        prop_assert!(primaries(&read) <= 1, "{read}");
        prop_assert_eq!(&read["id"], &Value::Null);
        prop_assert_eq!(&read["groups"], &Value::Null);
        prop_assert_eq!(Resource::parse(&read, &USER_TYPE).unwrap().into_json(), read.clone());
        prop_assert!(keeps_immutable(&user(), &read, &USER_TYPE).is_ok());
    }

    /// Applying separated operations gives the same result as applying them together.
    #[test]
    fn separated_changes_of_members_have_the_same_result(steps in proptest::collection::vec((0..5_u8, 0..4_u8), 1..6)) {
        let before = json!({"displayName": "A", "members": [{"value": "0"}, {"value": "1"}]});
        let operations: Vec<Value> = steps.iter().map(|(step, who)| match step {
            0 => json!({"op": "add", "path": "members", "value": [{"value": who.to_string()}]}),
            1 => json!({"op": "remove", "path": format!("members[value eq \"{who}\"]")}),
            2 => json!({"op": "Remove", "path": "members", "value": [{"value": who.to_string()}]}),
            3 => json!({"op": "replace", "value": {"members": [{"value": who.to_string()}]}}),
            _ => json!({"op": "remove", "path": "members"}),
        }).collect();
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations,
        });
        let operations = patch::parse(&body).unwrap();
        let whole = patch::apply(&operations, &before, &GROUP_TYPE).unwrap();
        let ids = |resource: &Value| -> std::collections::BTreeSet<String> {
            let all = resource["members"].as_array();
            all.into_iter().flatten().map(|one| one["value"].as_str().unwrap().to_owned()).collect()
        };
        let (changes, rest) = patch::split(&operations, "members", &GROUP_TYPE).unwrap().unwrap();
        prop_assert!(rest.is_empty());
        let mut held = ids(&before);
        for change in changes {
            match change {
                ListChange::Join(who) => held.extend(who),
                ListChange::Leave(who) => held.retain(|id| !who.contains(id)),
                ListChange::Replace(who) => held = who.into_iter().collect(),
            }
        }
        prop_assert_eq!(held, ids(&whole));
    }
}
