//! Desktop activation (G-20 to G-23, G-25): the app sends an e-mail address,
//! receives the organization's AuthnRequest, and sends the IdP's Response to
//! the portal itself.

use crate::Portal;
use crate::accounts::normalize_email;
use crate::audit::{self, Event};
use crate::configurator::{Integration, Step};
use crate::licensing::{self, Granted, SeatError};
use crate::login::{
    self, Asking, CheckedResponse, ExpectedRequest, LoginRefusal, Purpose, Unspent,
};
use crate::refusal::{Kind, Place, Refused, kinds};
use crate::store::activations::ActivationRow;
use crate::store::people::PersonRow;
use crate::store::tenants::LoginKey;
use crate::store::{self, MayConflict as _, fingerprint, instant, to_microseconds};
use jiff::Timestamp;
use saml::binding::Outgoing;
use subtle::ConstantTimeEq as _;

/// The first request of the app.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The corporate e-mail address.
    pub email: String,
    /// ID of the device.
    pub device_id: String,
    /// Name of the device.
    pub device_name: String,
    /// Version of the app.
    pub app_version: String,
}

/// A started activation.
#[derive(Debug, Clone)]
pub struct Begun {
    /// ID of the activation.
    pub id: String,
    /// Secret that only this app knows.
    pub secret: String,
    /// URL of the IdP, with the AuthnRequest.
    pub sso_url: String,
    /// Time by which the Response must arrive.
    pub expires: Timestamp,
}

/// A completed activation.
#[derive(Debug, Clone)]
pub struct Activated {
    /// The user.
    pub person: PersonRow,
    /// The license, subscription and device.
    pub granted: Granted,
}

/// Starts an activation: creates the AuthnRequest for this e-mail address.
///
/// # Errors
/// If SSO is not available for this e-mail address.
pub async fn begin(portal: &Portal, wanted: Wanted) -> Result<Begun, LoginRefusal> {
    let rng = portal.ambient.rng();
    let id = rng.uuid().to_string();
    let secret = rng.token(32);
    let activation_id = id.clone();
    let started = login::start(portal, &wanted.email, Asking::default(), |_| {
        Purpose::Desktop { activation_id }
    })
    .await?;
    let now = portal.now();
    let expires = now + portal.config.sso_request_lifetime;
    let row = ActivationRow {
        id: id.clone(),
        tenant_id: started.tenant_id,
        secret_hash: fingerprint(&secret),
        email: normalize_email(&wanted.email).unwrap_or_default(),
        device_id: wanted.device_id,
        device_name: wanted.device_name,
        app_version: wanted.app_version,
        created: to_microseconds(now),
        expires: to_microseconds(expires),
        spent: 0,
    };
    let mut tx = portal.store.write().await?;
    store::activations::insert(&mut tx, &row).await?;
    tx.commit().await?;
    // The app can only open a URL; the form of HTTP-POST needs a browser page.
    let Outgoing::Redirect(sso_url) = started.outgoing else {
        let unavailable = Refused::new(
            &kinds::SSO_UNAVAILABLE,
            "AuthnRequests of this organization are sent by HTTP-POST, which needs a browser page: the app supports HTTP-Redirect only",
        )
        .with_public("Your organization's identity provider cannot be reached from the app.")
        .with_remedy(
            Place::Step(Step::Saml),
            "Set the request binding of step 4 to HTTP-Redirect.",
        )
        .with_who(&row.email);
        let owner = login::find_business_of_tenant(portal, &row.tenant_id).await;
        return Err(LoginRefusal {
            business_id: owner,
            refused: unavailable,
        });
    };
    Ok(Begun {
        id,
        secret,
        sso_url,
        expires,
    })
}

