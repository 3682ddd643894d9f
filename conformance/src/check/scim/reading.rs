//! Reads the answers of the server. This code is independent of this project's SCIM types, because
//! the judged server may be built on them.

use jiff::Timestamp;
use serde_json::Value;

use super::outcome::{Judged, Stop, ensure, unjudged};
use super::wire::ScimAnswer;
use crate::check::runner::page_summary;
use crate::excerpt::{excerpt, unescape};
use crate::json_text;

/// Longest quotations in a sentence, in characters: a value, a request line or body, the text of a
/// page. The evidence contains more.
const VALUE: usize = 400;
const BODY: usize = 600;
const PAGE: usize = 160;

pub(super) const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
pub(super) const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
pub(super) const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
pub(super) const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
pub(super) const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
pub(super) const BULK_ANSWER: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

/// Returns a member of an object; its name is compared without letter case (RFC 7643 §2.1). null
/// and empty arrays count as no value (RFC 7643 §2.5).
pub(super) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    let found = object.get(name).or_else(|| {
        let mut all = object.iter();
        all.find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    });
    found.filter(|value| !value.is_null() && value.as_array().is_none_or(|all| !all.is_empty()))
}

/// Returns the value at this path of names.
pub(super) fn at<'v>(value: &'v Value, names: &[&str]) -> Option<&'v Value> {
    names
        .iter()
        .try_fold(value, |value, name| member(value, name))
}

/// Returns the string at this path of names.
pub(super) fn text<'v>(value: &'v Value, names: &[&str]) -> Option<&'v str> {
    at(value, names)?.as_str()
}

/// Returns the values of a multi-valued attribute.
pub(super) fn values<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    let found = member(value, name).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

/// True if `schemas` contains this URN.
pub(super) fn speaks(value: &Value, urn: &str) -> bool {
    values(value, "schemas").iter().any(|one| {
        one.as_str()
            .is_some_and(|one| one.eq_ignore_ascii_case(urn))
    })
}

/// Formats a value for a sentence.
pub(super) fn value_to_text(value: Option<&Value>) -> String {
    value.map_or_else(
        || "missing".to_owned(),
        |value| excerpt(&value.to_string(), VALUE),
    )
}

/// Formats names for a sentence.
pub(super) fn names_to_text(all: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let all: Vec<String> = all.into_iter().map(|it| it.as_ref().to_owned()).collect();
    if all.is_empty() {
        return "nobody".to_owned();
    }
    all.join(", ")
}

/// Returns the text, or the word `missing`.
pub(super) fn or_missing(said: Option<&str>) -> &str {
    said.unwrap_or("missing")
}

impl ScimAnswer {
    /// Quotes the exchange for a sentence.
    pub(super) fn quote(&self) -> String {
        let text = self.text.trim();
        let body = if text.starts_with('<') {
            format!("with a page that says \"{}\"", page_summary(text, PAGE))
        } else {
            excerpt(&unescape(text), BODY)
        };
        let redirect = match self.header("location") {
            Some(to) if (300..400).contains(&self.status) => format!(" to {to}"),
            _ => String::new(),
        };
        format!(
            "{} → {}{redirect} {body}",
            excerpt(&self.request, BODY),
            self.status
        )
    }

    /// Returns [`Stop::Wrong`] with the exchange and what is wrong about it.
    pub(super) fn wrong<T>(&self, what: impl AsRef<str>) -> Judged<T> {
        Err(Stop::Wrong(format!("{}: {}", what.as_ref(), self.quote())))
    }

    /// True if the status is 2xx.
    pub(super) fn has_succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Requires success of a step that the check depends on.
    pub(super) fn require_step(&self, what: &str) -> Judged<&Self> {
        if self.has_succeeded() {
            return Ok(self);
        }
        unjudged(format!("{what} failed: {}", self.quote()))
    }

    /// Requires this status.
    pub(super) fn is(&self, status: u16) -> Judged {
        if self.status == status {
            return Ok(());
        }
        self.wrong(format!("the status is {}, expected {status}", self.status))
    }

    /// Requires one of these statuses.
    pub(super) fn is_one_of(&self, statuses: &[u16]) -> Judged {
        if statuses.contains(&self.status) {
            return Ok(());
        }
        self.wrong(format!(
            "the status is {}, expected {}",
            self.status,
            names_to_text(statuses.iter().map(u16::to_string))
        ))
    }

    /// Requires any success.
    pub(super) fn is_success(&self) -> Judged {
        if self.has_succeeded() {
            return Ok(());
        }
        self.wrong("not answered with a 2xx status")
    }

    /// Requires any 4xx refusal.
    pub(super) fn is_refused(&self) -> Judged {
        if (400..500).contains(&self.status) {
            return Ok(());
        }
        self.wrong("it was not refused with a 4xx status")
    }

