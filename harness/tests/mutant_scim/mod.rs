//! The honest server, bent: one deviation from the RFCs at a time.
//!
//! To add a mutant: a line in a family's table, with the check that has to
//! fire. A deviation that breaks two demands names the other one in `also`.

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
pub(crate) use server::{BASE, Refusal, Server, TOKEN, error, told};

/// How a server is bent.
#[derive(Clone, Copy)]
pub(crate) enum Bend {
    /// It hears something else.
    Hears(fn(&mut Asked)),
    /// It says something else.
    Says(fn(&Asked, &mut Told)),
    /// It does something else, if it wants to.
    Does(fn(&Server, &Asked) -> Option<Told>),
    /// It hears something else while another request is under way.
    Races(fn(&mut Asked)),
}

/// A deviation, and the check that has to find it.
#[derive(Clone, Copy)]
pub(crate) struct Mutant {
    /// The check.
    pub(crate) fires: &'static str,
    /// Checks that the same deviation breaks of necessity.
    pub(crate) also: &'static [&'static str],
    /// How it is bent.
    pub(crate) bend: Bend,
}

/// A server, bent or not.
#[derive(Default)]
pub(crate) struct Bent {
    server: Server,
    bend: Option<Bend>,
    under_way: AtomicUsize,
}

impl Bent {
    pub(crate) fn with(bend: Bend) -> Self {
        Self {
            bend: Some(bend),
            ..Self::default()
        }
    }

    /// What is left in it.
    pub(crate) fn left(&self) -> Vec<String> {
        self.server.left()
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
            let mut told = self.server.answer(&heard);
            if let Some(Bend::Says(bend)) = self.bend {
                bend(asked, &mut told);
            }
            told.asked = asked.line();
            Ok(told)
        })
    }
}

/// The body of an answer, to be changed.
pub(crate) fn edit(told: &mut Told, change: impl FnOnce(&mut Value)) {
    if let Ok(mut body) = serde_json::from_str::<Value>(&told.text) {
        change(&mut body);
        told.text = body.to_string();
    }
}

/// The body of a request, to be changed.
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

/// The body of a request.
pub(crate) fn sent(asked: &Asked) -> Value {
    let body = asked
        .body
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok());
    body.unwrap_or_default()
}

/// The method and the target without its query.
pub(crate) fn is(asked: &Asked, method: &str, path: &str) -> bool {
    asked.method == method && asked.target.split('?').next() == Some(path)
}

/// The method and where the target begins.
pub(crate) fn under(asked: &Asked, method: &str, path: &str) -> bool {
    asked.method == method && asked.target.starts_with(path) && asked.target.len() > path.len()
}

/// The filter of a query for users.
pub(crate) fn filter_of(asked: &Asked) -> Option<String> {
    if !is(asked, "GET", "/Users") {
        return None;
    }
    server::parts(&asked.target).1.remove("filter")
}

/// A parameter of the query.
pub(crate) fn parameter(asked: &Asked, name: &str) -> Option<String> {
    server::parts(&asked.target).1.remove(name)
}

/// Puts another value in the place of a parameter.
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
