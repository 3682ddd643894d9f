//! Bulk requests (RFC 7644 §3.7). Each operation runs in its own transaction;
//! an operation runs after those that create the resources it refers to.
//!
//! If operations refer to each other (two groups that are members of each
//! other), the first one in the client's order is carried out without the
//! missing references. When the other operations are done, its resource is
//! replaced by the complete one.

use std::collections::BTreeMap;

use scim::Projection;
use scim::bulk::{Created, Method, Operation, Outcome, Request};
use scim::schema::ResourceType;

use super::groups::Patched;
use super::{Answered, DirectoryError, Precondition, Result, Shown, etag, groups, users};
use crate::Portal;
use crate::configurator::scim::ScimAccess;

/// Maximum number of operations in a request.
pub const MAX_OPERATIONS: usize = 1000;
/// Maximum size of a request, in bytes.
pub const MAX_PAYLOAD: usize = 1024 * 1024;

/// Carries out the operations of a request, until `failOnErrors` is reached.
///
/// # Errors
/// 413 if there are too many operations; an error of the database.
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
    run.run_all(request).await?;
    Ok(run.outcomes.into_values().collect())
}

struct Run<'r> {
    portal: &'r Portal,
    access: &'r ScimAccess,
    created: Created,
    /// Outcomes by the operation's position in the request.
    outcomes: BTreeMap<usize, Outcome>,
    errors: usize,
}

impl Run<'_> {
    async fn run_all(&mut self, request: &Request) -> Result<()> {
        let operations = &request.operations;
        let mut waiting: Vec<usize> = (0..operations.len()).collect();
        // Operations that were carried out without some of their references.
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
                let outcome = self.run_one(&operation).await?;
                if outcome.error.is_none()
                    && let Some(location) = &outcome.location
                {
                    let id = location.rsplit('/').next().unwrap_or_default();
                    begun.push((index, id.to_owned()));
                }
                if self.store_outcome(index, outcome, request) {
                    return Ok(());
                }
                continue;
            };
            let index = waiting.remove(at);
            let operation = operations[index].resolve_references(&self.created);
            let outcome = self.run_one(&operation).await?;
            if self.store_outcome(index, outcome, request) {
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
                "invalid bulkId reference: no operation of this request creates {}",
                missing.join(", ")
            );
            let outcome = failure_outcome(operation, scim::Error::new(409, detail));
            if self.store_outcome(index, outcome, request) {
                return Ok(());
            }
        }
        for (index, id) in begun {
            let completed = self.complete(&operations[index], &id).await?;
            if self.store_outcome(index, completed, request) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Returns the first operation whose missing references are all created by
    /// waiting operations.
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

    /// Stores the outcome of an operation. Returns true if the number of errors
    /// has reached `failOnErrors`.
    fn store_outcome(&mut self, index: usize, outcome: Outcome, request: &Request) -> bool {
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

    /// Replaces the resource of a circular operation by the complete one.
    async fn complete(&mut self, operation: &Operation, id: &str) -> Result<Outcome> {
        let whole = operation.resolve_references(&self.created);
        if let Some(missing) = whole.references().first() {
            let detail = format!(
                "cannot set the reference to {missing}: the operation that creates it failed"
            );
            return Ok(failure_outcome(operation, scim::Error::new(409, detail)));
        }
        let replace = Operation {
            method: Method::Put,
            path: format!("{}/{id}", operation.path),
            version: None,
            ..whole
        };
        let mut outcome = self.run_one(&replace).await?;
        outcome.method = operation.method;
        if outcome.error.is_none() {
            outcome.status = 201;
        }
        Ok(outcome)
    }

    async fn run_one(&self, operation: &Operation) -> Result<Outcome> {
        match self.perform(operation).await {
            Ok((status, answered)) => Ok(Outcome {
                method: operation.method,
                bulk_id: operation.bulk_id.clone(),
                location: Some(answered.location),
                version: (answered.version > 0).then(|| etag(answered.version)),
                status,
                error: None,
            }),
            Err(DirectoryError::Scim(error)) => {
                let mut outcome = failure_outcome(operation, error);
                if operation.method != Method::Post {
                    outcome.location = Some(format!("{}{}", self.access.base_url, operation.path));
                }
                Ok(outcome)
            }
            Err(DirectoryError::Store(error)) => {
                tracing::error!(%error, "the directory's database failed in a bulk request");
                let detail = "internal error of the directory: try again later";
                Ok(failure_outcome(operation, scim::Error::new(500, detail)))
            }
        }
    }

    async fn perform(&self, operation: &Operation) -> Result<(u16, Answered)> {
        let (portal, access) = (self.portal, self.access);
        let (of, id) = target(portal, operation)?;
        let is_user = of.name == portal.resource_types.user.name;
        let precondition = Precondition {
            one_of: operation.version.clone().map(|it| vec![it]),
            none_of: None,
        };
        let data = &operation.data;
        Ok(match (operation.method, id) {
            (Method::Post, None) => {
                let wanted = access.rules.parse_resource(data, of)?;
                let made = if is_user {
                    users::create(portal, access, wanted, Shown::Without).await?
                } else {
                    groups::create(portal, access, wanted, Shown::Without).await?
                };
                (201, made)
            }
            (Method::Put, Some(id)) => {
                let wanted = access.rules.parse_resource(data, of)?;
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
                let operations = access.rules.parse_patch(data, of)?;
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
                    "invalid path for {}: expected {} for POST and {}/id for other methods, got {}",
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

fn failure_outcome(operation: &Operation, error: scim::Error) -> Outcome {
    Outcome {
        method: operation.method,
        bulk_id: operation.bulk_id.clone(),
        location: None,
        version: None,
        status: error.status,
        error: Some(error),
    }
}

/// Returns the resource type and the ID in an operation's path.
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
            format!("invalid path: expected /Users, /Groups, /Users/id or /Groups/id, got {path}");
        scim::Error::new(404, detail).into()
    })
}
