//! Checks of authentication (RFC 7644 §2, §7; RFC 9110 §11).

use reqwest::Method;
use serde_json::json;

use super::item::{Judged, Need, Stop, checks, ensure, unjudged};
use super::probe::Probe;
use super::reading::{ERROR, speaks, text};
use super::target::query;
use super::wire::{ScimAnswer, ScimRequest};

/// The check that sends the token in the query of a URL.
pub(super) const TOKEN_IN_QUERY: &str = "SCIM-AUTH-06";

checks! {
harm Protection;
"SCIM-AUTH-01", Must, "RFC 7644 §3.12"; "A request without a token is refused with 401";
    expects "GET /Users without Authorization: 401";
    fix "Require the token at every endpoint that serves resources.";
    needs []; act(judge_missing_token)
"SCIM-AUTH-02", Must, "RFC 7644 §3.12"; "A wrong token is refused with 401";
    expects "GET /Users with an unknown token: 401";
    fix "Answer 401 where the token is unknown, expired or revoked; 403 is for a valid token without the permission.";
    needs []; act(judge_wrong_token)
"SCIM-AUTH-03", Must, "RFC 7644 §2"; "A 401 has a WWW-Authenticate header";
    expects "a WWW-Authenticate header on 401";
    fix "Send WWW-Authenticate, such as Bearer realm=\"scim\", with every 401 (also RFC 9110 §15.5.2).";
    needs []; act(judge_challenge)
"SCIM-AUTH-04", Must, "RFC 7644 §3.12"; "A 401 has a SCIM error body";
    expects "a JSON body with the Error schema and status \"401\"";
    fix "Let the authentication layer answer with the SCIM error format too.";
    needs []; act(judge_error_body)
"SCIM-AUTH-05", Should, "RFC 7644 §7.4"; "No answer contains the token";
    expects "answers to a known and to a wrong token without the token";
    fix "Leave tokens out of bodies, headers and error details.";
    needs []; act(judge_token_leak)
"SCIM-AUTH-06", Should, "RFC 7644 §7.4"; "A token in the query string is not accepted";
    expects "GET /Users?access_token=… without Authorization: 401";
    fix "Accept tokens only in the Authorization header: URLs are written to logs.";
    needs []; act(judge_token_in_query)
"SCIM-AUTH-07", Must, "RFC 9110 §11.1"; "The authentication scheme is compared without regard to letter case";
    expects "Authorization: bearer … to do as Bearer …";
    fix "Accept bearer and BEARER as Bearer.";
    needs []; act(judge_scheme_case)
"SCIM-AUTH-08", Must, "RFC 7644 §3.12"; "No resource is created without a token";
    expects "POST /Users without Authorization: 401";
    fix "Authenticate the request before you do anything else.";
    needs [Need::Writes]; act(judge_create_without_token)
"SCIM-AUTH-09", Must, "RFC 7644 §3.12"; "No resource is deleted with a wrong token";
    expects "DELETE of a user with an unknown token: 401, and the user is still there";
    fix "Authenticate the request before you do anything else.";
    needs [Need::Writes]; act(judge_delete_with_wrong_token)
"SCIM-AUTH-10", Should, "RFC 7644 §7.6"; "Without a token, the answers do not reveal which ids exist";
    expects "the same status for a known and an unknown id";
    fix "Authenticate the request before looking anything up.";
    needs [Need::Writes]; act(judge_id_disclosure)
}

fn bare(probe: &Probe<'_>, method: Method, target: &str) -> ScimRequest {
    let mut request = probe.ask(method, target);
    request.headers.retain(|(name, _)| name != "authorization");
    let session = probe.session;
    if session.credentials.scheme().is_none() {
        // The custom headers contain the credentials.
        let custom = &session.options.headers;
        request.headers.retain(|header| !custom.contains(header));
    }
    request
}

