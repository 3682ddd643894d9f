//! A request to the token endpoint: what it contains, and how the client authenticates in it.

use ambient::Ambient;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::assertion::{Asserter, AssertionFault, Signer};
use super::key::decode_jwt;
use super::settings::{Authentication, Federated, Settings};

/// Type of a client assertion (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Replaces secrets in evidence.
pub(super) const MASK: &str = "•••";

/// What a token request contains beside the grant type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenRequest {
    /// The valid authentication of the client.
    Honest,
    /// The same way of authentication, with this secret.
    Secret(String),
    /// No authentication, only the client ID.
    Nobody,
    /// An assertion with this fault.
    Faulty(AssertionFault),
    /// This assertion.
    Assertion(String),
}

impl TokenRequest {
    /// Returns a request with its authentication.
    pub(super) fn form(&self, settings: &Settings, ambient: &Ambient) -> Result<Form, String> {
        let mut form = Form::new(settings);
        match self {
            Self::Nobody => form.add("client_id", &settings.client_id),
            Self::Secret(secret) => form.authenticate(settings, ambient, Some(secret))?,
            Self::Honest => form.authenticate(settings, ambient, None)?,
            Self::Assertion(assertion) => form.assert(settings, assertion),
            Self::Faulty(fault) => {
                let assertion = settings.assertion(Some(*fault), ambient)?;
                form.assert(settings, &assertion);
                // Otherwise a server looks the other subject up, finds no client, and never
                // compares.
                let has_id = form.fields.iter().any(|(name, _)| *name == "client_id");
                if *fault == AssertionFault::Subject && !has_id {
                    form.add("client_id", &settings.client_id);
                }
            }
        }
        Ok(form)
    }
}

/// The form of a token request.
pub(super) struct Form {
    pub(super) fields: Vec<(&'static str, String)>,
    /// The `Authorization` header.
    pub(super) authorization: Option<String>,
}

impl Form {
    fn new(settings: &Settings) -> Self {
        let mut form = Self {
            fields: Vec::new(),
            authorization: None,
        };
        form.add("grant_type", "client_credentials");
        for (name, value) in [("scope", &settings.scope), ("audience", &settings.audience)] {
            if let Some(value) = value {
                form.add(name, value);
            }
        }
        form
    }

    fn add(&mut self, name: &'static str, value: &str) {
        self.fields.push((name, value.to_owned()));
    }

    /// Adds the client's authentication, with another secret if one is given.
    fn authenticate(
        &mut self,
        settings: &Settings,
        ambient: &Ambient,
        other: Option<&String>,
    ) -> Result<(), String> {
        let id = &settings.client_id;
        match &settings.authentication {
            Authentication::SecretBasic(own) => {
                // Both are form-encoded inside (RFC 6749 §2.3.1).
                let encode = |text: &str| -> String {
                    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
                };
                let pair = format!("{}:{}", encode(id), encode(other.unwrap_or(own)));
                self.authorization = Some(format!("Basic {}", STANDARD.encode(pair)));
            }
            Authentication::SecretPost(own) => {
                self.add("client_id", id);
                self.add("client_secret", other.unwrap_or(own));
            }
            Authentication::SecretJwt(own) => {
                let asserter = settings
                    .asserter()
                    .ok_or("the client does not sign assertions")?;
                let asserter = Asserter {
                    signer: Signer::Secret(other.unwrap_or(own)),
                    ..asserter
                };
                let jti = ambient.rng().hex(16);
                let signed = asserter.assertion(ambient.now(), &jti, None)?;
                self.assert(settings, &signed);
            }
            _ if other.is_some() => {
                return Err("the client does not authenticate by a secret".to_owned());
            }
            Authentication::Federated(Federated::File(path)) => {
                let read = ambient::text_file::read(path);
                let read =
                    read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                self.assert(settings, read.trim());
            }
            Authentication::PrivateKeyJwt(_)
            | Authentication::Federated(Federated::Signed { .. }) => {
                let signed = settings.assertion(None, ambient)?;
                self.assert(settings, &signed);
            }
        }
        Ok(())
    }

    /// Adds an assertion.
    fn assert(&mut self, settings: &Settings, assertion: &str) {
        // The subject of a federated assertion is not the client ID.
        if matches!(settings.authentication, Authentication::Federated(_)) {
            self.add("client_id", &settings.client_id);
        }
        self.add("client_assertion_type", JWT_BEARER);
        self.add("client_assertion", assertion);
    }
}

/// Returns the form for reports: secrets are masked, assertions are decoded.
pub(super) fn shown_form(form: &[(&'static str, String)]) -> Value {
    let shown = form.iter().map(|(name, value)| {
        let value = match *name {
            "client_secret" => MASK.into(),
            "client_assertion" => match decode_jwt(value) {
                Some((header, claims)) => json!({"header": header, "claims": claims}),
                None => MASK.into(),
            },
            _ => value.clone().into(),
        };
        ((*name).to_owned(), value)
    });
    Value::Object(shown.collect())
}
