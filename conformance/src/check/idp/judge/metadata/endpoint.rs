//! The endpoints of the metadata: their bindings and locations.

use browser::site::is_trustworthy;
use url::Url;

use super::super::{Ruled, breaks, holds, judge_complaints, not_judged, without_query};
use super::document::require_readable;
use crate::check::idp::reading::Case;

fn judge_binding(case: &Case<'_>, binding: &str) -> Ruled {
    if let Some(ruled) = require_readable(case) {
        return ruled;
    }
    let mut found = case.announced.sso.iter();
    match found.find(|(uri, _)| uri.ends_with(binding)) {
        Some((_, location)) => holds(location.clone()),
        None => breaks(format!(
            "none of {} endpoint(s) has it",
            case.announced.sso.len()
        )),
    }
}

pub(super) fn judge_redirect_endpoint(case: &Case<'_>) -> Ruled {
    judge_binding(case, ":HTTP-Redirect")
}

pub(super) fn judge_post_endpoint(case: &Case<'_>) -> Ruled {
    judge_binding(case, ":HTTP-POST")
}

fn judge_endpoints(
    case: &Case<'_>,
    complaint: impl Fn(&str, &str) -> Option<String>,
    otherwise: &str,
) -> Ruled {
    if let Some(ruled) = require_readable(case) {
        return ruled;
    }
    let endpoints = case.announced.sso.iter().chain(&case.announced.slo);
    let complaints = endpoints.filter_map(|(binding, location)| complaint(binding, location));
    judge_complaints(complaints.collect(), otherwise)
}

pub(super) fn judge_bindings(case: &Case<'_>) -> Ruled {
    let known = [
        "HTTP-Redirect",
        "HTTP-POST",
        "HTTP-Artifact",
        "SOAP",
        "PAOS",
        "URI",
        "HTTP-POST-SimpleSign",
    ];
    judge_endpoints(
        case,
        |binding, _| {
            let name = binding.rsplit(':').next().unwrap_or_default();
            let old = binding.starts_with("urn:mace:shibboleth:1.0:");
            let right = binding.starts_with("urn:oasis:names:tc:SAML:2.0:bindings:");
            (!(old || right && known.contains(&name))).then(|| format!("{binding:?}"))
        },
        "they are",
    )
}

pub(super) fn judge_form_of_locations(case: &Case<'_>) -> Ruled {
    judge_endpoints(
        case,
        |_, location| match Url::parse(location) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => Some(location.to_owned()),
            Ok(url) if url.fragment().is_some() => Some(format!("{location} has a fragment")),
            Ok(_) => None,
            Err(error) => Some(format!("{location:?}: {error}")),
        },
        "they are",
    )
}

pub(super) fn judge_tls_of_locations(case: &Case<'_>) -> Ruled {
    let endpoints = case.announced.sso.iter().chain(&case.announced.slo);
    let urls: Vec<Url> = endpoints
        .filter_map(|(_, it)| Url::parse(it).ok())
        .collect();
    let is_plain_here = |url: &Url| url.scheme() == "http" && is_trustworthy(url);
    // Nobody reads what stays on this machine, and nothing shows how others would reach it.
    if !urls.is_empty() && urls.iter().all(is_plain_here) {
        return not_judged(
            "every Location is an http address of this machine: run the check again where the identity provider is installed for its users",
        );
    }
    judge_endpoints(
        case,
        |_, location| {
            let url = Url::parse(location).ok()?;
            (url.scheme() == "http" && !is_trustworthy(&url)).then(|| location.to_owned())
        },
        "they do, or are on this machine",
    )
}

pub(super) fn judge_reachability(case: &Case<'_>) -> Ruled {
    if case.recording.opened.is_empty() {
        return not_judged("no address was opened in this run");
    }
    if case.recording.opened.iter().all(|it| it.status.is_none()) {
        return not_judged("no address answered any more: the identity provider stopped");
    }
    let complaints = case.recording.opened.iter().filter_map(|it| {
        let url = without_query(&it.url);
        match (it.status, &it.trouble) {
            (Some(status @ (404 | 410)), _) => Some(format!("{url} answers {status}")),
            (None, Some(trouble)) => Some(format!("{url}: {trouble}")),
            _ => None,
        }
    });
    let mut complaints: Vec<String> = complaints.collect();
    complaints.dedup();
    let ruled = judge_complaints(complaints.clone(), "they can");
    complaints.into_iter().fold(ruled, Ruled::shows)
}
