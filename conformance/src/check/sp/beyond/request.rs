//! Checks of the AuthnRequest (saml-core §3.4.1, saml-profiles §4.1.4.1). Each check looks at
//! the requests of three logins.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use roxmltree::Node;
use saml::metadata::SpMetadata;
use serde_json::json;
use url::form_urlencoded;

use super::super::login::Request;
use super::{Beyond, Judged, Stop, holds, judge_complaints, rows, skip};
use crate::check::Harm;
use crate::inspection::certificate::Certificate;
use crate::inspection::signature::{is_strong_digest, is_strong_method, signatures, verify_value};
use crate::inspection::{child, ns, parse, schema, text};

rows! {
"SAML-SP-REQ-01", Must, Harm::Style, "saml-core §3.4.1"; "The AuthnRequest is valid against the schema";
    expects "only the elements and attributes that saml-schema-protocol-2.0.xsd allows, in its order";
    fix "Let the SAML library write the AuthnRequest, and put elements of your own namespace into Extensions.";
    judge_schema
"SAML-SP-REQ-02", Must, Harm::Protection, "saml-core §1.3.4"; "Every AuthnRequest has a different ID that cannot be guessed";
    expects "a valid xs:ID that is never used twice, with at least 16 random characters";
    fix "Create the ID from at least 128 random bits, and begin it with a letter or an underscore.";
    judge_unique_ids
"SAML-SP-REQ-03", Must, Harm::Protection, "saml-bindings §3.4.5.2, §3.5.5.2"; "The Destination of a signed AuthnRequest is the URL that it is sent to";
    expects "Destination with the SingleSignOnService URL of the identity provider's metadata; only an unsigned request may have no Destination";
    fix "Set Destination to the Location of the SingleSignOnService that the request is sent to.";
    judge_destination
"SAML-SP-REQ-04", Should, Harm::Function, "saml-core §3.4.1"; "The AuthnRequest asks for an assertion consumer service that is in the metadata";
    expects "an AssertionConsumerServiceURL or AssertionConsumerServiceIndex that is in the metadata, or neither";
    fix "Publish every assertion consumer service in the metadata, with exactly the URL that requests contain: identity providers refuse all other URLs.";
    judge_acs
"SAML-SP-REQ-05", Must, Harm::Function, "saml-profiles §4.1.4.1"; "The Issuer of the AuthnRequest is the entity ID";
    expects "the entityID of the metadata";
    fix "Use the same entity ID in the metadata and in requests.";
    judge_issuer
"SAML-SP-REQ-06", Must, Harm::Protection, "saml-metadata §2.4.4"; "Requests are signed as the metadata says";
    expects "with AuthnRequestsSigned=\"true\" in the metadata, a signature on every request; and every signature verifies with a signing key of the metadata";
    fix "Sign requests with the key whose certificate is in the metadata: with the HTTP-Redirect binding in the query, with HTTP-POST in the message.";
    judge_signature
"SAML-SP-REQ-07", Must, Harm::Function, "saml-bindings §3.4.3"; "RelayState has at most 80 bytes";
    expects "80 bytes or fewer";
    fix "Send a short random identifier as RelayState, and store the state on the server under it.";
    judge_relay_state_length
"SAML-SP-REQ-08", May, Harm::Protection, "saml-bindings §3.4.3"; "RelayState contains no URL or path";
    expects "a RelayState that is not a URL or a path: an attacker who changes it would choose where the browser goes after the login";
    fix "Send a random identifier as RelayState, and store the URL on the server under it.";
    judge_opaque_relay_state
"SAML-SP-REQ-09", Must, Harm::Function, "saml-core §1.3.3"; "IssueInstant is the current time in UTC";
    expects "a time that ends in Z and differs from this machine's clock by at most five minutes";
    fix "Synchronize the service provider's clock by NTP, and write times in UTC.";
    judge_issue_instant
"SAML-SP-REQ-10", Must, Harm::Function, "saml-profiles §4.1.4.1"; "ProtocolBinding does not ask for the Response by HTTP-Redirect";
    expects "ProtocolBinding with HTTP-POST or HTTP-Artifact, or no ProtocolBinding";
    fix "Set ProtocolBinding to HTTP-POST: a Response is too long for a URL.";
    judge_protocol_binding
"SAML-SP-REQ-11", Should, Harm::Protection, "XML Signature 1.1 §6.4.2, RFC 9231 §2.3, NIST SP 800-131A r2"; "Requests are signed with SHA-256 or a stronger algorithm";
    expects "a signature, if there is one, by RSA or ECDSA with SHA-256, SHA-384 or SHA-512, and a digest of these";
    fix "Choose RSA-SHA256 as signature algorithm and SHA-256 as digest algorithm: SHA-1 is no longer secure, and identity providers refuse it. They are often two settings.";
    judge_signature_algorithm
}

