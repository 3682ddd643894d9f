//! Checks of what an identity provider must not do: answer attackers, reveal accounts, run injected
//! markup (saml-sec-consider, saml-bindings §3).

use super::password::{
    judge_disabled_user, judge_password_in_attributes, judge_unknown_user, judge_wrong_password,
};
use super::trial::{find_trial, is_signed_on, judge_trial};
use super::{
    Item, Ruled, Ruling, breaks, holds, item, judge_complaints, not_judged, without_query,
};
use crate::check::Harm;
use crate::check::Level::{May, Must, Should};
use crate::check::idp::reading::Case;
use crate::check::idp::recording::{Ending, Trial, first_sign_on};
use crate::check::idp::trials::{MARKUP, POST, REDIRECT};

/// What goes wrong if a check fails.
const HARM: Harm = Harm::Protection;

pub(super) const CHECKS: &[Item] = &[
    item(
        HARM,
        ("SAML-IDP-SEC-01", Must, "saml-profiles §4.1.4.1"),
        "No Response goes to an attacker's AssertionConsumerServiceURL.",
        "a refusal: the address is not registered",
        "Before answering, look the request's AssertionConsumerServiceURL up in the list of addresses registered for its Issuer, compared as whole strings, and refuse every other address. Otherwise a link to your login page with an attacker's address in it sends your user's assertion to the attacker.",
        |case| judge_unregistered_address(case, "acs-attacker"),
    ),
    item(
        HARM,
        ("SAML-IDP-SEC-02", Must, "saml-profiles §4.1.4.1"),
        "No Response goes to an attacker's AssertionConsumerServiceURL, even if the request is signed.",
        "a refusal: the address is not registered",
        "Compare the address with the registered ones in signed requests too, unless this service provider is explicitly allowed to use any address.",
        |case| judge_unregistered_address(case, "acs-attacker-signed"),
    ),
    item(
        HARM,
        ("SAML-IDP-SEC-03", Must, "saml-profiles §4.1.4.1"),
        "No Response goes to an address that only begins with a registered one.",
        "a refusal: addresses are compared whole",
        "Compare whole addresses for equality, never only their beginning.",
        |case| judge_unregistered_address(case, "acs-begins-alike"),
    ),
    item(
        HARM,
        ("SAML-IDP-SEC-04", Must, "saml-profiles §4.1.4.1"),
        "No Response goes to an address with the registered host as its user name.",
        "a refusal: addresses are compared whole",
        "Compare whole addresses for equality: a search for the host name also finds it in the user name part of a URL.",
        |case| judge_unregistered_address(case, "acs-user-info"),
    ),
    item(
        HARM,
        ("SAML-IDP-SEC-05", Should, "saml-profiles §4.1.4.1"),
        "No Response goes to another path of the registered host.",
        "a refusal: addresses are compared whole",
        "Compare whole addresses, not only the host: an open redirect at another path forwards the assertion.",
        |case| judge_unregistered_address(case, "acs-other-path"),
    ),
    item(
        HARM,
        (
            "SAML-IDP-SEC-06",
            Must,
            "saml-core §3.2.1, saml-profiles §4.1.4.1",
        ),
        "A request from an unregistered service provider is not answered with an assertion.",
        "a refusal",
        "Look the Issuer up among the registered service providers and refuse others; do not fall back to a default one.",
        |case| judge_no_assertion(case, "issuer-unknown"),
    ),
    item(
        HARM,
        (
            "SAML-IDP-SEC-07",
            Must,
            "saml-core §3.2.1 (Destination), saml-bindings §3.4.5.2",
        ),
        "A signed request whose Destination is another identity provider is refused.",
        "a refusal: Destination is another address",
        "Compare Destination with the address that received the request: a request captured elsewhere must not work here.",
        |case| judge_no_assertion(case, "destination-wrong"),
    ),
    item(
        HARM,
        (
            "SAML-IDP-SEC-08",
            Must,
            "saml-core §3.2.1, saml-bindings §3.4.4.1",
        ),
        "A request that was changed after signing is refused (HTTP-Redirect).",
        "a refusal: the signature is invalid",
        "Verify every signature that is present, also when requests need not be signed.",
        |case| judge_wrong_signature(case, "redirect-tampered"),
    ),
    item(
        HARM,
        ("SAML-IDP-SEC-09", Must, "saml-core §3.2.1, §5.4"),
        "A request that was changed after signing is refused (HTTP-POST).",
        "a refusal: the signature is invalid",
        "Verify the enveloped signature whenever there is one, also when requests need not be signed.",
        |case| judge_wrong_signature(case, "post-tampered"),
    ),
    item(
        HARM,
        ("SAML-IDP-SEC-10", Must, "saml-core §3.2.1"),
        "A request signed with an unregistered key is refused (HTTP-Redirect).",
        "a refusal: the key is not the service provider's",
        "Verify only with the certificates of the registered metadata.",
        |case| judge_wrong_signature(case, "redirect-foreign-key"),
    ),
    item(
        HARM,
        ("SAML-IDP-SEC-11", Must, "saml-core §3.2.1"),
        "A request signed with an unregistered key is refused (HTTP-POST).",
        "a refusal: the key is not the service provider's",
        "Verify only with the certificates of the registered metadata, never with the one in KeyInfo.",
        |case| judge_wrong_signature(case, "post-foreign-key"),
    ),
    item(
        HARM,
        (
            "SAML-IDP-SEC-12",
            Must,
            "saml-sec-consider §6.4.2, XML 1.0 §4.4",
        ),
        "Entities that a DTD declares are not expanded.",
        "a refusal of the document type declaration, or an answer without expanding the entity",
        "Turn off DTDs in the XML parser (disallow-doctype-decl): entities can grow without limit and read files.",
        judge_internal_entity,
    ),
    item(
        HARM,
        ("SAML-IDP-SEC-13", Must, "saml-sec-consider §6.4.2 (XXE)"),
        "External entities of a DTD are not fetched.",
        "no HTTP request to the address in the DTD",
        "Turn off external entities in the XML parser at once: they read files and send requests into your network.",
        judge_external_entity,
    ),
    item(
        HARM,
        ("SAML-IDP-SEC-14", Must, "saml-bindings §3.5.4, OWASP XSS"),
        "Markup in RelayState is returned as text.",
        "the complete RelayState, HTML-escaped in the form",
        "HTML-escape RelayState where it is written into a page, because an attacker can choose its value.",
        judge_markup_in_relay_state,
    ),
    item(
        HARM,
        ("SAML-IDP-SEC-15", Must, "OWASP XSS"),
        "Markup in the Issuer is not executed on the error page.",
        "the Issuer HTML-escaped, or not shown",
        "HTML-escape every value of the request before showing it on a page.",
        judge_markup_in_issuer,
    ),
    item(
        HARM,
        ("SAML-IDP-SEC-16", Must, "saml-core §2.7.2, G-21"),
        "A disabled user gets no assertion.",
        "a refused sign-on",
        "Check the account's state before answering, also while a session lasts.",
        |case| judge_no_assertion(case, "disabled-user"),
    ),
    item(
        HARM,
        (
            "SAML-IDP-SEC-17",
            Should,
            "OWASP Authentication Cheat Sheet",
        ),
        "The login page does not reveal whether an account exists.",
        "the same page for a wrong password and for an unknown user",
        "Answer a wrong password and an unknown user with the same status and the same words (\"user name or password is wrong\").",
        judge_unknown_user,
    ),
    item(
        HARM,
        (
            "SAML-IDP-SEC-18",
            Should,
            "OWASP Authentication Cheat Sheet",
        ),
        "Without the correct password, the login page does not reveal that an account is disabled.",
        "the same page as for a wrong password",
        "Show that an account is disabled only after the correct password was entered.",
        judge_disabled_user,
    ),
    item(
        HARM,
        ("SAML-IDP-SEC-19", Should, "saml-bindings §3.5.5.1"),
        "The page that posts the assertion is not stored in caches.",
        "Cache-Control: no-store on the page that posts the Response",
        "Add the headers Cache-Control: no-cache, no-store and Pragma: no-cache to the page that posts the SAMLResponse (in the product, or in the web server for the sign-on paths). Without them the page stays in the browser's cache, and the next person at that computer can use it.",
        judge_caching,
    ),
    item(
        HARM,
        ("SAML-IDP-SEC-20", Should, "RFC 6265 §4.1.2.6"),
        "Scripts cannot read the session cookies.",
        "HttpOnly on the cookies that the login sets, and Secure over https",
        "Set HttpOnly (and Secure) on session cookies.",
        judge_cookies,
    ),
    item(
        HARM,
        ("SAML-IDP-SEC-21", May, "RFC 7034, CSP frame-ancestors"),
        "Other sites cannot show the login page in a frame.",
        "X-Frame-Options or Content-Security-Policy: frame-ancestors",
        "Send Content-Security-Policy: frame-ancestors 'none' with the login page: in another site's frame, people click it without knowing (clickjacking).",
        judge_frames,
    ),
    item(
        HARM,
        ("SAML-IDP-SEC-22", Must, "OWASP Authentication Cheat Sheet"),
        "A sign-on with a wrong password is refused.",
        "a refused sign-on",
        "Check the password. If this fails in a test set-up, a stub replaces the user directory there.",
        judge_wrong_password,
    ),
    item(
        HARM,
        (
            "SAML-IDP-SEC-23",
            Must,
            "OWASP Password Storage Cheat Sheet",
        ),
        "No attribute contains the user's password.",
        "attributes without the password",
        "Remove the attribute from the mappings, and find out why the directory returns passwords: it must store only their hashes. Every service provider that got such an assertion knows the password; change it.",
        judge_password_in_attributes,
    ),
];

