//! Targets of requests: paths below the base URL.

use url::Url;

/// Returns a target with query parameters.
pub(super) fn query(endpoint: &str, parameters: &[(&str, &str)]) -> String {
    let pairs = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    // A plus sign means a space only in forms, not in URLs.
    format!("{endpoint}?{}", pairs.replace('+', "%20"))
}

/// Encodes an id as a path segment: it may contain any character (RFC 7643 §3.1).
pub(super) fn segment(id: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    encoded.replace('+', "%20")
}

/// Returns the path below the base URL if the location lies there. Some servers send only the path,
/// or a path relative to the endpoint.
pub(super) fn below(location: &str, base: &str) -> String {
    let base = base.trim_end_matches('/');
    let path = base
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    let fronts = [Some(base), path];
    let behind = |front: &str| {
        location
            .strip_prefix(front)
            .filter(|rest| rest.starts_with('/'))
    };
    if let Some(rest) = fronts.into_iter().flatten().find_map(behind) {
        return rest.to_owned();
    }
    if location.starts_with('/') || location.contains("://") {
        return location.to_owned();
    }
    format!(
        "/{}",
        location.trim_start_matches("./").trim_start_matches("../")
    )
}

/// Splits a base URL before its query.
pub(super) fn without_query(base: &str) -> (&str, Option<&str>) {
    match base.split_once('?') {
        Some((base, query)) => (base, Some(query).filter(|it| !it.is_empty())),
        None => (base, None),
    }
}

/// Adds the query of the base URL to a target below it, in front of the target's own query, as
/// [`super::wire::Http`] sends it.
pub(super) fn with_query(target: &str, query: Option<&str>) -> String {
    let Some(query) = query.filter(|_| target.starts_with('/')) else {
        return target.to_owned();
    };
    match target.split_once('?') {
        Some((path, own)) => format!("{path}?{query}&{own}"),
        None => format!("{target}?{query}"),
    }
}

/// Returns the target of a resource by its id, which is the last segment of its address. Where the
/// address leads otherwise does not matter: it may name the host of a proxy, or be wrong.
pub(super) fn by_id(endpoint: &str, location: &str) -> Option<String> {
    let path = location.split(['?', '#']).next().unwrap_or_default();
    let (_, id) = path.trim_end_matches('/').rsplit_once('/')?;
    (!id.is_empty()).then(|| format!("{endpoint}/{id}"))
}

/// Returns an address of another host as one of the base URL's host, with the same path. `None` if
/// it is of that host, or relative.
pub(super) fn move_to_host(location: &str, base: &str) -> Option<String> {
    let (location, base) = (Url::parse(location).ok()?, Url::parse(base).ok()?);
    if location.origin() == base.origin() {
        return None;
    }
    let mut moved = base;
    moved.set_path(location.path());
    moved.set_query(location.query());
    Some(moved.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_the_base_url_is_in_front() {
        let (base, query) = without_query("https://scim.example/v2?a=1&b");
        assert_eq!((base, query), ("https://scim.example/v2", Some("a=1&b")));
        assert_eq!(with_query("/Users?count=1", query), "/Users?a=1&b&count=1");
        assert_eq!(with_query("/Users", query), "/Users?a=1&b");
        assert_eq!(with_query("/Users", None), "/Users");
        let whole = "https://scim.example/v2/Users";
        assert_eq!(with_query(whole, query), whole);
    }

    #[test]
    fn a_resource_is_found_by_id_wherever_its_address_leads() {
        for location in [
            "http://other.example:9999/x/Users/a%2F1/",
            "/Users/a%2F1?attributes=id",
            "../Users/a%2F1",
        ] {
            let target = by_id("/Users", location);
            assert_eq!(target.as_deref(), Some("/Users/a%2F1"));
        }
        assert_eq!(by_id("/Users", "1"), None);
        assert_eq!(by_id("/Users", "/"), None);
    }

    #[test]
    fn only_an_address_of_another_host_is_moved() {
        let base = "https://scim.example/v2";
        let moved = |location| move_to_host(location, base);
        assert_eq!(
            moved("http://scim.example/v2/Users/1").as_deref(),
            Some("https://scim.example/v2/Users/1")
        );
        assert_eq!(
            moved("https://internal:9999/Users/1").as_deref(),
            Some("https://scim.example/Users/1")
        );
        assert_eq!(moved("https://scim.example:443/v3/Users/1"), None);
        assert_eq!(moved("/v2/Users/1"), None);
    }

    #[test]
    fn an_id_is_one_segment_whatever_its_characters() {
        assert_eq!(segment("a/b#c?d %"), "a%2Fb%23c%3Fd%20%25");
        assert_eq!(segment("4711-x_y.z"), "4711-x_y.z");
    }

    #[test]
    fn a_location_is_found_below_the_base_address_whole_or_by_its_path() {
        let base = "https://scim.example/v2/";
        for location in [
            "https://scim.example/v2/Users/1",
            "/v2/Users/1",
            "/Users/1",
            "Users/1",
            "../Users/1",
        ] {
            assert_eq!(below(location, base), "/Users/1");
        }
        let elsewhere = "https://other.example/Users/1";
        assert_eq!(below(elsewhere, base), elsewhere);
    }
}