/// Judges each of the requests. The check fails with the `complaint`s of all of them, or passes
/// with the text `otherwise`.
pub(super) async fn judge_each_request(
    beyond: &Beyond<'_>,
    otherwise: &str,
    complaint: impl Fn(&Request, Node<'_, '_>) -> Option<String>,
) -> Judged {
    let requests = beyond.read_requests().await?;
    let mut complaints = BTreeSet::new();
    for request in requests {
        let document = parse(&request.xml)
            .map_err(|why| Stop::Skip(format!("the AuthnRequest cannot be read: {why}")))?;
        complaints.extend(complaint(request, document.root_element()));
    }
    let evidence = json!({"request": requests.first().map(|it| &it.xml)});
    judge_complaints(complaints.into_iter().collect(), otherwise, evidence)
}

async fn judge_schema(beyond: &Beyond<'_>) -> Judged {
    judge_each_request(beyond, "it is valid", |_, root| {
        let found = schema::violations(root);
        (!found.is_empty()).then(|| found.join("; "))
    })
    .await
}

async fn judge_unique_ids(beyond: &Beyond<'_>) -> Judged {
    let requests = beyond.read_requests().await?;
    let mut ids = Vec::new();
    for request in requests {
        let document = parse(&request.xml).map_err(Stop::Skip)?;
        ids.push(
            document
                .root_element()
                .attribute("ID")
                .unwrap_or_default()
                .to_owned(),
        );
    }
    let evidence = json!({"ids": ids});
    let different: BTreeSet<&String> = ids.iter().collect();
    let mut complaints = Vec::new();
    if different.len() < ids.len() {
        complaints.push("an ID is used twice".to_owned());
    }
    let is_name =
        |id: &str| id.starts_with(|it: char| it.is_alphabetic() || it == '_') && !id.contains(':');
    if let Some(id) = ids.iter().find(|id| !is_name(id)) {
        complaints.push(format!("\"{id}\" is not a valid xs:ID"));
    }
    if let Some(id) = ids.iter().find(|id| varying_length(id, &ids) < 16) {
        complaints.push(format!(
            "fewer than 16 characters of \"{id}\" differ from other requests"
        ));
    }
    judge_complaints(complaints, "three requests have three IDs", evidence)
}

/// Returns the number of characters of an ID after the prefix that all IDs have in common.
fn varying_length(id: &str, all: &[String]) -> usize {
    let same = (0..id.len())
        .take_while(|at| {
            let sign = id.as_bytes()[*at];
            all.iter()
                .all(|other| other.as_bytes().get(*at) == Some(&sign))
        })
        .count();
    id.len() - same
}

pub(super) fn is_signed(request: &Request, root: Node<'_, '_>) -> bool {
    parameter(request, "Signature").is_some() || child(root, ns::DSIG, "Signature").is_some()
}

