//! The users with which filters, sorting, paging and projections are judged. They are created once,
//! never changed, and read back, because a check may only depend on values that the server was seen
//! to store.

use serde_json::Value;

use super::made::Made;
use super::reading::{at, member, value_to_text};
use super::schema::ENTERPRISE;

/// A test user.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) made: Made,
    /// The attributes that the server accepts of those that were planned.
    pub(super) looks: Value,
    /// The attributes that the server stored.
    pub(super) kept: Value,
}

/// The five test users.
#[derive(Debug)]
pub(super) struct TestUsers {
    pub(super) people: Vec<Person>,
    pub(super) has_two_emails: bool,
}

impl TestUsers {
    /// Returns the test user with this name.
    pub(super) fn one(&self, name: &str) -> &Made {
        let found = self.people.iter().find(|it| it.name == name);
        &found.unwrap_or(&self.people[0]).made
    }

    /// Returns the names of all test users.
    pub(super) fn everyone(&self) -> Vec<&'static str> {
        self.people.iter().map(|it| it.name).collect()
    }

    /// Returns the userNames.
    pub(super) fn names(&self) -> Vec<&str> {
        let all = self.people.iter();
        all.filter_map(|it| it.made.sent["userName"].as_str())
            .collect()
    }

    /// True if the server stores more than one e-mail address for a user.
    pub(super) fn has_two_emails(&self) -> bool {
        self.has_two_emails
    }

    /// Returns the names of the test users among these resources, in their order.
    pub(super) fn among(&self, resources: &[Value]) -> Vec<&'static str> {
        let ids = resources.iter().filter_map(|one| one["id"].as_str());
        ids.filter_map(|id| {
            let found = self.people.iter().find(|it| it.made.id == id)?;
            Some(found.name)
        })
        .collect()
    }

    /// Returns why a change of this attribute proves nothing: the server does not store it as sent.
    pub(super) fn alters(&self, path: &str) -> Option<String> {
        let ann = self.people.first()?;
        let (sent, kept) = (&ann.looks, &ann.kept);
        let name = first_of(path);
        if !is_judged_by(path) {
            return None;
        }
        if member(sent, name).is_none() && member(kept, name).is_none() {
            return Some(format!("the server refuses users with {name}, or has none"));
        }
        (!is_kept(sent, kept, path)).then(|| {
            format!(
                "the server does not keep {path} as it is sent: it was sent {}, and reads {}",
                value_to_text(member(sent, name)),
                value_to_text(member(kept, name))
            )
        })
    }

    /// Returns why a filter on this attribute proves nothing: the stored value of one test user
    /// differs from what was sent.
    pub(super) fn differs(&self, path: &str) -> Option<String> {
        let name = first_of(path);
        let other = self.people.iter().find(|it| {
            let is_sent = member(&it.looks, name).is_some();
            // A default for a user who was sent none is no match for a value of another user.
            let is_added = path == name && member(&it.kept, name).is_some();
            !is_kept(&it.looks, &it.kept, path) && (is_sent || is_added)
        })?;
        if other.kept.is_null() {
            return Some(format!(
                "the test user {} cannot be read after the creation: see SCIM-READ-01 and -20",
                other.name
            ));
        }
        Some(format!(
            "the server does not keep {path} as it is sent: {} was sent {}, and reads {}",
            other.name,
            value_to_text(member(&other.looks, name)),
            value_to_text(member(&other.kept, name))
        ))
    }
}

/// True if the test users have this attribute and answers show it.
fn is_judged_by(path: &str) -> bool {
    // A password is never returned; the test users are created without `groups` and `meta`.
    !matches!(first_of(path), "password" | "groups" | "meta")
}

fn first_of(path: &str) -> &str {
    if path == ENTERPRISE {
        return path;
    }
    path.split('.').next().unwrap_or(path)
}

/// True if the stored value at a path is the value that was sent.
fn is_kept(sent: &Value, kept: &Value, path: &str) -> bool {
    let name = first_of(path);
    let part = path.strip_prefix(name).and_then(|it| it.strip_prefix('.'));
    match (member(sent, name), member(kept, name)) {
        (None, None) => false,
        (Some(Value::Array(sent)), Some(Value::Array(kept))) => {
            sent.len() == kept.len()
                && sent.iter().all(|one| {
                    kept.iter().any(|other| match part {
                        Some(part) => {
                            at(one, &[part]).is_none_or(|it| at(other, &[part]) == Some(it))
                        }
                        None => has(other, one),
                    })
                })
        }
        (Some(sent), Some(kept)) => match part {
            Some(part) => at(sent, &[part]).is_none_or(|it| at(kept, &[part]) == Some(it)),
            None => has(kept, sent),
        },
        _ => false,
    }
}

/// True if `whole` contains everything in `part`.
fn has(whole: &Value, part: &Value) -> bool {
    match part {
        Value::Object(all) => all
            .iter()
            .all(|(name, value)| member(whole, name) == Some(value)),
        part => whole == part,
    }
}
