//! A server that stops at one request and is then restarted: only if the same check stops it again
//! is that a finding.

use std::sync::atomic::{AtomicUsize, Ordering};

use rehearsal::check::runner::AnswerError;
use rehearsal::check::scim::wire::{Pending, ScimAnswer, ScimRequest, Wire, WireError};
use rehearsal::check::{Harm, Outcome, Verdict};

use super::mutant_scim::MutantServer;

/// Number of requests without an answer after the one that stops the server.
const DOWN: usize = 1;

struct Restarted {
    server: MutantServer,
    /// A part of the target of the request that stops it.
    deadly: &'static str,
    /// How often it is still stopped.
    stops: AtomicUsize,
    down: AtomicUsize,
}

/// Subtracts one; false if there is nothing left.
fn take_one(number: &AtomicUsize) -> bool {
    let less = |it: usize| it.checked_sub(1);
    number
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
        .is_ok()
}

impl Wire for Restarted {
    fn send<'a>(&'a self, request: &'a ScimRequest) -> Pending<'a, Result<ScimAnswer, WireError>> {
        let is_down = take_one(&self.down);
        let stops = !is_down && request.target.contains(self.deadly) && take_one(&self.stops);
        if stops {
            self.down.store(DOWN, Ordering::SeqCst);
        }
        match is_down || stops {
            true => {
                let closed = AnswerError::Transport("the connection was refused".to_owned());
                Box::pin(std::future::ready(Err(WireError::NoAnswer(closed))))
            }
            false => self.server.send(request),
        }
    }
}

/// Judges one check; returns its outcome, and what is left on the server.
async fn judge(id: &str, deadly: &'static str, stops: usize) -> (Outcome, Vec<String>) {
    let wire = Restarted {
        server: MutantServer::default(),
        deadly,
        stops: stops.into(),
        down: 0.into(),
    };
    let report = super::judge_only(&wire, id).await;
    let mut all = report.outcomes.into_iter();
    let found = all.find(|it| it.check.id == id).unwrap();
    (found, wire.server.left())
}

#[tokio::test]
async fn a_server_that_stops_once_is_judged_again() {
    // The second check has created users with fixed names when the server stops.
    for (id, deadly) in [
        ("SCIM-PAGE-13", "count=many"),
        ("SCIM-CURSOR-06", "cursor-"),
    ] {
        let (found, left) = judge(id, deadly, 1).await;
        assert_eq!(found.verdict, Verdict::Pass, "{}", found.actual);
        let said = "the target stopped answering during the first attempt";
        assert!(found.actual.contains(said), "{}", found.actual);
        assert_eq!(left, [""; 0]);
    }
}

#[tokio::test]
async fn a_server_that_a_check_stops_twice_has_a_finding() {
    let (found, _) = judge("SCIM-PAGE-13", "count=many", 2).await;
    assert_eq!(found.verdict, Verdict::Fail, "{}", found.actual);
    assert_eq!(found.check.harm, Harm::Outage);
    assert!(
        found.actual.starts_with("denial of service: ")
            && found.actual.contains("when it was repeated"),
        "{}",
        found.actual
    );
    assert!(found.check.fix.contains("twice"), "{}", found.check.fix);
}
