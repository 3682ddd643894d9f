//! Sign-ons for load: sends a plain request in a new browser, and verifies signature, issuer,
//! audience, recipient, InResponseTo and times of the Response.

use std::time::Duration;

use ambient::Ambient;
use jiff::Timestamp;

use super::browser::Credentials;
use super::party::Party;
use super::reading::{self, Announced};
use super::recording::{Delivered, Ending, Fetched, Trial};
use super::request::Maker;
use super::run::{CheckError, Gathering, Person};
use super::set_up;
use super::trials::Binding;
use crate::check::SetUpError;
use crate::check::runner::{Runner, page_summary};
use crate::inspection::certificate::Certificate;
use crate::inspection::parse;
use crate::inspection::response::{self, Assertion, Confirmation};
use crate::inspection::signature::{Signature, signatures};

/// Largest accepted difference between the clocks.
const SKEW: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// Sign-ons at one identity provider.
pub(in crate::check) struct SignOns {
    party: Party,
    metadata: Fetched,
    announced: Announced,
    trusted: Vec<Certificate>,
    runner: Runner,
    ambient: Ambient,
}

/// The values of a Response about a person.
#[derive(Debug, Clone)]
pub(in crate::check) struct SignedOn {
    /// The ID of its assertion.
    pub(in crate::check) assertion_id: String,
    /// The NameID.
    pub(in crate::check) name: String,
    /// True if the name is different in each Response (a transient NameID).
    pub(in crate::check) is_transient: bool,
}

/// Why a sign-on did not lead to a correct Response.
#[derive(Debug, Clone)]
pub(in crate::check) enum SignOnError {
    /// The identity provider asked to wait this long.
    Limited(Duration),
    /// No answer came.
    NoAnswer(String),
    /// The sign-on ended on a page.
    Page { status: u16, why: String },
    /// The Response has another status than Success.
    Refused(String),
    /// Something in the Response is wrong.
    Wrong { what: &'static str, why: String },
}

fn wrong<T>(what: &'static str, why: impl Into<String>) -> Result<T, SignOnError> {
    let why = why.into();
    Err(SignOnError::Wrong { what, why })
}

impl SignOns {
    /// # Errors
    /// When the metadata names no endpoint.
    pub(in crate::check) fn new(
        party: Party,
        metadata: &Fetched,
        runner: Runner,
        ambient: &Ambient,
    ) -> Result<Self, CheckError> {
        let announced = Announced::read(metadata);
        let can_send = |binding| announced.sso_url(binding).is_some();
        if !can_send(Binding::Redirect) && !can_send(Binding::Post) {
            return Err(CheckError::no_endpoint(metadata));
        }
        Ok(Self {
            party,
            trusted: announced.readable(),
            metadata: metadata.clone(),
            announced,
            runner,
            ambient: ambient.clone(),
        })
    }

    fn new_gathering(&self, who: &Credentials) -> Gathering<'_> {
        Gathering {
            party: &self.party,
            ambient: &self.ambient,
            person: Person::Driven(who.clone()),
            disabled: None,
            initiated: None,
            metadata: self.metadata.clone(),
            runner: &self.runner,
        }
    }

    /// Signs a person on once; returns the reason if no sign-on is possible.
    pub(in crate::check) async fn set_up_error(&self, who: &Credentials) -> Option<SetUpError> {
        let trial = match self.request(who).await {
            Ok(trial) => trial,
            Err(error) => return Some(error.to_set_up_error()),
        };
        if let Some(error) = set_up::error(&trial, &self.new_gathering(who), &[]) {
            return Some(error);
        }
        let error = self.read(&trial).err()?;
        Some(SetUpError::new(
            "not-judged",
            format!(
                "{} does not get a right Response before any load is sent: {error}.",
                who.name
            ),
            "Find out with `rehearsal check idp` what is wrong.",
        ))
    }

    /// Signs a person on and verifies the Response.
    pub(in crate::check) async fn sign_on(
        &self,
        who: &Credentials,
    ) -> Result<SignedOn, SignOnError> {
        let trial = self.request(who).await;
        let trial = trial.map_err(|error| SignOnError::NoAnswer(error.to_string()))?;
        self.read(&trial)
    }

    async fn request(&self, who: &Credentials) -> Result<Trial, CheckError> {
        let maker = Maker::new(&self.party, &self.ambient, &self.announced);
        self.new_gathering(who)
            .send_plain_request(&maker, &self.announced, who)
            .await
    }

