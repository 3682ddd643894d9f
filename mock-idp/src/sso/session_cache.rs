//! Caches the data for Responses until any of it changes: applications with their mappings and
//! keys, users with their groups, sessions.
//!
//! Each entry belongs to an edition of the database
//! ([`Store::edition`](crate::store::Store::edition)) and is dropped when the edition changes.
//! So the cost of a Response is little more than its signature. A sign-on with a password changes
//! the user only; so users have an edition of their own as well, and the other entries stay.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use saml::keys::{Certificate, SigningKey};
use serde_json::json;

use super::encryption::AssertionEncryption;
use super::{Denied, fingerprint};
use crate::Idp;
use crate::applications::Application;
use crate::directory::groups::{self, InGroup};
use crate::directory::{get_environment, text, users};
use crate::expression::{ExpressionError, Model, Template};
use crate::refusal::{Refused, Result};
use crate::store::logins::{self, SessionRow};
use crate::store::logouts::Participant;
use crate::store::resources::{self, Kind};
use crate::store::users::UserRow;

/// Maximum number of entries of each kind. If one kind exceeds it, the whole cache is cleared.
const MOST: usize = 10_000;

/// An application with all data that a Response needs.
pub(super) struct Prepared {
    pub application: Application,
    pub mappings: Vec<Mapping>,
    pub key: SigningKey,
    /// How its assertions are encrypted, or the error text if they cannot be.
    pub encryption: std::result::Result<Option<AssertionEncryption>, String>,
}

/// A parsed attribute mapping.
pub(super) struct Mapping {
    pub name: String,
    /// The expression as an administrator wrote it.
    pub source: String,
    pub template: std::result::Result<Template, ExpressionError>,
    pub required: bool,
    pub name_format: Option<String>,
}

/// A service provider that may send requests.
pub(super) struct ServiceProvider {
    /// Id of the application.
    pub id: String,
    pub application: Application,
    /// Certificates that verify the signatures of the service provider's messages.
    pub certificates: Vec<Certificate>,
}

/// A user with all data that a Response needs.
pub(crate) struct Person {
    pub user: UserRow,
    pub groups: Vec<InGroup>,
    /// The data that the expressions of attribute mappings can read.
    pub model: Model,
}

/// A session that has not expired, with its user.
#[derive(Clone)]
pub(crate) struct SsoSession {
    pub session: Arc<SessionRow>,
    pub person: Arc<Person>,
}

/// The cache of one edition of the database.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    edition: u64,
    /// Key: environment id and application id.
    applications: HashMap<(String, String), Arc<Prepared>>,
    /// Key: environment id and SP Entity ID.
    service_providers: HashMap<(String, String), Arc<ServiceProvider>>,
    /// The users edition of `people`.
    users_edition: u64,
    /// Key: environment id and user id.
    people: HashMap<(String, String), Arc<Person>>,
    /// Key: fingerprint of the session token.
    sessions: HashMap<String, Arc<SessionRow>>,
    /// Participants that are stored already: session, application and NameID.
    participants: HashSet<[String; 3]>,
}

impl Remembered {
    /// Looks an entry up, if the cache has this edition.
    fn find<T>(&self, edition: u64, look: impl FnOnce(&Shelf) -> Option<T>) -> Option<T> {
        let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (shelf.edition == edition).then(|| look(&shelf)).flatten()
    }

    /// Adds an entry that was read under this edition. A newer edition clears the cache first;
    /// an entry of an older edition is dropped.
    fn keep(&self, edition: u64, put: impl FnOnce(&mut Shelf)) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if edition < shelf.edition {
            return;
        }
        let fullest = [
            shelf.applications.len(),
            shelf.service_providers.len(),
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

    /// Looks a user up, if the cache has both editions.
    fn find_person(&self, editions: Editions, key: &(String, String)) -> Option<Arc<Person>> {
        self.find(editions.all, |shelf| {
            let is_current = shelf.users_edition == editions.users;
            is_current.then(|| shelf.people.get(key).cloned()).flatten()
        })
    }

    /// Adds a user that was read under these editions. A newer edition clears the users first; a
    /// user of an older edition is dropped.
    fn keep_person(&self, editions: Editions, key: (String, String), person: Arc<Person>) {
        self.keep(editions.all, |shelf| {
            if editions.users < shelf.users_edition {
                return;
            }
            if editions.users > shelf.users_edition {
                shelf.people.clear();
                shelf.users_edition = editions.users;
            }
            shelf.people.insert(key, person);
        });
    }
}

/// The editions under which a user is read.
#[derive(Debug, Clone, Copy)]
struct Editions {
    all: u64,
    users: u64,
}

impl Idp {
    /// Returns an application with all data that a Response needs; `None` if it no longer
    /// exists.
    pub(super) async fn load_prepared(
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
        let encryption = match self.load_encryption(environment, &application).await {
            Ok(encryption) => Ok(encryption),
            Err(Denied::Page(words)) => Err(words),
            Err(denied) => return Err(denied),
        };
        let prepared = Arc::new(Prepared {
            key: self.signing_key(environment, &application).await?,
            application,
            mappings: mappings.into_iter().map(parse_mapping).collect(),
            encryption,
        });
        self.remembered.keep(edition, |shelf| {
            shelf.applications.insert(key, Arc::clone(&prepared));
        });
        Ok(Some(prepared))
    }

