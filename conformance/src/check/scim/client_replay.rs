//! Carries out the acts of a SCIM client ([`super::client`]) at the server, and judges each by
//! reading the resources afterwards.
//!
//! A check begins with a new user and a new group: it carries out the acts before its own, and each
//! of them is judged, too. If one of them fails, the check is skipped because of that act's check.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Map, Value};

use super::body::with;
use super::client::{Act, ActKind, Client, Membership, Part, Person, Request, Then};
use super::outcome::{Judged, Stop, ensure, unjudged};
use super::probe::{Probe, fill_in_name};
use super::reading::{at, member, text, value_to_text, values};
use super::schema::ENTERPRISE;
use super::target::{query, segment};
use super::wire::ScimAnswer;

/// Judges one act of a client.
pub(super) async fn judge_act(probe: &Probe<'_>, part: Part) -> Judged {
    let Part { client, kind } = part;
    let Some(act) = client.act(kind.name) else {
        return unjudged("this client has no such act");
    };
    let mut replay = Replay::new(probe, client);
    let own = act.after.iter().map(|name| (name.as_str(), Person::First));
    for (name, person) in kind.after.iter().copied().chain(own) {
        let before = ActKind::find_by_name(name).and_then(|it| Some((it, client.check_id(it)?)));
        let Some((before, check)) = before else {
            return unjudged(format!("act {name} not found"));
        };
        let done = replay.carry_out(before, person).await;
        done.map_err(|stop| match stop {
            // The act itself, of another person.
            Stop::Wrong(why) if Some(check) == client.check_id(kind) => Stop::Wrong(why),
            Stop::Wrong(why) => Stop::Follows(
                check,
                format!("the act {name}, which comes before it, failed: {why}"),
            ),
            other => other,
        })?;
    }
    replay.carry_out(kind, Person::First).await
}

/// The state of a SCIM client during a check: the values that its next requests contain.
struct Replay<'p, 's> {
    probe: &'p Probe<'s>,
    client: &'static Client,
    people: [BTreeMap<String, String>; 2],
    /// Placeholders of the group.
    group: BTreeMap<String, String>,
    /// The ids of the members that the client put into the group.
    members: BTreeSet<String>,
}

/// Texts by the names of their placeholders.
type Known<'k> = BTreeMap<&'k str, &'k str>;

impl<'p, 's> Replay<'p, 's> {
    fn new(probe: &'p Probe<'s>, client: &'static Client) -> Self {
        let mark = &probe.session.mark;
        let person = |given: &str| {
            let name = probe.name();
            let id = format!("{mark}-{}", name.split('@').next().unwrap_or_default());
            BTreeMap::from([
                ("userName".to_owned(), name.clone()),
                ("email".to_owned(), name),
                ("given".to_owned(), given.to_owned()),
                ("family".to_owned(), "Hopper".to_owned()),
                ("externalId".to_owned(), id),
            ])
        };
        let people = [person("Grace"), person("Ada")];
        let group = BTreeMap::from([
            ("groupName".to_owned(), probe.name()),
            ("groupExternalId".to_owned(), format!("{mark}-group")),
        ]);
        Self {
            probe,
            client,
            people,
            group,
            members: BTreeSet::new(),
        }
    }

    fn person(&self, person: Person) -> &BTreeMap<String, String> {
        &self.people[person as usize]
    }

