//! Compares how a message was sent with the binding's encoding (saml-bindings §3.4, §3.5).

use super::Verdict;
use crate::inspection::message::{Delivery, Message};

/// Adds what the receiver would refuse about the way in which a message was sent. `kind` is the local
/// name of its root element.
pub(super) fn judge(message: &Message, kind: &str, verdict: &mut Verdict) {
    let is_parameter = matches!(
        message.parameter.as_deref(),
        Some("SAMLRequest" | "SAMLResponse")
    );
    if !is_parameter {
        return;
    }
    // The file itself may be compressed too.
    if message.wrapping.len() > 1 && message.wrapping.last() == Some(&"gzip") {
        return;
    }
    let is_deflated = ["DEFLATE", "zlib"]
        .iter()
        .any(|it| message.wrapping.contains(it));
    match message.delivery {
        Some(Delivery::Url) if kind == "Response" => verdict.refuse_first(
            "it was sent in a URL, by HTTP-Redirect, and a Response must not be (saml-profiles §4.1.2): the identity provider must send it by HTTP-POST. Check the Binding of the assertion consumer service at the identity provider, and ProtocolBinding of the request",
        ),
        Some(Delivery::Url) if !is_deflated => verdict.refuse_first(
            "it was sent in a URL, by HTTP-Redirect, and is not compressed: the receiver decompresses the value first (saml-bindings §3.4.4.1) and says something like \"incorrect header check\" or \"invalid block type\". Compress the XML by raw DEFLATE before base64, or send it by HTTP-POST",
        ),
        Some(Delivery::Form) if is_deflated => verdict.refuse_first(
            "it was sent in a form, by HTTP-POST, and is compressed by DEFLATE: the receiver expects base64 of the XML (saml-bindings §3.5.4) and cannot parse it. Leave out DEFLATE, which is for HTTP-Redirect only",
        ),
        None if is_deflated && kind == "Response" => verdict.add_remark(
            "the Response is compressed by DEFLATE, as only HTTP-Redirect does it, by which a Response must not be sent (saml-profiles §4.1.2). By HTTP-POST, receivers expect base64 of the XML (saml-bindings §3.5.4): leave out DEFLATE",
        ),
        _ => {}
    }
}
