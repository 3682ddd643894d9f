//! Checks of accounts that a login creates or changes (just-in-time provisioning). The standards
//! leave open which account a login gets, so most results are warnings, and the text says what was
//! seen.

use saml::message::NameIdFormat;

use super::super::login::Login;
use super::super::person::Person;
use super::{Beyond, Judged, Stop, breaks, holds_with, rows, skip};
use crate::check::sp::{Answer, Judge, PersonAttribute, Variants};
use crate::check::{Attacker, Harm};

rows! {
"SAML-SP-JIT-01", May, Harm::Function, "saml-profiles §4.1.4.3"; "A Response without attributes is accepted or refused without a server error";
    expects "a login, or a refusal that says what is missing; no status 500 or above";
    fix "Treat every attribute as optional when you read it, and refuse the login with a page that names the missing attribute.";
    judge_missing_attributes
"SAML-SP-JIT-02", May, Harm::Function, "saml-core §2.7.3"; "A known user whose other attributes changed can log in";
    expects "the user to be logged in after a change of attributes that do not contain the user name";
    fix "Find the account by the NameID, and update the other attributes at each login.";
    judge_changed_attributes
"SAML-SP-JIT-03", May, Harm::Function, "saml-core §2.7.3.1"; "A Response whose attributes have several values is accepted or refused without a server error";
    expects "a login, or a refusal that names the attribute; no status 500 or above";
    fix "Read attributes as lists, and decide which value counts where you need only one.";
    judge_second_values
"SAML-SP-JIT-04", May, Harm::Function, "saml-core §2.2.3"; "A login with the NameID in upper case is accepted or refused without a server error";
    expects "a login to the same account or to another one, or a refusal; no status 500 or above. Names that differ in case only must not break a unique key";
    fix "Decide whether names that differ in case only are one account, and compare them in the same way everywhere: in the code, and in the unique key of the database.";
    judge_upper_case
"SAML-SP-JIT-05", May, Harm::Function, "saml-core §8.3.7"; "A user with the same persistent NameID and another e-mail address keeps the account";
    expects "the same user to be logged in";
    fix "Find the account by the persistent NameID, not by the e-mail address: people change their names.";
    judge_renamed_user
"SAML-SP-JIT-06", May, Harm::Intrusion(Attacker::Account), "CWE-639"; "Another NameID with the e-mail address of an existing user does not log in that user";
    expects "a refusal, or another account";
    fix "Link accounts by the NameID. Link them by the e-mail address only if the identity provider verifies e-mail addresses and gives none to a second person.";
    judge_same_mail
"SAML-SP-JIT-07", May, Harm::Intrusion(Attacker::Account), "CWE-639, saml-core §2.7.3.1"; "A second value of an attribute does not log in the user whose name it is";
    expects "a refusal, or the account of the NameID";
    fix "Refuse several values of an attribute that identifies the user.";
    judge_other_mail_second
}

/// Returns a judge of the same service provider that describes the user as `person`.
fn judge_of(judge: &Judge, person: Person) -> Judge {
    Judge {
        target: judge.target.clone(),
        provider: judge.provider.clone(),
        person,
        variants: Variants::None,
        runner: judge.runner.clone(),
        ambient: judge.ambient.clone(),
    }
}

/// Delivers a Response about `who`, described as `person`.
async fn log_in_as(beyond: &Beyond<'_>, person: Person, who: &str) -> Result<Answer, Stop> {
    let judge = judge_of(beyond.judge, person);
    let answer = Login::new(&judge, who).attempt(None, beyond.base).await?;
    Ok(answer)
}

/// Passes unless the service provider answered with a server error.
fn require_no_server_error(answer: &Answer) -> Judged {
    match answer.status >= 500 || answer.probe.status >= 500 {
        true => breaks(answer.to_sentence(), answer.evidence()),
        false => holds_with(answer.to_sentence(), answer.evidence()),
    }
}

async fn judge_missing_attributes(beyond: &Beyond<'_>) -> Judged {
    let person = Person {
        attributes: Vec::new(),
        ..beyond.judge.person.clone()
    };
    let user = person.user.clone();
    let answer = log_in_as(beyond, person, &user).await?;
    require_no_server_error(&answer)
}

async fn judge_changed_attributes(beyond: &Beyond<'_>) -> Judged {
    const ADDED: &str = "-changed";
    let mut person = beyond.judge.person.clone();
    let values = person.attributes.iter_mut().flat_map(|it| &mut it.values);
    // A group or role decides what the user may do, and a service provider may require it.
    let is_text = |value: &&mut String| !value.contains("{user}") && !value.contains(' ');
    values.filter(is_text).for_each(|it| it.push_str(ADDED));
    if person.attributes == beyond.judge.person.attributes {
        return skip(
            "not judged: every attribute contains the user name, or may be a group; describe the user by a --person file with an attribute that may change, such as a first name, in one word",
        );
    }
    let user = person.user.clone();
    let answer = log_in_as(beyond, person, &user).await?;
    let is_shown = answer.probe.body.contains(ADDED);
    // The next login writes the former values again.
    Login::new(beyond.judge, &user)
        .attempt(None, beyond.base)
        .await?;
    match answer.is_accepted() {
        true => holds_with(
            format!(
                "the user is logged in, and the probe {} a changed attribute",
                if is_shown { "shows" } else { "does not show" }
            ),
            answer.evidence(),
        ),
        false => breaks(answer.to_sentence(), answer.evidence()),
    }
}

