//! Load on a SCIM server: reads, filters, writes and changes of groups on users of its own, or
//! the first synchronization of a directory. Everything that was created is deleted.
//!
//! - `mix`: the frequency of each operation, as data;
//! - `client`: requests, and the errors of their answers;
//! - `pool`: the users and groups of the run, and their expected state at the server;
//! - `operations`: the operations; `first_sync`: the first synchronization;
//! - `cleanup`: deletes what was created.

mod cleanup;
mod client;
mod first_sync;
mod mix;
mod operations;
mod pool;

use std::sync::Arc;
use std::time::Duration;

use ambient::Ambient;
use url::Url;

use self::client::Client;
pub use self::mix::{Mix, MixError, Operation};
use self::operations::Mixed;
use self::pool::Pool;
use super::report::LeftOut;
use super::{Ended, Failure, Setting, engine, interruption_error, unless_interrupted, words};
use crate::check::SetUpError;
use crate::check::runner::{Access, Stop, pause};
use crate::check::scim::Options;
use crate::check::scim::credentials::Credentials;

/// Number of users in a group.
pub const GROUP: u64 = 50;

/// Maximum number of attempts of a request of the preparation when the server limits requests.
const ATTEMPTS: u32 = 20;

/// Waits because the server limits requests. Returns false if the server asks for more than
/// `longest`, or if the run ends during the wait.
async fn wait_for_limit(wait: Duration, longest: Duration, stop: &Stop) -> bool {
    if wait > longest {
        return false;
    }
    tokio::select! {
        () = pause(wait) => true,
        _ = stop.wait() => false,
    }
}

/// The requests to send.
#[derive(Debug, Clone)]
pub enum Work {
    /// A mix of operations on this number of users.
    Mixed {
        /// The weight of each operation.
        mix: Mix,
        /// Number of users that are created before the measurement.
        users: u64,
    },
    /// Creates this number of users and groups of [`GROUP`], and reads them back.
    FirstSync(u64),
}

/// Load on a SCIM server.
pub struct Load {
    client: Arc<Client>,
    pool: Arc<Pool>,
    base: String,
    work: Work,
}