    /// Requires this status with this `scimType`.
    pub(super) fn is_error(&self, status: u16, keyword: &str) -> Judged {
        self.is(status)?;
        self.error_body()?;
        let said = self
            .json()
            .and_then(|body| text(&body, &["scimType"]).map(str::to_owned));
        if said.as_deref() == Some(keyword) {
            return Ok(());
        }
        self.wrong(format!(
            "scimType is {}, expected {keyword}",
            or_missing(said.as_deref())
        ))
    }

    /// Returns the body of an error. Errors in another format than SCIM's are one finding for the
    /// whole run.
    pub(super) fn error_body(&self) -> Judged<Value> {
        json_text::parse_object(&self.text).map_err(|error| {
            let why = format!("the error has no SCIM body ({error}): {}", self.quote());
            Stop::Follows("SCIM-HTTP-08", why)
        })
    }

    /// Returns the body, if it is JSON.
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.text).ok()
    }

    /// Returns the body, which must be a JSON object.
    pub(super) fn body(&self) -> Judged<Value> {
        json_text::parse_object(&self.text).or_else(|error| self.wrong(error.to_string()))
    }

    /// Returns the body of a step that the check depends on.
    pub(super) fn require_body_of_step(&self, what: &str) -> Judged<Value> {
        self.require_step(what)?;
        json_text::parse_object(&self.text).or_else(|error| {
            unjudged(format!(
                "{what} was answered without a JSON object ({error}): {}",
                self.quote()
            ))
        })
    }

    /// Returns the resources of a list, which must be answered with success.
    pub(super) fn listed_resources(&self) -> Judged<Vec<Value>> {
        self.is_success()?;
        let body = self.body()?;
        Ok(values(&body, "Resources").to_vec())
    }

    /// Returns how the list contradicts itself, if it has no resource although it counts some. It
    /// must be a list without `startIndex` and `count`.
    pub(super) fn lost_resources(&self) -> Option<String> {
        let body = self.json().filter(|_| self.has_succeeded())?;
        let total = member(&body, "totalResults").and_then(Value::as_u64)?;
        let is_lost = total > 0 && values(&body, "Resources").is_empty();
        is_lost.then(|| format!("totalResults is {total}, and Resources is empty"))
    }

    /// Returns `totalResults`, which must be a number.
    pub(super) fn total(&self) -> Judged<u64> {
        self.is_success()?;
        let body = self.body()?;
        let said = member(&body, "totalResults");
        match said.and_then(Value::as_u64) {
            Some(total) => Ok(total),
            None => self.wrong(format!(
                "totalResults is {}, expected an integer from 0 to {}",
                value_to_text(said),
                u64::MAX
            )),
        }
    }

    /// Returns the media type, in lower case and without parameters.
    pub(super) fn media_type(&self) -> String {
        let whole = self.header("content-type").unwrap_or_default();
        let bare = whole.split(';').next().unwrap_or_default();
        bare.trim().to_ascii_lowercase()
    }

    /// Returns the version, from the ETag header or else from the body.
    pub(super) fn version(&self) -> Option<String> {
        let header = self.header("etag").map(str::to_owned);
        header.or_else(|| text(&self.json()?, &["meta", "version"]).map(str::to_owned))
    }
}

/// Returns the time at this path, which must be a `dateTime` with a time zone (RFC 7643 §2.3.5).
pub(super) fn parse_timestamp(resource: &Value, names: &[&str]) -> Judged<Timestamp> {
    let said = at(resource, names);
    let read = said
        .and_then(Value::as_str)
        .and_then(|said| said.parse().ok());
    read.ok_or_else(|| {
        Stop::Wrong(format!(
            "{} is not an xsd:dateTime with a time zone: {}",
            names.join("."),
            value_to_text(said)
        ))
    })
}

/// Requires that the value is equal to `wanted`.
pub(super) fn require_same(what: &str, got: Option<&Value>, wanted: &Value) -> Judged {
    ensure(got == Some(wanted), || {
        format!("{what} is {}, expected {wanted}", value_to_text(got))
    })
}

/// Requires a text in any letter case: a server may alter the case of values that are compared
/// without regard to it (RFC 7643 §7, `caseExact`).
pub(super) fn require_same_text(what: &str, got: Option<&Value>, wanted: &Value) -> Judged {
    let lower = |it: &Value| it.as_str().map(str::to_lowercase);
    match (got.and_then(lower), lower(wanted)) {
        (Some(got), Some(wanted)) if got == wanted => Ok(()),
        _ => require_same(what, got, wanted),
    }
}

/// Requires that there is no value.
pub(super) fn require_absent(what: &str, got: Option<&Value>) -> Judged {
    ensure(got.is_none(), || {
        format!("{what} is {}, expected none", value_to_text(got))
    })
}
