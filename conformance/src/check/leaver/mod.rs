//! `rehearsal check leaver`: whether somebody who leaves is out. One
//! application, both protocols: people are created by SCIM and sign on by SAML,
//! something happens to each, and their sessions and API tokens are looked at
//! until they end.
//!
//! - `checks`: every check; `verdicts`: how it is judged by what was seen;
//! - `subject`: the person of a case, and what was seen of them;
//! - `control`: the person who stays, without whom nothing is proven;
//! - `play`: the run; `looks`: the looks at sessions and tokens;
//! - `watch`: what was seen of one session or token; `pace`: when it is looked
//!   at;
//! - `sp_session`: what Responses say; `provider`: the identity provider that
//!   is played; `revocation`: Universal Logout; `token`: API tokens.
//!
//! To add a check: a row in `checks`, and a switch of `harness/tests/leaver_app`
//! for which it fails and no other does.

mod checks;
mod control;
mod looks;
mod pace;
mod play;
mod provider;
mod revocation;
mod sp_session;
mod subject;
mod token;
mod verdicts;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ambient::Ambient;
use regex::Regex;
use saml::metadata::Endpoint;
use serde_json::Value;

pub use pace::{Pace, RealPace};
pub use provider::Provider;
pub use revocation::{Revocation, SubjectFormat};
pub use sp_session::{Application, ApplicationError};
pub use token::{Issue, Tokens};

use checks::{ROWS, Row, Seen, Stop};
use play::Play;
use subject::Case;

use super::evidence::{Conversation, Evidence, Figure};
use super::runner::{Judged as Run, Runner};
use super::scim::Directory;
use super::{Check, CheckReport, Harm, Outcome, SetUpError, scim, sp};

/// How long the run goes on after a signal, to end what is under way.
const GRACE: Duration = Duration::from_secs(5);

/// Another group, and how its rights show.
#[derive(Debug, Clone)]
pub struct Mover {
    /// Its displayName.
    pub group: String,
    /// Matches the probe's answer for a person who has its rights.
    pub expect: Regex,
}

/// What is tried, beside what every application has.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The group that gives access, by displayName. Everybody is put into it.
    pub group: Option<String>,
    /// Another group.
    pub mover: Option<Mover>,
    /// API tokens.
    pub tokens: Option<Tokens>,
    /// Where revocation requests go.
    pub revocation: Option<Revocation>,
    /// A person who is there already and can sign on: tells a set-up that lets
    /// nobody in from an application that doesn't let in whom SCIM created.
    pub known_user: Option<String>,
    /// How long a session may live on.
    pub limit: Duration,
}

/// How long a session may live on by default: five minutes (IPSIE AL1).
pub const LIMIT: Duration = Duration::from_secs(300);

impl Default for Plan {
    fn default() -> Self {
        Self {
            group: None,
            mover: None,
            tokens: None,
            revocation: None,
            known_user: None,
            limit: LIMIT,
        }
    }
}

/// Judges an application.
pub struct Judge<'w> {
    /// Its SCIM server; also the rules that hold for every check, time and
    /// randomness.
    pub directory: scim::Judge<'w>,
    /// Its service provider.
    pub application: Application,
    /// The identity provider that is played.
    pub provider: Provider,
    /// What is tried.
    pub plan: Plan,
    /// How time passes between two looks.
    pub pace: Arc<dyn Pace>,
}

/// An error of the other checks, with the names that the options have here.
fn with_options_of_leaver(error: SetUpError) -> SetUpError {
    error
        .with_renamed("--base-url", "--scim-url")
        .with_renamed("--metadata", "--sp-metadata")
}

