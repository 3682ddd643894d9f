//! `/api/business/idp-integration`: the API of the configurator.

mod json;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Body;
use super::caller::{Address, Admin};
use super::no_store;
use super::openapi::{CONFIRM, Route};
use super::parameters::Path;
use super::problem::Answer;
use crate::Portal;
use crate::configurator::groups::GroupEntered;
use crate::configurator::saml::Source;
use crate::configurator::{
    self as steps, ConfiguratorError, application, backup_login, domains, groups, saml, scim,
    scim_issuers, users,
};
use crate::store;

const ROOT: &str = "/api/business/idp-integration";

/// Path of step 4, where metadata is entered; its body limit is larger.
pub(super) const METADATA_PATH: &str = "/api/business/idp-integration/saml";

/// Returns all operations of the configurator.
pub(super) fn routes() -> Vec<Route> {
    let at = |path: &str| format!("{ROOT}{path}");
    vec![
        Route::get(ROOT, show)
            .summary("Read the configurator's seven steps")
            .admin()
            .returns("Integration"),
        Route::post(&at("/start"), start)
            .summary("Start Configuring")
            .admin()
            .returns("Integration"),
        Route::post(&at("/domains"), add_domain)
            .summary("Step 1: add a domain")
            .admin()
            .body("NewDomain")
            .creates("Domain"),
        Route::delete(&at("/domains/{domain}"), remove_domain)
            .summary("Step 1: remove a domain")
            .admin()
            .query(CONFIRM)
            .refuses(&[404]),
        Route::post(&at("/domains/{domain}/verify"), verify_domain)
            .summary("Step 1: look up the domain's TXT record")
            .admin()
            .returns("Domain")
            .refuses(&[404]),
        Route::put(&at("/application"), confirm_application)
            .summary("Step 2: confirm that the enterprise application is registered")
            .admin()
            .body("Confirmation")
            .returns("Integration"),
        Route::put(&at("/groups"), enter_groups)
            .summary("Step 3: enter the groups of admins and users")
            .admin()
            .body("Groups")
            .query(CONFIRM)
            .returns("Integration"),
        Route::put(METADATA_PATH, enter_saml)
            .summary("Step 4: enter the identity provider's metadata, or its three values")
            .admin()
            .body("IdentityProvider")
            .query(CONFIRM)
            .returns("Integration")
            .refuses(&[502]),
        Route::put(&at("/saml-settings"), settle_saml)
            .summary("Change the SAML settings: signatures, encryption, requests")
            .admin()
            .body("SamlSettings")
            .query(CONFIRM)
            .returns("Integration"),
        Route::put(&at("/scim"), enter_scim)
            .summary("Step 5: switch SCIM on or off, or confirm the step")
            .admin()
            .body("ScimChange")
            .query(CONFIRM)
            .returns("Integration"),
        Route::post(&at("/scim/token"), new_token)
            .summary("Step 5: create a bearer token; the previous one stays valid for a while")
            .admin()
            .creates("NewScimToken"),
        Route::delete(&at("/scim/token/{id}"), end_token)
            .summary("Step 5: end a replaced bearer token now")
            .admin()
            .refuses(&[404]),
        Route::post(&at("/scim/issuers"), add_issuer)
            .summary("Step 5: accept access tokens of an OAuth authorization server")
            .admin()
            .body("NewScimIssuer")
            .creates("ScimIssuer"),
        Route::delete(&at("/scim/issuers/{id}"), remove_issuer)
            .summary("Step 5: stop accepting access tokens of an OAuth authorization server")
            .admin()
            .refuses(&[404]),
        Route::put(&at("/users"), confirm_users)
            .summary("Step 6: confirm that users are in the groups")
            .admin()
            .body("Confirmation")
            .returns("Integration"),
        Route::put(&at("/backup-login"), choose_backup_login)
            .summary("Step 7: choose the backup login")
            .admin()
            .body("BackupLogin")
            .query(CONFIRM)
            .returns("Integration"),
        Route::post(&at("/activate"), activate)
            .summary("Activate the integration")
            .admin()
            .query(CONFIRM)
            .returns("Integration"),
        Route::post(&at("/deactivate"), deactivate)
            .summary("Deactivate the integration")
            .admin()
            .query(CONFIRM)
            .returns("Integration"),
    ]
}

