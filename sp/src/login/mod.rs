//! Single sign-on, the service provider's side, one way:
//! request sent → Response *checked* → *unspent* → *admitted* → session or
//! activation. Each stage is made only from the one before.

mod admission;
mod claims;
mod evidence;
mod introduction;
mod logout;
mod request;
mod response;
mod signing;
mod subject;

pub(crate) use admission::not_in_users_group;
pub use admission::{Admitted, admit};
pub use claims::Claims;
pub use logout::{LoggedOut, log_out, receive as receive_logout};
pub use request::{Asking, Purpose, Started, return_path, start};
pub use response::{Answered, Unspent, claims_to_answer, receive};

use crate::Portal;
use crate::accounts::new_session;
use crate::audit::{self, Event};
use crate::configurator::{self, Integration, IntegrationError, Step};
use crate::refusal::{Place, Refused, kinds};
use crate::store::accounts::SessionRow;
use crate::store::{self, Db, MayConflict as _, fingerprint, stored};

/// Someone turned away, and whose admins may read why.
#[derive(Debug, Clone)]
pub struct LoginRefusal {
    /// The business account, when one was recognized.
    pub business_id: Option<String>,
    /// The reason of the refusal.
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

/// The active integration of this tenant.
pub(crate) async fn integration(
    portal: &Portal,
    db: &mut Db,
    business_id: &str,
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
    let entered = configurator::entered(db, business_id)
        .await?
        .ok_or_else(inactive)?;
    let entered = if entered.tenant.active == 1 {
        configurator::refresh_metadata(portal, db, entered)
            .await
            .map_err(|error| {
                let refused = request::unavailable(error.to_string());
                let remedy =
                    "Make the metadata URL of step 4 reachable, or upload the metadata as a file.";
                let refused = refused.with_remedy(Place::Step(Step::Saml), remedy);
                LoginRefusal::of(business_id, refused)
            })?
    } else {
        entered
    };
    Integration::of(entered, portal.now()).map_err(|unready| match unready {
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
                format!("the identity provider's metadata was valid until {end} (validUntil): what it says may no longer be relied on"),
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

/// A browser's login: the session's cookie value and where to go.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// The session's cookie value.
    pub token: String,
    /// A path of the portal.
    pub return_to: String,
}

/// The refusal with what the refused message says of itself.
pub(crate) fn explained(
    portal: &Portal,
    refused: Refused,
    integration: &Integration,
    saml_response: &str,
) -> Refused {
    let message = evidence::summary(saml_response);
    evidence::with_message(refused, integration, message.as_ref(), portal.now())
}

/// The business account of this tenant, where there is one: whose
/// administrators read why a message to its addresses was refused.
pub(crate) async fn owner(portal: &Portal, tenant_id: &str) -> Option<String> {
    let mut db = portal.store.read().await.ok()?;
    let tenant = store::tenants::by_id(&mut db, tenant_id).await.ok()??;
    Some(tenant.business_id)
}

fn no_such_service(tenant_id: &str) -> LoginRefusal {
    Refused::new(
        &kinds::NO_SUCH_SERVICE,
        format!("no tenant has the ID {tenant_id}"),
    )
    .into()
}

/// What a browser posted to the ACS.
#[derive(Debug, Clone, Copy)]
pub struct Posted<'a> {
    /// Which ACS.
    pub tenant_id: &'a str,
    /// The browser's binding cookie.
    pub browser: Option<&'a str>,
    /// The form field.
    pub saml_response: &'a str,
    /// The form field.
    pub relay_state: &'a str,
    /// From where.
    pub address: &'a str,
}

/// A browser comes back from the IdP: it is let in, or told a reference.
///
/// # Errors
/// Whatever stands against it.
pub async fn browser_response(
    portal: &Portal,
    posted: Posted<'_>,
) -> Result<LoggedIn, LoginRefusal> {
    let mut db = portal.store.read().await?;
    let tenant = store::tenants::by_id(&mut db, posted.tenant_id)
        .await?
        .ok_or_else(|| no_such_service(posted.tenant_id))?;
    let business_id = tenant.business_id;
    let integration = integration(portal, &mut db, &business_id).await?;
    let open = match posted.browser {
        Some(browser) => {
            let now = stored(portal.now());
            let hash = fingerprint(browser);
            store::logins::of_browser(&mut db, posted.tenant_id, &hash, posted.relay_state, now)
                .await?
        }
        None => None,
    };
    drop(db);
    let asked = match &open {
        Some(request) => Answered::Request(request),
        None if posted.browser.is_none() => Answered::NoCookie,
        None => Answered::Nothing,
    };
    let turned_away = |refused: Refused| {
        let refused = explained(portal, refused, &integration, posted.saml_response);
        LoginRefusal::of(&business_id, refused)
    };
    let unspent = receive(portal, &integration, asked, posted.saml_response)
        .await
        .map_err(turned_away)?;
    let token = store::with_retry(|| open_session(portal, posted, &integration, &unspent))
        .await
        .map_err(turned_away)?;
    let return_to = match open {
        Some(request) if unspent.answers_request() => request.return_to,
        // The IdP's deep link (saml-profiles §4.1.5).
        _ => request::deep_link(portal, posted.relay_state),
    };
    Ok(LoggedIn { token, return_to })
}

/// Admits the person and opens a session, in one transaction; answers the
/// session's cookie value.
async fn open_session(
    portal: &Portal,
    posted: Posted<'_>,
    integration: &Integration,
    unspent: &Unspent,
) -> Result<String, Refused> {
    let business_id = &integration.tenant.business_id;
    let mut tx = portal.store.write().await?;
    let admitted = match admit(portal, &mut tx, integration, unspent).await {
        Ok(admitted) => admitted,
        Err(refused) if refused.is_conflict() => return Err(refused),
        Err(refused) => {
            // What the login taught stays: groups that were lost stay lost.
            tx.commit().await?;
            return Err(refused.with_verified_message());
        }
    };
    if !(admitted.standing.admin || admitted.standing.product_user) {
        tx.commit().await?;
        let refused = admission::in_no_group(integration, unspent, &admitted);
        return Err(refused.with_verified_message());
    }
    let (token, session) = new_session(portal, portal.now());
    let checked = unspent.checked();
    let idp_end = checked.session_not_on_or_after().map(stored);
    let session = SessionRow {
        user_id: Some(admitted.person.id.clone()),
        workspace: Some(business_id.clone()),
        // The session ends with the IdP's at the latest (saml-core §2.7.2).
        expires: idp_end.map_or(session.expires, |end| end.min(session.expires)),
        saml_tenant: Some(posted.tenant_id.to_owned()),
        saml_subject: Some(subject::stored(checked.name_id())),
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