fn parameter(request: &Request, name: &str) -> Option<String> {
    let query = request.query.as_deref()?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

async fn judge_destination(beyond: &Beyond<'_>) -> Judged {
    let sso = beyond.judge.provider.sso_url.as_str();
    judge_each_request(beyond, "it is that URL", |request, root| {
        match root.attribute("Destination") {
            Some(to) if to == sso => None,
            Some(to) => Some(format!(
                "Destination is {to}, and the request was sent to {sso}"
            )),
            None if is_signed(request, root) => {
                Some("a signed request has no Destination".to_owned())
            }
            None => None,
        }
    })
    .await
}

async fn judge_acs(beyond: &Beyond<'_>) -> Judged {
    let all = &beyond.judge.target.metadata.acs;
    judge_each_request(
        beyond,
        "it is in the metadata, or the request does not choose one",
        |_, root| {
            if let Some(url) = root.attribute("AssertionConsumerServiceURL") {
                let is_known = all.iter().any(|it| it.endpoint.location == url);
                return (!is_known).then(|| format!("{url} is not in the metadata"));
            }
            let index = root.attribute("AssertionConsumerServiceIndex")?;
            let is_known = all.iter().any(|it| it.index.to_string() == index);
            (!is_known).then(|| format!("the metadata has no assertion consumer service {index}"))
        },
    )
    .await
}

async fn judge_issuer(beyond: &Beyond<'_>) -> Judged {
    let entity_id = beyond.judge.target.metadata.entity_id.as_str();
    judge_each_request(beyond, "it is the entity ID", |_, root| {
        let issuer = child(root, ns::ASSERTION, "Issuer").map(text);
        match issuer {
            Some(issuer) if issuer == entity_id => None,
            Some(issuer) => Some(format!(
                "the Issuer is {issuer}, not the entity ID {entity_id}"
            )),
            None => Some("the AuthnRequest has no Issuer".to_owned()),
        }
    })
    .await
}

async fn judge_signature(beyond: &Beyond<'_>) -> Judged {
    let metadata = &beyond.judge.target.metadata;
    let announced = metadata.authn_requests_signed;
    let keys = signing_keys(metadata);
    let requests = beyond.read_requests().await?;
    let mut any = false;
    for request in requests {
        let document = parse(&request.xml).map_err(Stop::Skip)?;
        any |= is_signed(request, document.root_element());
    }
    if !any && !announced {
        return holds("requests are not signed, and the metadata does not say that they are");
    }
    if keys.is_empty() && !announced {
        return skip(
            "requests are signed, but the metadata has no signing key to verify them with",
        );
    }
    judge_each_request(beyond, "each signature verifies", |request, root| {
        let complaint = signature_complaint(request, root, metadata)?;
        Some(match is_signed(request, root) {
            true => complaint,
            false => format!("the metadata says AuthnRequestsSigned=\"true\", but {complaint}"),
        })
    })
    .await
}

fn signing_keys(metadata: &SpMetadata) -> Vec<Certificate> {
    let all = metadata.certificates.iter();
    all.filter_map(|it| Certificate::read(&it.to_base64()).ok())
        .collect()
}

/// The complaint about a signed request if the metadata has no key to verify it.
const NO_KEY: &str = "the request is signed, and the metadata has no signing key";

/// Returns why a request is not signed with a key of the metadata; `None` if it is. With
/// HTTP-Redirect the query is signed, with HTTP-POST the message (saml-bindings §3.4.4.1, §3.5.4).
pub(super) fn signature_complaint(
    request: &Request,
    root: Node<'_, '_>,
    metadata: &SpMetadata,
) -> Option<String> {
    let keys = signing_keys(metadata);
    if let Some(value) = parameter(request, "Signature") {
        if keys.is_empty() {
            return Some(NO_KEY.to_owned());
        }
        let method = parameter(request, "SigAlg").unwrap_or_default();
        let signed = signed_octets(request.query.as_deref().unwrap_or_default());
        let value = STANDARD.decode(value.trim()).unwrap_or_default();
        let (holds, _) = verify_value(&keys, &method, signed.as_bytes(), &value);
        return (holds != Some(true)).then(|| {
            format!(
                "the signature of the query ({method}) does not verify with any signing key of the metadata"
            )
        });
    }
    match signatures(root.document(), &keys).first() {
        Some(_) if keys.is_empty() => Some(NO_KEY.to_owned()),
        Some(signature) if signature.holds() => None,
        Some(signature) => Some(signature.to_sentence()),
        None if request.query.is_some() => Some("the query has no Signature".to_owned()),
        None => Some("the message has no signature".to_owned()),
    }
}

async fn judge_signature_algorithm(beyond: &Beyond<'_>) -> Judged {
    let requests = beyond.read_requests().await?;
    let mut any = false;
    for request in requests {
        let document = parse(&request.xml).map_err(Stop::Skip)?;
        any |= is_signed(request, document.root_element());
    }
    if !any {
        return holds("requests are not signed");
    }
    judge_each_request(beyond, "each signature does", weak_algorithm).await
}

/// Returns the weak algorithms of a request's signature, in a sentence; `None` if they are strong
/// or if the request is not signed.
pub(super) fn weak_algorithm(request: &Request, root: Node<'_, '_>) -> Option<String> {
    let mut weak = BTreeSet::new();
    if parameter(request, "Signature").is_some() {
        let method = parameter(request, "SigAlg").unwrap_or_default();
        if !is_strong_method(&method) {
            weak.insert(format!("the SigAlg of the query is {method:?}"));
        }
    }
    for signature in signatures(root.document(), &[]) {
        if !is_strong_method(&signature.method) {
            let method = signature.method;
            weak.insert(format!("the SignatureMethod of the message is {method:?}"));
        }
        if !is_strong_digest(&signature.digest_method) {
            let method = signature.digest_method;
            weak.insert(format!("the DigestMethod of the message is {method:?}"));
        }
    }
    (!weak.is_empty()).then(|| weak.into_iter().collect::<Vec<_>>().join("; "))
}

/// Returns the part of a query that its signature covers: `SAMLRequest`, `RelayState` and
/// `SigAlg`, as they were sent (saml-bindings §3.4.4.1).
fn signed_octets(query: &str) -> String {
    let raw = |name: &str| {
        let mut all = query.split('&');
        all.find(|it| it.split('=').next() == Some(name))
    };
    let parts = [raw("SAMLRequest"), raw("RelayState"), raw("SigAlg")];
    parts.into_iter().flatten().collect::<Vec<_>>().join("&")
}

async fn judge_relay_state_length(beyond: &Beyond<'_>) -> Judged {
    judge_each_request(beyond, "it is short enough", |request, _| {
        let length = request.relay_state.as_ref()?.len();
        (length > 80).then(|| format!("RelayState has {length} bytes"))
    })
    .await
}

async fn judge_opaque_relay_state(beyond: &Beyond<'_>) -> Judged {
    judge_each_request(beyond, "it contains no URL or path", |request, _| {
        let state = request.relay_state.as_ref()?;
        (state.contains("://") || state.starts_with('/')).then(|| format!("RelayState is {state}"))
    })
    .await
}

async fn judge_issue_instant(beyond: &Beyond<'_>) -> Judged {
    let now = beyond.judge.ambient.now();
    judge_each_request(beyond, "it is the current time", |_, root| {
        instant_complaint(root, now)
    })
    .await
}

/// Returns what is wrong with `IssueInstant`: it is no time in UTC, or not the current one.
pub(super) fn instant_complaint(root: Node<'_, '_>, now: Timestamp) -> Option<String> {
    let written = root.attribute("IssueInstant").unwrap_or_default();
    let Some(at) = written
        .parse::<Timestamp>()
        .ok()
        .filter(|_| written.ends_with('Z'))
    else {
        return Some(format!("\"{written}\" is not a time in UTC"));
    };
    let off = at.duration_since(now).abs().as_secs();
    (off > 300).then(|| format!("{written} differs from this machine's clock by {off} seconds"))
}

async fn judge_protocol_binding(beyond: &Beyond<'_>) -> Judged {
    judge_each_request(beyond, "it does not", |_, root| {
        let binding = root.attribute("ProtocolBinding")?;
        binding
            .ends_with(":HTTP-Redirect")
            .then(|| format!("ProtocolBinding is {binding}"))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variation_is_counted_without_the_common_beginning() {
        let all = ["_sp-0001".to_owned(), "_sp-0002".to_owned()];
        assert_eq!(varying_length(&all[0], &all), 1);
        let all = ["_abcdef".to_owned(), "_ghijkl".to_owned()];
        assert_eq!(varying_length(&all[0], &all), 6);
    }

    #[test]
    fn weak_algorithms_of_a_query_and_of_a_message_are_found() {
        let weak = |query: Option<&str>, xml: &str| {
            let request = Request {
                xml: xml.to_owned(),
                relay_state: None,
                query: query.map(str::to_owned),
            };
            weak_algorithm(&request, parse(xml).unwrap().root_element())
        };
        let dsig = "http://www.w3.org/2000/09/xmldsig";
        let more = "http://www.w3.org/2001/04/xmldsig-more";
        let query = |method: &str| format!("SigAlg={method}&Signature=x").replace('#', "%23");
        assert_eq!(weak(Some("SAMLRequest=x"), "<a/>"), None);
        assert_eq!(
            weak(Some(&query(&format!("{more}#rsa-sha256"))), "<a/>"),
            None
        );
        let found = weak(Some(&query(&format!("{dsig}#rsa-sha1"))), "<a/>");
        assert!(found.unwrap().contains("SigAlg"));
        let message = |method: &str, digest: &str| {
            format!(
                "<a><Signature xmlns='{dsig}#'><SignedInfo><SignatureMethod Algorithm='{method}'/>\
                 <Reference><DigestMethod Algorithm='{digest}'/></Reference></SignedInfo></Signature></a>"
            )
        };
        let (rsa, sha) = (
            format!("{more}#rsa-sha256"),
            "http://www.w3.org/2001/04/xmlenc#sha256",
        );
        assert_eq!(weak(None, &message(&rsa, sha)), None);
        let found = weak(None, &message(&rsa, &format!("{dsig}#sha1"))).unwrap();
        assert!(
            found.contains("DigestMethod") && !found.contains("SignatureMethod"),
            "{found}"
        );
    }

    #[test]
    fn the_signed_parameters_keep_their_order() {
        let query = "RelayState=r%20&x=1&SigAlg=a&SAMLRequest=m%2B&Signature=s";
        assert_eq!(
            signed_octets(query),
            "SAMLRequest=m%2B&RelayState=r%20&SigAlg=a"
        );
    }
}
