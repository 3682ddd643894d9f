//! The rules of the web browser SSO profile (saml-profiles §4.1.4.3), applied to a verified
//! response. All violations are collected, not only the first.

use jiff::{SignedDuration, Timestamp};

use super::claims::AssertionClaims;
use super::{Code, Refusal, Verified, Violation};
use crate::elapsed::{in_words, to_second};
use crate::message::{NameId, SubjectConfirmation};
use crate::names;

/// Whether the response answers a request of this service provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// It answers the request with this ID.
    Request(String),
    /// It answers no request (saml-profiles §4.1.5).
    Unsolicited,
}

/// The values that the response must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectations {
    /// Entity ID of the identity provider.
    pub idp_entity_id: String,
    /// Entity ID of the service provider.
    pub sp_entity_id: String,
    /// URL at which the response arrived.
    pub acs_url: String,
    /// The request that the response must answer, if any.
    pub in_response_to: Expected,
    /// Current time.
    pub now: Timestamp,
    /// Allowed clock skew between the two sides.
    pub clock_skew: SignedDuration,
}

impl Expectations {
    /// Describes a time that is too far in the future.
    fn too_early(&self, instant: Timestamp) -> String {
        format!(
            "{} or earlier, got {instant}, {} in the future ({} allowed): the identity provider's clock is ahead",
            to_second(self.now),
            in_words(instant.duration_since(self.now)),
            in_words(self.clock_skew)
        )
    }
}

/// An assertion that passed all checks; the service provider may use its claims.
#[derive(Debug, Clone)]
pub struct Checked {
    assertion: AssertionClaims,
    name_id: NameId,
    not_on_or_after: Timestamp,
}

impl Verified {
    /// Applies the rules of the profile.
    ///
    /// # Errors
    /// A [`Refusal`] with every violated rule.
    pub fn check(self, expected: &Expectations) -> Result<Checked, Refusal> {
        let mut found = Violations(Vec::new());
        self.check_response(expected, &mut found);
        let assertion = &self.assertion;
        found.add_unless(assertion.version == "2.0", Code::Version, || {
            format!("expected Assertion/@Version 2.0, got {}", assertion.version)
        });
        found.add_unless(
            assertion.issuer == expected.idp_entity_id,
            Code::WrongIssuer,
            || {
                format!(
                    "expected Assertion/Issuer {}, got {}",
                    expected.idp_entity_id, assertion.issuer
                )
            },
        );
        let until = check_confirmations(assertion, expected, &mut found);
        check_conditions(assertion, expected, &mut found);
        check_statements(assertion, expected, &mut found);
        let name_id = assertion
            .name_id
            .clone()
            .filter(|name| !name.value.is_empty());
        found.add_unless(name_id.is_some(), Code::NoNameId, || {
            "expected a <NameID> with a value in <Subject>, found none".into()
        });
        let refusal = Refusal::of(found.0);
        match (refusal, name_id, until) {
            (None, Some(name_id), Some(not_on_or_after)) => Ok(Checked {
                assertion: self.assertion,
                name_id,
                not_on_or_after,
            }),
            (Some(refusal), _, _) => Err(refusal),
            (None, _, _) => Err(Refusal::new(
                Code::NoBearerConfirmation,
                "expected a bearer confirmation with NotOnOrAfter",
            )),
        }
    }

    fn check_response(&self, expected: &Expectations, found: &mut Violations) {
        let response = &self.response;
        found.add_unless(response.version == "2.0", Code::Version, || {
            format!("expected Response/@Version 2.0, got {}", response.version)
        });
        if response.issuer.is_none() && self.response_signed {
            // A signed Response must have an Issuer (saml-profiles §4.1.4.2).
            found.add(
                Code::WrongIssuer,
                format!(
                    "expected Response/Issuer {}, as in every signed Response, found none",
                    expected.idp_entity_id
                ),
            );
        }
        if let Some(issuer) = &response.issuer {
            found.add_unless(*issuer == expected.idp_entity_id, Code::WrongIssuer, || {
                format!(
                    "expected Response/Issuer {}, got {issuer}",
                    expected.idp_entity_id
                )
            });
        }
        let destination = response.destination.as_deref().unwrap_or_default();
        let optional = !self.response_signed && destination.is_empty();
        found.add_unless(
            optional || destination == expected.acs_url,
            Code::WrongDestination,
            || {
                format!(
                    "expected Response/@Destination {}, got {destination:?}",
                    expected.acs_url
                )
            },
        );
        match (&expected.in_response_to, &response.in_response_to) {
            (Expected::Request(id), Some(got)) => {
                found.add_unless(got == id, Code::WrongInResponseTo, || {
                    format!("expected Response/@InResponseTo {id}, got {got}")
                });
            }
            (Expected::Request(id), None) => found.add(
                Code::WrongInResponseTo,
                format!("expected Response/@InResponseTo {id}, found none"),
            ),
            (Expected::Unsolicited, Some(got)) => found.add(
                Code::Unsolicited,
                format!(
                    "expected no Response/@InResponseTo, because no request is open, got {got}"
                ),
            ),
            (Expected::Unsolicited, None) => {}
        }
    }
}

