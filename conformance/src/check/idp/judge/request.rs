//! How each variant of a request is taken (saml-core §3.4, saml-profiles
//! §4.1.4.1).

use super::{Demand, Ruled, breaks, demand, holds, not_judged};
use crate::check::Level::{May, Must, Should};
use crate::check::idp::dossier::{Ending, Trial};
use crate::check::idp::reading::{Answer, Case};
use crate::check::idp::trials::IMPOSSIBLE_CLASS;
use crate::inspection::response::instant;

pub(super) const CHECKS: &[Demand] = &[
    demand(
        "SAML-IDP-REQ-01",
        Must,
        "saml-profiles §4.1.3, §4.1.4",
        "An ordinary request by HTTP-Redirect signs the user on.",
        "a Response with Success at the assertion consumer service",
        "Register the service provider with the metadata that --sp-metadata-out wrote, give the user access to it, and check name and password. The page where it ended says what is missing.",
        |case| signs_on(case, "redirect"),
    ),
    demand(
        "SAML-IDP-REQ-02",
        Must,
        "saml-metadata §2.4.3 (WantAuthnRequestsSigned)",
        "An unsigned request is taken exactly when the metadata doesn't want signed ones.",
        "Success without WantAuthnRequestsSigned, a refusal with it",
        "Say WantAuthnRequestsSigned=\"true\" in the metadata if unsigned requests are refused, or take them; otherwise service providers send what you refuse.",
        unsigned,
    ),
    demand(
        "SAML-IDP-REQ-03",
        Must,
        "saml-bindings §3.4.4.1",
        "A signed request by HTTP-Redirect signs the user on.",
        "Success: the signature in the query is right",
        "Register the service provider's signing certificate, and verify over the query as it came (SAMLRequest, RelayState, SigAlg, percent-encoding untouched).",
        |case| signs_on(case, "redirect-signed"),
    ),
    demand(
        "SAML-IDP-REQ-04",
        Must,
        "saml-bindings §3.5.4",
        "A request by HTTP-POST signs the user on.",
        "Success",
        "Take the form field SAMLRequest (base64, not compressed) at the announced HTTP-POST endpoint, and let the session cookie come along with cross-site posts (SameSite=None; Secure).",
        post_unsigned,
    ),
    demand(
        "SAML-IDP-REQ-05",
        Must,
        "saml-bindings §3.5.4.1, saml-core §5.4",
        "A signed request by HTTP-POST signs the user on.",
        "Success: the enveloped signature is right",
        "Register the service provider's signing certificate, and verify the signature inside the AuthnRequest rather than looking for one in the query.",
        |case| signs_on(case, "post-signed"),
    ),
    demand(
        "SAML-IDP-REQ-06",
        May,
        "saml-core §3.4.1",
        "While the session lasts, nobody is asked again.",
        "Success without a login page",
        "Keep the session in a cookie, and answer from it. To ask every time is allowed, but it is not single sign-on.",
        session,
    ),
    demand(
        "SAML-IDP-REQ-07",
        Must,
        "saml-core §3.4.1 (ForceAuthn)",
        "ForceAuthn makes the user sign on anew.",
        "a login page in spite of the session",
        "Look at ForceAuthn before the session: an application that asks for it wants proof of who sits there now.",
        force_authn,
    ),
    demand(
        "SAML-IDP-REQ-08",
        Must,
        "saml-core §2.7.2, §3.4.1",
        "After ForceAuthn the assertion states the new sign-on.",
        "a later AuthnInstant than before",
        "Write the instant of the latest sign-on into AuthnInstant: applications compare it with the moment they asked.",
        force_authn_instant,
    ),
    demand(
        "SAML-IDP-REQ-09",
        Must,
        "saml-core §3.4.1 (IsPassive)",
        "IsPassive with a session is answered without a page.",
        "Success or NoPassive, without asking",
        "Answer from the session; show no page, no consent, nothing to click.",
        passive,
    ),
    demand(
        "SAML-IDP-REQ-10",
        Must,
        "saml-core §3.4.1, §3.2.2.2 (NoPassive)",
        "IsPassive without a session is answered with NoPassive.",
        "a Response with the second-level status NoPassive, and no page",
        "When IsPassive=\"true\" and nobody is signed on, show no page: post a Response with StatusCode Responder and within it StatusCode NoPassive to the assertion consumer service. The application asks so in a hidden frame, where a login page is never seen and the user waits forever.",
        |case| passive_refused(case, "passive-alone"),
    ),
    demand(
        "SAML-IDP-REQ-11",
        Must,
        "saml-core §3.4.1",
        "ForceAuthn and IsPassive together ask nobody.",
        "NoPassive, and no page",
        "IsPassive wins: answer NoPassive when signing on anew would need a page.",
        |case| passive_refused(case, "force-and-passive"),
    ),
    demand(
        "SAML-IDP-REQ-12",
        Must,
        "saml-core §3.4.1.1, §8.3.2",
        "NameIDPolicy emailAddress is followed or refused.",
        "a NameID of that format, or InvalidNameIDPolicy",
        "Give the user's e-mail address in that format, or answer InvalidNameIDPolicy; never a name in another format.",
        |case| format(case, "name-email", "emailAddress"),
    ),
    demand(
        "SAML-IDP-REQ-13",
        Must,
        "saml-core §3.4.1.1, §8.3.7",
        "NameIDPolicy persistent is followed or refused.",
        "a NameID of that format, or InvalidNameIDPolicy",
        "Give an opaque id that stays for this user and service provider, or answer InvalidNameIDPolicy.",
        |case| format(case, "name-persistent", "persistent"),
    ),
    demand(
        "SAML-IDP-REQ-14",
        Must,
        "saml-core §3.4.1.1, §8.3.8",
        "NameIDPolicy transient is followed or refused.",
        "a NameID of that format, or InvalidNameIDPolicy",
        "Give a random name for this session, or answer InvalidNameIDPolicy.",
        |case| format(case, "name-transient", "transient"),
    ),
    demand(
        "SAML-IDP-REQ-15",
        Must,
        "saml-core §8.3.8",
        "A transient name tells nothing of the user.",
        "a random NameID, not their name or a lasting id",
        "Draw the transient NameID by chance for each sign-on: the service provider asked for a name that it can't recognize the user by.",
        transient,
    ),
    demand(
        "SAML-IDP-REQ-16",
        Must,
        "saml-core §3.4.1.1 (InvalidNameIDPolicy)",
        "A name format that nobody has is refused.",
        "InvalidNameIDPolicy, or no answer",
        "Answer Requester / InvalidNameIDPolicy to a format that isn't supported: a name in another format would be taken for what it isn't.",
        impossible_format,
    ),
    demand(
        "SAML-IDP-REQ-17",
        Must,
        "saml-core §3.3.2.2.1",
        "RequestedAuthnContext PasswordProtectedTransport is followed or refused.",
        "an assertion of exactly that class, or NoAuthnContext",
        "State the class that was asked for when the sign-on was one, or answer NoAuthnContext.",
        context,
    ),
    demand(
        "SAML-IDP-REQ-18",
        Must,
        "saml-core §3.3.2.2.1 (NoAuthnContext)",
        "A RequestedAuthnContext that nobody can meet is refused.",
        "NoAuthnContext, or no answer",
        "Answer Responder / NoAuthnContext when the class can't be met: an application that asks for two factors must not be given a password's assertion.",
        impossible_context,
    ),
    demand(
        "SAML-IDP-REQ-19",
        Must,
        "saml-core §3.4.1 (AssertionConsumerServiceURL)",
        "The answer goes to the second registered address when the request wants it there.",
        "the Response at the second assertion consumer service",
        "Register every assertion consumer service of the metadata, and compare the wanted one with all of them.",
        |case| goes_to(case, "acs-second", 1),
    ),
    demand(
        "SAML-IDP-REQ-20",
        Must,
        "saml-core §3.4.1 (AssertionConsumerServiceIndex)",
        "The answer goes to the address with the wanted index.",
        "the Response at the assertion consumer service with index 1",
        "Keep the indices of the metadata, and look the wanted one up.",
        |case| goes_to(case, "acs-index", 1),
    ),
    demand(
        "SAML-IDP-REQ-21",
        Should,
        "saml-core §3.4.1",
        "An index that there isn't leads to no unregistered address.",
        "an error, or the default address",
        "Answer an unknown index with an error page: the application's metadata is newer than yours.",
        unknown_index,
    ),
    demand(
        "SAML-IDP-REQ-22",
        Must,
        "saml-metadata §2.2.3, saml-profiles §4.1.4.1",
        "Without a wish the answer goes to the default address.",
        "the Response at the assertion consumer service marked isDefault",
        "Take the one marked isDefault, else the first of the metadata.",
        |case| goes_to(case, "acs-default", 0),
    ),
    demand(
        "SAML-IDP-REQ-23",
        Should,
        "saml-bindings §3.4.3",
        "A RelayState that is too long isn't cut.",
        "the whole RelayState, or a refusal",
        "Return it whole or refuse the request: a cut one leads the user astray, and may cut an escape in half.",
        long_relay_state,
    ),
    demand(
        "SAML-IDP-REQ-24",
        May,
        "saml-core §3.2.1 (IssueInstant)",
        "A request of yesterday is not answered.",
        "a refusal, or the answer with a notice",
        "Refuse requests whose IssueInstant is more than some minutes back: old ones come out of caches and logs.",
        |case| not_answered(case, "stale"),
    ),
    demand(
        "SAML-IDP-REQ-25",
        May,
        "saml-core §3.2.1 (IssueInstant)",
        "A request of tomorrow is not answered.",
        "a refusal",
        "Refuse requests whose IssueInstant is in the future by more than the clocks' difference.",
        |case| not_answered(case, "future"),
    ),
    demand(
        "SAML-IDP-REQ-26",
        Must,
        "saml-core §3.2.1, §4.1",
        "A request of version 1.1 is not answered with an assertion.",
        "VersionMismatch, or a refusal",
        "Compare Version with 2.0 and answer VersionMismatch otherwise.",
        |case| not_answered(case, "version"),
    ),
    demand(
        "SAML-IDP-REQ-27",
        Must,
        "saml-core §1.1",
        "XML that breaks off is refused in words.",
        "an error page below 500",
        "Catch the parser's error and answer with a page that says what is wrong: a 500 looks like an outage and tells the caller nothing.",
        |case| refused_in_words(case, "malformed"),
    ),
    demand(
        "SAML-IDP-REQ-28",
        Should,
        "saml-sec-consider §6.4.2",
        "A request of a megabyte doesn't upset it.",
        "a refusal or an answer, below 500, and the next request is answered",
        "Bound the size of a request (64 kB is plenty) before decoding it, and answer 413 or 400.",
        oversized,
    ),
    demand(
        "SAML-IDP-REQ-29",
        Must,
        "saml-metadata §2.2.2",
        "The endpoint without a message says so.",
        "an error page below 500 when the address is opened without a SAMLRequest",
        "Answer with a page that explains the address: people bookmark it.",
        empty,
    ),
];

