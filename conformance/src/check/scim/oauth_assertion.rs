//! Client assertions that the authorization server must refuse (RFC 7523 §3). These checks run if
//! the client authenticates by assertions that are signed here.

use super::item::{Judged, checks, ensure, unjudged};
use super::oauth_probe::{client, honest, refuses, request};
use super::probe::Probe;
use crate::check::oauth::{AssertionFault, TokenRequest};

checks! {
harm Protection;
"SCIM-OAUTH-20", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion for another audience";
    expects "no token for an assertion whose aud is another server";
    fix "Require your issuer or your token endpoint in aud: otherwise another server that gets an assertion can use it here.";
    needs []; act(audience)
"SCIM-OAUTH-21", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion of another issuer";
    expects "no token for an assertion whose iss is neither the client nor a trusted issuer";
    fix "Compare iss with the client ID, or with the issuer that is registered for the client.";
    needs []; act(issuer)
"SCIM-OAUTH-22", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion about another subject";
    expects "no token for an assertion whose sub is not the client";
    fix "Compare sub with the client ID, or with the subject that is registered for the client. Without it, every workload of a trusted issuer is this client.";
    needs []; act(subject)
"SCIM-OAUTH-23", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion that has expired";
    expects "no token for an assertion whose exp was a day ago";
    fix "Compare exp with the time, with a tolerance of minutes.";
    needs []; act(expired)
"SCIM-OAUTH-24", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion without exp";
    expects "no token for an assertion without exp";
    fix "Require exp: an assertion without an end is valid forever.";
    needs []; act(no_expiry)
"SCIM-OAUTH-25", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion before nbf";
    expects "no token for an assertion whose nbf is in a day";
    fix "If an assertion contains nbf, compare it with the time.";
    needs []; act(not_yet)
"SCIM-OAUTH-26", Must, "RFC 7523 §3"; "The token endpoint refuses an unsigned assertion";
    expects "no token for an assertion with alg none";
    fix "Accept a fixed list of algorithms, without none.";
    needs []; act(is_unsigned)
"SCIM-OAUTH-27", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion that another key has signed";
    expects "no token for an assertion signed with a new key, with the same header";
    fix "Verify the signature with the key that is registered for the client.";
    needs []; act(other_key)
"SCIM-OAUTH-28", Must, "RFC 7523 §3"; "The token endpoint refuses an assertion that was changed after it was signed";
    expects "no token for an assertion whose claims do not belong to its signature";
    fix "Verify the signature of the whole assertion before you read its claims.";
    needs []; act(is_changed)
"SCIM-OAUTH-29", Must, "RFC 8725 §3.1"; "The token endpoint refuses an assertion whose HMAC key is the client's public key";
    expects "no token for an assertion with alg HS256 and the public key as secret";
    fix "Choose the algorithm by the registered key, not by the header of the assertion: everybody knows the public key.";
    needs []; act(by_public_key)
"SCIM-OAUTH-30", May, "RFC 7523 §3"; "The token endpoint refuses an assertion that was used before";
    expects "no token when the same assertion is sent a second time";
    fix "Remember jti until the assertion expires, and refuse it the second time.";
    needs []; act(replayed)
}

fn signs(probe: &Probe<'_>) -> Judged {
    if client(probe)?.signs_assertions() {
        return Ok(());
    }
    unjudged("the client does not sign assertions: give --client-key, or --client-auth secret-jwt")
}

async fn faulty(probe: &Probe<'_>, fault: AssertionFault, what: &str) -> Judged {
    signs(probe)?;
    refuses(probe, &TokenRequest::Faulty(fault), what).await
}

async fn audience(probe: &Probe<'_>) -> Judged {
    faulty(
        probe,
        AssertionFault::Audience,
        "an assertion for another audience",
    )
    .await
}

async fn issuer(probe: &Probe<'_>) -> Judged {
    faulty(
        probe,
        AssertionFault::Issuer,
        "an assertion of another issuer",
    )
    .await
}

async fn subject(probe: &Probe<'_>) -> Judged {
    faulty(
        probe,
        AssertionFault::Subject,
        "an assertion about another subject",
    )
    .await
}

async fn expired(probe: &Probe<'_>) -> Judged {
    faulty(probe, AssertionFault::Expired, "an expired assertion").await
}

async fn no_expiry(probe: &Probe<'_>) -> Judged {
    faulty(probe, AssertionFault::NoExpiry, "an assertion without exp").await
}

async fn not_yet(probe: &Probe<'_>) -> Judged {
    faulty(probe, AssertionFault::NotYet, "an assertion before its nbf").await
}

async fn is_unsigned(probe: &Probe<'_>) -> Judged {
    faulty(probe, AssertionFault::Unsigned, "an unsigned assertion").await
}

async fn other_key(probe: &Probe<'_>) -> Judged {
    faulty(
        probe,
        AssertionFault::OtherKey,
        "an assertion signed with another key",
    )
    .await
}

async fn is_changed(probe: &Probe<'_>) -> Judged {
    faulty(
        probe,
        AssertionFault::Changed,
        "an assertion with changed claims",
    )
    .await
}

async fn by_public_key(probe: &Probe<'_>) -> Judged {
    let forged = client(probe)?.assertions_by_public_key();
    if forged.is_empty() {
        return unjudged("the client does not sign with a private key: give --client-key");
    }
    for assertion in forged {
        let wrong = TokenRequest::Assertion(assertion);
        refuses(
            probe,
            &wrong,
            "an assertion whose HMAC key is the public key",
        )
        .await?;
    }
    Ok(())
}

async fn replayed(probe: &Probe<'_>) -> Judged {
    signs(probe)?;
    let assertion = match client(probe)?.assertion() {
        Ok(assertion) => TokenRequest::Assertion(assertion),
        Err(why) => return unjudged(why),
    };
    honest(probe).await?;
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
