//! Faults with obsolete algorithms are true messages: who has the key and the algorithm can decrypt them.
#![allow(clippy::unwrap_used)]

mod world;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::block_padding::Iso10126;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use rsa::pkcs8::DecodePrivateKey as _;
use saml::encryption::{ContentCipher, OaepHash};

/// Returns the bytes of the CipherValue elements: the key, then the content.
fn cipher_values(xml: &str) -> [Vec<u8>; 2] {
    let mut parts = xml.split("<xenc:CipherValue>").skip(1);
    [(); 2].map(|()| {
        let text = parts.next().unwrap().split('<').next().unwrap();
        STANDARD.decode(text).unwrap()
    })
}

fn forge(id: &str) -> String {
    let all = faults::catalogue().unwrap();
    let fault = all.iter().find(|fault| fault.id == id).unwrap();
    world::forge(fault).unwrap().xml
}

fn is_assertion(plain: Vec<u8>) -> bool {
    let plain = String::from_utf8(plain).unwrap();
    plain.starts_with("<saml:Assertion ") && plain.ends_with("</saml:Assertion>")
}

#[test]
fn a_key_by_pkcs1_is_decrypted() {
    let xml = forge("encrypted-key-pkcs1");
    assert!(xml.contains("http://www.w3.org/2001/04/xmlenc#rsa-1_5"));
    let [key, content] = cipher_values(&xml);
    let private = rsa::RsaPrivateKey::from_pkcs8_pem(world::RECIPIENT.pkcs8_pem()).unwrap();
    let key = private.decrypt(rsa::Pkcs1v15Encrypt, &key).unwrap();
    let plain = ContentCipher::Aes256Gcm.decrypt(&key, &content);
    assert!(is_assertion(plain.unwrap()));
}

#[test]
fn an_assertion_in_triple_des_is_decrypted() {
    let xml = forge("encrypted-tripledes");
    let [key, content] = cipher_values(&xml);
    let key = OaepHash::Sha1.decrypt(&world::RECIPIENT, &key).unwrap();
    let (vector, blocks) = content.split_at(8);
    let cipher = cbc::Decryptor::<des::TdesEde3>::new_from_slices(&key, vector).unwrap();
    assert!(is_assertion(
        cipher.decrypt_padded_vec::<Iso10126>(blocks).unwrap()
    ));
}