/// A refusal proves something only if an honest request of the same kind was answered.
fn require_control_answer(case: &Case<'_>, name: &str, ruled: Ruled) -> Ruled {
    let is_signed = case.trial(name).is_some_and(|it| it.signed);
    let (control, id) = match name {
        "acs-attacker-signed"
        | "destination-wrong"
        | "redirect-tampered"
        | "redirect-foreign-key" => ("redirect-signed", "SAML-IDP-REQ-03"),
        "post-tampered" | "post-foreign-key" => ("post-signed", "SAML-IDP-REQ-05"),
        "entity-internal" if is_signed => ("post-signed", "SAML-IDP-REQ-05"),
        "entity-internal" => ("post-unsigned", "SAML-IDP-REQ-04"),
        _ => return ruled,
    };
    let was_refused = case.trial(control).is_some() && !is_signed_on(case, control);
    match ruled.ruling {
        Ruling::Holds(_) if was_refused => {
            // REQ-03 is not judged if the plain request was signed and refused too.
            let is_plain_signed = case.trial(REDIRECT).is_some_and(|it| it.signed);
            let id = match control == "redirect-signed" && is_plain_signed {
                true => "SAML-IDP-REQ-01",
                false => id,
            };
            not_judged(format!(
                "an honest request of this kind did not lead to a sign-on either: see {id}"
            ))
        }
        _ => ruled,
    }
}

