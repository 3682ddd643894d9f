#![no_main]
//! Reads any value of `Retry-After` (RFC 9110 §10.2.3): no panic, and no wait without a limit.

#[path = "."]
mod check {
    #[path = "."]
    pub(crate) mod runner {
        #[path = "../../conformance/src/check/runner/retry.rs"]
        #[allow(dead_code)]
        pub(crate) mod retry;
    }
}

use std::time::Duration;

use check::runner::retry::retry_after;
use jiff::Timestamp;

libfuzzer_sys::fuzz_target!(|header: (u8, &str)| {
    let (attempt, value) = header;
    for status in [200, 429, 503] {
        let wait = retry_after(status, Some(value), attempt.into(), Timestamp::UNIX_EPOCH);
        assert_eq!(wait.is_some(), status != 200);
        assert!(wait.is_none_or(|it| it <= Duration::from_hours(25)), "waits {wait:?}");
    }
});
