//! Conditions of the transport that are not part of conformance: rate limits and redirects.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;

use super::wire::{ScimAnswer, ScimRequest};
use crate::check::runner;

/// Largest number of redirects that are followed for one request.
pub(super) const MAX_REDIRECTS: usize = 3;

/// Returns how long to wait before the request is repeated, or `None` if the answer counts.
pub(super) fn retry_after(answer: &ScimAnswer, attempt: u32, now: Timestamp) -> Option<Duration> {
    runner::retry_after(answer.status, answer.header("retry-after"), attempt, now)
}

/// Returns the request that follows a redirect. 307 and 308 keep the method. 301 and 302 are
/// followed only for GET, because clients differ in what they send for other methods (RFC 9110
/// §15.4).
pub(super) fn follow_redirect(
    request: &ScimRequest,
    answer: &ScimAnswer,
    base: &str,
) -> Option<ScimRequest> {
    let is_followed = match answer.status {
        307 | 308 => true,
        301..=303 => request.method == Method::GET,
        _ => false,
    };
    let location = answer.header("location").filter(|_| is_followed)?;
    let from = if request.target.starts_with('/') {
        format!("{base}{}", request.target)
    } else {
        request.target.clone()
    };
    let to = url::Url::parse(&from).ok()?.join(location).ok()?;
    Some(ScimRequest {
        target: to.into(),
        ..request.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, header: Option<(&str, &str)>) -> ScimAnswer {
        let header = header.map(|(name, value)| (name.to_owned(), value.to_owned()));
        ScimAnswer {
            request: String::new(),
            status,
            headers: header.into_iter().collect(),
            text: String::new(),
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let wait = |status, value| retry_after(&answer(status, value), 2, now);
        assert_eq!(
            wait(429, Some(("retry-after", "7"))),
            Some(Duration::from_secs(7))
        );
        assert_eq!(
            wait(503, Some(("Retry-After", "Fri, 02 Jan 2026 03:04:15 GMT"))),
            Some(Duration::from_millis(10_050))
        );
        for (value, milliseconds) in [
            // The third attempt.
            ("0", 200),
            ("18446744073709551615", 86_400_000),
            ("99999999999999999999999", 86_400_000),
            ("Tue, 01 Jan 2999 00:00:00 GMT", 86_400_050),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
            ("-1", 1000),
            ("soon", 1000),
        ] {
            let expected = Some(Duration::from_millis(milliseconds));
            assert_eq!(wait(429, Some(("retry-after", value))), expected, "{value}");
        }
        assert_eq!(wait(429, None), Some(Duration::from_secs(4)));
        assert_eq!(wait(503, None), None);
        assert_eq!(wait(200, Some(("retry-after", "7"))), None);
    }

    #[test]
    fn a_redirect_keeps_method_and_query_where_the_status_says_so() {
        let base = "https://scim.example/v2";
        let request = |method: Method| ScimRequest {
            method,
            target: "/Users?count=1".to_owned(),
            headers: Vec::new(),
            body: None,
        };
        let to = |method, status, location| {
            let answer = answer(status, Some(("location", location)));
            follow_redirect(&request(method), &answer, base).map(|it| it.target)
        };
        let slash = Some("https://scim.example/v2/Users/?count=1".to_owned());
        assert_eq!(to(Method::POST, 308, "/v2/Users/?count=1"), slash);
        assert_eq!(to(Method::GET, 301, "Users/?count=1"), slash);
        assert_eq!(to(Method::POST, 301, "/v2/Users/"), None);
        assert_eq!(to(Method::GET, 304, "/v2/Users/"), None);
    }
}
