//! Load on an identity provider: plays its service provider, signs people on, each with their own
//! browser, and verifies each Response.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use ambient::Ambient;

use super::words::NO_ANSWER;
use super::{Ended, Failure, People, Performed, Setting, Target, engine};
use crate::check::SetUpError;
use crate::check::idp::{CheckError, Credentials, Fetched, Party, SignOnError, SignOns, SignedOn};
use crate::check::runner::{Access, Patience, Runner};
use crate::check::scim::wire::Pending;

/// Load on an identity provider.
pub struct Load {
    inner: Arc<Inner>,
}

struct Inner {
    sign_ons: SignOns,
    people: People<Credentials>,
    seen: Mutex<Seen>,
}

/// The values of earlier Responses that must not appear again.
#[derive(Default)]
struct Seen {
    /// IDs of assertions.
    assertions: HashSet<String>,
    /// The person of each persistent name.
    names: HashMap<String, usize>,
}

impl Load {
    /// Prepares sign-ons of these people.
    ///
    /// # Errors
    /// When the metadata names no endpoint.
    pub fn new(
        party: Party,
        metadata: &Fetched,
        people: People<Credentials>,
        access: Access,
        ambient: &Ambient,
    ) -> Result<Self, CheckError> {
        let runner = Runner {
            access,
            patience: Patience::default(),
            ..Runner::default()
        };
        let inner = Inner {
            sign_ons: SignOns::new(party, metadata, runner, ambient)?,
            people,
            seen: Mutex::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Signs the first person on, then sends the load.
    ///
    /// # Errors
    /// When that person cannot sign on.
    pub async fn run(&self, setting: &Setting) -> Result<Ended, SetUpError> {
        setting.progress.step("", "signing on once");
        let first = self.inner.people.first();
        if let Some(error) = self.inner.sign_ons.set_up_error(first).await {
            return Err(error);
        }
        let run = setting.start();
        engine::run(&run, Arc::new(Logins(Arc::clone(&self.inner)))).await;
        Ok(Ended {
            figures: run.figures(),
            left_out: Vec::new(),
            left: Vec::new(),
        })
    }
}

struct Logins(Arc<Inner>);

impl Target for Logins {
    fn perform(&self, number: u64) -> Pending<'_, Performed> {
        Box::pin(async move {
            Performed {
                operation: "sign-on",
                result: self.0.sign_on(number).await,
            }
        })
    }
}

impl Inner {
    async fn sign_on(&self, number: u64) -> Result<(), Failure> {
        let (at, who) = self.people.turn(number);
        let signed_on = self.sign_ons.sign_on(who).await;
        let signed_on = signed_on.map_err(|error| failure_of(&who.name, error))?;
        let is_new = self.is_new((at, &who.name), &signed_on);
        is_new.map_err(|why| Failure::error(why, format!("{}: {}", who.name, signed_on.name)))
    }

    /// Checks that no earlier sign-on got this assertion, and that no other person has this
    /// persistent NameID.
    fn is_new(&self, (at, who): (usize, &str), signed_on: &SignedOn) -> Result<(), &'static str> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.assertions.insert(signed_on.assertion_id.clone()) {
            return Err("an ID of an assertion came twice");
        }
        if signed_on.is_transient {
            return Ok(());
        }
        let known = *seen.names.entry(signed_on.name.clone()).or_insert(at);
        // The list may contain the same account several times.
        let same_account = self.people.at(known).is_some_and(|it| it.name == who);
        if !same_account {
            return Err("the NameID of another person");
        }
        Ok(())
    }
}

/// Returns the failure of a person's sign-on, by the kind of the error.
pub(super) fn failure_of(who: &str, error: SignOnError) -> Failure {
    let (kind, example) = match error {
        SignOnError::Limited(wait) => return Failure::Limited(wait),
        SignOnError::NoAnswer(why) => {
            let cause = match why.contains("no answer within") {
                true => "timeout",
                false => "the connection failed",
            };
            (format!("{NO_ANSWER}: {cause}"), why)
        }
        SignOnError::Page { status, why } if status >= 400 => (format!("HTTP {status}"), why),
        SignOnError::Page { why, .. } => ("a page instead of a Response".to_owned(), why),
        SignOnError::Refused(why) => ("a Response without success".to_owned(), why),
        SignOnError::Wrong { what, why } => (what.to_owned(), why),
    };
    Failure::error(kind, format!("{who}: {example}"))
}
