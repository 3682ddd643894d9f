//! The configuration of a target, which all its jobs share. It is cached until anything of the
//! configuration or the directory changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::connection::Connection;
use super::habits::Habits;
use super::plans;
use super::user_mapping::{self, Mapping};
use crate::Idp;
use crate::directory;
use crate::flavor::Flavor;
use crate::refusal::Result;
use crate::store::Db;
use crate::store::resources::{self, Kind, Resource};
use crate::store::sync::Subject;

/// The configuration of a target.
pub(crate) struct SetUp {
    pub(super) connection: Connection,
    pub(super) habits: Habits,
    /// The active rules of the store.
    pub(super) rules: Vec<Resource>,
    /// True if the store was deleted: no rule covers it, so all its users are removed.
    pub(super) is_leaving: bool,
    mappings: OnceCell<Vec<Mapping>>,
}

/// Environment id and store id.
type Key = (String, String);

/// The cache of one edition of the database.
#[derive(Default)]
pub(crate) struct SetUps(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    edition: u64,
    set_ups: HashMap<Key, Arc<SetUp>>,
}

impl SetUps {
    fn find(&self, edition: u64, key: &Key) -> Option<Arc<SetUp>> {
        let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = shelf.edition == edition;
        is_current.then(|| shelf.set_ups.get(key).cloned())?
    }

    /// Adds an entry that was read under this edition. A newer edition clears the cache first; an
    /// entry of an older edition is dropped.
    fn keep(&self, edition: u64, key: Key, set_up: &Arc<SetUp>) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if edition > shelf.edition {
            *shelf = Shelf {
                edition,
                ..Shelf::default()
            };
        }
        if edition == shelf.edition {
            shelf.set_ups.insert(key, Arc::clone(set_up));
        }
    }
}

impl SetUp {
    /// Returns the mappings of users, which the first user of a set-up reads.
    pub(super) async fn load_mappings(&self, db: &mut Db, environment: &str) -> Result<&[Mapping]> {
        let read = async || user_mapping::list_user_mappings(db, environment, &self.rules).await;
        self.mappings.get_or_try_init(read).await.map(Vec::as_slice)
    }
}

impl Idp {
    /// Returns the configuration of the subject's target; `None` if it no longer exists.
    pub(super) async fn set_up(&self, subject: &Subject) -> Result<Option<Arc<SetUp>>> {
        let (environment, id) = (&subject.environment, &subject.store);
        let edition = self.store.edition();
        let key = (environment.clone(), id.clone());
        if let Some(found) = self.set_ups.find(edition, &key) {
            return Ok(Some(found));
        }
        let mut db = self.store.read().await?;
        let (store, rules, is_leaving) =
            match resources::get(&mut db, environment, Kind::Store, id).await? {
                Some(store) => {
                    let rules = plans::list_active_rules(&mut db, environment, id).await?;
                    (Some(store), rules, false)
                }
                None => {
                    let kind = Kind::LeavingStore;
                    let left = resources::get(&mut db, environment, kind, id).await?;
                    (left, Vec::new(), true)
                }
            };
        let Some(store) = store else {
            return Ok(None);
        };
        let connection = Connection::of(&store.document)?;
        let flavor = directory::get_environment(&mut db, environment).await.ok();
        let habits = flavor.map(|it| Flavor::of(&it).habits(&connection.base_url));
        let set_up = Arc::new(SetUp {
            connection,
            habits: habits.unwrap_or_default(),
            rules,
            is_leaving,
            mappings: OnceCell::new(),
        });
        self.set_ups.keep(edition, key, &set_up);
        Ok(Some(set_up))
    }
}
