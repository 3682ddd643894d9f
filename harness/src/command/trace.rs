//! `rehearsal trace`: a readable account of SAML messages.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use ambient::Ambient;
use anyhow::{Context as _, anyhow};
use clap::Args;
use jiff::Timestamp;
use rehearsal::inspection::encryption::DecryptionKey;
use rehearsal::trace::{self, Known, sources};

use super::read_metadata;

/// Arguments of `rehearsal trace`.
#[derive(Args)]
pub(crate) struct Trace {
    /// A SAML message in any encoding, a page, a HAR file, an export of
    /// SAML-tracer, metadata, or a recording of check idp; `-` reads standard
    /// input.
    #[arg(value_name = "FILE")]
    file: String,
    /// The metadata of the sender, to judge signatures by; of one entity or an
    /// aggregate. May be repeated.
    #[arg(long, value_name = "FILE|URL")]
    metadata: Vec<String>,
    /// The service provider's entity ID, to judge the audience by.
    #[arg(long, value_name = "ENTITY-ID")]
    audience: Option<String>,
    /// The URL of the service provider's assertion consumer service, to judge
    /// Destination and Recipient by. May be repeated.
    #[arg(long, value_name = "URL")]
    acs: Vec<String>,
    /// The service provider's private key (RSA, PEM), to decrypt assertions.
    #[arg(long, value_name = "FILE")]
    key: Option<String>,
    /// The instant at which it is judged [default: now].
    #[arg(long, value_name = "INSTANT")]
    at: Option<Timestamp>,
    /// Prints the documents too, indented.
    #[arg(long)]
    xml: bool,
    /// Prints the machine form.
    #[arg(long)]
    json: bool,
}

impl Trace {
    /// Whether no message would be refused.
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        let mut bytes = Vec::new();
        if self.file == "-" {
            std::io::stdin()
                .read_to_end(&mut bytes)
                .context("cannot read standard input")?;
        } else {
            bytes = std::fs::read(&self.file).with_context(|| {
                let shown: String = self.file.chars().take(60).collect();
                let shown = if shown == self.file { shown } else { shown + "…" };
                format!(
                    "cannot read the file {shown}; to give the message itself, write it to standard input: `rehearsal trace -`"
                )
            })?;
        }
        let mut trusted = Vec::new();
        for place in &self.metadata {
            let text = read_metadata(place, Duration::from_secs(10)).await?;
            let keys = trace::trusted_keys(&text)
                .map_err(|error| anyhow!("cannot use the metadata {place}: {error}"))?;
            trusted.extend(keys);
        }
        let decryption_key = match &self.key {
            Some(path) => {
                let pem =
                    std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
                Some(DecryptionKey::read(&pem).with_context(|| path.clone())?)
            }
            None => None,
        };
        let known = Known {
            trusted,
            audience: self.audience,
            acs: self.acs,
            now: Some(self.at.unwrap_or_else(|| Ambient::real().now())),
            decryption_key,
        };
        let accounts = trace::accounts(sources::read_bytes(&bytes)?, &known);
        let mut out = std::io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &accounts)?;
            writeln!(out)?;
        } else {
            let texts = accounts.iter().map(|it| it.to_text(self.xml));
            write!(out, "{}", texts.collect::<Vec<_>>().join("\n"))?;
        }
        Ok(!accounts.iter().any(|it| it.verdict.is_refused()))
    }
}
