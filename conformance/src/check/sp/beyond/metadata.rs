//! What the metadata announces (saml-metadata).

use browser::site::is_trustworthy;
use roxmltree::{Document, Node};
use serde_json::json;
use url::Url;

use super::{Beyond, Judged, Stop, rows, skip, unless};
use crate::check::Harm;
use crate::inspection::certificate::Certificate;
use crate::inspection::{ns, parse, schema, text};

rows! {
"SAML-SP-MD-01", Must, Harm::Style, "saml-metadata §2.3, §2.4"; "The metadata is valid against the schema";
    expects "the elements and attributes of the schema, in its order";
    fix "Let the library write the metadata.";
    valid
"SAML-SP-MD-02", May, Harm::Style, "saml-metadata §2.4.1.1"; "The certificates of the metadata are within their validity";
    expects "no certificate that has ended or not begun: SAML does not look at these dates, many identity providers do";
    fix "Issue a new certificate for the key.";
    certificates
"SAML-SP-MD-03", Should, Harm::Protection, "saml-sec-consider §6.1"; "Every endpoint is reached by HTTPS";
    expects "https:// in every Location, but for this machine's own names";
    fix "Serve the endpoints by HTTPS only: a Response that is read on its way lets the reader in.";
    https
"SAML-SP-MD-04", Must, Harm::Function, "saml-metadata §2.3.1"; "The metadata has not ended";
    expects "validUntil in the future, or none";
    fix "Renew validUntil when the metadata is published again: nobody may use it after that.";
    validity
"SAML-SP-MD-05", Must, Harm::Function, "saml-metadata §2.2.3"; "Every assertion consumer service has an index of its own";
    expects "different values of index";
    fix "Number the assertion consumer services.";
    indexes
"SAML-SP-MD-06", Should, Harm::Protection, "CWE-522"; "The metadata contains no private key";
    expects "certificates and public keys only";
    fix "Take the private key out, and replace it at once: whoever has read the metadata has it.";
    no_private_key
}

/// Reads the role of a service provider in the metadata, with the document.
fn with_role(
    beyond: &Beyond<'_>,
    judge: impl FnOnce(&Document<'_>, Node<'_, '_>) -> Judged,
) -> Judged {
    let xml = &beyond.judge.target.document;
    if xml.is_empty() {
        return skip("there is no metadata document");
    }
    let document = parse(xml).map_err(|why| Stop::Skip(format!("it cannot be read: {why}")))?;
    let entity_id = beyond.judge.target.metadata.entity_id.as_str();
    let role = document.descendants().find(|it| {
        it.has_tag_name((ns::METADATA, "SPSSODescriptor"))
            && it.parent().and_then(|it| it.attribute("entityID")) == Some(entity_id)
    });
    match role {
        Some(role) => judge(&document, role),
        None => skip(format!("it has no SPSSODescriptor of {entity_id}")),
    }
}

async fn valid(beyond: &Beyond<'_>) -> Judged {
    with_role(beyond, |_, role| {
        let entity = role.parent().unwrap_or(role);
        unless(schema::violations(entity), "it is", json!(null))
    })
}

/// Judges every certificate of the role.
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
        unless(complaints, "they are", json!(null))
    })
}

async fn certificates(beyond: &Beyond<'_>) -> Judged {
    let now = beyond.judge.ambient.now();
    over_certificates(beyond, |it| {
        let is_within = it.not_before <= now && now <= it.not_after;
        (!is_within).then(|| format!("{}: {} to {}", it.subject, it.not_before, it.not_after))
    })
}

async fn https(beyond: &Beyond<'_>) -> Judged {
    with_role(beyond, |_, role| {
        let locations = role.descendants().filter_map(|it| it.attribute("Location"));
        let is_https = |location: &str| location.to_ascii_lowercase().starts_with("https:");
        let has_https = locations.clone().any(is_https);
        let is_open = |location: &&str| {
            let url = Url::parse(location);
            // On this very machine nobody reads what is on its way.
            !url.is_ok_and(|url| is_trustworthy(&url))
        };
        let mut open: Vec<String> = locations.filter(is_open).map(str::to_owned).collect();
        open.dedup();
        if open.is_empty() && !has_https {
            return skip("every endpoint is at an address of this machine, and none uses HTTPS");
        }
        unless(open, "it is", json!(null))
    })
}

async fn validity(beyond: &Beyond<'_>) -> Judged {
    let now = beyond.judge.ambient.now();
    with_role(beyond, |_, role| {
        let ends = role.ancestors().filter_map(|it| it.attribute("validUntil"));
        let complaints = ends.filter_map(|end| match end.parse::<jiff::Timestamp>() {
            Ok(at) if at > now => None,
            Ok(_) => Some(format!("validUntil is {end}")),
            Err(_) => Some(format!("validUntil is no time: {end}")),
        });
        unless(complaints.collect(), "it has not", json!(null))
    })
}

async fn indexes(beyond: &Beyond<'_>) -> Judged {
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
            complaints.push("two assertion consumer services have one index".to_owned());
        }
        if indexes.contains(&"") {
            complaints.push("an assertion consumer service has no index".to_owned());
        }
        unless(complaints, "it has", json!(null))
    })
}

async fn no_private_key(beyond: &Beyond<'_>) -> Judged {
    with_role(beyond, |document, _| {
        let is_secret = ["PRIVATE KEY", "<ds:D>", "<D>", "RSAPrivateKey"]
            .into_iter()
            .find(|it| document.input_text().contains(it));
        let complaints = is_secret.map(|it| format!("it contains \"{it}\""));
        unless(
            complaints.into_iter().collect(),
            "it contains none",
            json!(null),
        )
    })
}
