//! The log of a party, on standard error.

use axum::http::{Response, StatusCode};
use tower_http::classify::{
    ClassifiedResponse, ClassifyResponse, NeverClassifyEos, ServerErrorsFailureClass,
    SharedClassifier,
};
use tower_http::trace::TraceLayer;
use tracing_subscriber::EnvFilter;

/// Format of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text for a person at a terminal.
    #[default]
    Text,
    /// One JSON object per line, for log collectors.
    Json,
}

/// Starts the log on standard error. `RUST_LOG` chooses which messages are logged; without it,
/// `default_filter` does (for example `"warn,sp=info"`). Colors are used on a terminal only,
/// and never if `NO_COLOR` is set.
///
/// A second call in the same process changes nothing.
pub fn init(format: LogFormat, default_filter: &str) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter));
    // Collectors of container logs would show escape sequences as text.
    let has_colors = crate::terminal::is_err_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && crate::terminal::has_colors();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(has_colors)
        .with_writer(crate::terminal::log);
    // `try_init` fails if a log exists already, as when tests or the harness start several
    // parties.
    let _ = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}

/// Extension of an answer whose status is deliberate, such as that of a simulated fault: it is no
/// failure of the server.
#[derive(Debug, Clone, Copy)]
pub struct Deliberate;

/// Classifies answers with a status from 500 as failures, except deliberate ones and 501, which says
/// that a feature is not offered.
#[derive(Debug, Clone, Copy)]
pub struct Failures;

impl ClassifyResponse for Failures {
    type FailureClass = ServerErrorsFailureClass;
    type ClassifyEos = NeverClassifyEos<ServerErrorsFailureClass>;

    fn classify_response<B>(
        self,
        response: &Response<B>,
    ) -> ClassifiedResponse<Self::FailureClass, Self::ClassifyEos> {
        let status = response.status();
        let is_deliberate = status == StatusCode::NOT_IMPLEMENTED
            || response.extensions().get::<Deliberate>().is_some();
        ClassifiedResponse::Ready(match status.is_server_error() && !is_deliberate {
            true => Err(ServerErrorsFailureClass::StatusCode(status)),
            false => Ok(()),
        })
    }

    fn classify_error<E: std::fmt::Display + 'static>(self, error: &E) -> Self::FailureClass {
        ServerErrorsFailureClass::Error(error.to_string())
    }
}

/// Returns the layer that logs requests, and failures as errors.
pub fn trace_requests() -> TraceLayer<SharedClassifier<Failures>> {
    TraceLayer::new(SharedClassifier::new(Failures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deliberate_answer_is_no_failure() {
        let is_failure = |status: u16, is_deliberate: bool| {
            let mut response = Response::builder().status(status).body(()).unwrap();
            if is_deliberate {
                response.extensions_mut().insert(Deliberate);
            }
            match Failures.classify_response(&response) {
                ClassifiedResponse::Ready(class) => class.is_err(),
                ClassifiedResponse::RequiresEos(_) => panic!("no stream is classified"),
            }
        };
        assert!(is_failure(500, false) && is_failure(503, false));
        assert!(!is_failure(501, false) && !is_failure(503, true) && !is_failure(404, false));
    }
}
