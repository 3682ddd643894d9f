//! Adds entries to the provisioning queue when the directory changes. Called in the transaction
//! of the change, so that the change and its entries are stored together or not at all.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::refusal::Result;
use crate::store::resources::{self, Kind};
use crate::store::sync::{self, Subject};
use crate::store::{Db, users};

/// Returns the stores of active rules; none before the first revision.
pub(crate) async fn list_targets(db: &mut Db, environment: &str) -> Result<Vec<String>> {
    Ok(resources::list_target_stores(db, environment).await?)
}

async fn enqueue_subject(
    db: &mut Db,
    environment: &str,
    kind: &str,
    id: &str,
    now: Timestamp,
) -> Result<()> {
    let targets = list_targets(db, environment).await?;
    enqueue(db, environment, &targets, (kind, id), now).await
}

/// Enqueues a subject for these stores.
async fn enqueue(
    db: &mut Db,
    environment: &str,
    stores: &[String],
    (kind, id): (&str, &str),
    now: Timestamp,
) -> Result<()> {
    for store in stores {
        let subject = Subject {
            environment: environment.to_owned(),
            store: store.clone(),
            kind: kind.to_owned(),
            id: id.to_owned(),
        };
        sync::enqueue(db, &subject, now).await?;
    }
    Ok(())
}

/// Enqueues a user who was created, changed or deleted.
pub(crate) async fn enqueue_user(
    db: &mut Db,
    environment: &str,
    id: &str,
    now: Timestamp,
) -> Result<()> {
    enqueue_subject(db, environment, "user", id, now).await
}

/// Enqueues a group that was created, changed or deleted, or whose members changed, and the
/// groups that contain it, because its members are their members too.
pub(crate) async fn enqueue_group(
    db: &mut Db,
    environment: &str,
    id: &str,
    now: Timestamp,
) -> Result<()> {
    enqueue_groups(db, environment, vec![id.to_owned()], now).await
}

/// Enqueues every group of a user who joined or left a group, or was deleted.
pub(crate) async fn enqueue_groups_of_user(
    db: &mut Db,
    environment: &str,
    user: &str,
    now: Timestamp,
) -> Result<()> {
    let groups = users::list_groups_of(db, environment, false, user).await?;
    enqueue_groups(db, environment, groups, now).await
}

async fn enqueue_groups(
    db: &mut Db,
    environment: &str,
    mut open: Vec<String>,
    now: Timestamp,
) -> Result<()> {
    if open.is_empty() {
        return Ok(());
    }
    let targets = list_targets(db, environment).await?;
    if targets.is_empty() {
        return Ok(());
    }
    let mut seen = BTreeSet::new();
    while let Some(group) = open.pop() {
        if seen.insert(group.clone()) {
            enqueue(db, environment, &targets, ("group", &group), now).await?;
            open.extend(users::list_groups_of(db, environment, true, &group).await?);
        }
    }
    Ok(())
}

/// Enqueues the removal of all users and groups that exist at a store, except those that other
/// rules cover.
pub(crate) async fn deprovision(
    db: &mut Db,
    environment: &str,
    store: &str,
    now: Timestamp,
) -> Result<()> {
    for kind in ["user", "group"] {
        for (id, _, _) in sync::list_known(db, environment, store, kind).await? {
            let subject = Subject {
                environment: environment.to_owned(),
                store: store.to_owned(),
                kind: kind.to_owned(),
                id,
            };
            sync::enqueue_removal(db, &subject, now).await?;
        }
    }
    Ok(())
}

/// Enqueues all users and groups of the directory, and all that exist at the store.
pub(crate) async fn resynchronize(
    db: &mut Db,
    environment: &str,
    store: &str,
    now: Timestamp,
) -> Result<()> {
    sync::clear_pushed(db, environment, store).await?;
    let mut subjects: BTreeSet<(&str, String)> = BTreeSet::new();
    for user in users::list(db, environment).await? {
        subjects.insert(("user", user.id));
    }
    for group in resources::list(db, environment, Kind::Group, None).await? {
        subjects.insert(("group", group.id));
    }
    for kind in ["user", "group"] {
        for (id, _, _) in sync::list_known(db, environment, store, kind).await? {
            subjects.insert((kind, id));
        }
    }
    for (kind, id) in subjects {
        let subject = Subject {
            environment: environment.to_owned(),
            store: store.to_owned(),
            kind: kind.to_owned(),
            id,
        };
        sync::enqueue(db, &subject, now).await?;
    }
    Ok(())
}
