//! Single logout, and its flaws.

use std::collections::HashMap;

use axum::Form;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use saml::Limits;
use saml::acceptance::TrustedKeys;
use saml::binding::{Parameter, redirect};
use saml::message::{LogoutRequest, LogoutResponse, Principal, Status};
use saml::reception::{LogoutExpectations, Received};

use super::{Broken, cookie};

pub(super) async fn receive_by_link(
    State(sp): State<Broken>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    // As if it stored the unknown Issuer as a second identity provider.
    let received = Received::by_redirect(&query, &Limits::default());
    let request = received.ok();
    let request = request.and_then(|it| it.at_its_word::<LogoutRequest>().ok());
    let is_foreign = request.is_some_and(|it| it.issuer.contains("someone-else"));
    if is_foreign && sp.is_flawed("slo-loses-start") {
        sp.memory.lock().unwrap().is_start_lost = true;
    }
    // With this flaw it verifies SAMLRequest and carries out SAMLResponse.
    if sp.is_flawed("slo-other-parameter") && query.contains("SAMLRequest=") {
        let (others, signed): (Vec<&str>, Vec<&str>) = query
            .split('&')
            .partition(|it| it.starts_with("SAMLResponse="));
        if let [other] = others[..] {
            let received = Received::by_redirect(&signed.join("&"), &Limits::default());
            return match sp.request_in(received, "slo") {
                Ok(_) => {
                    let obeyed = other.replacen("SAMLResponse=", "SAMLRequest=", 1);
                    sp.obey(&headers, &read_unverified(&obeyed))
                }
                Err(reason) => (StatusCode::FORBIDDEN, reason).into_response(),
            };
        }
    }
    if query.starts_with("SAMLResponse=") {
        let received = Received::by_redirect(&query, &Limits::default());
        return sp.take_answer(&headers, received);
    }
    let first = |name: &str| {
        let mut all = query.split('&');
        all.find(|it| it.split('=').next() == Some(name))
    };
    let without = |name: &str| {
        let kept = query
            .split('&')
            .filter(|it| it.split('=').next() != Some(name));
        kept.collect::<Vec<_>>().join("&")
    };
    let twice: Vec<&str> = query
        .split('&')
        .filter(|it| it.starts_with("SAMLRequest="))
        .collect();
    // As if it verified the signature of the query over the wrong octets.
    if sp.is_flawed("slo-redirect-deaf") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if let [one, other] = twice[..] {
        // With these flaws it verifies one of the two and carries out the other.
        let obeyed = match () {
            () if sp.is_flawed("slo-first-wins") => one,
            () if sp.is_flawed("slo-last-wins") => other,
            () => return StatusCode::BAD_REQUEST.into_response(),
        };
        let verified = if obeyed == one { other } else { one };
        let signed = query.replacen(&format!("{obeyed}&"), "", 1);
        let signed = signed.replacen(&format!("&{obeyed}"), "", 1);
        assert!(signed.contains(verified));
        return match sp.request_in(Received::by_redirect(&signed, &Limits::default()), "slo") {
            Ok(_) => sp.obey(&headers, &read_unverified(obeyed)),
            Err(reason) => (StatusCode::FORBIDDEN, reason).into_response(),
        };
    }
    if first("SigAlg").is_none() && first("Signature").is_some() && sp.is_flawed("slo-half-signed")
    {
        return sp.obey(&headers, &read_unverified(&without("Signature")));
    }
    let query = match sp.is_flawed("slo-free-relay-state") {
        true => query.replace("RelayState=second", "RelayState=first"),
        false => query,
    };
    sp.take_request(
        &headers,
        Received::by_redirect(&query, &Limits::default()),
        "slo",
    )
}

