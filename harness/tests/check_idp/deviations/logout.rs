//! Deviations at Single Logout, at key changes and at IdP-initiated sign-on (judge: `logout`).

use super::Deviation;
use super::edits::{answers, delivered, logout_response, message, page};

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
        "the LogoutResponse is not signed",
        |it| {
            let query = delivered(it, "logout").query.as_mut().unwrap();
            let at = query.find("&SigAlg=").unwrap();
            query.truncate(at);
        },
        &["SAML-IDP-SLO-04"],
    ),
    (
        "the RelayState of the LogoutResponse was changed after signing",
        |it| {
            let query = delivered(it, "logout").query.as_mut().unwrap();
            *query = query.replacen("RelayState=", "RelayState=x", 1);
        },
        &["SAML-IDP-SLO-04"],
    ),
    (
        "the LogoutResponse answers another request",
        |it| logout_response(it, "InResponseTo=\"_", "InResponseTo=\"_x"),
        &["SAML-IDP-SLO-01"],
    ),
    (
        "the LogoutResponse is for another address",
        |it| logout_response(it, "Destination=\"http", "Destination=\"https"),
        &["SAML-IDP-SLO-05"],
    ),
    (
        "the signed LogoutResponse has no Destination",
        |it| logout_response(it, " Destination=", " Consent="),
        &["SAML-IDP-SLO-05"],
    ),
    (
        "the LogoutResponse has another Issuer",
        |it| logout_response(it, "</saml:Issuer>", "/other</saml:Issuer>"),
        &["SAML-IDP-SLO-05"],
    ),
    (
        "the LogoutResponse is sent to another address than the service provider's",
        |it| delivered(it, "logout").to = "https://evil.example/slo".to_owned(),
        &["SAML-IDP-SLO-05"],
    ),
    (
        "the LogoutResponse returns another RelayState",
        |it| delivered(it, "logout").relay_state = Some("other".to_owned()),
        &["SAML-IDP-SLO-06"],
    ),
    (
        "the LogoutResponse returns no RelayState",
        |it| delivered(it, "logout").relay_state = None,
        &["SAML-IDP-SLO-06"],
    ),
    (
        "the LogoutResponse has no Version",
        |it| logout_response(it, " Version=\"2.0\"", ""),
        &["SAML-IDP-SLO-07"],
    ),
    (
        "the ID of the LogoutResponse begins with a digit",
        |it| logout_response(it, " ID=\"_", " ID=\"1"),
        &["SAML-IDP-SLO-07"],
    ),
    (
        "the IssueInstant of the LogoutResponse has an offset",
        |it| logout_response(it, "Z\"", "+00:00\""),
        &["SAML-IDP-SLO-07"],
    ),
    (
        "an unsigned LogoutRequest ends the session",
        |it| page(it, "logout-still", 200, "Sign on"),
        &["SAML-IDP-SLO-03"],
    ),
];
