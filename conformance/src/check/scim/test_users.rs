//! The people whom filters, sorting, paging and projections are judged with:
//! made once, never changed, and read back: a check may only rest on values
//! that the server was seen to keep.

use serde_json::Value;

use super::made::Made;
use super::reading::{at, member, shown};
use super::schema::ENTERPRISE;

/// One of them.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) made: Made,
    /// What the person is meant to have, as far as the server took it.
    pub(super) looks: Value,
    /// What the server keeps.
    pub(super) kept: Value,
}

/// Five users.
#[derive(Debug)]
pub(super) struct TestUsers {
    pub(super) people: Vec<Person>,
    pub(super) has_two_emails: bool,
}

impl TestUsers {
    /// One of them.
    pub(super) fn one(&self, name: &str) -> &Made {
        let found = self.people.iter().find(|it| it.name == name);
        &found.unwrap_or(&self.people[0]).made
    }

    /// All of them, by name.
    pub(super) fn everyone(&self) -> Vec<&'static str> {
        self.people.iter().map(|it| it.name).collect()
    }

    /// Their userNames.
    pub(super) fn names(&self) -> Vec<&str> {
        let all = self.people.iter();
        all.filter_map(|it| it.made.sent["userName"].as_str())
            .collect()
    }

    /// Whether more than one e-mail of a user is kept.
    pub(super) fn has_two_emails(&self) -> bool {
        self.has_two_emails
    }

    /// The names of those among these resources, in their order.
    pub(super) fn among(&self, resources: &[Value]) -> Vec<&'static str> {
        let ids = resources.iter().filter_map(|one| one["id"].as_str());
        ids.filter_map(|id| {
            let found = self.people.iter().find(|it| it.made.id == id)?;
            Some(found.name)
        })
        .collect()
    }

    /// Why a change of this attribute would prove nothing: the server doesn't
    /// keep it as it is sent.
    pub(super) fn alters(&self, path: &str) -> Option<String> {
        let ann = self.people.first()?;
        let (sent, kept) = (&ann.looks, &ann.kept);
        let name = first_of(path);
        if !is_judged_by(path) {
            return None;
        }
        (!is_kept(sent, kept, path)).then(|| {
            format!(
                "the server does not keep {path} as it is sent: it was sent {}, and reads {}",
                shown(member(sent, name)),
                shown(member(kept, name))
            )
        })
    }

    /// Why a filter on this attribute would prove nothing: one of the five
    /// doesn't have what was sent.
    pub(super) fn differs(&self, path: &str) -> Option<String> {
        let name = first_of(path);
        let other = self.people.iter().find(|it| {
            let is_sent = member(&it.looks, name).is_some();
            !is_kept(&it.looks, &it.kept, path) && (is_sent || member(&it.kept, name).is_some())
        })?;
        Some(format!(
            "the server does not keep {path} as it is sent: {} was sent {}, and reads {}",
            other.name,
            shown(member(&other.looks, name)),
            shown(member(&other.kept, name))
        ))
    }
}

/// Whether the looks have this attribute, and answers show it.
fn is_judged_by(path: &str) -> bool {
    // A password is never returned; what none of the test users has can't be seen.
    !matches!(first_of(path), "password" | "groups" | "meta")
}

fn first_of(path: &str) -> &str {
    if path == ENTERPRISE {
        return path;
    }
    path.split('.').next().unwrap_or(path)
}

/// Whether what was sent at a path is what is kept there.
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

/// Whether a value has everything of another one.
fn has(whole: &Value, part: &Value) -> bool {
    match part {
        Value::Object(all) => all
            .iter()
            .all(|(name, value)| member(whole, name) == Some(value)),
        part => whole == part,
    }
}
