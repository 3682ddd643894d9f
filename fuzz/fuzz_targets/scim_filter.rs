#![no_main]
//! Parses any text as a filter. A valid filter must be the same after it is written and
//! parsed again, and must be evaluated without a panic.

use std::sync::LazyLock;

use scim::filter;
use scim::schema::USER_TYPE;
use serde_json::{Value, json};

static USER: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "id": "1", "userName": "anna", "active": true, "name": {"familyName": "Ash"},
        "emails": [{"type": "work", "value": "anna@corp.example", "primary": true}],
        "meta": {"lastModified": "2026-03-02T09:00:00Z"},
    })
});

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(read) = filter::parse(text) {
        let again = filter::parse(&read.to_string());
        assert_eq!(again.as_ref(), Ok(&read), "{read}");
        let _ = filter::matches(&read, &USER, &USER_TYPE);
    }
});
