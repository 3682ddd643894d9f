//! Tests whether the server still answers an ordinary request as before. If it does not after a
//! check, that check has found a denial of service.

use std::time::{Duration, Instant};

use super::server::Server;
use super::session::Session;
use super::target::query;
use super::wire::WireError;
use crate::check::runner::{TargetHarm, find_harm};

/// Returns how long an ordinary request takes.
///
/// # Errors
///
/// When it gets no answer.
pub(super) async fn time_ordinary_request(
    session: &Session<'_>,
    server: &Server,
) -> Result<Duration, WireError> {
    let began = Instant::now();
    let target = query(&server.users.endpoint, &[("count", "1")]);
    let request = session.request(reqwest::Method::GET, &target, None);
    session.send(&request).await?;
    Ok(began.elapsed())
}

/// Returns what a check did to the server, or `None` if an ordinary request is answered as before.
pub(super) async fn find_harm_to_server(
    session: &Session<'_>,
    server: &Server,
    calm: Duration,
) -> Option<TargetHarm> {
    let honest = format!("GET {}?count=1", server.users.endpoint);
    find_harm(session.runner, &honest, (calm, false), || async {
        let took = time_ordinary_request(session, server).await;
        took.map_err(|why| why.to_string())
    })
    .await
}
