//! Checks of a service provider beyond its assertion consumer service, as
//! data, one table a file; each table is a group.
//!
//! | file | checks |
//! | --- | --- |
//! | `request` | the AuthnRequest |
//! | `metadata` | what it announces |
//! | `relay_state` | RelayState as an open redirect or a way for markup |
//! | `unsolicited` | unsolicited Responses |
//! | `session` | cookies, and two users |
//! | `logout` | single logout: who can end sessions |
//! | `tenant` | two tenants with an identity provider each |
//! | `certificate` | the keys of metadata that is fetched again |
//!
//! A group whose honest case does not work, or that the service provider does
//! not offer, is skipped with the reason. To add a check: a line in a table,
//! its function, and a switch of the broken service provider in
//! `harness/tests/broken_sp` that it alone finds.

mod certificate;
mod certificate_trial;
mod logout;
mod logout_message;
mod logout_trial;
mod metadata;
mod relay_state;
mod request;
mod session;
mod tenant;
mod unsolicited;

use std::sync::atomic::AtomicBool;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};

use super::honest::Form;
use super::login::{Asked, Login, Request};
use super::visitor::{Arrival, SetCookie, Visitor};
use super::{CheckError, Judge};
use crate::check::Outcome;
use crate::check::runner::page_summary;

/// What a check found: that it holds, and what shows it.
type Judged = Result<Seen, Stop>;

/// What was seen.
pub(super) struct Seen {
    text: String,
    evidence: Value,
}

/// Why a check does not pass.
pub(super) enum Stop {
    /// A finding.
    Breaks(Seen),
    /// Not judged, and why.
    Skip(String),
    /// Not judged: an answer did not come, from this address and for this reason.
    Lost(String, String),
    /// Not judged because of another check.
    Follows(&'static str),
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

/// Passes where nothing is complained of.
fn unless(complaints: Vec<String>, otherwise: &str, evidence: Value) -> Judged {
    match complaints.is_empty() {
        true => holds_with(otherwise, evidence),
        false => breaks(complaints.join("; "), evidence),
    }
}

/// A check and its function.
pub(super) type Row = crate::check::row::Row<for<'a> fn(&'a Beyond<'a>) -> BoxFuture<'a, Judged>>;

/// A table of checks. A line reads: id, level, harm, section; title; what is
/// expected; how to correct it; its function.
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

/// Every check of every group.
pub(super) fn all_rows() -> impl Iterator<Item = &'static Row> {
    plain_rows().chain(certificate::CHECKS)
}

/// The checks that change the metadata of the identity provider.
pub(super) fn certificate_rows() -> impl Iterator<Item = &'static Row> {
    certificate::CHECKS.iter()
}

/// Whether only profiles demand this check.
pub(super) fn is_only_for_profiles(id: &str) -> bool {
    certificate::ONLY_FOR_PROFILES.contains(&id)
}

/// The checks that leave the set-up as it is.
pub(super) fn plain_rows() -> impl Iterator<Item = &'static Row> {
    let tables = [
        request::CHECKS,
        metadata::CHECKS,
        relay_state::CHECKS,
        unsolicited::CHECKS,
        session::CHECKS,
        logout::CHECKS,
        tenant::CHECKS,
    ];
    tables.into_iter().flatten()
}

/// Checks that fail for the same reason as a simpler one where both fail.
pub(super) const FOLLOWS: &[(&str, &str)] = &[
    ("SAML-SP-UNSOL-01", "SAML-SP-REPLAY-01"),
    ("SAML-SP-UNSOL-01", "SAML-SP-REPLAY-03"),
    ("SAML-SP-UNSOL-02", "SAML-SP-UNSOL-01"),
];

/// What the groups share: what was found out once.
pub(super) struct Beyond<'j> {
    judge: &'j Judge,
    /// A second tenant of the same service provider, with its own identity
    /// provider.
    second: Option<&'j Judge>,
    base: Form,
    both_tenants: OnceCell<Result<(), String>>,
    requests: OnceCell<Result<Vec<Request>, String>>,
    unsolicited: OnceCell<Result<String, String>>,
    honest_logout: OnceCell<Result<logout_trial::HonestLogout, String>>,
    session: Mutex<Option<logout_message::Session>>,
    session_cookies: OnceCell<Vec<SetCookie>>,
    first_key: OnceCell<certificate_trial::FirstKey>,
    /// Whether two keys of the metadata are accepted side by side.
    takes_two_keys: OnceCell<bool>,
    /// Whether the metadata of the identity provider was changed.
    has_published: AtomicBool,
}

