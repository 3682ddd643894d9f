//! Addresses that the server returns. A client follows them, so each must lead to the resource
//! (RFC 7644 §3.1, §3.3; RFC 7643 §3.1).

use serde_json::{Value, json};

use super::item::{Judged, Stop, checks, ensure, unjudged};
use super::probe::Probe;
use super::reading::{text, values};
use super::target::{below, move_to_host, segment};

checks! {
"SCIM-DISC-29", May, "RFC 7643 §3.1"; "Addresses in answers are on the host of the base URL";
    expects "meta.location and Location on the host of the base URL";
    fix "If clients use that other host, run the checks with its base URL. Otherwise set the server's public URL, or let the proxy in front of the server pass Host, X-Forwarded-Host and X-Forwarded-Proto: a client that follows such an address reaches nothing, or another server.";
    needs []; act(judge_host)
}

/// The check of the host. What else is wrong about an address of another host cannot be judged.
const HOST: &str = "SCIM-DISC-29";

/// Largest number of addresses that are quoted.
const QUOTED: usize = 3;

async fn judge_host(probe: &Probe<'_>) -> Judged {
    let mut all = Vec::new();
    let mut add = |what: &str, address: Option<&str>| {
        all.extend(address.map(|it| (what.to_owned(), it.to_owned())));
    };
    let meta_location = ["meta", "location"];
    let config = probe.get("/ServiceProviderConfig").await?;
    let config = config.json().unwrap_or_default();
    add(
        "meta.location of the ServiceProviderConfig",
        text(&config, &meta_location),
    );
    let types = probe.get("/ResourceTypes").await?.json();
    for one in values(&types.unwrap_or_default(), "Resources") {
        add(
            "meta.location of a resource type",
            text(one, &meta_location),
        );
    }
    // That no user can be created is a finding of another check.
    if !probe.session.read_only
        && let Ok(user) = probe.create_user(json!({})).await
    {
        add("Location of a new user", user.answer.header("location"));
        let body = user.answer.json().unwrap_or_default();
        add("meta.location of a new user", text(&body, &meta_location));
    }
    if all.is_empty() {
        return unjudged("no answer contains an address");
    }
    let base = &probe.session.base;
    let elsewhere: Vec<String> = all
        .iter()
        .filter(|(_, address)| move_to_host(address, base).is_some())
        .map(|(what, address)| format!("{what} is {address}"))
        .take(QUOTED)
        .collect();
    ensure(elsewhere.is_empty(), || {
        format!("asked at {base}: {}", elsewhere.join("; "))
    })
}

/// That resources have wrong addresses is one finding, however many checks follow them.
const SYMPTOM: &str = "the addresses of resources do not lead to them";

/// Requires that an address leads to the resource that is at `place`, the last segment of which is
/// its id.
pub(super) async fn require_resource_at_address(
    probe: &Probe<'_>,
    named: (&str, &str),
    place: &str,
) -> Judged {
    let judged = require_at_address(probe, named, place, |body| {
        text(body, &["id"]).is_some_and(|id| place.ends_with(&format!("/{}", segment(id))))
    })
    .await;
    match &judged {
        Err(Stop::Wrong(_)) => probe.suspect([SYMPTOM.to_owned()]),
        Ok(()) | Err(Stop::Follows(..)) => probe.session.disprove([SYMPTOM.to_owned()]),
        Err(Stop::Unjudged(_)) => {}
    }
    judged
}

/// Requires that an address leads to the resource that is at `place`, and that `is_it` knows.
///
/// Another host is not asked, because the credentials are only for this server. There the same path
/// of this host is asked: if the resource is not at it, the path is wrong, whatever the host.
pub(super) async fn require_at_address(
    probe: &Probe<'_>,
    (what, address): (&str, &str),
    place: &str,
    is_it: impl Fn(&Value) -> bool,
) -> Judged {
    let base = &probe.session.base;
    let moved = move_to_host(address, base);
    let target = below(moved.as_deref().unwrap_or(address), base);
    let answer = probe.get_address(&target).await?;
    if !answer.has_succeeded() || !answer.json().is_some_and(|body| is_it(&body)) {
        return answer.wrong(format!("{what} is {address}, expected {base}{place}"));
    }
    match moved {
        None => Ok(()),
        Some(_) => Err(Stop::Follows(
            HOST,
            format!(
                "{what} is {address}: another host than that of {base}, and not asked; its path is right"
            ),
        )),
    }
}
