//! Encrypted assertions: which are accepted, and that all failures look the same.
#![allow(clippy::unwrap_used)]

mod support;

use saml::Limits;
use saml::acceptance::{Checked, Posted, Refusal, SignaturePolicy, TrustedKeys};
use saml::binding::post;
use saml::encryption::{ContentCipher, DecryptionKeys, Encryption};
use saml::names;
use saml::signature::Signer;
use support::{expectations, other_rsa, response, rsa, signer};

/// Encrypts for the service provider's second key.
fn encryption(cipher: ContentCipher) -> Encryption {
    Encryption {
        recipient: other_rsa().certificate().clone(),
        cipher,
        oaep_sha256: true,
    }
}

fn judge_response(xml: &str, policy: SignaturePolicy) -> Result<Checked, Refusal> {
    let trusted = TrustedKeys::new(vec![rsa().certificate().clone()]).unwrap();
    // The first key does not fit and is skipped.
    let own = DecryptionKeys::new(vec![rsa(), other_rsa()]);
    Posted::from_form(&post::encode(xml), &Limits::default())?
        .verify_or_decrypt(&trusted, policy, Some(&own))?
        .check(&expectations())
}

fn code(xml: &str) -> String {
    let refusal = judge_response(xml, SignaturePolicy::Either).unwrap_err();
    refusal.code().to_owned()
}

#[test]
fn every_cipher_with_every_cover_is_accepted() {
    for cipher in ContentCipher::ALL {
        for oaep_sha256 in [true, false] {
            for (of_response, of_assertion, policy) in [
                (false, true, SignaturePolicy::Assertion),
                (true, false, SignaturePolicy::Response),
                (true, true, SignaturePolicy::Both),
            ] {
                let signer = Signer {
                    response: of_response,
                    assertion: of_assertion,
                    ..signer()
                };
                let encryption = Encryption {
                    oaep_sha256,
                    ..encryption(cipher)
                };
                let xml = signer.sign_encrypted(&response(), &encryption).unwrap();
                assert!(!xml.contains("anna@"), "{xml}");
                let checked = judge_response(&xml, policy).unwrap();
                assert_eq!(checked.name_id().value, "anna@corp.example");
            }
        }
    }
}

#[test]
fn encryption_does_not_replace_a_signature() {
    let unsigned = Signer {
        response: false,
        assertion: false,
        ..signer()
    };
    let foreign = Signer {
        response: false,
        key: other_rsa(),
        ..signer()
    };
    let gcm = encryption(ContentCipher::Aes256Gcm);
    for (signer, because) in [(unsigned, "not-signed: "), (foreign, "signature-invalid: ")] {
        let xml = signer.sign_encrypted(&response(), &gcm).unwrap();
        let refusal = judge_response(&xml, SignaturePolicy::Either).unwrap_err();
        assert_eq!(refusal.code(), "encrypted-assertion");
        assert!(refusal.private().contains(because), "{refusal}");
    }
}

#[test]
fn every_decryption_error_is_the_same_refusal() {
    // Only the assertion is signed, so an attacker can change the ciphertext.
    let signer = Signer {
        response: false,
        assertion: true,
        ..signer()
    };
    let sign = |encryption: &Encryption| signer.sign_encrypted(&response(), encryption).unwrap();
    for cipher in ContentCipher::ALL {
        let xml = sign(&encryption(cipher));
        // The last `CipherValue` is that of the content.
        let at = xml.rfind("</xenc:CipherValue>").unwrap();
        for distance in (2..2000).step_by(37) {
            let mut changed = xml.clone().into_bytes();
            let byte = &mut changed[at - distance];
            *byte = if *byte == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            let refusal = judge_response(&changed, SignaturePolicy::Either).unwrap_err();
            let refused = (refusal.code(), refusal.public(), refusal.next());
            let one = saml::acceptance::Code::EncryptedAssertion;
            let answer = "The answer of your identity provider could not be accepted.";
            assert_eq!(
                refused,
                (one.name(), answer, one.next()),
                "{cipher:?}, {distance}"
            );
        }
    }
    let for_others = Encryption {
        recipient: support::ec().certificate().clone(),
        ..encryption(ContentCipher::Aes128Gcm)
    };
    assert!(for_others.encrypt("<a/>").is_err());
}

/// Returns the only `EncryptedKey` of a message.
fn encrypted_key(xml: &str) -> &str {
    let start = xml.find("<xenc:EncryptedKey").unwrap();
    let end = xml.find("</xenc:EncryptedKey>").unwrap() + "</xenc:EncryptedKey>".len();
    &xml[start..end]
}

