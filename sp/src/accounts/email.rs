//! Parses e-mail addresses and domain names.

/// Returns the address that a person typed in lower case, without white space
/// around it, or `None` if it is invalid. Valid: exactly one `@`, a local part
/// of at most 64 characters without quoting, and a host name with at least two
/// labels.
pub fn normalize_email(email: &str) -> Option<String> {
    normalized_exactly(email.trim())
}

/// As [`normalize_email`], for an address that an identity provider asserts: white
/// space around it belongs to the name, which then is invalid. Otherwise
/// whoever gets that name there would log in as another user.
pub fn normalized_exactly(email: &str) -> Option<String> {
    // The Kelvin sign is a `k` in lower case: this would be another user's name too.
    let becomes_ascii = |sign: char| !sign.is_ascii() && sign.to_lowercase().any(|c| c.is_ascii());
    if email.contains(becomes_ascii) {
        return None;
    }
    let email = email.to_lowercase();
    let (local, domain) = email.split_once('@')?;
    let local_ok = !local.is_empty()
        && local.len() <= 64
        && local
            .chars()
            .all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c));
    (local_ok && is_domain(domain)).then_some(email)
}

/// Returns the part after the `@`; empty if there is none.
pub fn domain_of(email: &str) -> &str {
    email.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// True if this is a host name with at least two labels, in ASCII (RFC 1123).
pub fn is_domain(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    domain.len() <= 253
        && labels.len() >= 2
        && labels.iter().all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        })
        && labels
            .last()
            .is_some_and(|top| top.chars().any(|c| c.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_name_at_one_domain() {
        assert_eq!(
            normalize_email(" Jo@Example.COM "),
            Some("jo@example.com".into())
        );
        for bad in [
            "jo",
            "jo@",
            "@example.com",
            "jo@example",
            "a@b@example.com",
            "j o@example.com",
            "jo@example.com\n.evil.com",
            "jo@-x.com",
            "jo@127.0.0.1",
            "mar\u{212a}@example.com",
        ] {
            assert_eq!(normalize_email(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn white_space_around_an_asserted_address_is_a_part_of_it() {
        let exact = normalized_exactly("Jo@Example.COM");
        assert_eq!(exact, Some("jo@example.com".into()));
        for other in [" jo@example.com", "jo@example.com\u{a0}", "jo@example.com "] {
            assert_eq!(normalized_exactly(other), None, "{other:?}");
        }
    }
}