/// Requires one valid bearer confirmation and returns its NotOnOrAfter (saml-profiles §4.1.4.3). If
/// none is valid, reports the violations of the last one.
fn check_confirmations(
    assertion: &AssertionClaims,
    expected: &Expectations,
    found: &mut Violations,
) -> Option<Timestamp> {
    let mut last = Violations(Vec::new());
    let bearer = assertion
        .confirmations
        .iter()
        .filter(|confirmation| confirmation.method == names::BEARER);
    for confirmation in bearer {
        last = Violations(Vec::new());
        check_confirmation(confirmation, expected, &mut last);
        if last.0.is_empty() {
            return confirmation.not_on_or_after;
        }
    }
    if last.0.is_empty() {
        last.add(
            Code::NoBearerConfirmation,
            format!(
                "expected <SubjectConfirmation Method=\"{}\">, found none",
                names::BEARER
            ),
        );
    }
    found.0.append(&mut last.0);
    None
}

fn check_confirmation(
    confirmation: &SubjectConfirmation,
    expected: &Expectations,
    found: &mut Violations,
) {
    let recipient = confirmation.recipient.as_deref().unwrap_or_default();
    found.add_unless(recipient == expected.acs_url, Code::WrongRecipient, || {
        format!(
            "expected SubjectConfirmationData/@Recipient {}, got {recipient:?}",
            expected.acs_url
        )
    });
    match confirmation.not_on_or_after {
        None => found.add(
            Code::NoBearerConfirmation,
            "expected SubjectConfirmationData/@NotOnOrAfter, found none".into(),
        ),
        Some(until) => {
            found.require_before(expected, until, "SubjectConfirmationData/@NotOnOrAfter")
        }
    }
    found.add_unless(
        confirmation.not_before.is_none(),
        Code::NoBearerConfirmation,
        || "expected no NotBefore on a bearer SubjectConfirmationData, found one".into(),
    );
    match (&expected.in_response_to, &confirmation.in_response_to) {
        (Expected::Request(id), got) => {
            found.add_unless(got.as_ref() == Some(id), Code::WrongInResponseTo, || {
                let got = got.as_deref().unwrap_or("none");
                format!("expected SubjectConfirmationData/@InResponseTo {id}, got {got}")
            });
        }
        (Expected::Unsolicited, Some(got)) => found.add(
            Code::Unsolicited,
            format!("expected no SubjectConfirmationData/@InResponseTo, got {got}"),
        ),
        (Expected::Unsolicited, None) => {}
    }
}

fn check_conditions(assertion: &AssertionClaims, expected: &Expectations, found: &mut Violations) {
    if let Some(from) = assertion.not_before {
        found.add_unless(
            expected.now + expected.clock_skew >= from,
            Code::NotYetValid,
            || {
                format!(
                    "expected Conditions/@NotBefore {}",
                    expected.too_early(from)
                )
            },
        );
    }
    let latest = expected.now + expected.clock_skew;
    found.add_unless(assertion.issue_instant <= latest, Code::NotYetValid, || {
        format!(
            "expected Assertion/@IssueInstant by {}, got {}",
            to_second(expected.now),
            assertion.issue_instant
        )
    });
    if let Some(until) = assertion.not_on_or_after {
        found.require_before(expected, until, "Conditions/@NotOnOrAfter");
    }
    let restrictions = &assertion.audience_restrictions;
    let addressed = !restrictions.is_empty()
        && restrictions
            .iter()
            .all(|audiences| audiences.contains(&expected.sp_entity_id));
    found.add_unless(addressed, Code::WrongAudience, || {
        let got: Vec<String> = restrictions.iter().map(|all| all.join(" or ")).collect();
        let got = if got.is_empty() {
            "none".into()
        } else {
            got.join(" and ")
        };
        format!("expected the audience {}, got {got}", expected.sp_entity_id)
    });
    for condition in &assertion.unknown_conditions {
        found.add(
            Code::UnknownCondition,
            format!("expected only conditions of saml-core §2.5.1, got <{condition}>"),
        );
    }
}