/// What became of a trial, in a few words.
pub(super) fn said(case: &Case<'_>, name: &str, trial: &Trial) -> String {
    match &trial.ending {
        Ending::Answer(delivered) => {
            let answer = case.answer(name);
            let status = answer.map(Answer::status).unwrap_or_default();
            let content = answer.and_then(content).unwrap_or_default();
            format!("{status}{content}, delivered to {}", delivered.to)
        }
        Ending::Page { url, status, text } => {
            let text = shortened(text, 160);
            let asks = if trial.asked {
                ", after asking the person"
            } else {
                ""
            };
            format!("a page (HTTP {status} at {url}{asks}): {text}")
        }
        Ending::Trouble { why } | Ending::NoAnswer { why } => why.clone(),
        Ending::NotTried { why } => format!("not tried: {why}"),
    }
}

/// What the assertion says of the person: the values that requests ask for.
fn content(answer: &Answer<'_>) -> Option<String> {
    let assertion = answer.response()?.assertions.first()?;
    let name = assertion.name_id.as_ref();
    let format = name.and_then(|it| it.format.as_deref());
    let sign_on = assertion.sign_ons.first();
    let short = |uri: Option<&str>| {
        let uri = uri.unwrap_or("none");
        uri.rsplit(':').next().unwrap_or(uri).to_owned()
    };
    Some(format!(
        " (NameID Format {}, AuthnContextClassRef {}, AuthnInstant {})",
        short(format),
        short(sign_on.and_then(|it| it.class.as_deref())),
        sign_on
            .and_then(|it| it.instant.as_deref())
            .unwrap_or("none"),
    ))
}

