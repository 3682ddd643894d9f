//! Mutants: a correct SCIM server with one deviation from the RFCs at a time.
//!
//! To add a mutant, add a line to the table of its family, with the check that has to fail.
//! If the deviation also makes another check fail, name that check in `also`.

mod filter;
mod listing;
mod mutants;
mod patch;
mod schemas;
mod server;

use std::sync::atomic::{AtomicUsize, Ordering};

use rehearsal::check::scim::wire::{Pending, ScimAnswer, ScimRequest, Wire, WireError};
use serde_json::Value;

pub(crate) use mutants::{answer_pages, mutants, refuse_pages};
pub(crate) use schemas::ENTERPRISE;
pub(crate) use server::{BASE, Refusal, SECOND_TOKEN, Server, TOKEN, answer, error};

/// How a mutant deviates from the correct server.
#[derive(Clone, Copy)]
pub(crate) enum Mutation {
    /// Changes the request before the server reads it.
    ChangesRequest(fn(&mut ScimRequest)),
    /// Changes the answer.
    ChangesAnswer(fn(&ScimRequest, &mut ScimAnswer)),
    /// Answers instead of the server, if it returns an answer.
    AnswersInstead(fn(&Server, &ScimRequest) -> Option<ScimAnswer>),
    /// Changes the request if another request is in progress.
    Races(fn(&mut ScimRequest)),
}

/// A deviation, and the check that has to find it.
#[derive(Clone, Copy)]
pub(crate) struct Mutant {
    /// The id of the check that has to fail.
    pub(crate) fires: &'static str,
    /// The ids of other checks that the deviation makes fail too.
    pub(crate) also: &'static [&'static str],
    /// The deviation.
    pub(crate) bend: Mutation,
}

/// A correct server, or a mutant.
pub(crate) struct MutantServer {
    server: Server,
    /// The server of the other tenant.
    second: Server,
    bend: Option<Mutation>,
    under_way: AtomicUsize,
}

impl Default for MutantServer {
    fn default() -> Self {
        Self {
            server: Server::default(),
            second: Server::beginning_at(1_000_000),
            bend: None,
            under_way: AtomicUsize::default(),
        }
    }
}

impl MutantServer {
    pub(crate) fn with(bend: Mutation) -> Self {
        Self {
            bend: Some(bend),
            ..Self::default()
        }
    }

    /// Returns the ids of the resources that are left.
    pub(crate) fn left(&self) -> Vec<String> {
        [self.server.left(), self.second.left()].concat()
    }
}

impl Wire for MutantServer {
    fn send<'a>(&'a self, request: &'a ScimRequest) -> Pending<'a, Result<ScimAnswer, WireError>> {
        Box::pin(async move {
            let mut received = request.clone();
            self.under_way.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            let among = self.under_way.fetch_sub(1, Ordering::SeqCst);
            match self.bend {
                Some(Mutation::ChangesRequest(bend)) => bend(&mut received),
                Some(Mutation::Races(bend)) if among > 1 => bend(&mut received),
                Some(Mutation::AnswersInstead(bend)) => {
                    if let Some(mut answer) = bend(&self.server, &received) {
                        answer.request = request.line();
                        return Ok(answer);
                    }
                }
                _ => {}
            }
            let mut answer = if is_of_second(&received) {
                let_in(&mut received);
                self.second.answer(&received)
            } else {
                self.server.answer(&received)
            };
            if let Some(Mutation::ChangesAnswer(bend)) = self.bend {
                bend(request, &mut answer);
            }
            answer.request = request.line();
            Ok(answer)
        })
    }
}

/// True if the request has the other tenant's token.
pub(crate) fn is_of_second(request: &ScimRequest) -> bool {
    let said = request.header("authorization").unwrap_or_default();
    said.ends_with(SECOND_TOKEN)
}

/// Gives the request the valid token.
pub(crate) fn let_in(request: &mut ScimRequest) {
    request.headers.retain(|(name, _)| name != "authorization");
    request
        .headers
        .push(("authorization".into(), format!("Bearer {TOKEN}")));
}

/// Changes the JSON body of an answer.
pub(crate) fn edit(answer: &mut ScimAnswer, change: impl FnOnce(&mut Value)) {
    if let Ok(mut body) = serde_json::from_str::<Value>(&answer.text) {
        change(&mut body);
        answer.text = body.to_string();
    }
}

/// Changes the JSON body of a request.
pub(crate) fn rewrite(request: &mut ScimRequest, change: impl FnOnce(&mut Value)) {
    let body = request
        .body
        .as_deref()
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(mut body) = body {
        change(&mut body);
        request.body = Some(body.to_string());
    }
}

/// Returns the JSON body of a request; null if there is none.
pub(crate) fn sent(request: &ScimRequest) -> Value {
    let body = request
        .body
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok());
    body.unwrap_or_default()
}

/// True if the User schema has an attribute with this name, or every resource has one.
pub(crate) fn is_attribute_of_users(name: &str) -> bool {
    ["id", "externalId", "meta"].contains(&name)
        || schemas::find(&schemas::KINDS[0].attrs, name).is_some()
}

/// True if the request has this method and this path; the query is ignored.
pub(crate) fn is(request: &ScimRequest, method: &str, path: &str) -> bool {
    request.method == method && request.target.split('?').next() == Some(path)
}

/// True if the request has this method and its target begins with `path` and is longer.
pub(crate) fn under(request: &ScimRequest, method: &str, path: &str) -> bool {
    request.method == method
        && request.target.starts_with(path)
        && request.target.len() > path.len()
}

/// Returns the filter of a GET of `/Users`.
pub(crate) fn filter_of(request: &ScimRequest) -> Option<String> {
    if !is(request, "GET", "/Users") {
        return None;
    }
    server::parts(&request.target).1.remove("filter")
}

/// Returns a parameter of the query.
pub(crate) fn parameter(request: &ScimRequest, name: &str) -> Option<String> {
    server::parts(&request.target).1.remove(name)
}

/// Replaces a parameter of the query.
pub(crate) fn with_parameter(request: &mut ScimRequest, name: &str, value: &str) {
    let path = request
        .target
        .split('?')
        .next()
        .unwrap_or_default()
        .to_owned();
    let mut all = server::parts(&request.target).1;
    all.insert(name.to_owned(), value.to_owned());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(all)
        .finish();
    request.target = format!("{path}?{query}");
}