impl Load {
    /// Connects to a server.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(
        base: &Url,
        access: &Access,
        credentials: &Credentials,
        options: &Options,
        work: Work,
        ambient: &Ambient,
    ) -> Result<Self, reqwest::Error> {
        let client = Client::new(base, access, credentials, options, ambient)?;
        Ok(Self {
            client: Arc::new(client),
            pool: Arc::new(Pool::new(ambient)),
            base: base.to_string(),
            work,
        })
    }

    /// Prepares, sends the load, and deletes what was created.
    ///
    /// # Errors
    /// When nothing can be measured.
    pub async fn run(&self, setting: &Setting) -> Result<Ended, SetUpError> {
        let pool = Arc::clone(&self.pool);
        setting.stop.set_leftovers(move || pool.list_left());
        setting.progress.step("", "preparing");
        let (target, left_out) = match self.prepare_work(&setting.stop).await {
            Ok(prepared) => prepared,
            Err(error) => {
                let left = self.clean_up().await;
                return Err(match left.is_empty() {
                    true => error,
                    false => SetUpError {
                        message: format!(
                            "{} Left at the target: {}.",
                            error.message,
                            left.join(", ")
                        ),
                        ..error
                    },
                });
            }
        };
        let run = setting.start();
        match (target, &self.work) {
            (Some(mixed), _) => engine::run(&run, Arc::new(mixed)).await,
            (None, Work::FirstSync(users)) => {
                first_sync::run(&run, &self.client, &self.pool, *users).await;
            }
            (None, Work::Mixed { .. }) => {}
        }
        let figures = run.figures();
        setting.progress.step("", "deleting what was created");
        let left = self.clean_up().await;
        Ok(Ended {
            figures,
            left_out,
            left,
        })
    }

    async fn prepare_work(&self, stop: &Stop) -> Result<(Option<Mixed>, Vec<LeftOut>), SetUpError> {
        match &self.work {
            Work::FirstSync(_) => {
                unless_interrupted(stop, self.reach(stop)).await?;
                Ok((None, Vec::new()))
            }
            Work::Mixed { mix, users } => {
                let (mix, left_out) = self.prepare(mix, *users, stop).await?;
                let mixed = Mixed {
                    client: Arc::clone(&self.client),
                    pool: Arc::clone(&self.pool),
                    mix,
                };
                Ok((Some(mixed), left_out))
            }
        }
    }

    async fn clean_up(&self) -> Vec<String> {
        cleanup::run(&self.client, &self.pool).await
    }

    /// Requests one user, so that a wrong URL or token is noticed before anything is created.
    async fn reach(&self, stop: &Stop) -> Result<(), SetUpError> {
        let mut attempt = 0;
        loop {
            match self.client.reach().await {
                Ok(()) => return Ok(()),
                Err(Failure::Limited(wait))
                    if attempt < ATTEMPTS
                        && wait_for_limit(wait, self.client.longest_wait, stop).await =>
                {
                    attempt += 1;
                }
                Err(failure) => return Err(self.set_up_error("GET /Users", failure)),
            }
        }
    }

    /// Creates the users of the run, and tries each operation of the mix once. Returns the mix
    /// without the operations that fail: they fail without load too, so `check scim` has to report
    /// them.
    async fn prepare(
        &self,
        mix: &Mix,
        users: u64,
        stop: &Stop,
    ) -> Result<(Mix, Vec<LeftOut>), SetUpError> {
        unless_interrupted(stop, self.reach(stop)).await?;
        for number in 0..users {
            if let Some(error) = interruption_error(stop) {
                return Err(error);
            }
            let made = self.retry_while_limited(stop, async || {
                self.pool.create_user(&self.client).await.map(drop)
            });
            if let Err(failure) = made.await {
                return Err(self.set_up_error("POST /Users", failure));
            }
            if number == 0
                && let Err(failure) = self
                    .retry_while_limited(stop, async || {
                        let user = self.pool.users()[0].clone();
                        self.pool.read_user(&self.client, &user).await
                    })
                    .await
            {
                return Err(self.set_up_error("GET /Users/{id}", failure));
            }
        }
        let mut left_out = Vec::new();
        let mut left = mix.clone();
        for operation in mix.operations() {
            if let Some(error) = interruption_error(stop) {
                return Err(error);
            }
            let tried = async {
                if operation == Operation::Group && self.pool.groups().is_empty() {
                    self.retry_while_limited(stop, async || {
                        self.pool.create_groups(&self.client).await
                    })
                    .await?;
                }
                self.retry_while_limited(stop, async || {
                    operations::perform(operation, &self.client, &self.pool).await
                })
                .await
            };
            if let Err(failure) = tried.await {
                let why = describe(&failure);
                if mix.is_chosen() {
                    return Err(SetUpError::new(
                        "operation-fails",
                        format!(
                            "The operation {} fails without any load: {why}.",
                            operation.name()
                        ),
                        "Leave it out of --mix, or find out with `rehearsal check scim` what is wrong.",
                    ));
                }
                left_out.push(LeftOut {
                    operation: operation.name().to_owned(),
                    why,
                    is_refused: is_refusal(&failure),
                });
                left.remove(operation);
            }
        }
        Ok((left, left_out))
    }

    /// Repeats a request as long as the server limits it.
    async fn retry_while_limited(
        &self,
        stop: &Stop,
        act: impl AsyncFn() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS {
            match act().await {
                Err(Failure::Limited(wait))
                    if wait_for_limit(wait, self.client.longest_wait, stop).await => {}
                done => return done,
            }
        }
        act().await
    }

    fn set_up_error(&self, what: &str, failure: Failure) -> SetUpError {
        let base = &self.base;
        let (kind, why) = match &failure {
            Failure::Limited(wait) => {
                let (wait, longest) = (wait.as_secs(), self.client.longest_wait.as_secs());
                let how = match wait > longest {
                    true => format!("it asks to wait {wait} s, and --timeout is {longest} s"),
                    false => format!("it still does after {ATTEMPTS} times of waiting"),
                };
                return SetUpError::new(
                    "rate-limited",
                    format!(
                        "The SCIM server {base} limits requests before any load is sent: {how}."
                    ),
                    "Raise the limit for the machine that sends the load, or wait longer with --timeout.",
                );
            }
            Failure::Error { kind, .. } => (kind.clone(), describe(&failure)),
        };
        if kind.starts_with(words::NO_ANSWER) {
            return SetUpError::new(
                "unreachable",
                format!("The SCIM server {base} cannot be reached: {why}."),
                "Check --base-url, and that the server runs and can be reached from this machine. A server with a private certificate needs --ca FILE.",
            );
        }
        if kind == "HTTP 401" || kind == "HTTP 403" {
            return SetUpError::new(
                "wrong-token",
                format!("The SCIM server {base} refuses the credentials: {why}."),
                "Check --token, --token-file, --basic or --header.",
            );
        }
        SetUpError::new(
            "not-judged",
            format!(
                "{what} at the SCIM server {base} does not succeed before any load is sent: {why}."
            ),
            match self.client.has_template() {
                true => {
                    "The cause may be --user-template: compare its members with /Schemas. `rehearsal check scim` says what else is wrong."
                }
                false => {
                    "Find out with `rehearsal check scim` what is wrong. A server whose users need more attributes gets them by --user-template FILE."
                }
            },
        )
    }
}

/// Returns what went wrong in a sentence.
fn describe(failure: &Failure) -> String {
    match failure {
        Failure::Limited(wait) => format!("the server asks to wait {} s", wait.as_secs()),
        // The example contains the status, or why no answer came.
        Failure::Error { kind, example }
            if kind.starts_with(client::STATUS) || kind.starts_with(words::NO_ANSWER) =>
        {
            example.clone()
        }
        Failure::Error { kind, example } => format!("{kind}: {example}"),
    }
}

/// True if the server refused the operation, as it may refuse what it does not support or the
/// credentials must not do.
fn is_refusal(failure: &Failure) -> bool {
    let statuses = [400, 401, 403, 404, 405, 501];
    match failure {
        Failure::Limited(_) => true,
        Failure::Error { kind, .. } => {
            let status = kind.strip_prefix(client::STATUS);
            status.is_some_and(|it| statuses.iter().any(|one| it == one.to_string()))
        }
    }
}
