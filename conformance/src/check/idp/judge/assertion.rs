//! Checks of the assertion: Subject, Conditions, AuthnStatement (saml-core §2, saml-profiles
//! §4.1.4.2).

use jiff::SignedDuration;

use super::response::SKEW;
use super::{
    Item, Observation, Ruled, UNREADABLE, absent, holds, item, judge_each_assertion, not_judged,
    quote_all, right, wrong,
};
use crate::check::Harm;
use crate::check::Level::{May, Must, Should};
use crate::check::idp::reading::Case;
use crate::inspection::response::{Confirmation, instant_in_any_zone};

/// What goes wrong if a check fails.
const HARM: Harm = Harm::Function;

pub(super) const CHECKS: &[Item] = &[
    item(
        HARM,
        (
            "SAML-IDP-ASSERT-01",
            Must,
            "saml-core §2.3.3, saml-profiles §4.1.4.2",
        ),
        "The assertion's Issuer is the entity ID of the metadata.",
        "Issuer equal to the metadata's entityID, letter by letter",
        "Set the Issuer to the entity ID of the metadata; check the scheme, a slash at the end, and letter case.",
        judge_issuer,
    ),
    item(
        HARM,
        (
            "SAML-IDP-ASSERT-02",
            May,
            "saml-profiles §4.1.4.2, saml-core §2.4.1",
        ),
        "The Subject has a NameID that is not empty.",
        "one NameID that is not empty",
        "Map the NameID to an attribute that every user has, such as the user name or a stable id.",
        judge_name_id,
    ),
    item(
        HARM,
        (
            "SAML-IDP-ASSERT-03",
            Must,
            "saml-sec-consider §7.1.1 (CVE-2018-0489)",
        ),
        "The NameID is plain text, without comments, elements or processing instructions.",
        "text, without comments, elements or instructions between its letters",
        "Refuse or encode markup in user names before writing them into XML: readers disagree on the value of a name with a comment in it, and attackers choose such names on purpose.",
        judge_plain_name_id,
    ),
    item(
        HARM,
        ("SAML-IDP-ASSERT-04", Must, "saml-profiles §4.1.4.2, §3.3"),
        "The Subject has a SubjectConfirmation with the bearer method.",
        "a SubjectConfirmation with Method urn:oasis:names:tc:SAML:2.0:cm:bearer and its data",
        "Write a SubjectConfirmation with the bearer method and SubjectConfirmationData; other methods are not for web browser SSO.",
        judge_bearer_method,
    ),
    item(
        HARM,
        ("SAML-IDP-ASSERT-05", Must, "saml-profiles §4.1.4.2"),
        "Recipient is the address that the assertion is delivered to.",
        "SubjectConfirmationData/@Recipient equal to the assertion consumer service's URL",
        "Write the address that the Response is posted to into Recipient of Subject/SubjectConfirmation/SubjectConfirmationData: the Location of the AssertionConsumerService in the service provider's metadata, such as https://sp.example/acs. In consoles it follows the ACS URL (also called Reply URL), or is a field of its own, Recipient URL.",
        judge_recipient,
    ),
    item(
        HARM,
        ("SAML-IDP-ASSERT-06", Must, "saml-profiles §4.1.4.2"),
        "SubjectConfirmationData has a NotOnOrAfter in the future.",
        "SubjectConfirmationData/@NotOnOrAfter in the future",
        "Set NotOnOrAfter to a few minutes from now, and synchronize the server's clock by NTP.",
        judge_confirmation_end,
    ),
    item(
        HARM,
        ("SAML-IDP-ASSERT-07", Must, "saml-profiles §4.1.4.2"),
        "SubjectConfirmationData has no NotBefore.",
        "SubjectConfirmationData without NotBefore",
        "Remove NotBefore from SubjectConfirmationData: the profile forbids it there. It belongs to Conditions.",
        judge_confirmation_begin,
    ),
    item(
        HARM,
        ("SAML-IDP-ASSERT-08", Must, "saml-profiles §4.1.4.2"),
        "InResponseTo of SubjectConfirmationData is the ID of the AuthnRequest.",
        "SubjectConfirmationData/@InResponseTo equal to the AuthnRequest's ID",
        "Copy the ID of the AuthnRequest into InResponseTo of Subject/SubjectConfirmation/SubjectConfirmationData, as well as into InResponseTo of the Response: where only the assertion is signed, only this copy is protected by the signature. Consoles have no setting for it: there, check whether the login was answered as an unsolicited one, which the identity provider started.",
        judge_confirmation_request,
    ),
    item(
        HARM,
        ("SAML-IDP-ASSERT-09", Must, "saml-core §2.5.1.2"),
        "The current time is between NotBefore and NotOnOrAfter of Conditions.",
        "NotBefore ≤ now < NotOnOrAfter",
        "Set NotBefore to about a minute ago and NotOnOrAfter to a few minutes from now, and synchronize the server's clock by NTP.",
        judge_conditions_window,
    ),
    item(
        HARM,
        ("SAML-IDP-ASSERT-10", Should, "saml-sec-consider §7.1.1.2"),
        "The assertion is valid for one hour at most.",
        "NotOnOrAfter at most an hour ahead, in Conditions and SubjectConfirmationData",
        "Set NotOnOrAfter of Conditions and of SubjectConfirmationData to five minutes from now: the assertion only has to reach the service provider. In consoles the setting is called Assertion Validity, Assertion Lifetime or Not On Or After; check whether its unit is seconds or minutes. The length of the session is another setting.",
        judge_lifetime,
    ),
    item(
        HARM,
        (
            "SAML-IDP-ASSERT-11",
            Must,
            "saml-profiles §4.1.4.2, saml-core §2.5.1.4",
        ),
        "The AudienceRestriction contains this service provider's entity ID.",
        "an AudienceRestriction, and in every one the entity ID of this service provider",
        "In the application's settings find Audience (also called Audience URI, SP Entity ID, Relying Party Identifier) and enter the entityID at the top of the service provider's metadata, letter by letter; the most common mistake is to enter the ACS URL there. Where the element is missing altogether, or you write the assertion yourself, it is <Conditions><AudienceRestriction><Audience>that entityID</Audience></AudienceRestriction></Conditions>.",
        judge_audience,
    ),
    item(
        HARM,
        ("SAML-IDP-ASSERT-12", Must, "saml-core §2.5.1"),
        "Conditions contains only conditions that saml-core defines.",
        "AudienceRestriction, OneTimeUse, ProxyRestriction only",
        "Remove the condition: a service provider that does not know it must treat the assertion as invalid.",
        judge_kinds_of_conditions,
    ),
    item(
        HARM,
        ("SAML-IDP-ASSERT-13", Must, "saml-profiles §4.1.4.2"),
        "The assertion has an AuthnStatement.",
        "an AuthnStatement with AuthnInstant",
        "Add an AuthnStatement: without it the assertion does not state that the user signed on.",
        judge_authn_statement,
    ),
    item(
        HARM,
        ("SAML-IDP-ASSERT-14", Must, "saml-core §2.7.2"),
        "AuthnInstant is not in the future.",
        "AuthnInstant at or before now",
        "Write the time at which the user authenticated, in UTC, and synchronize the server's clock by NTP.",
        judge_authn_instant,
    ),
    item(
        HARM,
        (
            "SAML-IDP-ASSERT-15",
            Should,
            "saml-profiles §4.1.4.2, saml-core §2.7.2",
        ),
        "The AuthnStatement has a SessionIndex.",
        "AuthnStatement/@SessionIndex (mandatory where single logout is announced)",
        "Write a SessionIndex: single logout identifies the session by it.",
        judge_session_index,
    ),
    item(
        HARM,
        (
            "SAML-IDP-ASSERT-16",
            Must,
            "saml-core §2.7.2.2, saml-authn-context §3",
        ),
        "The AuthnContext has an AuthnContextClassRef or a declaration.",
        "AuthnContextClassRef with an absolute URI",
        "Write AuthnContextClassRef; for a password over TLS it is urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport.",
        judge_authn_context,
    ),
    item(
        HARM,
        ("SAML-IDP-ASSERT-17", Must, "saml-core §2.7.2"),
        "SessionNotOnOrAfter, if present, is in the future.",
        "SessionNotOnOrAfter in the future, or none",
        "Write the current time plus the length of the session, in UTC, into SessionNotOnOrAfter of AuthnStatement: it is the time at which the user has to sign on again. If it is off by whole hours, local time was written as UTC (with a Z); otherwise it was calculated from an old sign-on. You may also leave it out: then the service provider decides how long its session lasts. In consoles: Session Lifetime.",
        judge_session_end,
    ),
    item(
        HARM,
        ("SAML-IDP-ASSERT-18", Should, "saml-core §8.3"),
        "The value of the NameID matches its Format.",
        "an e-mail address for emailAddress; anything for the others",
        "Map the NameID to the e-mail address, or announce and send another format: a service provider uses the value as an e-mail address.",
        judge_form_of_name_id,
    ),
];

