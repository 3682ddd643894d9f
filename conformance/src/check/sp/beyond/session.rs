//! Checks of the session after a login: its cookies, and the sessions of two users.

use serde_json::json;

use super::super::expect::Probe;
use super::super::login::Login;
use super::super::visitor::{SetCookie, Visitor};
use super::{Beyond, Judged, Stop, breaks, holds_with, rows, skip};
use crate::check::{Attacker, Harm};

rows! {
"SAML-SP-SESS-01", Must, Harm::Intrusion(Attacker::Anybody), "CWE-384"; "Cookies from before the login give no access after it (session fixation)";
    expects "a browser with the cookies from before the login not to be logged in: otherwise an attacker who sets these cookies in the user's browser shares the user's session";
    fix "Create a new session identifier at each login.";
    judge_fixation
"SAML-SP-SESS-02", Should, Harm::Protection, "RFC 6265 §4.1.2.6"; "The session cookie has the attribute HttpOnly";
    expects "HttpOnly on every cookie that the session needs";
    fix "Set HttpOnly on the session cookie, so that no script can read it.";
    judge_http_only
"SAML-SP-SESS-03", Should, Harm::Protection, "RFC 6265 §4.1.2.5"; "The session cookie has the attribute Secure";
    expects "Secure on every cookie that the session needs, if the service provider uses HTTPS";
    fix "Set Secure on the session cookie, so that it is never sent unencrypted.";
    judge_secure
"SAML-SP-SESS-04", May, Harm::Protection, "RFC 6265bis §4.1.2.7"; "The session cookie has the attribute SameSite";
    expects "SameSite on every cookie that the session needs: browsers treat a cookie without SameSite in different ways";
    fix "Set SameSite=Lax on the session cookie. A cookie that remembers the AuthnRequest needs SameSite=None; Secure.";
    judge_same_site
"SAML-SP-SESS-05", Must, Harm::Intrusion(Attacker::Account), "CWE-488"; "Two users in two browsers keep separate sessions";
    expects "each browser to stay logged in as its own user, also after the other user logs in";
    fix "Store the data of a login only in the session of its browser: not in a global variable, and not in a cache whose key does not contain the session.";
    judge_two_browsers
"SAML-SP-SESS-06", Must, Harm::Intrusion(Attacker::Account), "CWE-488"; "A login as another user in the same browser ends the previous user's session";
    expects "the probe to show only the second user, and no data of the first";
    fix "End the browser's previous session before you create the new one.";
    judge_one_browser
}

async fn judge_fixation(beyond: &Beyond<'_>) -> Judged {
    let user = &beyond.judge.person.user;
    let login = beyond.login();
    let visitor = login.visitor()?;
    // An attacker who sets cookies can get them from any page, so the probe is opened first.
    visitor
        .open(beyond.judge.target.probe_url.clone(), None)
        .await?;
    let asked = login.ask(&visitor).await?;
    let twin = login.twin_at(&visitor, &asked.acs_url)?;
    let delivery = beyond.deliver(&visitor, user, asked).await?;
    if delivery.shown.is_none() {
        return skip("not judged: the service provider refused a valid Response");
    }
    let evidence = json!({"cookies_before": twin.cookie_names(&beyond.judge.target.probe_url)});
    match beyond.is_in(&twin).await? {
        true => breaks(
            "after the login, another browser with the cookies from before the login is logged in, too",
            evidence,
        ),
        false => holds_with(
            "a browser with the cookies from before the login is not logged in",
            evidence,
        ),
    }
}

/// Returns the cookies without which the user is not logged in, with their attributes. Opens
/// the probe once without each cookie to find them.
async fn find_session_cookies(beyond: &Beyond<'_>) -> Result<Vec<SetCookie>, Stop> {
    let login = beyond.login();
    let visitor = login.visitor()?;
    let delivery = beyond.log_in(&visitor, &beyond.judge.person.user).await?;
    if delivery.shown.is_none() {
        return skip("not judged: the service provider refused a valid Response");
    }
    let probe = &beyond.judge.target.probe_url;
    let mut needed = Vec::new();
    for name in visitor.cookie_names(probe) {
        let answer = visitor.open_without(probe, &name).await?;
        if beyond.judge.find_person(&answer, &[]).is_none() {
            needed.extend(visitor.last_set(&name));
        }
    }
    if needed.is_empty() {
        return skip("there is no single cookie without which the user is not logged in");
    }
    Ok(needed)
}

