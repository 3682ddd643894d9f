//! Accounts and groups of a SCIM server, for checks that watch what a change of them does
//! elsewhere. A failed action only says in words why it failed: `check scim` judges whether the
//! server follows the SCIM specification.

use serde_json::{Map, Value, json};

use super::body::{name_of, with};
use super::outcome::{Judged, Stop};
use super::probe::Probe;
use super::reading::{member, text, values};
use super::server::Server;
use super::session::Session;
use super::target::{query, segment};
use super::wire::ScimAnswer;
use super::{CheckError, Judge, set_up};
use crate::check::evidence::Exchange;
use crate::check::observed;

/// The directory of one server.
pub(in crate::check) struct Directory<'s> {
    session: Session<'s>,
    server: Server,
}

/// A user that a check created.
#[derive(Debug, Clone)]
pub(in crate::check) struct Account {
    /// The id that the server gave.
    pub(in crate::check) id: String,
    /// The userName that was sent.
    pub(in crate::check) user_name: String,
    /// The body of the request that created it.
    pub(in crate::check) sent: Value,
    place: String,
}

/// The result of a POST.
#[derive(Debug, Clone)]
pub(in crate::check) enum Created {
    /// The account was created.
    Made(Account),
    /// The server refused it: the status, and the exchange in words.
    Refused(u16, String),
}

/// A group that exists already.
#[derive(Debug, Clone)]
pub(in crate::check) struct Group {
    place: String,
}

/// The result of an action, or why the action failed.
type Done<T = ()> = Result<T, String>;

fn map_error_to_text<T>(judged: Judged<T>) -> Done<T> {
    judged.map_err(|stop| match stop {
        Stop::Wrong(why) | Stop::Unjudged(why) | Stop::Follows(_, why) => why,
    })
}

fn require_success(answer: &ScimAnswer, what: &str) -> Done {
    if answer.has_succeeded() {
        return Ok(());
    }
    Err(format!("{what} failed: {}", answer.quote()))
}

impl<'s> Directory<'s> {
    /// Finds out what the server supports, and which attributes its users need.
    ///
    /// # Errors
    /// When there is no server, or it takes no users.
    pub(in crate::check) async fn connect(judge: &'s Judge<'_>) -> Result<Self, CheckError> {
        let session = Session::of(judge);
        judge.runner.stop.set_leftovers(session.created.lister());
        let server = Server::discover(&session).await?;
        let prepared = set_up::prepare(&session, &server).await;
        if let Err(trouble) = prepared {
            session.created.clear(&session, &server).await;
            return Err(trouble);
        }
        session.created.shorten(&session, 0).await;
        Ok(Self { session, server })
    }

    /// Carries out an action, and keeps its exchanges.
    async fn run_and_log<T>(
        &self,
        log: &mut Vec<Exchange>,
        act: impl AsyncFnOnce(&Probe<'_>) -> Judged<T>,
    ) -> Done<T> {
        let probe = Probe::new(&self.session, &self.server);
        let judged = act(&probe).await;
        log.extend(observed::exchanges(&probe.tape()));
        map_error_to_text(judged)
    }

    /// Returns the body of a user as provisioning clients send it, with an unused userName.
    /// `external_id` makes the externalId from the userName.
    pub(in crate::check) fn new_user(&self, external_id: impl Fn(&str) -> String) -> Value {
        let probe = Probe::new(&self.session, &self.server);
        let least = probe.least_user();
        let name = name_of(&least).unwrap_or_default().to_owned();
        let usual = json!({
            "externalId": external_id(&name),
            "displayName": name,
            "name": {"givenName": "Rehearsal", "familyName": "Leaver"},
            "emails": [{"value": name, "type": "work", "primary": true}],
            "active": true,
        });
        let has = |attribute: &str| {
            attribute == "externalId" || self.server.users.schema.attribute(attribute).is_some()
        };
        let more: Map<String, Value> = usual
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(attribute, _)| member(&least, attribute).is_none() && has(attribute))
            .map(|(attribute, value)| (attribute.clone(), value.clone()))
            .collect();
        with(least, more.into())
    }

    /// Creates a user.
    pub(in crate::check) async fn create(
        &self,
        sent: &Value,
        log: &mut Vec<Exchange>,
    ) -> Done<Created> {
        let endpoint = &self.server.users.endpoint;
        self.run_and_log(log, async |probe| {
            let answer = probe.post(endpoint, sent).await?;
            if !answer.has_succeeded() {
                return Ok(Created::Refused(answer.status, answer.quote()));
            }
            let body = probe.read_resource(&answer).await?;
            let Some(id) = text(&body, &["id"]) else {
                return Err(Stop::Unjudged(format!(
                    "the created user has no id: {}",
                    answer.quote()
                )));
            };
            Ok(Created::Made(Account {
                id: id.to_owned(),
                user_name: name_of(sent).unwrap_or_default().to_owned(),
                sent: sent.clone(),
                place: format!("{endpoint}/{}", segment(id)),
            }))
        })
        .await
    }

