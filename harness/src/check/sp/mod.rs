//! `rehearsal check sp`: plays the identity provider of any SAML service
//! provider, sends it good responses and every fault of the catalogue, and
//! sees which of them let somebody in.
//!
//! - `provider`: the identity provider that is played: key, metadata;
//! - `visitor`: a browser with cookies of its own;
//! - `login`: one login, from the start address to the probe.

mod login;
mod provider;
mod visitor;

use std::collections::BTreeMap;

use ambient::Ambient;
use faults::{Cover, Delivery, Fault};
use regex::Regex;
use saml::metadata::SpMetadata;
use serde_json::json;
use url::Url;

use super::{Check, CheckReport, Level, Outcome, Verdict};
pub use login::{Answer, Trouble};
pub use provider::Provider;

use login::Login;

/// Who the good responses are about, and what they say of them.
#[derive(Debug, Clone)]
pub struct Person {
    /// The user name: NameID, and the attributes that repeat it.
    pub user: String,
    /// Attributes; `{user}` in a value stands for the user name.
    pub attributes: Vec<(String, String)>,
}

impl Person {
    /// With the attributes that the guide maps (G-10).
    pub fn of_the_guide(user: &str) -> Self {
        let attributes = [
            ("name", "{user}"),
            ("displayname", "{user}"),
            ("objectidentifier", "id-of-{user}"),
            ("groups", crate::organization::PRODUCT_USERS),
        ];
        Self {
            user: user.to_owned(),
            attributes: attributes
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }
}

/// The service provider to be judged.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its metadata.
    pub metadata: SpMetadata,
    /// Where a login starts.
    pub start_url: Url,
    /// Fetched with a login's cookies, it tells who is in.
    pub probe_url: Url,
    /// Matches the probe's body when [`Person::user`] is in.
    pub expect: Regex,
}

/// Judges a service provider.
pub struct Judge {
    /// What is judged.
    pub target: Target,
    /// Who is played.
    pub provider: Provider,
    /// Whom it vouches for.
    pub person: Person,
    /// Time and chance.
    pub ambient: Ambient,
}

fn check_of(fault: &Fault) -> Check {
    Check {
        id: fault.check.clone(),
        level: match fault.level {
            faults::Level::Must => Level::Must,
            faults::Level::Should => Level::Should,
            faults::Level::May => Level::May,
        },
        title: format!("{}: {}", fault.id, fault.about),
        spec: fault.spec.clone(),
        fix: fault.family.mend().to_owned(),
    }
}

/// Every check of a service provider, in the order of the report.
///
/// # Errors
/// When the embedded catalogue can't be read.
pub fn catalogue() -> Result<Vec<Check>, Trouble> {
    let controls = faults::controls().map_err(|error| Trouble::Catalogue(error.to_string()))?;
    let faults = faults::catalogue().map_err(|error| Trouble::Catalogue(error.to_string()))?;
    let mut checks: Vec<Check> = controls.iter().chain(&faults).map(check_of).collect();
    checks.sort_by(|a, b| order(a).cmp(&order(b)));
    Ok(checks)
}

impl Judge {
    /// Runs every control, then every fault. When no good response is
    /// accepted, the faults are not judged: a service provider that lets
    /// nobody in refuses them too, and proves nothing.
    ///
    /// # Errors
    /// When the embedded catalogue can't be read.
    pub async fn judge(&self) -> Result<CheckReport, Trouble> {
        let started_at = self.ambient.now();
        let mut outcomes = Vec::new();
        let mut accepted = BTreeMap::new();
        let controls = faults::controls().map_err(|error| Trouble::Catalogue(error.to_string()))?;
        let (bases, others): (Vec<Fault>, Vec<Fault>) = controls
            .into_iter()
            .partition(|control| BASES.contains(&control.id.as_str()));
        for control in &bases {
            let outcome = self.control(control, None).await;
            accepted.insert(control.id.clone(), outcome.verdict == Verdict::Pass);
            outcomes.push(outcome);
        }
        let base = BASES
            .iter()
            .position(|id| accepted.get(*id) == Some(&true))
            .map(|at| COVERS[at]);
        let catalogue =
            faults::catalogue().map_err(|error| Trouble::Catalogue(error.to_string()))?;
        let Some(base) = base else {
            let why = "no good response was accepted, so a refusal would prove nothing: see SAML-SP-GOOD-01 to -03";
            let rest = others.iter().chain(&catalogue);
            outcomes.extend(rest.map(|fault| Outcome::skipped(check_of(fault), why)));
            return Ok(self.report(outcomes, started_at));
        };
        let blind = self.blind(base).await;
        for control in &others {
            outcomes.push(self.control(control, Some(base)).await);
        }
        for fault in &catalogue {
            let cover = fault.cover.unwrap_or(base);
            let known = BASES[COVERS
                .iter()
                .position(|one| *one == cover)
                .unwrap_or_default()];
            let outcome = if accepted.get(known) == Some(&true) {
                self.fault(fault, cover, blind).await
            } else {
                let why = format!(
                    "the good response {known} is not accepted, so its refusal would prove nothing"
                );
                Outcome::skipped(check_of(fault), why)
            };
            outcomes.push(outcome);
        }
        outcomes.sort_by(|a, b| order(&a.check).cmp(&order(&b.check)));
        Ok(self.report(outcomes, started_at))
    }

