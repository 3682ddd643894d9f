//! Tests whether a target still works after a trial. If an ordinary request then fails, or is slow
//! every time, the trial has found a denial of service.

use std::time::{Duration, Instant};

use super::{Runner, pause};

/// An ordinary request is slow if it takes this many times longer than before the trials; and the
/// shortest time that counts as slow.
const SLOWDOWN: u32 = 10;
const SLOW: Duration = Duration::from_secs(5);

/// How often a slow target is asked again. One slow answer proves nothing: this machine may have
/// been busy.
const SLOW_ANSWERS: usize = 3;

/// What to do about a denial of service, in place of what the check advises.
pub(in crate::check) const OUTAGE_FIX: &str = "Look into the target's log for what happened while this check ran. Run the check again alone with --only: if the target stops or slows down again, its requests are the cause; if not, something else was.";

/// What to do if a trial that was repeated stopped the target both times.
pub(in crate::check) const REPEATED_OUTAGE_FIX: &str = "Look into the target's log for what happened while this check ran: its requests stopped the target twice, the second time alone.";

/// The pause after a request without an answer, and how often it is repeated at least. A target that
/// refuses connections is asked again as long as an answer may take, because it may be starting.
const PAUSE: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 1 });
const REVIVALS: u64 = 3;

/// What a trial did to the target.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::check) struct TargetHarm {
    /// What was observed, in a sentence.
    pub(in crate::check) what: String,
    /// True if the target gave no answer, and then worked again.
    pub(in crate::check) is_over: bool,
}

impl TargetHarm {
    /// Joins what happened at the first attempt and at the second one.
    pub(in crate::check) fn at_second_attempt(before: &Self, harm: &Self) -> Self {
        Self {
            what: format!("{}; when it was repeated, {}", before.what, harm.what),
            is_over: harm.is_over,
        }
    }

    /// Returns a sentence for an outcome whose second attempt harmed nothing.
    pub(in crate::check) fn to_observation(&self) -> String {
        format!(
            "the target stopped answering during the first attempt ({}), but not when it was repeated: look into the target's log for what stopped it",
            self.what
        )
    }
}

/// Returns the shortest time that counts as slow, for a target that took `calm` before.
pub(in crate::check) fn slow_after(calm: Duration) -> Duration {
    (calm * SLOWDOWN).max(SLOW)
}

/// Returns what a trial did to the target, or `None` if an ordinary request is answered as before.
///
/// `honest` describes the ordinary request, `calm` is its duration before the trials. `ask` sends
/// it and returns its duration, or why it failed. `is_silent` says that the target gave no answer to
/// the trial: then a slow request right afterwards had to wait for the trial too, if the next one is
/// fast again.
pub(in crate::check) async fn find_harm<A: Future<Output = Result<Duration, String>>>(
    runner: &Runner,
    honest: &str,
    (calm, is_silent): (Duration, bool),
    ask: impl Fn() -> A,
) -> Option<TargetHarm> {
    let mut fastest = Duration::MAX;
    let mut first = None;
    for _ in 0..SLOW_ANSWERS {
        match ask().await {
            Ok(took) => fastest = fastest.min(took),
            Err(why) => return Some(find_revival(runner, honest, &why, ask).await),
        }
        if fastest <= slow_after(calm) {
            let waited: Duration = first.filter(|_| is_silent)?;
            return Some(TargetHarm {
                what: format!(
                    "there was no answer, {honest} right afterwards took {:.1} s, and the next one {:.1} s",
                    waited.as_secs_f32(),
                    fastest.as_secs_f32()
                ),
                is_over: true,
            });
        }
        first = first.or(Some(fastest));
        if runner.has_ended() {
            break;
        }
    }
    Some(TargetHarm {
        what: format!(
            "{honest} took {:.1} s or more afterwards, and {:.1} s before",
            fastest.as_secs_f32(),
            calm.as_secs_f32()
        ),
        is_over: false,
    })
}

