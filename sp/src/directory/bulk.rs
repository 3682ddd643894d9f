//! Bulk requests (RFC 7644 §3.7): each operation in a transaction of its own,
//! in an order in which what is referred to is there.
//!
//! A circle — two groups that are in each other — begins with the first
//! operation of the client's order, made without what is not there yet; when
//! the rest is, it is replaced with all it asked for.

use std::collections::BTreeMap;

use scim::bulk::{Created, Method, Operation, Outcome, Request};
use scim::schema::ResourceType;
use scim::{Projection, Resource, patch};

use super::groups::Patched;
use super::{Answered, DirectoryError, Precondition, Result, Shown, etag, groups, users};
use crate::Portal;
use crate::configurator::scim::ScimAccess;

/// How many operations a request has at most.
pub const MAX_OPERATIONS: usize = 1000;
/// How many bytes it has at most.
pub const MAX_PAYLOAD: usize = 1024 * 1024;

/// Carries out what a request asks for, in as far as its errors let it.
///
/// # Errors
/// 413 when there are too many operations, and when the database fails.
pub async fn carry_out(
    portal: &Portal,
    access: &ScimAccess,
    request: &Request,
) -> Result<Vec<Outcome>> {
    if request.operations.len() > MAX_OPERATIONS {
        return Err(scim::Error::new(
            413,
            format!(
                "expected at most {MAX_OPERATIONS} operations, got {}: send them in several requests",
                request.operations.len()
            ),
        )
        .into());
    }
    let mut run = Run {
        portal,
        access,
        created: Created::new(),
        outcomes: BTreeMap::new(),
        errors: 0,
    };
    run.all(request).await?;
    Ok(run.outcomes.into_values().collect())
}

struct Run<'r> {
    portal: &'r Portal,
    access: &'r ScimAccess,
    created: Created,
    /// By the operation's place in the request.
    outcomes: BTreeMap<usize, Outcome>,
    errors: usize,
}

