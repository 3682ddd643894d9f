//! Deletes all resources that the checks created.

use std::sync::atomic::Ordering;

use reqwest::Method;

use super::body::name_of;
use super::created_resources::CreatedResources;
use super::reading::{text, values};
use super::server::{Kind, Server};
use super::session::Session;
use super::target::{query, segment};
use super::wire::{ScimAnswer, WireError};

/// Number of requests without an answer after which the clean-up ends.
const MAX_LOST: usize = 2;

/// Resources that remain on the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Leftovers(pub(super) Vec<String>);

impl CreatedResources {
    /// Deletes all but the first `to` created resources, the last one first. If the target stops
    /// answering, the others stay in the list. A request that is not sent, because of its address
    /// or without a token, is no missing answer.
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
            let request = session.request(Method::DELETE, &place, None);
            match session.send(&request).await {
                Err(WireError::NoAnswer(_)) => {
                    lost += 1;
                    continue;
                }
                Err(WireError::NotSent(why)) => self.unsent().push((place.clone(), why)),
                Ok(_) => self.unconfirmed().push(place.clone()),
            }
            self.made().retain(|made| *made != place);
        }
    }

    /// Deletes everything, the last one first, and then searches for other resources with the mark
    /// of this run. Returns what still exists or may exist.
    ///
    /// A successful DELETE proves nothing; only a read that does not find the resource does.
    pub(super) async fn clear(&self, session: &Session<'_>, server: &Server) -> Leftovers {
        // What could not be sent before can perhaps be sent now, for example with a new token.
        let unsent = std::mem::take(&mut *self.unsent());
        self.made()
            .extend(unsent.into_iter().map(|(place, _)| place));
        self.shorten(session, 0).await;
        let mut left: Vec<String> = self
            .made()
            .iter()
            .map(|place| format!("{place} (not deleted: the server stopped answering)"))
            .collect();
        let unsent = std::mem::take(&mut *self.unsent());
        let unsent = unsent.into_iter();
        left.extend(unsent.map(|(place, why)| format!("{place} (not deleted: {why})")));
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
                    lost += usize::from(matches!(why, WireError::NoAnswer(_)));
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
                "perhaps a resource whose name begins with {}: a request to create it got no answer, and the server cannot be searched for it",
                session.mark
            ));
        }
        Leftovers(left)
    }
}

/// Reads a deleted resource, and deletes it again if it still exists. Returns `None` if it is gone,
/// otherwise why it is not.
async fn remains(session: &Session<'_>, place: &str) -> Result<Option<String>, WireError> {
    let read = session.request(Method::GET, place, None);
    let is_gone = |answer: &ScimAnswer| matches!(answer.status, 404 | 410);
    if is_gone(&session.send(&read).await?) {
        return Ok(None);
    }
    let delete = session.request(Method::DELETE, place, None);
    let again = session.send(&delete).await?;
    let answer = session.send(&read).await?;
    Ok((!is_gone(&answer)).then(|| {
        format!(
            "DELETE answers {}, and GET still answers {}",
            again.status, answer.status
        )
    }))
}

/// Searches for resources of requests whose answer was lost. The server may ignore the filter, so
/// only resources with the mark are deleted. Returns whether the server could be searched.
async fn sweep(
    session: &Session<'_>,
    kind: &Kind,
    attribute: &str,
    left: &mut Vec<String>,
) -> bool {
    let filter = format!("{attribute} sw \"{}\"", session.mark);
    let target = query(&kind.endpoint, &[("filter", &filter)]);
    let request = session.request(Method::GET, &target, None);
    let Ok(answer) = session.send(&request).await else {
        return false;
    };
    let Some(found) = answer.json().filter(|_| answer.succeeded()) else {
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
