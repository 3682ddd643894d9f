//! Parses the URLs of options.

use url::Url;

/// Parses an HTTP URL. `localhost:8080/scim` is also a URL, with the scheme `localhost`, so the
/// error says what to write.
///
/// # Errors
/// If the text is no URL with the scheme `http` or `https` and a host.
pub(crate) fn web_url(text: &str) -> Result<Url, String> {
    let parsed = Url::parse(text);
    if let Ok(url) = &parsed
        && matches!(url.scheme(), "http" | "https")
        && url.has_host()
    {
        return Ok(url.clone());
    }
    Err(if text.contains("://") {
        let why = parsed
            .err()
            .map_or_else(String::new, |it| format!(" ({it})"));
        format!("expected a URL such as https://host.example/path, got {text}{why}")
    } else {
        format!("expected a URL that begins with http:// or https://, got {text}")
    })
}

#[cfg(test)]
mod tests {
    use super::web_url;

    #[test]
    fn a_url_needs_a_scheme_of_the_web() {
        for good in ["http://127.0.0.1:8080/scim/v2", "https://scim.example"] {
            assert_eq!(
                web_url(good).map(|it| it.port_or_known_default().is_some()),
                Ok(true)
            );
        }
        for (wrong, hint) in [
            ("localhost:8080/scim", "begins with http:// or https://"),
            ("scim.example/v2", "begins with http:// or https://"),
            ("", "begins with http:// or https://"),
            ("ftp://scim.example", "such as https://host.example/path"),
            ("https://", "empty host"),
            ("https://scim.example:99999", "invalid port number"),
        ] {
            let error = web_url(wrong).err().unwrap_or_default();
            assert!(error.contains(hint), "{wrong}: {error}");
        }
    }
}