impl Run<'_> {
    async fn all(&mut self, request: &Request) -> Result<()> {
        let operations = &request.operations;
        let mut waiting: Vec<usize> = (0..operations.len()).collect();
        // Begun without what they refer to.
        let mut begun: Vec<(usize, String)> = Vec::new();
        while !waiting.is_empty() {
            let is_there = |id: &String| self.created.contains_key(id);
            let is_ready = |index: &usize| operations[*index].references().iter().all(is_there);
            let Some(at) = waiting.iter().position(is_ready) else {
                let Some(at) = self.begins_circle(operations, &waiting) else {
                    break;
                };
                let index = waiting.remove(at);
                let operation = operations[index].without_references();
                let outcome = self.one(&operation).await?;
                if outcome.error.is_none()
                    && let Some(location) = &outcome.location
                {
                    let id = location.rsplit('/').next().unwrap_or_default();
                    begun.push((index, id.to_owned()));
                }
                if self.settled(index, outcome, request) {
                    return Ok(());
                }
                continue;
            };
            let index = waiting.remove(at);
            let operation = operations[index].resolved(&self.created);
            let outcome = self.one(&operation).await?;
            if self.settled(index, outcome, request) {
                return Ok(());
            }
        }
        for index in waiting {
            let operation = &operations[index];
            let missing: Vec<String> = operation
                .references()
                .into_iter()
                .filter(|id| !self.created.contains_key(id))
                .collect();
            let detail = format!(
                "expected bulkIds of operations that create something, got {}",
                missing.join(", ")
            );
            let outcome = failed(operation, scim::Error::new(409, detail));
            if self.settled(index, outcome, request) {
                return Ok(());
            }
        }
        for (index, id) in begun {
            let completed = self.complete(&operations[index], &id).await?;
            if self.settled(index, completed, request) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The first of those that wait for each other and for nothing else.
    fn begins_circle(&self, operations: &[Operation], waiting: &[usize]) -> Option<usize> {
        let will_be = |id: &String| {
            self.created.contains_key(id)
                || waiting.iter().any(|index| {
                    let operation = &operations[*index];
                    operation.method == Method::Post && operation.bulk_id.as_ref() == Some(id)
                })
        };
        waiting.iter().position(|index| {
            let operation = &operations[*index];
            operation.method == Method::Post && operation.references().iter().all(will_be)
        })
    }

    /// Keeps what became of an operation; whether it was one error too many.
    fn settled(&mut self, index: usize, outcome: Outcome, request: &Request) -> bool {
        if outcome.error.is_some() {
            self.errors += 1;
        } else if let (Method::Post, Some(bulk_id), Some(location)) =
            (outcome.method, &outcome.bulk_id, &outcome.location)
            && let Some(id) = location.rsplit('/').next()
        {
            self.created.insert(bulk_id.clone(), id.to_owned());
        }
        self.outcomes.insert(index, outcome);
        request
            .fail_on_errors
            .is_some_and(|limit| self.errors >= limit)
    }

    /// One of a circle gets what it asked for.
    async fn complete(&mut self, operation: &Operation, id: &str) -> Result<Outcome> {
        let whole = operation.resolved(&self.created);
        if let Some(missing) = whole.references().first() {
            let detail = format!("expected {missing} to be created, which failed");
            return Ok(failed(operation, scim::Error::new(409, detail)));
        }
        let replace = Operation {
            method: Method::Put,
            path: format!("{}/{id}", operation.path),
            version: None,
            ..whole
        };
        let mut outcome = self.one(&replace).await?;
        outcome.method = operation.method;
        if outcome.error.is_none() {
            outcome.status = 201;
        }
        Ok(outcome)
    }

    async fn one(&self, operation: &Operation) -> Result<Outcome> {
        match self.done(operation).await {
            Ok((status, answered)) => Ok(Outcome {
                method: operation.method,
                bulk_id: operation.bulk_id.clone(),
                location: Some(answered.location),
                version: (answered.version > 0).then(|| etag(answered.version)),
                status,
                error: None,
            }),
            Err(DirectoryError::Scim(error)) => {
                let mut outcome = failed(operation, error);
                if operation.method != Method::Post {
                    outcome.location = Some(format!("{}{}", self.access.base_url, operation.path));
                }
                Ok(outcome)
            }
            Err(DirectoryError::Store(error)) => {
                tracing::error!(%error, "the directory's database failed in a bulk request");
                let detail = "the directory could not do this: try again later";
                Ok(failed(operation, scim::Error::new(500, detail)))
            }
        }
    }

    async fn done(&self, operation: &Operation) -> Result<(u16, Answered)> {
        let (portal, access) = (self.portal, self.access);
        let (of, id) = target(portal, operation)?;
        let is_user = of.name == portal.resource_types.user.name;
        let precondition = match &operation.version {
            Some(version) => Precondition::Match(vec![version.clone()]),
            None => Precondition::None,
        };
        let data = &operation.data;
        Ok(match (operation.method, id) {
            (Method::Post, None) => {
                let wanted = Resource::parse(data, of)?;
                let made = if is_user {
                    users::create(portal, access, wanted, Shown::Without).await?
                } else {
                    groups::create(portal, access, wanted, Shown::Without).await?
                };
                (201, made)
            }
            (Method::Put, Some(id)) => {
                let wanted = Resource::parse(data, of)?;
                let changed = if is_user {
                    users::replace(portal, access, id, wanted, &precondition, Shown::Without)
                        .await?
                } else {
                    groups::replace(portal, access, id, wanted, &precondition, Shown::Without)
                        .await?
                };
                (200, changed)
            }
            (Method::Patch, Some(id)) => {
                let operations = patch::parse(data)?;
                let changed = if is_user {
                    users::patch(
                        portal,
                        access,
                        id,
                        &operations,
                        &precondition,
                        Shown::Without,
                    )
                    .await?
                } else {
                    let all = Projection::default();
                    match groups::patch(portal, access, id, &operations, &precondition, &all)
                        .await?
                    {
                        Patched::Shown(changed) | Patched::Done(changed) => changed,
                    }
                };
                (200, changed)
            }
            (Method::Delete, Some(id)) => {
                if is_user {
                    users::delete(portal, access, id, &precondition).await?;
                } else {
                    groups::delete(portal, access, id, &precondition).await?;
                }
                let gone = Answered {
                    text: String::new(),
                    version: 0,
                    location: format!("{}{}/{id}", access.base_url, of.endpoint),
                };
                (204, gone)
            }
            (method, _) => {
                let detail = format!(
                    "expected a path that {} goes with (POST {}, others {}/id), got {}",
                    method.name(),
                    of.endpoint,
                    of.endpoint,
                    operation.path
                );
                return Err(scim::Error::new(405, detail).into());
            }
        })
    }
}

fn failed(operation: &Operation, error: scim::Error) -> Outcome {
    Outcome {
        method: operation.method,
        bulk_id: operation.bulk_id.clone(),
        location: None,
        version: None,
        status: error.status,
        error: Some(error),
    }
}

/// The type and the id that an operation's path means.
fn target<'o>(
    portal: &Portal,
    operation: &'o Operation,
) -> Result<(&'static ResourceType, Option<&'o str>)> {
    let path = operation.path.as_str();
    let found = portal.resource_types.all().into_iter().find_map(|of| {
        let rest = path.strip_prefix(of.endpoint)?;
        match rest.strip_prefix('/') {
            None if rest.is_empty() => Some((of, None)),
            Some(id) if !id.is_empty() && !id.contains('/') => Some((of, Some(id))),
            _ => None,
        }
    });
    found.ok_or_else(|| {
        let detail =
            format!("expected the path /Users or /Groups, or one of them with an id, got {path}");
        scim::Error::new(404, detail).into()
    })
}
