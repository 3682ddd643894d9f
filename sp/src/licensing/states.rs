//! The states of license keys and subscriptions, and what changes them.
//!
//! | key is | event | becomes |
//! |---|---|---|
//! | issued | registration | registered |
//! | issued, registered | cancellation by the vendor | cancelled |
//! | issued | its end date passes | ended |
//!
//! | subscription is | grants seats | licenses are valid |
//! |---|---|---|
//! | not started | no | no |
//! | active | yes | yes |
//! | in grace | no | yes |
//! | expired | no | no |
//! | cancelled | no | no |

use jiff::{SignedDuration, Timestamp};

use super::KeyError;
use crate::store::instant;
use crate::store::subscriptions::{KeyRow, SubscriptionRow};

/// State of a license key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// Issued and not registered yet.
    Issued,
    /// Registered; a business account has the subscription.
    Registered,
    /// Expired without being registered; contains its end.
    Ended(Timestamp),
    /// Cancelled by the vendor; contains the reason.
    Cancelled(String),
}

impl KeyState {
    /// Returns the state at this time.
    pub fn of(key: &KeyRow, now: Timestamp) -> Self {
        if let Some(reason) = &key.cancelled {
            Self::Cancelled(reason.clone())
        } else if key.used == 1 {
            Self::Registered
        } else if instant(key.ends) <= now {
            Self::Ended(instant(key.ends))
        } else {
            Self::Issued
        }
    }

    /// Checks that the key can be registered.
    ///
    /// # Errors
    /// The reason, if it cannot be registered.
    pub fn registrable(self) -> Result<(), KeyError> {
        match self {
            Self::Issued => Ok(()),
            Self::Registered => Err(KeyError::Used),
            Self::Ended(end) => Err(KeyError::Expired(end)),
            Self::Cancelled(reason) => Err(KeyError::Cancelled(reason)),
        }
    }
}

/// The status of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Before its start.
    NotStarted,
    /// Running: new licenses are granted.
    Active,
    /// After its end, within the grace period: licenses stay valid, no new ones
    /// are granted.
    InGrace,
    /// After the grace period.
    Expired,
    /// The vendor cancelled its key.
    Cancelled,
}

impl Status {
    /// Returns the status at this time.
    pub fn of(subscription: &SubscriptionRow, now: Timestamp) -> Self {
        if subscription.cancelled.is_some() {
            Self::Cancelled
        } else if holds_until(subscription) <= now {
            Self::Expired
        } else if instant(subscription.ends) <= now {
            Self::InGrace
        } else if instant(subscription.starts) > now {
            Self::NotStarted
        } else {
            Self::Active
        }
    }

    /// Returns the name used in the API and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not-started",
            Self::Active => "active",
            Self::InGrace => "in-grace",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// True if granted licenses are valid in this status.
    pub fn holds(self) -> bool {
        matches!(self, Self::Active | Self::InGrace)
    }
}

/// Returns the time until which its licenses are valid: its end plus the grace
/// period.
pub fn holds_until(subscription: &SubscriptionRow) -> Timestamp {
    let grace = SignedDuration::from_micros(subscription.grace);
    instant(subscription.ends)
        .saturating_add(grace)
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(grace_hours: i64) -> SubscriptionRow {
        SubscriptionRow {
            id: "s".into(),
            business_id: "b".into(),
            license_key: "k".into(),
            name: "n".into(),
            licensing: "per-user".into(),
            seats: 1,
            starts: at("2026-01-01T00:00:00Z").as_microsecond(),
            ends: at("2026-02-01T00:00:00Z").as_microsecond(),
            registered: 0,
            devices: 5,
            grace: i64::try_from(SignedDuration::from_hours(grace_hours).as_micros()).unwrap(),
            cancelled: None,
            group_name: None,
            group_id: None,
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_subscription_begins_runs_is_in_grace_and_ends() {
        let row = subscription(48);
        for (now, status) in [
            ("2025-12-31T23:59:59Z", Status::NotStarted),
            ("2026-01-01T00:00:00Z", Status::Active),
            ("2026-02-01T00:00:00Z", Status::InGrace),
            ("2026-02-03T00:00:00Z", Status::Expired),
        ] {
            assert_eq!(Status::of(&row, at(now)), status, "{now}");
        }
        let cancelled = SubscriptionRow {
            cancelled: Some("charged back".into()),
            ..row
        };
        let now = at("2026-01-02T00:00:00Z");
        assert_eq!(Status::of(&cancelled, now), Status::Cancelled);
        assert_eq!(
            Status::of(&subscription(0), at("2026-02-01T00:00:00Z")),
            Status::Expired
        );
    }
}