async fn judge_second_values(beyond: &Beyond<'_>) -> Judged {
    let mut person = beyond.judge.person.clone();
    for attribute in &mut person.attributes {
        let second = attribute.values.first().map(|it| format!("second-{it}"));
        attribute.values.extend(second);
    }
    if person.attributes.is_empty() {
        return skip("not judged: the Responses have no attributes");
    }
    let user = person.user.clone();
    let answer = log_in_as(beyond, person, &user).await?;
    Login::new(beyond.judge, &user)
        .attempt(None, beyond.base)
        .await?;
    require_no_server_error(&answer)
}

async fn judge_upper_case(beyond: &Beyond<'_>) -> Judged {
    let person = beyond.judge.person.clone();
    let (user, upper) = (person.user.clone(), person.user.to_uppercase());
    if user == upper {
        return skip("not judged: the user name has no letters in lower case");
    }
    let answer = log_in_as(beyond, person, &upper).await?;
    let judged = require_no_server_error(&answer)?;
    match answer.is_accepted() {
        true if !beyond.is_blind => holds_with(
            format!(
                "the account is that of the name in lower case: {}",
                judged.text
            ),
            judged.evidence,
        ),
        _ => Ok(judged),
    }
}

async fn judge_renamed_user(beyond: &Beyond<'_>) -> Judged {
    beyond.require_sight()?;
    let mut person = beyond.judge.person.clone();
    let user = person.user.clone();
    if person.name_id_of(&user).format != NameIdFormat::Persistent {
        return skip(
            "not judged: the NameID is not persistent; if your service provider accepts a persistent one, give a --person file with [name_id] and format = \"persistent\"",
        );
    }
    let changed = repeat_name(&mut person, &format!("renamed.{user}"));
    if !changed {
        return skip("not judged: no attribute repeats the name of the user");
    }
    let nobody = beyond.login().open_probe_without_login().await?;
    let answer = log_in_as(beyond, person, &user).await?;
    Login::new(beyond.judge, &user)
        .attempt(None, beyond.base)
        .await?;
    if answer.is_accepted() {
        return holds_with(answer.to_sentence(), answer.evidence());
    }
    match answer.probe.body == nobody.body {
        true => breaks(answer.to_sentence(), answer.evidence()),
        false => skip(
            "cannot tell: a user is logged in, and the probe does not match --expect; give an --expect that matches what does not change with the e-mail address",
        ),
    }
}

/// Sets the values that repeat the user name to this name. Returns false if there are none.
fn repeat_name(person: &mut Person, name: &str) -> bool {
    let values = person.attributes.iter_mut().flat_map(|it| &mut it.values);
    let own = values.filter(|value| *value == "{user}");
    own.map(|value| name.clone_into(value)).count() > 0
}

/// As [`repeat_name`] for attributes that have an e-mail address by their name.
fn repeat_mail(person: &mut Person, name: &str) -> bool {
    let is_mail = |it: &&mut PersonAttribute| {
        let name = it.name.to_lowercase();
        name.contains("mail") || name == "urn:oid:0.9.2342.19200300.100.1.3"
    };
    let all = person.attributes.iter_mut().filter(is_mail);
    let own = all
        .flat_map(|it| &mut it.values)
        .filter(|value| *value == "{user}");
    own.map(|value| name.clone_into(value)).count() > 0
}

/// Passes unless the user of `--user` is logged in, and the attacker's NameID is not shown.
fn is_not_the_user(beyond: &Beyond<'_>, answer: &Answer) -> Judged {
    let attacker = beyond.judge.attacker();
    let is_attacker = answer
        .probe
        .body
        .to_lowercase()
        .contains(&attacker.to_lowercase());
    match &answer.shown {
        Some(_) if is_attacker => holds_with(
            format!("the probe also shows {attacker}, so the account is another one"),
            answer.evidence(),
        ),
        Some(_) => breaks(
            format!(
                "{}. If this is another account with the same e-mail address, give an --expect that matches what only the user's account has",
                answer.to_sentence()
            ),
            answer.evidence(),
        ),
        None => holds_with(answer.to_sentence(), answer.evidence()),
    }
}

async fn judge_same_mail(beyond: &Beyond<'_>) -> Judged {
    beyond.require_sight()?;
    let mut person = beyond.judge.person.clone();
    let user = person.user.clone();
    // An attribute such as eduPersonPrincipalName may be the account's name at this service provider, and then it rightly
    // decides. Without an e-mail address, every attribute that repeats the name is one.
    if !repeat_mail(&mut person, &user) && !repeat_name(&mut person, &user) {
        return skip("not judged: no attribute repeats the name of the user");
    }
    let answer = log_in_as(beyond, person, &beyond.judge.attacker()).await?;
    is_not_the_user(beyond, &answer)
}

async fn judge_other_mail_second(beyond: &Beyond<'_>) -> Judged {
    beyond.require_sight()?;
    let mut person = beyond.judge.person.clone();
    let user = person.user.clone();
    let mut is_changed = false;
    for attribute in &mut person.attributes {
        if attribute.values.iter().any(|value| value == "{user}") {
            attribute.values.push(user.clone());
            is_changed = true;
        }
    }
    if !is_changed {
        return skip("not judged: no attribute repeats the name of the user");
    }
    let answer = log_in_as(beyond, person, &beyond.judge.attacker()).await?;
    is_not_the_user(beyond, &answer)
}
