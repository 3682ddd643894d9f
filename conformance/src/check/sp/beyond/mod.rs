//! Checks of a service provider that are not faults of a Response. Each file has one table of
//! checks, which is a group.
//!
//! | file | checks |
//! | --- | --- |
//! | `request` | the AuthnRequest |
//! | `demanded` | what only deployment profiles require of the AuthnRequest |
//! | `authentication` | a weaker or an older sign-on than the AuthnRequest asks for |
//! | `metadata` | the metadata document |
//! | `relay_state` | open redirects, headers and markup by `RelayState` |
//! | `unsolicited` | unsolicited Responses |
//! | `consumer` | several assertion consumer services |
//! | `session` | session cookies, and the sessions of two users |
//! | `session_end` | the end of a session at `SessionNotOnOrAfter` |
//! | `account` | accounts that a login creates or changes |
//! | `oracle` | refusals of encrypted assertions that differ |
//! | `logout` | single logout: which messages end a session |
//! | `logout_wrapping` | wrapped LogoutRequests |
//! | `signed_query` | an unsigned message beside a signed one in the query of HTTP-Redirect |
//! | `signed_form` | the same in a form of HTTP-POST-SimpleSign |
//! | `own_logout` | single logout that the service provider starts |
//! | `tenant` | two tenants, each with its own identity provider |
//! | `start` | whether logins still start after all messages |
//! | `memory` | how much memory a message takes |
//! | `answers` | whether each message of the run was answered |
//! | `certificate` | how changed keys in the identity provider's metadata are used |
//!
//! A group is skipped, with the reason, if the service provider does not offer the function or if
//! a valid message is refused. To add a check, write an entry in a table, its function, and a
//! flaw of the broken service provider in `harness/tests/broken_sp` that only this check finds.

mod account;
pub(super) mod answers;
mod authentication;
mod certificate;
mod certificate_trial;
mod consumer;
mod demanded;
mod logout;
mod logout_message;
mod logout_trial;
mod logout_wrapping;
mod memory;
mod metadata;
mod oracle;
mod own_logout;
mod own_logout_trial;
mod relay_state;
mod request;
mod session;
mod session_end;
mod signed_form;
mod signed_query;
mod start;
pub(super) mod tenant;
mod unsolicited;

use std::sync::atomic::AtomicBool;

use faults::{Edit, Encoding, Fault, KeyTransport, Signing};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};

use super::honest::Form;
use super::login::{Asked, Login, Request};
use super::plan::Basis;
use super::visitor::{Arrival, SetCookie, Visitor};
use super::{BLIND, CheckError, Judge, Lost, Probe};
use crate::check::runner::{AnswerError, page_summary};
use crate::check::{Check, Outcome};

/// The result of a check: `Ok` if it passes.
type Judged = Result<Seen, Stop>;

/// The actual behavior of the service provider: a sentence, and the evidence for the report.
pub(super) struct Seen {
    text: String,
    evidence: Value,
}

/// Why a check does not pass.
pub(super) enum Stop {
    /// The check fails.
    Breaks(Seen),
    /// The check is skipped for this reason.
    Skip(String),
    /// The check is skipped because this URL gave no answer, for this reason.
    Lost(String, AnswerError),
    /// The check is skipped because the check with this id did not pass.
    Follows(&'static str),
}

impl Stop {
    /// Returns the reason, for a result that several checks need.
    fn into_reason(self) -> String {
        match self {
            Self::Skip(why) => why,
            Self::Lost(url, reason) => format!("no answer from {url}: {reason}"),
            Self::Breaks(seen) => seen.text,
            Self::Follows(cause) => format!("{cause} did not pass"),
        }
    }
}

impl From<CheckError> for Stop {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::NotStarted { url, reason } | CheckError::Unreachable { url, reason } => {
                Self::Lost(url, reason)
            }
            other => Self::Skip(other.to_string()),
        }
    }
}

fn holds(text: impl Into<String>) -> Judged {
    holds_with(text, Value::Null)
}

fn holds_with(text: impl Into<String>, evidence: Value) -> Judged {
    let text = text.into();
    Ok(Seen { text, evidence })
}

