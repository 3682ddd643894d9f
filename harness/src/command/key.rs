//! `rehearsal key`: creates a license key, as the vendor would sell it.

use std::io::Write as _;

use ambient::arguments::whole_number;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use rehearsal::simulation::{KeyOrder, parse_end};

use super::target_file::TargetArgument;

/// What the seats of a license are counted by.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// One seat for each user; IdP integration needs this kind
    PerUser,
    /// One seat for each Mac
    PerDevice,
}

/// Arguments of `rehearsal key`.
#[derive(Args)]
pub(crate) struct Key {
    /// Kind of license
    #[arg(long, value_enum, default_value = "per-user")]
    kind: Kind,
    /// Number of seats
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = whole_number::<u32>(1..=1_000_000))]
    seats: u32,
    /// Last day (YYYY-MM-DD, UTC) or end (RFC 3339); a date in the past makes an expired
    /// key [default: in a year]
    #[arg(long, value_name = "DATE", value_parser = parse_end)]
    expires: Option<Timestamp>,
    #[command(flatten)]
    target: TargetArgument,
}

impl Key {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        let order = KeyOrder {
            seats: self.seats,
            licensing: match self.kind {
                Kind::PerUser => "per-user",
                Kind::PerDevice => "per-device",
            }
            .to_owned(),
            ends: self.expires,
        };
        let key = self
            .target
            .read_controls()
            .await?
            .create_key(&order)
            .await?;
        writeln!(ambient::terminal::out(), "{key}")?;
        Ok(true)
    }
}
