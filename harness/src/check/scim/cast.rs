//! The people whom filters, sorting, paging and projections are judged with:
//! made once, never changed.

use serde_json::{Value, json};

use super::item::Stop;
use super::probe::{Made, Probe, Session};
use super::schema::ENTERPRISE;
use super::server::Server;

/// Five users.
#[derive(Debug)]
pub(super) struct Cast(Vec<(&'static str, Made)>);

impl Cast {
    /// Makes them; of their attributes only those that the server has.
    pub(super) async fn make(session: &Session<'_>, server: &Server) -> Result<Self, String> {
        let probe = Probe::new(session, server);
        let mut all = Vec::new();
        for (name, looks) in looks(&session.cast_mark()) {
            let mut more = serde_json::Map::new();
            for (attribute, value) in looks.as_object().into_iter().flatten() {
                let extension = attribute == ENTERPRISE;
                let known = server.users.schema.attribute(attribute).is_some()
                    || attribute == "externalId"
                    || extension && server.enterprise().is_some();
                if known {
                    more.insert(attribute.clone(), value.clone());
                }
                if known && extension {
                    more.insert("schemas".to_owned(), json!([ENTERPRISE]));
                }
            }
            match probe.user(more.into()).await {
                Ok(made) => all.push((name, made)),
                Err(Stop::Wrong(why) | Stop::Unjudged(why)) => {
                    return Err(format!("the users to judge with could not be made: {why}"));
                }
            }
        }
        Ok(Self(all))
    }

    /// One of them.
    pub(super) fn one(&self, name: &str) -> &Made {
        let found = self.0.iter().find(|(known, _)| *known == name);
        &found.unwrap_or(&self.0[0]).1
    }

    /// The names of those among these resources, in their order.
    pub(super) fn among(&self, resources: &[Value]) -> Vec<&'static str> {
        let ids = resources.iter().filter_map(|one| one["id"].as_str());
        ids.filter_map(|id| {
            let found = self.0.iter().find(|(_, made)| made.id == id)?;
            Some(found.0)
        })
        .collect()
    }
}

/// Who they are. Every value bears the mark, so that no filter finds others.
fn looks(u: &str) -> [(&'static str, Value); 5] {
    [
        (
            "ann",
            json!({
                "userName": format!("{u}-ann@example.com"),
                "externalId": format!("{u}-Ext-A"),
                "displayName": format!("{u} Ann"),
                "nickName": format!("{u}-Ann"),
                "title": format!("{u} 50% off"),
                "userType": format!("{u}-Staff"),
                "active": true,
                "name": {"givenName": format!("{u}-Ann"), "familyName": format!("{u}-Arbor")},
                "emails": [
                    {"value": format!("{u}-ann@example.com"), "type": "work", "primary": true},
                    {"value": format!("{u}-ann@example.org"), "type": "home"},
                ],
                ENTERPRISE: {"department": format!("{u}-Dep-A"), "employeeNumber": format!("{u}-1")},
            }),
        ),
        (
            "bob",
            json!({
                "userName": format!("{u}-bob@example.com"),
                "externalId": format!("{u}-Ext-B"),
                "displayName": format!("{u} bob"),
                "nickName": format!("{u}-Bob"),
                "title": format!("{u} 50x off"),
                "userType": format!("{u}-Guest"),
                "active": false,
                "name": {"givenName": format!("{u}-Bob"), "familyName": format!("{u}-Baker")},
                "emails": [
                    {"value": format!("{u}-bob@example.org"), "type": "work", "primary": true},
                    {"value": format!("{u}-bob@example.com"), "type": "home"},
                ],
                ENTERPRISE: {"department": format!("{u}-Dep-B"), "employeeNumber": format!("{u}-2")},
            }),
        ),
        (
            "cyd",
            json!({
                "userName": format!("{u}-cyd@example.com"),
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
                "userName": format!("{u}-dee@example.com"),
                "displayName": format!("{u} Dee"),
                "nickName": format!("{u}-dee_1"),
                "title": format!("{u} Zürich"),
                "userType": format!("{u}-Staff"),
                "active": true,
                "name": {"givenName": format!("{u}-Dee"), "familyName": format!("{u}-Dorn")},
                "emails": [{"value": format!("{u}-dee@example.net"), "type": "work"}],
            }),
        ),
        (
            "eve",
            json!({
                "userName": format!("{u}-eve@example.com"),
                "displayName": format!("{u} Eve"),
                "nickName": format!("{u}-deex1"),
                "title": format!("{u} Eve"),
                "userType": format!("{u}-Staff"),
                "active": false,
                "name": {"givenName": format!("{u}-Eve"), "familyName": format!("{u}-Egan")},
                "emails": [{"value": format!("{u}-eve@example.net"), "type": "home"}],
            }),
        ),
    ]
}