fn breaks<T>(text: impl Into<String>, evidence: Value) -> Result<T, Stop> {
    let text = text.into();
    Err(Stop::Breaks(Seen { text, evidence }))
}

fn skip<T>(why: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Skip(why.into()))
}

/// Returns whether an answer was missing. A skipped check counts as one without a delivery.
fn lost_in(result: &Judged) -> Lost {
    match result {
        Ok(_) | Err(Stop::Breaks(_)) => Lost::Nothing,
        Err(Stop::Lost(_, reason)) if reason.is_closed() => Lost::Closed,
        Err(Stop::Lost(..)) => Lost::AfterDelivery,
        Err(Stop::Skip(_) | Stop::Follows(_)) => Lost::BeforeDelivery,
    }
}

/// Passes with the text `otherwise` if there are no complaints, and fails with them otherwise.
fn judge_complaints(complaints: Vec<String>, otherwise: &str, evidence: Value) -> Judged {
    match complaints.is_empty() {
        true => holds_with(otherwise, evidence),
        false => breaks(complaints.join("; "), evidence),
    }
}

/// A check and the function that judges it.
pub(super) type Row = crate::check::row::Row<for<'a> fn(&'a Beyond<'a>) -> BoxFuture<'a, Judged>>;

/// Defines the table of checks of a file. An entry has the id, level, harm and section of the
/// specification; the title; what is expected; how to fix it; the function that judges it.
macro_rules! rows {
    ($($id:literal, $level:ident, $harm:expr, $spec:literal; $title:literal; expects $expected:literal; fix $fix:literal; $judge:path)*) => {
        pub(super) static CHECKS: &[super::Row] = &[$(super::Row {
            id: $id,
            level: crate::check::Level::$level,
            harm: $harm,
            spec: $spec,
            title: $title,
            expected: $expected,
            fix: $fix,
            by: |beyond| Box::pin($judge(beyond)),
        },)*];
    };
}
use rows;

/// Returns all checks of all groups.
pub(super) fn all_rows() -> impl Iterator<Item = &'static Row> {
    plain_rows()
        .chain(start_rows())
        .chain(certificate::CHECKS)
        .chain(last_rows())
}

/// Returns the checks of the whole run, which are judged after all others.
pub(super) fn last_rows() -> impl Iterator<Item = &'static Row> {
    answers::CHECKS.iter()
}

/// Returns the checks after all faults.
pub(super) fn start_rows() -> impl Iterator<Item = &'static Row> {
    start::CHECKS.iter().chain(memory::CHECKS)
}

/// Returns the checks that change the metadata of the identity provider.
pub(super) fn certificate_rows() -> impl Iterator<Item = &'static Row> {
    certificate::CHECKS.iter()
}

/// Returns the checks that run only if a profile requires them or `--only` names them. They are in
/// no other list.
pub(super) fn demanded_rows() -> impl Iterator<Item = &'static Row> {
    demanded::CHECKS.iter()
}

/// True if the check is a requirement of profiles only. It is skipped then, with this reason, because
/// the opposite is a check of every run.
pub(super) fn is_only_for_profiles(id: &str) -> bool {
    certificate::ONLY_FOR_PROFILES.contains(&id)
}

/// Returns the checks that do not change the metadata of the identity provider.
pub(super) fn plain_rows() -> impl Iterator<Item = &'static Row> {
    let tables = [
        request::CHECKS,
        authentication::CHECKS,
        metadata::CHECKS,
        relay_state::CHECKS,
        unsolicited::CHECKS,
        consumer::CHECKS,
        session::CHECKS,
        session_end::CHECKS,
        account::CHECKS,
        oracle::CHECKS,
        logout::CHECKS,
        own_logout::CHECKS,
        logout_wrapping::CHECKS,
        signed_query::CHECKS,
        signed_form::CHECKS,
        tenant::CHECKS,
    ];
    tables.into_iter().flatten()
}

/// True if the check has to see whether a session has ended.
fn looks_for_end(check: &Check) -> bool {
    let tables = [
        session_end::CHECKS,
        logout::CHECKS,
        own_logout::CHECKS,
        logout_wrapping::CHECKS,
    ];
    tables.into_iter().flatten().any(|row| row.id == check.id)
}

