//! The operations of the mix. Each checks its answer; the next read checks what was written.

use std::sync::Arc;

use reqwest::Method;
use serde_json::json;

use super::super::{Performed, Target};
use super::Failure;
use super::client::{Client, filter_of, is_list, is_user, patch_body, segment};
use super::mix::{Mix, Operation};
use super::pool::{Pool, Written};
use crate::check::scim::wire::Pending;

type Done<T = ()> = Result<T, Failure>;

/// A mix of operations.
pub(super) struct Mixed {
    pub(super) client: Arc<Client>,
    pub(super) pool: Arc<Pool>,
    pub(super) mix: Mix,
}

impl Target for Mixed {
    fn perform(&self, _: u64) -> Pending<'_, Performed> {
        let operation = self.mix.choose(self.pool.random());
        Box::pin(async move {
            Performed {
                operation: operation.name(),
                result: perform(operation, &self.client, &self.pool).await,
            }
        })
    }
}

/// Performs an operation.
pub(super) async fn perform(operation: Operation, client: &Client, pool: &Pool) -> Done {
    match operation {
        Operation::Read => read(client, pool).await,
        Operation::List => list(client).await,
        Operation::Filter => filter(client, pool).await,
        Operation::Create => create(client, pool).await,
        Operation::Replace => replace(client, pool).await,
        Operation::Patch => patch(client, pool).await,
        Operation::Group => change_membership(client, pool).await,
        Operation::Delete => delete(client, pool).await,
    }
}

/// Reads the resource that was written last; if there is none, reads any user.
async fn read(client: &Client, pool: &Pool) -> Done {
    match pool.next_written() {
        Some(Written::User(user)) => pool.read_user(client, &user).await,
        Some(Written::Group(group)) => pool.read_group(client, &group).await,
        None => match pool.any_user() {
            Some(user) => pool.read_user(client, &user).await,
            None => client.reach().await,
        },
    }
}

async fn list(client: &Client) -> Done {
    let target = "/Users?startIndex=1&count=10".to_owned();
    let answer = client.send(Method::GET, target, None).await?;
    answer.is(&[200])?;
    let body = answer.body()?;
    is_list(&answer, &body)?;
    let resources = body["Resources"].as_array();
    if resources.is_some_and(|it| it.len() > 10) {
        return Err(answer.wrong("more than count resources"));
    }
    Ok(())
}

async fn filter(client: &Client, pool: &Pool) -> Done {
    let Some(user) = pool.any_user() else {
        return client.reach().await;
    };
    let before = user.expected_state();
    let answer = client
        .send(Method::GET, filter_of(&user.name), None)
        .await?;
    let is_still = user.is_still(&before);
    answer.is(&[200])?;
    let body = answer.body()?;
    is_list(&answer, &body)?;
    let none = Vec::new();
    let found = body["Resources"].as_array().unwrap_or(&none);
    match found.as_slice() {
        [one] => is_user(&answer, one, &user.id, &user.name),
        // Another operation may delete the user at this moment.
        [] if !is_still || before.is_gone || before.is_uncertain => Ok(()),
        [] => Err(answer.wrong("a filter does not find a user that is there")),
        several => Err(answer.wrong_because(
            "a filter for one userName finds several users",
            &format!("{} users instead of 1", several.len()),
        )),
    }
}

async fn create(client: &Client, pool: &Pool) -> Done {
    let user = pool.create_user(client).await?;
    pool.has_written(Written::User(user));
    Ok(())
}

async fn replace(client: &Client, pool: &Pool) -> Done {
    let Some(writing) = pool.user_to_write() else {
        return create(client, pool).await;
    };
    let user = Arc::clone(&writing.0);
    let display = format!("Load {:x}", pool.random());
    let mut body = client.user_body(&user.name, &display);
    body["id"] = user.id.as_str().into();
    writing.set(|it| it.display = None);
    let target = format!("/Users/{}", segment(&user.id));
    let answer = client.send(Method::PUT, target, Some(body)).await?;
    answer.is(&[200])?;
    is_user(&answer, &answer.body()?, &user.id, &user.name)?;
    writing.set(|it| it.display = Some(display));
    drop(writing);
    pool.has_written(Written::User(user));
    Ok(())
}

async fn patch(client: &Client, pool: &Pool) -> Done {
    let Some(writing) = pool.user_to_write() else {
        return create(client, pool).await;
    };
    let user = Arc::clone(&writing.0);
    let display = format!("Load {:x}", pool.random());
    let body = patch_body(&json!({"op": "replace", "path": "displayName", "value": display}));
    writing.set(|it| it.display = None);
    let target = format!("/Users/{}", segment(&user.id));
    let answer = client.send(Method::PATCH, target, Some(body)).await?;
    answer.is(&[200, 204])?;
    if answer.status() == 200 {
        is_user(&answer, &answer.body()?, &user.id, &user.name)?;
    }
    writing.set(|it| it.display = Some(display));
    drop(writing);
    pool.has_written(Written::User(user));
    Ok(())
}

/// Removes a member from a group, or adds one.
async fn change_membership(client: &Client, pool: &Pool) -> Done {
    let (Some(group), Some(user)) = (pool.group_to_write(), pool.user_to_write()) else {
        // All groups are being written.
        return read(client, pool).await;
    };
    let id = &user.0.id;
    let is_member = group.0.expected_state().members.contains(id);
    let body = if is_member {
        let path = format!("members[value eq {}]", json!(id));
        patch_body(&json!({"op": "remove", "path": path}))
    } else {
        patch_body(&json!({"op": "add", "path": "members", "value": [{"value": id}]}))
    };
    let target = format!("/Groups/{}", segment(&group.0.id));
    let was_uncertain = group.0.expected_state().is_uncertain;
    group.set(|it| it.is_uncertain = true);
    let answer = client.send(Method::PATCH, target, Some(body)).await?;
    answer.is(&[200, 204])?;
    group.set(|it| {
        it.is_uncertain = was_uncertain;
        if is_member {
            it.members.remove(id);
        } else {
            it.members.insert(id.clone());
        }
    });
    if is_member {
        user.0.leave();
    } else {
        user.0.join();
    }
    let written = Arc::clone(&group.0);
    drop((group, user));
    pool.has_written(Written::Group(written));
    Ok(())
}

async fn delete(client: &Client, pool: &Pool) -> Done {
    let Some(writing) = pool.user_to_delete() else {
        return create(client, pool).await;
    };
    let user = Arc::clone(&writing.0);
    let target = format!("/Users/{}", segment(&user.id));
    // Without an answer it is unknown whether the user was deleted.
    writing.set(|it| it.is_uncertain = true);
    let answer = client.send(Method::DELETE, target, None).await?;
    // After a success with a wrong status the user is probably gone too: no other operation may use
    // them. They stay in the pool, so that the end of the run makes sure.
    writing.set(|it| it.is_gone = (200..300).contains(&answer.status()));
    answer.is(&[204])?;
    drop(writing);
    pool.forget_user(&user.id);
    pool.has_written(Written::User(user));
    Ok(())
}
