//! `rehearsal trace`: a readable account of SAML messages.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use ambient::Ambient;
use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use rehearsal::trace::{self, Known, sources};

use super::read_metadata;

/// Arguments of `rehearsal trace`.
#[derive(Args)]
pub(crate) struct Trace {
    /// A SAML message in any encoding, a HAR file, or a recording of check
    /// idp; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: String,
    /// The identity provider's metadata, to judge signatures by.
    #[arg(long, value_name = "FILE|URL")]
    metadata: Option<String>,
    /// The service provider's entity ID, to judge the audience by.
    #[arg(long, value_name = "ENTITY-ID")]
    audience: Option<String>,
    /// The instant at which it is judged; now by default.
    #[arg(long, value_name = "INSTANT")]
    at: Option<Timestamp>,
    /// Prints the documents too, laid out.
    #[arg(long)]
    xml: bool,
    /// Prints the machine form.
    #[arg(long)]
    json: bool,
}

impl Trace {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        let mut text = String::new();
        if self.file == "-" {
            std::io::stdin()
                .read_to_string(&mut text)
                .context("reading standard input")?;
        } else {
            text = std::fs::read_to_string(&self.file)
                .with_context(|| format!("reading {}", self.file))?;
        }
        let trusted = match &self.metadata {
            Some(place) => {
                trace::certificates(&read_metadata(place, Duration::from_secs(10)).await?)
            }
            None => Vec::new(),
        };
        let known = Known {
            trusted,
            audience: self.audience,
            now: Some(self.at.unwrap_or_else(|| Ambient::real().now())),
        };
        let accounts = trace::accounts(sources::read(&text)?, &known);
        let mut out = std::io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &accounts)?;
            writeln!(out)?;
        } else {
            let told: Vec<String> = accounts.iter().map(|it| it.told(self.xml)).collect();
            write!(out, "{}", told.join("\n"))?;
        }
        Ok(true)
    }
}