fn wrong(probe: &Probe<'_>, method: Method, target: &str) -> ScimRequest {
    let mut request = bare(probe, method, target);
    let unknown = probe.session.credentials.unknown(&probe.session.mark);
    let authorization = unknown.authorization();
    let header = authorization.map(|value| ("authorization".to_owned(), value));
    request.headers.extend(header);
    request
}

/// Symptoms of a server without authentication, which fails several checks: they are one finding.
fn openness(request: &ScimRequest) -> Vec<String> {
    let never = |what: &str| format!("{what} was never refused");
    let mut symptoms = vec![
        never("a request without a valid token"),
        never(&format!("{} without a valid token", request.method)),
    ];
    if request.header("authorization").is_some() {
        symptoms.push(never("a wrong token"));
    }
    symptoms
}

/// Sends a request that the server must refuse because it has no valid token.
async fn send_unauthorized(probe: &Probe<'_>, request: ScimRequest) -> Judged<ScimAnswer> {
    let symptoms = openness(&request);
    let answer = probe.send(request).await?;
    if answer.has_succeeded() {
        probe.suspect(symptoms);
    } else if matches!(answer.status, 401 | 403) {
        probe.session.disprove(symptoms);
    }
    Ok(answer)
}

async fn require_refusal(probe: &Probe<'_>) -> Judged<ScimAnswer> {
    let request = bare(probe, Method::GET, &probe.server.users.endpoint);
    let answer = send_unauthorized(probe, request).await?;
    if answer.status == 401 {
        Ok(answer)
    } else {
        unjudged(format!("the status was not 401: {}", answer.quote()))
    }
}

async fn judge_missing_token(probe: &Probe<'_>) -> Judged {
    let request = bare(probe, Method::GET, &probe.server.users.endpoint);
    send_unauthorized(probe, request).await?.is(401)
}

/// Returns the answer to a wrong token.
pub(super) async fn send_wrong_token(probe: &Probe<'_>) -> Judged<ScimAnswer> {
    let request = wrong(probe, Method::GET, &probe.server.users.endpoint);
    send_unauthorized(probe, request).await
}

async fn judge_wrong_token(probe: &Probe<'_>) -> Judged {
    send_wrong_token(probe).await?.is(401)
}

async fn judge_challenge(probe: &Probe<'_>) -> Judged {
    let answer = require_refusal(probe).await?;
    if answer
        .header("www-authenticate")
        .is_some_and(|said| !said.trim().is_empty())
    {
        return Ok(());
    }
    answer.wrong("there is no WWW-Authenticate")
}

async fn judge_error_body(probe: &Probe<'_>) -> Judged {
    let answer = require_refusal(probe).await?;
    let body = answer.body()?;
    if speaks(&body, ERROR) && text(&body, &["status"]) == Some("401") {
        return Ok(());
    }
    answer.wrong("schemas or status are not those of an error")
}

async fn judge_token_leak(probe: &Probe<'_>) -> Judged {
    let endpoint = &probe.server.users.endpoint;
    let unknown = format!("{endpoint}/{}", probe.session.mark);
    let request = wrong(probe, Method::GET, endpoint);
    let presented = format!("wrong-{}", probe.session.mark);
    let own = probe.session.credentials.secrets();
    let own = own.first().cloned().unwrap_or_default();
    for (answer, secret) in [
        (probe.get(&unknown).await?, &own),
        (probe.send(request).await?, &presented),
    ] {
        let header = answer
            .headers
            .iter()
            .find(|(_, value)| value.contains(secret.as_str()));
        ensure(
            secret.is_empty() || !answer.text.contains(secret.as_str()) && header.is_none(),
            || format!("the token is in the answer of {}", answer.request),
        )?;
    }
    Ok(())
}

async fn judge_token_in_query(probe: &Probe<'_>) -> Judged {
    let Some(token) = probe.session.credentials.bearer() else {
        return unjudged("the checks authenticate without a bearer token");
    };
    let parameters = [("access_token", token.as_str())];
    let target = query(&probe.server.users.endpoint, &parameters);
    let mut answer = send_unauthorized(probe, bare(probe, Method::GET, &target)).await?;
    answer.request = "GET /Users?access_token=…".to_owned();
    answer.is(401)
}