/// Repeats the request until the target answers again, and returns at which attempt it did. If it
/// does not, ends the run.
async fn find_revival<A: Future<Output = Result<Duration, String>>>(
    runner: &Runner,
    honest: &str,
    why: &str,
    ask: impl Fn() -> A,
) -> TargetHarm {
    let timeout = runner.access.timeout;
    let began = Instant::now();
    runner.patience.set_reviving(true);
    let mut revived = None;
    for attempt in 1..=timeout.as_secs().max(REVIVALS) {
        if runner.has_ended() || attempt > REVIVALS && began.elapsed() > timeout {
            break;
        }
        pause(PAUSE).await;
        if ask().await.is_ok() {
            revived = Some(attempt);
            break;
        }
    }
    runner.patience.set_reviving(false);
    let what = match revived {
        Some(attempt) => {
            format!("{honest} failed afterwards: {why}; it worked again at attempt {attempt}")
        }
        None => {
            runner.patience.give_up_on_silence();
            format!("{honest} failed afterwards: {why}")
        }
    };
    TargetHarm {
        what,
        is_over: revived.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::check::runner::Access;

    /// Gives a target one second for an answer, so it is asked three times whether it works again.
    fn hasty() -> Runner {
        Runner {
            access: Access {
                timeout: Duration::from_secs(1),
                ..Access::default()
            },
            ..Runner::default()
        }
    }

    /// Returns what is found for a target with these answers, in order (milliseconds); `None`
    /// stands for no answer.
    async fn find_harm_in_answers(answers: &[Option<u64>]) -> Option<TargetHarm> {
        find_harm_after(false, answers).await
    }

    async fn find_harm_after(is_silent: bool, answers: &[Option<u64>]) -> Option<TargetHarm> {
        let asked = AtomicUsize::new(0);
        find_harm(
            &hasty(),
            "GET /Users",
            (Duration::from_millis(100), is_silent),
            || async {
                let number = asked.fetch_add(1, Ordering::Relaxed);
                let seconds = answers[number].ok_or("connection refused")?;
                Ok(Duration::from_secs(seconds))
            },
        )
        .await
    }

    #[tokio::test]
    async fn one_slow_answer_is_no_harm() {
        assert_eq!(find_harm_in_answers(&[Some(9), Some(0)]).await, None);
        assert_eq!(
            find_harm_in_answers(&[Some(9), Some(9), Some(1)]).await,
            None
        );
    }

    #[tokio::test]
    async fn one_slow_answer_after_silence_is_harm_because_the_request_waited() {
        let found = find_harm_after(true, &[Some(14), Some(0)]).await.unwrap();
        assert!(found.is_over);
        assert_eq!(
            found.what,
            "there was no answer, GET /Users right afterwards took 14.0 s, and the next one 0.0 s"
        );
        assert_eq!(find_harm_after(true, &[Some(1)]).await, None);
    }

    #[tokio::test]
    async fn a_target_that_stays_slow_was_harmed() {
        let found = find_harm_in_answers(&[Some(9), Some(8), Some(7)])
            .await
            .unwrap();
        assert!(!found.is_over);
        assert_eq!(
            found.what,
            "GET /Users took 7.0 s or more afterwards, and 0.1 s before"
        );
    }

    #[tokio::test]
    async fn a_target_that_takes_long_to_start_again_does_not_end_the_run() {
        let runner = Runner::default();
        let asked = AtomicUsize::new(0);
        let ask = async |revived: usize| {
            let answer = || async {
                if asked.fetch_add(1, Ordering::Relaxed) < revived {
                    runner.patience.record_no_answer("/Users", &"refused");
                    return Err("refused".to_owned());
                }
                runner.patience.record_answer();
                Ok(Duration::ZERO)
            };
            let calm = (Duration::ZERO, false);
            find_harm(&runner, "GET /Users", calm, answer)
                .await
                .unwrap()
        };
        let found = ask(20).await;
        assert!(found.is_over && !runner.has_ended(), "{}", found.what);
        assert!(found.what.ends_with("at attempt 20"), "{}", found.what);
        let found = ask(usize::MAX).await;
        assert!(!found.is_over && runner.has_ended(), "{}", found.what);
        let error = runner.patience.error().unwrap();
        assert!(
            error.message.ends_with("the last one to /Users: refused."),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_target_that_fails_was_harmed_and_may_come_back() {
        let found = find_harm_in_answers(&[None, None, Some(0)]).await.unwrap();
        assert!(found.is_over);
        assert_eq!(
            found.what,
            "GET /Users failed afterwards: connection refused; it worked again at attempt 2"
        );
        let found = find_harm_in_answers(&[None; 4]).await.unwrap();
        assert!(!found.is_over);
        assert_eq!(
            found.what,
            "GET /Users failed afterwards: connection refused"
        );
        assert!(
            find_harm_in_answers(&[Some(9), None, Some(0)])
                .await
                .is_some()
        );
    }
}