pub(super) async fn receive_by_form(
    State(sp): State<Broken>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let limits = Limits::default();
    let Some(field) = form.get("SAMLRequest") else {
        let field = form.get("SAMLResponse").map_or("", String::as_str);
        let state = form.get("RelayState").cloned();
        let received = Received::by_form(Parameter::Response, field, state, &limits);
        return sp.take_answer(&headers, received);
    };
    // As if the browser had not sent the session cookie, which has SameSite=Lax.
    if sp.is_flawed("slo-post-deaf") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if let Some(request) = sp.take_wrapped_request(field) {
        return sp.obey(&headers, &request);
    }
    let received = Received::by_form(Parameter::Request, field, None, &limits);
    sp.take_request(&headers, received, "slo-post")
}

/// Returns the request in a query, without verifying it.
fn read_unverified(query: &str) -> LogoutRequest {
    let received = Received::by_redirect(query, &Limits::default()).unwrap();
    received.at_its_word().unwrap()
}

impl Broken {
    /// With these flaws, any genuine LogoutRequest in the document counts as its signature. Returns
    /// the request that is then carried out: the one in the root element or, without the flaw of
    /// reading it, the genuine one.
    fn take_wrapped_request(&self, field: &str) -> Option<LogoutRequest> {
        if self.is_flawed("slo-wrapped-in-object") {
            return self.take_request_in_object(field);
        }
        let reads_root = self.is_flawed("slo-wrapped");
        if !reads_root && !self.is_flawed("slo-obeys-signed") {
            return None;
        }
        let document = String::from_utf8(STANDARD.decode(field).ok()?).ok()?;
        let keys = TrustedKeys::new(self.idp.signing_certificates.clone()).unwrap();
        let read = |xml: &str| {
            let field = STANDARD.encode(xml);
            Received::by_form(Parameter::Request, &field, None, &Limits::default()).ok()
        };
        let end = "</samlp:LogoutRequest>";
        let starts = document.match_indices("<samlp:LogoutRequest ");
        let genuine = starts.flat_map(|(start, _)| {
            let ends = document[start..].match_indices(end);
            ends.map(|(at, _)| &document[start..start + at + end.len()])
                .collect::<Vec<_>>()
        });
        let genuine = { genuine }.find_map(|xml| {
            let verified = read(xml)?.verify::<LogoutRequest>(&keys).ok()?;
            Some(verified.message().clone())
        })?;
        match reads_root {
            true => read(&document)?.at_its_word().ok(),
            false => Some(genuine),
        }
    }

    /// With this flaw, the signature of the root element is verified over the element that its
    /// Reference names, wherever that is, and the root element is carried out.
    fn take_request_in_object(&self, field: &str) -> Option<LogoutRequest> {
        let document = String::from_utf8(STANDARD.decode(field).ok()?).ok()?;
        let read = |xml: &str| {
            let field = STANDARD.encode(xml);
            Received::by_form(Parameter::Request, &field, None, &Limits::default()).ok()
        };
        let (head, rest) = document.split_once("<ds:Object>")?;
        let (genuine, tail) = rest.split_once("</ds:Object>")?;
        let start = head.find("<ds:Signature ")?;
        let end = "</ds:Signature>";
        let signature = format!("{}{}", &head[start..], &tail[..tail.find(end)? + end.len()]);
        let at = genuine.find("</saml:Issuer>")? + "</saml:Issuer>".len();
        let signed = format!("{}{signature}{}", &genuine[..at], &genuine[at..]);
        let keys = TrustedKeys::new(self.idp.signing_certificates.clone()).unwrap();
        read(&signed)?.verify::<LogoutRequest>(&keys).ok()?;
        read(&document)?.at_its_word().ok()
    }

    fn take_request(
        &self,
        headers: &HeaderMap,
        received: Result<Received, saml::acceptance::Refusal>,
        flaws: &str,
    ) -> Response {
        match self.request_in(received, flaws) {
            Ok(request) => self.obey(headers, &request),
            Err(reason) => (StatusCode::FORBIDDEN, reason).into_response(),
        }
    }

