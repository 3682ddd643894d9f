//! Options that only the owner of the server can set.

use serde_json::Value;

use super::credentials::Credentials;

/// Options that only the owner of the server can set.
#[derive(Clone, Default)]
pub struct Options {
    /// The domain of userNames and e-mail addresses; example.com if `None`.
    pub domain: Option<String>,
    /// A user as JSON whose members every user gets that a check creates;
    /// `{name}` stands for the userName.
    pub template: Option<Value>,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
    /// Maximum number of requests per second; `None`: without a limit.
    pub rate: Option<f64>,
    /// How long look-ups are sent at the rate that profiles demand, in seconds;
    /// none are if `None`.
    pub rate_seconds: Option<u32>,
    /// Another tenant of the server.
    pub second: Option<SecondTenant>,
    /// The answer of the token endpoint, if the token came from one.
    pub oauth: Option<OAuthToken>,
}

/// Another tenant of the same server.
#[derive(Clone, Debug)]
pub struct SecondTenant {
    /// The credentials of the tenant.
    pub credentials: Credentials,
    /// The base URL of the tenant, if it differs from that of the first tenant.
    pub base: Option<String>,
}

/// What a token endpoint said of a token that it issued by the client
/// credentials grant (RFC 6749 §4.4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthToken {
    /// `expires_in`, in seconds.
    pub expires_in: Option<u64>,
    /// `scope`.
    pub scope: Option<String>,
    /// True if the client authenticated with a signed assertion (RFC 7523 §2.2).
    pub by_assertion: bool,
    /// The assertions with a fault that were tried; empty if none were.
    pub tried: Vec<TriedAssertion>,
}

/// The answer to a client assertion that must be refused (RFC 7523 §3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriedAssertion {
    /// What is wrong with the assertion, for example `it has expired`.
    pub fault: &'static str,
    /// HTTP status of the answer.
    pub status: u16,
    /// True if a token was issued although it must not be.
    pub is_issued: bool,
}
