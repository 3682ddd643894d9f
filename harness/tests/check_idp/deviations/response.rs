//! Deviations in the Response and its delivery (judge: `response`).

use super::Deviation;
use super::edits::{delivered, everywhere};

#[rustfmt::skip]
pub(super) const RESPONSE: &[Deviation] = &[
    (
        "the Response is sent by HTTP-Redirect",
        |it| delivered(it, "binding-redirect").binding = "HTTP-Redirect".to_owned(),
        &["SAML-IDP-RESP-14"],
    ),
    (
        "the Response arrives four minutes late",
        |it| {
            everywhere(it, |at| {
                at.at = at
                    .at
                    .saturating_add(jiff::SignedDuration::from_secs(240))
                    .unwrap()
            })
        },
        &["SAML-IDP-RESP-11"],
    ),
];
