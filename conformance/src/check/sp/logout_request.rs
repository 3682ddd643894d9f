//! The LogoutRequest of the played identity provider.

use jiff::SignedDuration;
use saml::message::{LogoutRequest, Principal};

use super::Judge;

/// Creates a valid LogoutRequest for these sessions of a user, with `location` as its
/// `Destination`. It is valid for five minutes.
pub(in crate::check) fn logout_request(
    judge: &Judge,
    user: &str,
    session_indexes: Vec<String>,
    location: &str,
) -> LogoutRequest {
    let now = judge.ambient.now();
    LogoutRequest {
        id: format!("_{}", judge.ambient.rng().hex(16)),
        issue_instant: now,
        issuer: judge.provider.entity_id.clone(),
        destination: Some(location.to_owned()),
        not_on_or_after: Some(now + SignedDuration::from_secs(300)),
        reason: None,
        principal: Principal::Named(judge.person.name_id_of(user)),
        session_indexes,
    }
}
