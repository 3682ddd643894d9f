//! Groups, including nested and dynamic groups (`userFilter`).

use std::collections::BTreeSet;

use super::filter::Filter;
use super::{Change, Document, get_environment, get_existing, reference, text, writable};
use crate::Idp;
use crate::provisioning::queue;
use crate::refusal::{Refused, Result};
use crate::store::Db;
use crate::store::resources::{self, Kind, Resource};
use crate::store::users::{self, Membership, UserRow};

/// A group that contains a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InGroup {
    pub id: String,
    pub name: String,
    /// True if the user is a member of the group itself, false if by a nested group.
    pub direct: bool,
}

/// Returns all groups that contain the user: by membership, by filter, or by nesting.
pub(crate) async fn list_groups_of(db: &mut Db, user: &UserRow) -> Result<Vec<InGroup>> {
    let environment = &user.environment;
    let itself = super::users::seen(user, &[]);
    let mut by_filter = Vec::new();
    for group in resources::list_dynamic_groups(db, environment).await? {
        if let Some(Ok(filter)) = text(&group.document, "userFilter").map(Filter::parse)
            && filter.holds(&itself)
        {
            by_filter.push(group.id);
        }
    }
    let found = users::list_containing_groups(db, environment, &user.id, &by_filter).await?;
    Ok(found
        .into_iter()
        .map(|group| InGroup {
            id: group.id,
            name: group.name,
            direct: group.direct,
        })
        .collect())
}

/// Returns the ids of all users in the group, including those of nested groups.
pub(crate) async fn list_members(db: &mut Db, group: &Resource) -> Result<BTreeSet<String>> {
    let environment = &group.environment;
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::from([group.id.clone()]);
    let mut open = vec![group.clone()];
    while let Some(group) = open.pop() {
        found.extend(users::list_members_of(db, environment, false, &group.id).await?);
        if let Some(Ok(filter)) = text(&group.document, "userFilter").map(Filter::parse) {
            for user in users::list(db, environment).await? {
                if filter.holds(&super::users::seen(&user, &[])) {
                    found.insert(user.id);
                }
            }
        }
        for nested in users::list_members_of(db, environment, true, &group.id).await? {
            if seen.insert(nested.clone())
                && let Some(nested) = resources::get(db, environment, Kind::Group, &nested).await?
            {
                open.push(nested);
            }
        }
    }
    Ok(found)
}

async fn complete(db: &mut Db, group: &Resource) -> Result<()> {
    let document = &group.document;
    if text(document, "name").is_none() {
        return Err(Refused::required("name"));
    }
    if let Some(filter) = text(document, "userFilter") {
        Filter::parse(filter).map_err(|error| Refused::invalid("userFilter", error.to_string()))?;
    }
    if let Some(population) = reference(document, "population")
        && resources::get(db, &group.environment, Kind::Population, population)
            .await?
            .is_none()
    {
        return Err(Refused::invalid(
            "population.id",
            format!("population {population} not found in this environment"),
        ));
    }
    super::check_unique_name(db, group).await
}

impl Idp {
    /// Creates a group.
    pub(crate) async fn create_group(
        &self,
        environment_id: &str,
        document: Document,
    ) -> Result<Resource> {
        let created = self.draft(environment_id, Kind::Group, "", writable(document));
        let mut tx = self.store.write().await?;
        get_environment(&mut tx, environment_id).await?;
        complete(&mut tx, &created).await?;
        resources::put(&mut tx, &created).await?;
        queue::enqueue_group(&mut tx, environment_id, &created.id, created.created_at).await?;
        tx.commit().await?;
        self.signals.wake();
        Ok(created)
    }

    /// Changes a group.
    pub(crate) async fn change_group(
        &self,
        environment_id: &str,
        id: &str,
        change: Change,
    ) -> Result<Resource> {
        let mut tx = self.store.write().await?;
        let mut group = get_existing(&mut tx, environment_id, Kind::Group, id).await?;
        group.document = change.of(group.document);
        group.name = text(&group.document, "name").unwrap_or_default().to_owned();
        group.updated_at = self.now();
        complete(&mut tx, &group).await?;
        resources::put(&mut tx, &group).await?;
        queue::enqueue_group(&mut tx, environment_id, id, group.updated_at).await?;
        tx.commit().await?;
        self.signals.wake();
        Ok(group)
    }

