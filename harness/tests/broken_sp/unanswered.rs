//! Messages that get no answer, because the process that handles them ends or hangs.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::Broken;

/// Closes the connection without an answer: the task of the connection ends.
fn close() -> ! {
    std::panic::resume_unwind(Box::new("closed"))
}

impl Broken {
    /// Handles a document with a CDATA section between elements as the flaws do.
    pub(super) async fn lose_answer(&self, document: &str) -> Option<Response> {
        if !document.contains("<![CDATA[text]]>") {
            return None;
        }
        let is_first = {
            let mut memory = self.memory.lock().unwrap();
            memory.unexpected += 1;
            memory.unexpected == 1
        };
        if self.is_flawed("closes") || is_first && self.is_flawed("closes-once") {
            close();
        }
        if self.is_flawed("hangs") {
            std::future::pending::<()>().await;
        }
        let is_behind_gateway = self.is_flawed("closes-behind-gateway");
        is_behind_gateway.then(|| StatusCode::BAD_GATEWAY.into_response())
    }

    /// Closes the connection at an unsigned LogoutRequest, with this flaw.
    pub(super) fn close_at_logout(&self, request: &Request) {
        let query = request.uri().query().unwrap_or_default();
        let is_unsigned = query.contains("SAMLRequest=") && !query.contains("Signature=");
        if self.is_flawed("slo-closes") && is_unsigned && request.uri().path() == "/slo" {
            close();
        }
    }
}
