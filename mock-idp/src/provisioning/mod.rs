//! Outbound provisioning: brings the users and groups at a SCIM target in line with the
//! directory, in near real time.
//!
//! The [`queue`] lists the subjects (users and groups) that changed. The engine here takes a few
//! users at a time, then one group after the other, computes their wanted state at the target,
//! and sends the difference by the [`client`], with the [`habits`] of the environment's flavor.
//! To support another kind of target, parse its configuration next to [`connection`].

mod backoff;
pub(crate) mod client;
pub(crate) mod connection;
mod groups;
pub(crate) mod habits;
mod look_up;
pub(crate) mod plans;
pub(crate) mod queue;
pub(crate) mod set_up;
pub(crate) mod status;
pub(crate) mod tokens;
pub(crate) mod user_mapping;
mod users;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::{Notify, watch};

use crate::Idp;
use crate::directory;
use crate::refusal::{Refused, Result};
use crate::store::Db;
use crate::store::resources::{self, Kind};
use crate::store::sync::{self, Job, Known};
use client::{Client, PushError};
use set_up::SetUp;

/// Says why a target gave no answer, without its URL and with the last cause.
fn describe_no_answer(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "the target took too long".to_owned();
    }
    let (what, cause) = ambient::http_error_cause(error);
    format!("{what}: {cause}")
}

/// Interval at which the engine checks whether a postponed operation is due. It cannot sleep
/// until then, because the clock may be simulated and advanced.
const GLANCE: Duration = Duration::from_millis(100);

/// Signals to the engine that there is work, and from the engine that an operation is done.
pub(crate) struct Signals {
    work: Notify,
    progress: watch::Sender<u64>,
}

impl Signals {
    pub(crate) fn new() -> Self {
        Self {
            work: Notify::new(),
            progress: watch::Sender::new(0),
        }
    }

    /// Wakes the engine, because the queue may have a new entry.
    pub(crate) fn wake(&self) {
        self.work.notify_one();
    }
}

/// Why a subject cannot be provisioned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Push(#[from] PushError),
    #[error(transparent)]
    Here(#[from] Refused),
}

impl From<crate::store::StoreError> for Failure {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Here(error.into())
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Here(error.into())
    }
}

/// The data for provisioning one subject.
struct Push<'p> {
    idp: &'p Idp,
    job: &'p Job,
    client: Client<'p>,
    set_up: &'p SetUp,
    known: Known,
}

/// What is known of a subject after a successful operation.
enum Record {
    /// The same as before.
    Unchanged,
    /// Its id and state at the target.
    Provisioned { remote_id: String, pushed: Value },
    /// It does not exist at the target.
    Absent,
}

/// Runs the engine until the identity provider stops.
pub(crate) async fn run(idp: Idp) {
    loop {
        let wait = match run_step(&idp).await {
            Ok(Step::Worked) => continue,
            Ok(Step::Idle) => None,
            Ok(Step::NotYet) => Some(GLANCE),
            Err(error) => {
                tracing::error!(%error, "cannot read the provisioning queue");
                Some(GLANCE)
            }
        };
        let work = async {
            match wait {
                None => idp.signals.work.notified().await,
                Some(wait) => {
                    let _ = tokio::time::timeout(wait, idp.signals.work.notified()).await;
                }
            }
        };
        tokio::select! {
            () = idp.stop.cancelled() => return,
            () = work => {}
        }
    }
}

enum Step {
    Worked,
    NotYet,
    Idle,
}

async fn run_step(idp: &Idp) -> Result<Step> {
    if idp.stop.is_cancelled() {
        return Ok(Step::Idle);
    }
    let jobs = {
        let mut db = idp.store.read().await?;
        sync::next(&mut db, idp.now(), idp.config.users_at_once).await?
    };
    let Some(first) = jobs.first() else {
        return Ok(Step::Idle);
    };
    if first.due_at > idp.now() {
        return Ok(Step::NotYet);
    }
    // A subject has one entry per store, so two of these never send the same resource.
    let settled = jobs.iter().map(|job| async move {
        let done = settle(idp, job).await;
        idp.signals.progress.send_modify(|count| *count += 1);
        done
    });
    tokio::select! {
        () = idp.stop.cancelled() => Ok(Step::Idle),
        settled = join_all(settled) => {
            settled.into_iter().collect::<Result<()>>()?;
            Ok(Step::Worked)
        }
    }
}

