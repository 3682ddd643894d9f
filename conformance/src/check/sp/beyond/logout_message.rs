//! Logout messages as the identity provider, or somebody in its place, sends
//! them.

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

/// Somebody who is logged in.
pub(super) struct Session {
    pub(super) visitor: Visitor,
    /// Whom the identity provider named.
    pub(super) name: String,
    /// The SessionIndex of the assertion.
    pub(super) index: String,
}

/// What is done to a signed query on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trick {
    /// It stays as it was signed.
    None,
    /// SigAlg is taken out.
    NoAlgorithm,
    /// RelayState is changed after signing.
    OtherRelayState,
    /// A signed request about somebody else, whose parameter comes twice: the
    /// second one, about the user, is unsigned.
    TwiceAfter,
    /// The same, with the unsigned one first.
    TwiceBefore,
}

/// A message about to be sent.
pub(super) struct Message<'m> {
    pub(super) xml: String,
    /// `SAMLRequest` or `SAMLResponse`.
    pub(super) parameter: &'static str,
    /// None: it is not signed.
    pub(super) key: Option<&'m SigningKey>,
    pub(super) trick: Trick,
    /// What the second parameter of a doubled one contains.
    pub(super) other_xml: String,
}

/// How a message is carried: an address to open, or one to post a field to.
pub(super) enum Carried {
    Link(Url),
    Form(Url, &'static str, String),
}

/// The honest request to end this session, at this address of the service
/// provider.
pub(super) fn request_of(judge: &Judge, session: &Session, location: &str) -> LogoutRequest {
    logout_request(judge, &session.name, vec![session.index.clone()], location)
}

/// An answer to a request that nobody made.
pub(super) fn unasked_answer(judge: &Judge, location: &str) -> LogoutResponse {
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
    /// A request, signed with this key.
    pub(super) fn request(request: &LogoutRequest, key: Option<&'m SigningKey>) -> Self {
        Self {
            xml: request.to_xml(),
            parameter: "SAMLRequest",
            key,
            trick: Trick::None,
            other_xml: String::new(),
        }
    }

    /// Carries it by this binding.
    pub(super) fn carry(&self, binding: &str, location: &str) -> Result<Carried, Stop> {
        let failed = |error: String| Stop::Skip(format!("the message cannot be made: {error}"));
        let url = Url::parse(location).map_err(|error| failed(error.to_string()))?;
        if binding == names::HTTP_POST {
            let xml = match self.key {
                Some(key) => Signer::of_documents(key.clone())
                    .sign_document(&self.xml)
                    .map_err(|error| failed(error.to_string()))?,
                None => self.xml.clone(),
            };
            return Ok(Carried::Form(url, self.parameter, post::encode(&xml)));
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

    /// The query of a redirect (saml-bindings §3.4.4.1).
    fn query(&self) -> Result<String, String> {
        let message = pair(self.parameter, &deflated(&self.xml)?);
        let mut query = message.clone();
        if self.trick == Trick::OtherRelayState {
            query.push_str("&RelayState=first");
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
        query.push('&');
        query.push_str(&pair("Signature", &STANDARD.encode(signature)));
        let other = pair(self.parameter, &deflated(&self.other_xml)?);
        Ok(match self.trick {
            Trick::None => query,
            Trick::NoAlgorithm => query.replace(&format!("&{algorithm}"), ""),
            Trick::OtherRelayState => query.replace("RelayState=first", "RelayState=second"),
            Trick::TwiceAfter => format!("{query}&{other}"),
            Trick::TwiceBefore => format!("{other}&{query}"),
        })
    }
}

fn deflated(xml: &str) -> Result<String, String> {
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
