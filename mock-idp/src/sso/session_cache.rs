//! What answers are made of, remembered as long as nothing of it changes: an
//! application with its mappings and its key, a person with groups, a session.
//!
//! Each thing is read under an edition of the database
//! ([`Store::edition`](crate::store::Store::edition)) and kept until the next;
//! so an answer costs its signature, and little more.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use saml::keys::SigningKey;
use serde_json::{Value, json};

use super::encryption::AssertionEncryption;
use super::{Denied, fingerprint};
use crate::Idp;
use crate::applications::Application;
use crate::directory::groups::{self, InGroup};
use crate::directory::{text, users};
use crate::expression::{ExpressionError, Template};
use crate::refusal::{Refused, Result};
use crate::store::logins::{self, SessionRow};
use crate::store::logouts::Participant;
use crate::store::resources::{self, Kind};
use crate::store::users::UserRow;

/// How many things of a kind are kept; with one more, all are forgotten.
const MOST: usize = 10_000;

/// An application, ready to answer.
pub(super) struct Prepared {
    pub application: Application,
    pub mappings: Vec<Mapping>,
    pub key: SigningKey,
    /// What is hidden of its answers, or why it can't be.
    pub encryption: std::result::Result<Option<AssertionEncryption>, String>,
}

/// An attribute mapping, read.
pub(super) struct Mapping {
    pub name: String,
    /// As it was written.
    pub source: String,
    pub template: std::result::Result<Template, ExpressionError>,
    pub required: bool,
    pub name_format: Option<String>,
}

/// A user with everything that answers say of one.
pub(crate) struct Person {
    pub user: UserRow,
    pub groups: Vec<InGroup>,
    /// What expressions see.
    pub model: Value,
}

/// A live session, with its user.
#[derive(Clone)]
pub(crate) struct SsoSession {
    pub session: Arc<SessionRow>,
    pub person: Arc<Person>,
}

/// What is remembered of one edition.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    edition: u64,
    /// By environment and id.
    applications: HashMap<(String, String), Arc<Prepared>>,
    /// By environment and id.
    people: HashMap<(String, String), Arc<Person>>,
    /// By the token's fingerprint.
    sessions: HashMap<String, Arc<SessionRow>>,
    /// Session, application and name of those noted already.
    participants: HashSet<[String; 3]>,
}

impl Remembered {
    /// What is on the shelf, when it is of that edition.
    fn find<T>(&self, edition: u64, look: impl FnOnce(&Shelf) -> Option<T>) -> Option<T> {
        let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (shelf.edition == edition).then(|| look(&shelf)).flatten()
    }

    /// Puts something there that was read under that edition; a newer one
    /// clears the shelf, an older one is too late.
    fn keep(&self, edition: u64, put: impl FnOnce(&mut Shelf)) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if edition < shelf.edition {
            return;
        }
        let fullest = [
            shelf.applications.len(),
            shelf.people.len(),
            shelf.sessions.len(),
            shelf.participants.len(),
        ];
        if edition > shelf.edition || fullest.iter().any(|&held| held >= MOST) {
            *shelf = Shelf {
                edition,
                ..Shelf::default()
            };
        }
        put(&mut shelf);
    }
}

impl Idp {
    /// An application with what its answers need; none, when it is no more.
    pub(super) async fn prepared(
        &self,
        environment: &str,
        id: &str,
    ) -> std::result::Result<Option<Arc<Prepared>>, Denied> {
        let edition = self.store.edition();
        let key = (environment.to_owned(), id.to_owned());
        if let Some(found) = self
            .remembered
            .find(edition, |shelf| shelf.applications.get(&key).cloned())
        {
            return Ok(Some(found));
        }
        let (found, mappings) = {
            let mut db = self.store.read().await?;
            let found = resources::get(&mut db, environment, Kind::Application, id).await?;
            let mappings = resources::list(&mut db, environment, Kind::Attribute, Some(id)).await?;
            (found, mappings)
        };
        let Some(found) = found else {
            return Ok(None);
        };
        let application = Application::of(&found)?;
        let encryption = match self.encryption(environment, &application).await {
            Ok(encryption) => Ok(encryption),
            Err(Denied::Page(words)) => Err(words),
            Err(denied) => return Err(denied),
        };
        let prepared = Arc::new(Prepared {
            key: self.signing_key(environment, &application).await?,
            application,
            mappings: mappings.into_iter().map(mapping).collect(),
            encryption,
        });
        self.remembered.keep(edition, |shelf| {
            shelf.applications.insert(key, Arc::clone(&prepared));
        });
        Ok(Some(prepared))
    }

    async fn person(&self, environment: &str, id: &str) -> Result<Option<Arc<Person>>> {
        let edition = self.store.edition();
        let key = (environment.to_owned(), id.to_owned());
        if let Some(found) = self
            .remembered
            .find(edition, |shelf| shelf.people.get(&key).cloned())
        {
            return Ok(Some(found));
        }
        let user = match self.user(environment, id).await {
            Ok(user) => user,
            Err(Refused::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut db = self.store.read().await?;
        let groups = groups::groups_of(&mut db, &user).await?;
        let person = Arc::new(Person {
            model: json!({"user": users::seen(&user, &groups)}),
            user,
            groups,
        });
        self.remembered.keep(edition, |shelf| {
            shelf.people.insert(key, Arc::clone(&person));
        });
        Ok(Some(person))
    }

    /// The live session of a browser's cookie, with its user.
    pub(crate) async fn session(
        &self,
        environment: &str,
        token: Option<&str>,
    ) -> Result<Option<SsoSession>> {
        let Some(token) = token else { return Ok(None) };
        let token = fingerprint(token);
        let (edition, now) = (self.store.edition(), self.now());
        let found = self
            .remembered
            .find(edition, |shelf| shelf.sessions.get(&token).cloned());
        let session = match found {
            Some(session) if session.environment != environment || session.expires_at <= now => {
                None
            }
            Some(session) => Some(session),
            None => {
                let mut db = self.store.read().await?;
                let found = logins::session(&mut db, environment, &token, now).await?;
                let found = found.map(Arc::new);
                if let Some(session) = &found {
                    self.remembered.keep(edition, |shelf| {
                        shelf.sessions.insert(token, Arc::clone(session));
                    });
                }
                found
            }
        };
        let Some(session) = session else {
            return Ok(None);
        };
        let person = self.person(environment, &session.user).await?;
        Ok(person.map(|person| SsoSession { session, person }))
    }

    /// Whether it was noted already that the session signed on there.
    pub(super) fn takes_part(&self, edition: u64, it: &Participant) -> bool {
        let key = participation(it);
        self.remembered
            .find(edition, |shelf| shelf.participants.get(&key).map(|_| ()))
            .is_some()
    }

    /// Remembers that it was noted.
    pub(super) fn took_part(&self, edition: u64, it: &Participant) {
        self.remembered.keep(edition, |shelf| {
            shelf.participants.insert(participation(it));
        });
    }
}

fn participation(it: &Participant) -> [String; 3] {
    [&it.session, &it.application, &it.name_id].map(String::clone)
}

fn mapping(resource: resources::Resource) -> Mapping {
    let read = |name: &str| text(&resource.document, name).map(str::to_owned);
    let source = read("value").unwrap_or_default();
    Mapping {
        template: Template::parse(&source),
        source,
        required: resource.document.get("required") == Some(&true.into()),
        name_format: read("nameFormat"),
        name: resource.name,
    }
}
