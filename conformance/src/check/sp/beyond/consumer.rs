//! Checks of a service provider with several assertion consumer services for HTTP-POST: each accepts
//! the messages that are addressed to it, and no others.

use faults::{Cover, Edit, Fault};
use saml::names;
use url::Url;

use super::super::honest::Form;
use super::{Beyond, Judged, Stop, breaks, holds_with, response_with, rows, skip};
use crate::check::Harm;
use crate::check::sp::Answer;

rows! {
"SAML-SP-ACS-01", Should, Harm::Function, "saml-metadata §2.4.4, saml-profiles §4.1.5"; "An unsolicited Response is accepted at every AssertionConsumerService with HTTP-POST";
    expects "a login at each URL: an identity provider may choose any of them if there is no AuthnRequest";
    fix "Accept Responses at every AssertionConsumerService of the metadata, and remove from it those that are no longer used.";
    judge_each_service
"SAML-SP-ACS-02", Must, Harm::Leniency, "saml-profiles §4.1.4.3"; "A Response whose Recipient is another AssertionConsumerService is refused";
    expects "a refusal: Recipient must be the URL at which the Response was delivered";
    fix "Compare Recipient of SubjectConfirmationData with the URL at which the Response arrived, not with the list of your URLs.";
    judge_recipient
"SAML-SP-ACS-03", Must, Harm::Leniency, "saml-bindings §3.5.5.2"; "A signed Response whose Destination is another AssertionConsumerService is refused";
    expects "a refusal: Destination of a signed message must be the URL at which it was delivered";
    fix "Compare Destination of a signed Response with the URL at which it arrived, not with the list of your URLs.";
    judge_destination
}

impl Beyond<'_> {
    /// Returns another assertion consumer service than `own`. Only those at the same host and port
    /// count: the cookies of a login at another one do not belong to the probe.
    fn other_services(&self, own: &str) -> Result<Vec<String>, Stop> {
        let origin = |url: &str| Url::parse(url).map(|it| it.origin()).ok();
        let all = self.judge.target.metadata.acs.iter();
        let mut others: Vec<String> = all
            .filter(|it| it.endpoint.binding == names::HTTP_POST)
            .map(|it| it.endpoint.location.clone())
            .filter(|it| it != own && origin(it) == origin(own))
            .collect();
        others.sort();
        others.dedup();
        match others.is_empty() {
            true => skip(
                "the metadata has no second AssertionConsumerService with HTTP-POST at the same host",
            ),
            false => Ok(others),
        }
    }

    /// Delivers a Response in which `value_at` is the URL of another assertion consumer service, as
    /// its signature covers it.
    async fn deliver_for_other(
        &self,
        (at, name): (&str, &str),
        form: Form,
    ) -> Result<Answer, Stop> {
        let login = self.login();
        let visitor = login.visitor()?;
        let asked = login.ask(&visitor).await?;
        let other = self.other_services(&asked.acs_url)?.swap_remove(0);
        let Some(fault) = with_address(at, name, &other) else {
            return skip("cannot create the Response: no control was found");
        };
        let ready = login.make(asked, Some(&fault), form)?;
        Ok(login.deliver(&visitor, &ready).await?)
    }
}

/// Returns the change of a Response that sets this attribute to a URL.
fn with_address(at: &str, name: &str, url: &str) -> Option<Fault> {
    response_with(vec![Edit::Attribute {
        at: at.to_owned(),
        name: name.to_owned(),
        value: Some(url.replace('&', "&amp;")),
    }])
}

fn judge_refusal(answer: &Answer) -> Judged {
    match answer.is_accepted() {
        true => breaks(answer.to_sentence(), answer.evidence()),
        false => holds_with(answer.to_sentence(), answer.evidence()),
    }
}

async fn judge_each_service(beyond: &Beyond<'_>) -> Judged {
    let login = beyond.login();
    let first = login.unsolicited_values()?.acs_url;
    let others = beyond.other_services(&first)?;
    beyond.require_unsolicited().await?;
    for acs_url in &others {
        let mut asked = login.unsolicited_values()?;
        asked.acs_url.clone_from(acs_url);
        let ready = login.make(asked, None, beyond.base)?;
        let answer = login.deliver(&login.visitor()?, &ready).await?;
        if !answer.is_accepted() {
            return breaks(
                format!("at {acs_url}: {}", answer.to_sentence()),
                answer.evidence(),
            );
        }
    }
    let number = others.len() + 1;
    super::holds(format!("logged in at each of {number} URLs"))
}

async fn judge_recipient(beyond: &Beyond<'_>) -> Judged {
    let at = "Response/Assertion/Subject/SubjectConfirmation/SubjectConfirmationData";
    judge_refusal(
        &beyond
            .deliver_for_other((at, "Recipient"), beyond.base)
            .await?,
    )
}

async fn judge_destination(beyond: &Beyond<'_>) -> Judged {
    let form = Form {
        cover: Cover::Both,
        ..beyond.base
    };
    beyond.other_services(&beyond.login().unsolicited_values()?.acs_url)?;
    let control = beyond.login().attempt(None, form).await?;
    if !control.is_accepted() {
        return skip(format!(
            "a Response that is signed as a whole is refused: {}",
            control.to_sentence()
        ));
    }
    judge_refusal(
        &beyond
            .deliver_for_other(("Response", "Destination"), form)
            .await?,
    )
}
