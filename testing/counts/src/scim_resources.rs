//! Filter and PATCH of a SCIM user.

use std::hint::black_box;

use scim::schema::USER_TYPE;
use scim::{filter, patch};
use serde_json::{Value, json};

use crate::{Context, Repetition, Result, expect};

fn user() -> Value {
    json!({
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ],
        "id": "2819c223-7f76-453a-919d-413861904646",
        "externalId": "a3bb189e-8bf9-3888-9912-ace4e6543002",
        "userName": "grace.hopper@lumen.example",
        "active": true,
        "displayName": "Grace Hopper",
        "name": {"givenName": "Grace", "familyName": "Hopper"},
        "emails": [
            {"type": "home", "value": "grace@home.example"},
            {"type": "work", "value": "grace.hopper@lumen.example", "primary": true},
        ],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": "Compilers",
        },
        "meta": {
            "resourceType": "User",
            "created": "2026-03-02T09:00:00Z",
            "lastModified": "2026-03-02T09:00:00Z",
        },
    })
}

/// Parses a filter and evaluates it on a user.
pub(crate) fn filter(_: Context<'_>) -> Result<Repetition> {
    const FILTER: &str = "userName sw \"grace\" and active eq true and \
        emails[type eq \"work\" and value co \"@LUMEN\"] and \
        meta.lastModified gt \"2026-01-01T00:00:00Z\" and not (name.familyName eq \"Lovelace\")";
    let user = user();
    Ok(Box::new(move || {
        let parsed = filter::parse(black_box(FILTER))?;
        expect(&filter::matches(&parsed, &user, &USER_TYPE)?, &true)
    }))
}

/// Parses a PATCH with the kinds of operations that identity providers send, and applies it.
pub(crate) fn patch(_: Context<'_>) -> Result<Repetition> {
    let user = user();
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [
            {"op": "replace", "path": "active", "value": false},
            {"op": "replace", "value": {"displayName": "Grace M. Hopper", "name.givenName": "Grace M."}},
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "g.hopper@lumen.example"},
            {"op": "remove", "path": "emails[type eq \"home\"]"},
            {"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", "value": "7"},
        ],
    });
    let mut expected = user.clone();
    expected["active"] = json!(false);
    expected["displayName"] = json!("Grace M. Hopper");
    expected["name"]["givenName"] = json!("Grace M.");
    expected["emails"] =
        json!([{"type": "work", "value": "g.hopper@lumen.example", "primary": true}]);
    expected["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["employeeNumber"] =
        json!("7");
    Ok(Box::new(move || {
        let operations = patch::parse(black_box(&body))?;
        expect(&patch::apply(&operations, &user, &USER_TYPE)?, &expected)
    }))
}
