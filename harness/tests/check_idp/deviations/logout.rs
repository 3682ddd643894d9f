//! Deviations at Single Logout, at key changes and at IdP-initiated sign-on (judge: `logout`).

use super::Deviation;
use super::edits::{answers, message, page};

#[rustfmt::skip]
pub(super) const LOGOUT: &[Deviation] = &[
    (
        "the metadata has other keys at the end of the run",
        |it| {
            let after = it.metadata_after.as_mut().unwrap();
            after.body = after
                .body
                .replace("X509Certificate>MII", "X509Certificate>AAA");
        },
        &["SAML-IDP-KEY-01"],
    ),
    (
        "the Response of IdP-initiated sign-on has InResponseTo",
        |it| {
            message(
                it,
                "initiated",
                &[(" Destination=", " InResponseTo=\"_x\" Destination=")],
            )
        },
        &["SAML-IDP-INIT-01"],
    ),
    (
        "the LogoutRequest is answered with an error page",
        |it| page(it, "logout", 500, "Something went wrong."),
        &["SAML-IDP-SLO-01"],
    ),
    (
        "the session exists after the logout",
        |it| answers(it, "logout-after"),
        &["SAML-IDP-SLO-02"],
    ),
    (
        "an unsigned LogoutRequest ends the session",
        |it| page(it, "logout-still", 200, "Sign on"),
        &["SAML-IDP-SLO-03"],
    ),
];
