//! The authorization server that issues access tokens for the SCIM endpoint: its metadata, its
//! answers, and the secrets that it accepts. Without the credentials of an OAuth client the checks are
//! skipped.

use serde_json::json;

use super::item::{Judged, checks, ensure, unjudged};
use super::oauth_probe::{request, request_valid_token, require_client, require_refusal};
use super::probe::Probe;
use super::reading::value_to_text;
use crate::check::oauth::{Authentication, Metadata, TokenRequest};

checks! {
harm Protection;
"SCIM-OAUTH-01", Must, "RFC 8414 §3.3"; "The metadata of the authorization server contains the issuer that it was read for";
    expects "issuer identical to --oauth-issuer, character by character";
    fix "Set issuer in the metadata to the URL from which clients derive the address of the metadata: otherwise one server can speak for another.";
    needs []; act(judge_metadata_issuer)
"SCIM-OAUTH-02", Must, "RFC 8414 §2"; "The metadata of the authorization server contains response_types_supported";
    expects "an array in response_types_supported, which may be empty";
    fix "Add the required member response_types_supported to the metadata.";
    needs []; act(judge_response_types)
"SCIM-OAUTH-03", Must, "RFC 8414 §2"; "The metadata does not offer unsigned client assertions";
    expects "token_endpoint_auth_signing_alg_values_supported without none, and present if private_key_jwt or client_secret_jwt is offered";
    fix "List the accepted signature algorithms, and remove the algorithm none from the list.";
    needs []; act(judge_assertion_algorithms)
"SCIM-OAUTH-04", Must, "RFC 6749 §5.1"; "The token endpoint answers with access_token and token_type in JSON";
    expects "HTTP 200, application/json, access_token, and token_type Bearer in any letter case";
    fix "Return both members in a JSON object, with the media type application/json.";
    needs []; act(judge_token_answer)
"SCIM-OAUTH-05", Must, "RFC 6749 §5.1"; "An answer with an access token must not be cached";
    expects "Cache-Control with no-store";
    fix "Send Cache-Control: no-store with every answer that contains a token.";
    needs []; act(judge_cache_control)
"SCIM-OAUTH-06", Should, "RFC 6749 §5.1"; "The token endpoint says how long an access token is valid";
    expects "expires_in, a number of seconds above 0";
    fix "Return expires_in: without it clients notice the end of a token only by a failed request.";
    needs []; act(judge_token_lifetime)
"SCIM-OAUTH-07", Must, "RFC 6749 §5.2"; "The token endpoint answers a client that it does not authenticate with invalid_client";
    expects "HTTP 400 or 401 with error invalid_client; after a wrong Authorization header, HTTP 401 with WWW-Authenticate";
    fix "Return the error invalid_client, and for HTTP Basic also status 401 and WWW-Authenticate.";
    needs []; act(judge_invalid_client)
"SCIM-OAUTH-08", Must, "RFC 6749 §3.2.1"; "The token endpoint refuses a wrong client secret";
    expects "no token for a wrong secret";
    fix "Compare the secret with that of the client, and issue a token only if they are equal.";
    needs []; act(judge_wrong_secret)
"SCIM-OAUTH-09", Must, "RFC 6749 §3.2.1"; "The token endpoint refuses a client that does not authenticate";
    expects "no token for a client ID alone";
    fix "Require client authentication for the grant client_credentials (RFC 6749 §4.4): a client ID is no secret.";
    needs []; act(judge_missing_credentials)
"SCIM-OAUTH-10", May, "RFC 6749 §2.3.1"; "After a client gets a new secret, the former one stays valid until it is revoked";
    expects "a token for each of the two secrets";
    fix "Keep the former secret valid until it is revoked, so that clients can change to the new one without an outage.";
    needs []; act(judge_two_secrets)
"SCIM-OAUTH-11", Must, "RFC 6749 §3.2.1"; "The token endpoint refuses a revoked client secret";
    expects "no token for the secret of --revoked-client-secret";
    fix "Delete a revoked secret everywhere, also in caches.";
    needs []; act(judge_revoked_secret)
}

fn require_metadata<'p>(probe: &'p Probe<'_>) -> Judged<&'p Metadata> {
    let metadata = require_client(probe)?.settings().metadata.as_ref();
    let Some(metadata) = metadata else {
        return unjudged("the metadata is not known: give --oauth-issuer");
    };
    probe.note(json!({
        "request": {"method": "GET", "target": metadata.url, "headers": {}, "body": null},
        "answer": {"status": 200, "headers": {}, "body": metadata.document},
    }));
    Ok(metadata)
}

async fn judge_metadata_issuer(probe: &Probe<'_>) -> Judged {
    let metadata = require_metadata(probe)?;
    let issuer = &metadata.document["issuer"];
    ensure(issuer == &metadata.issuer, || {
        format!(
            "issuer is {} in {}",
            value_to_text(Some(issuer)),
            metadata.url
        )
    })
}

async fn judge_response_types(probe: &Probe<'_>) -> Judged {
    let types = &require_metadata(probe)?.document["response_types_supported"];
    ensure(types.is_array(), || {
        format!("response_types_supported is {}", value_to_text(Some(types)))
    })
}

