//! Single logout that the service provider starts, and its flaws. Without flaws it sends a signed
//! LogoutRequest, and ends the session when the LogoutResponse arrives.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use saml::acceptance::{Refusal, TrustedKeys};
use saml::binding::{Parameter, redirect};
use saml::message::{LogoutRequest, LogoutResponse, NameId, NameIdFormat, Principal};
use saml::reception::{LogoutExpectations, Received};
use url::form_urlencoded::byte_serialize;

use super::{Broken, KEY, cookie};

/// A LogoutRequest that waits for its LogoutResponse.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    request: String,
    /// The cookie of the session that ends.
    session: String,
}

/// Answers the logout URL. With the flaw `out-by-form`, it shows a form that has to be sent.
pub(super) async fn log_out(State(sp): State<Broken>, uri: Uri, headers: HeaderMap) -> Response {
    let is_confirmed = uri.query() == Some("sure=yes");
    if sp.is_flawed("out-by-form") && !is_confirmed {
        return Html("<form><button name=sure value=yes>Log out</button></form>").into_response();
    }
    let is_offered = sp.is_flawed("logout") || sp.is_flawed("logout-post-only");
    let own = cookie(&headers, "session").unwrap_or_default().to_owned();
    let session = sp.memory.lock().unwrap().sessions.get(&own).cloned();
    let Some(session) = session.filter(|_| is_offered) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if sp.is_flawed("out-local") || sp.is_flawed("out-at-once") {
        sp.memory.lock().unwrap().sessions.remove(&own);
    }
    if sp.is_flawed("out-local") {
        return Redirect::to("/whoami").into_response();
    }
    let id = format!("_{}", sp.ambient.rng().hex(16));
    let now = sp.ambient.now();
    let until = now + SignedDuration::from_secs(300);
    let request = LogoutRequest {
        id: id.clone(),
        issue_instant: now,
        issuer: match sp.is_flawed("out-issuer") {
            true => "https://someone-else.example".to_owned(),
            false => format!("{}/metadata", sp.base),
        },
        destination: match sp.is_flawed("out-destination") {
            true => Some("https://someone-else.example/slo".to_owned()),
            false => Some(sp.idp.slo[0].location.clone()),
        },
        not_on_or_after: Some(match sp.is_flawed("out-expired") {
            true => now - SignedDuration::from_secs(300),
            false => until,
        }),
        reason: None,
        principal: Principal::Named(NameId {
            value: session.name.clone(),
            format: match sp.is_flawed("out-format") {
                true => NameIdFormat::Unspecified,
                false => NameIdFormat::from_uri(&session.format),
            },
            name_qualifier: sp.is_flawed("out-qualifier").then(|| "corp".to_owned()),
            // The default of persistent names may be written.
            sp_name_qualifier: Some(format!("{}/metadata", sp.base)),
        }),
        session_indexes: match sp.is_flawed("out-no-index") {
            true => Vec::new(),
            false => vec![session.index],
        },
    };
    let mut xml = request.to_xml();
    if sp.is_flawed("out-order") {
        let (head, rest) = xml.split_once("<samlp:SessionIndex>").unwrap();
        let (index, rest) = rest.split_once("</samlp:SessionIndex>").unwrap();
        let head = head.replace(
            "<saml:NameID",
            &format!("<samlp:SessionIndex>{index}</samlp:SessionIndex><saml:NameID"),
        );
        xml = format!("{head}{rest}");
    }
    let relay_state = sp.ambient.rng().token(16);
    let pending = Pending {
        request: id,
        session: own,
    };
    let mut memory = sp.memory.lock().unwrap();
    memory.logouts.insert(relay_state.clone(), pending);
    drop(memory);
    let to = &sp.idp.slo[0].location;
    let key = (!sp.is_flawed("out-unsigned")).then_some(&*KEY);
    let url = redirect::encode(to, Parameter::Request, &xml, Some(&relay_state), key).unwrap();
    let url = match sp.is_flawed("out-unsigned-relay-state") {
        // The signature does not cover RelayState.
        true => {
            let url = redirect::encode(to, Parameter::Request, &xml, None, key).unwrap();
            format!("{url}&RelayState={relay_state}")
        }
        false => url,
    };
    let url = match sp.is_flawed("out-sha1") {
        true => sign_with_sha1(to, Parameter::Request, &xml, &relay_state),
        false => url,
    };
    Redirect::to(&url).into_response()
}