    /// Returns the name of an application.
    pub(super) async fn application_name(&self, environment: &str, id: &str) -> Result<String> {
        let key = (environment.to_owned(), id.to_owned());
        let known = self.remembered.find(self.store.edition(), |shelf| {
            let prepared = shelf.applications.get(&key)?;
            Some(prepared.application.name.clone())
        });
        match known {
            Some(name) => Ok(name),
            None => Ok(self.get(environment, Kind::Application, id).await?.name),
        }
    }

    /// Returns the application with this SP Entity ID, and the certificates that verify its
    /// messages; `None` if there is none.
    pub(super) async fn find_service_provider(
        &self,
        environment_id: &str,
        entity: &str,
    ) -> std::result::Result<Option<Arc<ServiceProvider>>, Denied> {
        let edition = self.store.edition();
        let key = (environment_id.to_owned(), entity.to_owned());
        if let Some(found) = self
            .remembered
            .find(edition, |shelf| shelf.service_providers.get(&key).cloned())
        {
            return Ok(Some(found));
        }
        let all = {
            let mut db = self.store.read().await?;
            get_environment(&mut db, environment_id).await?;
            resources::list(&mut db, environment_id, Kind::Application, None).await?
        };
        let Some(resource) = all
            .into_iter()
            .find(|app| text(&app.document, "spEntityId") == Some(entity))
        else {
            return Ok(None);
        };
        let application = Application::of(&resource)?;
        let named = &application.sp_verification.certificates;
        let found = Arc::new(ServiceProvider {
            id: resource.id,
            certificates: self.find_certificates(environment_id, named).await?,
            application,
        });
        self.remembered.keep(edition, |shelf| {
            shelf.service_providers.insert(key, Arc::clone(&found));
        });
        Ok(Some(found))
    }

    async fn load_person(&self, environment: &str, id: &str) -> Result<Option<Arc<Person>>> {
        let editions = Editions {
            all: self.store.edition(),
            users: self.store.users_edition(),
        };
        let key = (environment.to_owned(), id.to_owned());
        if let Some(found) = self.remembered.find_person(editions, &key) {
            return Ok(Some(found));
        }
        let mut db = self.store.read().await?;
        let user = match users::get_user(&mut db, environment, id).await {
            Ok(user) => user,
            Err(Refused::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let groups = groups::list_groups_of(&mut db, &user).await?;
        let person = Arc::new(Person {
            model: Model::of(&json!({"user": users::seen(&user, &groups)})),
            user,
            groups,
        });
        self.remembered
            .keep_person(editions, key, Arc::clone(&person));
        Ok(Some(person))
    }

    /// Returns the session of a browser's cookie, with its user; `None` if it has expired.
    pub(crate) async fn find_session(
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
                let found = logins::find_session(&mut db, environment, &token, now).await?;
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
        let person = self.load_person(environment, &session.user).await?;
        Ok(person.map(|person| SsoSession { session, person }))
    }

    /// Keeps a stored session in memory. `edition` is the state of the database that it was stored in.
    pub(super) fn remember_session(&self, edition: u64, session: SessionRow) {
        self.remembered.keep(edition, |shelf| {
            let token = session.token.clone();
            shelf.sessions.insert(token, Arc::new(session));
        });
    }

    /// True if it is stored already that this session signed on to this application.
    pub(super) fn takes_part(&self, edition: u64, it: &Participant) -> bool {
        let key = participation(it);
        self.remembered
            .find(edition, |shelf| shelf.participants.get(&key).map(|_| ()))
            .is_some()
    }

    /// Remembers that this participant is stored.
    pub(super) fn took_part(&self, edition: u64, it: &Participant) {
        self.remembered.keep(edition, |shelf| {
            shelf.participants.insert(participation(it));
        });
    }
}

fn participation(it: &Participant) -> [String; 3] {
    [&it.session, &it.application, &it.name_id].map(String::clone)
}

fn parse_mapping(resource: resources::Resource) -> Mapping {
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