fn judge_unregistered_address(case: &Case<'_>, name: &str) -> Ruled {
    let ruled = judge_trial(case, name, |trial| match &trial.ending {
        Ending::Answer(delivered) => case.recording.party.acs.contains(&delivered.to),
        _ => true,
    });
    require_control_answer(case, name, ruled)
        .about("an unregistered address was answered every time")
}

fn judge_no_assertion(case: &Case<'_>, name: &str) -> Ruled {
    let ruled = judge_trial(case, name, |_| !is_signed_on(case, name));
    require_control_answer(case, name, ruled)
}

/// Judges a request with a wrong signature.
fn judge_wrong_signature(case: &Case<'_>, name: &str) -> Ruled {
    let binding = if name.starts_with("post") {
        "HTTP-POST"
    } else {
        "HTTP-Redirect"
    };
    judge_no_assertion(case, name)
        .about("every request with a wrong signature was answered")
        .about(&format!(
            "every request with a wrong signature by {binding} was answered"
        ))
}

/// Judges whether the entity in the Issuer was expanded: it expands to the service provider that
/// would then be the audience of the assertion.
fn judge_internal_entity(case: &Case<'_>) -> Ruled {
    let answer = case.answer("entity-internal");
    let response = answer.and_then(|it| it.response());
    let assertions = response.iter().flat_map(|it| &it.assertions);
    let expanded = assertions
        .flat_map(|it| &it.conditions)
        .flat_map(|it| it.audiences.iter().flatten())
        .any(|audience| *audience == case.recording.party.entity_id);
    // An identity provider that answers any Issuer for its only service provider proves nothing
    // about the entity.
    if expanded && is_signed_on(case, "issuer-unknown") {
        return not_judged(
            "it answers requests of every Issuer, so the audience does not show whether the entity was expanded: see SAML-IDP-SEC-06",
        );
    }
    let ruled = judge_trial(case, "entity-internal", |_| !expanded);
    require_control_answer(case, "entity-internal", ruled)
}

