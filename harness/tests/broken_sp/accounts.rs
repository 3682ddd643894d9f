//! Accounts, the end of sessions, and refusals that say too much: flaws and their near misses.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jiff::{SignedDuration, Timestamp};
use rehearsal::inspection::encryption::{DecryptionError, DecryptionKey, decrypt};

use super::switches::MATERIAL;
use super::{Broken, Switch, USER};

/// The LDAP attribute mail.
const MAIL: &str = "urn:oid:0.9.2342.19200300.100.1.3";

/// The attribute eduPersonPrincipalName.
const PRINCIPAL_NAME: &str = "urn:oid:1.3.6.1.4.1.5923.1.1.1.6";

/// Returns an attribute without white space at its ends, as many libraries read it.
fn attribute_of(document: &str, name: &str) -> String {
    let document = roxmltree::Document::parse(document);
    let mail = document.as_ref().ok().and_then(|it| {
        let mut all = it.descendants();
        all.find(|node| node.attribute("Name") == Some(name))
    });
    let texts = mail.into_iter().flat_map(|it| it.descendants());
    let texts = texts.filter(|it| it.is_text());
    let value: String = texts.filter_map(|it| it.text()).collect();
    value.trim().to_owned()
}

impl Broken {
    /// Returns the end of a session. Without flaws it is the time that the assertion states.
    pub(super) fn session_end(&self, stated: Option<String>) -> Option<Timestamp> {
        let end: Timestamp = stated?.parse().ok()?;
        // Who accepts what has expired does not look at the end of the session either.
        let accepts_expired = self.has(|it| matches!(it, Switch::Waves("expired", _)));
        if accepts_expired || self.is_flawed("session-forgets-end") {
            return None;
        }
        // The same clock skew as for the assertion.
        let skew = SignedDuration::from_secs(60);
        Some(match self.is_flawed("session-ends-with-skew") {
            true => end + skew,
            false => end,
        })
    }

    /// Returns the answer of a flaw to this Response, if a flaw handles it.
    pub(super) fn unusual_answer(&self, document: &str) -> Option<Response> {
        let has = |text: &str| document.contains(text);
        let crashes = [
            ("jit-needs-attributes", !has("AttributeStatement")),
            ("jit-one-value", has(">second-")),
            ("jit-unique-case", has(&USER.to_uppercase())),
        ];
        if crashes.iter().any(|(flaw, is)| *is && self.is_flawed(flaw)) {
            return Some(StatusCode::INTERNAL_SERVER_ERROR.into_response());
        }
        let refusals = [
            ("jit-frozen", has("-changed</")),
            ("jit-by-mail", has(">renamed.")),
            ("jit-wants-attributes", !has("AttributeStatement")),
        ];
        if refusals
            .iter()
            .any(|(flaw, is)| *is && self.is_flawed(flaw))
        {
            return Some((StatusCode::FORBIDDEN, "account not found").into_response());
        }
        if !has("EncryptedAssertion") {
            return None;
        }
        let text = match decrypt_assertion(document) {
            Ok(text) if text.starts_with('<') => return None,
            Err(DecryptionError::Content) if self.is_flawed("oracle-padding") => "invalid padding",
            Err(DecryptionError::OtherKey) if self.is_flawed("oracle-key") => "invalid key",
            _ if self.is_flawed("oracle-reference") => {
                let reference = self.ambient.rng().hex(8);
                &format!("cannot decrypt (reference {reference}0)")
            }
            _ => return None,
        };
        Some((StatusCode::FORBIDDEN, text.to_owned()).into_response())
    }

    /// Returns the account that a flaw links this user to, by an attribute.
    pub(super) fn find_linked_account(&self, document: &str, user: String) -> String {
        if self.is_flawed("account-is-principal-name") {
            return attribute_of(document, PRINCIPAL_NAME);
        }
        // The texts of all its values, one after the other.
        let mail = attribute_of(document, MAIL);
        let is_linked = match () {
            () if user == USER => false,
            () if mail == USER => self.is_flawed("jit-links-by-mail"),
            () if mail.ends_with(USER) => self.is_flawed("jit-last-value"),
            () => self.is_flawed("jit-merges-case") && user.to_lowercase() == USER,
        };
        match is_linked {
            true => USER.to_owned(),
            false if self.is_flawed("shows-mail") => {
                format!("{user};mail={}", attribute_of(document, "mail"))
            }
            false => user,
        }
    }
}

/// Decrypts the assertion of a Response.
fn decrypt_assertion(document: &str) -> Result<String, DecryptionError> {
    let key = DecryptionKey::read(&MATERIAL.0)?;
    let document = rehearsal::inspection::parse(document).map_err(|_| DecryptionError::Content)?;
    let mut all = document.descendants();
    let encrypted = all.find(|it| it.tag_name().name() == "EncryptedAssertion");
    decrypt(encrypted.ok_or(DecryptionError::Content)?, &key)
}
