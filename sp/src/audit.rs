//! The audit log: who did what to which target, when and from which network
//! address. Entries are only appended, in the same transaction as the change
//! that they describe.

use crate::Portal;
use crate::store::audit::AuditRow;
use crate::store::{self, Db, StoreError, to_microseconds};

/// An entry of the audit log.
#[derive(Debug, Clone)]
pub struct Event {
    actor: String,
    action: &'static str,
    target: String,
    detail: String,
    address: String,
}

impl Event {
    /// Creates an event: `actor` did `action` to `target`.
    pub fn new(actor: &str, action: &'static str, target: &str) -> Self {
        Self {
            actor: actor.to_owned(),
            action,
            target: target.to_owned(),
            detail: String::new(),
            address: String::new(),
        }
    }

    /// Adds the network address of the client.
    pub fn from(mut self, address: &str) -> Self {
        address.clone_into(&mut self.address);
        self
    }

    /// Adds details.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// Appends the event to the audit log of this business account (or of none).
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
        happened: to_microseconds(portal.now()),
        actor: event.actor,
        action: event.action.to_owned(),
        target: event.target,
        detail: event.detail,
        address: event.address,
    };
    store::audit::append(db, &row).await
}