fn judge_external_entity(case: &Case<'_>) -> Ruled {
    judge_trial(
        case,
        "entity-external",
        |trial| !matches!(&trial.ending, Ending::Failed { why } if why.contains("was fetched")),
    )
}

/// True if a page of the trial contains the markup unescaped.
fn raw_markup(trial: &Trial) -> bool {
    trial.pages.iter().any(|page| {
        let html = page.media_type.contains("html") || page.media_type.is_empty();
        html && page.body.contains("<script>alert('rehearsal')")
    })
}

fn judge_markup_in_relay_state(case: &Case<'_>) -> Ruled {
    let trial = match find_trial(case, "relay-state-markup") {
        Ok(trial) => trial,
        Err(ruled) => return ruled,
    };
    let name = "relay-state-markup";
    if raw_markup(trial) {
        return breaks(format!("a page has {MARKUP} as markup")).at(name);
    }
    match &trial.ending {
        Ending::Answer(delivered) if delivered.relay_state.as_deref() != Some(MARKUP) => {
            breaks(format!(
                "RelayState was returned as {:?}",
                delivered.relay_state.as_deref().unwrap_or_default()
            ))
            .at(name)
        }
        Ending::Failed { why } => not_judged(why.clone()),
        _ => holds("it is, or the request is refused").at(name),
    }
}

fn judge_markup_in_issuer(case: &Case<'_>) -> Ruled {
    if is_signed_on(case, "issuer-markup") {
        return not_judged(
            "there was no error page, because the unregistered Issuer was answered: see SAML-IDP-SEC-06",
        );
    }
    judge_trial(case, "issuer-markup", |trial| !raw_markup(trial))
}

/// Judges the page with the form that posts the answer.
fn judge_caching(case: &Case<'_>) -> Ruled {
    let mut seen = false;
    for answer in case.good().filter(|it| it.delivered.binding == "HTTP-POST") {
        let Some(page) = answer.trial.pages.last() else {
            continue;
        };
        seen = true;
        let control = page.cache_control.to_ascii_lowercase();
        if !control.contains("no-store") && !control.contains("no-cache") {
            let said = match page.cache_control.as_str() {
                "" => "no Cache-Control".to_owned(),
                control => format!("Cache-Control: {control}"),
            };
            return breaks(said).at(answer.name);
        }
    }
    if seen {
        holds("it is not")
    } else {
        not_judged("no page with an answer was seen")
    }
}

fn pages_of<'c>(
    case: &'c Case<'_>,
) -> impl Iterator<Item = &'c crate::check::idp::recording::Page> {
    case.recording.trials.values().flat_map(|it| &it.pages)
}

fn judge_cookies(case: &Case<'_>) -> Ruled {
    let mut complaints = Vec::new();
    let mut any = false;
    let Some(first) = first_sign_on(&case.recording.trials) else {
        return not_judged("it was not tried in this run");
    };
    for page in &first.pages {
        for cookie in &page.cookies {
            let flags = cookie.to_ascii_lowercase();
            // Ignore cookies that are deleted or empty.
            if flags.contains("=;") || flags.contains("max-age=0") {
                continue;
            }
            any = true;
            let name = cookie.split('=').next().unwrap_or_default();
            // Scripts send a token against forged requests in a header: it is no session.
            let lower = name.to_ascii_lowercase();
            if lower.contains("csrf") || lower.contains("xsrf") {
                continue;
            }
            let over_tls = page.url.starts_with("https:");
            if !flags.contains("httponly") {
                complaints.push(format!("{name} without HttpOnly"));
            } else if over_tls && !flags.contains("secure") {
                complaints.push(format!("{name} without Secure"));
            }
        }
    }
    complaints.sort();
    complaints.dedup();
    if !any {
        return not_judged("the sign-on set no cookie");
    }
    let name = match case.trial(REDIRECT) {
        Some(it) if std::ptr::eq(it, first) => REDIRECT,
        _ => POST,
    };
    judge_complaints(complaints, "they cannot").at(name)
}

fn judge_frames(case: &Case<'_>) -> Ruled {
    let mut asking = pages_of(case).filter(|it| it.asks && it.status == 200);
    match asking.next() {
        None => not_judged("no login page was seen"),
        Some(page) if page.unframed => holds("they cannot"),
        Some(page) => breaks(format!("{} can be framed", without_query(&page.url))),
    }
}
