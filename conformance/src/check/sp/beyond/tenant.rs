//! Checks of two tenants of one service provider, each with its own identity provider. No tenant
//! may log in users of the other tenant.
//!
//! The probe shows who is logged in: `--expect` matches the first tenant's user, and
//! `--second-expect` matches every user who is logged in to the second tenant.

use super::super::expect::Probe;
use super::super::login::{Asked, Login};
use super::super::visitor::Visitor;
use super::super::{Judge, Variants};
use super::{Beyond, Judged, Stop, breaks, holds_with, rows, skip};
use crate::check::runner::page_summary;
use crate::check::{Attacker, Harm, SetUpError};

rows! {
"SAML-SP-TEN-01", Must, Harm::Intrusion(Attacker::Tenant), "CWE-639"; "The second tenant's identity provider does not log in a user of the first";
    expects "a refusal, or an account of the second tenant: a user name belongs to its identity provider, and two tenants may have the same";
    fix "Look accounts up by the identity provider and the NameID together; accept from an identity provider only the domains that its tenant has proved to own.";
    judge_user_of_other_tenant
"SAML-SP-TEN-02", Must, Harm::Intrusion(Attacker::Tenant), "saml-profiles §4.1.4.3"; "A Response to the second tenant's AuthnRequest is refused at the first tenant's ACS URL";
    expects "a refusal: the first tenant did not ask its identity provider for it";
    fix "At the address of a tenant, accept only the Issuer and the keys of this tenant's identity provider, and only answers to its own requests.";
    judge_address_of_other_tenant
"SAML-SP-TEN-03", Must, Harm::Intrusion(Attacker::Tenant), "saml-profiles §4.1.4.2"; "The second identity provider does not answer a request that was sent to the first";
    expects "a refusal: the Issuer is not the identity provider that the request was sent to";
    fix "Store with each request which identity provider it went to, and compare the Issuer of the answer with it.";
    judge_request_of_other_tenant
"SAML-SP-TEN-04", Must, Harm::Intrusion(Attacker::Tenant), "saml-core §5.4"; "The key of the second identity provider does not sign for the first";
    expects "a refusal: the Issuer is the first identity provider, and the key is another's";
    fix "Verify with the keys of the Issuer only, not with all keys that you trust.";
    judge_key_of_other_tenant
"SAML-SP-TEN-05", Must, Harm::Intrusion(Attacker::Tenant), "saml-core §5.4"; "The key of the first identity provider does not sign for the second";
    expects "a refusal: the Issuer is the second identity provider, and the key is another's";
    fix "Verify with the keys of the Issuer only, not with all keys that you trust.";
    judge_key_of_first_tenant
"SAML-SP-TEN-06", Must, Harm::Intrusion(Attacker::Tenant), "CWE-639"; "An e-mail address of the first tenant's user opens no account of the first tenant";
    expects "a refusal, or an account of the second tenant: the NameID is a user of the second tenant, and only attributes repeat the other's address";
    fix "Do not join accounts by an e-mail address that an identity provider asserts, unless its tenant has proved to own the domain.";
    judge_e_mail_of_other_tenant
"SAML-SP-TEN-07", Must, Harm::Intrusion(Attacker::Tenant), "CWE-863"; "A disabled identity provider logs in nobody";
    expects "a refusal of every Response of the second identity provider after it was disabled, also of the answer to an AuthnRequest from before";
    fix "When a Response arrives, look up whether its identity provider is enabled; to look it up when a login starts is not enough.";
    judge_disabled_provider
}

/// The two tenants. Honest logins at both work: see [`set_up_error`].
struct Tenants<'b> {
    first: &'b Judge,
    second: &'b Judge,
    /// True if `--second-expect` matches only the name of `--second-user`, so that it does not
    /// recognize other users of that tenant.
    is_by_name: bool,
}

/// The user whom the probe shows after a delivery.
enum Shown {
    Nobody,
    /// A user of the second tenant.
    Second,
    /// The first tenant's user.
    First,
}

async fn require_tenants<'b>(beyond: &'b Beyond<'_>) -> Result<Tenants<'b>, Stop> {
    let Some(second) = beyond.second else {
        return skip(
            "not judged: where the service provider has a second tenant with another identity provider, give --second-start-url",
        );
    };
    Ok(Tenants {
        first: beyond.judge,
        second,
        is_by_name: second.target.expect.is_match(&second.person.user),
    })
}