/// Pairs of checks with the same cause: if both fail, the finding is the second one.
pub(super) const FOLLOWS: &[(&str, &str)] = &[
    ("SAML-SP-UNSOL-01", "SAML-SP-REPLAY-01"),
    ("SAML-SP-UNSOL-01", "SAML-SP-REPLAY-03"),
    ("SAML-SP-UNSOL-02", "SAML-SP-UNSOL-01"),
    ("SAML-SP-ACS-02", "SAML-SP-COND-13"),
    ("SAML-SP-ACS-03", "SAML-SP-COND-15"),
    ("SAML-SP-REDIR-04", "SAML-SP-REDIR-03"),
    ("SAML-SP-SLO-31", "SAML-SP-SLO-01"),
];

/// Returns an honest Response with these changes before it is signed. `None` if the catalogue has no
/// control.
fn response_with(edits: Vec<Edit>) -> Option<Fault> {
    let controls = faults::controls().ok()?;
    let control = controls.into_iter().next()?;
    Some(Fault {
        covers: Vec::new(),
        draft: edits,
        signing: Signing::Rightly,
        encrypted: None,
        encrypted_name: None,
        key_transport: KeyTransport::default(),
        signed: Vec::new(),
        encoded: Encoding::Base64,
        delivery: faults::Delivery::Once,
        ..control
    })
}

/// Why the end of a session is not judged by a cookie.
const COOKIE_ONLY: &str = "a cookie does not show whether the session has ended: add --expect-status or --expect-location";

/// What all groups use. Results that several checks need are stored, so that they are
/// determined once.
pub(super) struct Beyond<'j> {
    judge: &'j Judge,
    /// A second tenant of the same service provider, with its own identity provider.
    second: Option<&'j Judge>,
    base: Form,
    /// True if the probe does not show who is logged in.
    is_blind: bool,
    /// What the other messages of the run are derived from, and which of them were answered.
    basis: Option<&'j Basis<'j>>,
    requests: OnceCell<Result<Vec<Request>, String>>,
    /// The RelayState that unsolicited Responses need, or why they are refused.
    unsolicited: OnceCell<Result<Option<String>, String>>,
    honest_logouts: logout_trial::HonestLogouts,
    session: Mutex<Option<logout_message::Session>>,
    own_logout: OnceCell<Result<own_logout_trial::OwnLogout, String>>,
    own_answer: OnceCell<Result<own_logout_trial::OwnAnswer, String>>,
    session_cookies: OnceCell<Vec<SetCookie>>,
    first_key: OnceCell<certificate_trial::FirstKey>,
    /// True if the service provider accepts both of two signing keys in the metadata.
    takes_two_keys: OnceCell<bool>,
    /// True if the metadata of the identity provider was changed.
    has_published: AtomicBool,
}

/// The result of delivering a Response.
struct Delivery {
    /// Where the browser ended.
    arrival: Arrival,
    /// What matched in the probe's answer afterwards; `None` if the user is not logged in.
    shown: Option<String>,
    /// The probe's answer.
    probe: Probe,
}

impl Delivery {
    fn evidence(&self) -> Value {
        json!({
            "answer": {
                "status": self.arrival.status.as_u16(),
                "url": self.arrival.url.as_str(),
                "page": page_summary(&self.arrival.body, 600),
                "redirects": self.arrival.locations,
            },
            "probe": page_summary(&self.probe.body, 600),
        })
    }
}

impl<'j> Beyond<'j> {
    pub(super) fn new(judge: &'j Judge, second: Option<&'j Judge>, base: Form) -> Self {
        Self {
            judge,
            second,
            base,
            is_blind: false,
            basis: None,
            requests: OnceCell::new(),
            unsolicited: OnceCell::new(),
            honest_logouts: Default::default(),
            session: Mutex::new(None),
            own_logout: OnceCell::new(),
            own_answer: OnceCell::new(),
            session_cookies: OnceCell::new(),
            first_key: OnceCell::new(),
            takes_two_keys: OnceCell::new(),
            has_published: AtomicBool::new(false),
        }
    }

