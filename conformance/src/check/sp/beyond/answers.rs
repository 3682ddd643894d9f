//! Whether each message of the run was answered.

use serde_json::json;

use super::{Beyond, Judged, breaks, holds, rows, skip};
use crate::check::Harm;

/// The id of the check.
pub(in crate::check::sp) const ID: &str = "SAML-SP-DOS-11";

rows! {
"SAML-SP-DOS-11", Should, Harm::Outage, "CWE-248, CWE-617"; "Every message is answered";
    expects "an answer to each message";
    fix "Look into the log of the web server. If a process ended, update the SAML library. If a filter closed the connection, let it answer with an error.";
    judge_answers
}

async fn judge_answers(beyond: &Beyond<'_>) -> Judged {
    let counts = beyond.basis.map(|it| it.answers.counts());
    let counts = counts.unwrap_or_default();
    if !counts.closed.is_empty() {
        return breaks(
            format!(
                "no answer to the messages of {}, twice, while honest logins before and after worked: the connection was closed, or a gateway answered with HTTP 502. Either the process that handled the message ended (look for \"exit signal\" in the log), or a filter in front closed the connection",
                counts.closed.join(", ")
            ),
            json!({"closed": counts.closed}),
        );
    }
    match counts.answered {
        0 => skip(
            "not judged: select other checks, too, because this one judges the answers to their messages",
        ),
        all => holds(format!("checks whose messages were answered: {all}")),
    }
}
