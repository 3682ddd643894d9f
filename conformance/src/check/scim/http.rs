//! Checks of HTTP, media types and errors (RFC 7644 §3.1, §3.8, §3.12).

use reqwest::Method;
use serde_json::json;

use super::item::{Judged, Need, checks, ensure, unjudged};
use super::probe::Probe;
use super::reading::{ERROR, or_missing, speaks, text};
use super::support::require_no_general_failure;
use super::wire::{ScimAnswer, ScimRequest};

checks! {
"SCIM-HTTP-01", Must, "RFC 7644 §3.8"; "Accept: application/scim+json is answered with that media type";
    expects "Content-Type: application/scim+json";
    fix "Send every body with Content-Type: application/scim+json.";
    needs []; act(judge_scim_media_type)
"SCIM-HTTP-02", Should, "RFC 7644 §3.8"; "Accept: application/json is answered with JSON";
    expects "200 with JSON";
    fix "Answer requests with Accept: application/json too: many clients send it.";
    needs []; act(judge_plain_json)
"SCIM-HTTP-03", Should, "RFC 7644 §3.8"; "Without a preference in Accept, the media type is application/scim+json";
    expects "Accept: */* to be answered with application/scim+json";
    fix "Use application/scim+json as the default.";
    needs []; act(judge_default_media_type)
"SCIM-HTTP-04", Must, "RFC 7644 §3.8"; "Non-ASCII text is stored and returned unchanged, in UTF-8";
    expects "a displayName with letters of several scripts to come back as it was sent";
    fix "Read and write JSON as UTF-8.";
    needs [Need::Writes, Need::Keeps(&["displayName"])]; act(judge_utf_8)
"SCIM-HTTP-05", Should, "RFC 7644 §3.8"; "A body with Content-Type: application/json is accepted";
    expects "POST with Content-Type: application/json: 201";
    fix "Accept both application/scim+json and application/json.";
    needs [Need::Writes]; act(judge_plain_json_body)
"SCIM-HTTP-06", Should, "RFC 7644 §3.8"; "A charset parameter in Content-Type is accepted";
    expects "POST with Content-Type: application/scim+json; charset=utf-8: 201";
    fix "Ignore parameters when comparing the media type.";
    needs [Need::Writes]; act(judge_charset)
"SCIM-HTTP-07", Must, "RFC 7644 §3.12"; "An unknown id is answered with 404";
    expects "GET /Users/{unknown}: 404";
    fix "Answer 404 for an id that no resource has.";
    needs []; act(judge_unknown_id)
"SCIM-HTTP-08", Must, "RFC 7644 §3.12"; "The member schemas of an error contains the URN of the Error schema";
    expects "schemas with urn:ietf:params:scim:api:messages:2.0:Error";
    fix "Send every error in the SCIM error format.";
    needs []; act(judge_error_schema)
"SCIM-HTTP-09", Must, "RFC 7644 §3.12"; "The member status of an error is the HTTP status, as a JSON string";
    expects "\"status\": \"404\"";
    fix "Write status as a JSON string, equal to the HTTP status.";
    needs []; act(judge_error_status)
"SCIM-HTTP-10", Must, "RFC 7644 §3.12"; "An unknown endpoint is answered with 404";
    expects "GET /Nonesuch: 404";
    fix "Answer 404 for unknown paths below the base URL too.";
    needs []; act(judge_unknown_endpoint)
"SCIM-HTTP-11", Should, "RFC 9110 §15.5.6"; "An unsupported method is refused with 405, 404 or 501";
    expects "PUT /Users: 405, or 404 or 501";
    fix "Answer 405 with Allow where the path exists but does not support the method.";
    needs [Need::Writes]; act(judge_unknown_method)
"SCIM-HTTP-12", Must, "RFC 9110 §15.5.6"; "A 405 lists the methods that are allowed";
    expects "an Allow header on 405";
    fix "Send Allow with every 405.";
    needs [Need::Writes]; act(judge_allow_header)
"SCIM-HTTP-13", Must, "RFC 7644 §3.12"; "A body that is not JSON is refused with 400";
    expects "POST /Users with half a document: 400";
    fix "Answer 400 with scimType invalidSyntax: a body that cannot be parsed is an error of the client.";
    needs [Need::Writes]; act(judge_broken_json)
"SCIM-HTTP-14", Should, "RFC 7644 §3.12"; "The error for a body that is not JSON has scimType invalidSyntax";
    expects "scimType invalidSyntax";
    fix "Send scimType invalidSyntax, so that the client knows that the body is wrong.";
    needs [Need::Writes]; act(judge_broken_json_error)
"SCIM-HTTP-15", Should, "RFC 9110 §15.5.16"; "A body of another media type is refused with 415";
    expects "POST /Users with Content-Type: text/plain: 415";
    fix "Refuse a body whose Content-Type is not a JSON media type.";
    needs [Need::Writes]; act(judge_other_media_type)
"SCIM-HTTP-16", Should, "RFC 9110 §15.5.7"; "Accept with an unsupported media type is answered with 406 or with JSON";
    expects "Accept: text/html: 406, or a JSON body";
    fix "Answer 406, or send application/scim+json anyway.";
    needs []; act(judge_unsupported_accept)
"SCIM-HTTP-17", Must, "RFC 7644 §3.12"; "A body that is a JSON array is refused with 400";
    expects "POST /Users with []: 400";
    fix "Answer 400 invalidSyntax to a body that is not a JSON object: every resource is one.";
    needs [Need::Writes]; act(judge_array_as_body)
"SCIM-HTTP-18", Must, "RFC 7644 §3.12"; "An id with special characters is answered with a 4xx status";
    expects "GET /Users/{quotes, percent signs, a slash, all encoded}: 404, or another 4xx status";
    fix "Decode the id and use it as data, for example as a parameter of the database query.";
    needs []; act(judge_odd_id)
"SCIM-HTTP-19", Should, "RFC 7644 §3.12"; "A very deeply nested filter does no harm to the server";
    expects "5,000 parentheses: no 5xx status, and the server still answers";
    fix "Limit the depth of filters, and refuse deeper ones with 400 invalidFilter or tooMany.";
    needs [Need::Filter]; act(judge_deep_filter)
"SCIM-HTTP-20", Should, "RFC 7644 §3.11"; "/Me is answered with the resource, a redirect, 501 or 404";
    expects "GET /Me: 200, 308, 501 or 404";
    fix "Answer 501 to /Me if the request has no current user.";
    needs []; act(judge_me)
"SCIM-HTTP-21", May, "RFC 7644 §3.12"; "The member detail of an error explains what is wrong";
    expects "a text detail in a 404";
    fix "Write into detail what was expected, what was received and what to do.";
    needs []; act(judge_error_detail)
}

