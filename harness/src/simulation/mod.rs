//! The controls of the simulation, on a page and by commands: license keys, DNS records,
//! the clock, faults and social identities. The page also explains SAML messages, and runs
//! checks.

mod api;
mod checks;
mod controls;
mod explain;
mod forms;
mod lock;
mod site;
mod view;

pub use checks::Checks;
#[cfg(windows)]
pub use checks::STOP_BY_INPUT;
pub use controls::{
    Application, ClockState, ControlError, Controlled, Controls, FaultCatalogue, FaultEntry,
    KeyOrder, KnownKey,
};
pub use site::{Page, Served, Site};

/// Reads the end of a license: a time (RFC 3339), or the last day, which ends at midnight
/// UTC.
///
/// # Errors
/// A text that says what was expected.
pub fn parse_end(text: &str) -> Result<jiff::Timestamp, String> {
    ambient::instant::parse_end(text).map_err(|why| format!("invalid date: {why}"))
}
