//! The list of resources that the checks created and did not delete yet.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use serde_json::Value;

use super::body::name_of;
use super::reading::{text, values};
use super::target::{below, by_id, segment};
use super::wire::{ScimAnswer, ScimRequest};
use crate::excerpt::truncate;

/// Longest quotation of an answer in the list of what was left, in characters.
const ANSWER: usize = 100;

/// Resources that were created and not deleted yet, in the order of their creation.
#[derive(Debug, Default)]
pub(super) struct CreatedResources {
    made: Arc<Mutex<Vec<String>>>,
    /// Resources whose DELETE was not sent, with the reason. They do not keep the others from being
    /// deleted.
    unsent: Arc<Mutex<Vec<(String, String)>>>,
    /// Resources that were deleted, or could not be: they are read again at the end.
    unconfirmed: Mutex<Vec<String>>,
    /// Resources that were created by an answer without an id.
    unnamed: Mutex<Vec<Unnamed>>,
    /// True if a request to create a resource got no answer.
    pub(super) lost: AtomicBool,
    /// True once a resource was created.
    any: AtomicBool,
}

/// A resource whose id the answer to POST does not contain, so that its address is not known.
#[derive(Debug, Clone)]
pub(super) struct Unnamed {
    pub(super) endpoint: String,
    /// The name that was sent, if it is a text.
    pub(super) name: Option<String>,
    /// The request and the answer.
    pub(super) exchange: String,
}

impl CreatedResources {
    pub(super) fn made(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock_unconfirmed(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        let unconfirmed = self.unconfirmed.lock();
        unconfirmed.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unsent(&self) -> std::sync::MutexGuard<'_, Vec<(String, String)>> {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock_unnamed(&self) -> std::sync::MutexGuard<'_, Vec<Unnamed>> {
        self.unnamed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a request to create a resource got no answer: the resource may exist.
    pub(super) fn note_lost(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    /// Returns a function that lists what is not deleted yet.
    pub(super) fn lister(&self) -> impl Fn() -> Vec<String> + Send + Sync + 'static {
        let (made, unsent) = (self.made.clone(), self.unsent.clone());
        move || {
            let mut all = made.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let unsent = unsent.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(unsent.iter().map(|(place, _)| place.clone()));
            all
        }
    }

    /// True if a resource was created, or may have been.
    pub(super) fn has_any(&self) -> bool {
        self.any.load(Ordering::Relaxed) || self.lost.load(Ordering::Relaxed)
    }

    /// Returns the number of resources that are not deleted yet.
    pub(super) fn len(&self) -> usize {
        self.made().len()
    }

    /// Records what an exchange created or deleted. `mark` is in all names that this run sends.
    pub(super) fn note(&self, request: &ScimRequest, answer: &ScimAnswer, base: &str, mark: &str) {
        let place = request.target.split('?').next().unwrap_or_default();
        if !answer.has_succeeded() {
            return;
        }
        if request.method == Method::DELETE {
            self.made().retain(|made| made != place);
            self.lock_unconfirmed().push(place.to_owned());
        } else if request.method == Method::POST && place.ends_with("/Bulk") {
            self.made()
                .extend(find_created_by_bulk(request, answer, base));
        } else if request.method == Method::POST && !place.ends_with("/.search") {
            let endpoint = below(place, base);
            let id = answer
                .json()
                .and_then(|body| text(&body, &["id"]).map(str::to_owned));
            let location = answer.header("location");
            // An empty answer with a Location is complete (RFC 7644 §3.3). A Location next to a
            // body without an id can be wrong.
            if id.is_none() && (location.is_none() || !answer.text.trim().is_empty()) {
                self.lock_unnamed()
                    .push(new_unnamed(request, answer, &endpoint));
                self.any.store(true, Ordering::Relaxed);
            }
            let found = match (id, location) {
                (Some(id), _) => Some(format!("{endpoint}/{}", segment(&id))),
                (None, Some(location)) => {
                    Some(by_id(&endpoint, location).unwrap_or_else(|| below(location, base)))
                }
                (None, None) => None,
            };
            self.made().extend(found);
        } else if request.method == Method::PUT {
            let mut made = self.made();
            if !made.iter().any(|made| made == place) {
                made.extend(find_created_by_put(request, answer, place, mark));
            }
        }
        self.any.fetch_or(self.len() > 0, Ordering::Relaxed);
    }
}

fn new_unnamed(request: &ScimRequest, answer: &ScimAnswer, endpoint: &str) -> Unnamed {
    let sent = request.body.as_deref().unwrap_or_default();
    let sent: Value = serde_json::from_str(sent).unwrap_or_default();
    Unnamed {
        endpoint: endpoint.to_owned(),
        name: name_of(&sent).map(str::to_owned),
        exchange: format!(
            "{} → {} {}",
            answer.request,
            answer.status,
            truncate(answer.text.trim(), ANSWER)
        ),
    }
}

/// Returns what a bulk request created. The endpoints are those of its operations: a server can
/// build the locations from the name of another host.
fn find_created_by_bulk(request: &ScimRequest, answer: &ScimAnswer, base: &str) -> Vec<String> {
    let sent = request.body.as_deref();
    let sent: Value = sent
        .and_then(|it| serde_json::from_str(it).ok())
        .unwrap_or_default();
    let sent = values(&sent, "Operations");
    let body = answer.json().unwrap_or_default();
    let answered = values(&body, "Operations").iter().enumerate();
    let created = answered.filter_map(|(number, one)| {
        let is_it = |other: &&Value| {
            let id = text(one, &["bulkId"]);
            id.is_some() && text(other, &["bulkId"]) == id
        };
        let operation = sent.iter().find(is_it).or_else(|| sent.get(number));
        let method = text(one, &["method"]).or_else(|| text(operation?, &["method"]));
        if !method?.eq_ignore_ascii_case("post") {
            return None;
        }
        let endpoint = operation.and_then(|it| text(it, &["path"]));
        match (text(one, &["location"]), text(one, &["response", "id"])) {
            (Some(location), _) => endpoint
                .and_then(|endpoint| by_id(endpoint, location))
                .or_else(|| Some(below(location, base))),
            (None, Some(id)) => Some(format!("{}/{}", endpoint?, segment(id))),
            (None, None) => None,
        }
    });
    created.collect()
}

/// Returns the resource that a PUT to an unknown id created, as servers do that create what is not
/// there. Only a name of this run is taken: nothing else may be deleted at the end.
fn find_created_by_put(
    request: &ScimRequest,
    answer: &ScimAnswer,
    place: &str,
    mark: &str,
) -> Option<String> {
    let (endpoint, id) = place.strip_prefix('/')?.split_once('/')?;
    let is_ours = |body: &Value| name_of(body).is_some_and(|name| name.contains(mark));
    let sent: Value = serde_json::from_str(request.body.as_deref()?).ok()?;
    if id.is_empty() || id.contains('/') || !is_ours(&sent) {
        return None;
    }
    // The server may have given it an id of its own.
    let body = answer.json().filter(is_ours);
    let own_id = body.and_then(|it| text(&it, &["id"]).map(segment));
    Some(format!("/{endpoint}/{}", own_id.as_deref().unwrap_or(id)))
}
