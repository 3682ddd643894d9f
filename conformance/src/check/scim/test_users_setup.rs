//! Creates the test users with the attributes that the server accepts.

use serde_json::{Map, Value, json};

use super::body::fit_to_schema;
use super::outcome::{Judged, Stop, unjudged};
use super::probe::Probe;
use super::reading::values;
use super::schema::ENTERPRISE;
use super::server::Server;
use super::session::Session;
use super::test_users::{Person, TestUsers};

impl<'s> Probe<'s> {
    /// Returns the test users, and creates them at the first call.
    pub(super) async fn test_users(&self) -> Judged<&'s TestUsers> {
        let test_users = self
            .session
            .test_users
            .get_or_init(|| TestUsers::make(self.session, self.server));
        match test_users.await {
            Ok(test_users) => Ok(test_users),
            Err(why) => unjudged(why.clone()),
        }
    }
}

/// What the server accepts of the planned attributes.
struct Taken {
    /// Attributes with which the server refuses users.
    refused: Vec<String>,
    /// True if the server accepts more than one e-mail address.
    two_emails: bool,
}

impl Taken {
    /// Returns the planned attributes without those that the server does not accept.
    fn of(&self, looks: &Value, server: &Server, mark: &str) -> Value {
        let mut out = Map::new();
        for (attribute, value) in looks.as_object().into_iter().flatten() {
            let is_extension = attribute == ENTERPRISE;
            let is_known = server.users.schema.attribute(attribute).is_some()
                || attribute == "externalId"
                || is_extension && server.enterprise().is_some();
            if !is_known || self.refused.contains(attribute) {
                continue;
            }
            let mut value = match server.users.schema.attribute(attribute) {
                Some(known) => fit_to_schema(value.clone(), known, mark),
                None => value.clone(),
            };
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
    /// Creates the test users with the planned attributes that the server has and accepts.
    async fn make(session: &Session<'_>, server: &Server) -> Result<Self, String> {
        let probe = Probe::new(session, server);
        let mark = session.test_user_mark();
        let all = looks(&mark, &session.domain);
        let mut taken = Taken {
            refused: Vec::new(),
            two_emails: true,
        };
        let mut people = Vec::new();
        for (name, looks) in all {
            let mut meant = taken.of(&looks, server, &mark);
            let mut made = probe.create_user(meant.clone()).await;
            if made.is_err() && people.is_empty() {
                taken = find_refused(&probe, &meant).await;
                meant = taken.of(&looks, server, &mark);
                made = probe.create_user(meant.clone()).await;
            }
            // Some servers create no inactive users.
            if made.is_err() && meant["active"] == false {
                meant["active"] = true.into();
                made = probe.create_user(meant.clone()).await;
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
}

fn cannot_make(why: Stop) -> String {
    let (Stop::Wrong(why) | Stop::Unjudged(why) | Stop::Follows(_, why)) = why;
    format!("cannot create the users to judge with: {why}")
}

/// True if the server accepts users with this attribute.
async fn is_taken(probe: &Probe<'_>, name: &str, value: &Value) -> bool {
    let mut more = json!({ name: value });
    if name == ENTERPRISE {
        more["schemas"] = json!([ENTERPRISE]);
    }
    let made = probe.create_user(more).await;
    if let Ok(made) = &made {
        // A user that remains would be listed with the test users.
        let _ = probe.delete(&made.place).await;
    }
    made.is_ok()
}

/// Finds the attributes with which the server refuses users, by trying each of them alone.
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

/// Returns an e-mail address of a user. A `place` gives another address of the same user: in
/// another top-level domain for example.com, otherwise with another local part.
fn address(u: &str, name: &str, place: &str, domain: &str) -> String {
    match (place, domain) {
        ("", _) => format!("{u}-{name}@{domain}"),
        (place, "example.com") => format!("{u}-{name}@example.{place}"),
        (place, _) => format!("{u}-{name}.{place}@{domain}"),
    }
}

/// Returns the planned attributes. Every value contains the mark, so that filters find no other
/// users.
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