fn judge_issuer(case: &Case<'_>) -> Ruled {
    let announced = &case.announced.entity_id;
    if announced.is_empty() {
        return not_judged(UNREADABLE);
    }
    judge_each_assertion(case, |_, it| match &it.issuer {
        Some(issuer) if issuer == announced => right(issuer.clone()),
        Some(issuer) => wrong(format!("{issuer:?}, announced is {announced:?}")),
        None => absent("none: see SAML-IDP-RESP-03"),
    })
}

fn judge_name_id(case: &Case<'_>) -> Ruled {
    judge_each_assertion(case, |_, it| match &it.name_id {
        Some(name) if !name.value.is_empty() => right(name.value.clone()),
        Some(_) => wrong("an empty NameID"),
        None => wrong("no NameID"),
    })
}

fn judge_plain_name_id(case: &Case<'_>) -> Ruled {
    judge_each_assertion(case, |_, it| match &it.name_id {
        Some(name) if name.interrupted => wrong(format!(
            "the text of {:?} is interrupted by a comment, an element or a processing instruction",
            name.value
        )),
        Some(_) => right("it is plain text"),
        None => absent("no NameID: see SAML-IDP-ASSERT-02"),
    })
}

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

fn judge_bearer_method(case: &Case<'_>) -> Ruled {
    judge_each_assertion(case, |_, it| {
        let mut bearers = it.confirmations.iter();
        match bearers.find(|it| it.method.as_deref() == Some(BEARER)) {
            Some(it) if it.has_data => right("it has one with data"),
            Some(_) => wrong("a bearer confirmation without SubjectConfirmationData"),
            None => {
                let methods: Vec<_> = it
                    .confirmations
                    .iter()
                    .filter_map(|it| it.method.as_deref())
                    .collect();
                wrong(format!("methods {}", quote_all(&methods)))
            }
        }
    })
}

