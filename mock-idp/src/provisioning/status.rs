//! The provisioning status of each subject of a store, and new attempts on request.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::queue;
use crate::Idp;
use crate::directory::get_existing;
use crate::refusal::{Refused, Result};
use crate::store::resources::Kind;
use crate::store::sync::{self, Subject};
use crate::store::users;

/// The provisioning status of a user at a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The target has the current data.
    Synced,
    /// The user is in the queue, for a first or a further attempt.
    Pending,
    /// All attempts failed.
    Failed,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Synced => "SYNCED",
            Self::Pending => "PENDING",
            Self::Failed => "FAILED",
        }
    }
}

/// A user and its status at a store.
#[derive(Debug, Clone)]
pub(crate) struct SyncedUser {
    pub id: String,
    /// `None` if the user was deleted and must still be removed from the target.
    pub username: Option<String>,
    pub state: State,
    pub remote_id: Option<String>,
    pub error: Option<String>,
    pub attempts: i64,
    pub next_attempt_at: Option<Timestamp>,
    pub last_sync_at: Option<Timestamp>,
}

/// Which users and groups to provision again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Again {
    /// All of them, as after a change of the connection or rule.
    All,
    /// The subjects that failed.
    Failed,
    /// The user with this id.
    User(String),
}

impl Idp {
    /// Returns all users at a store or in its queue, ordered by id.
    pub(crate) async fn list_synced_users(
        &self,
        environment: &str,
        store: &str,
    ) -> Result<Vec<SyncedUser>> {
        let mut db = self.store.read().await?;
        get_existing(&mut db, environment, Kind::Store, store).await?;
        let mut all = BTreeMap::new();
        for (id, known, at) in sync::list_known(&mut db, environment, store, "user").await? {
            let state = match (&known.error, &known.remote_id) {
                (Some(_), _) => State::Failed,
                (None, Some(_)) => State::Synced,
                // Its creation was sent, and no answer is stored.
                (None, None) => State::Pending,
            };
            let user = SyncedUser {
                id: id.clone(),
                username: None,
                state,
                remote_id: known.remote_id,
                error: known.error,
                attempts: 0,
                next_attempt_at: None,
                last_sync_at: Some(at),
            };
            all.insert(id, user);
        }
        for (id, attempts, due_at, error) in
            sync::list_pending(&mut db, environment, store, "user").await?
        {
            let user = all.entry(id.clone()).or_insert(SyncedUser {
                id,
                username: None,
                state: State::Pending,
                remote_id: None,
                error: None,
                attempts: 0,
                next_attempt_at: None,
                last_sync_at: None,
            });
            user.state = State::Pending;
            user.attempts = attempts;
            user.next_attempt_at = Some(due_at);
            user.error = error.or(user.error.take());
        }
        for user in all.values_mut() {
            let found = users::get(&mut db, environment, &user.id).await?;
            user.username = found.and_then(|found| {
                crate::directory::text(&found.document, "username").map(str::to_owned)
            });
        }
        Ok(all.into_values().collect())
    }

    /// Adds subjects of a store to its queue, due at once. Returns their number.
    pub(crate) async fn synchronize_again(
        &self,
        environment: &str,
        store: &str,
        again: &Again,
    ) -> Result<usize> {
        let now = self.now();
        let mut tx = self.store.write().await?;
        get_existing(&mut tx, environment, Kind::Store, store).await?;
        let subject = |kind: &str, id: &str| Subject {
            environment: environment.to_owned(),
            store: store.to_owned(),
            kind: kind.to_owned(),
            id: id.to_owned(),
        };
        let mut put = 0;
        match again {
            Again::All => {
                queue::resynchronize(&mut tx, environment, store, now).await?;
                put = usize::try_from(sync::count_waiting(&mut tx, environment, store).await?.0)
                    .unwrap_or(0);
            }
            Again::Failed => {
                for kind in ["user", "group"] {
                    for (id, known, _) in
                        sync::list_known(&mut tx, environment, store, kind).await?
                    {
                        if known.error.is_some() {
                            sync::enqueue(&mut tx, &subject(kind, &id), now).await?;
                            put += 1;
                        }
                    }
                    for (id, attempts, _, _) in
                        sync::list_pending(&mut tx, environment, store, kind).await?
                    {
                        if attempts > 0 {
                            sync::enqueue(&mut tx, &subject(kind, &id), now).await?;
                            put += 1;
                        }
                    }
                }
            }
            Again::User(id) => {
                let known = sync::find_known(&mut tx, &subject("user", id)).await?;
                if users::get(&mut tx, environment, id).await?.is_none()
                    && known.remote_id.is_none()
                    && known.error.is_none()
                {
                    return Err(Refused::not_found("user", id));
                }
                sync::enqueue(&mut tx, &subject("user", id), now).await?;
                put = 1;
            }
        }
        tx.commit().await?;
        self.signals.wake();
        Ok(put)
    }
}
