//! Whether the service provider still starts logins after all messages of the run.

use serde_json::json;

use super::{Beyond, CheckError, Judged, breaks, holds, rows, skip};
use crate::check::Harm;

/// The most checks that a sentence names.
const NAMED: usize = 12;

rows! {
"SAML-SP-DOS-12", Should, Harm::Outage, "CWE-372"; "Logins still start at the end of the run";
    expects "the start URL to lead to the identity provider, as it did at the beginning";
    fix "Run the named checks one by one with --only, and restart the service provider between them, to find the message. A message that is refused must not change anything for the logins of others: look for a session, a cache or a setting that the service provider writes before it verifies the signature.";
    judge_start
}

async fn judge_start(beyond: &Beyond<'_>) -> Judged {
    if beyond.judge.target.start_url.is_none() {
        return skip("not judged: with --idp-initiated no login starts at the service provider");
    }
    // This also records that a login has started.
    let since = beyond.judge.provider.starts.checks();
    let login = beyond.login();
    match login.request(&login.visitor()?).await {
        Ok(_) => holds("the start URL leads to the identity provider"),
        Err(error @ (CheckError::NoRequest { .. } | CheckError::NoForm { .. })) => {
            let named = since.iter().take(NAMED).map(String::as_str);
            let named: Vec<&str> = named.collect();
            let more = match since.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            breaks(
                format!(
                    "{error}; the last login started before the messages of {}{more}",
                    named.join(", ")
                ),
                json!({"since": since}),
            )
        }
        Err(other) => Err(other.into()),
    }
}
