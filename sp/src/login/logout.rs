//! Single logout (saml-profiles §4.4), the service provider's side. If the user
//! logs out at the portal, the session ends at once and a LogoutRequest goes to
//! the IdP. If the IdP sends a LogoutRequest, the named sessions end and the
//! portal answers with a LogoutResponse.

use saml::binding::{Outgoing, Parameter, send};
use saml::encryption::DecryptionKeys;
use saml::message::{LogoutRequest, LogoutResponse, Principal, Status, StatusCode};
use saml::metadata::Endpoint;
use saml::names;
use saml::reception::{LogoutExpectations, Received};

use super::{LoginRefusal, subject};
use crate::Portal;
use crate::accounts;
use crate::audit::{self, Event};
use crate::configurator::Integration;
use crate::refusal::{Refused, kinds};
use crate::store::accounts::SessionRow;
use crate::store::logouts::LogoutRow;
use crate::store::tenants::LoginKey;
use crate::store::{self, fingerprint, to_microseconds};

/// Result of a logout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggedOut {
    /// The user is logged out, and no further message is needed.
    Here,
    /// The user is logged out at the portal, but the IdP reports that other
    /// sessions may still exist. Contains the text for the user.
    Partly(String),
    /// The browser must carry this message to the IdP.
    To(Outgoing),
}

/// Ends the session of this cookie. If the session began by SSO and the IdP has
/// a single logout endpoint, returns a LogoutRequest to send.
///
/// # Errors
/// If the database fails or the LogoutRequest cannot be created. The session
/// has ended anyway, unless the database failed.
pub async fn log_out(portal: &Portal, cookie: &str) -> Result<LoggedOut, LoginRefusal> {
    let mut db = portal.store.read().await?;
    let session = store::accounts::find_session(&mut db, &fingerprint(cookie)).await?;
    drop(db);
    accounts::log_out(portal, cookie).await?;
    let Some(session) = session else {
        return Ok(LoggedOut::Here);
    };
    let Some(tenant_id) = session.saml_tenant.as_deref() else {
        return Ok(LoggedOut::Here);
    };
    let mut db = portal.store.read().await?;
    let key = LoginKey::Tenant(tenant_id);
    let Some(found) = store::tenants::find_for_login(&mut db, key).await? else {
        return Ok(LoggedOut::Here);
    };
    let business_id = found.tenant.business_id.clone();
    // If the integration does not work, no LogoutRequest can be sent.
    let integration =
        super::require_active_integration(portal, &mut db, &business_id, Some(found)).await;
    let Ok(integration) = integration else {
        return Ok(LoggedOut::Here);
    };
    drop(db);
    match integration.slo.first() {
        Some(endpoint) => send_request(portal, &integration, &session, endpoint).await,
        None => Ok(LoggedOut::Here),
    }
}

async fn send_request(
    portal: &Portal,
    integration: &Integration,
    session: &SessionRow,
    endpoint: &Endpoint,
) -> Result<LoggedOut, LoginRefusal> {
    let stored_subject = session.saml_subject.as_deref().unwrap_or_default();
    let Some(name_id) = subject::read(stored_subject) else {
        return Ok(LoggedOut::Here);
    };
    let now = portal.now();
    let rng = portal.ambient.rng();
    let until = now + portal.config.logout_lifetime;
    let request = LogoutRequest {
        id: format!("_{}", rng.hex(20)),
        issue_instant: now,
        issuer: portal.service_provider(&integration.tenant.id).entity_id,
        destination: Some(endpoint.location.clone()),
        not_on_or_after: Some(until),
        reason: Some(names::LOGOUT_USER.to_owned()),
        principal: Principal::Named(name_id),
        session_indexes: session.saml_session_index.iter().cloned().collect(),
    };
    let waiting = LogoutRow {
        relay_state: rng.token(24),
        tenant_id: integration.tenant.id.clone(),
        request_id: request.id.clone(),
        created: to_microseconds(now),
        expires: to_microseconds(until),
    };
    let key = portal.request_key().await?;
    let outgoing = send(
        (&endpoint.binding, &endpoint.location),
        Parameter::Request,
        &request.to_xml(),
        Some(&waiting.relay_state),
        Some(&key),
    )
    .map_err(|error| unsendable(integration, &error))?;
    let mut tx = portal.store.write().await?;
    store::logouts::insert(&mut tx, &waiting).await?;
    tx.commit().await?;
    Ok(LoggedOut::To(outgoing))
}

fn unsendable(integration: &Integration, error: &dyn std::fmt::Display) -> LoginRefusal {
    LoginRefusal::of(
        &integration.tenant.business_id,
        Refused::new(
            &kinds::LOGOUT_FAILED,
            format!("cannot send the logout message: {error}"),
        ),
    )
}

/// Handles a LogoutRequest or LogoutResponse that a browser brings to this
/// tenant's Single Logout URL.
///
/// # Errors
/// If the message is refused; then no session ends.
pub async fn receive(
    portal: &Portal,
    tenant_id: &str,
    received: Received,
    address: &str,
) -> Result<LoggedOut, LoginRefusal> {
    let mut db = portal.store.read().await?;
    let (_, integration) = super::find_integration_of_tenant(portal, &mut db, tenant_id).await?;
    drop(db);
    let issuer = received.claimed_issuer().ok();
    let outcome = match received.parameter() {
        Parameter::Request => handle_request(portal, &integration, received, address).await,
        Parameter::Response => handle_response(portal, &integration, received).await,
    };
    outcome.map_err(|mut refused| {
        if let Some(issuer) = issuer {
            refused = refused.with_claim("Issuer", issuer);
        }
        LoginRefusal::of(&integration.tenant.business_id, refused)
    })
}

