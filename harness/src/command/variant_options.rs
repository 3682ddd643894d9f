//! Options of `check sp` for the variants of the faults.

use std::io::Write as _;

use ambient::Ambient;
use ambient::arguments::whole_number;
use clap::Args;
use rehearsal::check::sp::{self, Variants};

/// The variants to send.
#[derive(Args)]
pub(crate) struct VariantOptions {
    /// Send also every variant of the faults: thousands of Responses
    #[arg(long)]
    thorough: bool,
    /// Send only this number of variants, chosen by --seed
    #[arg(long, value_name = "N", requires = "thorough", value_parser = whole_number::<usize>(1..=1_000_000))]
    variants: Option<usize>,
    /// Seed that chooses the variants of --variants: the same seed chooses the same variants
    /// [default: random, and printed]
    #[arg(long, value_name = "N", requires = "variants", value_parser = whole_number::<u64>(0..=u64::MAX))]
    seed: Option<u64>,
}

impl VariantOptions {
    /// Returns the variants to send, and prints how to choose the same variants again.
    pub(crate) fn chosen(&self, ambient: &Ambient) -> anyhow::Result<Variants> {
        if !self.thorough {
            return Ok(Variants::None);
        }
        let all = sp::all_variants()?.len();
        let mut err = ambient::terminal::err();
        let Some(count) = self.variants else {
            writeln!(err, "sending up to {all} variants of the faults")?;
            return Ok(Variants::All);
        };
        let random = || {
            let mut bytes = [0; 4];
            ambient.rng().fill(&mut bytes);
            u64::from(u32::from_be_bytes(bytes))
        };
        let seed = self.seed.unwrap_or_else(random);
        writeln!(
            err,
            "sending up to {count} of {all} variants of the faults, chosen by --seed {seed}"
        )?;
        Ok(Variants::Sample { count, seed })
    }
}