/// Tries the honest logins of both tenants. Returns an error if one of them fails: then no check of
/// this table can be judged.
pub(in crate::check::sp) async fn set_up_error(
    beyond: &Beyond<'_>,
    second: &Judge,
) -> Option<SetUpError> {
    let why = match try_both(beyond, second).await {
        Ok(()) => return None,
        Err(Stop::Skip(why)) => why,
        Err(Stop::Lost(url, reason)) => format!("no answer from {url}: {reason}"),
        Err(Stop::Breaks(seen)) => seen.text,
        Err(Stop::Follows(cause)) => format!("{cause} did not pass"),
    };
    Some(SetUpError::new(
        "second-tenant",
        format!("The second tenant cannot be used: {why}."),
        format!(
            "Check that the second tenant trusts the metadata of --second-idp-metadata-out (entity ID {}), that {} exists there, and --second-start-url and --second-expect. If the second tenant has its own assertion consumer service, give its metadata with --second-metadata. Without --second-start-url, everything else is judged.",
            second.provider.entity_id, second.person.user
        ),
    ))
}

/// Returns the ids of the checks of this table.
pub(in crate::check::sp) fn ids() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|row| row.id)
}

/// Tries the honest logins, and tests whether `--second-expect` distinguishes the tenants.
async fn try_both(beyond: &Beyond<'_>, second: &Judge) -> Result<(), Stop> {
    let user = &second.person.user;
    let answer = Login::new(second, user).attempt(None, beyond.base).await?;
    if !answer.is_accepted() {
        return skip(format!(
            "not judged: the service provider refused a valid Response of the second tenant's identity provider: {}",
            answer.to_sentence()
        ));
    }
    if beyond.judge.find_person(&answer.probe, &[]).is_some() {
        return skip(
            "--expect matches the user of the second tenant, too, so it cannot tell the tenants apart",
        );
    }
    let user = &beyond.judge.person.user;
    let visitor = beyond.login().visitor()?;
    let own = beyond.log_in(&visitor, user).await?;
    if own.shown.is_none() {
        return skip(
            "not judged: the service provider refused a valid Response of the first tenant's identity provider",
        );
    }
    if second.target.expect.is_match(&own.probe.body) {
        return skip(
            "--second-expect matches the user of the first tenant, too, so it cannot tell the tenants apart",
        );
    }
    Ok(())
}

impl Tenants<'_> {
    /// Returns a judge that sends Responses of the second identity provider to the first tenant.
    fn crossed_judge(&self) -> Judge {
        Judge {
            target: self.first.target.clone(),
            provider: self.second.provider.clone(),
            person: self.first.person.clone(),
            variants: Variants::None,
            runner: self.first.runner.clone(),
            ambient: self.first.ambient.clone(),
        }
    }

    /// True if a login reaches the second tenant at its own URL.
    fn is_second(&self, judge: &Judge) -> bool {
        let second = self.second;
        judge.provider.entity_id == second.provider.entity_id
            && judge.target.start_url == second.target.start_url
    }

    fn user_in(&self, probe: &Probe) -> Shown {
        if self.second.target.expect.is_match(&probe.body) {
            Shown::Second
        } else if self.first.find_person(probe, &[]).is_some() {
            Shown::First
        } else {
            Shown::Nobody
        }
    }

    /// Delivers a Response, and passes unless the first tenant's user is logged in.
    async fn deliver(
        &self,
        beyond: &Beyond<'_>,
        login: &Login<'_>,
        (visitor, asked): (&Visitor, Asked),
    ) -> Judged {
        let ready = login.make(asked, None, beyond.base)?;
        let answer = login.deliver(visitor, &ready).await?;
        let probe = page_summary(&answer.probe.body, 160);
        match self.user_in(&answer.probe) {
            Shown::Nobody => holds_with(
                format!("no user is logged in: {}", answer.to_sentence()),
                answer.evidence(),
            ),
            Shown::Second => holds_with(
                format!("an account of the second tenant is logged in; the probe answers {probe}"),
                answer.evidence(),
            ),
            Shown::First if self.is_by_name && self.is_second(login.judge) => skip(format!(
                "a user with the name of the first tenant's user is logged in, but it may be an account of the second tenant: give a --second-expect that matches every user who is logged in to the second tenant; the probe answers {probe}"
            )),
            Shown::First => breaks(
                format!("the user of the first tenant is logged in; the probe answers {probe}"),
                answer.evidence(),
            ),
        }
    }
}

async fn judge_user_of_other_tenant(beyond: &Beyond<'_>) -> Judged {
    let tenants = require_tenants(beyond).await?;
    let login = Login::new(tenants.second, &tenants.first.person.user);
    let visitor = login.visitor()?;
    let asked = login.ask(&visitor).await?;
    tenants.deliver(beyond, &login, (&visitor, asked)).await
}