    fn report(&self, outcomes: Vec<Outcome>, started_at: jiff::Timestamp) -> CheckReport {
        let target = self.target.metadata.entity_id.clone();
        CheckReport::new("check sp", target, outcomes, started_at)
    }

    /// Whether the probe matches whoever is in: then it can't tell a victim
    /// from the attacker.
    async fn blind(&self, base: Cover) -> bool {
        let attacker = self.attacker();
        let login = Login::new(self, &attacker);
        let honest = login.attempt(None, base).await;
        honest.is_ok_and(|answer| answer.accepted)
    }

    /// Somebody else at the same e-mail domain.
    fn attacker(&self) -> String {
        let domain = self.person.user.split_once('@');
        format!(
            "mallory@{}",
            domain.map_or("example.com", |(_, domain)| domain)
        )
    }

    async fn control(&self, control: &Fault, base: Option<Cover>) -> Outcome {
        let check = check_of(control);
        let cover = control.cover.or(base).unwrap_or(Cover::Assertion);
        let expected = "the good response to let its subject in";
        match Login::new(self, &self.person.user)
            .attempt(Some(control), cover)
            .await
        {
            Ok(answer) => {
                let mut outcome = Outcome::judged(
                    check,
                    answer.accepted,
                    expected,
                    answer.said(),
                    answer.evidence(),
                );
                // To refuse an unusual response is no hole.
                if outcome.verdict == Verdict::Fail && outcome.check.level != Level::Must {
                    outcome.verdict = Verdict::Warn;
                }
                outcome
            }
            Err(Trouble::Response(why)) => Outcome::skipped(check, why),
            Err(trouble) => Outcome {
                check,
                verdict: Verdict::Fail,
                expected: expected.to_owned(),
                actual: trouble.to_string(),
                evidence: json!(null),
                cause: None,
                duration: std::time::Duration::ZERO,
            },
        }
    }

    async fn fault(&self, fault: &Fault, cover: Cover, blind: bool) -> Outcome {
        let check = check_of(fault);
        let who = if fault.impersonates() {
            self.attacker()
        } else {
            self.person.user.clone()
        };
        let login = Login::new(self, &who);
        let (expected, attempt) = match fault.delivery {
            Delivery::Once => ("a refusal", login.attempt(Some(fault), cover).await),
            Delivery::Again => (
                "the second delivery to be refused",
                login.again(fault, cover).await,
            ),
            Delivery::AtOnce => (
                "one of two deliveries at the same time to be refused",
                login.at_once(fault, cover).await,
            ),
            Delivery::OtherBrowser => (
                "a browser that asked for nothing to be refused",
                login.other_browser(fault, cover).await,
            ),
        };
        match attempt {
            Ok(answer) => {
                let mut actual = answer.said();
                if answer.accepted && blind && fault.impersonates() {
                    actual.push_str("; --expect matches whoever is in, so this may be the attacker under their own name");
                }
                let refused = !answer.accepted;
                Outcome::judged(check, refused, expected, actual, answer.evidence())
            }
            Err(trouble) => Outcome::skipped(check, trouble.to_string()),
        }
    }
}

/// The good responses that all others are amendments of, best first.
const BASES: [&str; 3] = ["signed-assertion", "signed-both", "signed-response"];
const COVERS: [Cover; 3] = [Cover::Assertion, Cover::Both, Cover::Response];

/// Controls first, then by id.
fn order(check: &Check) -> (bool, &str) {
    let id = check.id.as_str();
    (!id.contains("-GOOD-"), id)
}
