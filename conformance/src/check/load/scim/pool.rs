//! The users and groups of the run, and their expected state at the server.
//!
//! During a write, the value at the server is uncertain. So each user and group has a version. Each
//! write changes the version before it begins and after it ends. A read is compared in full only
//! if the version did not change during the read. Each user or group has at most one write at a
//! time.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ambient::Ambient;
use reqwest::Method;
use serde_json::Value;

use super::client::{Answer, Client, group_body, is_user, segment};
use super::{Failure, GROUP};

type Done<T = ()> = Result<T, Failure>;

/// Maximum number of remaining resources that the report names.
const NAMED: usize = 20;

/// The expected state of a user or group at the server.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// Counts writes: odd while one is under way.
    version: u64,
    /// True while a write is under way.
    is_busy: bool,
    /// True once it was deleted.
    pub(super) is_gone: bool,
    /// The displayName of a user; `None` if a write failed, so that the value is unknown.
    pub(super) display: Option<String>,
    /// The members of a group.
    pub(super) members: BTreeSet<String>,
    /// True if the members of a group, or whether a user is there, is not known, because a write
    /// got no answer.
    pub(super) is_uncertain: bool,
}

/// A user or a group of the run.
pub(super) struct Made {
    pub(super) id: String,
    pub(super) name: String,
    /// Number of groups with this user.
    groups: AtomicU64,
    state: Mutex<State>,
}

impl Made {
    fn new(id: String, name: String, state: State) -> Arc<Self> {
        Arc::new(Self {
            id,
            name,
            groups: AtomicU64::new(0),
            state: Mutex::new(state),
        })
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the state that the server should have now.
    pub(super) fn expected_state(&self) -> State {
        self.lock_state().clone()
    }

    /// True if nothing was written since `before` was read, and nothing is being written.
    pub(super) fn is_still(&self, before: &State) -> bool {
        let now = self.lock_state();
        !before.is_busy && now.version == before.version
    }

    pub(super) fn join(&self) {
        self.groups.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        self.groups.fetch_sub(1, Ordering::Relaxed);
    }

    fn is_in_groups(&self) -> bool {
        self.groups.load(Ordering::Relaxed) > 0
    }

    fn try_write(self: &Arc<Self>) -> Option<Writing> {
        let mut state = self.lock_state();
        if state.is_busy || state.is_gone {
            return None;
        }
        state.is_busy = true;
        state.version += 1;
        Some(Writing(Arc::clone(self)))
    }
}

/// The right to write one user or group.
pub(super) struct Writing(pub(super) Arc<Made>);

impl Writing {
    /// Changes the expected state.
    pub(super) fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock_state());
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let mut state = self.0.lock_state();
        state.is_busy = false;
        state.version += 1;
    }
}

/// The users and groups of the run.
pub(super) struct Pool {
    mark: String,
    ambient: Ambient,
    number: AtomicU64,
    users: Mutex<Vec<Arc<Made>>>,
    groups: Mutex<Vec<Arc<Made>>>,
    /// The written resources that are read next.
    written: Mutex<VecDeque<Written>>,
    /// userNames and displayNames of creations whose answer did not come: they may exist.
    lost_users: Mutex<BTreeSet<String>>,
    lost_groups: Mutex<BTreeSet<String>>,
}

/// A resource that was written.
pub(super) enum Written {
    /// A user.
    User(Arc<Made>),
    /// A group.
    Group(Arc<Made>),
}

fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    pub(super) fn new(ambient: &Ambient) -> Self {
        Self {
            mark: ambient.rng().hex(4),
            ambient: ambient.clone(),
            number: AtomicU64::new(0),
            users: Mutex::default(),
            groups: Mutex::default(),
            written: Mutex::default(),
            lost_users: Mutex::default(),
            lost_groups: Mutex::default(),
        }
    }

    pub(super) fn random(&self) -> u64 {
        u64::from_le_bytes(self.ambient.rng().bytes())
    }

    pub(super) fn users(&self) -> Vec<Arc<Made>> {
        lock(&self.users).clone()
    }

    pub(super) fn groups(&self) -> Vec<Arc<Made>> {
        lock(&self.groups).clone()
    }

    /// Returns a random user who was not deleted.
    pub(super) fn any_user(&self) -> Option<Arc<Made>> {
        let all = lock(&self.users);
        let length = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let at = usize::try_from(self.random().checked_rem(length)?).unwrap_or_default();
        let (before, from) = all.split_at(at);
        let mut from = from.iter().chain(before);
        from.find(|it| !it.lock_state().is_gone).cloned()
    }

    /// Returns a user or group to write, and searches from a random one on; `None` if all are being
    /// written.
    fn to_write(
        &self,
        of: &Mutex<Vec<Arc<Made>>>,
        fits: impl Fn(&Made) -> bool,
    ) -> Option<Writing> {
        let all = lock(of);
        let length = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let at = usize::try_from(self.random().checked_rem(length)?).unwrap_or_default();
        let (before, from) = all.split_at(at);
        let mut fitting = from.iter().chain(before).filter(|it| fits(it));
        fitting.find_map(|it| it.try_write())
    }

    pub(super) fn user_to_write(&self) -> Option<Writing> {
        self.to_write(&self.users, |_| true)
    }

    /// Returns a user who is in no group, because servers differ in how they show the groups of a
    /// deleted user.
    pub(super) fn user_to_delete(&self) -> Option<Writing> {
        self.to_write(&self.users, |it| !it.is_in_groups())
    }

    pub(super) fn group_to_write(&self) -> Option<Writing> {
        self.to_write(&self.groups, |_| true)
    }

    pub(super) fn has_written(&self, what: Written) {
        lock(&self.written).push_back(what);
    }

    pub(super) fn next_written(&self) -> Option<Written> {
        lock(&self.written).pop_front()
    }

    pub(super) fn forget_user(&self, id: &str) {
        lock(&self.users).retain(|it| it.id != id);
    }

    pub(super) fn forget_group(&self, id: &str) {
        lock(&self.groups).retain(|it| it.id != id);
    }

    pub(super) fn lost(&self) -> (Vec<String>, Vec<String>) {
        let of = |it: &Mutex<BTreeSet<String>>| lock(it).iter().cloned().collect();
        (of(&self.lost_users), of(&self.lost_groups))
    }

    pub(super) fn found_user(&self, name: &str) {
        lock(&self.lost_users).remove(name);
    }

    pub(super) fn found_group(&self, name: &str) {
        lock(&self.lost_groups).remove(name);
    }

    /// Creates a user and adds it to the pool.
    pub(super) async fn create_user(&self, client: &Client) -> Done<Arc<Made>> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let name = format!("load-{}-{number}@{}", self.mark, client.domain());
        let display = format!("Load {number}");
        let body = client.user_body(&name, &display);
        lock(&self.lost_users).insert(name.clone());
        let sent = client
            .send(Method::POST, "/Users".to_owned(), Some(body))
            .await;
        let (answer, body) = require_created(sent, || self.found_user(&name))?;
        let id = id_of(&answer, &body)?;
        self.found_user(&name);
        let state = State {
            display: Some(display.clone()),
            ..State::default()
        };
        let user = Made::new(id, name, state);
        lock(&self.users).push(Arc::clone(&user));
        is_user(&answer, &body, &user.id, &user.name)?;
        Ok(user)
    }

    /// Creates the groups of the users in the pool.
    pub(super) async fn create_groups(&self, client: &Client) -> Done {
        let users = self.users();
        let size = usize::try_from(GROUP).unwrap_or(usize::MAX);
        // Half of the users are in no group, so that they can be deleted and join.
        let members: Vec<Arc<Made>> = users.into_iter().step_by(2).collect();
        for (chunk, number) in members.chunks(size).zip(0_u64..) {
            self.create_group(client, number, chunk).await?;
        }
        Ok(())
    }

    /// Creates a group and adds it to the pool.
    pub(super) async fn create_group(
        &self,
        client: &Client,
        number: u64,
        members: &[Arc<Made>],
    ) -> Done {
        let name = format!("load-{}-group-{number}", self.mark);
        let ids: Vec<String> = members.iter().map(|it| it.id.clone()).collect();
        lock(&self.lost_groups).insert(name.clone());
        let body = group_body(&name, &ids);
        let sent = client
            .send(Method::POST, "/Groups".to_owned(), Some(body))
            .await;
        let (answer, body) = require_created(sent, || self.found_group(&name))?;
        let id = id_of(&answer, &body)?;
        self.found_group(&name);
        members.iter().for_each(|it| it.join());
        let state = State {
            members: ids.into_iter().collect(),
            ..State::default()
        };
        lock(&self.groups).push(Made::new(id, name, state));
        Ok(())
    }

    /// Reads a user and compares it with what was written.
    pub(super) async fn read_user(&self, client: &Client, user: &Arc<Made>) -> Done {
        let before = user.expected_state();
        let target = format!("/Users/{}", segment(&user.id));
        let answer = client.send(Method::GET, target, None).await?;
        let is_still = user.is_still(&before);
        let now = user.expected_state();
        if before.is_gone && is_still {
            return match answer.status() {
                404 => Ok(()),
                200 => Err(answer.wrong("a deleted user is still there")),
                _ => answer.is(&[404]),
            };
        }
        // Another operation may delete the user at this moment.
        let is_being_deleted = !is_still && (now.is_gone || now.is_busy);
        if answer.status() == 404 && (is_being_deleted || before.is_uncertain) {
            return Ok(());
        }
        answer.is(&[200])?;
        let body = answer.body()?;
        is_user(&answer, &body, &user.id, &user.name)?;
        match before.display {
            Some(display) if is_still && body["displayName"] != display.as_str() => {
                let why = format!(
                    "displayName is {}, expected \"{display}\"",
                    body["displayName"]
                );
                Err(answer.wrong_because("a write is not there when it is read", &why))
            }
            _ => Ok(()),
        }
    }

    /// Reads a group and compares its members with what was written.
    pub(super) async fn read_group(&self, client: &Client, group: &Arc<Made>) -> Done {
        let before = group.expected_state();
        let target = format!("/Groups/{}", segment(&group.id));
        let answer = client.send(Method::GET, target, None).await?;
        let is_still = group.is_still(&before);
        answer.is(&[200])?;
        let body = answer.body()?;
        if body["id"] != group.id.as_str() {
            return Err(answer.wrong("wrong id"));
        }
        let members: BTreeSet<&str> = body["members"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|it| it["value"].as_str())
            .collect();
        let expected: BTreeSet<&str> = before.members.iter().map(String::as_str).collect();
        if is_still && !before.is_uncertain && members != expected {
            return Err(answer.wrong("a group has other members than were written"));
        }
        Ok(())
    }

    /// Lists the resources of this run that are still at the server.
    pub(super) fn list_left(&self) -> Vec<String> {
        let (lost_users, lost_groups) = self.lost();
        let mut left: Vec<String> = Vec::new();
        left.extend(
            self.users()
                .iter()
                .map(|it| format!("User {} ({})", it.id, it.name)),
        );
        left.extend(
            self.groups()
                .iter()
                .map(|it| format!("Group {} ({})", it.id, it.name)),
        );
        left.extend(lost_users.iter().map(|it| format!("perhaps User {it}")));
        left.extend(lost_groups.iter().map(|it| format!("perhaps Group {it}")));
        if left.len() > NAMED {
            let more = left.len() - NAMED;
            left.truncate(NAMED);
            left.push(format!("and {more} more, all named load-{}-…", self.mark));
        }
        left
    }
}

/// Returns the body of a 201. Calls `refused` if the server refused the creation, because then the
/// resource does not exist.
fn require_created(sent: Done<Answer>, refused: impl FnOnce()) -> Done<(Answer, Value)> {
    let answer = match sent {
        Ok(answer) => answer,
        Err(limited @ Failure::Limited(_)) => {
            refused();
            return Err(limited);
        }
        Err(error) => return Err(error),
    };
    if (400..500).contains(&answer.status()) {
        refused();
    }
    answer.is(&[201])?;
    let body = answer.body()?;
    Ok((answer, body))
}

fn id_of(answer: &Answer, body: &Value) -> Done<String> {
    let id = body["id"].as_str().filter(|it| !it.is_empty());
    id.map(str::to_owned).ok_or_else(|| answer.wrong("no id"))
}