async fn show(State(portal): State<Portal>, admin: Admin) -> Answer {
    let mut db = portal.store.read().await?;
    let business_id = &admin.workspace.id;
    match steps::load_entered_values(&mut db, business_id).await? {
        Some(entered) => json::answer_with_integration(&portal, entered).await,
        None if store::subscriptions::has_per_user(&mut db, business_id).await? => {
            Ok(no_store(Json(json::not_started())))
        }
        None => Err(ConfiguratorError::NotAvailable.into()),
    }
}

async fn start(State(portal): State<Portal>, Address(address): Address, admin: Admin) -> Answer {
    let entered = steps::start(&portal, admin.by(&address)).await?;
    json::answer_with_integration(&portal, entered).await
}

#[derive(Deserialize)]
struct NewDomain {
    domain: String,
}

async fn add_domain(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Body(new): Body<NewDomain>,
) -> Answer {
    let row = domains::add(&portal, admin.by(&address), &new.domain).await?;
    Ok((StatusCode::CREATED, Json(json::domain(&row))).into_response())
}

async fn remove_domain(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Path(domain): Path<String>,
) -> Answer {
    domains::remove(&portal, admin.by(&address), &domain).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn verify_domain(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Path(domain): Path<String>,
) -> Answer {
    let row = domains::verify(&portal, admin.by(&address), &domain).await?;
    Ok(no_store(Json(json::domain(&row))))
}

#[derive(Deserialize)]
struct Confirmation {
    done: bool,
}

async fn confirm_application(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Body(confirmation): Body<Confirmation>,
) -> Answer {
    let by = admin.by(&address);
    let entered = application::confirm(&portal, by, confirmation.done).await?;
    json::answer_with_integration(&portal, entered).await
}

async fn confirm_users(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Body(confirmation): Body<Confirmation>,
) -> Answer {
    let by = admin.by(&address);
    let entered = users::confirm(&portal, by, confirmation.done).await?;
    json::answer_with_integration(&portal, entered).await
}

#[derive(Deserialize)]
struct NewGroup {
    #[serde(default)]
    name: String,
    #[serde(default)]
    id: String,
}

#[derive(Deserialize)]
struct NewGroups {
    admins: Option<NewGroup>,
    users: Option<NewGroup>,
}

async fn enter_groups(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Body(new): Body<NewGroups>,
) -> Answer {
    let group = |group: NewGroup| GroupEntered {
        name: group.name,
        id: group.id,
    };
    let (admins, users) = (new.admins.map(group), new.users.map(group));
    let entered = groups::enter(&portal, admin.by(&address), admins, users).await?;
    json::answer_with_integration(&portal, entered).await
}

#[derive(Deserialize)]
struct NewSaml {
    metadata_xml: Option<String>,
    metadata_url: Option<String>,
    /// Entity ID, if the metadata contains several entities.
    metadata_entity_id: Option<String>,
    /// Certificate that must verify the metadata's signature.
    metadata_signed_by: Option<String>,
    entity_id: Option<String>,
    sso_url: Option<String>,
    certificate: Option<String>,
}

async fn enter_saml(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Body(new): Body<NewSaml>,
) -> Answer {
    let picked = saml::Picked {
        entity_id: new.metadata_entity_id.clone(),
        signed_by: new.metadata_signed_by.clone(),
    };
    let source = match new {
        NewSaml {
            metadata_xml: Some(xml),
            ..
        } => Source::Xml(xml, picked),
        NewSaml {
            metadata_url: Some(url),
            ..
        } => Source::Url(url, picked),
        NewSaml {
            entity_id: Some(entity_id),
            sso_url: Some(sso_url),
            certificate: Some(certificate),
            ..
        } => Source::Manual {
            entity_id,
            sso_url,
            certificate,
        },
        _ => return Err(ConfiguratorError::NothingToImport.into()),
    };
    let entered = saml::enter(&portal, admin.by(&address), source).await?;
    json::answer_with_integration(&portal, entered).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSettings {
    signature_policy: Option<String>,
    unsolicited: Option<bool>,
    sign_requests: Option<bool>,
    encryption: Option<bool>,
    request_binding: Option<String>,
    force_authn: Option<bool>,
    authn_context: Option<saml::AuthnContext>,
    accept_expired_certificates: Option<bool>,
}

async fn settle_saml(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Body(new): Body<NewSettings>,
) -> Answer {
    let settings = saml::Settings {
        signature_policy: new.signature_policy,
        unsolicited: new.unsolicited,
        sign_requests: new.sign_requests,
        encryption: new.encryption,
        request_binding: new.request_binding,
        force_authn: new.force_authn,
        authn_context: new.authn_context,
        accept_expired_certificates: new.accept_expired_certificates,
    };
    let entered = saml::settle(&portal, admin.by(&address), settings).await?;
    json::answer_with_integration(&portal, entered).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScimChange {
    enabled: Option<bool>,
    done: Option<bool>,
    rules: Option<String>,
}

async fn enter_scim(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Body(change): Body<ScimChange>,
) -> Answer {
    let new = scim::NewScim {
        enabled: change.enabled,
        done: change.done,
        rules: change.rules,
    };
    let entered = scim::enter(&portal, admin.by(&address), new).await?;
    json::answer_with_integration(&portal, entered).await
}

async fn new_token(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
) -> Answer {
    let token = scim::new_token(&portal, admin.by(&address)).await?;
    let mut db = portal.store.read().await?;
    let entered = steps::load_entered_values(&mut db, &admin.workspace.id).await?;
    let replaced = match entered {
        Some(entered) => scim::list_tokens(&portal, &mut db, &entered.tenant.id).await?,
        None => Vec::new(),
    };
    let replaced: Vec<Value> = replaced
        .iter()
        .filter(|row| row.expires.is_some())
        .map(json::token)
        .collect();
    Ok(no_store((
        StatusCode::CREATED,
        Json(json!({"token": token, "replaced": replaced})),
    )))
}

async fn end_token(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Path(id): Path<String>,
) -> Answer {
    scim::end_token(&portal, admin.by(&address), &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize)]
struct NewScimIssuer {
    issuer: String,
    audience: String,
    clients: Vec<String>,
    scope: Option<String>,
}

async fn add_issuer(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Body(new): Body<NewScimIssuer>,
) -> Answer {
    let new = scim_issuers::NewIssuer {
        issuer: new.issuer,
        audience: new.audience,
        clients: new.clients,
        scope: new.scope,
    };
    let row = scim_issuers::add(&portal, admin.by(&address), new).await?;
    let body = Json(json::issuer(&row));
    Ok(no_store((StatusCode::CREATED, body)))
}

async fn remove_issuer(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Path(id): Path<String>,
) -> Answer {
    scim_issuers::remove(&portal, admin.by(&address), &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize)]
struct NewBackupLogin {
    email: String,
}

async fn choose_backup_login(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Body(new): Body<NewBackupLogin>,
) -> Answer {
    let entered = backup_login::choose(&portal, admin.by(&address), &new.email).await?;
    json::answer_with_integration(&portal, entered).await
}

async fn activate(State(portal): State<Portal>, Address(address): Address, admin: Admin) -> Answer {
    let entered = steps::activate(&portal, admin.by(&address)).await?;
    json::answer_with_integration(&portal, entered).await
}

async fn deactivate(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
) -> Answer {
    let entered = steps::deactivate(&portal, admin.by(&address)).await?;
    json::answer_with_integration(&portal, entered).await
}
