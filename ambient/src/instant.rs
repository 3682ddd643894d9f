//! Parsers for times that people write. Their errors contain an example.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Parses a time (RFC 3339).
///
/// # Errors
/// A text that says what was expected.
pub fn parse_time(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| format!("expected a time such as 2027-01-31T12:00:00Z, got {text:?}"))
}

/// Parses the beginning of a period: a time, or the first day, which begins at midnight UTC.
///
/// # Errors
/// A text that says what was expected.
pub fn parse_start(text: &str) -> Result<Timestamp, String> {
    parse_day_or_time(text, Some)
}

/// Parses the end of a period: a time, or the last day, which ends at midnight UTC.
///
/// # Errors
/// A text that says what was expected.
pub fn parse_end(text: &str) -> Result<Timestamp, String> {
    parse_day_or_time(text, |day| day.tomorrow().ok())
}

fn parse_day_or_time(
    text: &str,
    begin: impl FnOnce(Date) -> Option<Date>,
) -> Result<Timestamp, String> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let day = text.parse::<Date>().ok().and_then(begin);
    let midnight = day.and_then(|day| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok());
    midnight.ok_or_else(|| format!("expected 2027-01-31 or 2027-01-31T12:00:00Z, got {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_day_ends_at_midnight_and_a_first_day_begins_then() {
        let end = |text: &str| parse_end(text).unwrap().to_string();
        assert_eq!(end("2027-01-31"), "2027-02-01T00:00:00Z");
        assert_eq!(end("2027-01-31T12:00:00Z"), "2027-01-31T12:00:00Z");
        let start = parse_start("2027-01-31").unwrap().to_string();
        assert_eq!(start, "2027-01-31T00:00:00Z");
        for refused in [parse_end, parse_start, parse_time].map(|parse| parse("tomorrow")) {
            assert!(refused.unwrap_err().contains("2027-01-31"));
        }
    }
}
