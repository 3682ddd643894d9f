//! Checks of the service provider's metadata document (saml-metadata).

use browser::site::is_trustworthy;
use roxmltree::{Document, Node};
use serde_json::json;
use url::Url;

use super::{Beyond, Judged, Stop, judge_complaints, rows, skip};
use crate::check::Harm;
use crate::inspection::certificate::Certificate;
use crate::inspection::{ns, parse, schema, text};

rows! {
"SAML-SP-MD-01", Must, Harm::Style, "saml-metadata §2.3, §2.4"; "The metadata is valid against the schema";
    expects "only the elements and attributes that saml-schema-metadata-2.0.xsd allows, in its order";
    fix "Let the SAML library write the metadata.";
    judge_schema
"SAML-SP-MD-02", May, Harm::Style, "saml-metadata §2.4.1.1"; "The certificates of the metadata are valid now";
    expects "no certificate that has expired or is not valid yet: SAML ignores these dates, but many identity providers do not";
    fix "Issue a new certificate for the same key, and publish it in the metadata.";
    judge_certificates
"SAML-SP-MD-03", Should, Harm::Protection, "saml-sec-consider §6.1"; "Every endpoint of the metadata uses HTTPS";
    expects "https:// in every Location, except for loopback addresses";
    fix "Serve the endpoints only by HTTPS: an attacker who reads a Response on the network can log in with it.";
    judge_https
"SAML-SP-MD-04", Must, Harm::Function, "saml-metadata §2.3.1"; "The metadata has not expired";
    expects "a validUntil in the future, or no validUntil";
    fix "Set a later validUntil each time the metadata is published: identity providers must not use the metadata after that time.";
    judge_valid_until
"SAML-SP-MD-05", Must, Harm::Function, "saml-metadata §2.2.3"; "Every AssertionConsumerService has a different index";
    expects "an index on every AssertionConsumerService, and no value twice";
    fix "Give each AssertionConsumerService a different number as its index.";
    judge_indexes
"SAML-SP-MD-06", Should, Harm::Protection, "CWE-522"; "The metadata contains no private key";
    expects "certificates and public keys only";
    fix "Remove the private key from the metadata and replace the key pair at once: every reader of the metadata has the key.";
    judge_private_key
}

/// Finds the `SPSSODescriptor` of the service provider in its metadata and passes it to `judge`,
/// with the document.
fn with_role(
    beyond: &Beyond<'_>,
    judge: impl FnOnce(&Document<'_>, Node<'_, '_>) -> Judged,
) -> Judged {
    let xml = &beyond.judge.target.document;
    if xml.is_empty() {
        return skip("there is no metadata document");
    }
    let document =
        parse(xml).map_err(|why| Stop::Skip(format!("the metadata cannot be read: {why}")))?;
    let entity_id = beyond.judge.target.metadata.entity_id.as_str();
    let role = document.descendants().find(|it| {
        it.has_tag_name((ns::METADATA, "SPSSODescriptor"))
            && it.parent().and_then(|it| it.attribute("entityID")) == Some(entity_id)
    });
    match role {
        Some(role) => judge(&document, role),
        None => skip(format!(
            "the metadata has no SPSSODescriptor of {entity_id}"
        )),
    }
}

async fn judge_schema(beyond: &Beyond<'_>) -> Judged {
    with_role(beyond, |_, role| {
        let entity = role.parent().unwrap_or(role);
        judge_complaints(schema::violations(entity), "it is valid", json!(null))
    })
}

/// Judges every certificate of the service provider's role. The check fails with the texts that
/// `complaint` returns.
fn over_certificates(
    beyond: &Beyond<'_>,
    complaint: impl Fn(&Certificate) -> Option<String>,
) -> Judged {
    with_role(beyond, |_, role| {
        let all = role.descendants();
        let written = all.filter(|it| it.has_tag_name((ns::DSIG, "X509Certificate")));
        let (mut complaints, mut count) = (Vec::new(), 0);
        for node in written {
            count += 1;
            match Certificate::read(&text(node)) {
                Ok(certificate) => complaints.extend(complaint(&certificate)),
                Err(why) => complaints.push(format!("a certificate cannot be read: {why}")),
            }
        }
        if count == 0 {
            return skip("the metadata has no certificate");
        }
        complaints.dedup();
        judge_complaints(complaints, "they are valid", json!(null))
    })
}

async fn judge_certificates(beyond: &Beyond<'_>) -> Judged {
    let now = beyond.judge.ambient.now();
    over_certificates(beyond, |it| {
        let is_within = it.not_before <= now && now <= it.not_after;
        (!is_within).then(|| format!("{}: {} to {}", it.subject, it.not_before, it.not_after))
    })
}

async fn judge_https(beyond: &Beyond<'_>) -> Judged {
    with_role(beyond, |_, role| {
        let locations = role.descendants().filter_map(|it| it.attribute("Location"));
        let is_https = |location: &str| location.to_ascii_lowercase().starts_with("https:");
        let has_https = locations.clone().any(is_https);
        let is_open = |location: &&str| {
            let url = Url::parse(location);
            // What is sent to a loopback address never crosses the network.
            !url.is_ok_and(|url| is_trustworthy(&url))
        };
        let mut open: Vec<String> = locations.filter(is_open).map(str::to_owned).collect();
        open.dedup();
        if open.is_empty() && !has_https {
            return skip("not judged: every endpoint has a loopback address, and none uses HTTPS");
        }
        judge_complaints(open, "they all use HTTPS", json!(null))
    })
}

async fn judge_valid_until(beyond: &Beyond<'_>) -> Judged {
    let now = beyond.judge.ambient.now();
    with_role(beyond, |_, role| {
        let ends = role.ancestors().filter_map(|it| it.attribute("validUntil"));
        let complaints = ends.filter_map(|end| match end.parse::<jiff::Timestamp>() {
            Ok(at) if at > now => None,
            Ok(_) => Some(format!("validUntil is {end}")),
            Err(_) => Some(format!("validUntil is not a time: {end}")),
        });
        judge_complaints(complaints.collect(), "it has not expired", json!(null))
    })
}

async fn judge_indexes(beyond: &Beyond<'_>) -> Judged {
    with_role(beyond, |_, role| {
        let services = role.children();
        let mut indexes: Vec<&str> = services
            .filter(|it| it.has_tag_name((ns::METADATA, "AssertionConsumerService")))
            .map(|it| it.attribute("index").unwrap_or_default())
            .collect();
        let all = indexes.len();
        indexes.sort_unstable();
        indexes.dedup();
        let mut complaints = Vec::new();
        if indexes.len() < all {
            complaints.push("two AssertionConsumerService elements have the same index".to_owned());
        }
        if indexes.contains(&"") {
            complaints.push("an AssertionConsumerService has no index".to_owned());
        }
        judge_complaints(complaints, "the indexes are different", json!(null))
    })
}

async fn judge_private_key(beyond: &Beyond<'_>) -> Judged {
    with_role(beyond, |document, _| {
        let is_secret = ["PRIVATE KEY", "<ds:D>", "<D>", "RSAPrivateKey"]
            .into_iter()
            .find(|it| document.input_text().contains(it));
        let complaints = is_secret.map(|it| format!("it contains \"{it}\""));
        judge_complaints(
            complaints.into_iter().collect(),
            "it contains no private key",
            json!(null),
        )
    })
}
