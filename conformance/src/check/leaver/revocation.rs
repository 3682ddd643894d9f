//! Okta's Universal Logout: a signed request that ends all sessions and tokens of a person
//! (draft-parecki-oauth-global-token-revocation).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use saml::keys::SignatureAlgorithm;
use serde_json::{Value, json};
use url::Url;

use super::provider::{Provider, key_id};
use crate::check::evidence::Exchange;
use crate::check::runner::{Access, AnswerError, read_body};
use crate::excerpt::truncate;

/// Format of the Subject Identifier `sub_id` (RFC 9493).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SubjectFormat {
    /// `email`: by the e-mail address.
    #[default]
    Email,
    /// `iss_sub`: by the identity provider's entity ID and the `NameID`.
    IssSub,
}

/// The application's revocation endpoint.
#[derive(Debug, Clone)]
pub struct Revocation {
    /// URL of the endpoint.
    pub url: Url,
    /// How `sub_id` identifies the person.
    pub format: SubjectFormat,
}

/// Validity of a request before and after its `iat`, in seconds.
const VALIDITY: i64 = 300;

impl Revocation {
    fn subject(&self, request: &Request<'_>) -> Value {
        let Request {
            provider,
            user,
            name_id,
            ..
        } = request;
        match self.format {
            SubjectFormat::Email => json!({"format": "email", "email": user}),
            SubjectFormat::IssSub => {
                json!({"format": "iss_sub", "iss": provider.saml.entity_id, "sub": name_id})
            }
        }
    }

    /// Returns the JWT of a request. `kid` is always that of the played identity provider's own
    /// key, so that a signature by another key is a forgery.
    fn token(&self, request: &Request<'_>) -> Result<String, String> {
        let provider = request.provider;
        let key = match request.forgery {
            Some(Forgery::Key) => &provider.saml.foreign,
            _ => &provider.saml.key,
        };
        let header = json!({
            "typ": "global-token-revocation+jwt",
            "alg": "RS256",
            "kid": key_id(&provider.saml.key),
        });
        let mut now = request.now.as_second();
        if request.forgery == Some(Forgery::Expired) {
            // More than any allowed difference of clocks.
            now -= 24 * 3600;
        }
        let issuer = match request.forgery {
            Some(Forgery::Issuer) => ELSEWHERE,
            _ => &provider.issuer,
        };
        let audience = match request.forgery {
            Some(Forgery::Audience) => ELSEWHERE,
            _ => self.url.as_str(),
        };
        let claims = json!({
            "iss": issuer,
            "sub": issuer,
            "aud": audience,
            "jti": request.id,
            "iat": now,
            // Okta sets nbf in the past too, because the clocks may differ.
            "nbf": now - VALIDITY,
            "exp": now + VALIDITY,
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = key
            .sign(SignatureAlgorithm::RsaSha256, signed.as_bytes())
            .map_err(|error| error.to_string())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Sends a revocation request for a person. Returns the HTTP status of the answer.
    ///
    /// # Errors
    /// The JWT cannot be signed, or no answer was received.
    pub(super) async fn send(
        &self,
        request: &Request<'_>,
        access: &Access,
        log: &mut Vec<Exchange>,
    ) -> Result<u16, String> {
        let token = self.token(request)?;
        let body = json!({"sub_id": self.subject(request)});
        let client = access.client();
        let client = client.build().map_err(|error| error.to_string())?;
        let answer = client
            .post(self.url.clone())
            .bearer_auth(token)
            .json(&body)
            .send()
            .await
            .map_err(|error| AnswerError::of(&error, access.timeout).to_string())?;
        let status = answer.status().as_u16();
        let text = read_body(answer, access.timeout).await;
        let text = text.map_err(|error| error.to_string())?;
        log.push(Exchange {
            from: "Identity provider".to_owned(),
            to: "Application".to_owned(),
            method: "POST".to_owned(),
            url: self.url.to_string(),
            sent_headers: vec![("authorization".to_owned(), "Bearer •••".to_owned())],
            sent: body.to_string(),
            status: Some(status),
            answered: truncate(&text, 2000),
            ..Exchange::default()
        });
        Ok(status)
    }
}

/// Neither the issuer nor the audience of honest requests.
const ELSEWHERE: &str = "https://elsewhere.example";

/// What is wrong with the JWT of a revocation request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forgery {
    /// Another key signed it.
    Key,
    /// It is for another audience.
    Audience,
    /// Another issuer is named.
    Issuer,
    /// It expired a day ago.
    Expired,
}

impl Forgery {
    /// All forgeries, in the order in which they are sent.
    pub(super) const ALL: [Self; 4] = [Self::Key, Self::Audience, Self::Issuer, Self::Expired];

    /// Describes the request in a sentence.
    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Key => "another key signed the request",
            Self::Audience => "the request is for another audience",
            Self::Issuer => "the request names another issuer",
            Self::Expired => "the request had expired",
        }
    }
}

/// One revocation request.
pub(super) struct Request<'r> {
    pub(super) provider: &'r Provider,
    /// What is wrong with the JWT; `None` for an honest request.
    pub(super) forgery: Option<Forgery>,
    /// userName of the person whose sessions and tokens must end.
    pub(super) user: &'r str,
    /// Value of their NameID.
    pub(super) name_id: &'r str,
    /// `jti` of the JWT.
    pub(super) id: String,
    pub(super) now: jiff::Timestamp,
}