async fn judge_address_of_other_tenant(beyond: &Beyond<'_>) -> Judged {
    let tenants = require_tenants(beyond).await?;
    let crossed = tenants.crossed_judge();
    let user = &tenants.first.person.user;
    let login = Login::new(tenants.second, user);
    let visitor = login.visitor()?;
    let asked = login.ask(&visitor).await?;
    let acs_url = Login::new(&crossed, user).unsolicited_values()?.acs_url;
    if asked.acs_url == acs_url {
        return skip("both tenants have the same assertion consumer service");
    }
    let asked = Asked { acs_url, ..asked };
    let login = Login::new(&crossed, user);
    tenants.deliver(beyond, &login, (&visitor, asked)).await
}

async fn judge_request_of_other_tenant(beyond: &Beyond<'_>) -> Judged {
    let tenants = require_tenants(beyond).await?;
    let crossed = tenants.crossed_judge();
    let user = &tenants.first.person.user;
    let first = Login::new(tenants.first, user);
    let visitor = first.visitor()?;
    let asked = first.ask(&visitor).await?;
    let login = Login::new(&crossed, user);
    tenants.deliver(beyond, &login, (&visitor, asked)).await
}

async fn judge_key_of_other_tenant(beyond: &Beyond<'_>) -> Judged {
    let tenants = require_tenants(beyond).await?;
    let key = &tenants.second.provider.key;
    let login = Login::new(tenants.first, &tenants.first.person.user).with_key(key);
    let visitor = login.visitor()?;
    let asked = login.ask(&visitor).await?;
    tenants.deliver(beyond, &login, (&visitor, asked)).await
}

async fn judge_key_of_first_tenant(beyond: &Beyond<'_>) -> Judged {
    let tenants = require_tenants(beyond).await?;
    let key = &tenants.first.provider.key;
    let login = Login::new(tenants.second, &tenants.second.person.user).with_key(key);
    let visitor = login.visitor()?;
    let asked = login.ask(&visitor).await?;
    let ready = login.make(asked, None, beyond.base)?;
    let answer = login.deliver(&visitor, &ready).await?;
    match answer.is_accepted() {
        true => breaks(answer.to_sentence(), answer.evidence()),
        false => holds_with(answer.to_sentence(), answer.evidence()),
    }
}

async fn judge_e_mail_of_other_tenant(beyond: &Beyond<'_>) -> Judged {
    let tenants = require_tenants(beyond).await?;
    let mut person = tenants.second.person.clone();
    let values = person.attributes.iter_mut().flat_map(|it| &mut it.values);
    for value in values.filter(|value| *value == "{user}") {
        value.clone_from(&tenants.first.person.user);
    }
    if person.attributes == tenants.second.person.attributes {
        return skip("no attribute of the Responses repeats the name of the user");
    }
    let judge = Judge {
        target: tenants.second.target.clone(),
        provider: tenants.second.provider.clone(),
        person,
        variants: Variants::None,
        runner: tenants.second.runner.clone(),
        ambient: tenants.second.ambient.clone(),
    };
    let login = Login::new(&judge, &tenants.second.person.user);
    let visitor = login.visitor()?;
    let asked = login.ask(&visitor).await?;
    tenants.deliver(beyond, &login, (&visitor, asked)).await
}

/// Disables the second identity provider, so this check is the last one of the table.
async fn judge_disabled_provider(beyond: &Beyond<'_>) -> Judged {
    let second = require_tenants(beyond).await?.second;
    let Some(disable) = &second.target.disable else {
        return skip(
            "not judged: give --second-disable-command with a command that disables the second identity provider at the service provider",
        );
    };
    let user = &second.person.user;
    let control = Login::new(second, user).attempt(None, beyond.base).await?;
    if !control.is_accepted() {
        return skip(format!(
            "not judged: the service provider refused a valid Response of the second tenant's identity provider: {}",
            control.to_sentence()
        ));
    }
    let login = Login::new(second, user);
    let visitor = login.visitor()?;
    let before = login.ask(&visitor).await?;
    disable.perform().await.map_err(Stop::Skip)?;
    let ready = login.make(before, None, beyond.base)?;
    let answer = login.deliver(&visitor, &ready).await?;
    if answer.is_accepted() {
        return breaks(
            format!(
                "the answer to an AuthnRequest from before: {}",
                answer.to_sentence()
            ),
            answer.evidence(),
        );
    }
    let visitor = login.visitor()?;
    // The service provider may start no login any more. Then the Response is unsolicited.
    let after = match login.ask(&visitor).await {
        Ok(asked) => asked,
        Err(_) => login.unsolicited_values()?,
    };
    let ready = login.make(after, None, beyond.base)?;
    let answer = login.deliver(&visitor, &ready).await?;
    match answer.is_accepted() {
        true => breaks(answer.to_sentence(), answer.evidence()),
        false => holds_with(answer.to_sentence(), answer.evidence()),
    }
}
