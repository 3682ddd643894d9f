//! Reads what the server supports before the checks: `/ServiceProviderConfig`, `/ResourceTypes` and
//! `/Schemas`.

use serde_json::Value;

use super::check_error::{CheckError, summary};
use super::reading::{member, speaks, text, values};
use super::schema::{GROUP, Schema, USER};
use super::server::{Kind, Server};
use super::session::Session;
use super::wire::ScimAnswer;
use crate::json_text;

/// Returns the resources of a list or of a bare array. Other checks judge the format, so it is not
/// judged here.
fn all(answer: &ScimAnswer) -> Vec<Value> {
    match answer.json() {
        Some(Value::Array(all)) => all,
        Some(body) => values(&body, "Resources").to_vec(),
        None => Vec::new(),
    }
}

impl Server {
    /// Reads what the server supports.
    ///
    /// # Errors
    /// When the server cannot be reached, or accepts the credentials nowhere.
    pub(super) async fn discover(session: &Session<'_>) -> Result<Self, CheckError> {
        let config = session.look("/ServiceProviderConfig").await?;
        let types = all(&session.look("/ResourceTypes").await?);
        let schemas = session.look("/Schemas").await?;
        let schemas_status = schemas.status;
        let schemas: Vec<Schema> = all(&schemas).iter().filter_map(Schema::read).collect();
        let users = Kind::of(USER, "/Users", &types, &schemas).unwrap_or_else(|| Kind {
            endpoint: "/Users".to_owned(),
            schema: Schema::of_users(),
            extensions: Vec::new(),
        });
        let door = session.look(&users.endpoint).await?;
        let is_object = |answer: &ScimAnswer| answer.json().is_some_and(|it| it.is_object());
        match door.status {
            401 | 403 => return Err(CheckError::Refused(summary(&door))),
            300..=399 => return Err(CheckError::Nothing(summary(&door))),
            404 if !config.has_succeeded() => return Err(CheckError::Nothing(summary(&door))),
            500.. if !config.has_succeeded() => return Err(CheckError::Failing(summary(&door))),
            200..=299 if !is_object(&door) && !is_object(&config) => {
                return Err(no_object(&door));
            }
            _ => {}
        }
        let mut groups = Kind::of(GROUP, "/Groups", &types, &schemas);
        if groups.is_none() && types.is_empty() {
            let there = session.look("/Groups").await?.has_succeeded();
            groups = there.then(|| Kind {
                endpoint: "/Groups".to_owned(),
                schema: Schema::of_groups(),
                extensions: Vec::new(),
            });
        }
        let config = config
            .json()
            .filter(|said| config.has_succeeded() && said.is_object());
        Ok(Self {
            config,
            schemas_status,
            users,
            groups,
        })
    }
}

/// Returns the error of a first answer that is not a JSON object. An answer that was meant as JSON,
/// or has no body, comes from a SCIM server with an error of its own. Everything else, such as a
/// page, comes from another server.
fn no_object(door: &ScimAnswer) -> CheckError {
    let text = door.text.trim_start();
    let is_meant_as_json =
        text.is_empty() || text.starts_with(['{', '[']) || door.media_type().ends_with("json");
    match json_text::parse(text) {
        Err(error) if is_meant_as_json && !text.starts_with('<') => {
            CheckError::InvalidJson(format!("{error}; {}", summary(door)))
        }
        _ => CheckError::Nothing(summary(door)),
    }
}

impl Kind {
    /// Returns the resource type of a core schema.
    fn of(urn: &str, endpoint: &str, types: &[Value], schemas: &[Schema]) -> Option<Self> {
        let schema_of = |urn: &str| {
            let found = schemas.iter().find(|one| one.id.eq_ignore_ascii_case(urn));
            let known = found.filter(|one| !one.attributes.is_empty()).cloned();
            known.or_else(|| match urn {
                USER => Some(Schema::of_users()),
                GROUP => Some(Schema::of_groups()),
                _ => None,
            })
        };
        let said = types.iter().find(|one| {
            text(one, &["schema"]).is_some_and(|said| said.eq_ignore_ascii_case(urn))
                || speaks(one, urn)
        })?;
        let extensions = values(said, "schemaExtensions").iter();
        Some(Self {
            endpoint: text(said, &["endpoint"])
                .map(below_the_base)
                .unwrap_or_else(|| endpoint.to_owned()),
            schema: schema_of(urn)?,
            extensions: extensions
                .filter_map(|one| {
                    let required = member(one, "required").and_then(Value::as_bool);
                    Some((
                        schema_of(text(one, &["schema"])?)?,
                        required.unwrap_or(false),
                    ))
                })
                .collect(),
        })
    }
}

/// Returns an endpoint as a path. It should be relative to the base URL (RFC 7643 §6), but some
/// servers write a whole URL or leave out the slash.
fn below_the_base(endpoint: &str) -> String {
    let last = endpoint.trim_end_matches('/').rsplit('/').next();
    format!("/{}", last.unwrap_or(endpoint))
}
