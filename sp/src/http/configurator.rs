//! `/api/business/idp-integration`: the configurator.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Body;
use super::caller::{Address, Admin};
use super::no_store;
use super::problem::{Answer, warnings_shown};
use crate::Portal;
use crate::configurator::groups::GroupEntered;
use crate::configurator::saml::Source;
use crate::configurator::{
    self as steps, ConfiguratorError, Entered, Step, StepState, Warning, application, backup_login,
    domains, groups, saml, scim, users,
};
use crate::directory::sync_log;
use crate::store::domains::DomainRow;
use crate::store::tenants::TokenRow;
use crate::store::{self, instant};

const ROOT: &str = "/api/business/idp-integration";

/// Where metadata comes in, which may be large.
pub(super) const METADATA_PATH: &str = "/api/business/idp-integration/saml";

pub(super) fn router() -> Router<Portal> {
    let at = |path: &str| format!("{ROOT}{path}");
    Router::new()
        .route(ROOT, get(show))
        .route(&at("/start"), post(start))
        .route(&at("/domains"), post(add_domain))
        .route(&at("/domains/{domain}"), delete(remove_domain))
        .route(&at("/domains/{domain}/verify"), post(verify_domain))
        .route(&at("/application"), put(application_done))
        .route(&at("/groups"), put(enter_groups))
        .route(METADATA_PATH, put(enter_saml))
        .route(&at("/saml-settings"), put(settle_saml))
        .route(&at("/scim"), put(enter_scim))
        .route(&at("/scim/token"), post(new_token))
        .route(&at("/scim/token/{id}"), delete(end_token))
        .route(&at("/users"), put(users_done))
        .route(&at("/backup-login"), put(choose_backup_login))
        .route(&at("/activate"), post(activate))
        .route(&at("/deactivate"), post(deactivate))
}

async fn show(State(portal): State<Portal>, admin: Admin) -> Answer {
    let mut db = portal.store.read().await?;
    let business_id = &admin.workspace.id;
    match steps::entered(&mut db, business_id).await? {
        Some(entered) => shown(&portal, entered).await,
        None if store::subscriptions::has_per_user(&mut db, business_id).await? => {
            Ok(no_store(Json(not_started())))
        }
        None => Err(ConfiguratorError::NotAvailable.into()),
    }
}

async fn start(State(portal): State<Portal>, Address(address): Address, admin: Admin) -> Answer {
    let entered = steps::start(&portal, admin.by(&address)).await?;
    shown(&portal, entered).await
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
    Ok((StatusCode::CREATED, Json(domain_shown(&row))).into_response())
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
    Ok(no_store(Json(domain_shown(&row))))
}

#[derive(Deserialize)]
struct Confirmation {
    done: bool,
}

async fn application_done(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Body(confirmation): Body<Confirmation>,
) -> Answer {
    let by = admin.by(&address);
    let entered = application::confirm(&portal, by, confirmation.done).await?;
    shown(&portal, entered).await
}

async fn users_done(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Body(confirmation): Body<Confirmation>,
) -> Answer {
    let by = admin.by(&address);
    let entered = users::confirm(&portal, by, confirmation.done).await?;
    shown(&portal, entered).await
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
    shown(&portal, entered).await
}

#[derive(Deserialize)]
struct NewSaml {
    metadata_xml: Option<String>,
    metadata_url: Option<String>,
    /// Of an aggregate: which entity.
    metadata_entity_id: Option<String>,
    /// The certificate of whoever must have signed the metadata.
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
    shown(&portal, entered).await
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
    shown(&portal, entered).await
}

#[derive(Deserialize)]
struct NewScim {
    enabled: Option<bool>,
    done: Option<bool>,
}

async fn enter_scim(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Body(new): Body<NewScim>,
) -> Answer {
    let entered = scim::enter(&portal, admin.by(&address), new.enabled, new.done).await?;
    shown(&portal, entered).await
}

async fn new_token(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
) -> Answer {
    let token = scim::new_token(&portal, admin.by(&address)).await?;
    let mut db = portal.store.read().await?;
    let entered = steps::entered(&mut db, &admin.workspace.id).await?;
    let replaced = match entered {
        Some(entered) => scim::tokens(&portal, &mut db, &entered.tenant.id).await?,
        None => Vec::new(),
    };
    let replaced: Vec<Value> = replaced
        .iter()
        .filter(|row| row.expires.is_some())
        .map(token_shown)
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
    shown(&portal, entered).await
}

async fn activate(State(portal): State<Portal>, Address(address): Address, admin: Admin) -> Answer {
    let entered = steps::activate(&portal, admin.by(&address)).await?;
    shown(&portal, entered).await
}

async fn deactivate(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
) -> Answer {
    let entered = steps::deactivate(&portal, admin.by(&address)).await?;
    shown(&portal, entered).await
}

fn domain_shown(row: &DomainRow) -> Value {
    json!({
        "domain": row.domain,
        "status": row.status,
        "txt_name": row.domain,
        "txt_value": row.txt_value,
        "checked_at": row.checked.map(instant),
        "detail": row.detail,
    })
}