/// What came of a delivery, as seen from the browser.
struct Delivery {
    arrival: Arrival,
    /// What `--expect` matched at the probe afterwards.
    shown: Option<String>,
    /// The probe's whole answer.
    probe: String,
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
            "probe": page_summary(&self.probe, 600),
        })
    }
}

impl<'j> Beyond<'j> {
    pub(super) fn new(judge: &'j Judge, second: Option<&'j Judge>, base: Form) -> Self {
        Self {
            judge,
            second,
            base,
            both_tenants: OnceCell::new(),
            requests: OnceCell::new(),
            unsolicited: OnceCell::new(),
            honest_logout: OnceCell::new(),
            session: Mutex::new(None),
            session_cookies: OnceCell::new(),
            first_key: OnceCell::new(),
            takes_two_keys: OnceCell::new(),
            has_published: AtomicBool::new(false),
        }
    }

    /// Judges one check.
    pub(super) async fn judge(&self, row: &Row) -> Outcome {
        let check = row.check();
        let patience = &self.judge.runner.patience;
        let (holds, seen) = match (row.by)(self).await {
            Ok(seen) => (true, seen),
            Err(Stop::Breaks(seen)) => (false, seen),
            Err(Stop::Skip(why)) => return Outcome::skipped(check, why),
            Err(Stop::Lost(url, reason)) => {
                patience.no_answer(&url, &reason);
                return Outcome::skipped(check, format!("no answer from {url}: {reason}"));
            }
            Err(Stop::Follows(cause)) => {
                let why = format!("{cause} did not pass, so this would prove nothing");
                return Outcome::skipped_because_of(check, cause, why);
            }
        };
        patience.answered();
        Outcome::judged(check, holds, row.expected, seen.text, seen.evidence)
    }

    fn login(&self) -> Login<'_> {
        Login::new(self.judge, &self.judge.person.user)
    }

    /// The first three requests, of three browsers.
    async fn requests(&self) -> Result<&[Request], Stop> {
        if self.judge.target.start_url.is_none() {
            return skip("not judged: with --idp-initiated there are no requests");
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

    /// Delivers the honest Response to what was asked, about `who`.
    async fn deliver(
        &self,
        visitor: &Visitor,
        who: &str,
        asked: Asked,
    ) -> Result<Delivery, CheckError> {
        let login = Login::new(self.judge, who);
        let ready = login.make(asked, None, self.base)?;
        let arrival = login.post(visitor, &ready).await?;
        let probe = self.judge.target.probe_url.clone();
        let probe = visitor.open(probe, None).await?;
        Ok(Delivery {
            arrival,
            shown: self.judge.find_person(&probe.body, &ready.longer_names),
            probe: probe.body,
        })
    }

    /// Logs somebody in: asks, and delivers the honest answer.
    async fn log_in(&self, visitor: &Visitor, who: &str) -> Result<Delivery, CheckError> {
        let asked = Login::new(self.judge, who).ask(visitor).await?;
        self.deliver(visitor, who, asked).await
    }

    /// Whether the person of `--user` is in, in this browser.
    async fn is_in(&self, visitor: &Visitor) -> Result<bool, CheckError> {
        let probe = self.judge.target.probe_url.clone();
        let probe = visitor.open(probe, None).await?;
        Ok(self.judge.find_person(&probe.body, &[]).is_some())
    }

    /// Skips where the service provider refuses Responses that nobody asked
    /// for, with what it said.
    async fn require_unsolicited(&self) -> Result<(), Stop> {
        let tried = self.unsolicited.get_or_init(|| async {
            let login = self.login();
            let why = |error: CheckError| error.to_string();
            let visitor = login.visitor().map_err(why)?;
            let asked = login.unasked().map_err(why)?;
            let user = &self.judge.person.user;
            let delivery = self.deliver(&visitor, user, asked).await.map_err(why)?;
            match delivery.shown {
                Some(shown) => Ok(shown),
                None => Err(format!(
                    "the service provider accepts no unsolicited Responses: HTTP {}: {}",
                    delivery.arrival.status.as_u16(),
                    page_summary(&delivery.arrival.body, 160)
                )),
            }
        });
        match tried.await {
            Ok(_) => Ok(()),
            Err(why) => skip(why.clone()),
        }
    }
}
