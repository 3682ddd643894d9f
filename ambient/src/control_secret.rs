//! The secret of a control port: the portal's, the identity provider's and the simulation page's.
//!
//! Every program of the machine reaches a port on loopback. A control port resets and downloads a
//! whole state, so a request must show that it comes from a program that can read the ready file:
//! by the secret as first segment of the path, as `control_url` of the ready file contains it, or
//! as a bearer token (RFC 6750) at the path without it.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use subtle::ConstantTimeEq as _;
use tower::ServiceBuilder;

use crate::Rng;
use crate::secret_file::{self, SecretFileError};

/// Length of a generated secret in bytes, before it is written as text.
const BYTES: usize = 24;

/// Minimum length of a secret as text: 128 bits in base64url.
const SHORTEST: usize = 22;

/// What the answer to a request without the secret says.
pub const SECRET_WANTED: &str = "this request needs the secret of the control port; use control_url of the ready file, or send \
     Authorization: Bearer with its control_secret";

/// Value of `WWW-Authenticate` in the same answer.
pub const SECRET_CHALLENGE: &str = "Bearer realm=\"control port\"";

/// Why a control port has no secret.
#[derive(Debug, thiserror::Error)]
pub enum ControlSecretError {
    /// The chosen text cannot be a secret. The text is not part of the error.
    #[error(
        "invalid control secret: expected at least {SHORTEST} characters of A-Z, a-z, 0-9, - and _; \
         `openssl rand -hex 32` prints one"
    )]
    Form,
    /// The file that keeps the secret cannot be used.
    #[error(transparent)]
    File(#[from] SecretFileError),
}

/// The secret of a control port. `Debug` does not print it.
#[derive(Clone)]
pub struct ControlSecret(Arc<str>);

/// Marks a request whose path contained the secret.
#[derive(Debug, Clone, Copy)]
pub struct SecretInPath;

impl ControlSecret {
    /// Generates a secret of 192 bits.
    pub fn generate(rng: &Rng) -> Self {
        Self(rng.token(BYTES).into())
    }

    /// Reads a secret that somebody chose.
    ///
    /// # Errors
    /// [`ControlSecretError::Form`] if it is too short, or has characters that a path cannot contain
    /// as they are.
    pub fn parse(text: &str) -> Result<Self, ControlSecretError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.len() >= SHORTEST && text.bytes().all(is_plain) {
            Ok(Self(text.into()))
        } else {
            Err(ControlSecretError::Form)
        }
    }

    /// Returns the secret of the options of a command: the one that was given, else the one of the
    /// file, which is created if it does not exist; `None` without both.
    ///
    /// # Errors
    /// [`ControlSecretError`].
    pub fn of_options(
        given: Option<String>,
        file: Option<&Path>,
    ) -> Result<Option<Self>, ControlSecretError> {
        // Docker Compose passes an unset variable on as an empty one.
        let given = given.filter(|text| !text.is_empty());
        let text = match file {
            Some(path) => Some(secret_file::read_or_create(path, given, || {
                Rng::from_os().token(BYTES)
            })?),
            None => given,
        };
        text.as_deref().map(Self::parse).transpose()
    }

    /// Returns the secret as text, for the ready file.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Appends the secret to the address of a port.
    pub fn add_to(&self, base: &str) -> String {
        format!("{}/{}", base.trim_end_matches('/'), self.0)
    }

    /// Compares a text with the secret, in a time that does not depend on where they differ.
    pub fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }

    /// Returns whether the request shows the secret. Removes it from the path, and then marks the
    /// request with [`SecretInPath`].
    pub fn is_shown_by(&self, request: &mut Request) -> bool {
        if let Some(uri) = self.without_secret(request.uri()) {
            *request.uri_mut() = uri;
            request.extensions_mut().insert(SecretInPath);
            return true;
        }
        bearer(request.headers()).is_some_and(|token| self.is(token))
    }

    /// Returns the URI without the secret; `None` if its path does not begin with it.
    fn without_secret(&self, uri: &Uri) -> Option<Uri> {
        let path = uri.path().strip_prefix('/')?;
        let (first, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
        if !self.is(first) {
            return None;
        }
        let rest = if rest.is_empty() { "/" } else { rest };
        let rest = match uri.query() {
            Some(query) => format!("{rest}?{query}"),
            None => rest.to_owned(),
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(rest).ok()?);
        Uri::from_parts(parts).ok()
    }
}

