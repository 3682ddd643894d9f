//! Access tokens that a resource server must refuse, made from a valid one (RFC 9068 §4).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::{BigUint, RsaPublicKey};
use serde_json::Value;

use super::key::{SigningKey, decode_jwt, encode, public_as_secrets, unsigned_jwt};

/// How an access token is forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenForgery {
    /// Its last part is changed.
    Signature,
    /// A claim is changed, and the signature is kept.
    Claims,
    /// It is not signed: `alg` is `none`.
    Unsigned,
    /// Another key has signed it.
    OtherKey,
}

/// Returns the time when a JWT expires; `None` if it is no JWT or does not say.
pub fn expiry(token: &str) -> Option<Timestamp> {
    let (_, claims) = decode_jwt(token)?;
    Timestamp::from_second(claims["exp"].as_i64()?).ok()
}

/// Changes a character in the middle of a text, so that the bytes that it encodes change.
fn change_character(text: &str) -> String {
    let at = text.len() / 2;
    let change = |(place, sign): (usize, char)| match sign {
        _ if place != at => sign,
        'A' => 'B',
        _ => 'A',
    };
    text.chars().enumerate().map(change).collect()
}

impl TokenForgery {
    /// Returns the forged token; `None` if this token cannot be forged so, because it is no JWT
    /// or has another algorithm.
    pub fn of(self, token: &str) -> Option<String> {
        if self == Self::Signature {
            return Some(match token.rsplit_once('.') {
                Some((rest, signature)) => format!("{rest}.{}", change_character(signature)),
                None => change_character(token),
            });
        }
        let (header, mut claims) = decode_jwt(token)?;
        let signature = token.rsplit('.').next()?;
        match self {
            Self::Signature => None,
            Self::Claims => {
                // A later end changes what the server must check without making it invalid.
                claims["exp"] = (claims["exp"].as_i64()? + 1).into();
                Some(format!(
                    "{}.{}.{signature}",
                    encode(&header),
                    encode(&claims)
                ))
            }
            Self::Unsigned => Some(unsigned_jwt(header, &claims)),
            Self::OtherKey => {
                let key = match header["alg"].as_str()? {
                    "RS256" => SigningKey::Rsa(
                        aws_lc_rs::signature::RsaKeyPair::generate(
                            aws_lc_rs::rsa::KeySize::Rsa2048,
                        )
                        .ok()?
                        .into(),
                    ),
                    "ES256" => SigningKey::Ec(
                        aws_lc_rs::signature::EcdsaKeyPair::generate(
                            &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING,
                        )
                        .ok()?
                        .into(),
                    ),
                    "HS256" => SigningKey::Secret(b"another secret of some length".to_vec()),
                    _ => return None,
                };
                key.jwt(header, &claims).ok()
            }
        }
    }
}

/// Returns access tokens with a MAC by HS256 whose secret is the issuer's public key, one for each
/// form of the key; empty if the key is not in the key set.
pub(super) fn by_public_key(token: &str, keys: &Value) -> Vec<String> {
    let Some((header, claims)) = decode_jwt(token) else {
        return Vec::new();
    };
    let all = keys["keys"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let is_named = |key: &&Value| header["kid"].is_null() || key["kid"] == header["kid"];
    let secrets = all.iter().filter(is_named).filter_map(public_der);
    secrets
        .flat_map(|der| public_as_secrets(&der))
        .filter_map(|key| key.jwt(header.clone(), &claims).ok())
        .collect()
}

/// SubjectPublicKeyInfo of an EC P-256 key, before the point.
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Returns a public key as SubjectPublicKeyInfo in DER.
fn public_der(jwk: &Value) -> Option<Vec<u8>> {
    let part = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str()?).ok();
    match (jwk["kty"].as_str()?, jwk["crv"].as_str()) {
        ("RSA", _) => {
            let number = |name: &str| Some(BigUint::from_bytes_be(&part(name)?));
            let key = RsaPublicKey::new(number("n")?, number("e")?).ok()?;
            Some(key.to_public_key_der().ok()?.as_bytes().to_vec())
        }
        ("EC", Some("P-256")) => {
            let point = [vec![4], part("x")?, part("y")?].concat();
            Some([&P256_PREFIX[..], &point].concat())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn token() -> String {
        let key = SigningKey::Secret(b"secret".to_vec());
        let claims = json!({"sub": "c", "exp": 1_800_000_000});
        key.jwt(json!({"typ": "at+jwt"}), &claims).unwrap()
    }

    #[test]
    fn each_forgery_is_another_token() {
        let own = token();
        let mut all = vec![own.clone()];
        for forgery in [
            TokenForgery::Signature,
            TokenForgery::Claims,
            TokenForgery::Unsigned,
            TokenForgery::OtherKey,
        ] {
            all.push(forgery.of(&own).unwrap());
        }
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 5, "{all:?}");
        assert_eq!(expiry(&own).unwrap().as_second(), 1_800_000_000);
    }

    #[test]
    fn an_opaque_token_can_only_be_changed() {
        let opaque = "abcdefgh";
        assert_eq!(TokenForgery::Signature.of(opaque).unwrap(), "abcdAfgh");
        assert_eq!(TokenForgery::Claims.of(opaque), None);
        assert_eq!(expiry(opaque), None);
    }

    #[test]
    fn a_public_key_of_a_key_set_is_written_as_der() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let der = rcgen::PublicKeyData::subject_public_key_info(&pair);
        let raw = rcgen::PublicKeyData::der_bytes(&pair);
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let jwk =
            json!({"kty": "EC", "crv": "P-256", "x": part(&raw[1..33]), "y": part(&raw[33..])});
        assert_eq!(public_der(&jwk).unwrap(), der);
        assert_eq!(by_public_key(&token(), &json!({"keys": [jwk]})).len(), 3);
    }
}