#[test]
fn each_encrypted_key_is_tried() {
    let own = encryption(ContentCipher::Aes256Gcm);
    let xml = signer().sign_encrypted(&response(), &own).unwrap();
    // This one can be decrypted, too, but the content is encrypted with another key.
    let other = Encryption {
        recipient: rsa().certificate().clone(),
        ..own
    };
    let other = signer().sign_encrypted(&response(), &other).unwrap();
    let (own, other) = (encrypted_key(&xml), encrypted_key(&other));
    let pkcs1 = other.replace(
        "http://www.w3.org/2009/xmlenc11#rsa-oaep",
        "http://www.w3.org/2001/04/xmlenc#rsa-1_5",
    );
    for keys in [
        format!("{other}{own}"),
        format!("{own}{other}"),
        format!("{pkcs1}{own}"),
        format!("{}{own}", other.repeat(7)),
    ] {
        let checked = judge_response(&xml.replace(own, &keys), SignaturePolicy::Either);
        assert_eq!(checked.unwrap().name_id().value, "anna@corp.example");
    }
    for keys in [
        String::new(),
        format!("{other}{other}"),
        format!("{pkcs1}{pkcs1}"),
        format!("{}{own}", other.repeat(8)),
        own.replace("<xenc:CipherData>", &format!("{other}<xenc:CipherData>")),
    ] {
        assert_eq!(code(&xml.replace(own, &keys)), "encrypted-assertion");
    }
    // A key outside of KeyInfo.
    let namespaces = format!(
        "<xenc:EncryptedKey xmlns:xenc=\"{}\" xmlns:ds=\"{}\"",
        names::XENC,
        names::DSIG
    );
    let other = other.replacen("<xenc:EncryptedKey", &namespaces, 1);
    let end = "</xenc:EncryptedData>";
    let beside = xml.replace(end, &format!("{end}{other}"));
    assert_eq!(code(&beside), "encrypted-assertion");
}

#[test]
fn a_plain_assertion_beside_the_encrypted_one_is_refused() {
    let xml = signer()
        .sign_encrypted(&response(), &encryption(ContentCipher::Aes128Gcm))
        .unwrap();
    let plain = signer().sign(&response()).unwrap();
    let from = plain.find("<saml:Assertion").unwrap();
    let until = plain.find("</samlp:Response>").unwrap();
    let both = xml.replace(
        "<saml:EncryptedAssertion",
        &format!("{}<saml:EncryptedAssertion", &plain[from..until]),
    );
    assert_eq!(code(&both), "many-assertions");
}

#[test]
fn a_signed_response_is_verified_before_decryption() {
    let signer = Signer {
        response: true,
        assertion: false,
        ..signer()
    };
    let xml = signer
        .sign_encrypted(&response(), &encryption(ContentCipher::Aes128Cbc))
        .unwrap();
    let moved = xml.replace(
        "Destination=\"https://portal.example",
        "Destination=\"https://elsewhere.example",
    );
    assert_ne!(moved, xml);
    assert_eq!(code(&moved), "signature-invalid");
}

/// Returns a signed response with an encrypted NameID.
fn with_encrypted_name(signer: &Signer, cipher: ContentCipher) -> String {
    let draft = encryption(cipher).encrypt_name_ids(&response().to_xml());
    let draft = draft.unwrap();
    assert!(!draft.contains("anna@") && draft.contains("EncryptedID"));
    signer.sign_text(&draft).unwrap()
}

#[test]
fn an_encrypted_name_is_read_whatever_is_signed_or_encrypted_around_it() {
    for cipher in ContentCipher::ALL {
        for (of_response, of_assertion) in [(false, true), (true, false), (true, true)] {
            let signer = Signer {
                response: of_response,
                assertion: of_assertion,
                ..signer()
            };
            let xml = with_encrypted_name(&signer, cipher);
            let checked = judge_response(&xml, SignaturePolicy::Either).unwrap();
            assert_eq!(checked.name_id().value, "anna@corp.example");
        }
    }
    // An encrypted NameID inside an encrypted assertion.
    let xml = with_encrypted_name(&signer(), ContentCipher::Aes128Gcm);
    let twice = encryption(ContentCipher::Aes256Gcm).encrypt_assertions(&xml);
    let checked = judge_response(&twice.unwrap(), SignaturePolicy::Assertion).unwrap();
    assert_eq!(checked.name_id().value, "anna@corp.example");
}

#[test]
fn an_encrypted_name_that_was_exchanged_or_cannot_be_read_is_refused() {
    let xml = with_encrypted_name(&signer(), ContentCipher::Aes128Gcm);
    let other = with_encrypted_name(&signer(), ContentCipher::Aes128Gcm);
    let cut = |xml: &str| {
        let from = xml.find("<saml:EncryptedID").unwrap();
        let end = "</saml:EncryptedID>";
        (from, xml.find(end).unwrap() + end.len())
    };
    let (from, until) = cut(&other);
    let (start, end) = cut(&xml);
    let exchanged = format!("{}{}{}", &xml[..start], &other[from..until], &xml[end..]);
    assert_eq!(code(&exchanged), "signature-invalid");
    // Encrypted for another recipient.
    let theirs = Encryption {
        recipient: rsa().certificate().clone(),
        ..encryption(ContentCipher::Aes128Gcm)
    };
    let xml = theirs.encrypt_name_ids(&response().to_xml()).unwrap();
    let xml = signer().sign_text(&xml).unwrap();
    let trusted = TrustedKeys::new(vec![rsa().certificate().clone()]).unwrap();
    let own = DecryptionKeys::new(vec![other_rsa()]);
    let outcome = Posted::from_form(&post::encode(&xml), &Limits::default())
        .unwrap()
        .verify_or_decrypt(&trusted, SignaturePolicy::Either, Some(&own));
    assert_eq!(outcome.unwrap_err().code(), "encrypted-assertion");
    // Without a key, the refusal names what was received.
    let xml = with_encrypted_name(&signer(), ContentCipher::Aes128Gcm);
    assert_eq!(
        support::accept(&xml).unwrap_err().code(),
        "encrypted-assertion"
    );
}
