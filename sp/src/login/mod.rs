//! Single sign-on, the service provider's side. The stages: AuthnRequest sent →
//! Response *checked* → *unspent* (not used before) → *admitted* (user found or
//! created) → session or activation. A value of each stage can only be created
//! from the stage before.

mod admission;
mod claims;
mod evidence;
mod logout;
mod request;
mod response;
mod revocation;
mod signing;
mod sp_metadata;
mod subject;

pub(crate) use admission::not_in_users_group;
pub use admission::{Admitted, admit};
pub use claims::Claims;
pub use logout::{LoggedOut, log_out, receive as receive_logout};
pub use request::{Asking, Purpose, Started, return_path, start};
pub use response::{CheckedResponse, ExpectedRequest, Unspent, claims_to_answer, receive};
pub use revocation::{RevocationRefusal, SubjectId, revoke};

use crate::Portal;
use crate::accounts::new_session;
use crate::audit::{self, Event};
use crate::configurator::{self, Integration, IntegrationError, Step};
use crate::refusal::{Place, Refused, kinds};
use crate::store::accounts::SessionRow;
use crate::store::tenants::{LoginKey, LoginTenant};
use crate::store::{self, Db, MayConflict as _, fingerprint, to_microseconds};

/// A refused login, and the business account whose administrators may read the
/// reason.
#[derive(Debug, Clone)]
pub struct LoginRefusal {
    /// ID of the business account, if the message could be assigned to one.
    pub business_id: Option<String>,
    /// The refusal.
    pub refused: Refused,
}

impl LoginRefusal {
    pub(crate) fn of(business_id: &str, refused: impl Into<Refused>) -> Self {
        Self {
            business_id: Some(business_id.to_owned()),
            refused: refused.into(),
        }
    }
}

impl<E: Into<Refused>> From<E> for LoginRefusal {
    fn from(error: E) -> Self {
        Self {
            business_id: None,
            refused: error.into(),
        }
    }
}

/// Returns the active IdP integration that was found for this business account.
/// Refreshes metadata from the URL first if it is due.
pub(crate) async fn require_active_integration(
    portal: &Portal,
    db: &mut Db,
    business_id: &str,
    found: Option<LoginTenant>,
) -> Result<Integration, LoginRefusal> {
    let inactive = || {
        LoginRefusal::of(
            business_id,
            request::unavailable("the IdP integration is not active").with_remedy(
                Place::Integration,
                "Activate the integration on the IdP Integration page.",
            ),
        )
    };
    let found = found.ok_or_else(inactive)?;
    let found = if found.tenant.active == 1 {
        configurator::refresh_metadata(portal, db, found)
            .await
            .map_err(|error| {
                let refused = request::unavailable(error.to_string());
                let remedy =
                    "Make the metadata URL of step 4 reachable, or upload the metadata as a file.";
                let refused = refused.with_remedy(Place::Step(Step::Saml), remedy);
                LoginRefusal::of(business_id, refused)
            })?
    } else {
        found
    };
    Integration::of(found, portal.now()).map_err(|unready| match unready {
        IntegrationError::Inactive => inactive(),
        IntegrationError::Incomplete => LoginRefusal::of(
            business_id,
            request::unavailable(
                "step 4 is not complete: the identity provider's entity ID, SSO URL or certificate is missing",
            )
            .with_remedy(
                Place::Step(Step::Saml),
                "Enter the identity provider's metadata in step 4.",
            ),
        ),
        IntegrationError::MetadataExpired(end) => LoginRefusal::of(
            business_id,
            Refused::new(
                &kinds::METADATA_EXPIRED,
                format!("the identity provider's metadata was valid until {end} (validUntil): expired metadata must not be used"),
            ),
        ),
        IntegrationError::CertificateExpired(end) => LoginRefusal::of(
            business_id,
            Refused::new(
                &kinds::CERTIFICATE_EXPIRED,
                format!("every certificate entered in step 4 has expired, the last one on {end}"),
            ),
        ),
    })
}

/// A successful login in a browser.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// Value of the session cookie.
    pub token: String,
    /// Path of the portal to redirect to.
    pub return_to: String,
}

/// Adds to the refusal the values that the SAML message contains.
pub(crate) fn add_values(
    portal: &Portal,
    refused: Refused,
    integration: &Integration,
    saml_response: &str,
) -> Refused {
    let message = evidence::summary(saml_response);
    evidence::with_message(refused, integration, message.as_ref(), portal.now())
}

/// Returns the ID of the business account of this tenant, whose administrators
/// may read refusals of messages to the tenant's addresses.
pub(crate) async fn find_business_of_tenant(portal: &Portal, tenant_id: &str) -> Option<String> {
    let mut db = portal.store.read().await.ok()?;
    let tenant = store::tenants::find_by_id(&mut db, tenant_id)
        .await
        .ok()??;
    Some(tenant.business_id)
}

