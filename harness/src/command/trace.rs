//! `rehearsal trace`: explains SAML messages.

use std::io::Write as _;
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
    /// SAML message in any encoding, HTML page, HAR file, export of SAML-tracer, metadata,
    /// or a recording of check idp; `-` reads standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// Metadata of the sender, to verify signatures with; one entity or an aggregate.
    /// Repeatable
    #[arg(long, value_name = "FILE|URL")]
    metadata: Vec<String>,
    /// Entity ID of the service provider, to check the audience
    #[arg(long, value_name = "ENTITY-ID")]
    audience: Option<String>,
    /// URL of the service provider's assertion consumer service, to check Destination and
    /// Recipient. Repeatable
    #[arg(long, value_name = "URL", value_parser = acs_url)]
    acs: Vec<String>,
    /// Private key of the service provider (RSA; PEM or DER), to decrypt assertions
    #[arg(long, value_name = "FILE")]
    key: Option<String>,
    /// Time at which the message is checked, such as 2027-01-31T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<Timestamp>,
    /// Print the XML documents too, indented
    #[arg(long)]
    xml: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Parses a time in the form of RFC 3339.
fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        format!("expected a date and time such as 2027-01-31T12:00:00Z or 2027-01-31T12:00:00+01:00, got {text}")
    })
}

/// Accepts a URL and returns it as it was written, because service providers compare its text.
fn acs_url(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(text.to_owned()),
        _ => Err(format!(
            "expected a URL such as https://sp.example/acs, got {text}"
        )),
    }
}

impl Trace {
    /// Returns true if no message would be refused.
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        let bytes = if self.file == "-" {
            ambient::text_file::read_stream(std::io::stdin().lock())
                .context("cannot read standard input")?
        } else {
            ambient::text_file::read_bytes(&self.file).map_err(|error| {
                let shown: String = self.file.chars().take(60).collect();
                let shown = if shown == self.file { shown } else { shown + "…" };
                // Not as its source, because what to do comes after the reason.
                anyhow!(
                    "cannot read the file {shown}: {error}; to give the message itself, write it to standard input: `rehearsal trace -`"
                )
            })?
        };
        let (mut trusted, mut entities) = (Vec::new(), Vec::new());
        for place in &self.metadata {
            let text = read_metadata("--metadata", place, Duration::from_secs(10)).await?;
            let metadata = sources::unwrapped_metadata(&text);
            let keys = trace::read_trusted_keys(&metadata)
                .map_err(|error| anyhow!("cannot use the metadata {place}: {error}"))?;
            trusted.extend(keys);
            entities.extend(trace::read_entities(&metadata));
        }
        let decryption_key = match &self.key {
            Some(path) => {
                let bytes = ambient::text_file::read_bytes(path)
                    .with_context(|| format!("cannot read {path}"))?;
                Some(DecryptionKey::read(&bytes).with_context(|| format!("invalid --key {path}"))?)
            }
            None => None,
        };
        let known = Known {
            trusted,
            entities,
            audience: self.audience,
            acs: self.acs,
            now: Some(self.at.unwrap_or_else(|| Ambient::real().now())),
            decryption_key,
        };
        let accounts = trace::accounts(sources::read_bytes(&bytes)?, &known);
        let mut out = ambient::terminal::out();
        if self.json {
            let json = serde_json::to_string_pretty(&accounts)?;
            writeln!(ambient::terminal::out_json(), "{json}")?;
        } else {
            let texts = accounts.iter().map(|it| it.to_text(self.xml));
            write!(out, "{}", texts.collect::<Vec<_>>().join("\n"))?;
        }
        if accounts.iter().any(|it| it.verdict.is_refused()) {
            return Ok(false);
        }
        anyhow::ensure!(
            !accounts.iter().any(|it| it.is_too_large),
            "a document is larger than what trace reads, so nothing in it was judged; give only the part that is needed"
        );
        Ok(true)
    }
}