impl std::fmt::Debug for ControlSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ControlSecret(…)")
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Protects a control port. Requests that do not show the secret are answered by `refuse`, except
/// those for which `is_open` is true. Both see the path without the secret.
pub fn require_secret(
    router: Router,
    secret: ControlSecret,
    is_open: impl Fn(&Request) -> bool + Clone + Send + Sync + 'static,
    refuse: impl Fn(&Request) -> Response + Clone + Send + Sync + 'static,
) -> Router {
    let check = middleware::from_fn(move |mut request: Request, next: Next| {
        let is_admitted = secret.is_shown_by(&mut request) || is_open(&request);
        let refusal = (!is_admitted).then(|| refuse(&request));
        async move {
            match refusal {
                Some(refusal) => refusal,
                None => next.run(request).await,
            }
        }
    });
    // A layer of the router itself runs after the route is chosen, and could not change the path.
    Router::new().fallback_service(ServiceBuilder::new().layer(check).service(router))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    const SECRET: &str = "0123456789abcdef-_ABCDEF";

    async fn answer_to(path: &str, authorization: Option<&str>) -> (StatusCode, String) {
        let show = async |uri: Uri| uri.to_string();
        let inner = Router::new()
            .route("/control/reset", get(show))
            .route("/clock", get(show));
        let router = require_secret(
            inner,
            ControlSecret::parse(SECRET).unwrap(),
            |request| request.uri().path() == "/clock",
            |_| StatusCode::UNAUTHORIZED.into_response(),
        );
        let mut request = Request::get(path);
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let answer = router.oneshot(request.body(Body::empty()).unwrap()).await;
        let answer = answer.unwrap();
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), 1024).await;
        (status, String::from_utf8_lossy(&body.unwrap()).into_owned())
    }

    #[tokio::test]
    async fn the_secret_is_accepted_in_the_path_and_as_bearer_token() {
        for (path, authorization, shown) in [
            (
                format!("/{SECRET}/control/reset?a=b"),
                None,
                "/control/reset?a=b",
            ),
            // The identity provider's clients send the token of the management API everywhere.
            (
                format!("/{SECRET}/control/reset"),
                Some("Bearer other".to_owned()),
                "/control/reset",
            ),
            (
                "/control/reset".to_owned(),
                Some(format!("Bearer {SECRET}")),
                "/control/reset",
            ),
            (
                "/control/reset".to_owned(),
                Some(format!("bearer  {SECRET}")),
                "/control/reset",
            ),
            ("/clock".to_owned(), None, "/clock"),
            (format!("/{SECRET}/clock"), None, "/clock"),
        ] {
            let (status, body) = answer_to(&path, authorization.as_deref()).await;
            assert_eq!((status, body.as_str()), (StatusCode::OK, shown), "{path}");
        }
        for path in [format!("/{SECRET}"), format!("/{SECRET}/none")] {
            assert_eq!(answer_to(&path, None).await.0, StatusCode::NOT_FOUND);
        }
    }

    #[tokio::test]
    async fn requests_without_the_secret_are_refused() {
        let other = "x".repeat(SECRET.len());
        for (path, authorization) in [
            ("/control/reset".to_owned(), None),
            ("/none".to_owned(), None),
            (format!("/{other}/control/reset"), None),
            (format!("/{other}/clock"), None),
            (format!("/{SECRET}x/control/reset"), None),
            (format!("//{SECRET}/control/reset"), None),
            (format!("/control/reset?{SECRET}"), None),
            ("/control/reset".to_owned(), Some(format!("Bearer {other}"))),
            ("/control/reset".to_owned(), Some(format!("Basic {SECRET}"))),
            ("/control/reset".to_owned(), Some(SECRET.to_owned())),
        ] {
            let (status, _) = answer_to(&path, authorization.as_deref()).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path} {authorization:?}");
        }
    }

    #[test]
    fn a_secret_is_given_or_kept_in_a_file() {
        let of = |given: &str, file| {
            let secret = ControlSecret::of_options(Some(given.to_owned()), file);
            secret.map(|secret| secret.map(|secret| secret.reveal().to_owned()))
        };
        assert_eq!(of(SECRET, None).unwrap().unwrap(), SECRET);
        assert_eq!(of("", None).unwrap(), None);
        let error = of("too-short-secret", None).unwrap_err().to_string();
        assert!(error.contains("at least 22") && !error.contains("too-short"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let drawn = of("", Some(&path)).unwrap().unwrap();
        assert_eq!(of("", Some(&path)).unwrap().unwrap(), drawn);
        assert_eq!(of(SECRET, Some(&path)).unwrap().unwrap(), SECRET);
    }

    #[test]
    fn a_secret_is_long_and_fits_into_a_path() {
        let drawn = ControlSecret::generate(&Rng::from_os());
        assert!(ControlSecret::parse(drawn.reveal()).is_ok());
        assert_eq!(format!("{drawn:?}"), "ControlSecret(…)");
        let url = drawn.add_to("http://127.0.0.1:1/");
        assert_eq!(url, format!("http://127.0.0.1:1/{}", drawn.reveal()));
        for text in [
            "",
            "short",
            "0123456789abcdef01234/",
            "0123456789abcdef 01234567",
        ] {
            assert!(ControlSecret::parse(text).is_err(), "{text:?}");
        }
    }
}
