//! Metrics with the resident memory. With the flaw `keeps-memory`, each long message adds 300 MB.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};

use super::Broken;

/// Answers `/metrics`.
pub(super) async fn metrics(State(sp): State<Broken>) -> Result<String, StatusCode> {
    if sp.is_flawed("no-metrics") {
        return Err(StatusCode::NOT_FOUND);
    }
    let bytes = 50_000_000 + sp.memory.lock().unwrap().taken;
    Ok(format!(
        "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {bytes}\n"
    ))
}

impl Broken {
    /// Takes memory for a request.
    pub(super) fn take_memory(&self, request: &Request) {
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
        if self.is_flawed("keeps-memory") && length.is_some_and(|it| it > 500_000) {
            self.memory.lock().unwrap().taken += 300_000_000;
        }
    }
}
