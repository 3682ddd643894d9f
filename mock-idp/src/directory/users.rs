//! Users: PingOne's attributes, `enabled`, lifecycle.

use serde_json::{Value, json};

use super::{Document, environment, existing, reference, text, writable};
use crate::Idp;
use crate::provisioning::queue;
use crate::refusal::{Refused, Result};
use crate::store::resources::{self, Kind};
use crate::store::users::{self, UserRow};
use crate::store::{Db, logins};

/// Larger than any list of groups that fits into an assertion.
const LONGEST_USERNAME: usize = 128;

/// Attributes of PingOne's user with their type, for what is checked at all.
const TEXTS: [&str; 9] = [
    "nickname",
    "title",
    "type",
    "locale",
    "preferredLanguage",
    "timezone",
    "mobilePhone",
    "primaryPhone",
    "externalId",
];

/// Checks what the client said of a user and fills in PingOne's defaults.
fn complete(document: &mut Document) -> Result<()> {
    let Some(username) = text(document, "username").map(str::to_owned) else {
        return Err(Refused::required("username"));
    };
    if username.chars().count() > LONGEST_USERNAME {
        return Err(Refused::invalid(
            "username",
            format!("expected at most {LONGEST_USERNAME} characters"),
        ));
    }
    document.insert("username".into(), username.into());
    match document.get("email") {
        None | Some(Value::Null) => return Err(Refused::required("email")),
        Some(Value::String(email))
            if email.split_once('@').is_some_and(|(local, domain)| {
                !local.is_empty() && !domain.is_empty() && !domain.contains('@')
            }) => {}
        Some(other) => {
            return Err(Refused::invalid(
                "email",
                format!("expected an e-mail address, came {other}"),
            ));
        }
    }
    for key in TEXTS {
        if document
            .get(key)
            .is_some_and(|value| !value.is_string() && !value.is_null())
        {
            return Err(Refused::invalid(key, "expected text"));
        }
    }
    if document
        .get("name")
        .is_some_and(|name| !name.is_object() && !name.is_null())
    {
        return Err(Refused::invalid(
            "name",
            "expected an object with given, family, middle, formatted",
        ));
    }
    let enabled = document.entry("enabled").or_insert(Value::Bool(true));
    if !enabled.is_boolean() {
        return Err(Refused::invalid("enabled", "expected true or false"));
    }
    document
        .entry("lifecycle")
        .or_insert_with(|| json!({"status": "ACCOUNT_OK"}));
    document.remove("password");
    document.remove("account");
    document.remove("memberOfGroupIDs");
    document.remove("memberOfGroupNames");
    Ok(())
}

/// Writes `patch` over `onto`; null removes (RFC 7396).
fn merge(onto: &mut Document, patch: Document) {
    for (key, value) in patch {
        match (onto.get_mut(&key), value) {
            (_, Value::Null) => {
                onto.remove(&key);
            }
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (_, value) => {
                onto.insert(key, value);
            }
        }
    }
}

async fn checked_population(
    db: &mut Db,
    environment_id: &str,
    document: &mut Document,
) -> Result<()> {
    if let Some(id) = reference(document, "population") {
        if resources::get(db, environment_id, Kind::Population, id)
            .await?
            .is_none()
        {
            return Err(Refused::invalid(
                "population.id",
                format!("expected a population of this environment, {id} is none"),
            ));
        }
        return Ok(());
    }
    let all = resources::list(db, environment_id, Kind::Population, None).await?;
    let default = all
        .iter()
        .find(|population| population.document.get("default") == Some(&Value::Bool(true)))
        .or(all.first());
    match default {
        Some(population) => {
            document.insert("population".into(), json!({"id": population.id}));
            Ok(())
        }
        None => Err(Refused::required("population.id")),
    }
}

async fn save(db: &mut Db, user: &UserRow) -> Result<()> {
    match users::put(db, user).await {
        Err(error) if error.is_unique_violation() => Err(Refused::taken(
            "username",
            text(&user.document, "username").unwrap_or_default(),
        )),
        other => Ok(other?),
    }
}

/// The user, or the refusal that there is none.
pub(crate) async fn user(db: &mut Db, environment_id: &str, id: &str) -> Result<UserRow> {
    users::get(db, environment_id, id)
        .await?
        .ok_or_else(|| Refused::not_found("user", id))
}

/// How a user is to be changed.
pub(crate) enum Change {
    /// By another document (PUT).
    Replace(Document),
    /// By what differs (PATCH).
    Merge(Document),
}

