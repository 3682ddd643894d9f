//! Look-ups of users at the rate that marketplaces require, for `--rate-seconds`. Without this
//! option the check is skipped, so that no server gets load by mistake.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream;
use reqwest::Method;
use serde_json::{Value, json};

use super::item::{Judged, Need, checks, ensure, unjudged};
use super::probe::Probe;
use super::target::query;
use super::wire::ScimRequest;
use crate::check::runner::retry_after;

checks! {
"SCIM-PROFILE-80", May, "Entra gallery (SCIM API requirements), IPSIE AL SCIM profile (Performance and Efficiency)"; "25 requests per second are answered";
    expects "each of 25 look-ups per second to succeed in time, or HTTP 429 with Retry-After in seconds or as a date";
    fix "Serve at least 25 requests per second and tenant. If you limit requests, answer 429 with Retry-After.";
    needs [Need::Filter, Need::Writes]; act(judge_rate)
}

/// Requests per second.
const RATE: u32 = 25;

/// Maximum number of requests that are sent or wait to be sent at the same time.
const AT_ONCE: usize = 100;

/// Time after the planned end within which the last answer must arrive. If it arrives later,
/// the server answers more slowly than requests arrive.
const BACKLOG: Duration = Duration::from_secs(2);

/// Maximum delay of a request. If requests are sent later, this machine is too slow to judge
/// the server.
const LATE: Duration = Duration::from_secs(1);

/// The result of one request.
enum Ending {
    Answered(Duration),
    /// 429 or 503 with a usable Retry-After.
    Limited,
    /// Another answer, or no answer.
    Wrong(String),
    /// The run ended before the request was sent.
    Unsent,
}

/// The result of one request, and the delay with which it was sent.
struct Sent {
    ending: Ending,
    late: Duration,
}

/// Waits until a request is due and sends it.
async fn send(probe: &Probe<'_>, request: &ScimRequest, due: Duration, start: Instant) -> Sent {
    let session = probe.session;
    if let Some(wait) = due.checked_sub(start.elapsed()) {
        session.wire.pause(wait).await;
    }
    let late = start.elapsed().saturating_sub(due);
    if session.runner.has_ended() {
        let ending = Ending::Unsent;
        return Sent { ending, late };
    }
    let began = Instant::now();
    let ending = match session.wire.send(request).await {
        Ok(answer) if answer.has_succeeded() => Ending::Answered(began.elapsed()),
        Ok(answer)
            if answer.header("retry-after").is_some_and(is_usable)
                && retry_after(
                    answer.status,
                    answer.header("retry-after"),
                    0,
                    session.ambient.now(),
                )
                .is_some() =>
        {
            Ending::Limited
        }
        Ok(answer) => Ending::Wrong(answer.quote()),
        Err(reason) => Ending::Wrong(format!("no answer to {}: {reason}", request.line())),
    };
    Sent { ending, late }
}

/// True if the value of Retry-After is valid: seconds or a date (RFC 9110 §10.2.3).
fn is_usable(value: &str) -> bool {
    let value = value.trim();
    let dates = jiff::fmt::rfc2822::DateTimeParser::new();
    value.parse::<u32>().is_ok() || dates.parse_timestamp(value).is_ok()
}

/// Returns the quantile of sorted values; `share` is in percent.
fn quantile(sorted: &[Duration], share: usize) -> Duration {
    let at = (sorted.len() * share / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

async fn judge_rate(probe: &Probe<'_>) -> Judged {
    let session = probe.session;
    let Some(seconds) = session.options.rate_seconds else {
        return unjudged(
            "the load check runs only with --rate-seconds, for example --rate-seconds 30",
        );
    };
    let user = probe.create_user(json!({})).await?;
    let filter = format!("userName eq {}", user.sent["userName"]);
    let by_name = query(&probe.server.users.endpoint, &[("filter", &filter)]);
    let kinds = [by_name, user.place.clone()].map(|it| session.request(Method::GET, &it, None));
    for request in &kinds {
        probe
            .send(request.clone())
            .await?
            .require_step("a look-up")?;
    }
    let (start, every) = (Instant::now(), Duration::from_secs(1) / RATE);
    let sending = (0..seconds * RATE).map(|at| {
        let request = &kinds[at as usize % kinds.len()];
        send(probe, request, every * at, start)
    });
    let sent: Vec<Sent> = stream::iter(sending)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let took = start.elapsed();

    let mut times = Vec::new();
    let (mut limited, mut wrong) = (0, Vec::new());
    for one in &sent {
        match &one.ending {
            Ending::Answered(time) => times.push(*time),
            Ending::Limited => limited += 1,
            Ending::Wrong(what) => wrong.push(what.as_str()),
            Ending::Unsent => return unjudged("the run has ended"),
        }
    }
    times.sort_unstable();
    let figure = format!(
        "{} requests in {:.1} s ({:.1} per second): {} successful, {limited} limited with Retry-After, {} other answers; 50 % within {} ms, 99 % within {} ms",
        sent.len(),
        took.as_secs_f64(),
        f64::from(seconds * RATE) / took.as_secs_f64().max(f64::from(seconds)),
        times.len(),
        wrong.len(),
        quantile(&times, 50).as_millis(),
        quantile(&times, 99).as_millis(),
    );
    probe.note(json!({ "figure": figure }));
    if let Some(first) = wrong.first() {
        return ensure(false, || {
            format!("{figure}; the first other answer: {first}")
        });
    }
    if took < Duration::from_secs(seconds.into()) + BACKLOG {
        return Ok(());
    }
    let late = sent.iter().map(|it| it.late).max().unwrap_or_default();
    if late > LATE && quantile(&times, 99) < LATE {
        return unjudged(format!(
            "this machine could not send the requests in time: {figure}"
        ));
    }
    ensure(false, || {
        format!("the server answers more slowly than requests arrive: {figure}")
    })
}

/// Returns the sentence with the measured figures from a check's evidence, if there is one.
pub(in crate::check) fn figure(evidence: &Value) -> Option<&str> {
    let mut all = evidence.as_array()?.iter();
    all.find_map(|one| one["figure"].as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_after_is_seconds_or_a_date() {
        assert!(is_usable("3") && is_usable("Sun, 29 Nov 2026 04:00:00 GMT"));
        assert!(!is_usable("soon") && !is_usable("") && !is_usable("-1"));
    }

    #[test]
    fn quantiles_of_few_values_are_values() {
        let all = [1, 2, 3].map(Duration::from_millis);
        assert_eq!(quantile(&all, 50), all[1]);
        assert_eq!(quantile(&all, 99), all[2]);
        assert_eq!(quantile(&[], 99), Duration::ZERO);
    }
}
