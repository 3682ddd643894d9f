//! The people whom filters, sorting, paging and projections are judged with:
//! made once, never changed, and read back: a check may only rest on values
//! that the server was seen to keep.

use serde_json::{Map, Value, json};

use super::item::Stop;
use super::probe::{Made, Probe, Session};
use super::reading::{at, member, shown, values};
use super::schema::ENTERPRISE;
use super::server::Server;

/// One of them.
#[derive(Debug)]
struct Person {
    name: &'static str,
    made: Made,
    /// What the person is meant to have, as far as the server took it.
    looks: Value,
    /// What the server keeps.
    kept: Value,
}

/// Five users.
#[derive(Debug)]
pub(super) struct TestUsers {
    people: Vec<Person>,
    has_two_emails: bool,
}

/// What the server takes of the looks.
struct Taken {
    /// Attributes that it refuses users with.
    refused: Vec<String>,
    /// Whether it takes more than one e-mail.
    two_emails: bool,
}

impl Taken {
    /// The looks without what the server doesn't take.
    fn of(&self, looks: &Value, server: &Server) -> Value {
        let mut out = Map::new();
        for (attribute, value) in looks.as_object().into_iter().flatten() {
            let is_extension = attribute == ENTERPRISE;
            let is_known = server.users.schema.attribute(attribute).is_some()
                || attribute == "externalId"
                || is_extension && server.enterprise().is_some();
            if !is_known || self.refused.contains(attribute) {
                continue;
            }
            let mut value = value.clone();
            if let Some(all) = value.as_array_mut().filter(|_| !self.two_emails) {
                all.truncate(1);
            }
            out.insert(attribute.clone(), value);
            if is_extension {
                out.insert("schemas".to_owned(), json!([ENTERPRISE]));
            }
        }
        out.into()
    }
}

