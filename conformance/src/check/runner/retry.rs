//! How long a target that limits how often it may be asked is left alone
//! (RFC 6585 §4, RFC 9110 §10.2.3): no verdict rests on such an answer.

use std::time::Duration;

use jiff::Timestamp;

/// How long to wait before the request is sent again: 429, or 503 with
/// Retry-After. A 429 without it is waited for longer each time.
pub(in crate::check) fn retry_after(
    status: u16,
    header: Option<&str>,
    attempt: u32,
    now: Timestamp,
) -> Option<Duration> {
    match (status, header.map(str::trim)) {
        (429, None) => Some(Duration::from_secs(1 << attempt.min(6))),
        (429 | 503, Some(value)) => Some(wait_of(value, now)),
        _ => None,
    }
}

/// Seconds, or a date; a second where it can't be read.
fn wait_of(value: &str, now: Timestamp) -> Duration {
    if let Ok(seconds) = value.parse() {
        return Duration::from_secs(seconds);
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value);
    let left = date.ok().map(|date| date.duration_since(now));
    left.map_or(Duration::from_secs(1), |left| {
        // A date counts whole seconds: a little more than asked for is waited.
        let left = Duration::try_from(left).unwrap_or_default();
        left + Duration::from_millis(50)
    })
}
