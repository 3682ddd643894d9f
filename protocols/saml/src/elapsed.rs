//! Times in refusals. People compare them with other logs, so parts of a second only distract.

use jiff::{SignedDuration, Timestamp};

/// Returns the time without parts of a second.
pub(crate) fn to_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// Returns a duration for a sentence: `1h 55m`. A duration below a second is not shortened, because it
/// would be zero.
pub(crate) fn in_words(span: SignedDuration) -> String {
    let whole = SignedDuration::from_secs(span.as_secs());
    format!("{:#}", if whole.is_zero() { span } else { whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_second_are_left_out() {
        let span = SignedDuration::new(6_900, 349_568_004);
        assert_eq!(in_words(span), "1h 55m");
        assert_eq!(in_words(SignedDuration::from_millis(300)), "300ms");
        let at: Timestamp = "2026-11-30T18:23:49.933103437Z".parse().unwrap();
        assert_eq!(to_second(at).to_string(), "2026-11-30T18:23:49Z");
    }
}