    /// Returns the same; `is_blind` is true if the probe does not show who is logged in.
    pub(super) fn with_blind(self, is_blind: bool) -> Self {
        Self { is_blind, ..self }
    }

    /// Returns the same as a part of this run.
    pub(super) fn with_basis(self, basis: &'j Basis<'_>) -> Self {
        Self {
            basis: Some(basis),
            ..self
        }
    }

    /// Skips the check if the probe does not show which user is logged in.
    fn require_sight(&self) -> Result<(), Stop> {
        match self.is_blind {
            true => skip(BLIND),
            false => Ok(()),
        }
    }

    /// Runs one check and returns its verdict.
    pub(super) async fn judge(&self, row: &Row) -> Outcome {
        let check = row.check();
        if looks_for_end(&check) && self.judge.target.expect.is_cookie_only() {
            return Outcome::new_skipped(check, COOKIE_ONLY);
        }
        let patience = &self.judge.runner.patience;
        let result = (row.by)(self).await;
        if let Some(basis) = self.basis {
            let again = async { lost_in(&(row.by)(self).await) }.boxed();
            let noted = self
                .judge
                .note_answer(row.id, basis, lost_in(&result), again);
            noted.await;
        }
        let (holds, seen) = match result {
            Ok(seen) => (true, seen),
            Err(Stop::Breaks(seen)) => (false, seen),
            Err(Stop::Skip(why)) => return Outcome::new_skipped(check, why),
            Err(Stop::Lost(url, reason)) => {
                patience.record_no_answer(&url, &reason);
                return Outcome::new_skipped(check, format!("no answer from {url}: {reason}"));
            }
            Err(Stop::Follows(cause)) => {
                let why = format!("{cause} did not pass, so this would prove nothing");
                return Outcome::new_skipped_because_of(check, cause, why);
            }
        };
        patience.record_answer();
        Outcome::new_judged(check, holds, row.expected, seen.text, seen.evidence)
    }

    fn login(&self) -> Login<'_> {
        Login::new(self.judge, &self.judge.person.user)
    }

    /// Returns the AuthnRequests of three logins, each in a new browser. They are read once; the
    /// check is skipped with `--idp-initiated`.
    async fn read_requests(&self) -> Result<&[Request], Stop> {
        if self.judge.target.start_url.is_none() {
            return skip("not judged: with --idp-initiated there is no AuthnRequest");
        }
        let asked = self.requests.get_or_init(|| async {
            let mut all = Vec::new();
            for _ in 0..3 {
                let login = self.login();
                let visitor = login.visitor().map_err(|error| error.to_string())?;
                let request = login.request(&visitor).await;
                all.extend(request.map_err(|error| error.to_string())?);
            }
            Ok(all)
        });
        match asked.await {
            Ok(all) => Ok(all),
            Err(why) => skip(why.clone()),
        }
    }

    /// Delivers the honest Response about `who` to `asked`, and opens the probe.
    async fn deliver(
        &self,
        visitor: &Visitor,
        who: &str,
        asked: Asked,
    ) -> Result<Delivery, CheckError> {
        let login = Login::new(self.judge, who);
        let ready = login.make(asked, None, self.base)?;
        let arrival = login.post(visitor, &ready).await?;
        let probe = self.judge.open_probe(visitor).await?;
        Ok(Delivery {
            arrival,
            shown: self.judge.find_person(&probe, &ready.longer_names),
            probe,
        })
    }

    /// Logs the user `who` in: starts a login and delivers the honest Response.
    async fn log_in(&self, visitor: &Visitor, who: &str) -> Result<Delivery, CheckError> {
        let asked = Login::new(self.judge, who).ask(visitor).await?;
        self.deliver(visitor, who, asked).await
    }

    /// True if the user of `--user` is logged in in this browser, as the probe shows.
    async fn is_in(&self, visitor: &Visitor) -> Result<bool, CheckError> {
        let probe = self.judge.open_probe(visitor).await?;
        Ok(self.judge.find_person(&probe, &[]).is_some())
    }
}
