//! Starts operations as the plan says, and records their results.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::pace::Loop;
use super::{Failure, Performed, Run, Target};

/// Time between two updates of the live line.
const LINE: Duration = Duration::from_secs(1);

/// Sends load until the plan or a signal ends it, then waits for the operations in progress.
pub(super) async fn run(run: &Run, target: Arc<dyn Target>) {
    let load = async {
        match run.plan.pace {
            Loop::Open { rate, at_once } => run_open_loop(run, &target, rate, at_once).await,
            Loop::Closed { callers } => run_closed_loop(run, &target, callers).await,
        }
    };
    let line = async {
        loop {
            run.time.wait_until(run.time.now() + LINE).await;
            run.progress.step("", &run.recorder.line(run.time.now()));
        }
    };
    tokio::select! {
        () = load => {}
        () = line => {}
    }
}

async fn run_open_loop(run: &Run, target: &Arc<dyn Target>, rate: f64, at_once: usize) {
    let begin = run.time.now();
    let permits = Arc::new(Semaphore::new(at_once.max(1)));
    let mut tasks = JoinSet::new();
    for number in 0.. {
        let due = run.plan.due(rate, number);
        if run.plan.is_last(number) || run.plan.is_over(due) || run.stop.signal().is_some() {
            break;
        }
        let at = begin + due;
        let permit = async {
            run.time.wait_until(at).await;
            Arc::clone(&permits).acquire_owned().await
        };
        let permit = tokio::select! {
            permit = permit => permit,
            _ = run.stop.wait() => break,
        };
        let Ok(permit) = permit else { break };
        if run.plan.is_over(run.time.now().saturating_sub(begin)) {
            run.recorder.unsent(due_until_the_end(run, rate, number));
            break;
        }
        let (run, target) = (run.clone(), Arc::clone(target));
        tasks.spawn(async move {
            let performed = target.perform(number).await;
            let now = run.time.now();
            run.recorder.record(now, now.saturating_sub(at), performed);
            drop(permit);
        });
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
}

/// Returns how many operations from `number` on were due before the end of the run.
fn due_until_the_end(run: &Run, rate: f64, number: u64) -> u64 {
    let is_due = |it: &u64| !run.plan.is_last(*it) && !run.plan.is_over(run.plan.due(rate, *it));
    (number..).take_while(is_due).count() as u64
}

async fn run_closed_loop(run: &Run, target: &Arc<dyn Target>, callers: usize) {
    let begin = run.time.now();
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for index in 0..callers.max(1) {
        let (run, target, next) = (run.clone(), Arc::clone(target), Arc::clone(&next));
        tasks.spawn(async move {
            tokio::select! {
                () = run.time.wait_until(begin + run.plan.begin_of(index, callers)) => {}
                _ = run.stop.wait() => return,
            }
            while has_time(&run, begin) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if run.plan.is_last(number) {
                    return;
                }
                perform_patiently(&run, &target, number, begin).await;
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}

fn has_time(run: &Run, begin: Duration) -> bool {
    let elapsed = run.time.now().saturating_sub(begin);
    !run.plan.is_over(elapsed) && run.stop.signal().is_none()
}

/// Performs an operation, and repeats it when the target asked to wait. The wait is not part of
/// the latency.
async fn perform_patiently(run: &Run, target: &Arc<dyn Target>, number: u64, begin: Duration) {
    loop {
        let started = run.time.now();
        let performed = target.perform(number).await;
        let now = run.time.now();
        let wait = match &performed {
            Performed {
                result: Err(Failure::Limited(wait)),
                ..
            } => Some(*wait),
            _ => None,
        };
        run.recorder
            .record(now, now.saturating_sub(started), performed);
        let Some(wait) = wait else { return };
        let mut until = now + wait;
        if let Some(duration) = run.plan.duration {
            until = until.min(begin + duration);
        }
        tokio::select! {
            () = run.time.wait_until(until) => {}
            _ = run.stop.wait() => return,
        }
        if !has_time(run, begin) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::pace::Plan;
    use super::super::time::tests::VirtualTime;
    use super::super::{Recorder, Time};
    use super::*;
    use crate::check::runner::{Progress, Stop};
    use crate::check::scim::wire::Pending;

    /// Answers one operation after the other in 1 ms each, and stalls for a second at one of them.
    struct Stalling {
        time: Arc<VirtualTime>,
        turn: tokio::sync::Mutex<()>,
        stall_at: u64,
    }

    impl Target for Stalling {
        fn perform(&self, number: u64) -> Pending<'_, Performed> {
            Box::pin(async move {
                let turn = self.turn.lock().await;
                let millis = if number == self.stall_at { 1000 } else { 1 };
                let until = self.time.now() + Duration::from_millis(millis);
                self.time.wait_until(until).await;
                drop(turn);
                Performed {
                    operation: "read",
                    result: Ok(()),
                }
            })
        }
    }

    async fn measure(plan: Plan, stall_at: u64) -> super::super::report::Figures {
        let time = Arc::new(VirtualTime::default());
        let recorder = Arc::new(Recorder::default());
        let all = Run {
            plan,
            time: Arc::clone(&time) as Arc<dyn Time>,
            recorder: Arc::clone(&recorder),
            stop: Stop::default(),
            progress: Progress::default(),
        };
        let target = Arc::new(Stalling {
            time: Arc::clone(&time),
            turn: tokio::sync::Mutex::new(()),
            stall_at,
        });
        time.drive(run(&all, target)).await;
        recorder.figures(time.now())
    }

    fn plan(pace: Loop, count: u64) -> Plan {
        Plan {
            pace,
            ramp: Duration::ZERO,
            duration: Some(Duration::from_secs(60)),
            count: Some(count),
        }
    }

    #[tokio::test]
    async fn in_an_open_loop_a_stall_delays_every_operation_that_was_due() {
        let pace = Loop::Open {
            rate: 100.0,
            at_once: 1000,
        };
        let figures = measure(plan(pace, 1000), 100).await;
        assert_eq!(figures.succeeded, 1000);
        // 100 operations were due during the stall, a tenth of all.
        assert!(figures.latency_ms.p99 > 850.0, "{:?}", figures.latency_ms);
        assert!(figures.latency_ms.p95 > 400.0, "{:?}", figures.latency_ms);
        assert!(figures.latency_ms.p50 < 2.0, "{:?}", figures.latency_ms);
        assert!(
            (9.9..11.0).contains(&figures.seconds),
            "{}",
            figures.seconds
        );
    }

    #[tokio::test]
    async fn few_at_once_delay_the_start_and_not_the_count() {
        let pace = Loop::Open {
            rate: 100.0,
            at_once: 1,
        };
        let figures = measure(plan(pace, 1000), 100).await;
        assert!(figures.latency_ms.p99 > 850.0, "{:?}", figures.latency_ms);
    }

    #[tokio::test]
    async fn operations_that_were_due_and_not_sent_are_counted() {
        let pace = Loop::Open {
            rate: 10.0,
            at_once: 1,
        };
        let plan = Plan {
            duration: Some(Duration::from_secs(1)),
            ..plan(pace, 1000)
        };
        // Operation 2 is sent at 0.2 s and answered at 1.2 s; 3 to 9 are never sent.
        let figures = measure(plan, 2).await;
        assert_eq!((figures.succeeded, figures.unsent), (3, 7));
    }

    #[tokio::test]
    async fn a_closed_loop_sends_nothing_while_the_target_stalls() {
        let figures = measure(plan(Loop::Closed { callers: 1 }, 1000), 100).await;
        assert!(figures.latency_ms.p99 < 2.0, "{:?}", figures.latency_ms);
        assert!(figures.latency_ms.max > 990.0, "{:?}", figures.latency_ms);
    }

    /// Limits every operation once.
    struct Limiting(Mutex<std::collections::BTreeSet<u64>>);

    impl Target for Limiting {
        fn perform(&self, number: u64) -> Pending<'_, Performed> {
            let is_first = self.0.lock().unwrap().insert(number);
            let wait = Duration::from_secs(2);
            let result = match is_first {
                true => Err(Failure::Limited(wait)),
                false => Ok(()),
            };
            Box::pin(async move {
                Performed {
                    operation: "read",
                    result,
                }
            })
        }
    }

    #[tokio::test]
    async fn a_closed_loop_waits_when_the_target_limits_requests() {
        let time = Arc::new(VirtualTime::default());
        let recorder = Arc::new(Recorder::default());
        let all = Run {
            plan: plan(Loop::Closed { callers: 1 }, 3),
            time: Arc::clone(&time) as Arc<dyn Time>,
            recorder: Arc::clone(&recorder),
            stop: Stop::default(),
            progress: Progress::default(),
        };
        let target = Arc::new(Limiting(Mutex::default()));
        time.drive(run(&all, target)).await;
        let figures = recorder.figures(time.now());
        assert_eq!(
            (figures.succeeded, figures.limited, figures.failed),
            (3, 3, 0)
        );
        assert_eq!(time.now(), Duration::from_secs(6));
        assert!(figures.latency_ms.max < 1.0, "{:?}", figures.latency_ms);
    }
}