/// Returns the URL of a message by HTTP-Redirect that is signed with RSA and SHA-1.
pub(super) fn sign_with_sha1(
    to: &str,
    parameter: Parameter,
    xml: &str,
    relay_state: &str,
) -> String {
    let url = redirect::encode(to, parameter, xml, Some(relay_state), None).unwrap();
    let algorithm = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
    let url = format!("{url}&SigAlg={}", percent(algorithm));
    let (_, query) = url.split_once('?').unwrap();
    let value = faults::rsa_sha1(&KEY, query.as_bytes()).unwrap();
    format!("{url}&Signature={}", percent(&STANDARD.encode(value)))
}

fn percent(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

impl Broken {
    /// Handles a LogoutResponse.
    pub(super) fn take_answer(
        &self,
        headers: &HeaderMap,
        received: Result<Received, Refusal>,
    ) -> Response {
        let refused = |code: &str| (StatusCode::FORBIDDEN, code.to_owned()).into_response();
        let received = match received {
            Ok(received) => received,
            Err(refusal) => return refused(refusal.code()),
        };
        let state = received.relay_state().unwrap_or_default().to_owned();
        if self.is_flawed("out-relay-state")
            && let Ok(location) = HeaderValue::from_str(&state)
            && state.contains("//")
        {
            let mut answer = Redirect::to("/whoami").into_response();
            answer.headers_mut().insert(header::LOCATION, location);
            return answer;
        }
        let pending = self.memory.lock().unwrap().logouts.remove(&state);
        let Some(pending) = pending else {
            if self.is_flawed("slo-obeys-answers")
                && let Some(session) = cookie(headers, "session")
            {
                self.memory.lock().unwrap().sessions.remove(session);
            }
            return StatusCode::BAD_REQUEST.into_response();
        };
        if let Err(code) = self.answer_in(received, &pending) {
            return refused(&code);
        }
        if !self.is_flawed("out-deaf") {
            self.memory
                .lock()
                .unwrap()
                .sessions
                .remove(&pending.session);
        }
        "You are logged out.".into_response()
    }

    /// Verifies a LogoutResponse. The flaws decide what is verified.
    fn answer_in(&self, received: Received, pending: &Pending) -> Result<(), String> {
        let keys = TrustedKeys::new(self.idp.signing_certificates.clone()).unwrap();
        let verified = match received.verify::<LogoutResponse>(&keys) {
            Ok(verified) => verified,
            Err(refusal) => {
                let is_waved = match refusal.code() {
                    "not-signed" => self.is_flawed("out-takes-unsigned"),
                    "signature-invalid" => self.is_flawed("out-any-key"),
                    _ => false,
                };
                return match is_waved {
                    true => Ok(()),
                    false => Err(refusal.code().to_owned()),
                };
            }
        };
        let expected = LogoutExpectations {
            issuer: self.idp.entity_id.clone(),
            destination: format!("{}/slo", self.base),
            in_response_to: Some(pending.request.clone()),
            now: self.ambient.now(),
            clock_skew: SignedDuration::from_secs(60),
            lifetime: SignedDuration::from_secs(600),
        };
        match verified.check(&expected) {
            Err(refusal) if !self.is_flawed(&format!("out-{}", refusal.code())) => {
                Err(refusal.code().to_owned())
            }
            _ => Ok(()),
        }
    }
}
