//! Finds out before the checks which attributes the server requires although its schema does not,
//! and how soon a change becomes visible.

use std::time::Duration;

use serde_json::json;

use super::check_error::{CheckError, summary};
use super::item::{Judged, Need, checks, ensure, unjudged};
use super::probe::Probe;
use super::reading::{text, values};
use super::server::Server;
use super::session::Session;
use super::target::query;
use super::target::segment;
use super::wire::ScimAnswer;

checks! {
"SCIM-DISC-28", Should, "RFC 7643 §7"; "The User schema marks every required attribute as required";
    expects "a user with what the schema requires to be created";
    fix "Set required to true for every attribute without which you refuse a user: clients map attributes by the schema.";
    needs [Need::Writes]; act(judge_required_attributes)
}

/// Attributes that servers often require although their schema does not.
const USUAL: [&str; 4] = ["displayName", "name", "emails", "active"];

/// Longest time to wait until a change becomes visible.
const MAX_LAG: Duration = Duration::from_secs(10);

async fn judge_required_attributes(probe: &Probe<'_>) -> Judged {
    if !probe.session.created.has_any() {
        return unjudged("the server created no user before the checks");
    }
    let wanted = probe.session.wanted_attributes();
    ensure(wanted.is_empty(), || {
        let refusal = probe.session.refusal.get().cloned().unwrap_or_default();
        format!(
            "users without {} are refused, and the schema does not require it: {refusal}",
            wanted.join(", ")
        )
    })
}

/// Finds out which attributes users need, and how soon a new user is found.
///
/// # Errors
/// When the server refuses every user that the checks can create. Then it requires something that
/// it does not announce.
pub(super) async fn prepare(session: &Session<'_>, server: &Server) -> Result<(), CheckError> {
    let probe = Probe::new(session, server);
    let Some(first) = try_user(&probe).await else {
        return Ok(());
    };
    if first.has_succeeded() {
        measure_lag(&probe, &first).await;
        return Ok(());
    }
    if !is_refusal(&first) {
        // The server has an error of its own, or no POST: SCIM-CREATE-01 judges that.
        return Ok(());
    }
    session.want(&USUAL);
    let Some(fuller) = try_user(&probe).await else {
        return Ok(());
    };
    if !fuller.has_succeeded() {
        if is_refusal(&fuller) {
            let answer = summary(&fuller);
            return Err(match session.options.template {
                Some(_) => CheckError::NoTemplateUsers(answer),
                None => CheckError::NoUsers(answer),
            });
        }
        return Ok(());
    }
    let _ = session.refusal.set(first.quote());
    for name in USUAL {
        let rest: Vec<&str> = USUAL.into_iter().filter(|it| *it != name).collect();
        let rest: Vec<&str> = rest
            .into_iter()
            .filter(|it| {
                session
                    .wanted_attributes()
                    .iter()
                    .any(|wanted| wanted == it)
            })
            .collect();
        let before = session.wanted_attributes();
        session.want(&rest);
        if !try_user(&probe).await.is_some_and(|it| it.has_succeeded()) {
            let before: Vec<&str> = before.iter().map(String::as_str).collect();
            session.want(&before);
        }
    }
    measure_lag(&probe, &fuller).await;
    Ok(())
}

async fn try_user(probe: &Probe<'_>) -> Option<ScimAnswer> {
    let body = probe.user_body(json!({}));
    let answer = probe.post(&probe.server.users.endpoint, &body).await;
    answer.ok()
}

/// True if the server understood the request and refused the user.
fn is_refusal(answer: &ScimAnswer) -> bool {
    matches!(answer.status, 300..=399 | 400 | 401 | 403 | 409 | 422)
}

/// True if a list may show a new user later. If the server refuses filters or ignores them, waiting
/// does not help.
fn can_lag(list: &ScimAnswer) -> bool {
    let body = list.json().unwrap_or_default();
    list.has_succeeded() && values(&body, "Resources").is_empty()
}

/// Measures how long it takes until a new user can be read and found.
async fn measure_lag(probe: &Probe<'_>, made: &ScimAnswer) {
    let body = match probe.read_resource(made).await {
        Ok(body) => body,
        Err(_) => return,
    };
    let (Some(id), Some(name)) = (text(&body, &["id"]), text(&body, &["userName"])) else {
        return;
    };
    let endpoint = &probe.server.users.endpoint;
    let place = format!("{endpoint}/{}", segment(id));
    let filter = format!("userName eq \"{name}\"");
    let list = query(endpoint, &[("filter", &filter)]);
    let finds = |answer: &ScimAnswer| {
        let body = answer.json().unwrap_or_default();
        let mut all = values(&body, "Resources").iter();
        all.any(|one| text(one, &["id"]) == Some(id))
    };
    let (mut waited, mut step) = (Duration::ZERO, Duration::from_millis(100));
    let mut is_shown = false;
    while waited <= MAX_LAG && !is_shown {
        let (Ok(read), Ok(list)) = (probe.get(&place).await, probe.get(&list).await) else {
            return;
        };
        is_shown = read.has_succeeded() && finds(&list);
        if is_shown || !can_lag(&list) {
            break;
        }
        let why = "until a new user is found by its userName";
        probe.session.pause(step, why).await;
        waited += step;
        step = (step * 2).min(Duration::from_secs(2));
    }
    // A user that never becomes visible is not a delay; the checks report it.
    if is_shown && !waited.is_zero() {
        probe.session.set_lag(waited * 2);
    }
}
