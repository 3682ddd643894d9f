//! What the checks of the OAuth authorization server have in common: requests of tokens, with the
//! valid one as control.

use super::item::{Judged, ensure, unjudged};
use super::probe::Probe;
use crate::check::oauth::{Client, TokenAnswer, TokenRequest};

/// Why the checks are skipped if the run has no OAuth client.
pub(super) const MISSING: &str =
    "the run does not use OAuth client credentials: give --oauth-issuer or --oauth-token-url";

/// Returns the OAuth client of the run.
pub(super) fn require_client<'p>(probe: &'p Probe<'_>) -> Judged<&'p Client> {
    match probe.session.credentials.oauth() {
        Some(client) => Ok(client),
        None => unjudged(MISSING),
    }
}

/// Requests a token and records the exchange. Without an answer, nothing is judged.
pub(super) async fn request(probe: &Probe<'_>, request: &TokenRequest) -> Judged<TokenAnswer> {
    if probe.session.runner.has_ended() {
        return unjudged("the run has ended");
    }
    let answer = require_client(probe)?.request(request).await;
    match answer {
        Ok(answer) => {
            probe.note(answer.evidence.clone());
            if matches!(answer.status, 429 | 503) {
                return unjudged(format!(
                    "the token endpoint limits requests: {}",
                    answer.summary()
                ));
            }
            Ok(answer)
        }
        Err(why) => unjudged(why),
    }
}

/// The control: the valid authentication gets a token.
pub(super) async fn request_valid_token(probe: &Probe<'_>) -> Judged<TokenAnswer> {
    let answer = request(probe, &TokenRequest::Honest).await?;
    if answer.token().is_none() {
        return unjudged(format!(
            "the valid client authentication no longer gets a token: {}",
            answer.summary()
        ));
    }
    Ok(answer)
}

/// Requires that a request gets no token, after the valid one got one.
pub(super) async fn require_refusal(probe: &Probe<'_>, wrong: &TokenRequest, what: &str) -> Judged {
    request_valid_token(probe).await?;
    let answer = request(probe, wrong).await?;
    ensure(answer.token().is_none(), || {
        format!(
            "the token endpoint issued a token for {what}: HTTP {}",
            answer.status
        )
    })?;
    ensure(matches!(answer.status, 400 | 401), || {
        format!(
            "expected HTTP 400 or 401 for {what}, got {}",
            answer.summary()
        )
    })
}