async fn judge_assertion_algorithms(probe: &Probe<'_>) -> Judged {
    let document = &require_metadata(probe)?.document;
    let list = |name: &str| document[name].as_array().cloned().unwrap_or_default();
    let methods = list("token_endpoint_auth_methods_supported");
    let by_jwt = |it: &serde_json::Value| it == "private_key_jwt" || it == "client_secret_jwt";
    let algorithms = list("token_endpoint_auth_signing_alg_values_supported");
    ensure(!algorithms.iter().any(|it| it == "none"), || {
        "token_endpoint_auth_signing_alg_values_supported contains none".to_owned()
    })?;
    ensure(
        !algorithms.is_empty() || !methods.iter().any(by_jwt),
        || {
            "token_endpoint_auth_signing_alg_values_supported is missing, although signed assertions are offered".to_owned()
        },
    )
}

async fn judge_token_answer(probe: &Probe<'_>) -> Judged {
    let answer = request_valid_token(probe).await?;
    let kind = answer.body["token_type"].as_str();
    let media = answer.header("content-type").unwrap_or_default();
    ensure(answer.status == 200, || answer.summary())?;
    ensure(
        kind.is_some_and(|it| it.eq_ignore_ascii_case("bearer")),
        || {
            format!(
                "token_type is {}",
                value_to_text(Some(&answer.body["token_type"]))
            )
        },
    )?;
    let is_json = media
        .split(';')
        .next()
        .is_some_and(|it| it.trim().eq_ignore_ascii_case("application/json"));
    ensure(is_json, || format!("Content-Type is {media:?}"))
}

async fn judge_cache_control(probe: &Probe<'_>) -> Judged {
    let answer = request_valid_token(probe).await?;
    let said = answer.header("cache-control").unwrap_or_default();
    let is_uncached = said.to_ascii_lowercase().contains("no-store");
    ensure(is_uncached, || format!("Cache-Control is {said:?}"))
}

async fn judge_token_lifetime(probe: &Probe<'_>) -> Judged {
    let answer = request_valid_token(probe).await?;
    let life = &answer.body["expires_in"];
    ensure(life.as_u64().is_some_and(|it| it > 0), || {
        format!("expires_in is {}", value_to_text(Some(life)))
    })
}

/// A request of a client that is not authenticated.
fn unauthenticated_request(probe: &Probe<'_>) -> Judged<TokenRequest> {
    let mark = &probe.session.mark;
    Ok(match require_client(probe)?.settings().authentication {
        Authentication::PrivateKeyJwt(_) | Authentication::Federated(_) => TokenRequest::Nobody,
        _ => TokenRequest::Secret(format!("wrong-{mark}")),
    })
}

async fn judge_invalid_client(probe: &Probe<'_>) -> Judged {
    request_valid_token(probe).await?;
    let answer = request(probe, &unauthenticated_request(probe)?).await?;
    if answer.token().is_some() {
        return unjudged("the client was not refused");
    }
    let error = &answer.body["error"];
    ensure(error == "invalid_client", || {
        format!(
            "error is {} with HTTP {}",
            value_to_text(Some(error)),
            answer.status
        )
    })?;
    let settings = require_client(probe)?.settings();
    if matches!(settings.authentication, Authentication::SecretBasic(_)) {
        let has_challenge = answer.header("www-authenticate").is_some();
        return ensure(answer.status == 401 && has_challenge, || {
            format!(
                "HTTP {}, WWW-Authenticate is {}",
                answer.status,
                if has_challenge { "there" } else { "missing" }
            )
        });
    }
    ensure(matches!(answer.status, 400 | 401), || {
        format!("HTTP {}", answer.status)
    })
}

async fn judge_wrong_secret(probe: &Probe<'_>) -> Judged {
    let wrong = unauthenticated_request(probe)?;
    if wrong == TokenRequest::Nobody {
        return unjudged("the client does not authenticate by a secret");
    }
    require_refusal(probe, &wrong, "a wrong secret").await
}

async fn judge_missing_credentials(probe: &Probe<'_>) -> Judged {
    require_refusal(probe, &TokenRequest::Nobody, "a client ID alone").await
}

async fn judge_two_secrets(probe: &Probe<'_>) -> Judged {
    let Some(second) = require_client(probe)?.settings().second_secret.clone() else {
        return unjudged("no second secret is given: give --second-client-secret-file");
    };
    request_valid_token(probe).await?;
    let answer = request(probe, &TokenRequest::Secret(second)).await?;
    ensure(answer.token().is_some(), || {
        format!("the second secret was answered with {}", answer.summary())
    })?;
    request_valid_token(probe).await.map(drop)
}

async fn judge_revoked_secret(probe: &Probe<'_>) -> Judged {
    let Some(revoked) = require_client(probe)?.settings().revoked_secret.clone() else {
        return unjudged("no revoked secret is given: give --revoked-client-secret-file");
    };
    require_refusal(probe, &TokenRequest::Secret(revoked), "a revoked secret").await
}
