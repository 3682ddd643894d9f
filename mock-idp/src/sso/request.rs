//! What a service provider asks, and whether it may (saml-profiles §4.1.4.1).

use saml::binding::redirect::QuerySignature;
use saml::keys::Certificate;
use saml::message::{AuthnRequest, NameIdFormat};

use super::{Denied, SignOnRequest, page};
use crate::Idp;
use crate::applications::Application;
use crate::directory::environment;
use crate::store::resources::{self, Kind, Resource};

type Result<T> = std::result::Result<T, Denied>;

/// What vouches for a request.
pub(crate) enum Vouched {
    /// The query's signature, if there is one.
    Query(Option<QuerySignature>),
    /// A form: enveloped signatures are not read yet.
    Form,
}

impl Idp {
    async fn application_of(
        &self,
        environment_id: &str,
        entity: &str,
    ) -> Result<(Resource, Application)> {
        let mut db = self.store.read().await?;
        environment(&mut db, environment_id).await?;
        let all = resources::list(&mut db, environment_id, Kind::Application, None).await?;
        let Some(resource) = all
            .into_iter()
            .find(|app| crate::directory::text(&app.document, "spEntityId") == Some(entity))
        else {
            return page(format!(
                "No application of this environment has the SP Entity ID {entity}. \
                 Compare it with the application's Configuration, letter by letter."
            ));
        };
        let application = Application::of(&resource)?;
        if !application.enabled {
            return page(format!(
                "The application {} is switched off. An administrator can enable it under Connections, Applications.",
                application.name
            ));
        }
        Ok((resource, application))
    }

    /// Checks a request that came.
    pub(crate) async fn receive(
        &self,
        environment_id: &str,
        xml: &str,
        relay_state: Option<String>,
        vouched: Vouched,
    ) -> Result<SignOnRequest> {
        let request = match AuthnRequest::parse(xml) {
            Ok(request) => request,
            Err(error) => return page(format!("The request can't be read: {error}.")),
        };
        let (resource, application) = self.application_of(environment_id, &request.issuer).await?;
        let sso_url = self.sso_url(environment_id);
        if let Some(destination) = &request.destination
            && *destination != sso_url
        {
            return page(format!(
                "The request is addressed to {destination}; this is {sso_url}."
            ));
        }
        let certificates = self
            .certificates(environment_id, &application.sp_verification.certificates)
            .await?;
        let signed = verified(&application, &certificates, vouched)?;
        let acs_url = acs_url(&application, &request, signed)?;
        let asked = request.name_id_policy.and_then(|policy| policy.format);
        Ok(SignOnRequest {
            application: resource.id,
            acs_url,
            in_response_to: Some(request.id),
            relay_state,
            force_authn: request.force_authn,
            is_passive: request.is_passive,
            name_id_format: asked
                .filter(|format| *format != NameIdFormat::Unspecified)
                .map(|format| format.uri().to_owned()),
        })
    }

    /// A sign-on that starts here (saml-profiles §4.1.5).
    pub(crate) async fn unsolicited(
        &self,
        environment_id: &str,
        entity: &str,
        application_url: Option<String>,
    ) -> Result<SignOnRequest> {
        let (resource, application) = self.application_of(environment_id, entity).await?;
        let Some(acs_url) = application.acs_urls.first().cloned() else {
            return page("The application has no ACS URL.");
        };
        Ok(SignOnRequest {
            application: resource.id,
            acs_url,
            in_response_to: None,
            relay_state: application_url.or(application.default_target_url),
            force_authn: false,
            is_passive: false,
            name_id_format: None,
        })
    }
}

/// Whether the application's own keys vouch for the request.
fn verified(
    application: &Application,
    certificates: &[Certificate],
    vouched: Vouched,
) -> Result<bool> {
    let required = application.sp_verification.authn_request_signed;
    match vouched {
        Vouched::Query(Some(signature)) if !certificates.is_empty() => {
            if signature.verify(certificates) {
                return Ok(true);
            }
            page("The request's signature is not by the application's verification certificate.")
        }
        Vouched::Query(_) if !required => Ok(false),
        Vouched::Query(_) => page(
            "The application enforces signed requests; this one is not signed. \
             Sign it, or switch Enforce Signed AuthnRequest off.",
        ),
        Vouched::Form if !required => Ok(false),
        Vouched::Form => page(
            "The application enforces signed requests, which this simulator verifies \
             with the HTTP-Redirect binding only.",
        ),
    }
}

/// Where the answer goes: only where the application is registered.
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
