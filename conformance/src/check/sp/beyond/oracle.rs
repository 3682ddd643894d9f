//! Whether refusals of encrypted assertions differ. An attacker who can send changed ciphertexts and
//! see why each is refused can decrypt an assertion that was recorded (padding oracle).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use faults::{Cipher, Cover, Fault};
use serde_json::{Value, json};

use super::{Beyond, Judged, Stop, breaks, holds_with, response_with, rows, skip};
use crate::check::Harm;
use crate::check::runner::page_summary;

rows! {
"SAML-SP-ORACLE-01", Should, Harm::Protection, "xmlenc-core1 §6.1.1, Jager, Somorovsky, \"How to Break XML Encryption\", 2011"; "Wrong padding and wrong XML in an encrypted assertion are refused alike";
    expects "the same status, page and text for both, in repeated tries";
    fix "Answer every failure of decryption with the same page, and refuse AES-CBC: with AES-GCM, changed ciphertexts are detected before they are read.";
    judge_padding
"SAML-SP-ORACLE-02", Should, Harm::Protection, "xmlenc-core1 §6.1.2, Bleichenbacher 1998"; "A wrong encrypted key and a wrong ciphertext in an encrypted assertion are refused alike";
    expects "the same status, page and text for both, in repeated tries";
    fix "Answer every failure of decryption with the same page. If the key cannot be decrypted, go on with a random key.";
    judge_key
}

/// How often each kind of message is sent.
const TRIES: usize = 5;

/// Length of an AES block in bytes.
const BLOCK: usize = 16;

/// A refusal, and the time that it took.
struct Refusal {
    /// Status, path and text, without what differs in each answer.
    said: String,
    took: Duration,
}

/// Changes the bytes of a base64 text. `None` if they are too short.
type Change = fn(&mut [u8]) -> Option<()>;

/// The last byte of the plaintext is the length of the padding: makes it larger than a block.
fn spoil_padding(bytes: &mut [u8]) -> Option<()> {
    let at = bytes.len().checked_sub(BLOCK + 1)?;
    *bytes.get_mut(at)? ^= 0x80;
    Some(())
}

/// Changes the first character of the plaintext, which then does not begin with `<`.
fn spoil_text(bytes: &mut [u8]) -> Option<()> {
    *bytes.get_mut(0)? ^= 0x01;
    Some(())
}

/// Changes a byte in the middle.
fn spoil_key(bytes: &mut [u8]) -> Option<()> {
    let at = bytes.len() / 2;
    *bytes.get_mut(at)? ^= 0x01;
    Some(())
}

/// Returns the document with the bytes of its `number`th `CipherValue` changed; the last one if there
/// are fewer. `None` if there is none.
fn with_cipher_value(xml: &str, is_key: bool, change: Change) -> Option<String> {
    let all: Vec<(usize, usize)> = xml
        .match_indices("CipherValue>")
        .map(|(at, found)| (at, at + found.len()))
        .collect();
    // Start and end tag of each; the encrypted key comes first, in KeyInfo.
    let mut values = all.chunks_exact(2).map(|tags| (tags[0].1, tags[1].0));
    let (first, last) = (values.next()?, values.next_back()?);
    let (from, to) = if is_key { first } else { last };
    let to = from + xml[from..to].rfind("</")?;
    let mut bytes = STANDARD.decode(xml[from..to].trim()).ok()?;
    change(&mut bytes)?;
    Some(format!(
        "{}{}{}",
        &xml[..from],
        STANDARD.encode(bytes),
        &xml[to..]
    ))
}