async fn with_attribute(
    beyond: &Beyond<'_>,
    name: &str,
    has: impl Fn(&SetCookie) -> bool,
) -> Judged {
    let found = &beyond.session_cookies;
    let all = found
        .get_or_try_init(|| find_session_cookies(beyond))
        .await?;
    let evidence = json!({"set_cookie": all.iter().map(SetCookie::mask_value).collect::<Vec<_>>()});
    match all.iter().find(|it| !has(it)) {
        Some(cookie) => breaks(
            format!("the cookie {} has no {name}", cookie.name),
            evidence,
        ),
        None => holds_with(format!("every session cookie has {name}"), evidence),
    }
}

async fn judge_http_only(beyond: &Beyond<'_>) -> Judged {
    with_attribute(beyond, "HttpOnly", |it| it.has("httponly")).await
}

async fn judge_secure(beyond: &Beyond<'_>) -> Judged {
    if beyond.judge.target.probe_url.scheme() != "https" {
        return skip(
            "not judged: the service provider uses HTTP, where browsers do not send Secure cookies",
        );
    }
    with_attribute(beyond, "Secure", |it| it.has("secure")).await
}

async fn judge_same_site(beyond: &Beyond<'_>) -> Judged {
    with_attribute(beyond, "SameSite", |it| it.has("samesite")).await
}

/// Logs in another user and returns the probe's answer. The check is skipped if the service
/// provider refuses that user, or if the probe does not show the name.
async fn log_in_attacker(beyond: &Beyond<'_>, visitor: &Visitor) -> Result<Probe, Stop> {
    beyond.require_sight()?;
    let nobody = Login::new(beyond.judge, "")
        .open_probe_without_login()
        .await?;
    let attacker = beyond.judge.attacker();
    let delivery = beyond.log_in(visitor, &attacker).await?;
    let body = &delivery.probe.body;
    // Many service providers encode the at sign, or show only what is before it.
    let local_part = attacker.split('@').next().unwrap_or(&attacker);
    if nobody.body.contains(local_part) || !body.contains(local_part) {
        return skip(format!(
            "the service provider does not log in the user {attacker}, or the probe does not show that name"
        ));
    }
    Ok(delivery.probe)
}

async fn judge_two_browsers(beyond: &Beyond<'_>) -> Judged {
    let login = beyond.login();
    let (one, other) = (login.visitor()?, login.visitor()?);
    let own = beyond.log_in(&one, &beyond.judge.person.user).await?;
    if own.shown.is_none() {
        return skip("not judged: the service provider refused a valid Response");
    }
    let shown = log_in_attacker(beyond, &other).await?;
    let evidence = json!({"probe_of_the_other": shown.body});
    if beyond.judge.find_person(&shown, &[]).is_some() {
        return breaks(
            "in the other user's browser, the probe shows the user of --user",
            evidence,
        );
    }
    match beyond.is_in(&one).await? {
        true => holds_with("in each browser, the probe shows its own user", evidence),
        false => breaks(
            "the login in the second browser ended or changed the session of the first browser",
            evidence,
        ),
    }
}

async fn judge_one_browser(beyond: &Beyond<'_>) -> Judged {
    let login = beyond.login();
    let visitor = login.visitor()?;
    let own = beyond.log_in(&visitor, &beyond.judge.person.user).await?;
    if own.shown.is_none() {
        return skip("not judged: the service provider refused a valid Response");
    }
    // A service provider may ask no identity provider if the browser already has a session.
    let shown = match log_in_attacker(beyond, &visitor).await {
        Ok(shown) => shown,
        Err(Stop::Skip(why)) => {
            return skip(format!(
                "the second login in the same browser was not possible: {why}"
            ));
        }
        Err(other) => return Err(other),
    };
    let evidence = json!({"probe": shown.body});
    match beyond.judge.find_person(&shown, &[]) {
        Some(person) => breaks(format!("the probe still answers {person}"), evidence),
        None => holds_with("the probe shows the second user only", evidence),
    }
}
