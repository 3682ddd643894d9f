//! The service provider to check.

use saml::metadata::SpMetadata;
use url::Url;

use super::form_field::FormField;
use super::{Disable, Expect, MemorySource};

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
    /// Fields of the form on the page at `start_url` which starts the login; empty if opening the URL
    /// starts it.
    pub start_form: Vec<FormField>,
    /// A page that shows who is logged in, when it is requested with the cookies of a login.
    pub probe_url: Url,
    /// The URL at which a user logs out, if the checks of single logout that the service provider
    /// starts are wanted. It is requested by GET, or by POST if GET is refused.
    pub logout_url: Option<Url>,
    /// Fields of the form on the page at `logout_url` which starts the logout; empty if the request to
    /// the URL starts it.
    pub logout_form: Vec<FormField>,
    /// How the identity provider is disabled at the service provider, for the check of that; it is
    /// used of the second tenant only.
    pub disable: Option<Disable>,
    /// Where the memory of the service provider is read; `None` if it is not judged.
    pub memory: Option<MemorySource>,
    /// Matches the probe's answer if [`Person::user`](super::Person::user) is logged in, and only then.
    pub expect: Expect,
}
