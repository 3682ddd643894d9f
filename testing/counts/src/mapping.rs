//! Attribute mappings of the identity provider.

use std::hint::black_box;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::expression::{Model, Template};
use crate::{Context, Repetition, Result, expect};

/// Mappings and their results: plain data, operators, projection, regular expression.
fn mappings() -> [(&'static str, Value); 4] {
    [
        (
            "${user.name.given} ${user.name.family}",
            json!("Grace Hopper"),
        ),
        (
            "${user.role == 'SA' ? #string.upperCase(user.username) : 'none'}",
            json!("GHOPPER"),
        ),
        (
            "${user.memberOfGroupNames.!['CN=' + #this + ',DC=lumen']}",
            json!(["CN=Admins,DC=lumen", "CN=Users,DC=lumen"]),
        ),
        (
            "${user.groupDNs.![#regex.replaceAll(#this, '(CN=)(.*?),.*', '$2')]}",
            json!(["Devs", "Admins"]),
        ),
    ]
}

/// Parses the mappings and evaluates them on a user.
pub(crate) fn expression(_: Context<'_>) -> Result<Repetition> {
    let model = Model::of(&json!({"user": {
        "name": {"given": "Grace", "family": "Hopper"}, "role": "SA", "username": "ghopper",
        "memberOfGroupNames": ["Admins", "Users"],
        "groupDNs": ["CN=Devs,CN=Users,DC=lumen", "CN=Admins,CN=Users,DC=lumen"],
    }}));
    let mappings = mappings();
    Ok(Box::new(move || {
        for (mapping, expected) in &mappings {
            let template = Template::parse(black_box(mapping))?;
            expect(&template.evaluate(&model, Timestamp::UNIX_EPOCH)?, expected)?;
        }
        Ok(())
    }))
}