impl Idp {
    /// A new user; with `password` when it came along.
    pub(crate) async fn create_user(
        &self,
        environment_id: &str,
        document: Document,
    ) -> Result<UserRow> {
        let mut document = writable(document);
        let password = document.remove("password");
        complete(&mut document)?;
        let now = self.now();
        let mut user = UserRow {
            environment: environment_id.to_owned(),
            id: self.new_id(),
            username_key: text(&document, "username")
                .unwrap_or_default()
                .to_lowercase(),
            document,
            password: None,
            must_change: false,
            failures: 0,
            created_at: now,
            updated_at: now,
        };
        if let Some(password) = password {
            self.give_password(&mut user, &password).await?;
        }
        let mut tx = self.store.write().await?;
        environment(&mut tx, environment_id).await?;
        checked_population(&mut tx, environment_id, &mut user.document).await?;
        save(&mut tx, &user).await?;
        queue::user_changed(&mut tx, environment_id, &user.id, now).await?;
        tx.commit().await?;
        self.signals.wake();
        Ok(user)
    }

    /// Changes a user.
    pub(crate) async fn change_user(
        &self,
        environment_id: &str,
        id: &str,
        change: Change,
    ) -> Result<UserRow> {
        let now = self.now();
        let mut tx = self.store.write().await?;
        let mut user = user(&mut tx, environment_id, id).await?;
        match change {
            Change::Merge(patch) => merge(&mut user.document, writable(patch)),
            Change::Replace(document) => {
                let population = user.document.remove("population");
                user.document = writable(document);
                if let Some(population) = population {
                    user.document.entry("population").or_insert(population);
                }
            }
        }
        complete(&mut user.document)?;
        checked_population(&mut tx, environment_id, &mut user.document).await?;
        user.username_key = text(&user.document, "username")
            .unwrap_or_default()
            .to_lowercase();
        user.updated_at = now;
        save(&mut tx, &user).await?;
        if user.document.get("enabled") == Some(&Value::Bool(false)) {
            logins::close_all(&mut tx, environment_id, id).await?;
        }
        queue::user_changed(&mut tx, environment_id, id, now).await?;
        tx.commit().await?;
        self.signals.wake();
        Ok(user)
    }

    /// Removes a user.
    pub(crate) async fn delete_user(&self, environment_id: &str, id: &str) -> Result<()> {
        let now = self.now();
        let mut tx = self.store.write().await?;
        user(&mut tx, environment_id, id).await?;
        queue::user_changed(&mut tx, environment_id, id, now).await?;
        queue::groups_of_user_changed(&mut tx, environment_id, id, now).await?;
        users::delete(&mut tx, environment_id, id).await?;
        tx.commit().await?;
        self.signals.wake();
        Ok(())
    }

    /// Every user of an environment.
    pub(crate) async fn users(&self, environment_id: &str) -> Result<Vec<UserRow>> {
        let mut db = self.store.read().await?;
        environment(&mut db, environment_id).await?;
        Ok(users::list(&mut db, environment_id).await?)
    }

    /// One user.
    pub(crate) async fn user(&self, environment_id: &str, id: &str) -> Result<UserRow> {
        let mut db = self.store.read().await?;
        user(&mut db, environment_id, id).await
    }

    /// Puts a user into a group.
    pub(crate) async fn join_group(
        &self,
        environment_id: &str,
        user_id: &str,
        group: &str,
    ) -> Result<()> {
        let now = self.now();
        let mut tx = self.store.write().await?;
        user(&mut tx, environment_id, user_id).await?;
        existing(&mut tx, environment_id, Kind::Group, group).await?;
        let membership = users::Membership {
            group: group.to_owned(),
            nested: false,
            member: user_id.to_owned(),
        };
        users::join(&mut tx, environment_id, &membership).await?;
        queue::user_changed(&mut tx, environment_id, user_id, now).await?;
        queue::groups_of_user_changed(&mut tx, environment_id, user_id, now).await?;
        tx.commit().await?;
        self.signals.wake();
        Ok(())
    }

    /// Takes a user out of a group.
    pub(crate) async fn leave_group(
        &self,
        environment_id: &str,
        user_id: &str,
        group: &str,
    ) -> Result<()> {
        let now = self.now();
        let mut tx = self.store.write().await?;
        user(&mut tx, environment_id, user_id).await?;
        queue::groups_of_user_changed(&mut tx, environment_id, user_id, now).await?;
        let membership = users::Membership {
            group: group.to_owned(),
            nested: false,
            member: user_id.to_owned(),
        };
        if !users::leave(&mut tx, environment_id, &membership).await? {
            return Err(Refused::not_found("membership in the group", group));
        }
        queue::user_changed(&mut tx, environment_id, user_id, now).await?;
        tx.commit().await?;
        self.signals.wake();
        Ok(())
    }
}

/// The user as expressions and rules see it, groups included.
pub(crate) fn seen(user: &UserRow, groups: &[super::groups::InGroup]) -> Value {
    let mut document = user.document.clone();
    document.insert("id".into(), user.id.clone().into());
    document.insert(
        "memberOfGroupIDs".into(),
        groups.iter().map(|group| group.id.clone()).collect(),
    );
    document.insert(
        "memberOfGroupNames".into(),
        groups.iter().map(|group| group.name.clone()).collect(),
    );
    document.insert("environment".into(), json!({"id": user.environment}));
    document.insert("createdAt".into(), user.created_at.to_string().into());
    document.insert("updatedAt".into(), user.updated_at.to_string().into());
    Value::Object(document)
}
