//! Users: PingOne's attributes, `enabled`, and the lifecycle status.

use serde_json::{Value, json};

use super::{Change, Document, get_environment, get_existing, reference, text, writable};
use crate::Idp;
use crate::expression::{Model, Template};
use crate::provisioning::queue;
use crate::refusal::{Refused, Result};
use crate::store::resources::{self, Kind};
use crate::store::users::{self, UserRow};
use crate::store::{Db, logins};

/// Maximum length of a user name in PingOne, in characters.
const LONGEST_USERNAME: usize = 128;

/// Attributes of a PingOne user that are strings.
const TEXTS: [&str; 10] = [
    "nickname",
    "title",
    "type",
    "locale",
    "preferredLanguage",
    "timezone",
    "mobilePhone",
    "primaryPhone",
    "externalId",
    "accountId",
];

/// Attributes that are objects with string members, and their members.
const OBJECTS: [(&str, &[&str]); 3] = [
    (
        "name",
        &[
            "given",
            "family",
            "middle",
            "formatted",
            "honorificPrefix",
            "honorificSuffix",
        ],
    ),
    (
        "address",
        &[
            "streetAddress",
            "locality",
            "region",
            "postalCode",
            "countryCode",
        ],
    ),
    ("photo", &["href"]),
];

/// Attributes that only the server sets. A change by a client keeps them.
const KEPT: [&str; 6] = [
    "lifecycle",
    "lastSignOn",
    "emailVerified",
    "verifyStatus",
    "identityProvider",
    "mfaEnabled",
];

/// Attributes that are computed when the user is read, or never returned.
const COMPUTED: [&str; 4] = [
    "password",
    "account",
    "memberOfGroupIDs",
    "memberOfGroupNames",
];

/// Values of `lifecycle.status`.
const LIFECYCLE: [&str; 2] = ["ACCOUNT_OK", "VERIFICATION_REQUIRED"];

fn is_address(email: &str) -> bool {
    email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && !email.contains(char::is_whitespace)
    })
}

fn check_objects(document: &Document) -> Result<()> {
    for (key, members) in OBJECTS {
        match document.get(key) {
            None | Some(Value::Null) => {}
            Some(Value::Object(object)) => {
                for (member, value) in object {
                    if !members.contains(&member.as_str()) {
                        return Err(Refused::none_of(key, members, &member.as_str().into()));
                    }
                    if !value.is_string() && !value.is_null() {
                        return Err(Refused::invalid(
                            &format!("{key}.{member}"),
                            format!("expected text, got {value}"),
                        ));
                    }
                }
            }
            Some(other) => {
                return Err(Refused::invalid(
                    key,
                    format!(
                        "expected an object with {}, got {other}",
                        members.join(", ")
                    ),
                ));
            }
        }
    }
    Ok(())
}

/// Checks the attributes that the client sent, and fills in PingOne's defaults.
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
        Some(Value::String(email)) if is_address(email) => {}
        Some(other) => {
            return Err(Refused::invalid(
                "email",
                format!("expected an e-mail address, got {other}"),
            ));
        }
    }
    for key in TEXTS {
        if let Some(value) = document.get(key)
            && !value.is_string()
            && !value.is_null()
        {
            return Err(Refused::invalid(key, format!("expected text, got {value}")));
        }
    }
    check_objects(document)?;
    let enabled = document.entry("enabled").or_insert(Value::Bool(true));
    if !enabled.is_boolean() {
        return Err(Refused::invalid("enabled", "expected true or false"));
    }
    let lifecycle = document
        .entry("lifecycle")
        .or_insert_with(|| json!({"status": "ACCOUNT_OK"}));
    let status = &lifecycle["status"];
    if !LIFECYCLE.iter().any(|known| status == known) {
        return Err(Refused::none_of("lifecycle.status", &LIFECYCLE, status));
    }
    for (key, default) in [
        ("emailVerified", json!(false)),
        ("verifyStatus", json!("NOT_INITIATED")),
        ("mfaEnabled", json!(false)),
        ("identityProvider", json!({"type": "PING_ONE"})),
    ] {
        document.entry(key).or_insert(default);
    }
    for key in COMPUTED {
        document.remove(key);
    }
    Ok(())
}

async fn check_population(
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
                format!("population {id} not found in this environment"),
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
            "user named",
            text(&user.document, "username").unwrap_or_default(),
        )),
        other => Ok(other?),
    }
}

/// Returns a user, or an error if it does not exist.
pub(crate) async fn get_user(db: &mut Db, environment_id: &str, id: &str) -> Result<UserRow> {
    users::get(db, environment_id, id)
        .await?
        .ok_or_else(|| Refused::not_found("user", id))
}

