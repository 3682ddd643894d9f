//! Logout messages of the identity provider, and of an attacker who sends them in its place.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use saml::binding::post;
use saml::keys::SigningKey;
use saml::message::{LogoutRequest, LogoutResponse, Status};
use saml::names;
use saml::signature::Signer;
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::super::visitor::Visitor;
use super::Stop;
use crate::check::sp::{Judge, logout_request};

/// A browser in which a user is logged in.
pub(super) struct Session {
    pub(super) visitor: Visitor,
    /// The `NameID` of the assertion.
    pub(super) name: String,
    /// The `SessionIndex` of the assertion.
    pub(super) index: String,
}

/// A change to the signed query of the HTTP-Redirect binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trick {
    /// The query is not changed.
    None,
    /// `SigAlg` is removed after signing.
    NoAlgorithm,
    /// `RelayState` is changed after signing.
    OtherRelayState,
    /// The query has two `SAMLRequest` parameters: a signed one about another user, then an
    /// unsigned one about this user.
    TwiceAfter,
    /// As [`Self::TwiceAfter`], but with the unsigned parameter first.
    TwiceBefore,
    /// The query has a signed message and an unsigned one, in this order and form: a template of
    /// `signed_query`.
    Beside(&'static str),
}

/// A logout message and how to sign it.
pub(super) struct Message<'m> {
    pub(super) xml: String,
    /// `SAMLRequest` or `SAMLResponse`.
    pub(super) parameter: &'static str,
    /// The key that signs the message; `None` for an unsigned message.
    pub(super) key: Option<&'m SigningKey>,
    pub(super) trick: Trick,
    /// `RelayState` that is sent with the message.
    pub(super) relay_state: Option<String>,
    /// The XML of the unsigned second message, for [`Trick::TwiceAfter`], [`Trick::TwiceBefore`] and
    /// [`Trick::Beside`].
    pub(super) other_xml: String,
}

