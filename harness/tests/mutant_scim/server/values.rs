//! Checks request bodies against the schema: names, types and multiplicity.

use serde_json::{Map, Value, json};

use super::super::schemas::{Attr, member};
use super::{Refusal, no};

/// Returns the members of a body that these attributes allow.
pub(super) fn object(attrs: &[Attr], body: &Value) -> Result<Map<String, Value>, Refusal> {
    let mut out = Map::new();
    for attr in attrs
        .iter()
        .filter(|attr| !attr.read_only() && attr.name != "schemas")
    {
        let given = member(body, attr.name).filter(|value| !value.is_null());
        let given = given.filter(|value| value.as_array().is_none_or(|all| !all.is_empty()));
        let Some(given) = given.filter(|value| *value != "" || !attr.required()) else {
            if attr.required() {
                return no(400, "invalidValue", format!("{} is required", attr.name));
            }
            continue;
        };
        let value = match (attr.multi(), given) {
            (true, Value::Array(all)) => {
                let all: Result<Vec<Value>, Refusal> =
                    all.iter().map(|one| single(attr, one)).collect();
                let mut all = all?;
                let mut primaries = 0;
                for one in &mut all {
                    if one["primary"] == json!(true) {
                        primaries += 1;
                        if primaries > 1 {
                            one["primary"] = json!(false);
                        }
                    }
                }
                all.into()
            }
            (true, _) | (false, Value::Array(_)) => {
                return no(
                    400,
                    "invalidValue",
                    format!("{} is of the wrong multiplicity", attr.name),
                );
            }
            (false, one) => single(attr, one)?,
        };
        if value.as_object().is_none_or(|inner| !inner.is_empty()) {
            out.insert(attr.name.to_owned(), value);
        }
    }
    Ok(out)
}

fn single(attr: &Attr, value: &Value) -> Result<Value, Refusal> {
    let fits = match attr.kind {
        "complex" => return Ok(object(&attr.inner, value)?.into()),
        "boolean" => {
            let text = value.as_str().map(str::to_lowercase);
            match text.as_deref() {
                Some("true") => return Ok(true.into()),
                Some("false") => return Ok(false.into()),
                _ => value.is_boolean(),
            }
        }
        _ => value.is_string(),
    };
    if fits {
        return Ok(value.clone());
    }
    no(
        400,
        "invalidValue",
        format!("{} is no {}", attr.name, attr.kind),
    )
}
