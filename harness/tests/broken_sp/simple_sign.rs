//! The assertion consumer service by HTTP-POST-SimpleSign: only a service provider with the flaw
//! `simple-sign` offers it.

use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saml::keys::SignatureAlgorithm;
use saml::metadata::{Endpoint, IndexedEndpoint};
use saml::names;

use super::Broken;
use super::redirected::name_of;

type Fields = Vec<(String, String)>;

fn first<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    let mut all = fields.iter().filter(|(it, _)| it == name);
    all.next().map(|(_, value)| value.as_str())
}

fn document(field: &str) -> String {
    let bytes = STANDARD.decode(field).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Verifies the signature over the first SAMLResponse and reads it. With the flaw `simple-sign-request`, it
/// verifies SAMLRequest if there is one; with `simple-sign-last`, it reads the last SAMLResponse; with
/// `simple-sign-query`, it reads the one of the query if there is one.
pub(super) async fn receive(
    State(sp): State<Broken>,
    headers: HeaderMap,
    Query(query): Query<Fields>,
    Form(fields): Form<Fields>,
) -> Response {
    if !sp.is_flawed("simple-sign") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let responses = || fields.iter().filter(|(name, _)| name == "SAMLResponse");
    let last = responses().next_back().map(|(_, value)| value.as_str());
    let read = match () {
        () if sp.is_flawed("simple-sign-last") => last,
        () if sp.is_flawed("simple-sign-query") => {
            first(&query, "SAMLResponse").or_else(|| first(&fields, "SAMLResponse"))
        }
        () => first(&fields, "SAMLResponse"),
    };
    let request = first(&fields, "SAMLRequest").filter(|_| sp.is_flawed("simple-sign-request"));
    let verified = match request {
        Some(request) => format!("SAMLRequest={}", document(request)),
        None => {
            let response = first(&fields, "SAMLResponse").unwrap_or_default();
            format!("SAMLResponse={}", document(response))
        }
    };
    let value = |name: &str| first(&fields, name).unwrap_or_default();
    let state = first(&fields, "RelayState");
    let state = state.map_or_else(String::new, |it| format!("&RelayState={it}"));
    let octets = format!("{verified}{state}&SigAlg={}", value("SigAlg"));
    let signature = STANDARD.decode(value("Signature")).unwrap_or_default();
    let algorithm = SignatureAlgorithm::RsaSha256;
    let mut keys = sp.idp.signing_certificates.iter();
    if !keys.any(|it| it.verifies(algorithm, octets.as_bytes(), &signature)) {
        return sp.refuse("signature-invalid".to_owned());
    }
    let document = document(read.unwrap_or_default());
    let Some(user) = name_of(&document) else {
        return sp.refuse("no-name-id".to_owned());
    };
    let cookie = sp.log_in(&headers, user.to_owned(), &document);
    let set = AppendHeaders([(header::SET_COOKIE, cookie)]);
    (set, sp.next_page("")).into_response()
}

impl Broken {
    /// Returns the service of the metadata, if a flaw adds it.
    pub(super) fn simple_sign_service(&self) -> Option<IndexedEndpoint> {
        let location = format!("{}/simple-sign", self.base);
        self.is_flawed("simple-sign").then(|| IndexedEndpoint {
            endpoint: Endpoint::at(names::HTTP_POST_SIMPLE_SIGN, &location),
            index: 7,
            is_default: false,
        })
    }
}
