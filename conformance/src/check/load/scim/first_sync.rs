//! The first synchronization of a directory: all users, then all groups with their members, then
//! everything is read back.

use std::sync::Arc;

use super::super::{Performed, Plan, Run, Target, engine};
use super::client::Client;
use super::pool::{Made, Pool};
use super::{Failure, GROUP};
use crate::check::scim::wire::Pending;

/// A part of the synchronization.
enum Phase {
    Users,
    /// Groups of these users.
    Groups(Vec<Arc<Made>>),
    /// Reads these users.
    ReadUsers(Vec<Arc<Made>>),
    /// Reads these groups.
    ReadGroups(Vec<Arc<Made>>),
}

struct Part {
    client: Arc<Client>,
    pool: Arc<Pool>,
    phase: Phase,
}

fn at(all: &[Arc<Made>], number: u64) -> Option<&Arc<Made>> {
    all.get(usize::try_from(number).ok()?)
}

impl Part {
    async fn run_operation(&self, number: u64) -> Result<(), Failure> {
        match &self.phase {
            Phase::Users => self.pool.create_user(&self.client).await.map(drop),
            Phase::Groups(users) => {
                let size = usize::try_from(GROUP).unwrap_or(usize::MAX);
                let members = usize::try_from(number).ok();
                let members = members.and_then(|it| users.chunks(size).nth(it));
                let members = members.unwrap_or_default();
                self.pool.create_group(&self.client, number, members).await
            }
            Phase::ReadUsers(users) => match at(users, number) {
                Some(user) => self.pool.read_user(&self.client, user).await,
                None => Ok(()),
            },
            Phase::ReadGroups(groups) => match at(groups, number) {
                Some(group) => self.pool.read_group(&self.client, group).await,
                None => Ok(()),
            },
        }
    }
}

impl Target for Part {
    fn perform(&self, number: u64) -> Pending<'_, Performed> {
        Box::pin(async move {
            Performed {
                operation: match self.phase {
                    Phase::Users => "create",
                    Phase::Groups(_) => "create group",
                    Phase::ReadUsers(_) => "read",
                    Phase::ReadGroups(_) => "read group",
                },
                result: self.run_operation(number).await,
            }
        })
    }
}

/// Creates `users` users and their groups, and reads them back.
pub(super) async fn run(run: &Run, client: &Arc<Client>, pool: &Arc<Pool>, users: u64) {
    let begin = run.time.now();
    let part = async |phase: Phase, count: u64| {
        let spent = run.time.now().saturating_sub(begin);
        let plan = Plan {
            count: Some(count),
            duration: run.plan.duration.map(|it| it.saturating_sub(spent)),
            ..run.plan.clone()
        };
        let part = Part {
            client: Arc::clone(client),
            pool: Arc::clone(pool),
            phase,
        };
        let run = Run {
            plan,
            ..run.clone()
        };
        engine::run(&run, Arc::new(part)).await;
    };
    let count = |all: &[Arc<Made>]| u64::try_from(all.len()).unwrap_or(u64::MAX);
    part(Phase::Users, users).await;
    let made = pool.users();
    part(Phase::Groups(made.clone()), count(&made).div_ceil(GROUP)).await;
    let groups = pool.groups();
    part(Phase::ReadUsers(made.clone()), count(&made)).await;
    part(Phase::ReadGroups(groups.clone()), count(&groups)).await;
}
