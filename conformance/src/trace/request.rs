//! Finds what an identity provider would refuse in an AuthnRequest (saml-core §3.4.1, saml-profiles
//! §4.1.4.1), and what is known to fail at widely used products.

use roxmltree::Node;

use super::{Known, Security, Signed, Verdict, signed};
use crate::inspection::{child, children, ns, text};

const EMAIL_CLASS: &str = "PasswordProtectedTransport";

pub(super) fn judge(
    request: Node<'_, '_>,
    signatures: &[Signed],
    security: Security,
    known: &Known,
    verdict: &mut Verdict,
) {
    let of = "the AuthnRequest";
    verdict.judge_id(of, request.attribute("ID"));
    verdict.judge_version(of, request.attribute("Version"));
    verdict.judge_issue_instant(of, request.attribute("IssueInstant"), known);
    signed::judge(signatures, known, verdict);
    match child(request, ns::ASSERTION, "Issuer").map(text) {
        None => verdict.refuse(
            "no Issuer: the identity provider cannot know which service provider asks (saml-profiles §4.1.4.1)",
        ),
        Some(issuer) if issuer.is_empty() => verdict.refuse("the Issuer is empty"),
        Some(_) => {}
    }
    if !security.is_signed {
        verdict.add_remark(
            "it is not signed: an identity provider whose metadata says WantAuthnRequestsSigned=\"true\" refuses it",
        );
    } else if !security.is_carried && request.attribute("Destination").is_none() {
        verdict.refuse(
            "it is signed and has no Destination, which signed messages must have (saml-bindings §3.4.5.2, §3.5.5.2)",
        );
    }
    let (url, index) = (
        request.attribute("AssertionConsumerServiceURL"),
        request.attribute("AssertionConsumerServiceIndex"),
    );
    if url.is_some() && index.is_some() {
        verdict.refuse(
            "it has both AssertionConsumerServiceURL and AssertionConsumerServiceIndex, which exclude each other (saml-core §3.4.1)",
        );
    }
    let is_true = |name: &str| matches!(request.attribute(name), Some("true" | "1"));
    if is_true("ForceAuthn") && is_true("IsPassive") {
        verdict.add_remark(
            "ForceAuthn with IsPassive: the user has to sign on again without being asked, which most identity providers answer with NoPassive",
        );
    }
    if let Some(context) = child(request, ns::PROTOCOL, "RequestedAuthnContext") {
        context_classes(context, verdict);
    }
    verdict.leave_out(
        "whether the ACS URL and the Issuer are registered: only the identity provider can tell",
    );
}

fn context_classes(context: Node<'_, '_>, verdict: &mut Verdict) {
    let classes: Vec<String> = children(context, ns::ASSERTION, "AuthnContextClassRef")
        .map(text)
        .collect();
    let names: Vec<&str> = classes
        .iter()
        .map(|class| class.rsplit(':').next().unwrap_or(class))
        .collect();
    let comparison = context.attribute("Comparison").unwrap_or("exact");
    if comparison == "exact" && !names.is_empty() {
        let example = if names.contains(&EMAIL_CLASS) {
            "by Windows integrated authentication, a certificate, a passkey or a second factor"
        } else {
            "in another way"
        };
        verdict.add_remark(format!(
            "RequestedAuthnContext demands exactly {}: a user who signed on {example} is refused (Entra AADSTS75011, AD FS MSIS7102). Leave RequestedAuthnContext out, unless the application needs it",
            names.join(" or ")
        ));
    }
}
