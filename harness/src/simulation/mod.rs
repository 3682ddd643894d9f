//! The controls of the simulation, on a page and by commands: license keys, DNS records,
//! the clock, faults and social identities. The page also explains SAML messages.

mod api;
mod controls;
mod explain;
mod forms;
mod lock;
mod site;
mod view;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub use controls::{
    Application, ClockState, ControlError, Controlled, Controls, FaultCatalogue, FaultEntry,
    KeyOrder,
};
pub use site::{Page, Served, Site};

/// Reads the end of a license: a time (RFC 3339), or the last day, which ends at midnight
/// UTC.
///
/// # Errors
/// A text that says what was expected.
pub fn parse_end(text: &str) -> Result<Timestamp, String> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let end = text.parse::<Date>().ok().and_then(|day| {
        let midnight = day.tomorrow().ok()?.at(0, 0, 0, 0);
        TimeZone::UTC.to_timestamp(midnight).ok()
    });
    end.ok_or_else(|| {
        format!("invalid date: expected 2027-01-31 or 2027-01-31T12:00:00Z, got {text:?}")
    })
}

#[cfg(test)]
mod tests {
    use super::parse_end;

    #[test]
    fn a_last_day_ends_at_midnight() {
        let end = |text: &str| parse_end(text).unwrap().to_string();
        assert_eq!(end("2027-01-31"), "2027-02-01T00:00:00Z");
        assert_eq!(end("2027-01-31T12:00:00Z"), "2027-01-31T12:00:00Z");
        assert!(parse_end("tomorrow").unwrap_err().contains("2027-01-31"));
    }
}
