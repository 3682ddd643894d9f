//! Access tokens that the SCIM server must refuse (RFC 6749 §7, RFC 9068 §4).

use jiff::SignedDuration;

use super::item::{Judged, checks, unjudged};
use super::oauth_probe::require_client;
use super::probe::Probe;
use crate::check::oauth::{TokenForgery, expiry};

checks! {
harm Protection;
"SCIM-OAUTH-40", Must, "RFC 6749 §7"; "The SCIM server refuses an access token that was changed";
    expects "HTTP 401 for a token with one changed character";
    fix "Verify the signature of a token, or look the whole token up.";
    needs []; act(judge_tampered_token)
"SCIM-OAUTH-41", Must, "RFC 9068 §4"; "The SCIM server refuses an access token with changed claims";
    expects "HTTP 401 for a token whose claims do not belong to its signature";
    fix "Verify the signature of the whole token before you read its claims.";
    needs []; act(judge_changed_claims)
"SCIM-OAUTH-42", Must, "RFC 9068 §4"; "The SCIM server refuses an unsigned access token";
    expects "HTTP 401 for a token with alg none";
    fix "Accept a fixed list of algorithms that does not contain the algorithm none.";
    needs []; act(judge_unsigned_token)
"SCIM-OAUTH-43", Must, "RFC 9068 §4"; "The SCIM server refuses an access token that another key has signed";
    expects "HTTP 401 for a token signed with a new key, with the same header";
    fix "Verify the signature with a key that the issuer publishes at its jwks_uri.";
    needs []; act(judge_other_key)
"SCIM-OAUTH-44", Must, "RFC 8725 §3.1"; "The SCIM server refuses an access token whose HMAC key is the issuer's public key";
    expects "HTTP 401 for a token with alg HS256 and the public key as secret";
    fix "Choose the algorithm by the key of the issuer, not by the header of the token: everybody knows the public key.";
    needs []; act(judge_public_key_as_secret)
"SCIM-OAUTH-45", Must, "RFC 6749 §7"; "The SCIM server refuses an access token that has expired";
    expects "HTTP 401 for a token that expired more than 5 minutes ago";
    fix "Compare exp of a token with the time, with a tolerance of at most a few minutes.";
    needs []; act(judge_expired_token)
"SCIM-OAUTH-46", Must, "RFC 9068 §4"; "The SCIM server refuses an access token for another audience";
    expects "HTTP 401 for a valid token of the same authorization server whose aud is another API";
    fix "Require your own identifier in aud: otherwise every API that gets a token can use it here.";
    needs []; act(judge_other_audience)
}

/// Tolerance for the clocks that a resource server may have (RFC 9068 §4: "a few minutes").
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The control: the current token reads users.
async fn require_access(probe: &Probe<'_>) -> Judged {
    let answer = probe.get(&probe.server.users.endpoint).await?;
    if answer.status == 200 {
        return Ok(());
    }
    unjudged(format!(
        "the valid access token does not read users: {}",
        answer.quote()
    ))
}

async fn require_refusal(probe: &Probe<'_>, token: &str) -> Judged {
    require_access(probe).await?;
    let endpoint = &probe.server.users.endpoint;
    probe.get_with_token(endpoint, token).await?.is(401)
}

async fn require_refusal_of_forgery(probe: &Probe<'_>, forgery: TokenForgery) -> Judged {
    match forgery.of(&require_client(probe)?.token()) {
        Some(token) => require_refusal(probe, &token).await,
        None => unjudged(
            "the access token is not a JWT signed by RS256, ES256 or HS256, so it cannot be forged in this way",
        ),
    }
}

async fn judge_tampered_token(probe: &Probe<'_>) -> Judged {
    require_refusal_of_forgery(probe, TokenForgery::Signature).await
}

async fn judge_changed_claims(probe: &Probe<'_>) -> Judged {
    require_refusal_of_forgery(probe, TokenForgery::Claims).await
}

async fn judge_unsigned_token(probe: &Probe<'_>) -> Judged {
    require_refusal_of_forgery(probe, TokenForgery::Unsigned).await
}

async fn judge_other_key(probe: &Probe<'_>) -> Judged {
    require_refusal_of_forgery(probe, TokenForgery::OtherKey).await
}

async fn judge_public_key_as_secret(probe: &Probe<'_>) -> Judged {
    let forged = require_client(probe)?.tokens_by_public_key().await;
    if forged.is_empty() {
        return unjudged(
            "the access token is not a JWT, or the public key of its issuer is not known: give --oauth-issuer",
        );
    }
    for token in forged {
        require_refusal(probe, &token).await?;
    }
    Ok(())
}

async fn judge_expired_token(probe: &Probe<'_>) -> Judged {
    let limit = probe.session.ambient.now() - TOLERANCE;
    let Some(token) = require_client(probe)?.expired_token(limit) else {
        return unjudged(
            "no token of this run has expired more than 5 minutes ago: give one with --expired-token-file",
        );
    };
    if expiry(&token).is_some_and(|end| end >= limit) {
        return unjudged("the token of --expired-token-file has not expired 5 minutes ago");
    }
    require_refusal(probe, &token).await
}

async fn judge_other_audience(probe: &Probe<'_>) -> Judged {
    let settings = require_client(probe)?.settings();
    let Some(token) = settings.other_audience_token.clone() else {
        return unjudged(
            "no token for another audience is given: give --other-audience-token-file",
        );
    };
    let now = probe.session.ambient.now();
    if expiry(&token).is_some_and(|end| end <= now) {
        return unjudged("the token of --other-audience-token-file has expired");
    }
    require_refusal(probe, &token).await
}