/// Judges the bearer confirmation with SubjectConfirmationData, if there is one.
fn judge_confirmation(
    case: &Case<'_>,
    judge: impl Fn(&crate::check::idp::reading::Answer<'_>, &Confirmation) -> Observation,
) -> Ruled {
    judge_each_assertion(case, |answer, it| {
        let bearers = it
            .confirmations
            .iter()
            .filter(|it| it.method.as_deref() == Some(BEARER) && it.has_data);
        bearers
            .map(|it| judge(answer, it))
            .reduce(Observation::or)
            .unwrap_or_else(|| absent("no bearer confirmation: see SAML-IDP-ASSERT-04"))
    })
}

fn judge_recipient(case: &Case<'_>) -> Ruled {
    judge_confirmation(case, |answer, it| match &it.recipient {
        Some(recipient) if *recipient == answer.expected_acs => right(recipient.clone()),
        Some(recipient) => wrong(format!("{recipient}, delivered to {}", answer.expected_acs)),
        None => wrong("SubjectConfirmationData has no Recipient"),
    })
}

fn judge_confirmation_end(case: &Case<'_>) -> Ruled {
    judge_confirmation(case, |answer, it| match it.not_on_or_after.as_deref() {
        None => wrong("no NotOnOrAfter: it never ends"),
        Some(text) => match instant_in_any_zone(text) {
            Some(end) if end <= answer.at() => wrong(format!(
                "NotOnOrAfter=\"{text}\" is not after the delivery at {}",
                answer.at()
            )),
            Some(_) => right(text.to_owned()),
            None => wrong(format!("NotOnOrAfter=\"{text}\" is no time")),
        },
    })
    .about_clock(case)
}

fn judge_confirmation_begin(case: &Case<'_>) -> Ruled {
    judge_confirmation(case, |_, it| match &it.not_before {
        Some(text) => wrong(format!("NotBefore=\"{text}\"")),
        None => right("there is none"),
    })
}

fn judge_confirmation_request(case: &Case<'_>) -> Ruled {
    judge_confirmation(case, |answer, it| match &it.in_response_to {
        Some(id) if *id == answer.trial.request_id => right("it is"),
        Some(id) => wrong(format!(
            "InResponseTo is {id}, but the ID of the request is {}",
            answer.trial.request_id
        )),
        None => wrong("SubjectConfirmationData has no InResponseTo"),
    })
}

fn judge_conditions_window(case: &Case<'_>) -> Ruled {
    judge_each_assertion(case, |answer, it| {
        let Some(conditions) = &it.conditions else {
            return absent("no conditions: see SAML-IDP-ASSERT-11");
        };
        let times = [&conditions.not_before, &conditions.not_on_or_after];
        for text in times.into_iter().flatten() {
            if instant_in_any_zone(text).is_none() {
                return wrong(format!(
                    "NotBefore or NotOnOrAfter is \"{text}\", which is no time"
                ));
            }
        }
        let [begin, end] = times.map(|it| it.as_deref().and_then(instant_in_any_zone));
        let now = answer.at();
        if begin.zip(end).is_some_and(|(begin, end)| begin >= end) {
            return wrong("the window ends before it begins");
        }
        match (begin, end) {
            (Some(begin), _) if begin > now => wrong(format!("it begins {begin}, delivered {now}")),
            (_, Some(end)) if end <= now => wrong(format!("it ended {end}, delivered {now}")),
            _ => right("it is"),
        }
    })
    .about_clock(case)
}

fn judge_lifetime(case: &Case<'_>) -> Ruled {
    const LONGEST: SignedDuration = SignedDuration::from_hours(1);
    judge_each_assertion(case, |answer, it| {
        let confirmations = it.confirmations.iter();
        let confirmations =
            confirmations.map(|it| ("SubjectConfirmationData", &it.not_on_or_after));
        let conditions = it.conditions.iter();
        let conditions = conditions.map(|it| ("Conditions", &it.not_on_or_after));
        let ends = confirmations.chain(conditions);
        let longest = ends
            .filter_map(|(place, text)| {
                let text = text.as_deref()?;
                let end = instant_in_any_zone(text)?;
                Some((end.duration_since(answer.at()), place, text))
            })
            .max();
        let Some((longest, place, text)) = longest else {
            return absent("no end: see SAML-IDP-ASSERT-06");
        };
        if longest.is_negative() {
            return absent("it has ended: see SAML-IDP-ASSERT-06");
        }
        if longest > LONGEST.checked_add(SKEW).unwrap_or(LONGEST) {
            let ahead = match longest.as_hours() {
                hours @ ..48 => format!("{hours} hours"),
                hours => format!("{} days", hours / 24),
            };
            wrong(format!("NotOnOrAfter of {place} is {text}, {ahead} ahead"))
        } else {
            right(format!("{} minutes", longest.as_mins()))
        }
    })
    .about_clock(case)
}

fn judge_audience(case: &Case<'_>) -> Ruled {
    let own = &case.recording.party.entity_id;
    judge_each_assertion(case, |_, it| {
        let Some(conditions) = &it.conditions else {
            return wrong("the assertion has no Conditions, so no AudienceRestriction");
        };
        if conditions.audiences.is_empty() {
            return wrong("Conditions has no AudienceRestriction");
        }
        match conditions.audiences.iter().find(|it| !it.contains(own)) {
            Some(others) => wrong(format!(
                "a restriction to {}; this is \"{own}\"",
                quote_all(others)
            )),
            None => right(own.clone()),
        }
    })
}

fn judge_kinds_of_conditions(case: &Case<'_>) -> Ruled {
    judge_each_assertion(case, |_, it| {
        if it.conditions.is_none() {
            return absent("no conditions: see SAML-IDP-ASSERT-11");
        }
        let others = it.conditions.iter().flat_map(|it| &it.others);
        match others.into_iter().next() {
            Some(other) => wrong(format!("<{other}>")),
            None => right("it does"),
        }
    })
}

fn judge_authn_statement(case: &Case<'_>) -> Ruled {
    judge_each_assertion(case, |_, it| match it.sign_ons.first() {
        Some(_) => right("it has one"),
        None => wrong("no AuthnStatement"),
    })
}

fn judge_authn_instant(case: &Case<'_>) -> Ruled {
    judge_each_assertion(case, |answer, it| {
        if it.sign_ons.is_empty() {
            return absent("no AuthnStatement: see SAML-IDP-ASSERT-13");
        }
        let instants = it.sign_ons.iter().filter_map(|it| it.instant.as_deref());
        for text in instants {
            if let Some(signed_on) = instant_in_any_zone(text)
                && signed_on.duration_since(answer.at()) > SKEW
            {
                return wrong(format!("signed on {text}, delivered {}", answer.at()));
            }
        }
        right("it is not in the future")
    })
    .about_clock(case)
}

fn judge_session_index(case: &Case<'_>) -> Ruled {
    if case.announced.slo.is_empty() {
        return not_judged(
            "the metadata announces no SingleLogoutService, and only single logout needs a SessionIndex",
        );
    }
    judge_each_assertion(case, |_, it| {
        match it.sign_ons.first().map(|it| it.session_index.as_deref()) {
            Some(Some(index)) if !index.is_empty() => right("it has one"),
            Some(_) => wrong("no SessionIndex"),
            None => absent("no AuthnStatement: see SAML-IDP-ASSERT-13"),
        }
    })
}

fn judge_authn_context(case: &Case<'_>) -> Ruled {
    judge_each_assertion(case, |_, it| {
        match it.sign_ons.first().map(|it| it.class.as_deref()) {
            Some(Some(class)) if url::Url::parse(class).is_ok() => right(class.to_owned()),
            Some(Some(class)) => wrong(format!(
                "AuthnContextClassRef {class:?} is not an absolute URI"
            )),
            Some(None) if it.sign_ons[0].has_declaration => {
                right("a declaration stands in its place, which saml-core §2.7.2.2 allows")
            }
            Some(None) => wrong("no AuthnContextClassRef, and no declaration"),
            None => absent("no AuthnStatement: see SAML-IDP-ASSERT-13"),
        }
    })
}

fn judge_session_end(case: &Case<'_>) -> Ruled {
    judge_each_assertion(case, |answer, it| {
        let ends = it
            .sign_ons
            .iter()
            .filter_map(|it| it.session_not_on_or_after.as_deref());
        for text in ends {
            if instant_in_any_zone(text).is_some_and(|end| end <= answer.at()) {
                return wrong(format!(
                    "SessionNotOnOrAfter is {text}, but the Response was delivered later, at {}",
                    answer.at()
                ));
            }
        }
        right("it is, or there is none")
    })
    .about_clock(case)
}

/// True if the text looks like an e-mail address (RFC 5321): one at sign, no space.
pub(super) fn is_address(text: &str) -> bool {
    text.matches('@').count() == 1
        && !text.contains(|it: char| it.is_whitespace() || "<>,;\"".contains(it))
        && text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

fn judge_form_of_name_id(case: &Case<'_>) -> Ruled {
    let wrong: Vec<(&str, String)> = case
        .answers
        .iter()
        .filter_map(|answer| {
            let assertion = answer.response()?.assertions.first()?;
            let name = assertion.name_id.as_ref()?;
            let format = name.format.as_deref()?;
            let as_address = format.ends_with(":emailAddress");
            (as_address && !is_address(&name.value)).then(|| (answer.name, name.value.clone()))
        })
        .collect();
    match wrong.first() {
        Some((at, value)) => super::breaks(format!("{value:?} as emailAddress ({at})")).at(at),
        None if case.answers.is_empty() => not_judged(super::NO_ANSWER),
        None => holds("it does"),
    }
}
