//! The list of resources that the checks created and did not delete yet.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;

use super::reading::{text, values};
use super::target::{below, segment};
use super::wire::{Asked, Told};

/// Resources that were created and not deleted yet, in the order of their creation.
#[derive(Debug, Default)]
pub(super) struct CreatedResources {
    made: Arc<Mutex<Vec<String>>>,
    /// Resources that were deleted, or could not be: they are read again at the end.
    unconfirmed: Mutex<Vec<String>>,
    /// True if a request to create a resource got no answer.
    pub(super) lost: AtomicBool,
}

impl CreatedResources {
    pub(super) fn made(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unconfirmed(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        let unconfirmed = self.unconfirmed.lock();
        unconfirmed.unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a request to create a resource got no answer: the resource may exist.
    pub(super) fn note_lost(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    /// Returns a function that lists what is not deleted yet.
    pub(super) fn lister(&self) -> impl Fn() -> Vec<String> + Send + Sync + 'static {
        let made = self.made.clone();
        move || made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the number of resources that are not deleted yet.
    pub(super) fn len(&self) -> usize {
        self.made().len()
    }

    /// Records what an exchange created or deleted.
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
}
