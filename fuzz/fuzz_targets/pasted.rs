#![no_main]
//! Reads any text as people paste it into `rehearsal trace`: no panic, no hang, and no message longer
//! than its text can contain. The reader is included by its path, because the crate of the checks
//! depends on much that fuzzing does not need.

#[path = "../../conformance/src/excerpt.rs"]
#[allow(dead_code)]
mod excerpt;
#[path = "../../conformance/src/inspection/message.rs"]
#[allow(dead_code)]
mod message;
#[path = "../../conformance/src/inspection/pasted/mod.rs"]
#[allow(dead_code, unused_imports)]
mod pasted;
#[path = "../../conformance/src/inspection/xml.rs"]
mod xml;

/// The names by which the reader finds its parts.
mod inspection {
    pub(crate) use crate::message;
    pub(crate) use crate::xml::parse;
}

use saml::encoding;
use xml::parse;

/// Longest message that is decompressed, in bytes; the text itself may be longer.
const LONGEST: usize = 4 << 20;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let found = pasted::messages(text);
    let lines = text.lines().count().max(1);
    for it in &found {
        assert!(
            it.line.is_none_or(|line| line <= lines),
            "line {:?}",
            it.line
        );
        assert!(it.message.xml.len() <= text.len().max(LONGEST) * 4);
        let mut repairs = it.message.repairs.clone();
        repairs.dedup();
        assert_eq!(repairs, it.message.repairs, "a repair is named twice");
    }
    if let Ok(value) = serde_json::from_str(text) {
        let _ = pasted::messages_of_json(&value);
    }
});
