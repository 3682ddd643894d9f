//! A session or token that is watched until it ends.

use std::time::Duration;

use super::checks::{Judged, Stop};
use crate::check::sp::Sighting;

/// What was observed of a session or a token.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    /// `Ok` if it worked before the event; otherwise why it cannot be judged. `None` if that
    /// was not tried yet.
    proven: Option<Result<(), String>>,
    /// Time from the event to the last look at which it worked.
    alive_at: Option<Duration>,
    /// Time from the event to the first look at which it did not work.
    end: Option<Duration>,
    /// What the last look showed, if that proves neither.
    unclear: Option<String>,
    /// True after the last look.
    is_over: bool,
    /// True if the session or token of the person who stays had ended too.
    is_common: bool,
}

/// Formats a duration in seconds: without decimals from 10 s, else with two.
pub(super) fn seconds(length: Duration) -> String {
    let seconds = length.as_secs_f64();
    if seconds >= 10.0 || length.subsec_nanos() == 0 {
        format!("{seconds:.0} s")
    } else {
        format!("{seconds:.2} s")
    }
}

impl Watch {
    /// Creates the watch of a session or token that worked before the event.
    pub(super) fn proven() -> Self {
        Self {
            proven: Some(Ok(())),
            ..Self::default()
        }
    }

    /// Creates the watch of a session or token that cannot be judged.
    pub(super) fn unproven(why: impl Into<String>) -> Self {
        Self {
            proven: Some(Err(why.into())),
            ..Self::default()
        }
    }

    /// True if it must be looked at again: it worked before the event and has not ended.
    pub(super) fn is_pending(&self) -> bool {
        matches!(self.proven, Some(Ok(()))) && self.end.is_none() && !self.is_over
    }

    /// True if the last look showed that it has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Returns the time from the event to its end. `None` if it did not end, or if that of the
    /// person who stays ended too.
    pub(super) fn end(&self) -> Option<Duration> {
        self.end.filter(|_| !self.is_common)
    }

    /// Records a look.
    pub(super) fn see(&mut self, sighting: Sighting, elapsed: Duration) {
        self.unclear = None;
        match sighting {
            Sighting::In(_) => self.alive_at = Some(elapsed),
            Sighting::Out(_) => self.end = Some(elapsed),
            Sighting::Unclear(why) => self.unclear = Some(why),
        }
    }

    /// Records a second look after the end. If several servers answer at one address, one of
    /// them may refuse the session while another still accepts it.
    pub(super) fn confirm(&mut self, sighting: &Sighting, elapsed: Duration) {
        if self.end.is_some() && matches!(sighting, Sighting::In(_)) {
            (self.end, self.alive_at) = (None, Some(elapsed));
        }
    }

    /// Records that the session or token of the person who stays had ended too: this end
    /// proves nothing.
    pub(super) fn mark_end_as_common(&mut self) {
        self.is_common = true;
    }

    /// Records that no more looks follow.
    pub(super) fn close(&mut self) {
        self.is_over = true;
    }

    /// # Errors
    /// It was not seen to work before the event, so nothing after it proves anything.
    pub(super) fn require(&self) -> Result<(), Stop> {
        match &self.proven {
            None => Err(Stop::Incomplete),
            Some(Err(why)) => Err(Stop::Unjudged(why.clone())),
            Some(Ok(())) => Ok(()),
        }
    }

    /// Passes if the session or token ended; `what` is "the session" or "the token".
    pub(super) fn judge(&self, what: &str) -> Judged {
        self.require()?;
        if self.is_common {
            return Err(Stop::Follows(
                super::checks::STAYS,
                format!("{what} of a person who stays had ended at the same time"),
            ));
        }
        let alive = self.alive_at.map(seconds);
        match (self.end, alive, &self.unclear) {
            (Some(end), None, _) => Ok(format!(
                "{what} had ended at the first look, after {}",
                seconds(end)
            )),
            (Some(end), Some(alive), _) => Ok(format!(
                "{what} had ended after {}; it still worked after {alive}",
                seconds(end)
            )),
            (None, _, _) if !self.is_over => Err(Stop::Incomplete),
            (None, _, Some(why)) => Err(Stop::Unjudged(format!(
                "the last look at {what} shows neither that it works nor that it ended: {why}"
            ))),
            (None, Some(alive), None) => {
                Err(Stop::Wrong(format!("{what} still works after {alive}")))
            }
            (None, None, None) => Err(Stop::Incomplete),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge_looks(looks: &[(u64, Sighting)]) -> Judged {
        let mut watch = Watch::proven();
        for (second, sighting) in looks {
            watch.see(sighting.clone(), Duration::from_secs(*second));
        }
        watch.close();
        watch.judge("the session")
    }

    #[test]
    fn a_session_that_works_again_has_not_ended() {
        let mut watch = Watch::proven();
        watch.see(Sighting::Out(String::new()), Duration::ZERO);
        watch.confirm(&Sighting::Out(String::new()), Duration::from_secs(1));
        assert_eq!(watch.end(), Some(Duration::ZERO));
        watch.confirm(&Sighting::In(String::new()), Duration::from_secs(2));
        watch.close();
        let still = "the session still works after 2 s".to_owned();
        assert_eq!(watch.judge("the session"), Err(Stop::Wrong(still)));
    }

    #[test]
    fn a_missing_answer_proves_nothing() {
        let (alive, ended) = (Sighting::In(String::new()), Sighting::Out(String::new()));
        let unclear = Sighting::Unclear("HTTP 503".to_owned());
        assert_eq!(
            judge_looks(&[(0, alive.clone()), (1, unclear.clone()), (2, ended.clone())]),
            Ok("the session had ended after 2 s; it still worked after 0 s".to_owned())
        );
        assert_eq!(
            judge_looks(&[(0, ended)]),
            Ok("the session had ended at the first look, after 0 s".to_owned())
        );
        assert_eq!(
            judge_looks(&[(0, unclear.clone()), (9, alive.clone())]),
            Err(Stop::Wrong("the session still works after 9 s".to_owned()))
        );
        assert!(matches!(
            judge_looks(&[(0, alive), (9, unclear)]),
            Err(Stop::Unjudged(_))
        ));
        assert_eq!(
            Watch::unproven("no token").judge("the token"),
            Err(Stop::Unjudged("no token".to_owned()))
        );
    }
}
