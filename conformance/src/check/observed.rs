//! Converts the evidence of `check scim` and `check sp`, which store exchanges in forms of their
//! own, to [`Exchange`]s.

use serde_json::Value;

use super::evidence::{Exchange, Saml};

/// Returns the exchanges in the evidence; none if it has another form.
pub(super) fn exchanges(evidence: &Value) -> Vec<Exchange> {
    match evidence {
        Value::Array(tape) => tape.iter().filter_map(scim).collect(),
        Value::Object(_) => login(evidence),
        _ => Vec::new(),
    }
}

/// Reads `{"request": {"method", "target", "headers", "body"}, "answer": …}`.
fn scim(kept: &Value) -> Option<Exchange> {
    let (request, answer) = (&kept["request"], &kept["answer"]);
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let answered = match &answer["none"] {
        Value::Null => text(&answer["body"]),
        reason => format!("no answer: {}", text(reason)),
    };
    Some(Exchange {
        from: "Rehearsal".to_owned(),
        to: "SCIM server".to_owned(),
        method: request["method"].as_str()?.to_owned(),
        url: request["target"].as_str()?.to_owned(),
        sent_headers: headers(&request["headers"]),
        sent: text(&request["body"]),
        status: status(&answer["status"]),
        answered_headers: headers(&answer["headers"]),
        answered,
        ..Exchange::default()
    })
}

/// Reads `{"sent": document, "answer": {"status", "url"}, "probe": body}`, and `field`, parts of the
/// form field if it is not the base64 of the document.
fn login(evidence: &Value) -> Vec<Exchange> {
    let (Some(sent), Some(probe)) = (evidence["sent"].as_str(), evidence["probe"].as_str()) else {
        return Vec::new();
    };
    let to_sp = |method: &str, url: &str| Exchange {
        from: "Browser".to_owned(),
        to: "SP".to_owned(),
        method: method.to_owned(),
        url: url.to_owned(),
        ..Exchange::default()
    };
    let destination = sent
        .split_once("Destination=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("the assertion consumer service", |(url, _)| url);
    let ended_at = evidence["answer"]["url"].as_str().unwrap_or_default();
    let reference = match evidence["reference"].as_str() {
        Some(reference) => format!("\nreference {reference}"),
        None => String::new(),
    };
    let field = match evidence["field"].as_str() {
        Some(field) => format!("SAMLResponse={field}"),
        None => String::new(),
    };
    let posted = Exchange {
        saml: vec![Saml {
            parameter: "SAMLResponse".to_owned(),
            binding: "HTTP-POST".to_owned(),
            xml: sent.to_owned(),
            ..Saml::default()
        }],
        sent: field,
        status: status(&evidence["answer"]["status"]),
        answered: format!("the browser ended at {ended_at}{reference}"),
        ..to_sp("POST", destination)
    };
    let probed = Exchange {
        answered: probe.to_owned(),
        ..to_sp("GET", "the probe URL")
    };
    vec![posted, probed]
}

fn status(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|it| u16::try_from(it).ok())
}

fn headers(value: &Value) -> Vec<(String, String)> {
    let members = value.as_object().into_iter().flatten();
    members
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}
