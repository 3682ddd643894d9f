//! The checks of an identity provider as data, one table per file, and the code that judges a
//! recording.
//!
//! | file | checks |
//! | --- | --- |
//! | `metadata` | the metadata |
//! | `request` | the reaction to each variant of a request |
//! | `error_response` | Responses with an error status |
//! | `response` | encoding, schema, addresses and status of the Response |
//! | `signature` | signatures: what they cover, and with which key |
//! | `assertion` | Subject, Conditions, AuthnStatement |
//! | `identifier` | unique and random identifiers over several trials |
//! | `attribute` | the attributes that the portal needs |
//! | `security` | attacks, unknown parties, pages; `password` has the rules for passwords |
//! | `logout` | single logout, IdP-initiated sign-on, key rollover |
//! | `demanded` | what only deployment profiles require |
//! | `health` | whether the identity provider still works afterwards |
//!
//! `clock` finds a wrong clock, `observation` sums up what a judge finds in single answers, `trial` describes the result of a trial, `wish` has the rules for what a request may ask for.
//!
//! To add a check, add a line to a table, a function that judges a [`Case`], and a fault or a hole
//! in `tests/check_idp.rs` that only this check finds.

mod assertion;
mod attribute;
mod clock;
mod demanded;
mod error_response;
mod health;
mod identifier;
mod logout;
mod metadata;
mod observation;
mod password;
mod request;
mod response;
mod security;
mod signature;
mod trial;
mod wish;

use std::collections::BTreeSet;

use self::observation::{Observation, absent, right, sum_up, wrong};
use super::gather::ADDRESSES;
use super::reading::{Answer, Case, Document};
use super::recording::{Ending, Recording, Trial};
use super::run::ENDED;
use super::trials::VARIANTS;
use crate::check::evidence::{Conversation, Evidence, Exchange, Saml};
use crate::check::row::Row;
use crate::check::runner::fold;
use crate::check::{Check, CheckReport, Feature, Harm, Level, Outcome, Verdict};
use crate::inspection::message;
use crate::inspection::response::Assertion;

