//! `rehearsal check leaver`: judges whether a person who leaves loses access to an
//! application. SCIM creates persons, and they log in by SAML. Then something happens to
//! each, for example SCIM deactivates the account, and the check watches their sessions and
//! API tokens until they end.
//!
//! - `checks`: the table of all checks; `verdicts`: the functions that judge them;
//! - `subject`: the person of a case, and what was observed about this person;
//! - `control`: the person who stays, without whom no check proves anything;
//! - `play`: the run; `looks`: the looks at sessions and tokens;
//! - `watch`: what was observed of one session or token; `pace`: the time between two looks;
//! - `sp_session`: subject and attributes of Responses; `provider`: the played identity
//!   provider; `revocation`: Universal Logout; `token`: API tokens.
//!
//! To add a check, add a row in `checks` and a hole in `harness/tests/leaver_app` for which
//! this check fails and no other does.

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
pub use sp_session::Application;
pub use token::{Issue, Tokens};

use checks::{ROWS, Row, Seen, Stop};
use play::Play;
use subject::Case;

use super::evidence::{Conversation, Evidence, Figure};
use super::runner::{Judged as Run, Runner};
use super::scim::Directory;
use super::{Check, CheckReport, Harm, Outcome, SetUpError, scim, sp};

/// Time after a signal within which running requests may end.
const GRACE: Duration = Duration::from_secs(5);

/// Another group, and how the probe shows its rights.
#[derive(Debug, Clone)]
pub struct Mover {
    /// `displayName` of the group.
    pub group: String,
    /// Matches the body of the probe if the person has the rights of the group.
    pub expect: Regex,
}

/// Options of the run: the optional features of the application, and the time limit.
#[derive(Debug, Clone)]
pub struct Plan {
    /// `displayName` of the group that gives access. All persons are added to it.
    pub group: Option<String>,
    /// Another group. The probe shows its rights.
    pub mover: Option<Mover>,
    /// API tokens, if the application issues them.
    pub tokens: Option<Tokens>,
    /// Endpoint of Universal Logout, if the application has one.
    pub revocation: Option<Revocation>,
    /// `userName` of a person who exists already and can log in. If no person whom SCIM created
    /// can log in, this person shows whether the set-up is wrong or the application.
    pub known_user: Option<String>,
    /// Time after the event within which a session or token must end.
    pub limit: Duration,
}

/// Default time within which a session or token must end: five minutes (IPSIE AL1).
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

/// Runs all checks against an application.
pub struct Judge<'w> {
    /// The SCIM server of the application; also the runner, the clock and the random numbers.
    pub directory: scim::Judge<'w>,
    /// The service provider of the application.
    pub application: Application,
    /// The played identity provider.
    pub provider: Provider,
    /// Options of the run.
    pub plan: Plan,
    /// Waits between two looks.
    pub pace: Arc<dyn Pace>,
}

/// Replaces the option names of `check scim` and `check sp` in an error with those of
/// `check leaver`.
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

    /// Returns a judge of `check sp` for the login of this person.
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

    /// Returns why a case cannot be played with these options; `None` if it can.
    fn lacks(&self, case: Case) -> Option<&'static str> {
        match case {
            Case::LeftGroup if self.plan.group.is_none() => {
                Some("no --group: the group that gives access is not known")
            }
            Case::Moved if self.plan.mover.is_none() => {
                Some("no --mover-group: no other group is known whose rights the probe shows")
            }
            Case::LoggedOut if self.logout_endpoint().is_none() => Some(
                "the service provider's metadata has no SingleLogoutService with HTTP-Redirect or HTTP-POST",
            ),
            Case::Revoked if self.plan.revocation.is_none() => Some(
                "no --revocation-url: the application's endpoint for Universal Logout is not known",
            ),
            _ => None,
        }
    }

    /// Returns the cases that at least one selected check judges.
    fn cases(&self) -> Vec<Case> {
        let all = Case::LEAVERS.into_iter().chain([Case::Moved]);
        all.filter(|case| self.selected_rows().any(|row| row.case() == *case))
            .collect()
    }

    fn selected_rows(&self) -> impl Iterator<Item = &'static Row> {
        let selection = &self.runner().selection;
        ROWS.iter().filter(|row| selection.includes(row.id))
    }

    /// Runs every selected check. A wrong set-up becomes the `error` of the report.
    pub async fn judge(&self) -> CheckReport {
        let (started_at, started) = (self.ambient().now(), Instant::now());
        let target = &self.application.metadata().entity_id;
        let runner = self.runner();
        runner.progress.begin("check leaver", 0);
        let total = self.selected_rows().count() + 1;
        let finished = |mut report: CheckReport| {
            runner.progress.end();
            report.limit = Some(self.plan.limit);
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
        for row in self.selected_rows() {
            if let Some(outcome) = outcome(row, &play.seen, &mut shown) {
                run.push(outcome);
            }
        }
        if runner.selection.includes(CLEAN) || !left.is_empty() {
            run.push(scim::judge_leftovers(clean_check(), true, &left));
        }
        finished(CheckReport::new(
            "check leaver",
            target,
            run.outcomes,
            started_at,
        ))
    }
}

/// Returns the outcome of a check; `None` if the run ended before its observation. `shown`
/// contains the cases whose conversation is already in the report.
fn outcome(row: &Row, seen: &Seen, shown: &mut Vec<Case>) -> Option<Outcome> {
    let case = row.case();
    let judged = row.judge(seen);
    let figure = row.figure(seen);
    let check = row.check();
    let outcome = match judged {
        Ok(got) => Outcome::new_judged(check, true, row.expected, got, Value::Null),
        Err(Stop::Wrong(got)) => Outcome::new_judged(check, false, row.expected, got, Value::Null),
        Err(Stop::Unjudged(why)) => Outcome::new_skipped(check, why),
        Err(Stop::Follows(cause, why)) => Outcome::new_skipped_because_of(check, cause, why),
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

/// Id of the check that all created resources were deleted.
const CLEAN: &str = "LEAVER-CLEAN-01";

fn clean_check() -> Check {
    scim::leftovers_check(CLEAN, Harm::Style)
}

/// Returns all checks, in the order of the report.
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
