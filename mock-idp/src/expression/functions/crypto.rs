//! `#crypto`: functions for HMAC.

use hmac::{Hmac, KeyInit as _, Mac as _};

use super::{Answer, Value, text};

macro_rules! digest {
    ($hash:ty, $key:expr, $data:expr) => {
        Hmac::<$hash>::new_from_slice($key)
            .map_err(|error| error.to_string())?
            .chain_update($data)
            .finalize()
            .into_bytes()
            .to_vec()
    };
}

fn hmac(data: &[u8], key: &[u8], algorithm: &str) -> Result<Vec<u8>, String> {
    Ok(match algorithm {
        "HmacMD5" => digest!(md5::Md5, key, data),
        "HmacSHA1" => digest!(sha1::Sha1, key, data),
        "HmacSHA224" => digest!(sha2::Sha224, key, data),
        "HmacSHA256" => digest!(sha2::Sha256, key, data),
        "HmacSHA384" => digest!(sha2::Sha384, key, data),
        "HmacSHA512" => digest!(sha2::Sha512, key, data),
        other => {
            return Err(format!(
                "expected HmacMD5, HmacSHA1, HmacSHA224, HmacSHA256, HmacSHA384 or HmacSHA512, got {other}"
            ));
        }
    })
}

fn hex_digest(arguments: &[Value]) -> Answer {
    let (Some(data), Some(key), Some(algorithm)) = (
        text(arguments, 0)?,
        text(arguments, 1)?,
        text(arguments, 2)?,
    ) else {
        return Err("expected data, a key and an algorithm, got null".into());
    };
    let digest = hmac(data.as_bytes(), key.as_bytes(), &algorithm)?;
    Ok(Value::Text(
        digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    ))
}

pub(super) fn call(function: &str, arguments: &[Value]) -> Option<Answer> {
    match function {
        "hmacHexDigest" => Some(hex_digest(arguments)),
        _ => None,
    }
}
