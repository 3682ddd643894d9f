//! Computes how long to wait before a failed provisioning operation is repeated: as long as the
//! target asks for in `Retry-After` (RFC 9110 §10.2.3), else longer each time, with a random
//! part, so that operations are not all repeated at the same moment.

use ambient::Rng;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{self, HeaderMap};

/// Maximum time before a repeat, in seconds.
pub(super) const LONGEST: i64 = 300;

/// Returns the seconds that `Retry-After` asks for. A date is compared with the `Date` header
/// of the answer, because the target's clock may differ from the clock here.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<i64> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(header::RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse::<i64>() {
        return Some(seconds.max(0));
    }
    let instant = |text: &str| -> Option<Timestamp> {
        rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
    };
    let (until, now) = (instant(asked)?, instant(text(header::DATE)?)?);
    Some(until.duration_since(now).as_secs().max(0))
}

/// Returns the seconds to wait after this number of attempts: twice as long each time, less a
/// random part of up to one half.
pub(super) fn backoff_seconds(attempts: i64, rng: &Rng) -> i64 {
    let whole = 1_i64 << attempts.clamp(0, 8);
    let [drawn] = rng.bytes::<1>();
    let less = whole * i64::from(drawn) / 512;
    (whole - less).clamp(1, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(header::HeaderName, &str)]) -> HeaderMap {
        all.iter()
            .map(|(name, value)| (name.clone(), value.parse().expect("a header's value")))
            .collect()
    }

    #[test]
    fn a_target_asks_in_seconds_or_by_a_date() {
        let date = (header::DATE, "Sun, 06 Nov 1994 08:49:37 GMT");
        for (asked, seconds) in [
            ("120", Some(120)),
            ("-1", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
        ] {
            let all = headers(&[date.clone(), (header::RETRY_AFTER, asked)]);
            assert_eq!(retry_after(&all), seconds, "{asked}");
        }
        let undated = headers(&[(header::RETRY_AFTER, "Sun, 06 Nov 1994 08:50:37 GMT")]);
        assert_eq!(retry_after(&undated), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn pushes_that_fail_together_are_not_tried_together() {
        let rng = Rng::from_seed(3);
        let drawn: Vec<i64> = (0..50).map(|_| backoff_seconds(6, &rng)).collect();
        assert!(drawn.iter().all(|seconds| (32..=64).contains(seconds)));
        assert!(drawn.iter().any(|seconds| *seconds != drawn[0]));
        assert_eq!(backoff_seconds(0, &rng), 1);
        assert!(backoff_seconds(99, &rng) <= LONGEST);
    }
}
