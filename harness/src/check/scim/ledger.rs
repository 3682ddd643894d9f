//! What the checks made, so that nothing of it stays behind.

use std::sync::{Mutex, PoisonError};

use reqwest::Method;

use super::body::name_of;
use super::probe::Session;
use super::reading::{text, values};
use super::server::{Kind, Server};
use super::wire::{Asked, Told};

/// Resources made and not yet deleted, in the order they were made.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    made: Mutex<Vec<String>>,
    /// What could not be deleted at the first attempt.
    stuck: Mutex<Vec<String>>,
}

/// What a server was left with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Leftovers(pub(super) Vec<String>);

impl Ledger {
    fn made(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stuck(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.stuck.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.made().len()
    }

    /// Deletes what was made after the first so many, the last first.
    pub(super) async fn shorten(&self, session: &Session<'_>, to: usize) {
        let made = {
            let mut made = self.made();
            let at = to.min(made.len());
            made.split_off(at)
        };
        for place in made.into_iter().rev() {
            let mut left = Vec::new();
            delete(session, place.clone(), &mut left).await;
            if !left.is_empty() {
                self.stuck().push(place);
            }
        }
    }

    /// Reads from an exchange what it made or deleted.
    pub(super) fn note(&self, asked: &Asked, told: &Told, base: &str) {
        let place = asked.target.split('?').next().unwrap_or_default();
        if !told.succeeded() {
            return;
        }
        if asked.method == Method::DELETE {
            self.made().retain(|made| made != place);
        } else if asked.method == Method::POST && place.ends_with("/Bulk") {
            let answer = told.json().unwrap_or_default();
            for one in values(&answer, "Operations") {
                let created =
                    text(one, &["method"]).is_some_and(|it| it.eq_ignore_ascii_case("post"));
                if let (true, Some(location)) = (created, text(one, &["location"])) {
                    self.made().push(below(location, base));
                }
            }
        } else if asked.method == Method::POST && !place.ends_with("/.search") {
            let id = told
                .json()
                .and_then(|body| text(&body, &["id"]).map(str::to_owned));
            let found = match (id, told.header("location")) {
                (Some(id), _) => Some(format!("{place}/{id}")),
                (None, Some(location)) => Some(below(location, base)),
                (None, None) => None,
            };
            self.made().extend(found);
        }
    }

    /// Deletes everything, the last first, then looks for what bears this
    /// run's mark all the same; answers what could not be deleted.
    pub(super) async fn clear(&self, session: &Session<'_>, server: &Server) -> Leftovers {
        self.shorten(session, 0).await;
        let stuck = std::mem::take(&mut *self.stuck());
        let mut left = Vec::new();
        for place in stuck {
            delete(session, place, &mut left).await;
        }
        sweep(session, &server.users, "userName", &mut left).await;
        if let Some(groups) = &server.groups {
            sweep(session, groups, "displayName", &mut left).await;
        }
        Leftovers(left)
    }
}

async fn delete(session: &Session<'_>, place: String, left: &mut Vec<String>) {
    let asked = session.asked(Method::DELETE, &place, None);
    match session.send(&asked).await {
        Ok(told) if told.succeeded() || matches!(told.status, 404 | 410) => {}
        Ok(told) => left.push(format!("{place} ({})", told.status)),
        Err(reason) => left.push(format!("{place} ({reason})")),
    }
}

/// Finds what an answer that got lost may have made. A server may ignore the
/// filter, so only what really bears the mark is deleted.
async fn sweep(session: &Session<'_>, kind: &Kind, attribute: &str, left: &mut Vec<String>) {
    let filter = format!("{attribute} sw \"{}\"", session.mark);
    let target = super::probe::query(&kind.endpoint, &[("filter", &filter)]);
    let asked = session.asked(Method::GET, &target, None);
    let Ok(told) = session.send(&asked).await else {
        return;
    };
    let found = told.json().unwrap_or_default();
    for one in values(&found, "Resources") {
        let marked = name_of(one).is_some_and(|name| name.starts_with(&session.mark));
        if let (true, Some(id)) = (marked, text(one, &["id"])) {
            let place = format!("{}/{id}", kind.endpoint);
            if !left.iter().any(|known| known.starts_with(&place)) {
                delete(session, place, left).await;
            }
        }
    }
}

/// The target below the base address, where the address lies there; some
/// servers give the path alone.
pub(super) fn below(location: &str, base: &str) -> String {
    let base = base.trim_end_matches('/');
    let path = base
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    let fronts = [Some(base), path];
    let behind = |front: &str| {
        location
            .strip_prefix(front)
            .filter(|rest| rest.starts_with('/'))
    };
    fronts
        .into_iter()
        .flatten()
        .find_map(behind)
        .unwrap_or(location)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_found_below_the_base_address_whole_or_by_its_path() {
        let base = "https://scim.example/v2/";
        for location in ["https://scim.example/v2/Users/1", "/v2/Users/1", "/Users/1"] {
            assert_eq!(below(location, base), "/Users/1");
        }
        let elsewhere = "https://other.example/Users/1";
        assert_eq!(below(elsewhere, base), elsewhere);
    }
}
