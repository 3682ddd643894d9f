//! Desktop activation (G-20 to G-23, G-25): the app sends an e-mail, gets the
//! organization's SSO request, and brings the IdP's answer back itself.

use crate::Portal;
use crate::accounts::normalized;
use crate::audit::{self, Event};
use crate::licensing::{self, Granted, SeatError};
use crate::login::{self, Answered, Asking, Purpose, TurnedAway};
use crate::refusal::Refused;
use crate::store::activations::ActivationRow;
use crate::store::people::PersonRow;
use crate::store::{self, fingerprint, instant, stored};
use jiff::Timestamp;
use saml::binding::Outgoing;
use subtle::ConstantTimeEq as _;

/// What the app sends first.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The corporate e-mail that was typed.
    pub email: String,
    /// The device's own id.
    pub device_id: String,
    /// Its name.
    pub device_name: String,
    /// The app's version.
    pub app_version: String,
}

/// What the app gets to open the IdP with.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The activation.
    pub id: String,
    /// Known to this app only.
    pub secret: String,
    /// The IdP's address, with the request in it.
    pub sso_url: String,
    /// Until when the answer must be there.
    pub expires: Timestamp,
}

/// An activated desktop.
#[derive(Debug, Clone)]
pub struct Activated {
    /// Who.
    pub person: PersonRow,
    /// The seat.
    pub granted: Granted,
}

/// Begins an activation: the organization's SSO request for this e-mail.
///
/// # Errors
/// SSO isn't available for it.
pub async fn begin(portal: &Portal, wanted: Wanted) -> Result<Begun, TurnedAway> {
    let chance = portal.ambient.chance();
    let id = chance.uuid().to_string();
    let secret = chance.token(32);
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
        email: normalized(&wanted.email).unwrap_or_default(),
        device_id: wanted.device_id,
        device_name: wanted.device_name,
        app_version: wanted.app_version,
        created: stored(now),
        expires: stored(expires),
        spent: 0,
    };
    let mut tx = portal.store.write().await?;
    store::activations::insert(&mut tx, &row).await?;
    tx.commit().await?;
    // The app opens an address; a form is a browser's business.
    let Outgoing::Redirect(sso_url) = started.outgoing else {
        return Err(Refused::new(
            "sso-unavailable",
            "Your organization's IdP can't be reached from the app.",
            "AuthnRequests of this organization travel by HTTP-POST, which needs a page: the app takes HTTP-Redirect only",
            "Ask your administrator to set the request binding of step 4 to redirect.",
        )
        .into());
    };
    Ok(Begun {
        id,
        secret,
        sso_url,
        expires,
    })
}

/// The app brings the IdP's answer: checked like a browser's, then the users
/// group, then a seat.
///
/// # Errors
/// Whatever stands against it; the code says which.
pub async fn answer(
    portal: &Portal,
    activation_id: &str,
    secret: &str,
    saml_response: &str,
    relay_state: &str,
    address: &str,
) -> Result<Activated, TurnedAway> {
    let mut db = portal.store.read().await?;
    let activation = store::activations::by_id(&mut db, activation_id)
        .await?
        .filter(|row| {
            let given = fingerprint(secret);
            given.as_bytes().ct_eq(row.secret_hash.as_bytes()).into()
        })
        .ok_or_else(|| {
            Refused::new(
                "activation-unknown",
                "This activation isn't known.",
                "no activation has this id and secret",
                "Start the activation again.",
            )
        })?;
    let tenant = store::tenants::by_id(&mut db, &activation.tenant_id).await?;
    let business_id = tenant.map(|tenant| tenant.business_id).unwrap_or_default();
    let turned_away = |refused: Refused| TurnedAway::of(&business_id, refused);
    if instant(activation.expires) <= portal.now() {
        return Err(turned_away(Refused::new(
            "activation-expired",
            "This activation took too long.",
            format!("it ended on {}", instant(activation.expires)),
            "Start the activation again.",
        )));
    }
    let integration = login::integration(portal, &mut db, &business_id).await?;
    let request = store::logins::of_activation(&mut db, activation_id)
        .await?
        .filter(|request| request.relay_state == relay_state)
        .ok_or_else(|| {
            turned_away(Refused::new(
                "relay-state-mismatch",
                "This answer doesn't belong to this activation.",
                "the RelayState is not the one that was sent with the AuthnRequest",
                "Start the activation again.",
            ))
        })?;
    drop(db);
    let unspent = login::receive(
        portal,
        &integration,
        Answered::Request(&request),
        saml_response,
    )
    .await
    .map_err(turned_away)?;
    let mut tx = portal.store.write().await?;
    if !store::activations::spend(&mut tx, activation_id).await? {
        return Err(turned_away(Refused::new(
            "activation-used",
            "This activation was used already.",
            "its single use is spent",
            "Start the activation again.",
        )));
    }
    let admitted = match login::admit(portal, &mut tx, &integration, &unspent).await {
        Ok(admitted) => admitted,
        Err(refused) => {
            tx.commit().await?;
            return Err(turned_away(refused));
        }
    };
    if !admitted.standing.product_user {
        tx.commit().await?;
        return Err(turned_away(Refused::new(
            "not-in-users-group",
            "You are not in the group of users who may activate the product.",
            format!(
                "{} is not in the product users group: {}",
                admitted.person.user_name,
                login::why_in_none(&integration, &admitted)
            ),
            "Ask your administrator to add you to the Parallels Desktop users group in the IdP.",
        )));
    }
    let granted = licensing::grant(
        portal,
        &mut tx,
        &admitted.person,
        &activation.device_id,
        &activation.device_name,
    )
    .await
    .map_err(|error| turned_away(no_seat(&error)))?;
    let event = Event::new(
        &admitted.person.user_name,
        "desktop-activated",
        &activation.device_id,
    )
    .saying(format!(
        "{}, app version {}",
        activation.device_name, activation.app_version
    ))
    .from(address);
    audit::record(portal, &mut tx, Some(&business_id), event).await?;
    tx.commit().await?;
    Ok(Activated {
        person: admitted.person,
        granted,
    })
}

fn no_seat(error: &SeatError) -> Refused {
    let (code, public, next) = match error {
        SeatError::NoSeatLeft(_) => (
            "no-seat-left",
            "All licenses of your organization are in use.",
            "Ask your administrator to free a license or to buy more.",
        ),
        SeatError::SubscriptionExpired(_) => (
            "subscription-expired",
            "Your organization's subscription has ended.",
            "Ask your administrator to renew it.",
        ),
        SeatError::TooManyDevices(_) => (
            "too-many-devices",
            "Your license is in use on as many devices as your organization's subscription allows.",
            "Ask your administrator to release a device that you don't use any more.",
        ),
        SeatError::NotStarted => (
            "subscription-not-started",
            "Your organization's subscription has not begun yet.",
            "Ask your administrator when it begins.",
        ),
        SeatError::Store(error) => return Refused::internal(error),
    };
    Refused::new(code, public, error.to_string(), next)
}
