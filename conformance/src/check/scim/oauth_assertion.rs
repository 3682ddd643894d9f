//! Client assertions that the authorization server must refuse (RFC 7523 §3). These checks run if
//! the client authenticates by assertions that are signed here.

use super::item::{Judged, checks, ensure, unjudged};
use super::oauth_probe::{request, request_valid_token, require_client, require_refusal};
use super::probe::Probe;
use crate::check::oauth::{AssertionFault, TokenRequest};

checks! {
harm Protection;
"SCIM-OAUTH-20", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion for another audience";
    expects "no token for an assertion whose aud is another server";
    fix "Require your issuer or your token endpoint in aud: otherwise another server that gets an assertion can use it here.";
    needs []; act(judge_audience)
"SCIM-OAUTH-21", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion of another issuer";
    expects "no token for an assertion whose iss is neither the client nor a trusted issuer";
    fix "Compare iss with the client ID, or with the issuer that is registered for the client.";
    needs []; act(judge_issuer)
"SCIM-OAUTH-22", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion about another subject";
    expects "no token for an assertion whose sub is not the client";
    fix "Compare sub with the client ID, or with the subject that is registered for the client. Without it, every workload of a trusted issuer is this client.";
    needs []; act(judge_subject)
"SCIM-OAUTH-23", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion that has expired";
    expects "no token for an assertion whose exp was a day ago";
    fix "Compare exp with the time, with a tolerance of minutes.";
    needs []; act(judge_expired_assertion)
"SCIM-OAUTH-24", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion without exp";
    expects "no token for an assertion without exp";
    fix "Require exp: an assertion without an end is valid forever.";
    needs []; act(judge_missing_expiry)
"SCIM-OAUTH-25", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion before nbf";
    expects "no token for an assertion whose nbf is in a day";
    fix "If an assertion contains nbf, compare it with the time.";
    needs []; act(judge_not_before)
"SCIM-OAUTH-26", Must, "RFC 7523 §3"; "The token endpoint refuses an unsigned assertion";
    expects "no token for an assertion with alg none";
    fix "Accept a fixed list of algorithms that does not contain the algorithm none.";
    needs []; act(judge_unsigned_assertion)
"SCIM-OAUTH-27", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion that another key has signed";
    expects "no token for an assertion signed with a new key, with the same header";
    fix "Verify the signature with the key that is registered for the client.";
    needs []; act(judge_other_key)
"SCIM-OAUTH-28", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion that was changed after it was signed";
    expects "no token for an assertion whose claims do not belong to its signature";
    fix "Verify the signature of the whole assertion before you read its claims.";
    needs []; act(judge_changed_assertion)
"SCIM-OAUTH-29", Must, "RFC 8725 §3.1"; "The token endpoint refuses an assertion whose HMAC key is the client's public key";
    expects "no token for an assertion with alg HS256 and the public key as secret";
    fix "Choose the algorithm by the registered key, not by the header of the assertion: everybody knows the public key.";
    needs []; act(judge_public_key_as_secret)
"SCIM-OAUTH-30", May, "RFC 7523 §3"; "The token endpoint refuses an assertion that was used before";
    expects "no token when the same assertion is sent a second time";
    fix "Remember jti until the assertion expires, and refuse it the second time.";
    needs []; act(judge_replay)
}

fn require_assertions(probe: &Probe<'_>) -> Judged {
    if require_client(probe)?.signs_assertions() {
        return Ok(());
    }
    unjudged("the client does not sign assertions: give --client-key, or --client-auth secret-jwt")
}

async fn require_refusal_of_fault(probe: &Probe<'_>, fault: AssertionFault, what: &str) -> Judged {
    require_assertions(probe)?;
    require_refusal(probe, &TokenRequest::Faulty(fault), what).await
}

async fn judge_audience(probe: &Probe<'_>) -> Judged {
    require_refusal_of_fault(
        probe,
        AssertionFault::Audience,
        "an assertion for another audience",
    )
    .await
}

async fn judge_issuer(probe: &Probe<'_>) -> Judged {
    require_refusal_of_fault(
        probe,
        AssertionFault::Issuer,
        "an assertion of another issuer",
    )
    .await
}

async fn judge_subject(probe: &Probe<'_>) -> Judged {
    require_refusal_of_fault(
        probe,
        AssertionFault::Subject,
        "an assertion about another subject",
    )
    .await
}

async fn judge_expired_assertion(probe: &Probe<'_>) -> Judged {
    require_refusal_of_fault(probe, AssertionFault::Expired, "an expired assertion").await
}

async fn judge_missing_expiry(probe: &Probe<'_>) -> Judged {
    require_refusal_of_fault(probe, AssertionFault::NoExpiry, "an assertion without exp").await
}

async fn judge_not_before(probe: &Probe<'_>) -> Judged {
    require_refusal_of_fault(probe, AssertionFault::NotYet, "an assertion before its nbf").await
}

async fn judge_unsigned_assertion(probe: &Probe<'_>) -> Judged {
    require_refusal_of_fault(probe, AssertionFault::Unsigned, "an unsigned assertion").await
}

async fn judge_other_key(probe: &Probe<'_>) -> Judged {
    require_refusal_of_fault(
        probe,
        AssertionFault::OtherKey,
        "an assertion signed with another key",
    )
    .await
}

async fn judge_changed_assertion(probe: &Probe<'_>) -> Judged {
    require_refusal_of_fault(
        probe,
        AssertionFault::Changed,
        "an assertion with changed claims",
    )
    .await
}

async fn judge_public_key_as_secret(probe: &Probe<'_>) -> Judged {
    let forged = require_client(probe)?.assertions_by_public_key();
    if forged.is_empty() {
        return unjudged("the client does not sign with a private key: give --client-key");
    }
    for assertion in forged {
        let wrong = TokenRequest::Assertion(assertion);
        require_refusal(
            probe,
            &wrong,
            "an assertion whose HMAC key is the public key",
        )
        .await?;
    }
    Ok(())
}

async fn judge_replay(probe: &Probe<'_>) -> Judged {
    require_assertions(probe)?;
    let assertion = match require_client(probe)?.assertion() {
        Ok(assertion) => TokenRequest::Assertion(assertion),
        Err(why) => return unjudged(why),
    };
    request_valid_token(probe).await?;
    let first = request(probe, &assertion).await?;
    if first.token().is_none() {
        let summary = first.summary();
        return unjudged(format!(
            "the assertion was refused the first time: {summary}"
        ));
    }
    let again = request(probe, &assertion).await?;
    ensure(again.token().is_none(), || {
        format!(
            "the same assertion got a second token: HTTP {}",
            again.status
        )
    })
}
