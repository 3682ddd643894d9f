//! Provisions a group that a rule covers, with those of its members that exist at the target.
//! Membership is written to the group, not to the users.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::client::PushError;
use super::habits::{By, Members};
use super::{Failure, Push, Record, plans};
use crate::directory::groups;
use crate::store::resources::{self, Kind};
use crate::store::sync;

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

fn member_list(ids: &BTreeSet<String>) -> Value {
    ids.iter().map(|id| json!({"value": id})).collect()
}

fn member_ids(members: &Value) -> BTreeSet<String> {
    let all = members.as_array().into_iter().flatten();
    all.filter_map(|member| member["value"].as_str().map(str::to_owned))
        .collect()
}

impl Push<'_> {
    pub(super) async fn push_group(&self) -> Result<Record, Failure> {
        let subject = &self.job.subject;
        let Some(path) = self.client.connection.groups.clone() else {
            return Ok(Record::Unchanged);
        };
        let wanted = {
            let mut db = self.idp.store.read().await?;
            let group =
                resources::get(&mut db, &subject.environment, Kind::Group, &subject.id).await?;
            match group {
                Some(group)
                    if self
                        .set_up
                        .rules
                        .iter()
                        .any(|rule| plans::pushes(rule, &group.id)) =>
                {
                    let within = groups::list_members(&mut db, &group).await?;
                    let (environment, store) = (&subject.environment, &subject.store);
                    let members =
                        sync::find_remote_ids(&mut db, environment, store, within.iter()).await?;
                    Some((group, BTreeSet::from_iter(members)))
                }
                _ => None,
            }
        };
        let Some((group, members)) = wanted else {
            // Deletes the group only if this store created it; another group of the same name
            // stays.
            let remote = self.find_remote_id(&path, "displayName", |sent, there| sent == there);
            if let Some(id) = remote.await? {
                self.client.delete(&path, &id).await?;
            }
            return Ok(Record::Absent);
        };
        let resource = json!({
            "schemas": [GROUP],
            "displayName": group.name,
            "externalId": group.id,
            "members": member_list(&members),
        });
        let id = match &self.known.remote_id {
            Some(id) => match self.change_group(&path, id, &resource, &members).await {
                Err(PushError::Gone(_)) => self.create_group(&path, &resource, &members).await?,
                done => {
                    done?;
                    id.clone()
                }
            },
            None => match self.find_group(&path, &group.name).await? {
                Some(id) => {
                    self.take_over(&path, &id, &resource, &members).await?;
                    id
                }
                None => self.create_group(&path, &resource, &members).await?,
            },
        };
        Ok(Record::Provisioned {
            remote_id: id,
            pushed: resource,
        })
    }

    /// Looks a group up by its name, as the flavor does.
    async fn find_group(&self, path: &str, name: &str) -> Result<Option<String>, PushError> {
        if self.set_up.habits.lists_groups {
            return self.client.find_in_list(path, "displayName", name).await;
        }
        let at = self.set_up.habits.group_look_up(path);
        self.client.find(&at, "displayName", name).await
    }

    async fn create_group(
        &self,
        path: &str,
        resource: &Value,
        members: &BTreeSet<String>,
    ) -> Result<String, Failure> {
        self.note_attempt(resource).await?;
        match self
            .client
            .create(path, &self.set_up.habits.new_group(resource))
            .await
        {
            Err(PushError::Exists(reason)) => {
                let name = resource["displayName"].as_str().unwrap_or_default();
                let Some(id) = self.find_group(path, name).await? else {
                    return Err(PushError::Exists(reason).into());
                };
                self.take_over(path, &id, resource, members).await?;
                Ok(id)
            }
            made => {
                let id = made?;
                if self.set_up.habits.members_after_creation && !members.is_empty() {
                    let none = BTreeSet::new();
                    let joined = members.iter();
                    let added = self
                        .set_up
                        .habits
                        .members(joined.clone(), none.iter(), joined);
                    self.send_group(path, &id, resource, added, (members, &none))
                        .await?;
                }
                Ok(id)
            }
        }
    }

    /// Takes over a group of the same name that exists at the target: merges its members or
    /// overwrites them.
    async fn take_over(
        &self,
        path: &str,
        id: &str,
        resource: &Value,
        members: &BTreeSet<String>,
    ) -> Result<(), PushError> {
        let mut operations = vec![
            self.set_up
                .habits
                .replace("externalId", &resource["externalId"]),
        ];
        if self.client.connection.merge_members {
            operations.extend(self.add_member_operations(members));
        } else {
            operations.push(self.set_up.habits.all_members(members.iter()));
        }
        let removed = BTreeSet::new();
        self.send_group(path, id, resource, operations, (members, &removed))
            .await
    }

    /// Returns the PATCH operations that add members to those that a group has.
    fn add_member_operations(&self, members: &BTreeSet<String>) -> Vec<Value> {
        if self.set_up.habits.members == Members::List {
            // The list would remove the other members.
            let added = member_list(members);
            return vec![json!({"op": "add", "path": "members", "value": added})];
        }
        let none = BTreeSet::new();
        self.set_up
            .habits
            .members(members.iter(), none.iter(), none.iter())
    }

    /// Changes a group by PATCH, or by PUT if the target has no PATCH.
    async fn send_group(
        &self,
        path: &str,
        id: &str,
        resource: &Value,
        operations: Vec<Value>,
        (members, removed): (&BTreeSet<String>, &BTreeSet<String>),
    ) -> Result<(), PushError> {
        if !self.client.connection.put_only && self.set_up.habits.groups_by == By::Patch {
            if self.set_up.habits.reads_groups_first {
                let query = &self.set_up.habits.group_query;
                self.client.get_with_query(path, id, query).await?;
            }
            let operations = Value::Array(operations);
            match self.client.patch(path, id, operations).await {
                Err(PushError::Unsupported(_)) => {}
                done => return done,
            }
        }
        let mut now = self.client.get(path, id).await?;
        let Some(group) = now.as_object_mut() else {
            return Err(PushError::Refused(format!(
                "GET {path}/{id}: expected a group, got {now}"
            )));
        };
        let mut all = members.clone();
        if self.client.connection.merge_members {
            let there = group.get("members").map(member_ids).unwrap_or_default();
            all.extend(there.difference(removed).cloned());
        }
        for name in ["schemas", "displayName", "externalId"] {
            group.insert(name.to_owned(), resource[name].clone());
        }
        group.insert("members".to_owned(), member_list(&all));
        group.shift_remove("meta");
        self.client.replace(path, id, &now).await
    }

    /// Sends the differences from the last provisioned state.
    async fn change_group(
        &self,
        path: &str,
        id: &str,
        resource: &Value,
        members: &BTreeSet<String>,
    ) -> Result<(), PushError> {
        let former: Option<Value> = self
            .known
            .pushed
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok());
        let Some(former) = former else {
            let name = self.set_up.habits.rename(id, &resource["displayName"]);
            let removed = BTreeSet::new();
            self.send_group(path, id, resource, vec![name], (members, &removed))
                .await?;
            return self.take_over(path, id, resource, members).await;
        };
        let before = member_ids(&former["members"]);
        let mut operations = Vec::new();
        if former["displayName"] != resource["displayName"] {
            operations.push(self.set_up.habits.rename(id, &resource["displayName"]));
        }
        operations.extend(self.set_up.habits.members(
            members.difference(&before),
            before.difference(members),
            members.iter(),
        ));
        if operations.is_empty() {
            return Ok(());
        }
        let removed: BTreeSet<String> = before.difference(members).cloned().collect();
        self.send_group(path, id, resource, operations, (members, &removed))
            .await
    }
}
