//! Cursors (RFC 9865): the position where a page ended and the next one starts.
//!
//! A cursor contains the position of the last resource in the sort order, a
//! fingerprint of the query and the time it was created. The server stores
//! nothing. Resources that are created or deleted between two pages do not make
//! a page skip or repeat others.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use scim::{ListQuery, ScimType, SortValue};
use serde_json::{Value, json};

use super::Result;
use crate::store::selection::Operand;
use crate::store::{fingerprint, instant, to_microseconds};

/// Lifetime of a cursor, in seconds.
pub const TIMEOUT: i64 = 3600;

/// The position of the last resource of a page: its sort key and its ID.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) key: SortValue,
    pub(super) id: String,
}

/// Returns a fingerprint of query, endpoint and tenant: a cursor is valid for
/// these only.
fn good_for(query: &ListQuery, tenant_id: &str, endpoint: &str) -> String {
    let filter = query.filter.as_ref().map(ToString::to_string);
    let sort_by = query.sort_by.as_ref().map(ToString::to_string);
    let whole = json!([tenant_id, endpoint, filter, sort_by, query.descending]);
    fingerprint(&whole.to_string())[..16].to_owned()
}

/// Encodes the cursor of the page after this position.
pub(super) fn encode(
    place: &Place,
    query: &ListQuery,
    tenant_id: &str,
    endpoint: &str,
    now: Timestamp,
) -> String {
    let key = match &place.key {
        SortValue::Absent => Value::Null,
        SortValue::Text(text) => text.as_str().into(),
        SortValue::Number(number) => (*number).into(),
    };
    let cursor = json!([
        good_for(query, tenant_id, endpoint),
        to_microseconds(now),
        key,
        place.id
    ]);
    URL_SAFE_NO_PAD.encode(cursor.to_string())
}

/// Decodes the query's cursor: the position after which the page starts, or
/// `None` for the first page.
///
/// # Errors
/// `invalidCursor` or `expiredCursor`.
pub(super) fn read(
    query: &ListQuery,
    tenant_id: &str,
    endpoint: &str,
    now: Timestamp,
) -> Result<Option<Place>> {
    let Some(text) = query.cursor.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let invalid = || {
        scim::Error::of(
            ScimType::InvalidCursor,
            "invalid cursor: expected a nextCursor from an answer to the same query; start again with an empty cursor",
        )
    };
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
    let (query_of, given, key, id): (String, i64, Value, String) =
        serde_json::from_slice(&bytes).map_err(|_| invalid())?;
    let given = instant(given);
    if query_of != good_for(query, tenant_id, endpoint) || given > now {
        return Err(invalid().into());
    }
    if now.duration_since(given).as_secs() > TIMEOUT {
        return Err(scim::Error::of(
            ScimType::ExpiredCursor,
            format!("expired cursor: a cursor is valid for {TIMEOUT} seconds; start again with an empty cursor"),
        )
        .into());
    }
    let key = match key {
        Value::Null => SortValue::Absent,
        Value::String(text) => SortValue::Text(text),
        Value::Number(number) => SortValue::Number(number.as_f64().ok_or_else(invalid)?),
        _ => return Err(invalid().into()),
    };
    // PostgreSQL does not accept NUL, and the portal creates no cursor with it.
    let is_bad = |text: &str| text.contains('\0');
    if is_bad(&id) || matches!(&key, SortValue::Text(text) if is_bad(text)) {
        return Err(invalid().into());
    }
    Ok(Some(Place { key, id }))
}

/// Converts a sort key to the type that the database compares.
pub(super) fn operand(key: &SortValue) -> Option<Operand> {
    match key {
        SortValue::Absent => None,
        SortValue::Text(text) => Some(Operand::Text(text.clone())),
        // Exact conversion: the values are integers below 2^53 (timestamps in
        // microseconds, and flags).
        #[allow(clippy::cast_possible_truncation)]
        SortValue::Number(number) => Some(Operand::Number(*number as i64)),
    }
}