/// At most `most` characters, cut between two words: no address is cut in the
/// middle.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    for word in text.split_whitespace() {
        if !out.is_empty() && out.chars().count() + word.chars().count() >= most {
            out.push_str(" …");
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The trial, or why there is nothing to judge.
pub(super) fn tried<'c>(case: &'c Case<'_>, name: &str) -> Result<&'c Trial, Ruled> {
    match case.trial(name) {
        None => Err(not_judged("it was not tried in this run")),
        Some(Trial {
            ending: Ending::NotTried { why } | Ending::NoAnswer { why },
            ..
        }) => Err(not_judged(why.clone())),
        Some(trial) => Ok(trial),
    }
}

/// Whether the trial ended with an assertion for somebody.
pub(super) fn succeeded(case: &Case<'_>, name: &str) -> bool {
    case.answer(name).is_some_and(|it| {
        it.succeeds() || it.response().is_some_and(|it| !it.assertions.is_empty())
    })
}

/// The second-level status of the answer.
fn detail<'c>(case: &'c Case<'_>, name: &str) -> Option<&'c str> {
    case.answer(name)?.response()?.status_detail.as_deref()
}

fn judged(case: &Case<'_>, name: &str, judge: impl Fn(&Trial) -> bool) -> Ruled {
    match tried(case, name) {
        Err(ruled) => ruled,
        Ok(trial) => {
            let said = said(case, name, trial);
            let ruled = if judge(trial) {
                holds(said)
            } else {
                breaks(said)
            };
            ruled.at(name)
        }
    }
}

/// The sign-on came about: what the Response is worth is the others' question.
fn answered(case: &Case<'_>, name: &str) -> bool {
    case.answer(name).is_some_and(|it| match it.response() {
        Some(response) => {
            response.status.is_none()
                || !response.assertions.is_empty()
                || response.status_detail.is_none()
        }
        None => true,
    })
}

fn signs_on(case: &Case<'_>, name: &str) -> Ruled {
    judged(case, name, |_| answered(case, name))
}

fn unsigned(case: &Case<'_>) -> Ruled {
    let wanted = case.announced.wants_signed;
    judged(case, "redirect-unsigned", |_| {
        if wanted {
            !succeeded(case, "redirect-unsigned")
        } else {
            answered(case, "redirect-unsigned")
        }
    })
}

fn post_unsigned(case: &Case<'_>) -> Ruled {
    if case.announced.wants_signed {
        return not_judged("the metadata wants signed requests: see SAML-IDP-REQ-05");
    }
    signs_on(case, "post-unsigned")
}

fn session(case: &Case<'_>) -> Ruled {
    judged(case, "session", |trial| {
        answered(case, "session") && !trial.asked
    })
}

/// Whether the person was seen by this run: a recording of theirs doesn't say.
fn by_a_person(case: &Case<'_>) -> Option<Ruled> {
    case.dossier
        .user
        .is_empty()
        .then(|| not_judged("a person signed on: what their browser showed isn't known"))
}

fn force_authn(case: &Case<'_>) -> Ruled {
    by_a_person(case).unwrap_or_else(|| judged(case, "force-authn", |trial| trial.asked))
}

fn force_authn_instant(case: &Case<'_>) -> Ruled {
    if case.trial("force-authn").is_some_and(|it| !it.asked) {
        return not_judged("nobody was asked: see SAML-IDP-REQ-07");
    }
    let at = |name: &str| {
        let assertion = case.answer(name)?.response()?.assertions.first()?;
        let text = assertion.sign_ons.first()?.instant.as_deref()?;
        Some((instant(text)?, text.to_owned()))
    };
    // Many state whole seconds, and two sign-ons fit into one.
    let tried = case.trial("redirect").zip(case.trial("force-authn"));
    let apart = tried.map(|(first, forced)| forced.at.duration_since(first.at));
    let in_one_second = apart.is_some_and(|it| it.as_secs() < 2);
    match at("session").zip(at("force-authn")) {
        Some(((before, _), (after, text))) if after > before => holds(text).at("force-authn"),
        Some(((before, _), (after, text)))
            if after == before && in_one_second && !text.contains('.') =>
        {
            not_judged("both sign-ons were within a second, and AuthnInstant tells no more")
        }
        Some(((_, before), (_, after))) => {
            breaks(format!("{after} after ForceAuthn, {before} before")).at("force-authn")
        }
        None => not_judged("no two sign-ons came about to compare"),
    }
}

fn passive(case: &Case<'_>) -> Ruled {
    judged(case, "passive", |trial| {
        let answer = matches!(trial.ending, Ending::Answer(_));
        answer && !trial.asked
    })
}

fn passive_refused(case: &Case<'_>, name: &str) -> Ruled {
    judged(case, name, |trial| {
        let refused = detail(case, name).is_some_and(|it| it.ends_with(":NoPassive"));
        // A session that counts as fresh enough is an answer too.
        let answered = name == "force-and-passive" && succeeded(case, name);
        (refused || answered) && !trial.asked
    })
}

fn refused_by(case: &Case<'_>, name: &str, status: &str) -> bool {
    detail(case, name).is_some_and(|it| it.ends_with(status))
}

fn format(case: &Case<'_>, name: &str, wanted: &str) -> Ruled {
    judged(case, name, |trial| {
        let Some(answer) = case.answer(name) else {
            // An error page is a refusal, if not a kind one.
            return matches!(&trial.ending, Ending::Page { .. }) && !trial.asked;
        };
        if refused_by(case, name, ":InvalidNameIDPolicy") {
            return true;
        }
        let assertion = answer.response().and_then(|it| it.assertions.first());
        let got = assertion
            .and_then(|it| it.name_id.as_ref())
            .and_then(|it| it.format.as_deref());
        match answer.response() {
            Some(response) if response.assertions.is_empty() => response.status_detail.is_some(),
            Some(_) => got.is_none_or(|it| it.ends_with(&format!(":{wanted}"))) && got.is_some(),
            None => true,
        }
    })
}

fn transient(case: &Case<'_>) -> Ruled {
    let name = |trial: &str| {
        let assertion = case.answer(trial)?.response()?.assertions.first()?;
        let name = assertion.name_id.as_ref()?;
        let transient = name.format.as_deref()?.ends_with(":transient");
        transient.then(|| name.value.clone())
    };
    let Some(one) = name("name-transient") else {
        return not_judged("no transient NameID came: see SAML-IDP-REQ-14");
    };
    let lasting = case
        .answers
        .iter()
        .filter(|it| it.name != "name-transient")
        .filter_map(|it| it.response()?.assertions.first()?.name_id.as_ref())
        .any(|it| {
            it.value == one
                && !it
                    .format
                    .as_deref()
                    .unwrap_or_default()
                    .ends_with(":transient")
        });
    if one.eq_ignore_ascii_case(&case.dossier.user) || lasting {
        breaks(format!("{one:?}, which is their lasting name")).at("name-transient")
    } else {
        holds(one).at("name-transient")
    }
}

fn impossible_format(case: &Case<'_>) -> Ruled {
    judged(case, "name-impossible", |_| {
        !succeeded(case, "name-impossible")
    })
}

fn context(case: &Case<'_>) -> Ruled {
    judged(case, "context-password", |trial| {
        let Some(answer) = case.answer("context-password") else {
            return matches!(&trial.ending, Ending::Page { .. });
        };
        let class = answer
            .response()
            .and_then(|it| it.assertions.first())
            .and_then(|it| it.sign_ons.first())
            .and_then(|it| it.class.as_deref());
        match class {
            Some(class) => class.ends_with(":PasswordProtectedTransport"),
            None => true,
        }
    })
}

fn impossible_context(case: &Case<'_>) -> Ruled {
    judged(case, "context-impossible", |_| {
        let answer = case.answer("context-impossible");
        let assertion = answer
            .and_then(|it| it.response())
            .and_then(|it| it.assertions.first());
        let class = assertion
            .and_then(|it| it.sign_ons.first())
            .and_then(|it| it.class.as_deref());
        assertion.is_none() || class.is_none() || class == Some(IMPOSSIBLE_CLASS)
    })
}

fn goes_to(case: &Case<'_>, name: &str, index: usize) -> Ruled {
    judged(case, name, |trial| match &trial.ending {
        Ending::Answer(delivered) => delivered.to == case.dossier.party.acs[index],
        _ => false,
    })
}

fn unknown_index(case: &Case<'_>) -> Ruled {
    judged(case, "acs-index-unknown", |trial| match &trial.ending {
        Ending::Answer(delivered) => case.dossier.party.acs.contains(&delivered.to),
        _ => true,
    })
}

fn long_relay_state(case: &Case<'_>) -> Ruled {
    judged(case, "relay-state-long", |trial| match &trial.ending {
        Ending::Answer(delivered) => delivered.relay_state == trial.relay_state,
        _ => true,
    })
}

fn not_answered(case: &Case<'_>, name: &str) -> Ruled {
    judged(case, name, |_| !succeeded(case, name))
}

fn refused_in_words(case: &Case<'_>, name: &str) -> Ruled {
    judged(case, name, |trial| match &trial.ending {
        Ending::Page { status, .. } => *status < 500,
        Ending::Answer(_) => !succeeded(case, name),
        _ => false,
    })
}

fn oversized(case: &Case<'_>) -> Ruled {
    let after = case.trial("after-oversized").map(|it| &it.ending);
    if !matches!(
        after,
        None | Some(Ending::Answer(_) | Ending::NotTried { .. })
    ) {
        return breaks("the request after it was not answered").at("after-oversized");
    }
    // To close the connection is a refusal too, as long as others are served.
    if let (Some(Ending::Answer(_)), Some(Ending::NoAnswer { why })) =
        (after, case.trial("oversized").map(|it| &it.ending))
    {
        let ruled = if why.contains("no answer within") {
            breaks(why.clone())
        } else {
            holds(format!("{why}; the request after it was answered"))
        };
        return ruled.at("oversized");
    }
    judged(case, "oversized", |trial| match &trial.ending {
        Ending::Page { status, .. } => *status < 500,
        _ => true,
    })
}

fn empty(case: &Case<'_>) -> Ruled {
    let mut sso = case
        .dossier
        .opened
        .iter()
        .filter(|it| it.what == "SingleSignOnService");
    match sso.find_map(|it| it.status.map(|status| (it, status))) {
        None => not_judged("the address was not opened in this run"),
        Some((at, status)) if status >= 500 => breaks(format!("{} answers {status}", at.url)),
        Some((at, status)) => holds(format!("{} answers {status}", at.url)),
    }
}
