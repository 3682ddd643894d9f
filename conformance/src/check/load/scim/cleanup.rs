//! Deletes what the run created, and confirms by a read that it is gone.

use std::sync::atomic::{AtomicU32, Ordering};

use futures::StreamExt as _;
use reqwest::Method;

use super::Failure;
use super::client::{Client, filter_of, segment};
use super::pool::Pool;
use crate::check::runner::pause;

/// Number of deletions at the same time.
const AT_ONCE: usize = 8;

/// After this number of failed deletions in a row, the remaining resources are only listed, not
/// deleted.
const FAILURES: u32 = 20;

/// Maximum number of attempts of a request when the server limits requests.
const ATTEMPTS: u32 = 20;

/// Deletes everything; returns what remains.
pub(super) async fn run(client: &Client, pool: &Pool) -> Vec<String> {
    delete_lost(client, pool).await;
    let failures = AtomicU32::new(0);
    let groups = pool.groups().into_iter().map(|it| it.id.clone());
    delete_all(client, "Groups", groups.collect(), &failures, |id| {
        pool.forget_group(id);
    })
    .await;
    let users = pool.users().into_iter().map(|it| it.id.clone()).collect();
    delete_all(client, "Users", users, &failures, |id| pool.forget_user(id)).await;
    pool.list_left()
}

async fn delete_all(
    client: &Client,
    kind: &str,
    ids: Vec<String>,
    failures: &AtomicU32,
    gone: impl Fn(&str),
) {
    futures::stream::iter(ids)
        .for_each_concurrent(AT_ONCE, |id| {
            let gone = &gone;
            async move {
                if failures.load(Ordering::Relaxed) >= FAILURES {
                    return;
                }
                if delete(client, kind, &id).await {
                    failures.store(0, Ordering::Relaxed);
                    gone(&id);
                } else {
                    failures.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
        .await;
}

/// Deletes a resource; returns true once a read does not find it.
async fn delete(client: &Client, kind: &str, id: &str) -> bool {
    let target = format!("/{kind}/{}", segment(id));
    let deleted = send_for_status(client, Method::DELETE, &target).await;
    if !matches!(deleted, Some(200..=299 | 404)) {
        return false;
    }
    matches!(
        send_for_status(client, Method::GET, &target).await,
        Some(404 | 410)
    )
}

async fn send_for_status(client: &Client, method: Method, target: &str) -> Option<u16> {
    for _ in 0..ATTEMPTS {
        match client.send(method.clone(), target.to_owned(), None).await {
            Ok(answer) => return Some(answer.status()),
            Err(Failure::Limited(wait)) if wait <= client.longest_wait => pause(wait).await,
            Err(_) => return None,
        }
    }
    None
}

/// Deletes resources that the server may have created without an answer.
async fn delete_lost(client: &Client, pool: &Pool) {
    let (users, groups) = pool.lost();
    for name in &users {
        match delete_found(client, "Users", filter_of(name)).await {
            Some(true) => pool.found_user(name),
            Some(false) => {}
            // The other requests would also wait without an answer.
            None => break,
        }
    }
    for name in &groups {
        let filter = format!("displayName eq {}", serde_json::Value::from(name.as_str()));
        let target = format!("/Groups?filter={}", segment(&filter));
        match delete_found(client, "Groups", target).await {
            Some(true) => pool.found_group(name),
            Some(false) => {}
            None => break,
        }
    }
}

/// Deletes the resources that a filter finds. Returns true if none of them remains, and `None` if
/// the server does not answer the filter.
async fn delete_found(client: &Client, kind: &str, target: String) -> Option<bool> {
    let ids = fetch_ids(client, target).await?;
    let mut is_gone = true;
    for id in ids {
        is_gone &= delete(client, kind, &id).await;
    }
    Some(is_gone)
}

async fn fetch_ids(client: &Client, target: String) -> Option<Vec<String>> {
    let answer = client.send(Method::GET, target, None).await.ok()?;
    answer.is(&[200]).ok()?;
    let body = answer.body().ok()?;
    let found = body["Resources"].as_array().cloned().unwrap_or_default();
    let ids = found
        .iter()
        .filter_map(|it| it["id"].as_str().map(str::to_owned));
    Some(ids.collect())
}