    fn read(&self, trial: &Trial) -> Result<SignedOn, SignOnError> {
        match &trial.ending {
            Ending::Answer(delivered) => self.verify(trial, delivered),
            Ending::Page { url, status, text } => {
                let place = url.split('?').next().unwrap_or(url);
                let limit = trial.pages.last().and_then(|page| page.retry_after);
                if let Some(wait) = limit {
                    return Err(SignOnError::Limited(wait));
                }
                Err(SignOnError::Page {
                    status: *status,
                    why: format!("HTTP {status} at {place}: {}", page_summary(text, 160)),
                })
            }
            Ending::NoAnswer { why } | Ending::Failed { why } | Ending::NotTried { why } => {
                Err(SignOnError::NoAnswer(why.clone()))
            }
        }
    }

    fn verify(&self, trial: &Trial, delivered: &Delivered) -> Result<SignedOn, SignOnError> {
        let Some(xml) = reading::message(&delivered.field) else {
            return wrong("a SAMLResponse that is no XML", delivered.to.clone());
        };
        let document = match parse(&xml) {
            Ok(document) => document,
            Err(why) => return wrong("a SAMLResponse that is no XML", why),
        };
        let root = document.root_element();
        let response = response::read(root);
        if response.status.as_deref() != Some(reading::SUCCESS) {
            let status = response.status.unwrap_or_default();
            let message = response.status_message.unwrap_or_default();
            return Err(SignOnError::Refused(format!("{status} {message}")));
        }
        let acs = &self.party.acs[0];
        if delivered.to != *acs {
            return wrong("a Response to another address", &*delivered.to);
        }
        if response.in_response_to.as_deref() != Some(&trial.request_id) {
            return wrong(
                "a Response to another request",
                response.in_response_to.unwrap_or_default(),
            );
        }
        if response.encrypted > 0 {
            return wrong(
                "an encrypted assertion",
                "the metadata that is played has no key for encryption",
            );
        }
        let [assertion] = response.assertions.as_slice() else {
            return wrong("not one assertion", response.assertions.len().to_string());
        };
        let signed = signatures(&document, &self.trusted);
        let covers = |it: &&Signature| {
            let parent = it.parent_id.as_ref();
            parent.is_some() && (parent == response.id.as_ref() || parent == assertion.id.as_ref())
        };
        match signed.iter().find(covers) {
            None => {
                return wrong(
                    "no signature",
                    "neither the Response nor its assertion is signed",
                );
            }
            Some(first) if !signed.iter().filter(covers).all(|it| it.holds()) => {
                return wrong("an invalid signature", first.to_sentence());
            }
            Some(_) => {}
        }
        self.verify_assertion(trial, assertion, acs)
    }

    fn verify_assertion(
        &self,
        trial: &Trial,
        assertion: &Assertion,
        acs: &str,
    ) -> Result<SignedOn, SignOnError> {
        let issuer = assertion.issuer.clone().unwrap_or_default();
        if issuer != self.announced.entity_id {
            return wrong("another issuer", issuer);
        }
        let conditions = assertion.conditions.clone().unwrap_or_default();
        let audiences = &conditions.audiences;
        if audiences.is_empty()
            || !audiences
                .iter()
                .all(|it| it.contains(&self.party.entity_id))
        {
            return wrong(
                "another audience",
                audience_sentence(audiences, &self.party.entity_id),
            );
        }
        let now = self.ambient.now();
        if let Some(why) = why_unconfirmed(&assertion.confirmations, acs, &trial.request_id, now) {
            return wrong("no SubjectConfirmation for this request", why);
        }
        if let Some(end) = &conditions.not_on_or_after
            && !is_after(end, now)
        {
            return wrong("an assertion that has expired", end.clone());
        }
        let Some(name) = &assertion.name_id else {
            return wrong("no NameID", "the subject has no name");
        };
        let format = name.format.as_deref().unwrap_or_default();
        Ok(SignedOn {
            assertion_id: assertion.id.clone().unwrap_or_default(),
            name: name.value.clone(),
            is_transient: format.ends_with(":transient"),
        })
    }
}

/// Says for whom an assertion is.
fn audience_sentence(audiences: &[Vec<String>], expected: &str) -> String {
    if audiences.is_empty() {
        return format!("there is no AudienceRestriction, expected one with {expected}");
    }
    let all = audiences.iter().map(|it| it.join(", "));
    let all: Vec<String> = all.collect();
    format!("Audience is {}, expected {expected}", all.join(" and "))
}