async fn get_with_accept(probe: &Probe<'_>, accept: &str) -> Judged<ScimAnswer> {
    let mut request = probe.ask(
        Method::GET,
        &format!("{}?count=1", probe.server.users.endpoint),
    );
    request.headers.retain(|(name, _)| name != "accept");
    request
        .headers
        .push(("accept".to_owned(), accept.to_owned()));
    probe.send(request).await
}

fn unknown(probe: &Probe<'_>) -> String {
    format!("{}/{}", probe.server.users.endpoint, probe.session.mark)
}

async fn get_unknown(probe: &Probe<'_>) -> Judged<ScimAnswer> {
    let answer = probe.get(&unknown(probe)).await?;
    if answer.status < 400 {
        return unjudged(format!("the answer was not an error: {}", answer.quote()));
    }
    Ok(answer)
}

fn raw(probe: &Probe<'_>, media_type: &str, body: &str) -> ScimRequest {
    let mut request = probe.ask(Method::POST, &probe.server.users.endpoint);
    let media_type = media_type.to_owned();
    request
        .headers
        .push(("content-type".to_owned(), media_type));
    request.body = Some(body.to_owned());
    request
}

async fn judge_scim_media_type(probe: &Probe<'_>) -> Judged {
    let answer = get_with_accept(probe, "application/scim+json").await?;
    answer.require_step("GET of the users")?;
    if answer.media_type() == "application/scim+json" {
        return Ok(());
    }
    let said = or_missing(answer.header("content-type"));
    answer.wrong(format!("Content-Type is {said}"))
}

/// The control: the same request with the media type of SCIM.
async fn is_listed(probe: &Probe<'_>) -> Judged {
    let answer = get_with_accept(probe, "application/scim+json").await?;
    answer.require_step("GET of the users").map(drop)
}

async fn judge_plain_json(probe: &Probe<'_>) -> Judged {
    let answer = get_with_accept(probe, "application/json").await?;
    if !answer.has_succeeded() {
        is_listed(probe).await?;
    }
    answer.is(200)?;
    answer.body().map(drop)
}

async fn judge_default_media_type(probe: &Probe<'_>) -> Judged {
    let answer = get_with_accept(probe, "*/*").await?;
    answer.require_step("GET of the users")?;
    if answer.media_type() == "application/scim+json" {
        return Ok(());
    }
    let said = or_missing(answer.header("content-type"));
    answer.wrong(format!("Content-Type is {said}"))
}

async fn judge_utf_8(probe: &Probe<'_>) -> Judged {
    let shown = format!("{} Žofie 山田 Ωμέγα 🦦", probe.session.mark);
    let user = probe.create_user(json!({ "displayName": shown })).await?;
    let now = probe.fetch(&user).await?;
    ensure(text(&now, &["displayName"]) == Some(&shown), || {
        let said = or_missing(text(&now, &["displayName"]));
        format!("displayName is {said}, expected {shown}")
    })
}

