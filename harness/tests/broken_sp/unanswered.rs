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

    /// With the flaws `stops-…-nesting`, stops at or after a document with deep nesting, each time or
    /// once: then the next two requests get no answer. True if this one gets none either.
    pub(super) fn stops_at(&self, document: &str) -> bool {
        let is_flawed = |all: [&'static str; 2]| all.into_iter().find(|it| self.is_flawed(it));
        let after = is_flawed(["stops-after-nesting", "stops-once-after-nesting"]);
        let Some(flaw) = after.or_else(|| is_flawed(["stops-at-nesting", "stops-once-at-nesting"]))
        else {
            return false;
        };
        let mut memory = self.memory.lock().unwrap();
        let is_again = memory.stops > 0 && flaw.contains("once");
        if !document.contains("<n><n><n><n>") || is_again {
            return false;
        }
        memory.stops += 1;
        memory.down = 2;
        // After the message, the probe is still answered.
        memory.delay = usize::from(after.is_some());
        after.is_none()
    }

    /// True if this request gets no answer, because the process is being started again.
    pub(super) fn is_down(&self) -> bool {
        let mut memory = self.memory.lock().unwrap();
        if memory.delay > 0 {
            memory.delay -= 1;
            return false;
        }
        let is_down = memory.down > 0;
        memory.down = memory.down.saturating_sub(1);
        is_down
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