/// Replaces words with digits, which may be times or references, by `#`.
fn without_numbers(text: &str) -> String {
    let words = text.split_whitespace().map(|word| {
        match word.contains(|sign: char| sign.is_ascii_digit()) {
            true => "#",
            false => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Creates an encrypted Response whose signature does not cover the ciphertext.
fn encrypted_response() -> Option<Fault> {
    Some(Fault {
        covers: vec![Cover::Assertion],
        encrypted: Some(Cipher::Aes256Cbc),
        ..response_with(Vec::new())?
    })
}

async fn measure_refusal(
    beyond: &Beyond<'_>,
    fault: &Fault,
    is_key: bool,
    change: Change,
) -> Result<Refusal, Stop> {
    let login = beyond.login();
    let visitor = login.visitor()?;
    let ready = login
        .prepare_response(&visitor, Some(fault), beyond.base)
        .await?;
    let Some(xml) = with_cipher_value(ready.xml(), is_key, change) else {
        return skip("cannot change the ciphertext of the Response");
    };
    let ready = ready.with_document(xml);
    let began = Instant::now();
    let arrival = login.post(&visitor, &ready).await?;
    let took = began.elapsed();
    if beyond.is_in(&visitor).await? {
        return skip("a Response with a changed ciphertext was accepted");
    }
    let status = arrival.status.as_u16();
    let path = arrival.url.path().replace('/', " / ");
    let path = without_numbers(&path).replace(' ', "");
    let page = without_numbers(&page_summary(&arrival.body, 600));
    Ok(Refusal {
        said: format!("HTTP {status} at {path}: {page}"),
        took,
    })
}

/// Returns figures of the times, in milliseconds.
fn figures(refusals: &[Refusal]) -> Value {
    let mut all: Vec<f64> = refusals
        .iter()
        .map(|it| (it.took.as_secs_f64() * 10_000.0).round() / 10.0)
        .collect();
    all.sort_by(f64::total_cmp);
    let answers: BTreeSet<&String> = refusals.iter().map(|it| &it.said).collect();
    json!({
        "tries": all.len(),
        "answers": answers,
        "median_ms": all.get(all.len() / 2),
        "least_ms": all.first(),
        "most_ms": all.last(),
    })
}

/// Sends both kinds of messages in turn and compares the refusals. They differ if no answer to one
/// kind is also an answer to the other.
async fn compare(
    beyond: &Beyond<'_>,
    one: (&str, bool, Change),
    other: (&str, bool, Change),
) -> Judged {
    if beyond
        .judge
        .target
        .metadata
        .encryption_certificates
        .is_empty()
    {
        return skip("the metadata has no encryption certificate");
    }
    let Some(fault) = encrypted_response() else {
        return skip("cannot create the Response: no control was found");
    };
    let honest = beyond.login().attempt(Some(&fault), beyond.base).await?;
    if !honest.is_accepted() {
        return skip(format!(
            "not judged: a Response with AES-CBC and an unsigned ciphertext is always refused: {}",
            honest.to_sentence()
        ));
    }
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    for _ in 0..TRIES {
        ones.push(measure_refusal(beyond, &fault, one.1, one.2).await?);
        others.push(measure_refusal(beyond, &fault, other.1, other.2).await?);
    }
    let evidence = json!({one.0: figures(&ones), other.0: figures(&others)});
    let is_in = |all: &[Refusal], it: &Refusal| all.iter().any(|other| other.said == it.said);
    let differ = !ones.iter().any(|it| is_in(&others, it));
    match (differ, ones.first(), others.first()) {
        (true, Some(first), Some(second)) => breaks(
            format!(
                "{} is answered with {:?}, {} with {:?}",
                one.0, first.said, other.0, second.said
            ),
            evidence,
        ),
        _ => holds_with(
            format!("{TRIES} refusals of each kind are alike; the times are in the evidence"),
            evidence,
        ),
    }
}

async fn judge_padding(beyond: &Beyond<'_>) -> Judged {
    compare(
        beyond,
        ("wrong padding", false, spoil_padding),
        ("wrong XML", false, spoil_text),
    )
    .await
}

async fn judge_key(beyond: &Beyond<'_>) -> Judged {
    compare(
        beyond,
        ("wrong key", true, spoil_key),
        ("wrong ciphertext", false, spoil_text),
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_cipher_value_is_changed() {
        let value = |bytes: &[u8]| {
            format!(
                "<xenc:CipherValue>{}</xenc:CipherValue>",
                STANDARD.encode(bytes)
            )
        };
        let (key, content) = ([1_u8; 32], [2_u8; 64]);
        let xml = format!("<a>{}<b/>{}</a>", value(&key), value(&content));
        let changed = with_cipher_value(&xml, true, spoil_key).unwrap();
        assert!(!changed.contains(&value(&key)) && changed.contains(&value(&content)));
        let changed = with_cipher_value(&xml, false, spoil_padding).unwrap();
        let mut spoiled = content;
        spoiled[47] ^= 0x80;
        assert!(changed.contains(&value(&key)) && changed.contains(&value(&spoiled)));
        assert_eq!(with_cipher_value("<a/>", false, spoil_text), None);
    }

    #[test]
    fn times_and_references_make_no_difference() {
        let one = without_numbers("Refused at 10:01 (reference a1b2)");
        assert_eq!(one, without_numbers("Refused at 10:02 (reference c3d4)"));
        assert_ne!(
            one,
            without_numbers("Bad padding at 10:02 (reference c3d4)")
        );
    }
}