    /// Returns the account as the server has it; `None` if it does not exist.
    pub(in crate::check) async fn read(
        &self,
        account: &Account,
        log: &mut Vec<Exchange>,
    ) -> Done<Option<Value>> {
        self.run_and_log(log, async |probe| {
            let answer = probe.get(&account.place).await?;
            if matches!(answer.status, 404 | 410) {
                return Ok(None);
            }
            answer.require_body_of_step("reading the account").map(Some)
        })
        .await
    }

    /// Returns the accounts with this userName.
    pub(in crate::check) async fn find(
        &self,
        user_name: &str,
        log: &mut Vec<Exchange>,
    ) -> Done<Vec<Value>> {
        let filter = format!("userName eq \"{user_name}\"");
        self.run_and_log(log, async |probe| {
            let answer = probe.list_users(&[("filter", &filter)]).await?;
            let body = answer.require_body_of_step("looking for the userName")?;
            // A server may ignore the filter.
            let is_it = |one: &&Value| {
                text(one, &["userName"]).is_some_and(|name| name.eq_ignore_ascii_case(user_name))
            };
            let found = values(&body, "Resources").iter().filter(is_it);
            Ok(found.cloned().collect())
        })
        .await
    }

    /// Sets `active`: by PATCH, or by PUT if the server does not support PATCH.
    pub(in crate::check) async fn set_active(
        &self,
        account: &Account,
        active: bool,
        log: &mut Vec<Exchange>,
    ) -> Done {
        let operations = json!([{"op": "replace", "path": "active", "value": active}]);
        let answer = self
            .run_and_log(log, async |probe| {
                let answer = probe.patch(&account.place, operations).await?;
                if answer.has_succeeded() {
                    return Ok(answer);
                }
                let whole = with(account.sent.clone(), json!({ "active": active }));
                probe.put(&account.place, &whole).await
            })
            .await?;
        require_success(&answer, &format!("setting active to {active}"))
    }

    /// Deletes the account.
    pub(in crate::check) async fn delete(
        &self,
        account: &Account,
        log: &mut Vec<Exchange>,
    ) -> Done {
        let answer = self
            .run_and_log(log, async |probe| probe.delete(&account.place).await)
            .await?;
        require_success(&answer, "deleting the account")
    }

    /// Returns the group with this name; `None` if it does not exist.
    pub(in crate::check) async fn find_group(
        &self,
        name: &str,
        log: &mut Vec<Exchange>,
    ) -> Done<Option<Group>> {
        let filter = format!("displayName eq \"{}\"", name.replace('"', "\\\""));
        self.run_and_log(log, async |probe| {
            let endpoint = &probe.require_groups()?.endpoint;
            let parameters = [
                ("filter", filter.as_str()),
                ("excludedAttributes", "members"),
            ];
            let answer = probe.get(&query(endpoint, &parameters)).await?;
            let body = answer.require_body_of_step("looking for the group")?;
            let is_it = |one: &&Value| text(one, &["displayName"]) == Some(name);
            let found = values(&body, "Resources").iter().find(is_it);
            let id = found.and_then(|one| text(one, &["id"]));
            Ok(id.map(|id| Group {
                place: format!("{endpoint}/{}", segment(id)),
            }))
        })
        .await
    }

    /// Adds the account to the group, or removes it.
    pub(in crate::check) async fn set_member(
        &self,
        group: &Group,
        account: &Account,
        is_member: bool,
        log: &mut Vec<Exchange>,
    ) -> Done {
        let id = &account.id;
        let operations = if is_member {
            json!([{"op": "add", "path": "members", "value": [{"value": id}]}])
        } else {
            json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}])
        };
        let what = if is_member {
            "adding the account to the group"
        } else {
            "removing the account from the group"
        };
        let answer = self
            .run_and_log(log, async |probe| {
                probe.patch(&group.place, operations).await
            })
            .await?;
        require_success(&answer, what)
    }

    /// Deletes the created resources; returns the names of those that remain.
    pub(in crate::check) async fn clear(&self) -> Vec<String> {
        self.session
            .created
            .clear(&self.session, &self.server)
            .await
            .0
    }
}
