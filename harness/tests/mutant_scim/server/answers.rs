//! The answers of the server: resources, errors, and the documents of its configuration.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use rehearsal::check::scim::wire::ScimAnswer;

/// A refused request: status, `scimType` and detail.
#[derive(Debug)]
pub(crate) struct Refusal(
    pub(crate) u16,
    pub(crate) Option<&'static str>,
    pub(crate) String,
);

pub(super) type Answer = Result<ScimAnswer, Refusal>;

pub(crate) fn answer(status: u16, body: &Value) -> ScimAnswer {
    ScimAnswer {
        request: String::new(),
        status,
        headers: vec![("content-type".into(), "application/scim+json".into())],
        text: body.to_string(),
    }
}

pub(crate) fn error(refusal: &Refusal) -> Value {
    let Refusal(status, keyword, detail) = refusal;
    let mut body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": status.to_string(),
        "detail": detail,
    });
    if let Some(keyword) = keyword {
        body["scimType"] = (*keyword).into();
    }
    body
}

pub(super) fn no<T>(
    status: u16,
    keyword: &'static str,
    detail: impl Into<String>,
) -> Result<T, Refusal> {
    let keyword = (!keyword.is_empty()).then_some(keyword);
    Err(Refusal(status, keyword, detail.into()))
}

pub(super) fn documents(
    all: &[Value],
    key: &str,
    rest: &[&str],
    query: &BTreeMap<String, String>,
) -> Answer {
    if query.contains_key("filter") {
        return no(403, "", "no filter here");
    }
    let found = match rest {
        [] => {
            return Ok(answer(
                200,
                &json!({
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                    "totalResults": all.len(),
                    "Resources": all,
                }),
            ));
        }
        [name] => all.iter().find(|one| one[key] == **name),
        _ => None,
    };
    match found {
        Some(found) => Ok(answer(200, found)),
        None => no(404, "", "there is no such document"),
    }
}
