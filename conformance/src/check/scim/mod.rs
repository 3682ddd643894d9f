//! `rehearsal check scim`: judges the conformance of any SCIM 2.0 service provider to RFC 7643, RFC
//! 7644 and RFC 9865.
//!
//! It first reads what the server supports, skips checks of unsupported features with a reason,
//! judges the others one after the other, and deletes everything it created. It parses the answers
//! with its own code and does not use the types of this project's server.
//!
//! - [`wire`]: how requests are sent to the server;
//! - `directory`: accounts and groups, for checks of other families;
//! - `session`: one run: sends, repeats and records requests;
//! - `options`: options that only the owner of the server can set;
//! - `server`, `schema`: what the server supports, and its attributes;
//! - `body`: bodies that the server accepts; `test_users`: users for filters and lists;
//! - `probe`: the functions that a check uses; `reading`: reads answers;
//! - `created_resources`: what was created; `cleanup`: deletes it;
//! - `check_error`: why a server cannot be judged;
//! - `item`: a check as data. The families of checks, one per file, are in [`FAMILIES`]; those of
//!   the files `demanded_…`, in [`DEMANDED`], and of `client_checks` belong to profiles only. Those
//!   of `tenant` need credentials of a second tenant, those of `oauth_…` the credentials of an
//!   OAuth client; without them they are skipped.
//!
//! To add a check, add an entry to the table of its family, a function next to it, and a mutant in
//! `tests/mutant_scim` for which this check fails and no other.

mod auth;
mod body;
mod bulk;
mod check_error;
mod cleanup;
mod client;
mod client_checks;
mod client_replay;
mod create;
mod create_values;
mod created_resources;
pub mod credentials;
mod delete;
mod demanded_groups;
mod demanded_load;
mod demanded_service;
mod demanded_strictness;
mod demanded_users;
mod directory;
mod discovery;
mod discovery_schemas;
mod etag;
mod filter;
mod group;
mod health;
mod http;
mod inactive;
mod item;
mod large_list;
mod listed;
mod location;
mod made;
mod oauth_access_token;
mod oauth_assertion;
mod oauth_probe;
mod oauth_server;
mod options;
mod outcome;
mod paging;
mod patch;
mod patch_paths;
mod patch_refused;
mod probe;
mod put;
mod race;
mod read;
mod reading;
mod schema;
mod server;
mod server_look;
mod session;
mod set_up;
mod sort;
mod start_index;
mod support;
mod target;
mod tenant;
mod test_users;
mod test_users_setup;
mod transport;
mod trial;
mod user_groups;
mod vendor;
pub mod wire;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ambient::Ambient;
use serde_json::Value;

pub use self::check_error::CheckError;
pub(in crate::check) use self::cleanup::{judge_leftovers, leftovers_check};
use self::credentials::Credentials;
pub(in crate::check) use self::demanded_load::figure;
use self::health::time_ordinary_request;
use self::item::{How, Item, Judged, Need, Stop};
pub use self::options::{OAuthToken, Options, SecondTenant, TriedAssertion};
use self::probe::Probe;
use self::server::Server;
use self::session::Session;
use self::wire::Wire;
use super::runner::{Judged as Run, Planned, Runner, fold};
use super::{Check, CheckReport, Harm, Outcome};
pub(in crate::check) use directory::{Account, Created, Directory, Group};

/// All families, in the order in which they are judged.
static FAMILIES: &[&[Item]] = &[
    discovery::CHECKS,
    discovery_schemas::CHECKS,
    set_up::CHECKS,
    location::CHECKS,
    auth::CHECKS,
    http::CHECKS,
    create::CHECKS,
    create_values::CHECKS,
    read::CHECKS,
    listed::CHECKS,
    filter::CHECKS,
    support::CHECKS,
    paging::CHECKS,
    large_list::CHECKS,
    sort::CHECKS,
    put::CHECKS,
    patch::CHECKS,
    patch_paths::CHECKS,
    patch_refused::CHECKS,
    delete::CHECKS,
    group::CHECKS,
    user_groups::CHECKS,
    bulk::CHECKS,
    etag::CHECKS,
    race::CHECKS,
    vendor::CHECKS,
];