    /// Returns the request. The flaws decide what is verified.
    fn request_in(
        &self,
        received: Result<Received, saml::acceptance::Refusal>,
        flaws: &str,
    ) -> Result<LogoutRequest, String> {
        let code = |refusal: saml::acceptance::Refusal| refusal.code().to_owned();
        let received = received.map_err(code)?;
        let at_its_word = received.at_its_word::<LogoutRequest>().map_err(code)?;
        let keys = TrustedKeys::new(self.idp.signing_certificates.clone()).unwrap();
        let verified = match received.verify::<LogoutRequest>(&keys) {
            Ok(verified) => verified,
            Err(refusal) => {
                let is_waved = match refusal.code() {
                    "not-signed" => self.is_flawed(&format!("{flaws}-unsigned")),
                    "signature-invalid" => self.is_flawed(&format!("{flaws}-any-key")),
                    _ => false,
                };
                return match is_waved {
                    true => Ok(at_its_word),
                    false => Err(refusal.code().to_owned()),
                };
            }
        };
        let expected = LogoutExpectations {
            issuer: self.idp.entity_id.clone(),
            destination: format!("{}/slo", self.base),
            in_response_to: None,
            now: self.ambient.now(),
            clock_skew: SignedDuration::from_secs(60),
            lifetime: SignedDuration::from_secs(600),
        };
        match verified.check(&expected, None) {
            Err(refusal) if !self.is_flawed(&format!("slo-{}", refusal.code())) => {
                Err(refusal.code().to_owned())
            }
            _ => Ok(at_its_word),
        }
    }

    /// Ends the sessions that the request names, and answers it.
    fn obey(&self, headers: &HeaderMap, request: &LogoutRequest) -> Response {
        let mut memory = self.memory.lock().unwrap();
        let is_new = memory.obeyed.insert(request.id.clone());
        if !is_new && !self.is_flawed("slo-again") {
            return StatusCode::FORBIDDEN.into_response();
        }
        let Principal::Named(name) = &request.principal else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let any_index = request.session_indexes.is_empty() || self.is_flawed("slo-any-index");
        let own = cookie(headers, "session").unwrap_or_default();
        // With this flaw it looks only at the user's first session, as mod_auth_mellon does.
        let mut sessions: Vec<_> = memory.sessions.iter().collect();
        sessions.sort_by_key(|(_, it)| it.number);
        let first = sessions.iter().find(|(_, it)| it.user == name.value);
        let first = first.map(|(id, it)| ((*id).clone(), it.index.clone()));
        let is_first_only = self.is_flawed("slo-first-session");
        if let Some((_, index)) = first.as_ref().filter(|_| is_first_only)
            && !any_index
            && !request.session_indexes.contains(index)
        {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        memory.sessions.retain(|id, it| {
            let is_named = it.user == name.value || self.is_flawed("slo-any-name") && id == own;
            let is_meant = is_named && (any_index || request.session_indexes.contains(&it.index));
            let is_elsewhere = id != own && self.is_flawed("slo-one-browser")
                || is_first_only && first.as_ref().is_some_and(|(first, _)| first != id);
            !is_meant || is_elsewhere || self.is_flawed("slo-deaf")
        });
        drop(memory);
        if self.is_flawed("slo-silent") || self.is_flawed("slo-deaf") {
            return Redirect::to("/whoami").into_response();
        }
        let to = &self.idp.slo[0].location;
        let answer = LogoutResponse {
            id: format!("_{}", self.ambient.rng().hex(16)),
            issue_instant: self.ambient.now(),
            issuer: format!("{}/metadata", self.base),
            destination: Some(to.clone()),
            in_response_to: Some(request.id.clone()),
            status: Status::success(),
        };
        let url = redirect::encode(to, Parameter::Response, &answer.to_xml(), None, None);
        Redirect::to(&url.unwrap()).into_response()
    }
}
