#![no_main]
//! Evaluates any mapping expression on a small model: no panic, no hang, no unlimited
//! memory. The expression language is included by its path, because it does not depend
//! on the rest of the identity provider.

#[path = "../../mock-idp/src/expression/mod.rs"]
#[allow(dead_code)]
mod expression;

use serde_json::json;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let model = json!({"user": {
        "id": "u1", "username": "ada", "enabled": true, "logins": 3,
        "name": {"given": "Ada", "family": "Lovelace"},
        "memberOfGroupNames": ["Admins", "Users"],
    }});
    let now = jiff::Timestamp::UNIX_EPOCH;
    for value in [text.to_owned(), format!("${{{text}}}")] {
        if let Ok(template) = expression::Template::parse(&value) {
            if let Ok(value) = template.evaluate(&model, now) {
                let texts = expression::texts(&value);
                let length: usize = texts.iter().map(String::len).sum();
                assert!(length <= 16 << 20, "{length} bytes out of {} bytes", value.to_string().len());
            }
        }
    }
});