/// Completes an activation with the IdP's Response: checks it like one from a
/// browser, then the users group, then grants a license.
///
/// # Errors
/// If the activation is refused; the code says why.
pub async fn answer(
    portal: &Portal,
    activation_id: &str,
    secret: &str,
    saml_response: &str,
    relay_state: &str,
    address: &str,
) -> Result<Activated, LoginRefusal> {
    let mut db = portal.store.read().await?;
    let activation = store::activations::find_by_id(&mut db, activation_id)
        .await?
        .filter(|row| {
            let given = fingerprint(secret);
            given.as_bytes().ct_eq(row.secret_hash.as_bytes()).into()
        })
        .ok_or_else(|| {
            Refused::new(
                &kinds::ACTIVATION_UNKNOWN,
                "activation not found: no activation has this ID and secret",
            )
        })?;
    let key = LoginKey::Tenant(&activation.tenant_id);
    let found = store::tenants::find_for_login(&mut db, key).await?;
    let business_id = found
        .as_ref()
        .map(|found| found.tenant.business_id.clone())
        .unwrap_or_default();
    let turned_away = |refused: Refused| LoginRefusal::of(&business_id, refused);
    if instant(activation.expires) <= portal.now() {
        return Err(turned_away(Refused::new(
            &kinds::ACTIVATION_EXPIRED,
            format!(
                "the activation began at {} and could be used until {}",
                instant(activation.created),
                instant(activation.expires)
            ),
        )));
    }
    let integration =
        login::require_active_integration(portal, &mut db, &business_id, found).await?;
    let request = store::logins::find_by_activation(&mut db, activation_id)
        .await?
        .filter(|request| request.relay_state == relay_state)
        .ok_or_else(|| {
            turned_away(Refused::new(
                &kinds::RELAY_STATE_MISMATCH,
                "the RelayState is not the one that was sent with the AuthnRequest",
            ))
        })?;
    drop(db);
    let turned_away = |refused: Refused| {
        let refused = login::add_values(portal, refused, &integration, saml_response);
        let refused = Refused {
            unasked: false,
            who: refused.who.or_else(|| Some(activation.email.clone())),
            ..refused
        };
        LoginRefusal::of(&business_id, refused)
    };
    let asked = ExpectedRequest::Request(&request);
    let answer = login::receive(portal, &integration, asked, saml_response)
        .await
        .map_err(turned_away)?;
    let unspent = mark_used(portal, &answer).await.map_err(turned_away)?;
    store::with_retry(|| complete(portal, &activation, &integration, &unspent, address))
        .await
        .map_err(turned_away)
}

/// Marks the Response and the AuthnRequest as used, in a transaction of its own:
/// when no seat is left, the other changes are rolled back, but the Response
/// stays used. The app then begins another activation.
async fn mark_used<'a>(
    portal: &Portal,
    answer: &'a CheckedResponse<'_>,
) -> Result<Unspent<'a>, Refused> {
    let mut tx = portal.store.write().await?;
    let unspent = answer.mark_used(portal, &mut tx).await?;
    tx.commit().await?;
    Ok(unspent)
}

/// Admits the user and grants a license, in one transaction.
async fn complete(
    portal: &Portal,
    activation: &ActivationRow,
    integration: &Integration,
    unspent: &Unspent<'_>,
    address: &str,
) -> Result<Activated, Refused> {
    let mut tx = portal.store.write().await?;
    if !store::activations::spend(&mut tx, &activation.id).await? {
        return Err(Refused::new(
            &kinds::ACTIVATION_USED,
            "the activation was already completed: each can be used once",
        ));
    }
    let admitted = match login::admit(portal, &mut tx, integration, unspent).await {
        Ok(admitted) => admitted,
        Err(refused) if refused.is_conflict() => return Err(refused),
        Err(refused) => {
            tx.commit().await?;
            return Err(refused.with_verified_message());
        }
    };
    if !admitted.roles.product_user {
        tx.commit().await?;
        let refused = login::not_in_users_group(integration, unspent, &admitted);
        return Err(refused.with_verified_message());
    }
    let granted = licensing::grant(
        portal,
        &mut tx,
        &admitted.person,
        &activation.device_id,
        &activation.device_name,
    )
    .await
    .map_err(|error| {
        let refused = no_seat(&error).with_who(&admitted.person.user_name);
        refused.with_verified_message()
    })?;
    let event = Event::new(
        &admitted.person.user_name,
        "desktop-activated",
        &activation.device_id,
    )
    .with_detail(format!(
        "{}, app version {}",
        activation.device_name, activation.app_version
    ))
    .from(address);
    audit::record(
        portal,
        &mut tx,
        Some(&integration.tenant.business_id),
        event,
    )
    .await?;
    tx.commit().await?;
    Ok(Activated {
        person: admitted.person,
        granted,
    })
}

fn no_seat(error: &SeatError) -> Refused {
    let kind: &Kind = match error {
        SeatError::NoSeatLeft(_) => &kinds::NO_SEAT_LEFT,
        SeatError::SubscriptionExpired(_) => &kinds::SUBSCRIPTION_EXPIRED,
        SeatError::TooManyDevices(_) => &kinds::TOO_MANY_DEVICES,
        SeatError::NotStarted => &kinds::SUBSCRIPTION_NOT_STARTED,
        SeatError::Store(error) => return Refused::internal(error),
    };
    Refused::new(kind, error.to_string())
}
