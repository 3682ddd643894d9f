//! Whether an honest login still works after a fault: where it doesn't, or
//! takes ten times as long, the fault is a denial of service.

use std::time::{Duration, Instant};

use faults::{Cover, Fault};

use super::login::Login;
use super::{Judge, Lost};
use crate::check::{Outcome, Verdict};

/// How long an honest login may take after a fault, in terms of the time that
/// it took before; and the shortest time that counts as slow.
const SLOWDOWN: u32 = 10;
const SLOW: Duration = Duration::from_secs(5);

/// How often a service provider that gave no answer is asked again.
const REVIVALS: usize = 3;

/// What a fault did to the service provider.
pub(super) struct Harm {
    what: String,
    /// Whether the fault before the last one did it: the last one was not
    /// delivered at all.
    is_before: bool,
}

impl Harm {
    /// Makes it a finding of the fault that did it.
    /// The id of the finding is returned.
    pub(super) fn blame(self, outcomes: &mut [Outcome]) -> String {
        let last = outcomes.len() - 1;
        let at = if self.is_before && last > 0 {
            last - 1
        } else {
            last
        };
        let outcome = &mut outcomes[at];
        outcome.verdict = Verdict::Fail;
        if outcome.expected.is_empty() {
            outcome.expected = "a refusal".to_owned();
        }
        outcome
            .expected
            .push_str(", and honest logins to work as before");
        outcome.actual = format!("denial of service: {} ({})", self.what, outcome.actual);
        let cause = outcomes[at].check.id.clone();
        if at != last {
            outcomes[last].cause = Some(cause.clone());
        }
        cause
    }
}

impl Judge {
    /// Tries a fault, then an honest login where the fault got no answer or
    /// took long.
    pub(super) async fn trial(
        &self,
        fault: &Fault,
        cover: Cover,
        base: Cover,
        blind: bool,
        calm: Duration,
    ) -> (Outcome, Option<Harm>) {
        let slow = (calm * SLOWDOWN).max(SLOW);
        let began = Instant::now();
        let (outcome, lost) = self.fault(fault, cover, blind).await;
        if lost == Lost::Nothing && began.elapsed() <= slow {
            return (outcome, None);
        }
        let Some(what) = self.harm(base, calm, slow).await else {
            return (outcome, None);
        };
        let is_before = lost == Lost::BeforeDelivery;
        (outcome, Some(Harm { what, is_before }))
    }

    /// How long an honest login takes, or why it fails.
    async fn honest_login(&self, base: Cover) -> Result<Duration, String> {
        let began = Instant::now();
        let login = Login::new(self, &self.person.user);
        let came = login.attempt(None, base).await;
        self.note(&came);
        match came {
            Ok(answer) if answer.accepted => Ok(began.elapsed()),
            Ok(answer) => Err(answer.said()),
            Err(trouble) => Err(trouble.to_string()),
        }
    }

    async fn harm(&self, base: Cover, calm: Duration, slow: Duration) -> Option<String> {
        let why = match self.honest_login(base).await {
            Ok(took) if took > slow => {
                return Some(format!(
                    "an honest login took {:.1} s afterwards, and {:.1} s before",
                    took.as_secs_f32(),
                    calm.as_secs_f32()
                ));
            }
            Ok(_) => return None,
            Err(why) => why,
        };
        for attempt in 1..=REVIVALS {
            if self.runner.has_ended() {
                break;
            }
            crate::check::runner::pause(Duration::from_secs(1)).await;
            if self.honest_login(base).await.is_ok() {
                return Some(format!(
                    "an honest login failed afterwards: {why}; it worked again at attempt {attempt}"
                ));
            }
        }
        Some(format!("an honest login failed afterwards: {why}"))
    }
}