async fn judge_scheme_case(probe: &Probe<'_>) -> Judged {
    let mut request = bare(probe, Method::GET, &probe.server.users.endpoint);
    let credentials = &probe.session.credentials;
    let (Some(scheme), Some(parameter)) = (credentials.scheme(), credentials.parameter()) else {
        return unjudged("the checks authenticate without an Authorization header");
    };
    if send_unauthorized(probe, request.clone())
        .await?
        .has_succeeded()
    {
        return unjudged("a request without a token is answered, so this would prove nothing");
    }
    let value = format!("{} {parameter}", scheme.to_lowercase());
    request.headers.push(("authorization".to_owned(), value));
    probe.send(request).await?.is(200)
}

async fn judge_create_without_token(probe: &Probe<'_>) -> Judged {
    let mut request = bare(probe, Method::POST, &probe.server.users.endpoint);
    request.body = Some(probe.user_body(json!({})).to_string());
    let json = "application/scim+json".to_owned();
    request.headers.push(("content-type".to_owned(), json));
    send_unauthorized(probe, request).await?.is(401)
}

async fn judge_delete_with_wrong_token(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let answer = send_unauthorized(probe, wrong(probe, Method::DELETE, &user.place)).await?;
    probe.get(&user.place).await?.is(200)?;
    if answer.status != 401 && !probe.delete(&user.place).await?.has_succeeded() {
        // The right token does not work either: the server has no DELETE.
        let why = format!("DELETE never succeeds: {}", answer.quote());
        return Err(Stop::Follows("SCIM-DELETE-01", why));
    }
    answer.is(401)
}

async fn judge_id_disclosure(probe: &Probe<'_>) -> Judged {
    let user = probe.create_user(json!({})).await?;
    let unknown = unknown_like(&user.place);
    // The control: with the token, the id is unknown.
    let found = probe.get(&unknown).await?;
    if found.status != 404 {
        let why = format!(
            "expected no user with an id that does not exist, got {}",
            found.quote()
        );
        return unjudged(&why);
    }
    let known = send_unauthorized(probe, bare(probe, Method::GET, &user.place)).await?;
    let other = send_unauthorized(probe, bare(probe, Method::GET, &unknown)).await?;
    if known.status == other.status {
        return Ok(());
    }
    other.wrong(format!(
        "without a valid token, the id of a user ({}) is answered with {} and an unknown id with {}; both must be the same",
        user.place, known.status, other.status
    ))
}

/// Returns a path of the same form with an unused id. A server may refuse ids of another form before
/// it checks the token, so the new id is a UUID if the old one is, and a number if that is one.
fn unknown_like(place: &str) -> String {
    let id = place.rsplit('/').next().unwrap_or_default();
    // The next number may be the id of another user.
    if id.len() < 12 && id.bytes().all(|it| it.is_ascii_digit()) {
        return format!("{place}00000");
    }
    let end = |it: char| match it {
        '0'..='8' | 'a'..='e' | 'A'..='E' => char::from_u32(u32::from(it) + 1).unwrap_or('0'),
        'f' => 'a',
        'F' => 'A',
        _ => '0',
    };
    let mut signs: Vec<char> = place.chars().collect();
    if let Some(last) = signs.last_mut() {
        *last = end(*last);
    }
    signs.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::unknown_like;

    #[test]
    fn an_unknown_id_has_the_form_of_the_known_one() {
        let uuid = "/Users/4da8eccd-36a5-48df-bcfe-254aa4528f4f";
        assert_eq!(
            unknown_like(uuid),
            "/Users/4da8eccd-36a5-48df-bcfe-254aa4528f4a"
        );
        assert_eq!(unknown_like("/Users/abc9"), "/Users/abc0");
        // The next number may be the id of another user.
        assert_eq!(unknown_like("/Users/42"), "/Users/4200000");
    }
}
