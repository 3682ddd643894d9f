//! The edits themselves.

use jiff::{SignedDuration, Timestamp};
use saml::message::{Assertion, Response};
use saml::names;

use super::{Edit, Fault, Ineffective};

fn ineffective(fault: &Fault, reason: impl Into<String>) -> Ineffective {
    Ineffective {
        fault: fault.id.clone(),
        reason: reason.into(),
    }
}

/// Applies what a fault amends in the draft.
pub(crate) fn draft(fault: &Fault, response: &mut Response) -> Result<(), Ineffective> {
    let before = response.clone();
    let mut meant = false;
    for edit in &fault.edits {
        match edit {
            Edit::Set { field, value } => {
                meant = true;
                set(response, field, value).map_err(|reason| ineffective(fault, reason))?;
            }
            Edit::Shift { seconds } => {
                meant = true;
                shift(response, SignedDuration::from_secs(*seconds));
            }
            _ => {}
        }
    }
    if meant && *response == before {
        return Err(ineffective(fault, "the draft says so already"));
    }
    Ok(())
}

fn set(response: &mut Response, field: &str, value: &str) -> Result<(), String> {
    let value = value.to_owned();
    match field {
        "destination" => response.destination = Some(value),
        "issuer" => {
            response.issuer = Some(value.clone());
            for assertion in &mut response.assertions {
                assertion.issuer.clone_from(&value);
            }
        }
        "audience" => {
            for assertion in &mut response.assertions {
                if let Some(conditions) = &mut assertion.conditions {
                    conditions.audience_restrictions = vec![vec![value.clone()]];
                }
            }
        }
        "recipient" => confirmations(response, |data| data.recipient = Some(value.clone())),
        "in-response-to" => {
            response.in_response_to = Some(value.clone());
            confirmations(response, |data| data.in_response_to = Some(value.clone()));
        }
        other => return Err(format!("expected a field that can be set, came {other}")),
    }
    Ok(())
}

fn confirmations(
    response: &mut Response,
    mut change: impl FnMut(&mut saml::message::SubjectConfirmation),
) {
    let subjects = response
        .assertions
        .iter_mut()
        .filter_map(|assertion| assertion.subject.as_mut());
    for confirmation in subjects.flat_map(|subject| &mut subject.confirmations) {
        change(confirmation);
    }
}

fn shift(response: &mut Response, by: SignedDuration) {
    let moved = |at: &mut Timestamp| {
        if let Ok(to) = at.saturating_add(by) {
            *at = to;
        }
    };
    let assertion_moved = |assertion: &mut Assertion| {
        moved(&mut assertion.issue_instant);
        if let Some(conditions) = &mut assertion.conditions {
            conditions.not_before.iter_mut().for_each(moved);
            conditions.not_on_or_after.iter_mut().for_each(moved);
        }
        for statement in &mut assertion.authn_statements {
            moved(&mut statement.authn_instant);
            statement.session_not_on_or_after.iter_mut().for_each(moved);
        }
    };
    moved(&mut response.issue_instant);
    response.assertions.iter_mut().for_each(assertion_moved);
    confirmations(response, |data| {
        data.not_before.iter_mut().for_each(moved);
        data.not_on_or_after.iter_mut().for_each(moved);
    });
}

/// How an answer is to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Rightly,
    Not,
    AnotherKey,
}

/// How the faults want the answer signed.
pub(crate) fn signing(faults: &[Fault]) -> Result<How, Ineffective> {
    for fault in faults {
        for edit in &fault.edits {
            if let Edit::Sign { how } = edit {
                return match how.as_str() {
                    "not" => Ok(How::Not),
                    "another-key" => Ok(How::AnotherKey),
                    other => Err(ineffective(
                        fault,
                        format!("expected not or another-key, came {other}"),
                    )),
                };
            }
        }
    }
    Ok(How::Rightly)
}

/// The document that a fault makes of the signed one.
pub(crate) fn signed(fault: &Fault, document: String) -> Result<String, Ineffective> {
    let before = document.clone();
    let mut document = document;
    let mut meant = false;
    for edit in &fault.edits {
        let changed = match edit {
            Edit::RenameSubject { value } => rename_subject(&document, value),
            Edit::NameSha1 => name_sha1(&document),
            Edit::Wrap { how, value } => wrap(&document, how, value),
            _ => continue,
        };
        meant = true;
        document = changed.ok_or_else(|| {
            ineffective(
                fault,
                "expected a signed document with an assertion about a subject",
            )
        })?;
    }
    if meant && document == before {
        return Err(ineffective(fault, "the document says so already"));
    }
    Ok(document)
}

fn span(document: &str, element: &str) -> Option<std::ops::Range<usize>> {
    let start = document.find(&format!("<{element} "))?;
    let close = format!("</{element}>");
    let end = document[start..].find(&close)? + start + close.len();
    Some(start..end)
}

fn rename_subject(document: &str, value: &str) -> Option<String> {
    let name = span(document, "saml:NameID")?;
    let from = document[name.clone()].find('>')? + name.start + 1;
    let to = document[from..].find('<')? + from;
    let escaped = value.replace('&', "&amp;").replace('<', "&lt;");
    Some(format!("{}{escaped}{}", &document[..from], &document[to..]))
}

/// The signature says that it is made with SHA-1. (The value stays what it
/// was: no key here signs with SHA-1.)
fn name_sha1(document: &str) -> Option<String> {
    let renamed = document
        .replace(
            names::RSA_SHA256,
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        )
        .replace(names::SHA256, "http://www.w3.org/2000/09/xmldsig#sha1");
    (renamed != document).then_some(renamed)
}

/// A forged assertion in two pieces, between which the signed one may stand.
fn wrap(document: &str, how: &str, subject: &str) -> Option<String> {
    let assertion = span(document, "saml:Assertion")?;
    let original = &document[assertion.clone()];
    let mut forged = rename_subject(original, subject)?;
    if let Some(signature) = span(&forged, "ds:Signature") {
        forged.replace_range(signature, "");
    }
    let id_from = forged.find(" ID=\"")? + 5;
    forged.insert_str(id_from, "_forged");
    let put = match how {
        "sibling" => format!("{forged}{original}"),
        "parent" => {
            let at = forged.find("</saml:Issuer>")? + "</saml:Issuer>".len();
            format!("{}{original}{}", &forged[..at], &forged[at..])
        }
        _ => return None,
    };
    let (before, after) = (&document[..assertion.start], &document[assertion.end..]);
    Some(format!("{before}{put}{after}"))
}
