#![no_main]
//! Applies a PATCH with any text as its path to a user. The result must be an error, or
//! a user that matches the schema.

use std::sync::LazyLock;

use scim::patch::{self, Action, Operation};
use scim::schema::USER_TYPE;
use scim::Resource;
use serde_json::{Value, json};

static USER: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "anna", "active": true, "name": {"familyName": "Ash"},
        "emails": [{"type": "work", "value": "anna@corp.example", "primary": true}],
    })
});

libfuzzer_sys::fuzz_target!(|input: (u8, &str, &str)| {
    let (action, path, value) = input;
    let operation = Operation {
        action: [Action::Add, Action::Remove, Action::Replace][usize::from(action) % 3],
        path: Some(path.to_owned()),
        value: Some(serde_json::from_str(value).unwrap_or_else(|_| value.into())),
    };
    let _ = patch::split(std::slice::from_ref(&operation), "emails", &USER_TYPE);
    if let Ok(after) = patch::apply(&[operation], &USER, &USER_TYPE)
        && let Ok(read) = Resource::parse(&after, &USER_TYPE)
    {
        let read = read.into_json();
        let again = Resource::parse(&read, &USER_TYPE).map(Resource::into_json);
        assert_eq!(again, Ok(read));
    }
});
