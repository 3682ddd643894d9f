//! Finds what an identity provider would refuse in an AuthnRequest (saml-core §3.4.1, saml-profiles
//! §4.1.4.1), and what is known to fail at widely used products.

use roxmltree::Node;

use super::assertion::BEHIND_PROXY;
use super::difference::describe_difference;
use super::document::Damage;
use super::name_format::describe_wrong_version;
use super::verdict::list;
use super::{Entity, Known, Security, Signed, Verdict, signed};
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
    let damage = Damage::judge(request, verdict);
    signed::judge(signatures, &damage, known, verdict);
    let issuer = child(request, ns::ASSERTION, "Issuer").map(text);
    match issuer.as_deref() {
        None => verdict.refuse(
            "no Issuer: the identity provider cannot know which service provider asks (saml-profiles §4.1.4.1)",
        ),
        Some("") => verdict.refuse("the Issuer is empty"),
        Some(_) => {}
    }
    let says_so = issuer
        .as_deref()
        .and_then(|it| known.entity(it))
        .is_some_and(|it| it.signs_requests);
    if !security.is_signed && says_so {
        // `judge_metadata` refuses it.
    } else if !security.is_signed {
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
    judge_answer(request, known, verdict);
    let is_true = |name: &str| matches!(request.attribute(name), Some("true" | "1"));
    if is_true("ForceAuthn") && is_true("IsPassive") {
        verdict.add_remark(
            "ForceAuthn with IsPassive: the user has to sign on again without being asked, which most identity providers answer with NoPassive",
        );
    }
    if let Some(context) = child(request, ns::PROTOCOL, "RequestedAuthnContext") {
        context_classes(context, verdict);
    }
    if let Some(format) = child(request, ns::PROTOCOL, "NameIDPolicy")
        .and_then(|it| it.attribute("Format"))
        .and_then(describe_wrong_version)
    {
        verdict.add_remark(format!(
            "NameIDPolicy: {format}: identity providers answer InvalidNameIDPolicy"
        ));
    }
    match issuer.as_deref().and_then(|it| known.entity(it)) {
        Some(entity) if entity.is_service_provider => {
            judge_metadata(request, security, entity, verdict);
            verdict.leave_out(
                "whether the identity provider uses this metadata of the service provider: only the identity provider can tell",
            );
        }
        _ => verdict.leave_out(
            "whether the ACS URL and the Issuer are registered: only the identity provider can tell",
        ),
    }
}

/// Judges where and how the answer is to be sent.
fn judge_answer(request: Node<'_, '_>, known: &Known, verdict: &mut Verdict) {
    if request
        .attribute("ProtocolBinding")
        .is_some_and(|it| it.ends_with(":HTTP-Redirect"))
    {
        verdict.refuse(
            "ProtocolBinding demands the Response by HTTP-Redirect, by which it must not be sent (saml-profiles §4.1.2; Entra answers AADSTS75003): leave ProtocolBinding out, or set it to urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
        );
    }
    if let Some(url) = request.attribute("AssertionConsumerServiceURL")
        && !known.acs.is_empty()
        && !known.acs.iter().any(|own| own == url)
    {
        let difference = known.acs.iter().map(|own| describe_difference(own, url));
        let difference: String = difference.collect();
        let advice = match difference.contains("http and https") {
            true => format!(" {BEHIND_PROXY}"),
            false => " correct it in the settings of the service provider".to_owned(),
        };
        verdict.add_remark(format!(
            "the service provider itself asks for the Response at {url} (AssertionConsumerServiceURL), not at {}:{difference}{advice}",
            known.acs.join(" or ")
        ));
    }
}

/// Compares a request with the metadata of the service provider.
fn judge_metadata(
    request: Node<'_, '_>,
    security: Security,
    entity: &Entity,
    verdict: &mut Verdict,
) {
    let urls = &entity.acs_urls;
    if let Some(url) = request.attribute("AssertionConsumerServiceURL")
        && !urls.is_empty()
        && !urls.iter().any(|own| own == url)
    {
        let difference: String = urls
            .iter()
            .map(|own| describe_difference(own, url))
            .collect();
        verdict.refuse(format!(
            "AssertionConsumerServiceURL is {url}, and the metadata of {} has {}:{difference} an identity provider with this metadata refuses it (saml-core §3.4.1). Add the URL to the metadata, or correct it in the settings of the service provider",
            entity.entity_id,
            list(urls)
        ));
    }
    if entity.signs_requests && !security.is_signed {
        verdict.refuse(format!(
            "it is not signed, and the metadata of {} says AuthnRequestsSigned=\"true\": an identity provider with this metadata refuses it. Sign the request, or change the metadata",
            entity.entity_id
        ));
    }
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
