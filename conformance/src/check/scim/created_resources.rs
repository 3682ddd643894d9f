//! What the checks made, so that nothing of it stays behind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;

use super::body::name_of;
use super::probe::Session;
use super::reading::{text, values};
use super::server::{Kind, Server};
use super::wire::{Asked, Told, WireError};

/// Resources made and not yet deleted, in the order they were made.
#[derive(Debug, Default)]
pub(super) struct CreatedResources {
    made: Arc<Mutex<Vec<String>>>,
    /// What was deleted, or could not be, and has to be read again at the end.
    unconfirmed: Mutex<Vec<String>>,
    /// Whether a request to create something got no answer.
    lost: AtomicBool,
}

/// After so many requests without an answer, cleaning up ends.
const MAX_LOST: usize = 2;

/// What a server was left with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Leftovers(pub(super) Vec<String>);

impl CreatedResources {
    fn made(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unconfirmed(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        let unconfirmed = self.unconfirmed.lock();
        unconfirmed.unwrap_or_else(PoisonError::into_inner)
    }

    /// A request to create something got no answer: it may be there.
    pub(super) fn note_lost(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    /// Lists what is not deleted yet, whenever it is called.
    pub(super) fn lister(&self) -> impl Fn() -> Vec<String> + Send + Sync + 'static {
        let made = self.made.clone();
        move || made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.made().len()
    }

    /// Deletes what was made after the first so many, the last first. What
    /// remains when the target stops answering stays on the list.
    pub(super) async fn shorten(&self, session: &Session<'_>, to: usize) {
        let mut lost = 0;
        while lost < MAX_LOST {
            let place = {
                let made = self.made();
                match made.last() {
                    Some(place) if made.len() > to => place.clone(),
                    _ => return,
                }
            };
            let asked = session.asked(Method::DELETE, &place, None);
            if session.send(&asked).await.is_err() {
                lost += 1;
                continue;
            }
            self.made().retain(|made| *made != place);
            self.unconfirmed().push(place);
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
            self.unconfirmed().push(place.to_owned());
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
                (Some(id), _) => Some(format!("{}/{}", below(place, base), segment(&id))),
                (None, Some(location)) => Some(below(location, base)),
                (None, None) => None,
            };
            self.made().extend(found);
        }
    }

    /// Deletes everything, the last first, then looks for what bears this
    /// run's mark all the same; answers what is still there, or may be.
    ///
    /// That a DELETE succeeded proves nothing: only a read that doesn't find
    /// the resource does.
    pub(super) async fn clear(&self, session: &Session<'_>, server: &Server) -> Leftovers {
        self.shorten(session, 0).await;
        let mut left: Vec<String> = self
            .made()
            .iter()
            .map(|place| format!("{place} (not deleted: the server stopped answering)"))
            .collect();
        let mut deleted = std::mem::take(&mut *self.unconfirmed());
        deleted.sort();
        deleted.dedup();
        let mut lost = 0;
        for place in deleted {
            if lost >= MAX_LOST {
                left.push(format!(
                    "{place} (not confirmed: the server stopped answering)"
                ));
                continue;
            }
            match remains(session, &place).await {
                Ok(None) => {}
                Ok(Some(why)) => left.push(format!("{place} ({why})")),
                Err(why) => {
                    lost += 1;
                    left.push(format!("{place} (not confirmed: {why})"));
                }
            }
        }
        if lost >= MAX_LOST || !self.made().is_empty() {
            return Leftovers(left);
        }
        let mut swept = sweep(session, &server.users, "userName", &mut left).await;
        if let Some(groups) = &server.groups {
            swept &= sweep(session, groups, "displayName", &mut left).await;
        }
        if !swept && self.lost.load(Ordering::Relaxed) {
            left.push(format!(
                "perhaps a resource whose name begins with {}: a request to create it got no answer, and the server can't be searched for it",
                session.mark
            ));
        }
        Leftovers(left)
    }
}

/// Reads a resource that was deleted; deletes it once more when it is still
/// there. `None` when it is gone, else why it isn't.
async fn remains(session: &Session<'_>, place: &str) -> Result<Option<String>, WireError> {
    let read = session.asked(Method::GET, place, None);
    let is_gone = |told: &Told| matches!(told.status, 404 | 410);
    if is_gone(&session.send(&read).await?) {
        return Ok(None);
    }
    let delete = session.asked(Method::DELETE, place, None);
    let again = session.send(&delete).await?;
    let told = session.send(&read).await?;
    Ok((!is_gone(&told)).then(|| {
        format!(
            "DELETE answers {}, and GET still answers {}",
            again.status, told.status
        )
    }))
}

/// Finds what a request whose answer got lost may have made. A server may
/// ignore the filter, so only what really bears the mark is deleted. Whether
/// the server could be searched.
async fn sweep(
    session: &Session<'_>,
    kind: &Kind,
    attribute: &str,
    left: &mut Vec<String>,
) -> bool {
    let filter = format!("{attribute} sw \"{}\"", session.mark);
    let target = super::probe::query(&kind.endpoint, &[("filter", &filter)]);
    let asked = session.asked(Method::GET, &target, None);
    let Ok(told) = session.send(&asked).await else {
        return false;
    };
    let Some(found) = told.json().filter(|_| told.succeeded()) else {
        return false;
    };
    for one in values(&found, "Resources") {
        let marked = name_of(one).is_some_and(|name| name.starts_with(&session.mark));
        if let (true, Some(id)) = (marked, text(one, &["id"])) {
            let place = format!("{}/{}", kind.endpoint, segment(id));
            if left.iter().any(|known| known.starts_with(&place)) {
                continue;
            }
            match remains(session, &place).await {
                Ok(None) => {}
                Ok(Some(why)) => left.push(format!("{place} ({why})")),
                Err(why) => left.push(format!("{place} (not confirmed: {why})")),
            }
        }
    }
    true
}

/// An id as a segment of a path: it may have any character (RFC 7643 §3.1).
pub(super) fn segment(id: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    encoded.replace('+', "%20")
}

/// The target below the base address, where the address lies there; some
/// servers give the path alone, or a path relative to the endpoint.
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
    if let Some(rest) = fronts.into_iter().flatten().find_map(behind) {
        return rest.to_owned();
    }
    if location.starts_with('/') || location.contains("://") {
        return location.to_owned();
    }
    format!(
        "/{}",
        location.trim_start_matches("./").trim_start_matches("../")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment_whatever_its_characters() {
        assert_eq!(segment("a/b#c?d %"), "a%2Fb%23c%3Fd%20%25");
        assert_eq!(segment("4711-x_y.z"), "4711-x_y.z");
    }

    #[test]
    fn a_location_is_found_below_the_base_address_whole_or_by_its_path() {
        let base = "https://scim.example/v2/";
        for location in [
            "https://scim.example/v2/Users/1",
            "/v2/Users/1",
            "/Users/1",
            "Users/1",
            "../Users/1",
        ] {
            assert_eq!(below(location, base), "/Users/1");
        }
        let elsewhere = "https://other.example/Users/1";
        assert_eq!(below(elsewhere, base), elsewhere);
    }
}