/// Returns the business account and the active IdP integration of a tenant.
pub(crate) async fn find_integration_of_tenant(
    portal: &Portal,
    db: &mut Db,
    tenant_id: &str,
) -> Result<(String, Integration), LoginRefusal> {
    let found = store::tenants::find_for_login(db, LoginKey::Tenant(tenant_id))
        .await?
        .ok_or_else(|| no_such_service(tenant_id))?;
    let business_id = found.tenant.business_id.clone();
    let integration = require_active_integration(portal, db, &business_id, Some(found)).await?;
    Ok((business_id, integration))
}

fn no_such_service(tenant_id: &str) -> LoginRefusal {
    Refused::new(
        &kinds::NO_SUCH_SERVICE,
        format!("no tenant has the ID {tenant_id}"),
    )
    .into()
}

/// A form that a browser posted to the ACS URL.
#[derive(Debug, Clone, Copy)]
pub struct Posted<'a> {
    /// ID of the tenant in the ACS URL.
    pub tenant_id: &'a str,
    /// The cookie that binds an AuthnRequest to this browser.
    pub browser: Option<&'a str>,
    /// Form field `SAMLResponse`.
    pub saml_response: &'a str,
    /// Form field `RelayState`.
    pub relay_state: &'a str,
    /// Network address of the browser.
    pub address: &'a str,
}

/// Handles a Response that a browser posts to the ACS URL, and opens a session.
///
/// # Errors
/// If the Response is refused.
pub async fn receive_browser_response(
    portal: &Portal,
    posted: Posted<'_>,
) -> Result<LoggedIn, LoginRefusal> {
    let mut db = portal.store.read().await?;
    let (business_id, integration) =
        find_integration_of_tenant(portal, &mut db, posted.tenant_id).await?;
    let open = match posted.browser {
        Some(browser) => {
            let now = to_microseconds(portal.now());
            let hash = fingerprint(browser);
            store::logins::find_by_browser(
                &mut db,
                posted.tenant_id,
                &hash,
                posted.relay_state,
                now,
            )
            .await?
        }
        None => None,
    };
    drop(db);
    let asked = match &open {
        Some(request) => ExpectedRequest::Request(request),
        None if posted.browser.is_none() => ExpectedRequest::NoCookie,
        None => ExpectedRequest::Nothing,
    };
    let turned_away = |refused: Refused| {
        let refused = add_values(portal, refused, &integration, posted.saml_response);
        LoginRefusal::of(&business_id, refused)
    };
    let answer = receive(portal, &integration, asked, posted.saml_response)
        .await
        .map_err(turned_away)?;
    let token = store::with_retry(|| open_session(portal, posted, &integration, &answer))
        .await
        .map_err(turned_away)?;
    let return_to = match answer.request() {
        Some(request) => request.return_to.clone(),
        // With IdP-initiated SSO, RelayState may be a deep link (saml-profiles
        // §4.1.5).
        None => request::deep_link(portal, posted.relay_state),
    };
    Ok(LoggedIn { token, return_to })
}

/// Marks the Response as used, admits the user and opens a session, in one
/// transaction. Returns the value of the session cookie.
async fn open_session(
    portal: &Portal,
    posted: Posted<'_>,
    integration: &Integration,
    answer: &CheckedResponse<'_>,
) -> Result<String, Refused> {
    let business_id = &integration.tenant.business_id;
    let mut tx = portal.store.write().await?;
    let unspent = &answer.mark_used(portal, &mut tx).await?;
    let admitted = match admit(portal, &mut tx, integration, unspent).await {
        Ok(admitted) => admitted,
        Err(refused) if refused.is_conflict() => return Err(refused),
        Err(refused) => {
            // Commit although the login is refused: the Response is used, and
            // the removal of groups that it no longer contains must be stored.
            tx.commit().await?;
            return Err(refused.with_verified_message());
        }
    };
    if !(admitted.roles.admin || admitted.roles.product_user) {
        tx.commit().await?;
        let refused = admission::in_no_group(integration, unspent, &admitted);
        return Err(refused.with_verified_message());
    }
    let (token, session) = new_session(portal, portal.now());
    let checked = unspent.content();
    let idp_end = checked.session_not_on_or_after().map(to_microseconds);
    let session = SessionRow {
        user_id: Some(admitted.person.id.clone()),
        workspace: Some(business_id.clone()),
        // The portal's session must not be longer than the IdP's
        // `SessionNotOnOrAfter` (saml-core §2.7.2).
        expires: idp_end.map_or(session.expires, |end| end.min(session.expires)),
        saml_tenant: Some(posted.tenant_id.to_owned()),
        saml_subject: Some(subject::name_id_to_text(checked.name_id())),
        saml_session_index: checked.session_index().map(str::to_owned),
        ..session
    };
    store::accounts::insert_session(&mut tx, &session).await?;
    let event = Event::new(
        &admitted.person.user_name,
        "logged-in-by-sso",
        &integration.idp_entity_id,
    )
    .from(posted.address);
    audit::record(portal, &mut tx, Some(business_id), event).await?;
    tx.commit().await?;
    Ok(token)
}
