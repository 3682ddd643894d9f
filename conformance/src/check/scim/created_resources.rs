//! The list of what the checks made and did not delete yet.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;

use super::reading::{text, values};
use super::target::{below, segment};
use super::wire::{Asked, Told};

/// Resources made and not yet deleted, in the order they were made.
#[derive(Debug, Default)]
pub(super) struct CreatedResources {
    made: Arc<Mutex<Vec<String>>>,
    /// What was deleted, or could not be, and has to be read again at the end.
    unconfirmed: Mutex<Vec<String>>,
    /// Whether a request to create something got no answer.
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
}