    /// Deletes a group.
    pub(crate) async fn delete_group(&self, environment_id: &str, id: &str) -> Result<()> {
        let mut tx = self.store.write().await?;
        get_existing(&mut tx, environment_id, Kind::Group, id).await?;
        queue::enqueue_group(&mut tx, environment_id, id, self.now()).await?;
        users::delete_memberships(&mut tx, environment_id, id).await?;
        resources::delete(&mut tx, environment_id, Kind::Group, id).await?;
        tx.commit().await?;
        self.signals.wake();
        Ok(())
    }

    /// Adds the group `inner` to the group `outer`. Refuses a cycle.
    pub(crate) async fn nest_group(
        &self,
        environment_id: &str,
        inner: &str,
        outer: &str,
    ) -> Result<()> {
        let mut tx = self.store.write().await?;
        get_existing(&mut tx, environment_id, Kind::Group, inner).await?;
        get_existing(&mut tx, environment_id, Kind::Group, outer).await?;
        let mut open = vec![outer.to_owned()];
        let mut above = BTreeSet::new();
        while let Some(group) = open.pop() {
            if group == inner {
                return Err(Refused::constraint(
                    "id",
                    "this group contains the other one already, and a group cannot contain itself",
                ));
            }
            if above.insert(group.clone()) {
                open.extend(users::list_groups_of(&mut tx, environment_id, true, &group).await?);
            }
        }
        let membership = Membership {
            group: outer.to_owned(),
            nested: true,
            member: inner.to_owned(),
        };
        users::join(&mut tx, environment_id, &membership).await?;
        for group in above {
            queue::enqueue_group(&mut tx, environment_id, &group, self.now()).await?;
        }
        tx.commit().await?;
        self.signals.wake();
        Ok(())
    }

    /// Removes the group `inner` from the group `outer`.
    pub(crate) async fn unnest_group(
        &self,
        environment_id: &str,
        inner: &str,
        outer: &str,
    ) -> Result<()> {
        let mut tx = self.store.write().await?;
        get_existing(&mut tx, environment_id, Kind::Group, inner).await?;
        let membership = Membership {
            group: outer.to_owned(),
            nested: true,
            member: inner.to_owned(),
        };
        if !users::leave(&mut tx, environment_id, &membership).await? {
            return Err(Refused::not_found("membership in the group", outer));
        }
        queue::enqueue_group(&mut tx, environment_id, outer, self.now()).await?;
        tx.commit().await?;
        self.signals.wake();
        Ok(())
    }

    /// Returns the groups that contain a group directly.
    pub(crate) async fn list_outer_groups(
        &self,
        environment_id: &str,
        id: &str,
    ) -> Result<Vec<Resource>> {
        let mut db = self.store.read().await?;
        get_existing(&mut db, environment_id, Kind::Group, id).await?;
        let mut outer = Vec::new();
        for group in users::list_groups_of(&mut db, environment_id, true, id).await? {
            outer.extend(resources::get(&mut db, environment_id, Kind::Group, &group).await?);
        }
        Ok(outer)
    }

    /// Returns the numbers of direct and of all users in a group.
    pub(crate) async fn count_members(&self, group: &Resource) -> Result<(usize, usize)> {
        let mut db = self.store.read().await?;
        let direct = users::list_members_of(&mut db, &group.environment, false, &group.id).await?;
        Ok((direct.len(), list_members(&mut db, group).await?.len()))
    }

    /// Returns the users in a group, ordered by user name; true for a direct member, false for
    /// one by a filter or a nested group.
    #[allow(dead_code, reason = "the console's page of a group shows them")]
    pub(crate) async fn list_users_of_group(
        &self,
        group: &Resource,
    ) -> Result<Vec<(UserRow, bool)>> {
        let mut db = self.store.read().await?;
        let environment = &group.environment;
        let direct = users::list_members_of(&mut db, environment, false, &group.id).await?;
        let direct: BTreeSet<String> = direct.into_iter().collect();
        let mut found = Vec::new();
        for id in list_members(&mut db, group).await? {
            if let Some(user) = users::get(&mut db, environment, &id).await? {
                found.push((user, direct.contains(&id)));
            }
        }
        found.sort_by(|(a, _), (b, _)| a.username_key.cmp(&b.username_key));
        Ok(found)
    }

    /// Returns all groups that contain a user.
    pub(crate) async fn list_groups_of_user(&self, user: &UserRow) -> Result<Vec<InGroup>> {
        let mut db = self.store.read().await?;
        list_groups_of(&mut db, user).await
    }
}
