//! Names the difference between two texts that must be equal, if it is easily overlooked. SAML
//! compares URLs and entity IDs as text.

/// Returns how two different texts differ if it is easily overlooked, as the end of "they differ
/// only …".
pub(super) fn small_difference(one: &str, other: &str) -> Option<&'static str> {
    type Change = fn(&str) -> String;
    const CHANGES: [(&str, Change); 6] = [
        ("by white space at an end", |it| it.trim().to_owned()),
        ("by a slash at the end", |it| {
            it.trim_end_matches('/').to_owned()
        }),
        ("in letter case", str::to_lowercase),
        ("in http and https", |it| {
            it.replacen("http://", "https://", 1)
        }),
        ("by the default port", |it| {
            it.replacen(":443/", "/", 1).replacen(":80/", "/", 1)
        }),
        // Entra writes this prefix in front of an application ID.
        ("by the prefix spn:", |it| it.replacen("spn:", "", 1)),
    ];
    if one == other || one.trim().is_empty() || other.trim().is_empty() {
        return None;
    }
    let found = CHANGES
        .iter()
        .find(|(_, change)| change(one) == change(other));
    if let Some((name, _)) = found {
        return Some(name);
    }
    let all = |text: &str| {
        let changes = CHANGES.iter();
        changes.fold(text.to_owned(), |text, (_, change)| change(&text))
    };
    (all(one) == all(other)).then_some("in letter case, scheme, port or a slash at the end")
}

/// Returns the difference as a part of a sentence, or nothing if it is plain to see.
pub(super) fn describe_difference(one: &str, other: &str) -> String {
    small_difference(one, other)
        .map(|it| format!(" they differ only {it};"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_differences_have_a_name() {
        for (one, other, expected) in [
            ("https://a/x", "https://a/x", None),
            ("https://a/x", "https://b/x", None),
            ("https://a/x", "", None),
            ("https://a/x", "https://a/x/", Some("by a slash at the end")),
            ("https://a/X", "https://a/x", Some("in letter case")),
            ("http://a/x", "https://a/x", Some("in http and https")),
            (
                "https://a:443/x",
                "https://a/x",
                Some("by the default port"),
            ),
            ("spn:1-2", "1-2", Some("by the prefix spn:")),
            (
                " https://a/x",
                "https://a/x",
                Some("by white space at an end"),
            ),
            (
                "http://A/x/",
                "https://a/x",
                Some("in letter case, scheme, port or a slash at the end"),
            ),
        ] {
            assert_eq!(small_difference(one, other), expected, "{one} {other}");
        }
    }
}
