//! Whether a target still works as before: a trial after which an honest
//! request fails, or is slow each time, has found a denial of service.

use std::time::Duration;

use super::{Runner, pause};

/// How long an honest request may take after a trial, in terms of the time
/// that it took before; and the shortest time that counts as slow.
const SLOWDOWN: u32 = 10;
const SLOW: Duration = Duration::from_secs(5);

/// How often a slow target is asked again. One slow answer is no evidence: the
/// machine that asks may have stood still.
const SLOW_ANSWERS: usize = 3;

/// How long a target that gave no answer is left alone, and how often it is
/// asked again.
const PAUSE: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 1 });
const REVIVALS: usize = 3;

/// The shortest time that counts as slow at a target that took `calm` before.
pub(in crate::check) fn slow_after(calm: Duration) -> Duration {
    (calm * SLOWDOWN).max(SLOW)
}

/// What a trial did to the target, seen by honest requests after it; `None`
/// when one of them is answered as before.
///
/// `honest` is the request in words, `calm` how long it took before the
/// trials. `ask` sends it, and returns how long it took or why it failed.
pub(in crate::check) async fn find_harm<A: Future<Output = Result<Duration, String>>>(
    runner: &Runner,
    honest: &str,
    calm: Duration,
    ask: impl Fn() -> A,
) -> Option<String> {
    let mut fastest = Duration::MAX;
    for _ in 0..SLOW_ANSWERS {
        match ask().await {
            Ok(took) => fastest = fastest.min(took),
            Err(why) => return Some(find_revival(runner, honest, &why, ask).await),
        }
        if fastest <= slow_after(calm) {
            return None;
        }
        if runner.has_ended() {
            break;
        }
    }
    Some(format!(
        "{honest} took {:.1} s or more afterwards, and {:.1} s before",
        fastest.as_secs_f32(),
        calm.as_secs_f32()
    ))
}

/// Asks a target that failed until it works again, and says when it did.
async fn find_revival<A: Future<Output = Result<Duration, String>>>(
    runner: &Runner,
    honest: &str,
    why: &str,
    ask: impl Fn() -> A,
) -> String {
    for attempt in 1..=REVIVALS {
        if runner.has_ended() {
            break;
        }
        pause(PAUSE).await;
        if ask().await.is_ok() {
            return format!(
                "{honest} failed afterwards: {why}; it worked again at attempt {attempt}"
            );
        }
    }
    format!("{honest} failed afterwards: {why}")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// What is found at a target that answers each request after the next of
    /// `answers`; `None` is no answer.
    async fn found(answers: &[Option<u64>]) -> Option<String> {
        let asked = AtomicUsize::new(0);
        find_harm(
            &Runner::default(),
            "GET /Users",
            Duration::from_millis(100),
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
        assert_eq!(found(&[Some(9), Some(0)]).await, None);
        assert_eq!(found(&[Some(9), Some(9), Some(1)]).await, None);
    }

    #[tokio::test]
    async fn a_target_that_stays_slow_was_harmed() {
        let found = found(&[Some(9), Some(8), Some(7)]).await.unwrap();
        assert_eq!(
            found,
            "GET /Users took 7.0 s or more afterwards, and 0.1 s before"
        );
    }

    #[tokio::test]
    async fn a_target_that_fails_was_harmed_and_may_come_back() {
        assert_eq!(
            found(&[None, None, Some(0)]).await.unwrap(),
            "GET /Users failed afterwards: connection refused; it worked again at attempt 2"
        );
        assert_eq!(
            found(&[None; 4]).await.unwrap(),
            "GET /Users failed afterwards: connection refused"
        );
        assert!(found(&[Some(9), None, Some(0)]).await.is_some());
    }
}
