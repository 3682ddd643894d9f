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

use rehearsal::check::scim::wire::{Asked, Pending, Told, Wire, WireError};
use serde_json::Value;

pub(crate) use mutants::mutants;
pub(crate) use schemas::ENTERPRISE;
pub(crate) use server::{BASE, Refusal, SECOND_TOKEN, Server, TOKEN, error, told};

/// How a mutant deviates from the correct server.
#[derive(Clone, Copy)]
pub(crate) enum Bend {
    /// Changes the request before the server reads it.
    Hears(fn(&mut Asked)),
    /// Changes the answer.
    Says(fn(&Asked, &mut Told)),
    /// Answers instead of the server, if it returns an answer.
    Does(fn(&Server, &Asked) -> Option<Told>),
    /// Changes the request if another request is in progress.
    Races(fn(&mut Asked)),
}

/// A deviation, and the check that has to find it.
#[derive(Clone, Copy)]
pub(crate) struct Mutant {
    /// The id of the check that has to fail.
    pub(crate) fires: &'static str,
    /// The ids of other checks that the deviation makes fail too.
    pub(crate) also: &'static [&'static str],
    /// The deviation.
    pub(crate) bend: Bend,
}

/// A correct server, or a mutant.
pub(crate) struct Bent {
    server: Server,
    /// The server of the other tenant.
    second: Server,
    bend: Option<Bend>,
    under_way: AtomicUsize,
}

impl Default for Bent {
    fn default() -> Self {
        Self {
            server: Server::default(),
            second: Server::beginning_at(1_000_000),
            bend: None,
            under_way: AtomicUsize::default(),
        }
    }
}

impl Bent {
    pub(crate) fn with(bend: Bend) -> Self {
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

impl Wire for Bent {
    fn send<'a>(&'a self, asked: &'a Asked) -> Pending<'a, Result<Told, WireError>> {
        Box::pin(async move {
            let mut heard = asked.clone();
            self.under_way.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            let among = self.under_way.fetch_sub(1, Ordering::SeqCst);
            match self.bend {
                Some(Bend::Hears(bend)) => bend(&mut heard),
                Some(Bend::Races(bend)) if among > 1 => bend(&mut heard),
                Some(Bend::Does(bend)) => {
                    if let Some(mut told) = bend(&self.server, &heard) {
                        told.asked = asked.line();
                        return Ok(told);
                    }
                }
                _ => {}
            }
            let mut told = if is_of_second(&heard) {
                let_in(&mut heard);
                self.second.answer(&heard)
            } else {
                self.server.answer(&heard)
            };
            if let Some(Bend::Says(bend)) = self.bend {
                bend(asked, &mut told);
            }
            told.asked = asked.line();
            Ok(told)
        })
    }
}

/// True if the request has the other tenant's token.
pub(crate) fn is_of_second(asked: &Asked) -> bool {
    let said = asked.header("authorization").unwrap_or_default();
    said.ends_with(SECOND_TOKEN)
}

/// Gives the request the valid token.
pub(crate) fn let_in(asked: &mut Asked) {
    asked.headers.retain(|(name, _)| name != "authorization");
    asked
        .headers
        .push(("authorization".into(), format!("Bearer {TOKEN}")));
}

/// Changes the JSON body of an answer.
pub(crate) fn edit(told: &mut Told, change: impl FnOnce(&mut Value)) {
    if let Ok(mut body) = serde_json::from_str::<Value>(&told.text) {
        change(&mut body);
        told.text = body.to_string();
    }
}

/// Changes the JSON body of a request.
pub(crate) fn rewrite(asked: &mut Asked, change: impl FnOnce(&mut Value)) {
    let body = asked
        .body
        .as_deref()
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(mut body) = body {
        change(&mut body);
        asked.body = Some(body.to_string());
    }
}

/// Returns the JSON body of a request; null if there is none.
pub(crate) fn sent(asked: &Asked) -> Value {
    let body = asked
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
pub(crate) fn is(asked: &Asked, method: &str, path: &str) -> bool {
    asked.method == method && asked.target.split('?').next() == Some(path)
}

/// True if the request has this method and its target begins with `path` and is longer.
pub(crate) fn under(asked: &Asked, method: &str, path: &str) -> bool {
    asked.method == method && asked.target.starts_with(path) && asked.target.len() > path.len()
}

/// Returns the filter of a GET of `/Users`.
pub(crate) fn filter_of(asked: &Asked) -> Option<String> {
    if !is(asked, "GET", "/Users") {
        return None;
    }
    server::parts(&asked.target).1.remove("filter")
}

/// Returns a parameter of the query.
pub(crate) fn parameter(asked: &Asked, name: &str) -> Option<String> {
    server::parts(&asked.target).1.remove(name)
}

/// Replaces a parameter of the query.
pub(crate) fn with_parameter(asked: &mut Asked, name: &str, value: &str) {
    let path = asked
        .target
        .split('?')
        .next()
        .unwrap_or_default()
        .to_owned();
    let mut all = server::parts(&asked.target).1;
    all.insert(name.to_owned(), value.to_owned());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(all)
        .finish();
    asked.target = format!("{path}?{query}");
}
