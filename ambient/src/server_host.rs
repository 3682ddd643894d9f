//! The `Host` header of requests: exactly one, with a valid value (RFC 9112 §3.2). A server that
//! guesses otherwise can be made to answer for another host than the proxy in front of it believes.

use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Request, StatusCode, Version};
use axum::response::{IntoResponse as _, Response};

/// Returns the answer to a request without a valid `Host`; `None` if the request is valid.
pub(crate) fn refusal<B>(request: &Request<B>) -> Option<Response> {
    let found = invalid_host(request.version(), request.headers())?;
    let text = format!(
        "invalid Host: expected one Host header with a host name or address, and a port if it is not the usual one (RFC 9112 §3.2), got {found}\n"
    );
    Some((StatusCode::BAD_REQUEST, text).into_response())
}

/// Returns what a request has instead of one valid `Host`. HTTP/1.0 does not require the header.
fn invalid_host(version: Version, headers: &HeaderMap) -> Option<String> {
    let mut all = headers.get_all(HOST).iter();
    let (first, second) = (all.next(), all.next());
    match (first, second) {
        (None, _) if version < Version::HTTP_11 => None,
        (None, _) => Some("none".to_owned()),
        (Some(_), Some(_)) => Some(format!("{} of them", 2 + all.count())),
        (Some(value), None) if value.to_str().is_ok_and(is_host) => None,
        (Some(value), None) => {
            let shown = String::from_utf8_lossy(value.as_bytes());
            let shown: String = shown.chars().take(100).collect();
            Some(format!("{shown:?}"))
        }
    }
}

/// True for a host with an optional port.
fn is_host(value: &str) -> bool {
    let Ok(authority) = value.parse::<Authority>() else {
        return false;
    };
    let host = authority.host();
    let Some(port) = value.strip_prefix(host) else {
        return false; // a user name comes first
    };
    let is_port = match port.strip_prefix(':') {
        Some(digits) => digits.is_empty() || digits.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    !host.is_empty() && is_port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_a_port() {
        for valid in [
            "portal.example",
            "portal.example:8080",
            "127.0.0.1:1",
            "[::1]:8080",
            "[::1]",
            "localhost:",
            "a_b.example",
        ] {
            assert!(is_host(valid), "{valid}");
        }
        for invalid in [
            "",
            ":80",
            "a b",
            "jo@portal.example",
            "portal.example:x",
            "portal.example:99999",
            "portal.example/path",
            "http://portal.example",
            "[::1",
            "a:1:2",
        ] {
            assert!(!is_host(invalid), "{invalid}");
        }
    }
}
