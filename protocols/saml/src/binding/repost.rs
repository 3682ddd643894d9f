//! Posts a message again that a page of another site posted (HTTP-POST, saml-bindings §3.5).
//!
//! Browsers do not send a cookie with `SameSite=Lax` when another site posts, and over plain HTTP a
//! cookie cannot be `SameSite=None`. A page of the receiver posts from the same site, so the
//! browser sends the cookie.

use super::Parameter;
use super::post::form_page_with;

/// The hidden field that marks a message posted again. Such a message never leads to the page
/// again, so there is no loop.
pub const REPOST_FIELD: &str = "reposted";

/// The content security policy of [`repost_page`]: that of a page with a message; in addition the
/// form may post only to the receiver.
pub const REPOST_PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-hashes' \
     'sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE='; base-uri 'none'; frame-ancestors 'none'; \
     form-action 'self'";

/// Returns the page that posts `message` again to `action`, a URL of the receiver. It has a button
/// for browsers without scripts.
pub fn repost_page(
    action: &str,
    parameter: Parameter,
    message: &str,
    relay_state: Option<&str>,
) -> String {
    form_page_with(
        action,
        parameter,
        message,
        relay_state,
        &[(REPOST_FIELD, "1")],
    )
}

/// True if a page of another site posted the request, according to the headers `Origin` (Fetch
/// §3.2) and `Sec-Fetch-Site` (Fetch Metadata §2.3). `own_origin` is the origin of the receiver,
/// such as `https://portal.example`.
///
/// Browsers send `Origin` with every POST; a client without it is a program, for which SameSite has
/// no meaning. `Sec-Fetch-Site` is sent only to HTTPS and to this machine; without it, another
/// origin counts as another site.
pub fn is_posted_across_sites(
    origin: Option<&str>,
    sec_fetch_site: Option<&str>,
    own_origin: &str,
) -> bool {
    match (sec_fetch_site, origin) {
        (Some("cross-site"), _) => true,
        (Some("same-origin" | "same-site"), _) | (_, None) => false,
        (_, Some(origin)) => origin != own_origin,
    }
}

#[cfg(test)]
mod tests {
    use super::super::post::FORM_PAGE_POLICY;
    use super::*;

    #[test]
    fn the_page_posts_the_same_message_with_the_mark() {
        let page = repost_page("https://sp/acs", Parameter::Response, "PGE+", Some("r&s"));
        for part in [
            r#"action="https://sp/acs""#,
            r#"name="SAMLResponse" type="hidden" value="PGE+""#,
            r#"name="RelayState" type="hidden" value="r&amp;s""#,
            r#"name="reposted" type="hidden" value="1""#,
            "<noscript>",
            "<button",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }

    #[test]
    fn the_policies_differ_in_where_the_form_leads() {
        let rest = REPOST_PAGE_POLICY.strip_prefix(FORM_PAGE_POLICY);
        assert_eq!(rest, Some("; form-action 'self'"));
    }

    #[test]
    fn a_post_from_another_site_is_recognized_by_its_headers() {
        let own = "http://portal.localhost:8080";
        let other = Some("http://idp.localhost:8081");
        for (origin, site, expected) in [
            (other, Some("cross-site"), true),
            (other, Some("same-site"), false),
            (Some(own), Some("same-origin"), false),
            (other, None, true),
            (Some("null"), None, true),
            (Some(own), None, false),
            // Typed or opened from a bookmark: only `Origin` is useful.
            (other, Some("none"), true),
            (None, None, false),
        ] {
            assert_eq!(
                is_posted_across_sites(origin, site, own),
                expected,
                "{origin:?} {site:?}"
            );
        }
    }
}
