//! Reads and checks the requests of service providers (saml-profiles §4.1.4.1).

use std::sync::Arc;

use saml::acceptance::{Refusal, TrustedKeys};
use saml::message::{AuthnRequest, NameIdFormat, authn_strength};
use saml::reception::Received;

use super::session_cache::ServiceProvider;
use super::{Denied, SignOnRequest, page};
use crate::Idp;
use crate::applications::Application;

type Result<T> = std::result::Result<T, Denied>;

impl Idp {
    /// Returns the application with this SP Entity ID, if it is enabled.
    pub(super) async fn get_enabled_application(
        &self,
        environment_id: &str,
        entity: &str,
    ) -> Result<Arc<ServiceProvider>> {
        let Some(found) = self.find_service_provider(environment_id, entity).await? else {
            return page(format!(
                "No application of this environment has the SP Entity ID {entity}. \
                 Compare it with the application's Configuration, letter by letter."
            ));
        };
        let application = &found.application;
        if !application.enabled {
            return page(format!(
                "The application {} is switched off. An administrator can enable it under Connections, Applications.",
                application.name
            ));
        }
        Ok(found)
    }

    /// Checks an `AuthnRequest`: issuer, signature, destination and assertion consumer service
    /// URL.
    pub(crate) async fn check_authn_request(
        &self,
        environment_id: &str,
        received: Received,
    ) -> Result<SignOnRequest> {
        // Most requests are not signed: they are parsed here, and not a second time below.
        let unsigned = match received.is_signed().map_err(unreadable)? {
            true => None,
            false => received.at_its_word::<AuthnRequest>().ok(),
        };
        let issuer = match &unsigned {
            Some(request) if !request.issuer.is_empty() => request.issuer.clone(),
            _ => received.claimed_issuer().map_err(unreadable)?,
        };
        let found = self
            .get_enabled_application(environment_id, &issuer)
            .await?;
        let application = &found.application;
        let relay_state = received.relay_state().map(str::to_owned);
        let (request, signed) = match unsigned {
            Some(request) => (require_no_signature(&found, request)?, false),
            None => verify_request(&found, received)?,
        };
        let sso_url = self.sso_url(environment_id);
        if let Some(destination) = &request.destination
            && *destination != sso_url
        {
            return page(format!(
                "The request is addressed to {destination}; this is {sso_url}."
            ));
        }
        let acs_url = acs_url(application, &request, signed)?;
        let asked = request.name_id_policy.and_then(|policy| policy.format);
        let context_unmet = request.requested_authn_context.is_some_and(|requested| {
            !requested.allows(&application.authn_context_class_ref, authn_strength)
        });
        Ok(SignOnRequest {
            application: found.id.clone(),
            acs_url,
            in_response_to: Some(request.id),
            relay_state,
            force_authn: request.force_authn,
            is_passive: request.is_passive,
            name_id_format: asked
                .filter(|format| *format != NameIdFormat::Unspecified)
                .map(|format| format.uri().to_owned()),
            context_unmet,
        })
    }

    /// Returns the request of a sign-on that starts at the identity provider (saml-profiles
    /// §4.1.5).
    pub(crate) async fn create_unsolicited_request(
        &self,
        environment_id: &str,
        entity: &str,
        application_url: Option<String>,
    ) -> Result<SignOnRequest> {
        let found = self.get_enabled_application(environment_id, entity).await?;
        let application = &found.application;
        let Some(acs_url) = application.acs_urls.first().cloned() else {
            return page("The application has no ACS URL.");
        };
        Ok(SignOnRequest {
            application: found.id.clone(),
            acs_url,
            in_response_to: None,
            relay_state: application_url.or_else(|| application.default_target_url.clone()),
            force_authn: false,
            is_passive: false,
            name_id_format: None,
            context_unmet: false,
        })
    }
}

/// Returns the `AuthnRequest`, and true if a key of the application signed it. A signed request
/// is read only from the element that was signed.
fn verify_request(found: &ServiceProvider, received: Received) -> Result<(AuthnRequest, bool)> {
    if received.is_signed().map_err(unreadable)?
        && let Ok(keys) = TrustedKeys::new(found.certificates.clone())
    {
        return match received.verify::<AuthnRequest>(&keys) {
            Ok(vouched) => Ok((vouched.message().clone(), true)),
            Err(refusal) if refusal.code() == "signature-invalid" => page(format!(
                "The request's signature is not by the application's verification certificate: {}.",
                refusal.private()
            )),
            Err(refusal) => Err(unreadable(refusal)),
        };
    }
    require_no_signature(found, ())?;
    let request = received.at_its_word().map_err(unreadable)?;
    Ok((request, false))
}

/// Returns `request`, which is not signed, if the application accepts such requests.
fn require_no_signature<T>(found: &ServiceProvider, request: T) -> Result<T> {
    if found.application.sp_verification.authn_request_signed {
        return page(
            "The application enforces signed requests; this one is not signed. \
             Sign it, or switch Enforce Signed AuthnRequest off.",
        );
    }
    Ok(request)
}

fn unreadable(refusal: Refusal) -> Denied {
    Denied::Page(format!(
        "The request cannot be read: {}.",
        refusal.private()
    ))
}

/// Returns the assertion consumer service URL for the Response. It must be registered for the
/// application, so that a forged request cannot send assertions elsewhere. Exception: signed
/// requests, if the application allows that.
fn acs_url(application: &Application, request: &AuthnRequest, signed: bool) -> Result<String> {
    let registered = &application.acs_urls;
    match (&request.acs_url, request.acs_index) {
        (Some(asked), _) if registered.contains(asked) => Ok(asked.clone()),
        (Some(asked), _)
            if signed && application.enable_always_accept_acs_url_in_signed_authn_request =>
        {
            Ok(asked.clone())
        }
        (Some(asked), _) => page(format!(
            "The request asks for the answer at {asked}, which is no ACS URL of the application {}.",
            application.name
        )),
        (None, Some(index)) => match registered.get(usize::from(index)) {
            Some(url) => Ok(url.clone()),
            None => page(format!("The application has no ACS URL number {index}.")),
        },
        (None, None) => match registered.first() {
            Some(url) => Ok(url.clone()),
            None => page("The application has no ACS URL."),
        },
    }
}