/// A check, and the function that judges it.
type Item = Row<fn(&Case<'_>) -> Ruled>;

/// Returns a row of a table. Each file has one harm for all its checks.
const fn item(
    harm: Harm,
    (id, level, spec): (&'static str, Level, &'static str),
    title: &'static str,
    expected: &'static str,
    fix: &'static str,
    by: fn(&Case<'_>) -> Ruled,
) -> Item {
    Row {
        id,
        level,
        harm,
        spec,
        title,
        expected,
        fix,
        by,
    }
}

/// The result of a check, and the trials that prove it.
struct Ruled {
    ruling: Ruling,
    see: Vec<String>,
    /// Sentences that may hold for the whole run, such as "every wrong signature was accepted".
    /// Checks with the same symptom are one finding.
    symptoms: BTreeSet<String>,
    /// Symptoms that do not hold for the whole run.
    disproved: BTreeSet<String>,
    /// The feature that the identity provider does not offer, so that nothing was judged.
    lacks: Option<Feature>,
}

enum Ruling {
    Holds(String),
    Breaks(String),
    NotJudged(String),
}

fn to_ruled(ruling: Ruling) -> Ruled {
    Ruled {
        ruling,
        see: Vec::new(),
        symptoms: BTreeSet::new(),
        disproved: BTreeSet::new(),
        lacks: None,
    }
}

fn holds(what: impl Into<String>) -> Ruled {
    to_ruled(Ruling::Holds(what.into()))
}

fn breaks(what: impl Into<String>) -> Ruled {
    to_ruled(Ruling::Breaks(what.into()))
}

fn not_judged(why: impl Into<String>) -> Ruled {
    to_ruled(Ruling::NotJudged(why.into()))
}

/// Passes if there are no complaints.
fn judge_complaints(complaints: Vec<String>, otherwise: &str) -> Ruled {
    if complaints.is_empty() {
        holds(otherwise)
    } else {
        breaks(complaints.join("; "))
    }
}

impl Ruled {
    fn lacks(mut self, feature: Feature) -> Self {
        self.lacks = Some(feature);
        self
    }

    fn at(mut self, trial: &str) -> Self {
        self.see.push(trial.to_owned());
        self
    }

    /// Adds a symptom to the result.
    fn shows(mut self, symptom: impl Into<String>) -> Self {
        self.symptoms.insert(symptom.into());
        self
    }

    /// Adds the symptom if the check fails. If it passes, the symptom does not hold for the whole
    /// run.
    fn about(mut self, symptom: &str) -> Self {
        match self.ruling {
            Ruling::Breaks(_) => self.shows(symptom),
            Ruling::Holds(_) => {
                self.disproved.insert(symptom.to_owned());
                self
            }
            Ruling::NotJudged(_) => self,
        }
    }
}

/// Returns the Issuer that messages must have: the entity ID of the metadata. `None` if it cannot be
/// read, or if ordinary Responses have another Issuer, which SAML-IDP-RESP-08 judges.
fn find_issuer<'c>(case: &'c Case<'_>) -> Option<&'c str> {
    let announced = case.announced.entity_id.as_str();
    let mut issuers = case
        .good()
        .filter_map(|it| it.response()?.issuer.as_deref());
    (!announced.is_empty() && issuers.all(|it| it == announced)).then_some(announced)
}

/// Returns a URL without its query string, which may contain a message of several kilobytes.
fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

const NO_ANSWER: &str =
    "no readable answer to an ordinary request: see SAML-IDP-REQ-01 and SAML-IDP-RESP-01 to -03";

/// The symptom that a Signature is not where the schema and XML Signature expect it.
const SIGNATURE_OUT_OF_PLACE: &str = "a Signature is out of place";

const UNREADABLE: &str =
    "the metadata contains nothing to compare with: see SAML-IDP-MD-01 and -02";

/// Judges every answer to an ordinary request; the result names the first complaint.
fn judge_each_document(
    case: &Case<'_>,
    judge: impl Fn(&Answer<'_>, &Document) -> Observation,
) -> Ruled {
    let read = case
        .good()
        .filter_map(|answer| Some((answer, answer.document.as_ref().ok()?)));
    let judged: Vec<(&str, Observation)> = read
        .map(|(answer, document)| (answer.name, judge(answer, document)))
        .collect();
    sum_up(judged, NO_ANSWER)
}

/// Formats values for a message: each in quotes, separated by commas.
fn quote_all<T: AsRef<str>>(values: &[T]) -> String {
    if values.is_empty() {
        return "none".to_owned();
    }
    let quoted = values.iter().map(|it| format!("\"{}\"", it.as_ref()));
    quoted.collect::<Vec<_>>().join(", ")
}

/// Judges every assertion in the answers to ordinary requests.
fn judge_each_assertion(
    case: &Case<'_>,
    judge: impl Fn(&Answer<'_>, &Assertion) -> Observation,
) -> Ruled {
    let mut judged = Vec::new();
    for answer in case.good() {
        for assertion in answer.response().iter().flat_map(|it| &it.assertions) {
            judged.push((answer.name, judge(answer, assertion)));
        }
    }
    sum_up(judged, "no readable assertion: see SAML-IDP-REQ-01")
}

/// The trials that a check reads. Each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trials {
    /// None: only the metadata, and whether its addresses answer.
    None,
    /// The requests that a correct identity provider answers with a sign-on.
    SignOns,
    /// All: also wrong requests, wrong passwords and logouts.
    All,
}

impl Trials {
    /// True if the trial with this name belongs to them.
    pub fn include(self, name: &str) -> bool {
        match self {
            Self::None => name == ADDRESSES,
            Self::SignOns => {
                let is_sign_on = VARIANTS.iter().any(|it| it.good && it.name == name);
                is_sign_on || name == ADDRESSES
            }
            Self::All => true,
        }
    }

    /// Returns the trials that the selected checks need. No other trial is run, because wrong
    /// passwords can lock an account.
    pub fn for_checks(includes: impl Fn(&str) -> bool) -> Self {
        let demanded = (Trials::All, demanded::CHECKS);
        let tables = TABLES
            .iter()
            .chain([&demanded])
            .filter(|(_, table)| table.iter().any(|it| includes(it.id)));
        tables.map(|(trials, _)| *trials).max().unwrap_or(Self::All)
    }
}

/// The tables in the order of a report, each with the trials that it reads.
static TABLES: &[(Trials, &[Item])] = &[
    (Trials::None, metadata::CHECKS),
    (Trials::All, request::CHECKS),
    (Trials::SignOns, response::CHECKS),
    (Trials::All, error_response::CHECKS),
    (Trials::SignOns, signature::CHECKS),
    (Trials::SignOns, assertion::CHECKS),
    (Trials::SignOns, identifier::CHECKS),
    (Trials::SignOns, attribute::CHECKS),
    (Trials::All, security::CHECKS),
    (Trials::All, logout::CHECKS),
    (Trials::All, health::CHECKS),
];

/// The checks of every run, in the order of a report.
fn items() -> impl Iterator<Item = &'static Item> {
    TABLES.iter().flat_map(|(_, table)| table.iter())
}

/// Returns the checks of every run, in the order of a report.
pub fn catalogue() -> Vec<Check> {
    items().map(Row::check).collect()
}

/// Returns the checks that only profiles require. They run only with such a profile or with
/// `--only`.
pub fn profile_catalogue() -> Vec<Check> {
    demanded::CHECKS.iter().map(Row::check).collect()
}

/// Returns the checks of every run, with the expected result.
pub fn checks() -> Vec<(Check, &'static str)> {
    items().map(|it| (it.check(), it.expected)).collect()
}

/// Judges a recording by the checks of every run.
pub fn judge(recording: &Recording) -> CheckReport {
    judge_also(recording, |_| false)
}

/// Judges a recording by the checks of every run, and by those of
/// [`profile_catalogue`] for which `asks` is true.
pub fn judge_also(recording: &Recording, asks: impl Fn(&str) -> bool) -> CheckReport {
    let case = Case::read(recording);
    let mut conversations = conversations(&case);
    let (mut symptoms, mut disproved) = (Vec::new(), BTreeSet::new());
    let demanded = demanded::CHECKS.iter().filter(|it| asks(it.id));
    let mut outcomes: Vec<Outcome> = items()
        .chain(demanded)
        .map(|item| {
            let mut ruled = (item.by)(&case);
            symptoms.push(std::mem::take(&mut ruled.symptoms));
            disproved.append(&mut ruled.disproved);
            let (held, actual) = match ruled.ruling {
                Ruling::Holds(what) => (true, what),
                Ruling::Breaks(what) => (false, what),
                Ruling::NotJudged(why) => {
                    return Outcome::new_skipped_without(item.check(), ruled.lacks, why);
                }
            };
            // A conversation is stored with the first check that refers to it.
            let mut evidence = Evidence {
                see: ruled.see,
                ..Evidence::default()
            };
            evidence.see.truncate(6);
            for name in &evidence.see {
                if let Some(at) = conversations.iter().position(|it| it.name == *name) {
                    evidence.conversations.push(conversations.remove(at));
                }
            }
            let evidence = match (held, evidence == Evidence::default()) {
                (_, true) => serde_json::Value::Null,
                _ => evidence.into(),
            };
            Outcome::new_judged(item.check(), held, item.expected, actual, evidence)
        })
        .collect();
    fold(&mut outcomes, &symptoms, &disproved, |_| None);
    let entity = &case.announced.entity_id;
    let target = if entity.is_empty() {
        recording.metadata.place.clone()
    } else {
        entity.clone()
    };
    CheckReport::new("check idp", target, outcomes, recording.metadata.at)
}

impl CheckReport {
    /// Returns the report without the checks that were not judged because the run ended before
    /// their trials.
    #[must_use]
    pub fn without_untried(mut self) -> Self {
        if !self.is_complete() {
            self.outcomes
                .retain(|it| it.verdict != Verdict::Skip || !it.actual.contains(ENDED));
        }
        self
    }
}

/// Returns every trial as a conversation.
fn conversations(case: &Case<'_>) -> Vec<Conversation> {
    let trusted: Vec<String> = case
        .announced
        .readable()
        .into_iter()
        .map(|it| it.base64)
        .collect();
    let all = case.recording.trials.iter();
    all.filter(|(_, trial)| !matches!(trial.ending, Ending::NotTried { .. }))
        .map(|(name, trial)| conversation(name, trial, &trusted))
        .collect()
}

fn conversation(name: &str, trial: &Trial, trusted: &[String]) -> Conversation {
    let about = VARIANTS.iter().find(|it| it.name == name);
    let exchange = |from: &str, to: &str, method: &str, url: &str| Exchange {
        from: from.to_owned(),
        to: to.to_owned(),
        method: method.to_owned(),
        url: url.to_owned(),
        ..Exchange::default()
    };
    let mut exchanges: Vec<Exchange> = trial
        .pages
        .iter()
        .map(|page| Exchange {
            sent: page.sent.clone(),
            status: Some(page.status),
            answered: page
                .location
                .as_ref()
                .map_or_else(|| page.body.clone(), |to| format!("Location: {to}")),
            ..exchange("Browser", "IdP", &page.method, &page.url)
        })
        .collect();
    if let Some(first) = exchanges.first_mut()
        && !trial.request.is_empty()
    {
        first.saml.push(Saml {
            parameter: "SAMLRequest".to_owned(),
            binding: trial.binding.clone(),
            xml: trial.request.clone(),
            trusted: Vec::new(),
            answered: false,
        });
    }
    if let Ending::Answer(delivered) = &trial.ending {
        let method = if delivered.binding == "HTTP-POST" {
            "POST"
        } else {
            "GET"
        };
        let mut last = exchange("Browser", "SP", method, &delivered.to);
        let decoded = message::decode_message(&delivered.field).map(|it| it.xml);
        last.saml.push(Saml {
            parameter: delivered.parameter.clone(),
            binding: delivered.binding.clone(),
            xml: decoded.unwrap_or_else(|| delivered.field.clone()),
            trusted: trusted.to_vec(),
            answered: false,
        });
        exchanges.push(last);
    }
    Conversation {
        name: name.to_owned(),
        about: about.map_or("", |it| it.about).to_owned(),
        exchanges,
    }
}