/// The checks of two tenants, which need credentials of both.
static TENANTS: &[Item] = tenant::CHECKS;

/// The checks of OAuth, which need the credentials of a client.
static OAUTH: &[&[Item]] = &[
    oauth_server::CHECKS,
    oauth_assertion::CHECKS,
    oauth_access_token::CHECKS,
];

/// The checks that only profiles require (`fixtures/profiles`).
static DEMANDED: &[&[Item]] = &[
    demanded_service::CHECKS,
    demanded_users::CHECKS,
    demanded_groups::CHECKS,
    demanded_strictness::CHECKS,
    demanded_load::CHECKS,
];

/// Judges a SCIM server.
pub struct Judge<'w> {
    /// Sends the requests to the server.
    pub wire: &'w dyn Wire,
    /// Base URL of the server. Its query belongs to every request; locations are compared with the
    /// rest.
    pub base: String,
    /// Credentials of the requests.
    pub credentials: Credentials,
    /// Settings for this server.
    pub options: Options,
    /// True if the checks must change nothing on the server.
    pub read_only: bool,
    /// The runner with the rules for all checks.
    pub runner: Runner,
    /// Source of time and randomness.
    pub ambient: Ambient,
}

/// How long to wait for an answer after a signal.
const GRACE: Duration = Duration::from_secs(5);

