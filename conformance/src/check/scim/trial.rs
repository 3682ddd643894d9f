//! Runs the function of a check, and repeats it once if the server stopped answering meanwhile and
//! then worked again: a restart for another reason is no finding of the check that ran.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::health::find_harm_to_server;
use super::item::{How, Item, Judged};
use super::probe::Probe;
use super::{client_replay, filter};
use crate::check::runner::{OUTAGE_FIX, REPEATED_OUTAGE_FIX, TargetHarm, slow_after};
use crate::check::{Check, Harm, Outcome, Verdict};

/// What a check found, and what it did to the server.
pub(super) struct Trial {
    pub(super) judged: Judged,
    pub(super) symptoms: BTreeSet<String>,
    pub(super) evidence: Value,
    harm: Option<TargetHarm>,
    /// What the first attempt did to the server, if this is the second one.
    harm_before: Option<TargetHarm>,
}

/// Runs the check, and once more if the server stopped answering and works again.
pub(super) async fn run(item: &Item, probe: Probe<'_>, calm: Duration) -> Trial {
    let (session, server) = (probe.session, probe.server);
    let kept = session.created.len();
    let first = run_once(item, probe, calm).await;
    let harm_before = match &first.harm {
        Some(harm) if harm.is_over && !session.runner.has_ended() => harm.clone(),
        _ => return first,
    };
    let note = "the server stopped answering and works again: the check is repeated";
    session.runner.progress.note(item.id, note);
    // A check may create resources with the same names again.
    session.created.shorten(session, kept).await;
    Trial {
        harm_before: Some(harm_before),
        ..run_once(item, Probe::new(session, server), calm).await
    }
}

async fn run_once(item: &Item, probe: Probe<'_>, calm: Duration) -> Trial {
    let (session, server) = (probe.session, probe.server);
    let (lost, began) = (session.lost.load(Ordering::Relaxed), Instant::now());
    let judged = match item.by.how {
        How::Act(act) => act(&probe).await,
        How::Finds(filter, whom) if item.id.starts_with("SCIM-PROFILE-") => {
            filter::judge_demanded_filter(&probe, filter, whom).await
        }
        How::Finds(filter, whom) => filter::judge_found_users(&probe, filter, whom).await,
        How::Refuses(filter) => filter::judge_refused_filter(&probe, filter).await,
        How::Replays(part) => client_replay::judge_act(&probe, part).await,
    };
    let is_slow = began.elapsed() > slow_after(calm);
    let is_lost = session.lost.load(Ordering::Relaxed) > lost;
    let harm = if is_slow || is_lost {
        find_harm_to_server(session, server, calm).await
    } else {
        None
    };
    Trial {
        judged,
        symptoms: probe.symptoms(),
        evidence: probe.tape(),
        harm,
        harm_before: None,
    }
}

impl Trial {
    /// Returns the finding if the check harmed the server.
    pub(super) fn outage(&self, item: &Item) -> Option<Outcome> {
        let harm = self.harm.as_ref()?;
        let (what, fix) = match &self.harm_before {
            Some(before) => {
                let both = TargetHarm::at_second_attempt(before, harm);
                (both.what, REPEATED_OUTAGE_FIX)
            }
            None => (harm.what.clone(), OUTAGE_FIX),
        };
        let check = Check {
            harm: Harm::Outage,
            fix: fix.to_owned(),
            ..item.check()
        };
        Some(Outcome {
            verdict: Verdict::Fail,
            ..Outcome::new_judged(
                check,
                false,
                &format!("{}; and the server answers as before", item.expected),
                format!("denial of service: {what}"),
                self.evidence.clone(),
            )
        })
    }

    /// Returns a sentence about the server if it stopped answering at the first attempt only.
    pub(super) fn observation(&self) -> Option<String> {
        let before = self.harm_before.as_ref().filter(|_| self.harm.is_none())?;
        Some(before.to_observation())
    }
}