impl Idp {
    /// Creates a user, with a password if `password` is sent.
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
            locked_at: None,
            verification_code: None,
            created_at: now,
            updated_at: now,
            place: 0,
        };
        if let Some(password) = password {
            self.give_password(&mut user, &password).await?;
        }
        let mut tx = self.store.write().await?;
        get_environment(&mut tx, environment_id).await?;
        check_population(&mut tx, environment_id, &mut user.document).await?;
        save(&mut tx, &user).await?;
        queue::enqueue_user(&mut tx, environment_id, &user.id, now).await?;
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
        let mut user = get_user(&mut tx, environment_id, id).await?;
        let former = user.document.clone();
        let replaced = matches!(change, Change::Replace(_));
        user.document = change.of(user.document);
        for key in KEPT {
            match former.get(key) {
                Some(kept) => user.document.insert(key.to_owned(), kept.clone()),
                None => user.document.remove(key),
            };
        }
        if replaced && let Some(population) = former.get("population") {
            user.document
                .entry("population")
                .or_insert_with(|| population.clone());
        }
        if user.document.get("email") != former.get("email") {
            user.document.insert("emailVerified".into(), false.into());
        }
        complete(&mut user.document)?;
        check_population(&mut tx, environment_id, &mut user.document).await?;
        user.username_key = text(&user.document, "username")
            .unwrap_or_default()
            .to_lowercase();
        user.updated_at = now;
        save(&mut tx, &user).await?;
        if user.document.get("enabled") == Some(&Value::Bool(false)) {
            logins::close_all(&mut tx, environment_id, id).await?;
        }
        queue::enqueue_user(&mut tx, environment_id, id, now).await?;
        tx.commit().await?;
        self.signals.wake();
        Ok(user)
    }

    /// Deletes a user.
    pub(crate) async fn delete_user(&self, environment_id: &str, id: &str) -> Result<()> {
        let now = self.now();
        let mut tx = self.store.write().await?;
        get_user(&mut tx, environment_id, id).await?;
        queue::enqueue_user(&mut tx, environment_id, id, now).await?;
        queue::enqueue_groups_of_user(&mut tx, environment_id, id, now).await?;
        users::delete(&mut tx, environment_id, id).await?;
        tx.commit().await?;
        self.signals.wake();
        Ok(())
    }

    /// Returns all users of an environment.
    pub(crate) async fn list_users(&self, environment_id: &str) -> Result<Vec<UserRow>> {
        let mut db = self.store.read().await?;
        get_environment(&mut db, environment_id).await?;
        Ok(users::list(&mut db, environment_id).await?)
    }

    /// Returns at most `limit` users after the place `after` in the list, and the total number
    /// of users.
    pub(crate) async fn list_page_of_users(
        &self,
        environment_id: &str,
        after: i64,
        limit: usize,
    ) -> Result<(Vec<UserRow>, usize)> {
        let mut db = self.store.read().await?;
        get_environment(&mut db, environment_id).await?;
        Ok(users::list_page(&mut db, environment_id, after, limit).await?)
    }

    /// Returns the number of users in an environment.
    pub(crate) async fn count_users(&self, environment_id: &str) -> Result<usize> {
        let mut db = self.store.read().await?;
        Ok(users::count(&mut db, environment_id).await?)
    }

    /// Returns a user.
    pub(crate) async fn get_user(&self, environment_id: &str, id: &str) -> Result<UserRow> {
        let mut db = self.store.read().await?;
        get_user(&mut db, environment_id, id).await
    }

    /// Evaluates the expression of a mapping, with or without `${…}` around it, for a user.
    pub(crate) async fn test_expression(
        &self,
        environment_id: &str,
        id: &str,
        written: &str,
    ) -> Result<Value> {
        let user = self.get_user(environment_id, id).await?;
        let groups = self.list_groups_of_user(&user).await?;
        let wrong = |error: crate::expression::ExpressionError| {
            Refused::invalid("expression", error.to_string())
        };
        let template = if written.contains("${") {
            Template::parse(written)
        } else {
            Template::of_expression(written)
        };
        let model = Model::of(&json!({"user": seen(&user, &groups)}));
        template
            .and_then(|template| template.evaluate(&model, self.now()))
            .map_err(wrong)
    }

    /// Adds a user to a group.
    pub(crate) async fn join_group(
        &self,
        environment_id: &str,
        user_id: &str,
        group: &str,
    ) -> Result<()> {
        let now = self.now();
        let mut tx = self.store.write().await?;
        get_user(&mut tx, environment_id, user_id).await?;
        get_existing(&mut tx, environment_id, Kind::Group, group).await?;
        let membership = users::Membership {
            group: group.to_owned(),
            nested: false,
            member: user_id.to_owned(),
        };
        users::join(&mut tx, environment_id, &membership).await?;
        queue::enqueue_user(&mut tx, environment_id, user_id, now).await?;
        queue::enqueue_groups_of_user(&mut tx, environment_id, user_id, now).await?;
        tx.commit().await?;
        self.signals.wake();
        Ok(())
    }

    /// Removes a user from a group.
    pub(crate) async fn leave_group(
        &self,
        environment_id: &str,
        user_id: &str,
        group: &str,
    ) -> Result<()> {
        let now = self.now();
        let mut tx = self.store.write().await?;
        get_user(&mut tx, environment_id, user_id).await?;
        queue::enqueue_groups_of_user(&mut tx, environment_id, user_id, now).await?;
        let membership = users::Membership {
            group: group.to_owned(),
            nested: false,
            member: user_id.to_owned(),
        };
        if !users::leave(&mut tx, environment_id, &membership).await? {
            return Err(Refused::not_found("membership in the group", group));
        }
        queue::enqueue_user(&mut tx, environment_id, user_id, now).await?;
        tx.commit().await?;
        self.signals.wake();
        Ok(())
    }
}

/// Returns the user as expressions and rules see it, with its groups.
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
