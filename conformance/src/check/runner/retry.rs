//! How long to wait for a target that limits the rate of requests (RFC 6585 §4, RFC 9110 §10.2.3).
//! No verdict is based on such an answer.

use std::time::Duration;

use jiff::Timestamp;

/// Returns how long to wait before the request is repeated, or `None` if the answer counts. Applies
/// to 429, and to 503 with Retry-After. A 429 without Retry-After doubles the wait each time, up to
/// 64 s.
pub(in crate::check) fn retry_after(
    status: u16,
    header: Option<&str>,
    attempt: u32,
    now: Timestamp,
) -> Option<Duration> {
    match (status, header.map(str::trim)) {
        (429, None) => Some(Duration::from_secs(1 << attempt.min(6))),
        (429 | 503, Some(value)) => Some(parse_retry_after(value, now).max(STEP * attempt.min(10))),
        _ => None,
    }
}

/// What to do about a target that limits requests for longer than a run waits.
pub(in crate::check) const LIMIT_FIX: &str =
    "Raise the limit for the machine that runs the check, or give a longer --timeout.";

/// How much longer the shortest wait is with each attempt: a target that asks for 0 s each time must
/// neither be flooded nor keep the run from its time limit.
const STEP: Duration = Duration::from_millis(100);

/// Longest wait: no run waits so long, and sums of waits cannot overflow.
const LONGEST: Duration = Duration::from_hours(24);

/// Parses Retry-After: seconds or a date; one second if it is neither, and at most [`LONGEST`].
fn parse_retry_after(value: &str, now: Timestamp) -> Duration {
    // Also a number that no integer type can hold.
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = value.parse().map_or(LONGEST, Duration::from_secs);
        return seconds.min(LONGEST);
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value);
    let left = date.ok().map(|date| date.duration_since(now));
    left.map_or(Duration::from_secs(1), |left| {
        // A date has whole seconds only, so wait a little longer.
        let left = Duration::try_from(left).unwrap_or_default();
        left.min(LONGEST) + Duration::from_millis(50)
    })
}
