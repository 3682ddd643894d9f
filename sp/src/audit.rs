//! The audit log: who did what to what, when and from where. Append-only,
//! written in the transaction of the act itself.

use crate::Portal;
use crate::store::audit::AuditRow;
use crate::store::{self, Db, StoreError, stored};

/// An act worth remembering.
#[derive(Debug, Clone)]
pub struct Event {
    actor: String,
    action: &'static str,
    target: String,
    detail: String,
    address: String,
}

impl Event {
    /// `actor` did `action` to `target`.
    pub fn new(actor: &str, action: &'static str, target: &str) -> Self {
        Self {
            actor: actor.to_owned(),
            action,
            target: target.to_owned(),
            detail: String::new(),
            address: String::new(),
        }
    }

    /// From this network address.
    pub fn from(mut self, address: &str) -> Self {
        address.clone_into(&mut self.address);
        self
    }

    /// With these particulars.
    pub fn saying(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// Appends the event to this business account's log.
///
/// # Errors
/// When the database fails.
pub async fn record(
    portal: &Portal,
    db: &mut Db,
    business_id: Option<&str>,
    event: Event,
) -> Result<(), StoreError> {
    tracing::info!(
        actor = event.actor,
        action = event.action,
        target_ = event.target,
        detail = event.detail,
        business = business_id,
        "audit"
    );
    let row = AuditRow {
        id: portal.ambient.rng().uuid().to_string(),
        business_id: business_id.map(str::to_owned),
        happened: stored(portal.now()),
        actor: event.actor,
        action: event.action.to_owned(),
        target: event.target,
        detail: event.detail,
        address: event.address,
    };
    store::audit::append(db, &row).await
}
