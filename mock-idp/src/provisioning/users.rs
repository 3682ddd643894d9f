//! Provisions a user: creates, changes, disables or deletes it at the target.

use serde_json::{Value, json};

use super::client::PushError;
use super::connection::RemoveAction;
use super::habits::{By, Paths};
use super::{Failure, Push, Record, plans, user_mapping};
use crate::directory::{groups, users as directory};
use crate::store::users;

impl Push<'_> {
    pub(super) async fn push_user(&self) -> Result<Record, Failure> {
        let subject = &self.job.subject;
        let (user, mappings) = {
            let mut db = self.idp.store.read().await?;
            let user = match users::get(&mut db, &subject.environment, &subject.id).await? {
                None => None,
                Some(user) => {
                    let groups = groups::list_groups_of(&mut db, &user).await?;
                    Some(directory::seen(&user, &groups))
                }
            };
            let mappings = self
                .set_up
                .load_mappings(&mut db, &subject.environment)
                .await?;
            (user, mappings)
        };
        let rules = &self.set_up.rules;
        let covered = user.filter(|user| rules.iter().any(|rule| plans::covers(rule, user)));
        match covered {
            None => self.remove_user().await,
            Some(user) => {
                let resource = user_mapping::user(mappings, &user, self.idp.now())?;
                self.put_user(&user, resource).await
            }
        }
    }

    async fn remove_user(&self) -> Result<Record, Failure> {
        let path = &self.client.connection.users;
        // Another user may have got the same userName since, so compare the `externalId`.
        let remote = self.find_remote_id(path, "userName", |sent, there| {
            sent.is_null() || there.is_null() || sent == there
        });
        if let Some(id) = &remote.await? {
            match self.client.connection.remove {
                RemoveAction::Delete if self.set_up.habits.deletes_users => {
                    if self.set_up.habits.disables_before_delete && self.client.connection.disable {
                        match self.activate(id, false).await {
                            Ok(()) | Err(PushError::Gone(_) | PushError::Unsupported(_)) => {}
                            Err(error) => return Err(error.into()),
                        }
                    }
                    self.client.delete(path, id).await?;
                }
                RemoveAction::Disable if !self.client.connection.disable => {}
                _ => match self.activate(id, false).await {
                    Ok(()) | Err(PushError::Gone(_)) => {}
                    Err(error) => return Err(error.into()),
                },
            }
        }
        Ok(Record::Absent)
    }

    async fn activate(&self, id: &str, active: bool) -> Result<(), PushError> {
        let path = &self.client.connection.users;
        let by_put = self.set_up.habits.activates_by == Some(By::Put);
        let by_patch = if self.client.connection.put_only || by_put {
            Err(PushError::Unsupported("the connection has no PATCH".into()))
        } else {
            let operations = json!([self.set_up.habits.replace("active", &active.into())]);
            self.client.patch(path, id, operations).await
        };
        match by_patch {
            Err(PushError::Unsupported(_)) => {
                let mut now = self.client.get(path, id).await?;
                if !now.is_object() {
                    return Err(PushError::Refused(format!(
                        "GET {path}/{id}: expected a user, got {now}"
                    )));
                }
                now["active"] = active.into();
                self.client.replace(path, id, &now).await
            }
            done => done,
        }
    }

    async fn put_user(&self, user: &Value, resource: Value) -> Result<Record, Failure> {
        let connection = self.client.connection;
        let enabled = user["enabled"] != Value::Bool(false);
        let remote = match &self.known.remote_id {
            Some(id) => Some(id.clone()),
            None => self.correlate(&resource).await?,
        };
        let Some(id) = remote else {
            return self.create_user(enabled, resource).await;
        };
        let unchanged = self.known.remote_id.is_some()
            && self.known.pushed.as_deref() == Some(resource.to_string().as_str());
        if !unchanged {
            let done = if !enabled && !connection.disable {
                Ok(())
            } else if connection.update {
                self.change_user(&id, &resource).await
            } else if !enabled {
                self.activate(&id, false).await
            } else {
                Ok(())
            };
            match done {
                Ok(()) => {}
                Err(PushError::Gone(_)) if self.known.remote_id.is_some() => {
                    return self.create_user(enabled, resource).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Record::Provisioned {
            remote_id: id,
            pushed: resource,
        })
    }

    /// Changes a user at the target by PUT or PATCH, as the flavor does.
    async fn change_user(&self, id: &str, resource: &Value) -> Result<(), PushError> {
        let path = &self.client.connection.users;
        if self.set_up.habits.activates_by == Some(By::Patch)
            && let Some(active) = self.new_state(resource)
        {
            return self.activate(id, active).await;
        }
        if self.set_up.habits.users_by == By::Patch && !self.client.connection.put_only {
            return match self.patch_user(id, resource).await {
                Err(PushError::Unsupported(_)) => self.client.replace(path, id, resource).await,
                done => done,
            };
        }
        if self.set_up.habits.reads_users_first {
            self.client.get(path, id).await?;
        }
        match self.client.replace(path, id, resource).await {
            Err(PushError::Unsupported(reason)) => match self.patch_user(id, resource).await {
                // The target supports neither PUT nor PATCH: report the first failure.
                Err(PushError::Unsupported(_)) => Err(PushError::Unsupported(reason)),
                done => done,
            },
            done => done,
        }
    }

    /// Returns the new value of `active`, if nothing else of the user changes.
    fn new_state(&self, resource: &Value) -> Option<bool> {
        self.known.remote_id.as_ref()?;
        let former: Value = serde_json::from_str(self.known.pushed.as_deref()?).ok()?;
        let active = resource["active"].as_bool()?;
        let mut otherwise = resource.clone();
        otherwise["active"] = former["active"].clone();
        (former != *resource && otherwise == former).then_some(active)
    }

    async fn patch_user(&self, id: &str, resource: &Value) -> Result<(), PushError> {
        // A creation without an answer does not show the state at the target.
        let former = self.known.pushed.as_deref();
        let former = former.filter(|_| self.known.remote_id.is_some());
        let mut former: Option<Value> = former.and_then(|text| serde_json::from_str(text).ok());
        let path = &self.client.connection.users;
        // A path names a value that exists or not, so a user of unknown state is read first.
        let is_read = former.is_none() && self.set_up.habits.paths == Paths::Value;
        if is_read {
            former = Some(self.client.get(path, id).await?);
        }
        let operations = self
            .set_up
            .habits
            .differences(former.as_ref(), resource, is_read);
        if operations.is_empty() {
            return Ok(());
        }
        self.client.patch(path, id, operations.into()).await
    }

    async fn create_user(&self, enabled: bool, resource: Value) -> Result<Record, Failure> {
        let connection = self.client.connection;
        if !connection.create || !(enabled || connection.provision_disabled) {
            return Ok(Record::Absent);
        }
        self.note_attempt(&resource).await?;
        let id = match self
            .client
            .create(&connection.users, &self.set_up.habits.new_user(&resource))
            .await
        {
            Ok(id) => id,
            Err(PushError::Exists(reason)) => {
                // The user was created after the look-up, or by an earlier request whose answer
                // was lost.
                let Some(id) = self.correlate(&resource).await? else {
                    return Err(PushError::Exists(reason).into());
                };
                self.change_user(&id, &resource).await?;
                id
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Record::Provisioned {
            remote_id: id,
            pushed: resource,
        })
    }

    /// Returns the id of a user who exists at the target already.
    async fn correlate(&self, resource: &Value) -> Result<Option<String>, Failure> {
        let connection = self.client.connection;
        let value = match connection.unique.as_str() {
            "emails" => resource["emails"][0]["value"].as_str(),
            _ => resource["userName"].as_str(),
        };
        let Some(value) = value else {
            return Err(PushError::Refused(format!(
                "the mappings give this user no {}; map an attribute to it that the user has",
                connection.unique
            ))
            .into());
        };
        let at = self.set_up.habits.user_look_up(&connection.users);
        let attribute = &connection.filter_attribute;
        Ok(self.client.find(&at, attribute, value).await?)
    }
}
