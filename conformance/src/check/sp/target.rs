//! The service provider to check.

use regex::Regex;
use saml::metadata::SpMetadata;
use url::Url;

/// The service provider to check.
#[derive(Debug, Clone)]
pub struct Target {
    /// The metadata of the service provider.
    pub metadata: SpMetadata,
    /// The XML document of the metadata; empty if there is none.
    pub document: String,
    /// The URL at which a login starts; `None` for a service provider that sends no AuthnRequest
    /// and accepts unsolicited Responses.
    pub start_url: Option<Url>,
    /// A page that shows who is logged in, when it is requested with the cookies of a login.
    pub probe_url: Url,
    /// The URL at which a user logs out, if the checks of single logout that the service provider
    /// starts are wanted. It is requested by GET, or by POST if GET is refused.
    pub logout_url: Option<Url>,
    /// Matches the body of the probe if [`Person::user`](super::Person::user) is logged in, and only then.
    pub expect: Regex,
}
