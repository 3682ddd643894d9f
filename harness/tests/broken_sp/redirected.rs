//! The assertion consumer service by HTTP-Redirect, which the profile forbids (saml-profiles §4.1.2): only
//! a flawed service provider offers it.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use saml::Limits;
use saml::binding::redirect;

use super::Broken;

/// Returns the text of the first NameID.
pub(super) fn name_of(document: &str) -> Option<&str> {
    let (_, rest) = document.split_once("<saml:NameID")?;
    let (_, rest) = rest.split_once('>')?;
    rest.split('<').next()
}

/// With the flaw it verifies the signature of the query over SAMLResponse, and reads SAMLRequest if there
/// is one.
pub(super) async fn receive_by_link(
    State(sp): State<Broken>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    if !sp.is_flawed("acs-other-parameter") {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let query = query.unwrap_or_default();
    let (others, signed): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .partition(|it| it.starts_with("SAMLRequest="));
    let limits = Limits::default();
    let Ok(message) = redirect::decode(&signed.join("&"), &limits) else {
        return sp.refuse("not-a-message".to_owned());
    };
    let keys = &sp.idp.signing_certificates;
    if !message.signature.is_some_and(|it| it.verify(keys)) {
        return sp.refuse("signature-invalid".to_owned());
    }
    let other = others.first();
    let other = other.and_then(|it| redirect::decode_unverified(it, &limits).ok());
    let document = other.map_or(message.xml, |it| it.xml);
    let Some(user) = name_of(&document) else {
        return sp.refuse("no-name-id".to_owned());
    };
    let cookie = sp.log_in(&headers, user.to_owned(), &document);
    (
        AppendHeaders([(header::SET_COOKIE, cookie)]),
        sp.next_page(""),
    )
        .into_response()
}
