//! `rehearsal key`: a license key, as the vendor sells it.

use std::io::Write as _;

use anyhow::bail;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use rehearsal::simulation::{KeyOrder, parse_end};

use super::target_file::TargetArgument;

/// What a license is for.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Each user takes a seat; what IdP integration needs
    PerUser,
    /// Each Mac takes a seat
    PerDevice,
}

/// Arguments of `rehearsal key`.
#[derive(Args)]
pub(crate) struct Key {
    /// Kind of license
    #[arg(long, value_enum, default_value = "per-user")]
    kind: Kind,
    /// Number of seats
    #[arg(long, value_name = "N", default_value_t = 5)]
    seats: u32,
    /// Last day (YYYY-MM-DD, UTC) or end (RFC 3339); one in the past makes an
    /// expired key [default: in a year]
    #[arg(long, value_name = "DATE", value_parser = parse_end)]
    expires: Option<Timestamp>,
    #[command(flatten)]
    target: TargetArgument,
}

impl Key {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        if self.seats == 0 {
            bail!("invalid --seats: expected a number from 1, got 0");
        }
        let order = KeyOrder {
            seats: self.seats,
            licensing: match self.kind {
                Kind::PerUser => "per-user",
                Kind::PerDevice => "per-device",
            }
            .to_owned(),
            ends: self.expires,
        };
        let key = self.target.controls().await?.create_key(&order).await?;
        writeln!(std::io::stdout(), "{key}")?;
        Ok(true)
    }
}
