//! Checks of the AuthnRequest that only deployment profiles require: the standard leaves open what
//! they demand. They run only with such a profile or with `--only`.

use roxmltree::Node;

use super::request::judge_each_request;
use super::{Beyond, Judged, rows};
use crate::check::Harm;
use crate::inspection::{child, ns};

rows! {
"SAML-SP-PROFILE-01", May, Harm::Style, "saml2int SDP-SP02"; "The AuthnRequest is sent by HTTP-Redirect";
    expects "a redirect with SAMLRequest in the query; the metadata of the identity provider has HTTP-Redirect and HTTP-POST";
    fix "Choose HTTP-Redirect as the binding of AuthnRequests.";
    judge_binding
"SAML-SP-PROFILE-02", May, Harm::Style, "saml2int SDP-SP04"; "The AuthnRequest asks for no NameID format";
    expects "no NameIDPolicy, or one with AllowCreate=\"true\" and without Format";
    fix "Leave NameIDPolicy out of the request: the identity provider knows which identifier the service provider gets.";
    judge_name_id_policy
"SAML-SP-PROFILE-03", May, Harm::Style, "saml2int SDP-SP05"; "The AuthnRequest has no AssertionConsumerServiceIndex";
    expects "AssertionConsumerServiceURL, or neither of both";
    fix "Choose the assertion consumer service by AssertionConsumerServiceURL: the index of a service may change with the metadata.";
    judge_index
}

async fn judge_binding(beyond: &Beyond<'_>) -> Judged {
    judge_each_request(beyond, "it is sent by HTTP-Redirect", |request, _| {
        let is_posted = request.query.is_none();
        is_posted.then(|| "it is sent by HTTP-POST, in a form".to_owned())
    })
    .await
}

async fn judge_name_id_policy(beyond: &Beyond<'_>) -> Judged {
    judge_each_request(beyond, "it asks for none", |_, root| {
        name_id_policy_complaint(root)
    })
    .await
}

fn name_id_policy_complaint(root: Node<'_, '_>) -> Option<String> {
    let policy = child(root, ns::PROTOCOL, "NameIDPolicy")?;
    if let Some(format) = policy.attribute("Format") {
        return Some(format!("NameIDPolicy has the Format {format}"));
    }
    let said = policy.attribute("AllowCreate");
    let allows = said.is_some_and(|it| matches!(it.trim(), "true" | "1"));
    (!allows).then(|| match said {
        Some(said) => format!("NameIDPolicy has AllowCreate=\"{said}\""),
        None => "NameIDPolicy has no AllowCreate".to_owned(),
    })
}

async fn judge_index(beyond: &Beyond<'_>) -> Judged {
    judge_each_request(beyond, "it has none", |_, root| {
        let index = root.attribute("AssertionConsumerServiceIndex")?;
        Some(format!("AssertionConsumerServiceIndex is {index}"))
    })
    .await
}