impl Judge<'_> {
    /// Runs every check.
    ///
    /// # Errors
    /// When there is no SCIM server, or it accepts the credentials nowhere.
    pub async fn judge(&self) -> Result<CheckReport, CheckError> {
        self.require_two_tenants()?;
        let started_at = self.ambient.now();
        let started = Instant::now();
        let session = Session::of(self);
        let runner = Runner {
            grace: GRACE,
            ..self.runner.clone()
        };
        runner.stop.set_leftovers(session.created.lister());
        let selection = &self.runner.selection;
        let demanded = demanded_items().filter(|item| selection.asks_for(item.id));
        let has_second = self.options.second.is_some();
        let items: Vec<&Item> = ordinary_items().chain(demanded).collect();
        let selected = |item: &&&Item| selection.includes(item.id);
        let tells_leftovers = selection.includes(CLEAN);
        let steps = items.iter().filter(selected).count() + usize::from(tells_leftovers);
        let progress = &self.runner.progress;
        progress.begin("check scim", steps);
        // These requests create nothing, so nothing is lost if a signal ends them.
        let discovered = async {
            let server = Server::discover(&session).await?;
            let calm = time_ordinary_request(&session, &server).await;
            Ok::<_, CheckError>((server, calm.unwrap_or_default()))
        };
        let (server, calm) = tokio::select! {
            discovered = discovered => discovered?,
            _ = runner.stop.wait() => {
                progress.end();
                let report = CheckReport::new("check scim", self.base.clone(), Vec::new(), started_at);
                return Ok(self.runner.report(report, steps, started.elapsed()));
            }
        };
        let is_selected = |item: &&Item| selection.includes(item.id);
        if has_second && TENANTS.iter().any(|item| is_selected(&item)) {
            let probe = Probe::new(&session, &server);
            if let Some(error) = tenant::set_up_error(&probe).await {
                return Err(error);
            }
        }
        if !self.read_only {
            if let Err(trouble) = set_up::prepare(&session, &server).await {
                session.created.clear(&session, &server).await;
                return Err(trouble);
            }
            session.created.shorten(&session, 0).await;
            // Create the test users first: they remain until the end of the run, other resources do
            // not.
            let _ = Probe::new(&session, &server).test_users().await;
        }
        let test_users = session.created.len();
        let mut run = Run::default();
        let mut symptoms = Vec::new();
        let mut passed = BTreeSet::new();
        for item in items {
            let planned = Planned {
                check: item.check(),
                rests_on: None,
            };
            let outcome = async {
                let (outcome, mut shown) = self
                    .judge_item(item, &session, &server, calm, &passed)
                    .await;
                // What a client cannot do is its own finding: it decides whether the client works.
                if item.id.starts_with("SCIM-CLIENT-") || item.id.starts_with("SCIM-PROFILE-") {
                    shown.retain(|it| !session::is_of_parameter(it));
                }
                symptoms.push(shown);
                outcome
            };
            runner.judge(&mut run, planned, outcome).await;
            if run.has_passed(item.id) {
                passed.insert(item.id.to_owned());
            }
            if !self.runner.has_ended() {
                session.created.shorten(&session, test_users).await;
            }
        }
        let mut outcomes = run.outcomes;
        let disproved = session.disproved.lock();
        let disproved = disproved
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        fold(&mut outcomes, &symptoms, &disproved, inactive::check_of);
        if tells_leftovers {
            progress.step(CLEAN, "Deleting what the checks created");
        }
        let left = session.created.clear(&session, &server).await;
        if tells_leftovers || !left.0.is_empty() {
            let made = session.created.has_any();
            outcomes.push(judge_leftovers(clean_check(), made, &left.0));
        }
        progress.end();
        let report = CheckReport::new("check scim", self.base.clone(), outcomes, started_at);
        Ok(self.runner.report(report, steps, started.elapsed()))
    }

    /// Returns an error if base URL and credentials of the second tenant are those of the first one:
    /// then every check of tenants would fail. Two credentials that lead to the same tenant are no
    /// error here: the checks find that.
    fn require_two_tenants(&self) -> Result<(), CheckError> {
        let Some(second) = &self.options.second else {
            return Ok(());
        };
        let own = |base: &str| base.trim_end_matches('/').to_owned();
        let is_same_base = second
            .base
            .as_deref()
            .is_none_or(|it| own(it) == own(&self.base));
        let credentials = self.credentials.authorization();
        if is_same_base && second.credentials.authorization() == credentials {
            return Err(CheckError::SameTenant);
        }
        Ok(())
    }

    /// Returns which credentials a check needs that the run does not have.
    fn missing_option(&self, item: &Item) -> Option<&'static str> {
        let is_of = |families: &[&[Item]]| {
            let mut all = families.iter().flat_map(|family| family.iter());
            all.any(|it| it.id == item.id)
        };
        if self.options.second.is_none() && is_of(&[TENANTS]) {
            return Some(tenant::MISSING);
        }
        if self.credentials.oauth().is_none() && is_of(OAUTH) {
            return Some(oauth_probe::MISSING);
        }
        None
    }

    async fn judge_item(
        &self,
        item: &Item,
        session: &Session<'_>,
        server: &Server,
        calm: Duration,
        passed: &BTreeSet<String>,
    ) -> (Outcome, BTreeSet<String>) {
        let check = item.check();
        if let Some(missing) = self.missing_option(item) {
            return (Outcome::new_skipped(check, missing), BTreeSet::new());
        }
        let makes = item.by.needs.contains(&Need::Writes) || matches!(item.by.how, How::Finds(..));
        if self.read_only && makes {
            let why = "--read-only: this check creates resources";
            return (Outcome::new_skipped(check, why), BTreeSet::new());
        }
        if self.read_only && item.id == auth::TOKEN_IN_QUERY {
            let why = "--read-only: this check sends the token in the query of a URL, and servers write URLs to their logs";
            return (Outcome::new_skipped(check, why), BTreeSet::new());
        }
        let needs = item.by.needs.iter();
        let mut lacks = needs.filter_map(|need| Some((need.feature(), server.lacks(*need)?)));
        if let Some((feature, why)) = lacks.next() {
            let skipped = Outcome::new_skipped_without(check, feature, why);
            return (skipped, BTreeSet::new());
        }
        let probe = Probe::new(session, server);
        if let Err(stop) = self.has_ground(item, &probe).await {
            let symptoms = probe.symptoms();
            return (outcome_of(item, Err(stop), passed, probe.tape()), symptoms);
        }
        let trial = trial::run(item, probe, calm).await;
        let (outage, observation) = (trial.outage(item), trial.observation());
        let mut outcome = match outage {
            Some(outage) => outage,
            None => outcome_of(item, trial.judged, passed, trial.evidence),
        };
        if let Some(observation) = observation {
            outcome.actual = format!("{}; {observation}", outcome.actual);
        }
        (outcome, trial.symptoms)
    }

    /// Returns an error if the server was seen not to store or evaluate what the check depends on.
    async fn has_ground(&self, item: &Item, probe: &Probe<'_>) -> Judged {
        if self.read_only {
            return Ok(());
        }
        for need in item.by.needs {
            let lack = match need {
                Need::Keeps(paths) => {
                    let test_users = probe.test_users().await?;
                    let lacks = |path: &&str| match item.by.how {
                        How::Finds(..) => test_users.differs(path),
                        _ => test_users.alters(path),
                    };
                    paths.iter().find_map(lacks)
                }
                Need::KeepsText => probe.text_attribute().await.map(|_| None)?,
                Need::KeepsEnterprise => probe.test_users().await?.alters(schema::ENTERPRISE),
                Need::TwoEmails if !probe.test_users().await?.has_two_emails() => {
                    Some("the server stores only one e-mail address of a user".to_owned())
                }
                Need::Filter => match support::why_filters_unusable(probe).await? {
                    Some((cause, why)) if cause != item.id => {
                        return Err(Stop::Follows(cause, why));
                    }
                    _ => None,
                },
                Need::Count if !support::is_count_applied(probe).await? => {
                    let why = "pages are longer than count".to_owned();
                    return Err(Stop::Follows("SCIM-PAGE-04", why));
                }
                _ => None,
            };
            if let Some(lack) = lack {
                return item::unjudged(lack);
            }
        }
        Ok(())
    }
}

