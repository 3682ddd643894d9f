//! Whether the server still answers an honest request as before: a check after
//! which it doesn't has found a denial of service.

use std::time::{Duration, Instant};

use super::probe::{Session, query};
use super::server::Server;

/// How long the honest request may take after a check, in terms of the time
/// that it took before the checks; and the shortest time that counts as slow.
const SLOWDOWN: u32 = 10;
const SLOW: Duration = Duration::from_secs(5);

/// How long a server that gave no answer is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// How often a server that gave no answer is asked again.
const REVIVALS: usize = 3;

/// How long an honest request takes; `None` when it gets no answer.
pub(super) async fn health(session: &Session<'_>, server: &Server) -> Option<Duration> {
    let began = Instant::now();
    let target = query(&server.users.endpoint, &[("count", "1")]);
    let asked = session.asked(reqwest::Method::GET, &target, None);
    session.send(&asked).await.ok()?;
    Some(began.elapsed())
}

pub(super) fn slow_after(calm: Duration) -> Duration {
    (calm * SLOWDOWN).max(SLOW)
}

/// What a check did to the server, seen by an honest request after it; `None`
/// when that is answered as before.
pub(super) async fn harm(session: &Session<'_>, server: &Server, calm: Duration) -> Option<String> {
    let honest = format!("GET {}?count=1", server.users.endpoint);
    match health(session, server).await {
        Some(took) if took > slow_after(calm) => Some(format!(
            "{honest} took {:.1} s afterwards, and {:.1} s before the checks",
            took.as_secs_f32(),
            calm.as_secs_f32()
        )),
        Some(_) => None,
        None => {
            for attempt in 1..=REVIVALS {
                if session.runner.has_ended() {
                    break;
                }
                crate::check::runner::pause(PAUSE).await;
                if health(session, server).await.is_some() {
                    return Some(format!(
                        "{honest} got no answer afterwards; the server answered again at attempt {attempt}"
                    ));
                }
            }
            Some(format!("{honest} got no answer afterwards"))
        }
    }
}
