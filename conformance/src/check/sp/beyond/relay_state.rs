//! RelayState as whoever delivers the Response chooses it: it must not lead
//! elsewhere, and nothing in it may become a header or markup.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::json;

use super::super::login::Asked;
use super::super::visitor::INTRUDER;
use super::{Beyond, Delivery, Judged, rows, unless};
use crate::check::Harm;

rows! {
"SAML-SP-RELAY-01", Should, Harm::Protection, "saml-bindings §3.5.3, CWE-601"; "RelayState with an address of another site leads nobody there";
    expects "no redirect to https://intruder.example/, by a header or by the page";
    fix "Treat RelayState as a key to state that the service provider keeps. If it must be an address, allow addresses of your own origin only, compared after parsing.";
    absolute
"SAML-SP-RELAY-02", Should, Harm::Protection, "saml-bindings §3.5.3, CWE-601"; "RelayState with an address of another site in disguise leads nobody there";
    expects "no redirect to intruder.example for //intruder.example, /\\intruder.example and the like";
    fix "Parse the address as a browser does and compare its origin: an address that begins with / may still name another host.";
    disguised
"SAML-SP-RELAY-03", Should, Harm::Protection, "CWE-79, CWE-601"; "RelayState with javascript: becomes no address";
    expects "no redirect and no link to javascript:";
    fix "Allow http: and https: addresses of your own origin only.";
    script
"SAML-SP-RELAY-04", Should, Harm::Protection, "CWE-113"; "A line break in RelayState becomes no header";
    expects "no header of the answer that RelayState contains";
    fix "Refuse control characters before RelayState is written into a header.";
    line_break
"SAML-SP-RELAY-05", Should, Harm::Protection, "CWE-79"; "Markup in RelayState becomes no markup of the page";
    expects "RelayState encoded wherever a page shows it";
    fix "Encode RelayState for HTML, in error pages too.";
    markup
}

/// Delivers the honest Response with each of these states, in a browser of its
/// own: to a request, and unasked where that is accepted. Complaints are
/// `complaint`'s.
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
                false => login.unasked()?,
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
        0 => "nothing of the kind; the Response was refused with such a RelayState".to_owned(),
        _ => "nothing of the kind; the login was accepted".to_owned(),
    };
    unless(complaints, &text, json!(evidence))
}

/// A page that goes to the intruder's on its own.
static LEADS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)http-equiv=["']?refresh[^>]*intruder\.example|location(\.href)?\s*=\s*["'][^"']*intruder\.example|location\.(replace|assign)\(["'][^"']*intruder\.example"#,
    )
    .expect("a pattern written here compiles")
});

fn leads_away(delivery: &Delivery) -> Option<String> {
    let arrival = &delivery.arrival;
    if arrival.url.host_str() == Some(INTRUDER) {
        let last = arrival.locations.last().map_or("", String::as_str);
        return Some(format!(
            "the answer redirects to {} (Location: {last})",
            arrival.url
        ));
    }
    let page = LEADS.find(&arrival.body)?;
    Some(format!("the page goes there by itself: {}", page.as_str()))
}

async fn absolute(beyond: &Beyond<'_>) -> Judged {
    let states = ["https://intruder.example/", "http://intruder.example/"];
    with_states(beyond, &states, leads_away).await
}

async fn disguised(beyond: &Beyond<'_>) -> Judged {
    let own = &beyond.judge.target.probe_url;
    let own = own.origin().ascii_serialization();
    let states = [
        "//intruder.example/",
        "/\\intruder.example/",
        "https:intruder.example/",
        &format!("{own}@intruder.example/"),
    ];
    with_states(beyond, &states, leads_away).await
}

static SCRIPT_LINK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)(href|action|src|location(\.href)?|url)\s*=\s*["']?\s*javascript:rehearsal"#)
        .expect("a pattern written here compiles")
});

async fn script(beyond: &Beyond<'_>) -> Judged {
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

async fn line_break(beyond: &Beyond<'_>) -> Judged {
    with_states(beyond, &["/\r\nX-Rehearsal: 1"], |delivery| {
        let is_there = delivery.arrival.has_injected_header;
        is_there.then(|| "the answer has the header X-Rehearsal".to_owned())
    })
    .await
}

async fn markup(beyond: &Beyond<'_>) -> Judged {
    with_states(beyond, &["\"><rehearsal-x>'"], |delivery| {
        let is_there = delivery.arrival.body.contains("<rehearsal-x>");
        is_there.then(|| "the page contains the element <rehearsal-x>".to_owned())
    })
    .await
}
