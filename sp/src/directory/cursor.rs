//! Cursors (RFC 9865): where a page ended, for the next one to begin after.
//!
//! A cursor is the last resource's place in the order, with the query it
//! belongs to and the instant it was given: nothing is kept on the server, and
//! a resource created or deleted meanwhile makes no page skip or repeat one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use scim::{ListQuery, ScimType, SortValue};
use serde_json::{Value, json};

use super::Result;
use crate::store::selection::Operand;
use crate::store::{fingerprint, instant, stored};

/// For how many seconds a cursor is good.
pub const TIMEOUT: i64 = 3600;

/// The place of the last resource of a page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) key: SortValue,
    pub(super) id: String,
}

/// What a cursor is good for: this query to this endpoint of this tenant.
fn good_for(query: &ListQuery, tenant_id: &str, endpoint: &str) -> String {
    let filter = query.filter.as_ref().map(ToString::to_string);
    let sort_by = query.sort_by.as_ref().map(ToString::to_string);
    let whole = json!([tenant_id, endpoint, filter, sort_by, query.descending]);
    fingerprint(&whole.to_string())[..16].to_owned()
}

/// The cursor of the page after this place.
pub(super) fn written(
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
        stored(now),
        key,
        place.id
    ]);
    URL_SAFE_NO_PAD.encode(cursor.to_string())
}

/// Where the page begins that a query asks for: after a place, or — none —
/// at the start.
///
/// # Errors
/// `invalidCursor`, `expiredCursor`.
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
            "expected a nextCursor that this same query was answered with; begin again with an empty cursor",
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
            format!("the cursor was good for {TIMEOUT} seconds: begin again with an empty cursor"),
        )
        .into());
    }
    let key = match key {
        Value::Null => SortValue::Absent,
        Value::String(text) => SortValue::Text(text),
        Value::Number(number) => SortValue::Number(number.as_f64().ok_or_else(invalid)?),
        _ => return Err(invalid().into()),
    };
    // No database takes it, and no cursor of ours has it.
    let is_bad = |text: &str| text.contains('\0');
    if is_bad(&id) || matches!(&key, SortValue::Text(text) if is_bad(text)) {
        return Err(invalid().into());
    }
    Ok(Some(Place { key, id }))
}

/// A place's key as the database compares it.
pub(super) fn operand(key: &SortValue) -> Option<Operand> {
    match key {
        SortValue::Absent => None,
        SortValue::Text(text) => Some(Operand::Text(text.clone())),
        // Whole numbers below 2^53: instants in microseconds, and flags.
        #[allow(clippy::cast_possible_truncation)]
        SortValue::Number(number) => Some(Operand::Number(*number as i64)),
    }
}
