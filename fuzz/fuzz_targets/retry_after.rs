#![no_main]
//! Reads any value of `Retry-After` (RFC 9110 §10.2.3): no panic, and no wait without a limit. The
//! reader is included by its path, below the modules that may use it.

#[path = "."]
mod check {
    use std::time::Duration;

    use jiff::Timestamp;

    #[path = "."]
    mod runner {
        #[path = "../../conformance/src/check/runner/retry.rs"]
        pub(super) mod retry;
    }

    pub(crate) fn read(status: u16, value: &str, attempt: u32) -> Option<Duration> {
        runner::retry::retry_after(status, Some(value), attempt, Timestamp::UNIX_EPOCH)
    }
}

use std::time::Duration;

libfuzzer_sys::fuzz_target!(|header: (u8, &str)| {
    let (attempt, value) = header;
    for status in [200, 429, 503] {
        let wait = check::read(status, value, attempt.into());
        assert_eq!(wait.is_some(), status != 200);
        let longest = Duration::from_hours(25);
        assert!(wait.is_none_or(|it| it <= longest), "waits {wait:?}");
        let is_at_once = wait.is_some_and(|it| it.is_zero());
        assert!(!is_at_once || attempt == 0, "asks again and again");
    }
});