async fn judge_plain_json_body(probe: &Probe<'_>) -> Judged {
    let body = probe.user_body(json!({})).to_string();
    let answer = probe.send(raw(probe, "application/json", &body)).await?;
    answer.is_success()
}

async fn judge_charset(probe: &Probe<'_>) -> Judged {
    let body = probe.user_body(json!({})).to_string();
    let media_type = "application/scim+json; charset=utf-8";
    probe
        .send(raw(probe, media_type, &body))
        .await?
        .is_success()
}

async fn judge_unknown_id(probe: &Probe<'_>) -> Judged {
    probe.get(&unknown(probe)).await?.is(404)
}

async fn judge_error_schema(probe: &Probe<'_>) -> Judged {
    let answer = get_unknown(probe).await?;
    if speaks(&answer.body()?, ERROR) {
        return Ok(());
    }
    answer.wrong("schemas does not contain the URN of the Error schema")
}

async fn judge_error_status(probe: &Probe<'_>) -> Judged {
    let answer = get_unknown(probe).await?;
    let wanted = answer.status.to_string();
    if text(&answer.error_body()?, &["status"]) == Some(&wanted) {
        return Ok(());
    }
    answer.wrong(format!("status is not \"{wanted}\""))
}

async fn judge_unknown_endpoint(probe: &Probe<'_>) -> Judged {
    probe.get("/Nonesuch").await?.is(404)
}

async fn judge_unknown_method(probe: &Probe<'_>) -> Judged {
    let answer = probe.put(&probe.server.users.endpoint, &json!({})).await?;
    answer.is_one_of(&[405, 404, 501])
}

async fn judge_allow_header(probe: &Probe<'_>) -> Judged {
    let answer = probe.put(&probe.server.users.endpoint, &json!({})).await?;
    if answer.status != 405 {
        return unjudged(format!("the status was not 405: {}", answer.quote()));
    }
    if answer.header("allow").is_some() {
        return Ok(());
    }
    answer.wrong("there is no Allow")
}

async fn judge_broken_json(probe: &Probe<'_>) -> Judged {
    let request = raw(probe, "application/scim+json", "{\"schemas\": [");
    probe.send(request).await?.is(400)
}

async fn judge_broken_json_error(probe: &Probe<'_>) -> Judged {
    let request = raw(probe, "application/scim+json", "{\"schemas\": [");
    let answer = probe.send(request).await?;
    if answer.status != 400 {
        return unjudged(format!("the status was not 400: {}", answer.quote()));
    }
    answer.is_error(400, "invalidSyntax")
}

async fn judge_other_media_type(probe: &Probe<'_>) -> Judged {
    let body = probe.user_body(json!({})).to_string();
    probe.send(raw(probe, "text/plain", &body)).await?.is(415)
}

async fn judge_unsupported_accept(probe: &Probe<'_>) -> Judged {
    let answer = get_with_accept(probe, "text/html").await?;
    if answer.status == 406 {
        return Ok(());
    }
    if !answer.has_succeeded() {
        is_listed(probe).await?;
    }
    answer.body().map(drop)
}

async fn judge_array_as_body(probe: &Probe<'_>) -> Judged {
    let request = raw(probe, "application/scim+json", "[]");
    probe.send(request).await?.is(400)
}

async fn judge_odd_id(probe: &Probe<'_>) -> Judged {
    let target = format!("{}/%27%22%25%3B%2F--", probe.server.users.endpoint);
    probe.get(&target).await?.is_refused()
}

async fn judge_deep_filter(probe: &Probe<'_>) -> Judged {
    let filter = format!("{}id pr{}", "(".repeat(5000), ")".repeat(5000));
    let mut answer = probe.list_users(&[("filter", &filter)]).await?;
    answer.request = "GET /Users?filter=((((…id pr…))))".to_owned();
    if answer.status >= 500 {
        require_no_general_failure(probe, "pr", "(id pr)").await?;
        return answer.wrong("the server failed");
    }
    let users = format!("{}?count=1", probe.server.users.endpoint);
    probe.get(&users).await?.is(200)
}

async fn judge_me(probe: &Probe<'_>) -> Judged {
    probe.get("/Me").await?.is_one_of(&[200, 308, 501, 404])
}

async fn judge_error_detail(probe: &Probe<'_>) -> Judged {
    let answer = get_unknown(probe).await?;
    if text(&answer.error_body()?, &["detail"]).is_some_and(|said| !said.is_empty()) {
        return Ok(());
    }
    answer.wrong("there is no detail")
}