/// Returns why no SubjectConfirmation confirms the answer to this request, or `None` if one does
/// (saml-profiles §4.1.4.3).
fn why_unconfirmed(
    confirmations: &[Confirmation],
    acs: &str,
    request_id: &str,
    now: Timestamp,
) -> Option<String> {
    let all: Vec<Vec<String>> = confirmations
        .iter()
        .map(|it| faults_of(it, acs, request_id, now))
        .collect();
    match all.as_slice() {
        [] => Some("there is no SubjectConfirmation".to_owned()),
        all if all.iter().any(Vec::is_empty) => None,
        [one] => Some(one.join("; ")),
        several => {
            let numbered = (1..).zip(several);
            let numbered =
                numbered.map(|(number, it)| format!("in number {number}, {}", it.join("; ")));
            Some(numbered.collect::<Vec<_>>().join("; "))
        }
    }
}

/// Returns what is missing or wrong in one SubjectConfirmation.
fn faults_of(it: &Confirmation, acs: &str, request_id: &str, now: Timestamp) -> Vec<String> {
    if !it.has_data {
        return vec!["SubjectConfirmationData is missing".to_owned()];
    }
    let equals = |name: &str, value: Option<&str>, expected: &str| match value {
        None => Some(format!("{name} is missing")),
        Some(value) if value != expected => Some(format!("{name} is {value}, expected {expected}")),
        Some(_) => None,
    };
    let end = match it.not_on_or_after.as_deref() {
        None => Some("NotOnOrAfter is missing".to_owned()),
        Some(end) if !is_after(end, now) => Some(format!("NotOnOrAfter is {end}, and it is {now}")),
        Some(_) => None,
    };
    let recipient = equals("Recipient", it.recipient.as_deref(), acs);
    let request = equals("InResponseTo", it.in_response_to.as_deref(), request_id);
    [recipient, request, end].into_iter().flatten().collect()
}

/// True if a time of the Response has not passed yet.
fn is_after(end: &str, now: Timestamp) -> bool {
    let end: Option<Timestamp> = end.parse().ok();
    end.is_some_and(|end| end.saturating_add(SKEW).is_ok_and(|end| end > now))
}

impl std::fmt::Display for SignOnError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Limited(wait) => write!(f, "it asks to wait {} s", wait.as_secs()),
            Self::NoAnswer(why) | Self::Page { why, .. } | Self::Refused(why) => f.write_str(why),
            Self::Wrong { what, why } => write!(f, "{what}: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACS: &str = "https://sp.example/acs";

    fn now() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    fn confirmation() -> Confirmation {
        Confirmation {
            recipient: Some(ACS.to_owned()),
            in_response_to: Some("_1".to_owned()),
            not_on_or_after: Some("2026-01-02T03:09:05Z".to_owned()),
            has_data: true,
            ..Confirmation::default()
        }
    }

    fn why(all: &[Confirmation]) -> Option<String> {
        why_unconfirmed(all, ACS, "_1", now())
    }

    #[test]
    fn what_is_missing_in_a_subject_confirmation_is_named() {
        assert_eq!(why(&[confirmation()]), None);
        let said = |it: Confirmation| why(&[it]).unwrap();
        let bare = Confirmation {
            recipient: None,
            not_on_or_after: None,
            ..confirmation()
        };
        assert_eq!(said(bare), "Recipient is missing; NotOnOrAfter is missing");
        let other = Confirmation {
            in_response_to: Some("_2".to_owned()),
            ..confirmation()
        };
        assert_eq!(said(other.clone()), "InResponseTo is _2, expected _1");
        let old = Confirmation {
            not_on_or_after: Some("2026-01-02T03:00:00Z".to_owned()),
            ..confirmation()
        };
        assert_eq!(
            said(old),
            "NotOnOrAfter is 2026-01-02T03:00:00Z, and it is 2026-01-02T03:04:05Z"
        );
        let empty = Confirmation::default();
        assert_eq!(said(empty.clone()), "SubjectConfirmationData is missing");
        assert_eq!(why(&[]).unwrap(), "there is no SubjectConfirmation");
        // One that is right is enough.
        assert_eq!(why(&[other.clone(), confirmation()]), None);
        assert_eq!(
            why(&[other, empty]).unwrap(),
            "in number 1, InResponseTo is _2, expected _1; in number 2, SubjectConfirmationData is missing"
        );
    }

    #[test]
    fn audiences_are_named_without_syntax_of_rust() {
        let said = |all: &[Vec<String>]| audience_sentence(all, "https://sp.example");
        assert_eq!(
            said(&[]),
            "there is no AudienceRestriction, expected one with https://sp.example"
        );
        let two = [vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]];
        assert_eq!(
            said(&two),
            "Audience is a, b and c, expected https://sp.example"
        );
    }
}