fn step_shown(
    number: usize,
    step: Step,
    state: StepState,
    missing: &[String],
    warnings: &[Warning],
) -> Value {
    json!({
        "number": number + 1,
        "id": step.id(),
        "title": step.title(),
        "state": state.as_str(),
        "missing": missing,
        "warnings": warnings_shown(warnings),
    })
}

fn token_shown(row: &TokenRow) -> Value {
    json!({
        "id": scim::token_id(row),
        "hint": format!("…{}", row.hint),
        "current": row.expires.is_none(),
        "created": instant(row.created),
        "last_used": row.last_used.map(instant),
        "valid_until": row.expires.map(instant),
    })
}

fn not_started() -> Value {
    let missing = ["choose Start Configuring".to_owned()];
    let steps: Vec<Value> = Step::ALL
        .into_iter()
        .enumerate()
        .map(|(number, step)| step_shown(number, step, StepState::Grey, &missing, &[]))
        .collect();
    json!({
        "status": "not-started",
        "steps": steps,
        "domains": [],
        "groups": {"admins": null, "users": null},
        "service_provider": null,
        "identity_provider": null,
        "scim": null,
        "backup_login": null,
        "can_activate": false,
    })
}

async fn shown(portal: &Portal, entered: Entered) -> Answer {
    let mut db = portal.store.read().await?;
    let entered = &steps::review(&mut db, entered).await?;
    let tokens = scim::tokens(portal, &mut db, &entered.tenant.id).await?;
    drop(db);
    let calls = sync_log::of_business(portal, &entered.tenant.business_id, 1).await?;
    let last_call = calls.first().map(|row| {
        json!({
            "at": instant(row.happened),
            "method": row.method,
            "path": row.path,
            "status": row.status,
        })
    });
    let now = portal.now();
    let tenant = &entered.tenant;
    let sp = portal.service_provider(&tenant.id);
    let steps: Vec<Value> = Step::ALL
        .into_iter()
        .enumerate()
        .map(|(number, step)| {
            let missing = step.missing(entered, now);
            let state = entered.state(step, now);
            step_shown(number, step, state, &missing, entered.warnings(step))
        })
        .collect();
    let group = |name: &Option<String>, id: &Option<String>| {
        name.as_ref().map(|name| json!({"name": name, "id": id}))
    };
    let certificates: Vec<Value> = saml::certificates(entered)
        .iter()
        .map(|certificate| {
            json!({
                "subject": certificate.subject(),
                "fingerprint": certificate.fingerprint_sha256(),
                "key": certificate.key(),
                "not_before": certificate.not_before(),
                "not_after": certificate.not_after(),
                "expired": certificate.not_after() <= now,
            })
        })
        .collect();
    let token = entered.token.as_ref();
    Ok(no_store(Json(json!({
        "status": entered.status(now),
        "steps": steps,
        "warnings": warnings_shown(&entered.warnings),
        "domains": entered.domains.iter().map(domain_shown).collect::<Vec<_>>(),
        "groups": {
            "admins": group(&tenant.admins_group_name, &tenant.admins_group_id),
            "users": group(&tenant.users_group_name, &tenant.users_group_id),
        },
        "service_provider": {
            "entity_id": sp.entity_id,
            "acs_url": sp.acs_url,
            "slo_url": sp.slo_url,
            "metadata_url": sp.metadata_url,
        },
        "identity_provider": tenant.idp_entity_id.as_ref().map(|entity_id| json!({
            "entity_id": entity_id,
            "sso_url": tenant.idp_sso_url,
            "certificates": certificates,
            "wants_signed_requests": tenant.idp_wants_signed_requests == 1,
            "sso_post_url": tenant.idp_sso_post_url,
            "slo": saml::slo(tenant),
            "metadata": {
                "url": tenant.idp_metadata_url,
                "valid_until": tenant.idp_metadata_until.map(instant),
                "fresh_until": tenant.idp_metadata_fresh_until.map(instant),
                "signature_demanded": tenant.idp_metadata_signer.is_some(),
                "left_out": saml::left_out(tenant),
            },
        })),
        "saml_settings": {
            "signature_policy": tenant.signature_policy,
            "unsolicited": tenant.unsolicited == 1,
            "sign_requests": tenant.signs_requests(),
            "encryption": tenant.encryption == 1,
            "request_binding": tenant.request_binding,
            "force_authn": tenant.force_authn == 1,
            "accept_expired_certificates": tenant.accept_expired_certificates == 1,
            "authn_context": saml::requested(tenant).map(|requested| json!({
                "comparison": requested.comparison.name(),
                "classes": requested.class_refs,
            })),
        },
        "scim": {
            "enabled": tenant.scim_enabled == 1,
            "base_url": sp.scim_base_url,
            "token_hint": token.map(|token| format!("…{}", token.hint)),
            "token_last_used": token.and_then(|token| token.last_used).map(instant),
            "token": token.and_then(|token| token.clear_text.as_ref()),
            "tokens": tokens.iter().map(token_shown).collect::<Vec<_>>(),
            "last_call": last_call,
        },
        "backup_login": {"email": backup_login::shown(entered), "confirmed": tenant.backup_login.is_some()},
        "can_activate": tenant.active == 0 && entered.grey(now).is_empty(),
    }))))
}