async fn settle(idp: &Idp, job: &Job) -> Result<()> {
    let set_up = idp.set_up(&job.subject).await;
    let (set_up, outcome) = match set_up {
        Ok(Some(set_up)) => {
            let outcome = bring_into_line(idp, job, &set_up).await;
            (Some(set_up), outcome)
        }
        Ok(None) => (None, Ok(Record::Unchanged)),
        Err(refused) => (None, Err(refused.into())),
    };
    let now = idp.now();
    let mut tx = idp.store.write_aside().await?;
    match outcome {
        Ok(record) => store_record(&mut tx, job, record, now).await?,
        Err(Failure::Push(PushError::Later { reason, after }))
            if job.attempts + 1 < idp.config.push_attempts =>
        {
            let seconds = after
                .unwrap_or_else(|| backoff::backoff_seconds(job.attempts, idp.ambient.rng()))
                .clamp(1, backoff::LONGEST);
            let until = later(now, seconds);
            tracing::warn!(subject = ?job.subject, %reason, "provisioning operation postponed until {until}");
            sync::put_off(&mut tx, job, until, &reason).await?;
            tx.commit().await?;
            return Ok(());
        }
        Err(failure) => {
            let message = failure.to_string();
            tracing::warn!(subject = ?job.subject, %message, "provisioning operation failed");
            let mut known = sync::find_known(&mut tx, &job.subject).await?;
            known.error = Some(message);
            sync::note(&mut tx, &job.subject, &known, now).await?;
        }
    }
    sync::remove_done(&mut tx, job).await?;
    if set_up.is_none_or(|it| it.is_leaving) {
        plans::forget_left(&mut tx, &job.subject.environment, &job.subject.store).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Stores what is known of the subject of a job, in the transaction that ends the job.
async fn store_record(tx: &mut Db, job: &Job, record: Record, now: Timestamp) -> Result<()> {
    let subject = &job.subject;
    match record {
        Record::Unchanged => {}
        Record::Absent => sync::forget(tx, subject).await?,
        Record::Provisioned { remote_id, pushed } => {
            let before = sync::find_known(tx, subject).await?;
            let is_new = before.remote_id.as_deref() != Some(&remote_id);
            let known = Known {
                remote_id: Some(remote_id),
                pushed: Some(pushed.to_string()),
                error: None,
            };
            sync::note(tx, subject, &known, now).await?;
            if subject.kind == "user" && is_new {
                // Only now can its groups have this user as a member at the target.
                queue::enqueue_groups_of_user(tx, &subject.environment, &subject.id, now).await?;
            }
        }
    }
    Ok(())
}

fn later(now: Timestamp, seconds: i64) -> Timestamp {
    now.saturating_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}

async fn bring_into_line(
    idp: &Idp,
    job: &Job,
    set_up: &Arc<SetUp>,
) -> std::result::Result<Record, Failure> {
    let subject = &job.subject;
    if set_up.rules.is_empty() && !job.deprovision {
        // A rule that was disabled or deleted without `deprovision` leaves the target
        // unchanged.
        return Ok(Record::Unchanged);
    }
    let connection = idp
        .authorize(&subject.environment, set_up.connection.clone())
        .await?;
    let http = idp
        .http(&connection.base_url)
        .map_err(|error| PushError::Refused(error.to_string()))?;
    let known = {
        let mut db = idp.store.read().await?;
        sync::find_known(&mut db, subject).await?
    };
    let push = Push {
        idp,
        job,
        client: Client {
            http,
            connection: &connection,
            user_agent: set_up.habits.user_agent.as_deref(),
        },
        set_up,
        known,
    };
    let done = match subject.kind.as_str() {
        "user" => push.push_user().await,
        _ => push.push_group().await,
    };
    match (done, &connection.credentials) {
        // The access token may have been revoked before it expired: get a new one and repeat
        // the operation.
        (Err(Failure::Push(PushError::Refused(reason))), Some(credentials))
            if reason.contains(": 401 ") =>
        {
            idp.target_tokens.forget(&subject.environment, credentials);
            Err(Failure::Push(PushError::Later {
                reason,
                after: None,
            }))
        }
        (done, _) => done,
    }
}

impl Push<'_> {
    /// Stores that the creation of the subject is about to be sent. Until the answer is stored,
    /// the subject may exist at the target with an unknown id, so a removal has to look it up
    /// first.
    async fn note_attempt(&self, resource: &Value) -> Result<()> {
        let known = Known {
            remote_id: None,
            pushed: Some(resource.to_string()),
            error: None,
        };
        let mut tx = self.idp.store.write_aside().await?;
        sync::note(&mut tx, &self.job.subject, &known, self.idp.now()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Returns the subject's id at the target: the stored one, or that of a resource whose
    /// creation was sent without an answer. That resource is looked up by `attribute`, and
    /// `is_ours` compares the `externalId` that was sent with the one in the answer.
    async fn find_remote_id(
        &self,
        path: &str,
        attribute: &str,
        is_ours: fn(&Value, &Value) -> bool,
    ) -> std::result::Result<Option<String>, PushError> {
        if let Some(id) = &self.known.remote_id {
            return Ok(Some(id.clone()));
        }
        let pushed = self.known.pushed.as_deref();
        let Some(attempted) = pushed.and_then(|text| serde_json::from_str::<Value>(text).ok())
        else {
            return Ok(None);
        };
        let Some(name) = attempted[attribute].as_str() else {
            return Ok(None);
        };
        let found = self.client.find_resource(path, attribute, name).await?;
        let found = found.filter(|(_, it)| is_ours(&attempted["externalId"], &it["externalId"]));
        Ok(found.map(|(id, _)| id))
    }
}

/// The state of a store's queue at the end of a wait.
pub(crate) struct Idle {
    pub idle: bool,
    pub waiting: i64,
    pub next_attempt_at: Option<Timestamp>,
}

impl Idp {
    /// Waits until the queue of the store is empty, for at most `timeout`.
    pub(crate) async fn wait_until_idle(
        &self,
        environment: &str,
        store: &str,
        timeout: Duration,
    ) -> Result<Idle> {
        {
            let mut db = self.store.read().await?;
            let kind = Kind::LeavingStore;
            if resources::get(&mut db, environment, kind, store)
                .await?
                .is_none()
            {
                directory::get_existing(&mut db, environment, Kind::Store, store).await?;
            }
        }
        let mut progress = self.signals.progress.subscribe();
        let emptied = async {
            loop {
                progress.borrow_and_update();
                let waits = {
                    let mut db = self.store.read().await?;
                    sync::is_waiting(&mut db, environment, store).await?
                };
                if !waits || progress.changed().await.is_err() {
                    return Ok::<(), Refused>(());
                }
            }
        };
        if let Ok(ended) = tokio::time::timeout(timeout, emptied).await {
            ended?;
        }
        let mut db = self.store.read().await?;
        let (waiting, next_attempt_at) = sync::count_waiting(&mut db, environment, store).await?;
        Ok(Idle {
            idle: waiting == 0,
            waiting,
            next_attempt_at,
        })
    }
}