impl Judge<'_> {
    fn runner(&self) -> &Runner {
        &self.directory.runner
    }

    fn ambient(&self) -> &Ambient {
        &self.directory.ambient
    }

    /// The service provider's half of this person.
    fn session_of(&self, user: &str, is_member: bool) -> sp::Judge {
        let group = self.plan.group.as_deref().filter(|_| is_member);
        sp::Judge {
            target: self.application.target_of(user),
            provider: self.provider.saml.clone(),
            person: self.application.person(user, group),
            variants: sp::Variants::None,
            runner: self.runner().clone(),
            ambient: self.ambient().clone(),
        }
    }

    fn logout_endpoint(&self) -> Option<&Endpoint> {
        self.application.logout_endpoint()
    }

    /// Why a case can't be played here.
    fn lacks(&self, case: Case) -> Option<&'static str> {
        match case {
            Case::LeftGroup if self.plan.group.is_none() => {
                Some("no --group: it is not known which group gives access")
            }
            Case::Moved if self.plan.mover.is_none() => {
                Some("no --mover-group: it is not known how the rights of another group show")
            }
            Case::LoggedOut if self.logout_endpoint().is_none() => {
                Some("the metadata has no SingleLogoutService with HTTP-Redirect or HTTP-POST")
            }
            Case::Revoked if self.plan.revocation.is_none() => Some(
                "no --revocation-url: the application's endpoint for Universal Logout is not known",
            ),
            _ => None,
        }
    }

    /// The cases that a selected check is about.
    fn cases(&self) -> Vec<Case> {
        let all = Case::LEAVERS.into_iter().chain([Case::Moved]);
        all.filter(|case| self.selected().any(|row| row.case() == *case))
            .collect()
    }

    fn selected(&self) -> impl Iterator<Item = &'static Row> {
        let selection = &self.runner().selection;
        ROWS.iter().filter(|row| selection.includes(row.id))
    }

    /// Runs every check. A mistake of the set-up is the report's error.
    pub async fn judge(&self) -> CheckReport {
        let (started_at, started) = (self.ambient().now(), Instant::now());
        let target = &self.application.metadata().entity_id;
        let runner = self.runner();
        runner.progress.begin("check leaver", 0);
        let total = self.selected().count() + 1;
        let finished = |report| {
            runner.progress.end();
            runner.report(report, total, started.elapsed())
        };
        let refused = |error| {
            let error = with_options_of_leaver(error);
            finished(CheckReport::of_error(
                "check leaver",
                target,
                error,
                started_at,
            ))
        };
        let connected = tokio::select! {
            connected = Directory::connect(&self.directory) => connected,
            _ = runner.stop.wait() => {
                return finished(CheckReport::new("check leaver", target, Vec::new(), started_at));
            }
        };
        let directory = match connected {
            Ok(directory) => directory,
            Err(error) => return refused(error.to_set_up_error(&self.directory.base)),
        };
        let mut play = Play::new(self, &directory);
        let played = {
            let cases = self.cases();
            let mut played = std::pin::pin!(play.run(&cases));
            tokio::select! {
                played = &mut played => played,
                _ = runner.stop.wait() => {
                    let rest = tokio::time::timeout(GRACE, played).await;
                    rest.unwrap_or(Ok(()))
                }
            }
        };
        let left = directory.clear().await;
        if let Err(error) = played {
            let report = CheckReport::of_error("check leaver", target, error, started_at);
            return finished(report);
        }
        let mut run = Run::default();
        let mut shown = Vec::new();
        for row in self.selected() {
            if let Some(outcome) = outcome(row, &play.seen, &mut shown) {
                run.push(outcome);
            }
        }
        if runner.selection.includes(CLEAN) || !left.is_empty() {
            run.push(scim::judge_leftovers(clean_check(), &left));
        }
        finished(CheckReport::new(
            "check leaver",
            target,
            run.outcomes,
            started_at,
        ))
    }
}

/// What a check came to; none where the run ended before it was seen. `shown`
/// has the cases whose conversation an outcome has already.
fn outcome(row: &Row, seen: &Seen, shown: &mut Vec<Case>) -> Option<Outcome> {
    let case = row.case();
    let judged = row.judge(seen);
    let figure = row.figure(seen);
    let check = row.check();
    let outcome = match judged {
        Ok(came) => Outcome::judged(check, true, row.expected, came, Value::Null),
        Err(Stop::Wrong(came)) => Outcome::judged(check, false, row.expected, came, Value::Null),
        Err(Stop::Unjudged(why)) => Outcome::skipped(check, why),
        Err(Stop::Follows(cause, why)) => Outcome::skipped_because_of(check, cause, why),
        Err(Stop::Incomplete) => return None,
    };
    let mut evidence = Evidence {
        figures: figure
            .map(|took| Figure {
                name: row.title.to_owned(),
                seconds: took.as_secs_f64(),
            })
            .into_iter()
            .collect(),
        ..Evidence::default()
    };
    if let Some(subject) = seen.subject(case).filter(|it| !it.log.is_empty()) {
        evidence.see.push(case.name().to_owned());
        if !shown.contains(&case) {
            shown.push(case);
            evidence.conversations.push(Conversation {
                name: case.name().to_owned(),
                about: case.about().to_owned(),
                exchanges: subject.log.clone(),
            });
        }
    }
    Some(Outcome {
        evidence: evidence.into(),
        ..outcome
    })
}

/// The check of what stays behind.
const CLEAN: &str = "LEAVER-CLEAN-01";

fn clean_check() -> Check {
    scim::leftovers_check(CLEAN, Harm::Style)
}

/// Every check, in the order of the report.
pub fn catalogue() -> Vec<Check> {
    ROWS.iter().map(Row::check).chain([clean_check()]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::checks::JOINS;
    use super::*;

    #[test]
    fn ids_are_unique_and_the_control_is_the_first() {
        let all = catalogue();
        let ids: BTreeSet<&str> = all.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids.len(), all.len());
        assert!(ids.iter().all(|id| id.starts_with("LEAVER-")));
        assert_eq!(all[0].id, JOINS);
    }
}
