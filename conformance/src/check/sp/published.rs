//! The metadata that the played identity provider publishes, with the number of times it was
//! fetched. The metadata can be changed while the check runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::watch;

/// Creates the document for one fetch.
type Make = Box<dyn Fn() -> String + Send>;

struct Shared {
    make: Mutex<Make>,
    /// The document that the last fetch received.
    last: Mutex<Option<String>>,
    fetches: watch::Sender<usize>,
}

/// The published metadata. All clones share it.
#[derive(Clone)]
pub(in crate::check) struct Published(Arc<Shared>);

impl std::fmt::Debug for Published {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Published")
            .field("fetches", &self.count())
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Published {
    pub(in crate::check) fn new(document: String) -> Self {
        Self(Arc::new(Shared {
            make: Mutex::new(Box::new(move || document.clone())),
            last: Mutex::default(),
            fetches: watch::Sender::new(0),
        }))
    }

    /// Publishes this document from now on.
    pub(super) fn publish(&self, document: String) {
        self.publish_each(move || document.clone());
    }

    /// Calls `make` for each fetch from now on, and publishes its result.
    pub(super) fn publish_each(&self, make: impl Fn() -> String + Send + 'static) {
        *lock(&self.0.make) = Box::new(make);
    }

    /// Publishes the document of the last fetch from now on, and returns it.
    pub(super) fn freeze(&self) -> Option<String> {
        let last = lock(&self.0.last).clone();
        if let Some(document) = last.clone() {
            self.publish(document);
        }
        last
    }

    /// Returns the document that a fetch would receive now.
    pub(super) fn document(&self) -> String {
        lock(&self.0.make)()
    }

    /// Answers a fetch, and counts it.
    pub(in crate::check) fn serve(&self) -> Response {
        let document = self.document();
        *lock(&self.0.last) = Some(document.clone());
        self.0.fetches.send_modify(|count| *count += 1);
        let headers = [
            (header::CONTENT_TYPE, "application/samlmetadata+xml"),
            (header::CACHE_CONTROL, "no-cache"),
        ];
        (headers, document).into_response()
    }

    /// Returns the number of fetches.
    pub(super) fn count(&self) -> usize {
        *self.0.fetches.borrow()
    }

    /// Waits for a fetch after the first `count`, but not longer than `within`;
    /// returns true if there was one.
    pub(super) async fn wait_for_fetch(&self, count: usize, within: Duration) -> bool {
        let mut fetches = self.0.fetches.subscribe();
        let fetched = fetches.wait_for(|it| *it > count);
        tokio::time::timeout(within, fetched).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fetch_is_seen_and_its_document_can_be_kept() {
        let published = Published::new("first".to_owned());
        assert!(published.freeze().is_none());
        assert!(!published.wait_for_fetch(0, Duration::ZERO).await);
        let number = std::sync::atomic::AtomicUsize::new(0);
        published.publish_each(move || {
            let number = number.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            format!("document {number}")
        });
        published.serve();
        published.serve();
        assert_eq!(published.count(), 2);
        assert!(published.wait_for_fetch(1, Duration::ZERO).await);
        assert_eq!(published.freeze().unwrap(), "document 1");
        assert_eq!(published.document(), "document 1");
    }
}
