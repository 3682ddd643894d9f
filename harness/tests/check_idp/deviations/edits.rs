//! Edits of a recording, from which the deviations are made.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rehearsal::check::idp::Recording;
use rehearsal::check::idp::recording::{Delivered, Ending};
use rehearsal::inspection::message::decode_message;

/// Edits the metadata, also the copy that was read at the end. Removes its
/// signature, which would be invalid after the edit.
pub(crate) fn metadata(recording: &mut Recording, from: &str, to: &str) {
    const END: &str = "</ds:Signature>";
    let body = &mut recording.metadata.body;
    if let Some(begin) = body.find("<ds:Signature ") {
        let end = body.find(END).unwrap() + END.len();
        body.replace_range(begin..end, "");
    }
    assert!(body.contains(from), "{from} isn't in {body}");
    *body = body.replacen(from, to, 1);
    let body = body.clone();
    if let Some(after) = &mut recording.metadata_after {
        after.body = body;
    }
}

/// Inserts `what` before `mark` in the metadata.
pub(crate) fn before(recording: &mut Recording, mark: &str, what: &str) {
    metadata(recording, mark, &format!("{what}{mark}"));
}

/// Makes the trial end on an HTML page instead of a Response.
pub(crate) fn page(recording: &mut Recording, name: &str, status: u16, text: &str) {
    let trial = recording.trials.get_mut(name).unwrap();
    trial.ending = Ending::Page {
        url: "https://idp.example/page".to_owned(),
        status,
        text: text.to_owned(),
    };
}

/// Returns the Response that ended the trial.
pub(crate) fn delivered<'d>(recording: &'d mut Recording, name: &str) -> &'d mut Delivered {
    match &mut recording.trials.get_mut(name).unwrap().ending {
        Ending::Answer(delivered) => delivered,
        other => panic!("{name} ended with {other:?}"),
    }
}

/// Replaces texts in the Response of a trial.
pub(crate) fn message(recording: &mut Recording, name: &str, edits: &[(&str, &str)]) {
    let delivered = delivered(recording, name);
    let mut xml = String::from_utf8(STANDARD.decode(&delivered.field).unwrap()).unwrap();
    for (from, to) in edits {
        assert!(xml.contains(from), "{from} isn't in {xml}");
        xml = xml.replace(from, to);
    }
    delivered.field = STANDARD.encode(xml);
}

/// Replaces a text in the LogoutResponse, which is compressed. Its signature is over the query, which
/// stays as it is.
pub(crate) fn logout_response(recording: &mut Recording, from: &str, to: &str) {
    let delivered = delivered(recording, "logout");
    let xml = decode_message(&delivered.field).unwrap().xml;
    assert!(xml.contains(from), "{from} isn't in {xml}");
    delivered.field = STANDARD.encode(xml.replace(from, to));
}

/// Makes the trial end with a successful Response: a copy of the one of the trial
/// `session`, with other IDs.
pub(crate) fn answers(recording: &mut Recording, name: &str) {
    let mut ending = recording.trials["session"].ending.clone();
    if let Ending::Answer(delivered) = &mut ending {
        let xml = String::from_utf8(STANDARD.decode(&delivered.field).unwrap()).unwrap();
        let mut out = String::new();
        for (at, part) in xml.split(" ID=\"_").enumerate() {
            if at > 0 {
                // Replace the first half of the ID.
                out.push_str(" ID=\"_");
                let shifted: String = part[..16].chars().rev().collect();
                // FNV-1a hash of the name, so that similar names get different IDs.
                let own = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                });
                out.push_str(&format!("{own:016x}"));
                out.push_str(&shifted[16..]);
                out.push_str(&part[16..]);
            } else {
                out.push_str(part);
            }
        }
        delivered.field = STANDARD.encode(out);
    }
    recording.trials.get_mut(name).unwrap().ending = ending;
}

/// Edits the Response of every trial that ended with one.
pub(crate) fn everywhere(recording: &mut Recording, edit: impl Fn(&mut Delivered)) {
    for trial in recording.trials.values_mut() {
        if let Ending::Answer(delivered) = &mut trial.ending {
            edit(delivered);
        }
    }
}

/// Rewrites the Response of a trial.
pub(crate) fn rewrite(recording: &mut Recording, name: &str, edit: impl Fn(&str) -> String) {
    let delivered = delivered(recording, name);
    let xml = String::from_utf8(STANDARD.decode(&delivered.field).unwrap()).unwrap();
    delivered.field = STANDARD.encode(edit(&xml));
}

/// Rewrites every Response that contains an `AttributeStatement`.
pub(crate) fn rewrite_all(recording: &mut Recording, edit: impl Fn(&str) -> String) {
    everywhere(recording, |at| {
        let Ok(bytes) = STANDARD.decode(&at.field) else {
            return;
        };
        match String::from_utf8(bytes) {
            Ok(xml) if xml.contains("AttributeStatement") => {
                at.field = STANDARD.encode(edit(&xml));
            }
            _ => {}
        }
    });
}

/// Finds `mark`, then the next `open`, and replaces the text from there to `close`.
pub(crate) fn text_after(xml: &str, mark: &str, (open, close): (&str, &str), text: &str) -> String {
    let at = xml
        .find(mark)
        .unwrap_or_else(|| panic!("{mark} isn't in {xml}"))
        + mark.len();
    let begin = at + xml[at..].find(open).unwrap() + open.len();
    let end = begin + xml[begin..].find(close).unwrap();
    format!("{}{text}{}", &xml[..begin], &xml[end..])
}

/// Replaces the first value of an attribute in every assertion.
pub(crate) fn value(recording: &mut Recording, attribute: &str, text: &str) {
    let mark = format!("Name=\"{attribute}\"");
    rewrite_all(recording, |xml| {
        let at = xml
            .find(&mark)
            .unwrap_or_else(|| panic!("{mark} isn't in {xml}"));
        let rest = text_after(&xml[at..], "AttributeValue", (">", "<"), text);
        format!("{}{rest}", &xml[..at])
    });
}

/// Replaces a text in every assertion.
pub(crate) fn written(recording: &mut Recording, from: &str, to: &str) {
    rewrite_all(recording, |xml| {
        assert!(xml.contains(from), "{from} isn't in {xml}");
        xml.replace(from, to)
    });
}
