//! Finds out before the checks which attributes the server requires although its schema does not,
//! and how soon a change becomes visible.

use std::time::Duration;

use serde_json::json;

use super::check_error::{CheckError, summary};
use super::item::{Judged, Need, checks, ensure, unjudged};
use super::outcome::TEXTS;
use super::probe::Probe;
use super::reading::{member, text, values};
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

/// The same for a change of which it is not known whether the server stores it.
const MAX_LAG_OF_UNKNOWN: Duration = Duration::from_secs(2);

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
        measure_lags(&probe, &first).await;
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
                None if matches!(fuller.status, 401 | 403) => CheckError::MayNotCreate(answer),
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
    measure_lags(&probe, &fuller).await;
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
    list.has_succeeded()
        && values(&body, "Resources").is_empty()
        // A list that counts resources and has none does not come later.
        && list.lost_resources().is_none()
}

/// Measures how long it takes until a new user can be found, and a change be read.
async fn measure_lags(probe: &Probe<'_>, made: &ScimAnswer) {
    let Ok(body) = probe.read_resource(made).await else {
        return;
    };
    let (Some(id), Some(name)) = (text(&body, &["id"]), text(&body, &["userName"])) else {
        return;
    };
    let lags = [
        measure_lag_of_lists(probe, id, name).await,
        measure_lag_of_reads(probe, id).await,
    ];
    let longest = lags.into_iter().flatten().max();
    if let Some(lag) = longest.filter(|lag| !lag.is_zero()) {
        probe.session.set_lag(lag * 2);
    }
}

/// The wait until a change is visible, with longer and longer pauses.
struct Wait {
    waited: Duration,
    step: Duration,
}

impl Wait {
    fn new() -> Self {
        Self {
            waited: Duration::ZERO,
            step: Duration::from_millis(100),
        }
    }

    /// Waits a little longer. Returns false after [`MAX_LAG`]: a change that never becomes visible
    /// is no delay, and the checks report it.
    async fn pause(&mut self, probe: &Probe<'_>, why: &str) -> bool {
        if self.waited > MAX_LAG {
            return false;
        }
        probe.session.pause(self.step, why).await;
        self.waited += self.step;
        self.step = (self.step * 2).min(Duration::from_secs(2));
        true
    }
}

/// Measures how long it takes until a new user can be read and found.
async fn measure_lag_of_lists(probe: &Probe<'_>, id: &str, name: &str) -> Option<Duration> {
    let endpoint = &probe.server.users.endpoint;
    let place = format!("{endpoint}/{}", segment(id));
    let filter = format!("userName eq \"{name}\"");
    let list = query(endpoint, &[("filter", &filter)]);
    let finds = |answer: &ScimAnswer| {
        let body = answer.json().unwrap_or_default();
        let mut all = values(&body, "Resources").iter();
        all.any(|one| text(one, &["id"]) == Some(id))
    };
    let mut wait = Wait::new();
    loop {
        let read = probe.get(&place).await.ok()?;
        let list = probe.get(&list).await.ok()?;
        if read.has_succeeded() && finds(&list) {
            return Some(wait.waited);
        }
        let why = "until a new user is found by its userName";
        if !can_lag(&list) || !wait.pause(probe, why).await {
            return None;
        }
    }
}

/// Measures how long it takes until a read shows a change, for example because reads go to a replica
/// of the database.
async fn measure_lag_of_reads(probe: &Probe<'_>, id: &str) -> Option<Duration> {
    let place = format!("{}/{}", probe.server.users.endpoint, segment(id));
    let has = |name: &&str| probe.server.users.schema.attribute(name).is_some();
    let name = ["displayName"].into_iter().chain(TEXTS).find(has)?;
    let value = json!(format!("{} Later", probe.session.mark));
    let shows = |answer: &ScimAnswer| {
        let body = answer.json().filter(|_| answer.has_succeeded());
        body.is_some_and(|body| member(&body, name) == Some(&value))
    };
    let changed = if probe.server.lacks(Need::Patch).is_none() {
        let operation = json!([{"op": "replace", "path": name, "value": value}]);
        probe.patch(&place, operation).await.ok()?
    } else {
        let mut body = probe.get(&place).await.ok()?.json()?;
        body[name] = value.clone();
        probe.put(&place, &body).await.ok()?
    };
    // An answer with another value means that the server does not store it.
    if !changed.has_succeeded() || changed.json().is_some() && !shows(&changed) {
        return None;
    }
    // An answer without a body does not say whether it is stored.
    let most = if changed.json().is_some() {
        MAX_LAG
    } else {
        MAX_LAG_OF_UNKNOWN
    };
    let mut wait = Wait::new();
    loop {
        if shows(&probe.get(&place).await.ok()?) {
            return Some(wait.waited);
        }
        if wait.waited > most || !wait.pause(probe, "until a read shows a change").await {
            return None;
        }
    }
}