impl TestUsers {
    /// Makes them; of their attributes only those that the server has and
    /// takes.
    pub(super) async fn make(session: &Session<'_>, server: &Server) -> Result<Self, String> {
        let probe = Probe::new(session, server);
        let all = looks(&session.cast_mark(), &session.domain);
        let mut taken = Taken {
            refused: Vec::new(),
            two_emails: true,
        };
        let mut people = Vec::new();
        for (name, looks) in all {
            let mut meant = taken.of(&looks, server);
            let mut made = probe.user(meant.clone()).await;
            if made.is_err() && people.is_empty() {
                taken = find_refused(&probe, &meant).await;
                meant = taken.of(&looks, server);
                made = probe.user(meant.clone()).await;
            }
            let made = made.map_err(cannot_make)?;
            let kept = probe.fetch(&made).await.unwrap_or_default();
            people.push(Person {
                name,
                made,
                looks: meant,
                kept,
            });
        }
        let emails = |person: &Person| values(&person.kept, "emails").len();
        let has_two_emails = people.first().is_some_and(|ann| emails(ann) == 2);
        Ok(Self {
            people,
            has_two_emails,
        })
    }

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

fn cannot_make(why: Stop) -> String {
    let (Stop::Wrong(why) | Stop::Unjudged(why) | Stop::Follows(_, why)) = why;
    format!("cannot create the users to judge with: {why}")
}

/// Whether the server takes users with this attribute.
async fn is_taken(probe: &Probe<'_>, name: &str, value: &Value) -> bool {
    let mut more = json!({ name: value });
    if name == ENTERPRISE {
        more["schemas"] = json!([ENTERPRISE]);
    }
    let made = probe.user(more).await;
    if let Ok(made) = &made {
        // Whoever stays would be listed beside the test users.
        let _ = probe.delete(&made.place).await;
    }
    made.is_ok()
}

/// Which attributes the server refuses users with, each tried by itself.
async fn find_refused(probe: &Probe<'_>, meant: &Value) -> Taken {
    let mut taken = Taken {
        refused: Vec::new(),
        two_emails: true,
    };
    for (name, value) in meant.as_object().into_iter().flatten() {
        if ["schemas", "userName"].contains(&name.as_str()) || is_taken(probe, name, value).await {
            continue;
        }
        let first = value.as_array().and_then(|all| all.first());
        match first {
            Some(first) if is_taken(probe, name, &json!([first])).await => taken.two_emails = false,
            _ => taken.refused.push(name.clone()),
        }
    }
    taken
}

/// An address of a user; `place` stands for another domain, below the one
/// that `--domain` names.
fn address(u: &str, name: &str, place: &str, domain: &str) -> String {
    match (place, domain) {
        ("", _) => format!("{u}-{name}@{domain}"),
        (place, "example.com") => format!("{u}-{name}@example.{place}"),
        (place, _) => format!("{u}-{name}.{place}@{domain}"),
    }
}

/// Who they are. Every value bears the mark, so that no filter finds others.
fn looks(u: &str, domain: &str) -> [(&'static str, Value); 5] {
    let at = |name: &str, place: &str| address(u, name, place, domain);
    [
        (
            "ann",
            json!({
                "userName": at("ann", ""),
                "externalId": format!("{u}-Ext-A"),
                "displayName": format!("{u} Ann"),
                "nickName": format!("{u}-Ann"),
                "title": format!("{u} 50% off"),
                "userType": format!("{u}-Staff"),
                "active": true,
                "name": {"givenName": format!("{u}-Ann"), "familyName": format!("{u}-Arbor")},
                "emails": [
                    {"value": at("ann", ""), "type": "work", "primary": true, "display": format!("{u} Ann")},
                    {"value": at("ann", "org"), "type": "home", "display": format!("{u} Ann at home")},
                ],
                "phoneNumbers": [{"value": "+1-201-555-0123", "type": "work"}],
                ENTERPRISE: {"department": format!("{u}-Dep-A"), "employeeNumber": format!("{u}-1")},
            }),
        ),
        (
            "bob",
            json!({
                "userName": at("bob", ""),
                "externalId": format!("{u}-Ext-B"),
                "displayName": format!("{u} bob"),
                "nickName": format!("{u}-Bob"),
                "title": format!("{u} 50x off"),
                "userType": format!("{u}-Guest"),
                "active": false,
                "name": {"givenName": format!("{u}-Bob"), "familyName": format!("{u}-Baker")},
                "emails": [
                    {"value": at("bob", "org"), "type": "work", "primary": true},
                    {"value": at("bob", ""), "type": "home"},
                ],
                ENTERPRISE: {"department": format!("{u}-Dep-B"), "employeeNumber": format!("{u}-2")},
            }),
        ),
        (
            "cyd",
            json!({
                "userName": at("cyd", ""),
                "displayName": format!("{u} Cyd"),
                "title": format!("{u} say \"hi\" \\ bye"),
                "userType": format!("{u}-Guest"),
                "active": true,
                "name": {"givenName": format!("{u}-Cyd"), "familyName": format!("{u}-Cole")},
            }),
        ),
        (
            "dee",
            json!({
                "userName": at("dee", ""),
                "displayName": format!("{u} Dee"),
                "nickName": format!("{u}-dee_1"),
                "title": format!("{u} Zürich"),
                "userType": format!("{u}-Staff"),
                "active": true,
                "name": {"givenName": format!("{u}-Dee"), "familyName": format!("{u}-Dorn")},
                "emails": [{"value": at("dee", "net"), "type": "work"}],
            }),
        ),
        (
            "eve",
            json!({
                "userName": at("eve", ""),
                "displayName": format!("{u} Eve"),
                "nickName": format!("{u}-deex1"),
                "title": format!("{u} Eve"),
                "userType": format!("{u}-Staff"),
                "active": false,
                "name": {"givenName": format!("{u}-Eve"), "familyName": format!("{u}-Egan")},
                "emails": [{"value": at("eve", "net"), "type": "home"}],
            }),
        ),
    ]
}
