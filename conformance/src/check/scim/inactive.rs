//! Users who are not active (RFC 7643 §4.1.1): how they are made inactive, and a server where none
//! ever is.

use serde_json::{Value, json};

use super::body::with;
use super::item::{Judged, Need};
use super::made::Made;
use super::probe::Probe;
use super::reading::{member, require_same};
use super::wire::ScimAnswer;

/// The symptom of a server where `active` stays true. It fails many checks, which are one finding.
const NEVER: &str = "no user was ever inactive";

/// Returns the id of the check that reports this symptom.
pub(super) fn check_of(symptom: &str) -> Option<&'static str> {
    (symptom == NEVER).then_some("SCIM-PATCH-34")
}

/// Requires that the user is inactive.
pub(super) fn require_inactive(probe: &Probe<'_>, user: &Value) -> Judged {
    let judged = require_same("active", member(user, "active"), &json!(false));
    match &judged {
        Ok(()) => probe.session.disprove([NEVER.to_owned()]),
        Err(_) => probe.suspect([NEVER.to_owned()]),
    }
    judged
}

/// Sets `active` of the user to false, by PATCH or else by PUT. Returns the answer after which the
/// user is inactive.
pub(super) async fn deactivate(probe: &Probe<'_>, user: &Made) -> Judged<Option<ScimAnswer>> {
    if probe.server.lacks(Need::Patch).is_none() {
        let operation = json!([{"op": "replace", "path": "active", "value": false}]);
        let answer = probe.patch(&user.place, operation).await?;
        if is_inactive(probe, user).await? {
            return Ok(Some(answer));
        }
    }
    let whole = with(user.sent.clone(), json!({ "active": false }));
    let answer = probe.put(&user.place, &whole).await?;
    let is_done = is_inactive(probe, user).await?;
    Ok(is_done.then_some(answer))
}

async fn is_inactive(probe: &Probe<'_>, user: &Made) -> Judged<bool> {
    let now = probe.fetch(user).await?;
    Ok(member(&now, "active") == Some(&json!(false)))
}
