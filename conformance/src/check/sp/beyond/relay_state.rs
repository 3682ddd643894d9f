//! Checks of `RelayState`. An attacker who delivers a Response can choose it, so it must not
//! cause an open redirect, a response header or markup in a page.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::json;

use super::super::login::Asked;
use super::super::visitor::{Arrival, INTRUDER};
use super::{Beyond, Delivery, Judged, judge_complaints, rows};
use crate::check::Harm;

rows! {
"SAML-SP-RELAY-01", Should, Harm::Protection, "saml-bindings §3.5.3, CWE-601"; "RelayState with a URL of another site causes no redirect to that site";
    expects "no redirect to https://intruder.example/, neither by the Location header nor by the page";
    fix "Send a random identifier as RelayState, and store the destination on the server under it. If RelayState must be a URL, parse it and accept only your own origin.";
    judge_absolute_url
"SAML-SP-RELAY-02", Should, Harm::Protection, "saml-bindings §3.5.3, CWE-601"; "RelayState with a disguised URL of another site causes no redirect to that site";
    expects "no redirect to intruder.example for //intruder.example, /\\intruder.example and similar forms";
    fix "Parse the URL as a browser does and compare its origin: a URL that begins with / can still lead to another host.";
    judge_disguised_url
"SAML-SP-RELAY-03", Should, Harm::Protection, "CWE-79, CWE-601"; "RelayState with a javascript: URL causes no redirect and no link to it";
    expects "no redirect and no link to the javascript: URL";
    fix "Accept only http: and https: URLs of your own origin.";
    judge_script_url
"SAML-SP-RELAY-04", Should, Harm::Protection, "CWE-113"; "A line break in RelayState adds no header to the answer";
    expects "no X-Rehearsal header in the answer when RelayState contains a line break and that header";
    fix "Refuse a RelayState with control characters before it is written into a header.";
    judge_line_break
"SAML-SP-RELAY-05", Should, Harm::Protection, "CWE-79"; "Markup in RelayState is escaped in pages";
    expects "RelayState escaped for HTML in every page that shows it";
    fix "Escape RelayState for HTML, also in error pages.";
    judge_markup
}

/// Delivers the honest Response with each of these values of `RelayState`, each time in a new
/// browser: once in answer to a request and, if the service provider accepts that, once
/// unsolicited. The check fails where `complaint` returns a text.
async fn with_states(
    beyond: &Beyond<'_>,
    states: &[&str],
    complaint: impl Fn(&Delivery) -> Option<String>,
) -> Judged {
    let user = &beyond.judge.person.user;
    let is_asked = beyond.judge.target.start_url.is_some();
    let takes_unasked = !is_asked || beyond.require_unsolicited().await.is_ok();
    let (mut complaints, mut evidence) = (Vec::new(), Vec::new());
    let mut accepted = 0;
    for state in states {
        for asks in [true, false] {
            if asks && !is_asked || !asks && !takes_unasked {
                continue;
            }
            let login = beyond.login();
            let visitor = login.visitor()?;
            let asked = match asks {
                true => login.ask(&visitor).await?,
                false => login.unsolicited_values()?,
            };
            let asked = Asked {
                relay_state: Some((*state).to_owned()),
                ..asked
            };
            let delivery = beyond.deliver(&visitor, user, asked).await?;
            accepted += usize::from(delivery.shown.is_some());
            if let Some(complaint) = complaint(&delivery) {
                let whose = if asks {
                    ""
                } else {
                    " in an unsolicited Response"
                };
                complaints.push(format!("RelayState {state:?}{whose}: {complaint}"));
                let mut seen = delivery.evidence();
                seen["relay_state"] = json!(state);
                evidence.push(seen);
            }
        }
    }
    let text = match accepted {
        0 => "it does not happen; the user was not logged in with such a RelayState".to_owned(),
        _ => "it does not happen; the login was accepted".to_owned(),
    };
    judge_complaints(complaints, &text, json!(evidence))
}

/// Matches a page that sends the browser to [`INTRUDER`] by a meta refresh or by a script.
static LEADS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)http-equiv=["']?refresh[^>]*intruder\.example|location(\.href)?\s*=\s*["'][^"']*intruder\.example|location\.(replace|assign)\(["'][^"']*intruder\.example"#,
    )
    .expect("a pattern written here compiles")
});

/// Returns how an answer leads to [`INTRUDER`]; `None` if it does not.
pub(super) fn leads_away(arrival: &Arrival) -> Option<String> {
    if arrival.url.host_str() == Some(INTRUDER) {
        let last = arrival.locations.last().map_or("", String::as_str);
        return Some(format!(
            "the answer redirects to {} (Location: {last})",
            arrival.url
        ));
    }
    let page = LEADS.find(&arrival.body)?;
    Some(format!(
        "the page sends the browser there: {}",
        page.as_str()
    ))
}

async fn judge_absolute_url(beyond: &Beyond<'_>) -> Judged {
    let states = ["https://intruder.example/", "http://intruder.example/"];
    with_states(beyond, &states, |it| leads_away(&it.arrival)).await
}

async fn judge_disguised_url(beyond: &Beyond<'_>) -> Judged {
    let own = &beyond.judge.target.probe_url;
    let own = own.origin().ascii_serialization();
    let states = [
        "//intruder.example/",
        "/\\intruder.example/",
        "https:intruder.example/",
        &format!("{own}@intruder.example/"),
    ];
    with_states(beyond, &states, |it| leads_away(&it.arrival)).await
}

static SCRIPT_LINK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)(href|action|src|location(\.href)?|url)\s*=\s*["']?\s*javascript:rehearsal"#)
        .expect("a pattern written here compiles")
});

async fn judge_script_url(beyond: &Beyond<'_>) -> Judged {
    with_states(beyond, &["javascript:rehearsal()"], |delivery| {
        let mut locations = delivery.arrival.locations.iter();
        if let Some(location) = locations.find(|it| it.starts_with("javascript:")) {
            return Some(format!("Location: {location}"));
        }
        let link = SCRIPT_LINK.find(&delivery.arrival.body)?;
        Some(format!("the page contains {}", link.as_str()))
    })
    .await
}

async fn judge_line_break(beyond: &Beyond<'_>) -> Judged {
    with_states(beyond, &["/\r\nX-Rehearsal: 1"], |delivery| {
        let is_there = delivery.arrival.has_injected_header;
        is_there.then(|| "the answer has the header X-Rehearsal".to_owned())
    })
    .await
}

async fn judge_markup(beyond: &Beyond<'_>) -> Judged {
    with_states(beyond, &["\"><rehearsal-x>'"], |delivery| {
        let is_there = delivery.arrival.body.contains("<rehearsal-x>");
        is_there.then(|| "the page contains the element <rehearsal-x>".to_owned())
    })
    .await
}
