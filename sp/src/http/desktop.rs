//! `/desktop/v1`: the API for the desktop app.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Body;
use super::caller::Address;
use super::no_store;
use super::openapi::Route;
use super::parameters::Path;
use super::problem::{Answer, Problem};
use crate::Portal;
use crate::desktop::{self, Wanted};
use crate::licensing::{self, Validation};
use crate::login::LoginRefusal;
use crate::refusal::{self, Flow};
use crate::store::instant;
use crate::store::licenses::{DeviceRow, LicenseRow};
use crate::store::subscriptions::SubscriptionRow;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/desktop/v1/activations", begin)
            .summary("Begin an activation; returns the URL at which the user logs in by SSO")
            .body("NewActivation")
            .creates("Activation")
            .refuses(&[403]),
        Route::post("/desktop/v1/activations/{id}/response", answer)
            .summary("Finish an activation with the identity provider's Response")
            .body("ActivationResponse")
            .returns("ActivatedLicense")
            .refuses(&[403, 404, 409, 410]),
        Route::post("/desktop/v1/licenses/validate", validate)
            .summary("Check whether a device's license is still valid")
            .body("HeldLicense")
            .returns("ValidatedLicense")
            .refuses(&[403, 404]),
        Route::get("/desktop/v1/keys", show_public_keys)
            .summary("Read the public keys of signed licenses (RFC 7517)")
            .returns("JwkSet"),
    ]
}

#[derive(Deserialize)]
struct Device {
    id: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct NewActivation {
    email: String,
    device: Device,
    #[serde(default)]
    app_version: String,
}

async fn begin(
    State(portal): State<Portal>,
    Address(address): Address,
    Body(new): Body<NewActivation>,
) -> Answer {
    if new.device.id.trim().is_empty() || new.device.id.len() > 200 {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid-device",
            "invalid device.id: expected 1 to 200 characters",
        ));
    }
    let wanted = Wanted {
        email: new.email,
        device_id: new.device.id,
        device_name: new.device.name,
        app_version: new.app_version,
    };
    match desktop::begin(&portal, wanted).await {
        Ok(begun) => Ok(no_store((
            StatusCode::CREATED,
            Json(json!({
                "activation_id": begun.id,
                "activation_secret": begun.secret,
                "sso_url": begun.sso_url,
                "expires_at": begun.expires,
            })),
        ))),
        Err(away) => Err(refuse(&portal, away, &address).await),
    }
}

#[derive(Deserialize)]
struct IdpAnswer {
    activation_secret: String,
    saml_response: String,
    #[serde(default)]
    relay_state: String,
}

async fn answer(
    State(portal): State<Portal>,
    Address(address): Address,
    Path(id): Path<String>,
    Body(given): Body<IdpAnswer>,
) -> Answer {
    let activated = desktop::answer(
        &portal,
        &id,
        &given.activation_secret,
        &given.saml_response,
        &given.relay_state,
        &address,
    )
    .await;
    let activated = match activated {
        Ok(activated) => activated,
        Err(away) => return Err(refuse(&portal, away, &address).await),
    };
    let person = &activated.person;
    let granted = &activated.granted;
    let email = person.email.as_ref().unwrap_or(&person.user_name);
    let (mut license, signed) = sign_license_with_terms(
        &portal,
        &granted.license,
        &granted.device,
        &granted.subscription,
    )
    .await?;
    license.extend([
        ("id".to_owned(), json!(granted.license.id)),
        (
            "user".to_owned(),
            json!({"id": person.id, "name": person.display_name}),
        ),
        ("email".to_owned(), json!(email)),
        (
            "subscription".to_owned(),
            json!({"id": granted.subscription.id, "name": granted.subscription.name}),
        ),
        (
            "granted_at".to_owned(),
            json!(instant(granted.license.granted)),
        ),
        (
            "device".to_owned(),
            json!({"id": granted.device.device_id, "name": granted.device.name}),
        ),
    ]);
    Ok(no_store(Json(json!({
        "license": license,
        "license_token": granted.token,
        "signed_license": signed,
    }))))
}

/// Returns the terms of a license as JSON members, and the signed license.
async fn sign_license_with_terms(
    portal: &Portal,
    license: &LicenseRow,
    device: &DeviceRow,
    subscription: &SubscriptionRow,
) -> Result<(serde_json::Map<String, Value>, String), Problem> {
    let terms = licensing::terms(portal, subscription);
    let signed = licensing::sign(portal, license, device, subscription).await?;
    let shown = [
        ("valid_until".to_owned(), json!(terms.valid_until)),
        ("revalidate_after".to_owned(), json!(terms.revalidate_after)),
    ];
    Ok((shown.into_iter().collect(), signed))
}

/// Returns the public keys for signed licenses as a JWK set (RFC 7517).
async fn show_public_keys(State(portal): State<Portal>) -> Answer {
    Ok(Json(licensing::load_public_keys(&portal).await?).into_response())
}

#[derive(Deserialize)]
struct Held {
    license_token: String,
    device_id: String,
}

async fn validate(State(portal): State<Portal>, Body(held): Body<Held>) -> Answer {
    match licensing::validate(&portal, &held.license_token, &held.device_id).await? {
        Validation::Valid(found) => {
            let (device, license, subscription) = *found;
            let (mut body, signed) =
                sign_license_with_terms(&portal, &license, &device, &subscription).await?;
            body.insert("status".to_owned(), json!("valid"));
            body.insert("signed_license".to_owned(), json!(signed));
            body.insert("license_id".to_owned(), json!(license.id));
            body.insert(
                "device".to_owned(),
                json!({"id": device.device_id, "name": device.name}),
            );
            Ok(no_store(Json(body)))
        }
        Validation::Revoked(because) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "license-revoked",
            format!("this license was revoked: {because}; ask your administrator"),
        )
        .with("reason", because)),
        Validation::Unknown => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "license-unknown",
            "license not found for this device: activate the device again",
        )),
    }
}

async fn refuse(portal: &Portal, away: LoginRefusal, address: &str) -> Problem {
    let refused = away.refused;
    let business_id = away.business_id.as_deref();
    let reference = refusal::record(portal, business_id, &refused, Flow::Desktop, address).await;
    let status = match refused.code {
        "invalid-email" => StatusCode::BAD_REQUEST,
        "activation-unknown" => StatusCode::NOT_FOUND,
        "activation-expired" => StatusCode::GONE,
        "activation-used" | "request-answered-before" => StatusCode::CONFLICT,
        "internal" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::FORBIDDEN,
    };
    let pass_on = refusal::pass_on(&reference);
    let sentences = [refused.public.as_str(), &refused.advice, &pass_on];
    let sentences = sentences.into_iter().filter(|it| !it.is_empty());
    let detail = sentences.collect::<Vec<_>>().join(" ");
    let next = if refused.advice.is_empty() {
        pass_on.clone()
    } else {
        refused.advice
    };
    Problem::new(status, refused.code, detail)
        .with("next", next)
        .with(
            "sign_in_problem",
            format!("{}{}", portal.base_url, refusal::path(&reference)),
        )
        .with("reference", reference)
}
