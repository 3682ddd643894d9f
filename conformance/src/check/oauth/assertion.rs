//! Client assertions (RFC 7523 §3): valid ones, and ones with a fault.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::key::{ClientKey, SigningKey, unsigned_jwt};

/// Validity of an assertion, in seconds.
const LIFE: i64 = 300;
/// More than any allowed difference of clocks, in seconds.
const LONG: i64 = 24 * 3600;
/// Someone who has nothing to do with the client or the server.
const ELSEWHERE: &str = "https://another.example";

/// What is wrong with an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionFault {
    /// `aud` names another server.
    Audience,
    /// `iss` names somebody else.
    Issuer,
    /// `sub` names another client.
    Subject,
    /// `exp` is in the past.
    Expired,
    /// There is no `exp`.
    NoExpiry,
    /// `nbf` is in the future.
    NotYet,
    /// It has no signature, and `alg` is `none`.
    Unsigned,
    /// Another key has signed it.
    OtherKey,
    /// A claim was changed after it was signed.
    Changed,
}

/// Who asserts, with which key.
#[derive(Debug, Clone)]
pub(super) struct Asserter<'a> {
    pub(super) issuer: &'a str,
    pub(super) subject: &'a str,
    pub(super) audience: &'a str,
    pub(super) signer: Signer<'a>,
}

/// What signs assertions.
#[derive(Debug, Clone)]
pub(super) enum Signer<'a> {
    Secret(&'a str),
    Key(&'a ClientKey),
}

impl Signer<'_> {
    fn key(&self) -> SigningKey {
        match self {
            Self::Secret(secret) => SigningKey::Secret(secret.as_bytes().to_vec()),
            Self::Key(key) => key.key.clone(),
        }
    }

    fn header(&self) -> Value {
        match self {
            Self::Secret(_) => json!({"typ": "JWT"}),
            Self::Key(key) => key.header(),
        }
    }
}

impl Asserter<'_> {
    fn claims(&self, now: Timestamp, jti: &str, fault: Option<AssertionFault>) -> Value {
        let is = |wanted| fault == Some(wanted);
        let other_subject = format!("another-{}", self.subject);
        let mut at = now.as_second();
        if is(AssertionFault::Expired) {
            at -= LONG;
        }
        let mut claims = json!({
            "iss": if is(AssertionFault::Issuer) { ELSEWHERE } else { self.issuer },
            "sub": if is(AssertionFault::Subject) { &other_subject } else { self.subject },
            "aud": if is(AssertionFault::Audience) { ELSEWHERE } else { self.audience },
            "jti": jti,
            "iat": at,
            "exp": at + LIFE,
        });
        if is(AssertionFault::NoExpiry)
            && let Some(claims) = claims.as_object_mut()
        {
            claims.remove("exp");
        }
        if is(AssertionFault::NotYet) {
            claims["nbf"] = (at + LONG).into();
            claims["exp"] = (at + LONG + LIFE).into();
        }
        claims
    }

    /// Returns an assertion, valid or with this fault.
    pub(super) fn assertion(
        &self,
        now: Timestamp,
        jti: &str,
        fault: Option<AssertionFault>,
    ) -> Result<String, String> {
        let (key, header) = (self.signer.key(), self.signer.header());
        let claims = self.claims(now, jti, fault);
        match fault {
            Some(AssertionFault::Unsigned) => Ok(unsigned_jwt(header, &claims)),
            Some(AssertionFault::OtherKey) => key.other()?.jwt(header, &claims),
            Some(AssertionFault::Changed) => {
                let signed = key.jwt(header.clone(), &claims)?;
                let mut changed = claims;
                changed["jti"] = format!("{jti}-changed").into();
                let forged = key.jwt(header, &changed)?;
                // Header and claims of one, signature of the other.
                let (unsigned, _) = forged.rsplit_once('.').unwrap_or_default();
                let (_, signature) = signed.rsplit_once('.').unwrap_or_default();
                Ok(format!("{unsigned}.{signature}"))
            }
            _ => key.jwt(header, &claims),
        }
    }

    /// Returns assertions with a MAC by HS256 whose secret is the public key of the client: one
    /// for each form of the key. Empty if the client signs with a secret.
    pub(super) fn by_public_key(&self, now: Timestamp, jti: &str) -> Vec<String> {
        let keys = self.signer.key().public_as_secrets();
        let each = keys.iter().enumerate().filter_map(|(number, key)| {
            let claims = self.claims(now, &format!("{jti}-{number}"), None);
            key.jwt(self.signer.header(), &claims).ok()
        });
        each.collect()
    }
}