/// Returns the outcome of a check.
fn outcome_of(item: &Item, judged: Judged, passed: &BTreeSet<String>, evidence: Value) -> Outcome {
    let check = item.check();
    match judged {
        Ok(()) => Outcome::new_judged(check, true, item.expected, "as expected".into(), evidence),
        Err(Stop::Wrong(got)) => Outcome::new_judged(check, false, item.expected, got, evidence),
        Err(Stop::Unjudged(why)) => Outcome {
            evidence,
            ..Outcome::new_skipped(check, why)
        },
        // The cause passed, or is this check itself: then it is a finding.
        Err(Stop::Follows(cause, why)) if cause == item.id || passed.contains(cause) => {
            Outcome::new_judged(check, false, item.expected, why, evidence)
        }
        Err(Stop::Follows(cause, why)) => Outcome {
            evidence,
            ..Outcome::new_skipped_because_of(check, cause, why)
        },
    }
}

/// Id of the check of what remains on a server.
const CLEAN: &str = "SCIM-CLEAN-01";

fn clean_check() -> Check {
    leftovers_check(CLEAN, Harm::Function)
}

/// Returns every check, in the order in which it is judged.
pub fn catalogue() -> Vec<Check> {
    ordinary_items()
        .map(Item::check)
        .chain([clean_check()])
        .collect()
}

/// Returns the checks that only profiles require. They run only with such a profile or with
/// `--only`.
pub fn profile_catalogue() -> Vec<Check> {
    demanded_items().map(Item::check).collect()
}

/// Returns the checks of every run.
fn ordinary_items() -> impl Iterator<Item = &'static Item> {
    let families = FAMILIES.iter().chain([&TENANTS]).chain(OAUTH);
    families.flat_map(|family| family.iter())
}

fn demanded_items() -> impl Iterator<Item = &'static Item> {
    let all = DEMANDED.iter().flat_map(|family| family.iter());
    all.chain(client_checks::CHECKS.iter())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::check::Level;

    #[test]
    fn ids_are_told_apart_and_every_check_is_told_whole() {
        let mut seen = BTreeSet::new();
        for item in ordinary_items().chain(demanded_items()) {
            assert!(seen.insert(item.id), "{} is there twice", item.id);
            assert!(item.id.starts_with("SCIM-"), "{}", item.id);
            let is_demanded = item.id.starts_with("SCIM-PROFILE-");
            let is_of_client = item.id.starts_with("SCIM-CLIENT-");
            assert!(item.spec.starts_with("RFC ") != is_demanded, "{}", item.id);
            let is_optional = is_demanded || is_of_client;
            assert!(item.level == Level::May || !is_optional, "{}", item.id);
            for words in [item.title, item.expected, item.fix] {
                assert!(words.len() > 5, "{}: {words:?}", item.id);
            }
        }
    }
}
