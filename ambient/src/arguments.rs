//! Parsers for the values of command-line options. Their errors name what is accepted.

use std::ops::RangeInclusive;

use reqwest::Url;

/// Returns a parser of whole numbers in a range, for `value_parser` of an option. Its end
/// is not named if it is the largest number.
pub fn whole_number<T>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: TryFrom<u64>,
{
    move |text| {
        let parsed = text.trim().parse().ok().filter(|it| range.contains(it));
        parsed.and_then(|it| T::try_from(it).ok()).ok_or_else(|| {
            let accepted = match (range.start(), range.end()) {
                (start, &u64::MAX) => format!("of {start} or more"),
                (start, end) => format!("from {start} to {end}"),
            };
            format!("expected a whole number {accepted}, got {text}")
        })
    }
}

/// Parses an HTTP URL. `localhost:8080/scim` is also a URL, with the scheme `localhost`, so the
/// error says what to write.
///
/// # Errors
/// If the text is no URL with the scheme `http` or `https` and a host.
pub fn web_url(text: &str) -> Result<Url, String> {
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

/// Quotes an argument so that a shell reads it as one word: a POSIX shell, or on Windows `cmd.exe` and
/// PowerShell.
pub fn quote_for_shell(argument: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=,@%+".contains(it);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    crate::platform::quote_for_shell(argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_outside_of_the_range_is_refused_with_the_range() {
        let port = whole_number::<u16>(0..=65_535);
        assert_eq!(port("8080"), Ok(8080));
        for wrong in ["65536", "-1", "1.5", "abc", ""] {
            let expected = format!("expected a whole number from 0 to 65535, got {wrong}");
            assert_eq!(port(wrong), Err(expected));
        }
        let seed = whole_number::<u64>(1..=u64::MAX);
        assert_eq!(seed("3"), Ok(3));
        for wrong in ["0", "99999999999999999999", "-1"] {
            let expected = format!("expected a whole number of 1 or more, got {wrong}");
            assert_eq!(seed(wrong), Err(expected));
        }
    }

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
