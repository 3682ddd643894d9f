//! Finds what a receiver would refuse in a LogoutRequest or LogoutResponse (saml-core §3.7,
//! saml-profiles §4.4).

use roxmltree::Node;

use super::document::Damage;
use super::status::{self, SUCCESS};
use super::{Known, Security, Signed, Verdict, signed};
use crate::inspection::{child, ns, text};

pub(super) fn judge(
    message: Node<'_, '_>,
    signatures: &[Signed],
    security: Security,
    known: &Known,
    verdict: &mut Verdict,
) {
    let kind = message.tag_name().name();
    let of = format!("the {kind}");
    let Security {
        is_signed,
        is_carried,
    } = security;
    if !is_signed && is_carried {
        verdict.leave_out(format!(
            "who sent it: the {kind} itself is not signed, and by SOAP the connection can authenticate the sender instead, for example by a TLS client certificate (saml-profiles §4.4.4.1, §4.4.4.2)"
        ));
    } else if !is_signed {
        verdict.refuse(format!(
            "it is not signed: by HTTP-Redirect and HTTP-POST a {kind} must be (saml-profiles §4.4.4.1, §4.4.4.2), or anybody could log users out"
        ));
    }
    verdict.judge_id(&of, message.attribute("ID"));
    verdict.judge_version(&of, message.attribute("Version"));
    verdict.judge_issue_instant(&of, message.attribute("IssueInstant"), known);
    let damage = Damage::judge(message, verdict);
    signed::judge(signatures, &damage, known, verdict);
    if child(message, ns::ASSERTION, "Issuer").is_none() {
        verdict.refuse("no Issuer (saml-profiles §4.4.4.1, §4.4.4.2)");
    }
    if is_signed && !is_carried && message.attribute("Destination").is_none() {
        verdict.refuse(
            "it is signed and has no Destination, which signed messages must have (saml-bindings §3.4.5.2, §3.5.5.2)",
        );
    }
    if kind == "LogoutRequest" {
        request(message, known, verdict);
    } else {
        response(message, verdict);
    }
}

fn request(message: Node<'_, '_>, known: &Known, verdict: &mut Verdict) {
    verdict.judge_window(
        "the LogoutRequest",
        None,
        message.attribute("NotOnOrAfter"),
        known.now,
    );
    let named = ["NameID", "BaseID", "EncryptedID"];
    if !named
        .iter()
        .any(|name| child(message, ns::ASSERTION, name).is_some())
    {
        verdict.refuse(
            "it has no NameID, BaseID or EncryptedID, so no user is named (saml-core §3.7.1)",
        );
    }
    if child(message, ns::PROTOCOL, "SessionIndex").is_none() {
        verdict.add_remark(
            "no SessionIndex: it ends every session of the user at this party, and some products refuse such a LogoutRequest",
        );
    }
    verdict.leave_out(
        "whether the user has this session: NameID and SessionIndex must be those of the assertion",
    );
}

fn response(message: Node<'_, '_>, verdict: &mut Verdict) {
    if message.attribute("InResponseTo").is_none() {
        verdict.add_remark("no InResponseTo: it answers no request");
    }
    let part = child(message, ns::PROTOCOL, "Status");
    let code = part.and_then(|it| child(it, ns::PROTOCOL, "StatusCode"));
    let detail = code
        .and_then(|it| child(it, ns::PROTOCOL, "StatusCode"))
        .and_then(|it| it.attribute("Value"));
    let of = |name| part.and_then(|it| child(it, ns::PROTOCOL, name)).map(text);
    let (words, more) = (of("StatusMessage"), of("StatusDetail"));
    let status = code.and_then(|it| it.attribute("Value"));
    let said = status::Said {
        status: status.unwrap_or_default(),
        detail,
        message: words.as_deref(),
        text: more.as_deref(),
    };
    let is_partial = [status, detail]
        .iter()
        .flatten()
        .any(|it| it.ends_with(":PartialLogout"));
    match status {
        None => verdict.refuse("no StatusCode with a Value"),
        _ if is_partial => verdict.add_remark(format!(
            "the logout did not succeed everywhere: {}",
            said.describe_logout()
        )),
        Some(SUCCESS) => {}
        Some(_) => verdict.refuse(format!("the logout failed: {}", said.describe_logout())),
    }
}