/// A message as the browser sends it.
pub(super) enum Carried {
    /// A URL to open (HTTP-Redirect).
    Link(Url),
    /// A URL to post to, with the fields of the form (HTTP-POST).
    Form(Url, Vec<(&'static str, String)>),
}

/// Creates a valid LogoutRequest for this session, with `location` as its `Destination`.
pub(super) fn request_of(judge: &Judge, session: &Session, location: &str) -> LogoutRequest {
    logout_request(judge, &session.name, vec![session.index.clone()], location)
}

/// Creates a LogoutResponse whose `InResponseTo` is the ID of no LogoutRequest.
pub(super) fn unsolicited_answer(judge: &Judge, location: &str) -> LogoutResponse {
    let id = || format!("_{}", judge.ambient.rng().hex(16));
    LogoutResponse {
        id: id(),
        issue_instant: judge.ambient.now(),
        issuer: judge.provider.entity_id.clone(),
        destination: Some(location.to_owned()),
        in_response_to: Some(id()),
        status: Status::success(),
    }
}

impl<'m> Message<'m> {
    /// Creates a message from a LogoutRequest; `key` signs it, if there is one.
    pub(super) fn request(request: &LogoutRequest, key: Option<&'m SigningKey>) -> Self {
        Self {
            xml: request.to_xml(),
            parameter: "SAMLRequest",
            key,
            trick: Trick::None,
            relay_state: None,
            other_xml: String::new(),
        }
    }

    /// Creates a message from a LogoutResponse; `key` signs it, if there is one.
    pub(super) fn response(response: &LogoutResponse, key: Option<&'m SigningKey>) -> Self {
        Self {
            xml: response.to_xml(),
            parameter: "SAMLResponse",
            key,
            trick: Trick::None,
            relay_state: None,
            other_xml: String::new(),
        }
    }

    /// Signs and encodes the message for this binding.
    ///
    /// # Errors
    /// [`Stop::Skip`] if the message cannot be signed or `location` is no URL.
    pub(super) fn encode_for_binding(
        &self,
        binding: &str,
        location: &str,
    ) -> Result<Carried, Stop> {
        let failed =
            |error: String| Stop::Skip(format!("cannot create the logout message: {error}"));
        let url = Url::parse(location).map_err(|error| failed(error.to_string()))?;
        if binding == names::HTTP_POST {
            let xml = match self.key {
                Some(key) => Signer::of_documents(key.clone())
                    .sign_document(&self.xml)
                    .map_err(|error| failed(error.to_string()))?,
                None => self.xml.clone(),
            };
            let mut fields = vec![(self.parameter, post::encode(&xml))];
            fields.extend(self.relay_state.clone().map(|it| ("RelayState", it)));
            return Ok(Carried::Form(url, fields));
        }
        let query = self.query().map_err(failed)?;
        let query = match url.query() {
            Some(own) if !own.is_empty() => format!("{own}&{query}"),
            _ => query,
        };
        let mut link = url;
        link.set_query(Some(&query));
        Ok(Carried::Link(link))
    }

    /// Returns the query for HTTP-Redirect (saml-bindings §3.4.4.1), changed as `trick` says.
    fn query(&self) -> Result<String, String> {
        let message = pair(self.parameter, &deflate(&self.xml)?);
        let mut query = message.clone();
        if self.trick == Trick::OtherRelayState {
            query.push_str("&RelayState=first");
        }
        if let Some(state) = &self.relay_state {
            query.push('&');
            query.push_str(&pair("RelayState", state));
        }
        let Some(key) = self.key else {
            return Ok(query);
        };
        let algorithm = pair("SigAlg", key.algorithm().uri());
        query.push('&');
        query.push_str(&algorithm);
        let signature = key
            .sign(key.algorithm(), query.as_bytes())
            .map_err(|error| error.to_string())?;
        let signature = pair("Signature", &STANDARD.encode(signature));
        if let Trick::Beside(template) = self.trick {
            return self.fill_in(template, &query, &signature);
        }
        query.push('&');
        query.push_str(&signature);
        let other = pair(self.parameter, &deflate(&self.other_xml)?);
        Ok(match self.trick {
            Trick::None | Trick::Beside(_) => query,
            Trick::NoAlgorithm => query.replace(&format!("&{algorithm}"), ""),
            Trick::OtherRelayState => query.replace("RelayState=first", "RelayState=second"),
            Trick::TwiceAfter => format!("{query}&{other}"),
            Trick::TwiceBefore => format!("{other}&{query}"),
        })
    }

    /// Returns the query of a template: `{signed}` is the signed part, `{signature}` the parameter
    /// Signature, `{forged}` the value of the unsigned message; `{name}` is the parameter of the
    /// signed message, `{encoded}` the same with a percent-encoded letter, and `{other}` the other
    /// parameter of the two.
    fn fill_in(&self, template: &str, signed: &str, signature: &str) -> Result<String, String> {
        let forged = deflate(&self.other_xml)?;
        let forged: String = byte_serialize(forged.as_bytes()).collect();
        let other = match self.parameter {
            "SAMLRequest" => "SAMLResponse",
            _ => "SAMLRequest",
        };
        Ok(template
            .replace(
                "{encoded}",
                &self.parameter.replacen("SAMLRe", "SAML%52e", 1),
            )
            .replace("{name}", self.parameter)
            .replace("{other}", other)
            .replace("{signed}", signed)
            .replace("{signature}", signature)
            .replace("{forged}", &forged))
    }
}

fn deflate(xml: &str) -> Result<String, String> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(xml.as_bytes())
        .map_err(|error| error.to_string())?;
    let bytes = encoder.finish().map_err(|error| error.to_string())?;
    Ok(STANDARD.encode(bytes))
}

fn pair(name: &str, value: &str) -> String {
    let mut out = format!("{name}=");
    out.extend(byte_serialize(value.as_bytes()));
    out
}