fn expectations(portal: &Portal, integration: &Integration) -> LogoutExpectations {
    LogoutExpectations {
        issuer: integration.idp_entity_id.clone(),
        destination: portal.service_provider(&integration.tenant.id).slo_url,
        in_response_to: None,
        now: portal.now(),
        clock_skew: portal.config.clock_skew,
        lifetime: portal.config.logout_lifetime,
    }
}

/// Handles a LogoutRequest of the IdP: ends the named sessions.
async fn handle_request(
    portal: &Portal,
    integration: &Integration,
    received: Received,
    address: &str,
) -> Result<LoggedOut, Refused> {
    let decryption = DecryptionKeys::new(vec![portal.request_key().await?]);
    let honored = received
        .verify::<LogoutRequest>(&integration.keys)?
        .check(&expectations(portal, integration), Some(&decryption))?;
    let request = honored.message();
    let tenant_id = &integration.tenant.id;
    let subject = subject::name_id_to_text(honored.name_id());
    let mut tx = portal.store.write().await?;
    let until = to_microseconds(honored.until());
    if !store::logins::see_assertion(&mut tx, &request.issuer, &request.id, until).await? {
        return Err(replay_refusal(&request.issuer, &request.id));
    }
    let mut ended = 0;
    if request.session_indexes.is_empty() {
        ended += store::accounts::end_saml_sessions(&mut tx, tenant_id, &subject, None).await?;
    }
    for index in &request.session_indexes {
        let index = Some(index.as_str());
        ended += store::accounts::end_saml_sessions(&mut tx, tenant_id, &subject, index).await?;
    }
    let event = Event::new(
        &integration.idp_entity_id,
        "logged-out-by-idp",
        &honored.name_id().value,
    )
    .with_detail(format!("{ended} sessions ended"))
    .from(address);
    audit::record(
        portal,
        &mut tx,
        Some(&integration.tenant.business_id),
        event,
    )
    .await?;
    tx.commit().await?;
    let status = if ended > 0 {
        Status::success()
    } else {
        Status {
            code: StatusCode::Requester,
            detail: Some(StatusCode::UnknownPrincipal),
            message: Some("session not found for this NameID and SessionIndex".to_owned()),
        }
    };
    reply(portal, integration, request, status, honored.relay_state()).await
}

/// Creates the LogoutResponse to a request of the IdP.
async fn reply(
    portal: &Portal,
    integration: &Integration,
    request: &LogoutRequest,
    status: Status,
    relay_state: Option<&str>,
) -> Result<LoggedOut, Refused> {
    let Some(endpoint) = integration.slo.first() else {
        return Ok(LoggedOut::Here);
    };
    let location = endpoint.response_location.as_ref();
    let location = location.unwrap_or(&endpoint.location);
    let response = LogoutResponse {
        id: format!("_{}", portal.ambient.rng().hex(20)),
        issue_instant: portal.now(),
        issuer: portal.service_provider(&integration.tenant.id).entity_id,
        destination: Some(location.clone()),
        in_response_to: Some(request.id.clone()),
        status,
    };
    let key = portal.request_key().await?;
    let outgoing = send(
        (&endpoint.binding, location),
        Parameter::Response,
        &response.to_xml(),
        relay_state,
        Some(&key),
    )
    .map_err(|error| unsendable(integration, &error).refused)?;
    Ok(LoggedOut::To(outgoing))
}

/// Handles the IdP's LogoutResponse to a request of the portal.
async fn handle_response(
    portal: &Portal,
    integration: &Integration,
    received: Received,
) -> Result<LoggedOut, Refused> {
    let relay_state = received.relay_state().unwrap_or_default().to_owned();
    let tenant_id = &integration.tenant.id;
    let now = to_microseconds(portal.now());
    let mut db = portal.store.read().await?;
    let waiting = store::logouts::find_unexpired(&mut db, tenant_id, &relay_state, now).await?;
    drop(db);
    let waiting = waiting.ok_or_else(|| {
        Refused::new(
            &kinds::LOGOUT_UNSOLICITED,
            "no pending LogoutRequest has this RelayState: it was already answered, has expired or never existed",
        )
    })?;
    let honored = received
        .verify::<LogoutResponse>(&integration.keys)?
        .check(&LogoutExpectations {
            in_response_to: Some(waiting.request_id),
            ..expectations(portal, integration)
        })?;
    let mut tx = portal.store.write().await?;
    let first = store::logouts::delete_answered(&mut tx, &relay_state).await?;
    tx.commit().await?;
    let response = honored.message();
    if !first {
        return Err(replay_refusal(&response.issuer, &response.id));
    }
    let status = &response.status;
    match (status.is_success(), &status.detail) {
        (true, None) => Ok(LoggedOut::Here),
        (true, Some(StatusCode::PartialLogout)) => Ok(LoggedOut::Partly(
            "Some applications of your organization could not be informed: close your browser to be sure.".to_owned(),
        )),
        _ => Ok(LoggedOut::Partly(
            "Your organization's IdP did not log you out: close your browser to be sure.".to_owned(),
        )),
    }
}

fn replay_refusal(issuer: &str, id: &str) -> Refused {
    Refused::new(
        &kinds::LOGOUT_REPLAYED,
        format!("the logout message {id} of {issuer} was already received: each message is accepted once"),
    )
    .with_verified_message()
}