fn check_statements(assertion: &AssertionClaims, expected: &Expectations, found: &mut Violations) {
    found.add_unless(
        !assertion.statements.is_empty(),
        Code::NoAuthnStatement,
        || "expected an <AuthnStatement>, found none".into(),
    );
    for statement in &assertion.statements {
        if let Some(until) = statement.session_not_on_or_after {
            found.require_before(expected, until, "AuthnStatement/@SessionNotOnOrAfter");
        }
    }
}

struct Violations(Vec<Violation>);

impl Violations {
    fn add(&mut self, code: Code, detail: String) {
        self.0.push(Violation { code, detail });
    }

    fn add_unless(&mut self, holds: bool, code: Code, detail: impl FnOnce() -> String) {
        if !holds {
            self.add(code, detail());
        }
    }

    /// Requires that `now` is before `until`, allowing for clock skew.
    fn require_before(&mut self, expected: &Expectations, until: Timestamp, place: &str) {
        let holds = expected.now - expected.clock_skew < until;
        self.add_unless(holds, Code::Expired, || {
            format!(
                "expected {place} later than {}, got {until}, {} ago ({} allowed)",
                to_second(expected.now),
                in_words(expected.now.duration_since(until)),
                in_words(expected.clock_skew)
            )
        });
    }
}

impl Checked {
    /// Returns the entity ID of the identity provider that issued the assertion.
    pub fn issuer(&self) -> &str {
        &self.assertion.issuer
    }

    /// Returns the ID of the assertion. Using it twice within its validity is a replay
    /// (saml-profiles §4.1.4.5).
    pub fn assertion_id(&self) -> &str {
        &self.assertion.id
    }

    /// Returns the NameID of the subject.
    pub fn name_id(&self) -> &NameId {
        &self.name_id
    }

    /// Returns the values of the attribute with exactly this name.
    pub fn attribute(&self, name: &str) -> Option<&[String]> {
        let all = self.assertion.attributes.iter();
        all.clone()
            .find(|(known, _)| known == name)
            .map(|(_, values)| values.as_slice())
    }

    /// Returns all attributes, in order.
    pub fn attributes(&self) -> &[(String, Vec<String>)] {
        &self.assertion.attributes
    }

    /// Returns the SessionIndex of the identity provider's session.
    pub fn session_index(&self) -> Option<&str> {
        self.assertion
            .statements
            .iter()
            .find_map(|one| one.session_index.as_deref())
    }

    /// Returns when the identity provider's session ends, if the assertion says so.
    pub fn session_not_on_or_after(&self) -> Option<Timestamp> {
        let ends = self.assertion.statements.iter();
        ends.filter_map(|one| one.session_not_on_or_after).min()
    }

    /// Returns the authentication context class of the sign-on (saml-core §2.7.2.2).
    pub fn authn_context_class(&self) -> Option<&str> {
        let mut all = self.assertion.statements.iter();
        all.find_map(|one| one.class_ref.as_deref())
    }

    /// Returns the end of the assertion's validity, exclusive and without clock skew. Its ID must
    /// be remembered until this time plus the clock skew.
    pub fn not_on_or_after(&self) -> Timestamp {
        self.not_on_or_after
    }

    /// Returns when the identity provider issued the assertion.
    pub fn issue_instant(&self) -> Timestamp {
        self.assertion.issue_instant
    }

    /// Returns when the subject signed on.
    pub fn authn_instant(&self) -> Option<Timestamp> {
        self.assertion
            .statements
            .first()
            .map(|one| one.authn_instant)
    }
}
