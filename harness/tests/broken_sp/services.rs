//! A second assertion consumer service.

use saml::metadata::{Endpoint, IndexedEndpoint};
use saml::names;

use super::{Broken, USER};

/// The index of the second service, if a flaw and not `Switch::AcsIndex` adds it.
const INDEX: u16 = 1;

impl Broken {
    /// Returns the service provider with the URL of this path as its own, if it has two services.
    pub(super) fn at(self, path: &str) -> Self {
        let here = self.is_flawed("two-services").then(|| path.to_owned());
        Self { here, ..self }
    }

    /// True if the service at which the Response arrived refuses every one.
    pub(super) fn is_closed(&self) -> bool {
        let path = format!("/acs/{INDEX}");
        self.is_flawed("closed-service") && self.here.as_ref() == Some(&path)
    }

    /// Returns the second service of the metadata, if there is one.
    pub(super) fn second_service(&self) -> Option<IndexedEndpoint> {
        let index = match self.is_flawed("two-services") {
            true => INDEX,
            false => self.acs_number()?,
        };
        Some(IndexedEndpoint {
            endpoint: Endpoint::at(names::HTTP_POST, &format!("{}/acs/{index}", self.base)),
            index,
            is_default: false,
        })
    }

    /// Returns the user of a Response that is addressed to the other service, if a flaw accepts
    /// it.
    pub(super) fn user_of_other_service(&self, reason: &str, document: &str) -> Option<String> {
        let other = format!("{}/acs/{INDEX}\"", self.base);
        let is_waved = |flaw: &str, refusal: &str, attribute: &str| {
            self.is_flawed(flaw)
                && reason == refusal
                && document.contains(&format!(" {attribute}=\"{other}"))
        };
        let is_accepted = is_waved("any-recipient", "wrong-recipient", "Recipient")
            || is_waved("any-destination", "wrong-destination", "Destination");
        is_accepted.then(|| USER.to_owned())
    }
}
