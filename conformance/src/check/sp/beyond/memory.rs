//! How much memory the service provider takes for one message.

use serde_json::json;

use super::{Beyond, Judged, breaks, holds_with, rows, skip};
use crate::check::Harm;

/// The most bytes that a message may take: eight of them at once then take 2 GB, the memory of a small
/// server.
const LIMIT: u64 = 256_000_000;

/// The most messages that the evidence names.
const NAMED: usize = 10;

rows! {
"SAML-SP-DOS-13", Should, Harm::Protection, "CWE-770"; "A message takes at most 256 MB of memory";
    expects "no process of the service provider to take more than 256 MB for one message";
    fix "Limit the size of the form field, for example to 1 MB, before the message is decoded: an XML tree takes up to a hundred times the memory of its text. Refuse a document type, and limit what is inflated.";
    judge_memory
}

/// Formats a number of bytes.
fn in_megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

async fn judge_memory(beyond: &Beyond<'_>) -> Judged {
    let Some(meter) = beyond.basis.and_then(|it| it.memory.as_ref()) else {
        return skip(
            "not judged: give --pid, the id of the service provider's process on this machine, or --metrics-url",
        );
    };
    let growths = meter.growths();
    let Some(most) = growths.first() else {
        return skip(
            "not judged: select faults, too, because this check judges the memory that their messages take",
        );
    };
    let named: Vec<_> = growths
        .iter()
        .take(NAMED)
        .map(|it| json!({"check": it.check, "bytes": it.bytes}))
        .collect();
    let evidence = json!({"messages": growths.len(), "most": named});
    let over = growths.iter().take_while(|it| it.bytes > LIMIT);
    let over: Vec<String> = over
        .map(|it| format!("{} ({})", it.check, in_megabytes(it.bytes)))
        .collect();
    match over.is_empty() {
        true => holds_with(
            format!(
                "{} messages, of which that of {} took most: {}",
                growths.len(),
                most.check,
                in_megabytes(most.bytes)
            ),
            evidence,
        ),
        false => breaks(
            format!("these messages took more: {}", over.join(", ")),
            evidence,
        ),
    }
}
