//! Deletes all resources that the checks created.

use std::sync::atomic::Ordering;

use reqwest::Method;
use serde_json::Value;

use super::body::name_of;
use super::created_resources::{CreatedResources, Unnamed};
use super::reading::{text, values};
use super::server::{Kind, Server};
use super::session::Session;
use super::target::{query, segment};
use super::wire::{ScimAnswer, WireError};
use crate::check::{Check, Harm, Level, Outcome};

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
                Ok(_) => self.lock_unconfirmed().push(place.clone()),
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
        let mut deleted = std::mem::take(&mut *self.lock_unconfirmed());
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
            match delete_again_if_left(session, &place).await {
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
        let mut swept = delete_lost(session, &server.users, "userName", &mut left).await;
        if let Some(groups) = &server.groups {
            swept &= delete_lost(session, groups, "displayName", &mut left).await;
        }
        let unnamed = std::mem::take(&mut *self.lock_unnamed());
        for one in &unnamed {
            left.extend(remove_unnamed(session, server, one).await);
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
async fn delete_again_if_left(
    session: &Session<'_>,
    place: &str,
) -> Result<Option<String>, WireError> {
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

/// Deletes a resource that was created by an answer without an id: its name leads to it. Returns
/// what remains, or may remain.
async fn remove_unnamed(session: &Session<'_>, server: &Server, one: &Unnamed) -> Vec<String> {
    let unknown = || vec![format!("a resource without an id: {}", one.exchange)];
    let Some(name) = &one.name else {
        return unknown();
    };
    let attribute = match &server.groups {
        Some(groups) if groups.endpoint == one.endpoint => "displayName",
        _ => "userName",
    };
    let filter = format!("{attribute} eq {}", Value::from(name.as_str()));
    let target = query(&one.endpoint, &[("filter", &filter)]);
    let request = session.request(Method::GET, &target, None);
    let Ok(answer) = session.send(&request).await else {
        return unknown();
    };
    let Some(found) = answer.json().filter(|_| answer.has_succeeded()) else {
        return unknown();
    };
    let found = values(&found, "Resources");
    let is_it = |it: &&Value| name_of(it).is_some_and(|it| it.eq_ignore_ascii_case(name));
    // A server that ignores the filter lists other resources.
    if !found.is_empty() && !found.iter().any(|it| is_it(&it)) {
        return unknown();
    }
    let mut left = Vec::new();
    for it in found.iter().filter(is_it) {
        let Some(id) = text(it, &["id"]) else {
            left.extend(unknown());
            continue;
        };
        let place = format!("{}/{}", one.endpoint, segment(id));
        match delete_again_if_left(session, &place).await {
            Ok(None) => {}
            Ok(Some(why)) => left.push(format!("{place} ({why})")),
            Err(why) => left.push(format!("{place} (not confirmed: {why})")),
        }
    }
    left
}

/// Searches for resources of requests whose answer was lost. The server may ignore the filter, so
/// only resources with the mark are deleted. Returns whether the server could be searched.
async fn delete_lost(
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
    let Some(found) = answer.json().filter(|_| answer.has_succeeded()) else {
        return false;
    };
    for one in values(&found, "Resources") {
        let marked = name_of(one).is_some_and(|name| {
            let start = name.get(..session.mark.len());
            start.is_some_and(|it| it.eq_ignore_ascii_case(&session.mark))
        });
        if let (true, Some(id)) = (marked, text(one, &["id"])) {
            let place = format!("{}/{}", kind.endpoint, segment(id));
            if left.iter().any(|known| known.starts_with(&place)) {
                continue;
            }
            match delete_again_if_left(session, &place).await {
                Ok(None) => {}
                Ok(Some(why)) => left.push(format!("{place} ({why})")),
                Err(why) => left.push(format!("{place} (not confirmed: {why})")),
            }
        }
    }
    true
}

/// Returns the check of what remains on a SCIM server.
pub(in crate::check) fn leftovers_check(id: &str, harm: Harm) -> Check {
    Check {
        id: id.to_owned(),
        level: Level::May,
        harm,
        title: "All resources that the checks created were deleted".to_owned(),
        spec: "RFC 7644 §3.6".to_owned(),
        fix: "Delete the listed resources yourself.".to_owned(),
    }
}

/// Number of resources that the sentence about leftovers names; the evidence contains all.
const LEFT_NAMED: usize = 20;

/// Judges that check: whether resources of the checks remain on the server. Without a created one
/// there is nothing to judge.
pub(in crate::check) fn judge_leftovers(check: Check, made: bool, left: &[String]) -> Outcome {
    if !made && left.is_empty() {
        return Outcome::new_skipped(check, "no resource was created");
    }
    let actual = if left.is_empty() {
        "no resource was left".to_owned()
    } else {
        let named = left.len().min(LEFT_NAMED);
        let more = match left.len() - named {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        format!(
            "these resources were left: {}{more}",
            left[..named].join(", ")
        )
    };
    let expected = "no resource of the checks left on the server";
    let evidence = match left.len() > LEFT_NAMED {
        true => serde_json::json!([{ "left": left }]),
        false => Value::Null,
    };
    Outcome::new_judged(check, left.is_empty(), expected, actual, evidence)
}
