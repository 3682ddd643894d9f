//! The rules of single logout (saml-profiles §4.4.4), applied to an authenticated message.

use jiff::{SignedDuration, Timestamp};

use super::Authenticated;
use crate::acceptance::{Code, Refusal, Violation};
use crate::elapsed::{in_words, to_second};
use crate::encryption::DecryptionKeys;
use crate::message::{LogoutRequest, LogoutResponse, NameId, Principal};

/// The values that a logout message must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutExpectations {
    /// Entity ID of the sender.
    pub issuer: String,
    /// URL at which the message arrived.
    pub destination: String,
    /// For a LogoutResponse: the request that it must answer.
    pub in_response_to: Option<String>,
    /// Current time.
    pub now: Timestamp,
    /// Allowed clock skew between the two sides.
    pub clock_skew: SignedDuration,
    /// Largest age of a message; its ID must be remembered this long.
    pub lifetime: SignedDuration,
}

/// A logout message that passed all checks. A request also has its subject, decrypted if necessary.
#[derive(Debug, Clone)]
pub struct Honored<M, Subject = ()> {
    message: M,
    subject: Subject,
    relay_state: Option<String>,
    until: Timestamp,
}

impl<M, Subject> Honored<M, Subject> {
    /// Returns the message.
    pub fn message(&self) -> &M {
        &self.message
    }

    /// Returns the sender's `RelayState`, to be returned unchanged.
    pub fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }

    /// Returns when the message is no longer accepted. Its ID must be remembered until then, so
    /// that it cannot be replayed.
    pub fn until(&self) -> Timestamp {
        self.until
    }
}

impl Honored<LogoutRequest, NameId> {
    /// Returns the NameID of the subject whose sessions end.
    pub fn name_id(&self) -> &NameId {
        &self.subject
    }
}

/// The parts that requests and responses have in common.
struct Head<'m> {
    kind: &'static str,
    issuer: &'m str,
    destination: Option<&'m str>,
    issue_instant: Timestamp,
}

impl LogoutExpectations {
    fn judge(&self, head: &Head<'_>) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut unless = |holds: bool, code: Code, detail: String| {
            if !holds {
                found.push(Violation { code, detail });
            }
        };
        let Head { kind, issuer, .. } = head;
        unless(
            *issuer == self.issuer,
            Code::WrongIssuer,
            format!("expected {kind}/Issuer {}, got {issuer}", self.issuer),
        );
        let destination = head.destination.unwrap_or_default();
        unless(
            destination == self.destination,
            Code::WrongDestination,
            format!(
                "expected {kind}/@Destination {}, got {destination:?}",
                self.destination
            ),
        );
        let got = head.issue_instant;
        unless(
            got <= self.now + self.clock_skew,
            Code::NotYetValid,
            format!(
                "expected {kind}/@IssueInstant {} or earlier, got {got}, {} in the future ({} allowed)",
                to_second(self.now),
                in_words(got.duration_since(self.now)),
                in_words(self.clock_skew)
            ),
        );
        unless(
            self.end(got) > self.now,
            Code::Expired,
            format!(
                "expected {kind}/@IssueInstant at most {} seconds before {}, got {got}",
                self.lifetime.as_secs(),
                to_second(self.now)
            ),
        );
        found
    }

    fn end(&self, issued: Timestamp) -> Timestamp {
        issued
            .saturating_add(self.lifetime)
            .and_then(|end| end.saturating_add(self.clock_skew))
            .unwrap_or(issued)
    }
}

impl Authenticated<LogoutRequest> {
    /// Applies the rules for a request, and decrypts an encrypted NameID.
    ///
    /// # Errors
    /// A [`Refusal`] with every violated rule.
    pub fn check(
        self,
        expected: &LogoutExpectations,
        decryption: Option<&DecryptionKeys>,
    ) -> Result<Honored<LogoutRequest, NameId>, Refusal> {
        let request = &self.message;
        let mut found = expected.judge(&Head {
            kind: "LogoutRequest",
            issuer: &request.issuer,
            destination: request.destination.as_deref(),
            issue_instant: request.issue_instant,
        });
        if let Some(until) = request.not_on_or_after
            && expected.now - expected.clock_skew >= until
        {
            found.push(Violation {
                code: Code::Expired,
                detail: format!(
                    "expected LogoutRequest/@NotOnOrAfter later than {}, got {until}, {} ago ({} allowed)",
                    to_second(expected.now),
                    in_words(expected.now.duration_since(until)),
                    in_words(expected.clock_skew)
                ),
            });
        }
        let name_id = match &request.principal {
            Principal::Named(name) => Ok(name.clone()),
            Principal::Encrypted(name) => match decryption {
                Some(keys) => keys.name_id(name),
                None => Err("there is no key to decrypt the <EncryptedID>".to_owned()),
            },
        };
        match &name_id {
            Ok(name) if name.value.is_empty() => found.push(Violation {
                code: Code::NoNameId,
                detail: "expected a <NameID> with a value, got an empty one".into(),
            }),
            Ok(_) => {}
            Err(detail) => found.push(Violation {
                code: Code::EncryptedAssertion,
                detail: detail.clone(),
            }),
        }
        match (Refusal::of(found), name_id) {
            (None, Ok(subject)) => Ok(Honored {
                until: expected.end(request.issue_instant),
                subject,
                relay_state: self.relay_state,
                message: self.message,
            }),
            (Some(refusal), _) => Err(refusal),
            (None, Err(detail)) => Err(Refusal::new(Code::EncryptedAssertion, detail)),
        }
    }
}

impl Authenticated<LogoutResponse> {
    /// Applies the rules for a response. The caller judges its status: a failed logout is a valid
    /// response too.
    ///
    /// # Errors
    /// A [`Refusal`] with every violated rule.
    pub fn check(self, expected: &LogoutExpectations) -> Result<Honored<LogoutResponse>, Refusal> {
        let response = &self.message;
        let mut found = expected.judge(&Head {
            kind: "LogoutResponse",
            issuer: &response.issuer,
            destination: response.destination.as_deref(),
            issue_instant: response.issue_instant,
        });
        if response.in_response_to != expected.in_response_to {
            found.push(Violation {
                code: Code::WrongInResponseTo,
                detail: format!(
                    "expected LogoutResponse/@InResponseTo {}, got {}",
                    expected.in_response_to.as_deref().unwrap_or("none"),
                    response.in_response_to.as_deref().unwrap_or("none"),
                ),
            });
        }
        match Refusal::of(found) {
            Some(refusal) => Err(refusal),
            None => Ok(Honored {
                until: expected.end(response.issue_instant),
                subject: (),
                relay_state: self.relay_state,
                message: self.message,
            }),
        }
    }
}