    /// Returns the placeholders of an act about this person.
    fn known(&self, person: Person) -> Known<'_> {
        let mut known: Known<'_> = BTreeMap::new();
        for (name, value) in self.person(person).iter().chain(&self.group) {
            known.insert(name, value);
        }
        let other = match person {
            Person::First => Person::Second,
            Person::Second => Person::First,
        };
        if let Some(id) = self.person(other).get("user") {
            known.insert("other", id);
        }
        known
    }

    /// Sends the requests of an act, and judges what is true afterwards.
    async fn carry_out(&mut self, kind: &'static ActKind, person: Person) -> Judged {
        let client = self.client;
        let Some(act) = client.act(kind.name) else {
            return unjudged("this client has no such act");
        };
        for name in kind.renews {
            let (known, value) = match *name {
                "groupName" => (&mut self.group, self.probe.name()),
                "email" => (&mut self.people[person as usize], self.probe.name()),
                _ => (&mut self.people[person as usize], "Murray".to_owned()),
            };
            known.insert((*name).to_owned(), value);
        }
        let id = self.person(person).get("user").cloned();
        match (kind.membership, id) {
            (Membership::Begins, Some(id)) => drop(self.members.insert(id)),
            (Membership::Ends, Some(id)) => drop(self.members.remove(&id)),
            _ => {}
        }
        self.send_all(act, person).await?;
        self.judge(kind, &act.then, person).await
    }

    async fn send_all(&mut self, act: &Act, person: Person) -> Judged {
        let mut read = Value::Null;
        for request in &act.requests {
            let answer = self.send(request, person, &read).await?;
            if !answer.has_succeeded() {
                continue;
            }
            if request.finds.is_some() {
                self.require_found(request, person, &answer)?;
            }
            read = answer.json().unwrap_or_default();
            for (name, pointer) in &request.keep {
                let id = read.pointer(pointer).and_then(Value::as_str);
                let Some(id) = id.filter(|it| !it.is_empty()) else {
                    return answer.wrong("the answer has no id in its body");
                };
                let known = match name.as_str() {
                    "group" => &mut self.group,
                    _ => &mut self.people[person as usize],
                };
                known.insert(name.clone(), id.to_owned());
            }
        }
        Ok(())
    }

    /// Sends a request, which must succeed or be answered with the other status that is right.
    async fn send(&self, request: &Request, person: Person, read: &Value) -> Judged<ScimAnswer> {
        let known = self.known(person);
        let target = target(&request.path, &known);
        let body = request.body.as_ref().map(|body| {
            let body = self.fill_in(body, &known);
            let body = if request.onto_read {
                replace_members(read, body)
            } else {
                body
            };
            self.complete(request, body, &known)
        });
        let method = Method::from_bytes(request.method.as_bytes());
        let method = method.map_err(|error| Stop::Unjudged(error.to_string()))?;
        let session = self.probe.session;
        let mut sent = session.request(method, &target, body.as_ref());
        for (name, value) in &self.client.headers {
            sent.headers.retain(|(other, _)| other != name);
            sent.headers.push((name.clone(), value.clone()));
        }
        let answer = self.probe.send(sent).await?;
        if request.accepts != Some(answer.status) {
            answer.is_success()?;
        }
        Ok(answer)
    }

    /// Changes the body of a new user or of a PUT as an administrator changes the mapping: adds what
    /// --user-template has, and leaves the enterprise extension out if the server has none.
    fn complete(&self, request: &Request, mut body: Value, known: &Known<'_>) -> Value {
        if !request.path.starts_with("/Users") || request.method == "PATCH" {
            return body;
        }
        if let Some(user) = body.as_object_mut()
            && self.probe.server.enterprise().is_none()
        {
            user.shift_remove(ENTERPRISE);
            if let Some(Value::Array(schemas)) = user.get_mut("schemas") {
                schemas.retain(|urn| urn != ENTERPRISE);
            }
        }
        match &self.probe.session.options.template {
            Some(template) => {
                let name = known.get("userName").copied().unwrap_or_default();
                with(fill_in_name(template, name), body)
            }
            None => body,
        }
    }

    /// Replaces the placeholders in braces.
    fn fill_in(&self, value: &Value, known: &Known<'_>) -> Value {
        match value {
            Value::String(text) if text == "{members}" => {
                let one = |id: &String| serde_json::json!({ "value": id });
                self.members.iter().map(one).collect()
            }
            Value::String(text) => fill_in_text(text, known).into(),
            Value::Array(all) => all.iter().map(|it| self.fill_in(it, known)).collect(),
            Value::Object(all) => all
                .iter()
                .map(|(name, value)| (name.clone(), self.fill_in(value, known)))
                .collect::<Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    /// Requires that a list has exactly the resources that the client looks for.
    fn require_found(&self, request: &Request, person: Person, answer: &ScimAnswer) -> Judged {
        let known = self.known(person);
        let wanted = request.finds.iter().flatten();
        let wanted: BTreeSet<String> = wanted.map(|id| fill_in_text(id, &known)).collect();
        let body = answer.body()?;
        let total = member(&body, "totalResults").and_then(Value::as_u64);
        let listed = values(&body, "Resources");
        let ids = listed.iter().filter_map(|one| text(one, &["id"]));
        let ids: BTreeSet<String> = ids.map(str::to_owned).collect();
        if total.is_none() && listed.is_empty() {
            return answer.wrong("the answer is not a ListResponse");
        }
        // Without a filter, the list has other resources too, and may have more pages.
        let is_filtered = request.path.contains("filter=");
        let is_missing = |id: &&String| !ids.contains(*id);
        if is_filtered && (ids != wanted || listed.len() != wanted.len()) {
            return answer.wrong(match wanted.is_empty() {
                true => "expected no resource in the list",
                false => "expected exactly the one resource in the list",
            });
        }
        let has_all = total.is_some_and(|total| total <= listed.len() as u64);
        match wanted.iter().find(is_missing) {
            Some(id) if has_all => answer.wrong(format!("{id} is not in the list")),
            _ => Ok(()),
        }
    }

    /// Judges what is true after an act.
    async fn judge(&self, kind: &ActKind, then: &Then, person: Person) -> Judged {
        let known = self.known(person);
        let user = format!(
            "/Users/{}",
            segment(known.get("user").copied().unwrap_or_default())
        );
        let group = format!(
            "/Groups/{}",
            segment(known.get("group").copied().unwrap_or_default())
        );
        if then.user.is_some() || then.if_stored.is_some() {
            let is = self.read(&user).await?;
            if let Some(wanted) = &then.user {
                require_contents(&is, &self.fill_in(wanted, &known), "")?;
            }
            if let Some(wanted) = &then.if_stored {
                let is_judged = self
                    .require_contents_if_stored(&is, &self.fill_in(wanted, &known))
                    .await?;
                if let (Some(why), true) = (is_judged, kind.changes_attributes) {
                    return unjudged(why);
                }
            }
        }
        if then.group.is_some() || then.members {
            let is = self.read(&group).await?;
            if let Some(wanted) = &then.group {
                require_contents(&is, &self.fill_in(wanted, &known), "")?;
            }
            if then.members {
                let ids = values(&is, "members").iter();
                let ids = ids.filter_map(|one| text(one, &["value"]).map(str::to_owned));
                let ids: BTreeSet<String> = ids.collect();
                ensure(ids == self.members, || {
                    format!("the members are {ids:?}, expected {:?}", self.members)
                })?;
            }
        }
        let gone = match then.gone.as_deref() {
            Some("group") => &group,
            Some(_) => &user,
            None => return Ok(()),
        };
        let answer = self.probe.get(gone).await?;
        match answer.status {
            404 | 410 => Ok(()),
            _ => answer.wrong("it still exists"),
        }
    }

    /// Reads a resource by its id.
    async fn read(&self, target: &str) -> Judged<Value> {
        let answer = self.probe.get(target).await?;
        answer.is_success()?;
        answer.body()
    }

    /// Requires the values of the attributes that the server stores as they are sent. If it stores
    /// none of them, they prove nothing: returns why.
    async fn require_contents_if_stored(
        &self,
        is: &Value,
        wanted: &Value,
    ) -> Judged<Option<String>> {
        let mut lack = None;
        let mut is_judged = false;
        for (name, value) in wanted.as_object().into_iter().flatten() {
            match self.why_not_stored(name).await? {
                Some(why) => lack = lack.or(Some(why)),
                None => {
                    is_judged = true;
                    require_contents(member(is, name).unwrap_or(&Value::Null), value, name)?;
                }
            }
        }
        Ok(lack.filter(|_| !is_judged))
    }

    /// Returns why the value of an attribute proves nothing; `None` if the server stores it.
    async fn why_not_stored(&self, name: &str) -> Judged<Option<String>> {
        let users = &self.probe.server.users;
        let is_extension = name.eq_ignore_ascii_case(ENTERPRISE);
        let is_known = match name {
            "externalId" => true,
            _ if is_extension => self.probe.server.enterprise().is_some(),
            _ => users.schema.attribute(name).is_some(),
        };
        if !is_known {
            return Ok(Some(format!("the server's schema of users has no {name}")));
        }
        let path = match name {
            "emails" => "emails.value",
            "phoneNumbers" => "phoneNumbers.value",
            name => name,
        };
        Ok(self.probe.test_users().await?.alters(path))
    }
}

fn fill_in_text(text: &str, known: &Known<'_>) -> String {
    known.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}

/// Returns the target of a path with placeholders, encoded.
fn target(path: &str, known: &Known<'_>) -> String {
    let (path, parameters) = path.split_once('?').unwrap_or((path, ""));
    let segments = path.split('/').map(|one| match one.starts_with('{') {
        true => segment(&fill_in_text(one, known)),
        false => one.to_owned(),
    });
    let path = segments.collect::<Vec<_>>().join("/");
    let pairs = parameters
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    let pairs: Vec<(&str, String)> = pairs
        .map(|(name, value)| (name, fill_in_text(value, known)))
        .collect();
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    match pairs.is_empty() {
        true => path,
        false => query(&path, &pairs),
    }
}

/// Returns a resource in which the members of `new` replace those of the same name.
fn replace_members(read: &Value, new: Value) -> Value {
    let mut resource = read.clone();
    match (resource.as_object_mut(), new) {
        (Some(all), Value::Object(new)) => {
            for (name, value) in new {
                all.retain(|key, _| !key.eq_ignore_ascii_case(&name));
                all.insert(name, value);
            }
            resource
        }
        (_, new) => new,
    }
}

/// Requires that a value contains everything in `wanted`: of an object the members, of an array the
/// values.
fn require_contents(is: &Value, wanted: &Value, path: &str) -> Judged {
    let differs = || {
        Stop::Wrong(format!(
            "{path} is {}, expected {wanted}",
            value_to_text(Some(is).filter(|it| !it.is_null()))
        ))
    };
    match wanted {
        Value::Object(all) => {
            for (name, value) in all {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                require_contents(at(is, &[name]).unwrap_or(&Value::Null), value, &path)?;
            }
            Ok(())
        }
        Value::Array(all) => {
            let there = is.as_array().map_or(&[][..], Vec::as_slice);
            let has = |one: &Value| {
                there
                    .iter()
                    .any(|it| require_contents(it, one, path).is_ok())
            };
            all.iter().all(has).then_some(()).ok_or_else(differs)
        }
        one => (is == one).then_some(()).ok_or_else(differs),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_encoded_after_its_placeholders_are_filled() {
        let known = BTreeMap::from([("user", "a/b"), ("userName", "x&y@example.com")]);
        assert_eq!(target("/Users/{user}", &known), "/Users/a%2Fb");
        assert_eq!(
            target("/Users?filter=userName eq \"{userName}\"&count=1", &known),
            "/Users?filter=userName%20eq%20%22x%26y%40example.com%22&count=1"
        );
    }

    #[test]
    fn a_resource_holds_what_it_contains() {
        let user = json!({"name": {"familyName": "B"}, "emails": [{"value": "x", "type": "work"}]});
        for (wanted, is_held) in [
            (json!({"NAME": {"familyName": "B"}}), true),
            (json!({"name": {"familyName": "C"}}), false),
            (json!({"emails": [{"value": "x"}]}), true),
            (json!({"emails": [{"value": "y"}]}), false),
            (json!({"active": true}), false),
        ] {
            assert_eq!(
                require_contents(&user, &wanted, "").is_ok(),
                is_held,
                "{wanted}"
            );
        }
    }

    #[test]
    fn a_body_replaces_members_of_what_was_read() {
        let read = json!({"id": "1", "Active": true, "title": "x"});
        let body = replace_members(&read, json!({"active": false}));
        assert_eq!(body, json!({"id": "1", "title": "x", "active": false}));
    }
}
