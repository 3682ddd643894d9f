//! Adds to a refusal what helps an administrator to find the cause: values from
//! the SAML message, and the certificates that were compared.

use jiff::Timestamp;
use saml::Limits;
use saml::acceptance::{Posted, UnverifiedSummary};
use saml::keys::Certificate;

use crate::configurator::{Integration, Step};
use crate::refusal::{Place, Refused};

/// Attributes whose values administrators may read. Of all other attributes the
/// list shows only the names.
const READABLE: [&str; 4] = ["name", "objectidentifier", "displayname", "groups"];

/// Reads a summary from the `SAMLResponse` form field. Nothing in it is
/// verified.
pub(super) fn summary(saml_response: &str) -> Option<UnverifiedSummary> {
    Posted::from_form(saml_response, &Limits::default())
        .ok()?
        .unverified_summary()
}

/// Adds values from the SAML message to the refusal.
pub(super) fn with_message(
    mut refused: Refused,
    integration: &Integration,
    message: Option<&UnverifiedSummary>,
    now: Timestamp,
) -> Refused {
    let Some(message) = message else {
        return refused;
    };
    if refused.code == "signature-invalid" {
        refused = with_certificates(refused, integration, message, now);
    }
    if refused.who.is_none() {
        refused.who = person(message);
    }
    refused.unasked = message.in_response_to.is_none();
    let audiences = (!message.audiences.is_empty()).then(|| message.audiences.join(", "));
    for (name, value) in [
        ("Issuer", message.issuer.clone()),
        ("NameID", message.name_id.clone()),
        ("Destination", message.destination.clone()),
        ("Audience", audiences),
        ("Response ID", message.response_id.clone()),
        ("Assertion ID", message.assertion_id.clone()),
        ("InResponseTo", message.in_response_to.clone()),
    ] {
        if let Some(value) = value {
            refused = refused.with_claim(name, value);
        }
    }
    for (name, values) in &message.attributes {
        let lower = name.to_lowercase();
        let short = lower.rsplit('/').next().unwrap_or_default();
        let is_readable = READABLE.contains(&short);
        let value = if is_readable {
            values.join(", ")
        } else {
            format!("(hidden, {} values)", values.len())
        };
        refused = refused.with_claim(&format!("Attribute {name}"), value);
    }
    refused
}

/// Returns the user that the message names: the e-mail address if there is one,
/// because administrators do not know opaque NameIDs.
fn person(message: &UnverifiedSummary) -> Option<String> {
    let is_address = |value: &&String| value.contains('@');
    let name_id = message.name_id.as_ref();
    let named = message
        .attributes
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("name"))
        .and_then(|(_, values)| values.first());
    let address = name_id.filter(is_address).or(named.filter(is_address));
    address.or(name_id).cloned()
}

/// Adds the certificates entered in step 4 and the one in the message, and a
/// remedy that depends on their comparison.
fn with_certificates(
    mut refused: Refused,
    integration: &Integration,
    message: &UnverifiedSummary,
    now: Timestamp,
) -> Refused {
    for certificate in &integration.certificates {
        refused = refused.with_fact(
            "Certificate in step 4",
            describe_certificate(certificate, now),
        );
    }
    let Some(named) = &message.signing_certificate else {
        refused
            .private
            .push_str("; the message contains no certificate");
        return refused;
    };
    refused = refused.with_claim(
        "Certificate in the message",
        describe_certificate(named, now),
    );
    let entered = integration
        .certificates
        .iter()
        .find(|entered| entered.der() == named.der());
    let place = Place::Step(Step::Saml);
    match entered {
        Some(entered) if entered.not_after() <= now => {
            let end = entered.not_after();
            refused.private.push_str(&format!(
                "; the message contains a certificate of step 4 that expired on {end}, and expired certificates are not used: {}",
                describe_certificate(entered, now)
            ));
            refused.with_remedy(
                place,
                "Have the identity provider sign with its current certificate; if it has none, renew it there and enter the new one in step 4.",
            )
        }
        Some(_) => {
            refused.private.push_str(
                "; the message contains a certificate of step 4, so its content was changed after it was signed",
            );
            refused
        }
        None => {
            refused.private.push_str(&format!(
                "; the message names another certificate than those of step 4: {}",
                describe_certificate(named, now)
            ));
            refused.with_remedy(
                place,
                "Compare the fingerprints below with the identity provider's current signing certificate. If it is the one in the message, enter it in step 4; if not, another party signed the message.",
            )
        }
    }
}

fn describe_certificate(certificate: &Certificate, now: Timestamp) -> String {
    let until = certificate.not_after();
    let expired = if until <= now { ", expired" } else { "" };
    format!(
        "{}, SHA-256 {}, valid from {} until {until}{expired}",
        certificate.subject(),
        certificate.fingerprint_sha256(),
        certificate.not_before(),
    )
}
