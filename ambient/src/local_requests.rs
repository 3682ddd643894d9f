//! Accepts requests to a control port from programs on this machine, and refuses requests that
//! a web page makes a browser send.
//!
//! A web page can reach a control port in two ways: it posts a form to the port (cross-site
//! request forgery), or its own host name resolves to 127.0.0.1 and its script reads the answer
//! (DNS rebinding). Not every request needs the secret ([`crate::ControlSecret`]), and the browser
//! sends the cookie of the simulation page by itself. The headers `Host`, `Origin`, `Sec-Fetch-Site` and
//! `Content-Type` show that a browser sent such a request.

use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN, TRANSFER_ENCODING};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};

/// The reason why a request to a control port is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForeignRequestError {
    /// `Host` does not name this machine. Contains the value of `Host`.
    Host(String),
    /// A page of another origin sent the request. Contains that origin.
    Origin(String),
    /// The request has a body whose `Content-Type` is not `application/json`.
    MediaType,
}

impl ForeignRequestError {
    /// Returns the HTTP status of the answer: 403 or 415.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Host(_) | Self::Origin(_) => StatusCode::FORBIDDEN,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    /// Returns the problem code of the answer. It does not change between versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Host(_) => "foreign-host",
            Self::Origin(_) => "foreign-origin",
            Self::MediaType => "json-wanted",
        }
    }
}

impl std::fmt::Display for ForeignRequestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host(host) => write!(
                f,
                "invalid Host: expected a loopback address, localhost or a name below it, got {host:?}; \
                 use the address that the ready file names"
            ),
            Self::Origin(origin) => write!(
                f,
                "requests from pages of {origin} are refused; send the request from a program, without Origin"
            ),
            Self::MediaType => f.write_str("send the body as Content-Type: application/json"),
        }
    }
}

impl std::error::Error for ForeignRequestError {}

/// Checks a request to a control port. `public` lists further host names of the server, besides
/// `localhost` and the loopback addresses.
///
/// # Errors
/// [`ForeignRequestError`] if a web page may have sent the request.
pub fn check_program(
    method: &Method,
    headers: &HeaderMap,
    public: &[&str],
) -> Result<(), ForeignRequestError> {
    check_host(headers, public)?;
    check_origin(headers)?;
    let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && (has_body(headers) || headers.contains_key(CONTENT_TYPE)) && !is_json(headers) {
        return Err(ForeignRequestError::MediaType);
    }
    Ok(())
}

/// Checks that `Host` is a loopback address, `localhost`, a name below it, or one of `public`.
///
/// # Errors
/// [`ForeignRequestError::Host`] if it is not.
pub fn check_host(headers: &HeaderMap, public: &[&str]) -> Result<(), ForeignRequestError> {
    let given = text(headers, HOST).unwrap_or_default();
    let authority = given.parse::<Authority>().ok();
    let host = authority.as_ref().map(Authority::host);
    let known = host.is_some_and(|host| {
        is_local(host) || public.iter().any(|name| name.eq_ignore_ascii_case(host))
    });
    if known {
        Ok(())
    } else {
        Err(ForeignRequestError::Host(given.to_owned()))
    }
}

/// Checks `Origin` and `Sec-Fetch-Site`: no page of another origin sent the request.
///
/// # Errors
/// [`ForeignRequestError::Origin`] if one did.
pub fn check_origin(headers: &HeaderMap) -> Result<(), ForeignRequestError> {
    let host = text(headers, HOST).unwrap_or_default();
    if headers.contains_key(ORIGIN) {
        // A value that is not text counts as another origin.
        let origin = text(headers, ORIGIN).unwrap_or_default();
        let own = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"))
            .is_some_and(|authority| authority.eq_ignore_ascii_case(host));
        if !own {
            return Err(ForeignRequestError::Origin(origin.to_owned()));
        }
    }
    match text(headers, HeaderName::from_static("sec-fetch-site")) {
        Some("cross-site" | "same-site") => {
            Err(ForeignRequestError::Origin("another site".to_owned()))
        }
        _ => Ok(()),
    }
}

fn is_local(host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(ip) = bare.parse::<std::net::IpAddr>() {
        return ip.is_loopback();
    }
    crate::is_localhost(host)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers
            .get(CONTENT_LENGTH)
            .is_some_and(|length| length != "0")
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = text(headers, CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
        given
            .iter()
            .map(|(name, value)| {
                let value = value.parse().expect("a header's value");
                (HeaderName::from_static(name), value)
            })
            .collect()
    }

    fn code(method: &Method, given: &[(&'static str, &str)]) -> &'static str {
        match check_program(method, &headers(given), &["portal.example"]) {
            Ok(()) => "ok",
            Err(error) => error.code(),
        }
    }

    #[test]
    fn only_names_of_this_machine_and_public_ones_pass() {
        for host in [
            "127.0.0.1:8090",
            "127.9.9.9",
            "[::1]:8090",
            "localhost",
            "LOCALHOST:1",
            "portal.rehearsal.localhost:8090",
            "portal.example:8090",
        ] {
            assert_eq!(code(&Method::GET, &[("host", host)]), "ok", "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evillocalhost",
            "10.0.0.1",
            "",
        ] {
            let got = code(&Method::GET, &[("host", host)]);
            assert_eq!(got, "foreign-host", "{host}");
        }
        assert_eq!(code(&Method::GET, &[]), "foreign-host");
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        let host = ("host", "127.0.0.1:8090");
        for origin in [
            "http://evil.example",
            "null",
            "http://127.0.0.1:8080",
            "http://127.0.0.1:8090.evil.example",
        ] {
            let got = code(&Method::POST, &[host, ("origin", origin)]);
            assert_eq!(got, "foreign-origin", "{origin}");
        }
        let own = [host, ("origin", "http://127.0.0.1:8090")];
        assert_eq!(code(&Method::POST, &own), "ok");
        let fetched = [host, ("sec-fetch-site", "cross-site")];
        assert_eq!(code(&Method::GET, &fetched), "foreign-origin");
    }

    #[test]
    fn a_form_is_no_json() {
        let host = ("host", "127.0.0.1:8090");
        for kind in ["text/plain", "application/x-www-form-urlencoded"] {
            let got = code(&Method::POST, &[host, ("content-type", kind)]);
            assert_eq!(got, "json-wanted", "{kind}");
        }
        let unnamed = [host, ("content-length", "2")];
        assert_eq!(code(&Method::POST, &unnamed), "json-wanted");
        let json = [host, ("content-type", "application/json; charset=utf-8")];
        assert_eq!(code(&Method::POST, &json), "ok");
        assert_eq!(code(&Method::POST, &[host]), "ok");
    }
}
