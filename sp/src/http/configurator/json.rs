//! Converts the state of the configurator to JSON.

use axum::Json;
use serde_json::{Value, json};

use super::super::no_store;
use super::super::problem::{Answer, warnings_shown};
use crate::Portal;
use crate::configurator::{
    self as steps, Entered, Step, StepState, Warning, backup_login, saml, scim, scim_issuers,
};
use crate::directory::sync_log;
use crate::store::domains::DomainRow;
use crate::store::instant;
use crate::store::scim_issuers::ScimIssuerRow;
use crate::store::tenants::TokenRow;

pub(super) fn domain(row: &DomainRow) -> Value {
    json!({
        "domain": row.domain,
        "status": row.status,
        "txt_name": row.domain,
        "txt_value": row.txt_value,
        "checked_at": row.checked.map(instant),
        "detail": row.detail,
    })
}

fn step_json(
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

pub(super) fn token(row: &TokenRow) -> Value {
    json!({
        "id": scim::token_id(row),
        "hint": format!("…{}", row.hint),
        "current": row.expires.is_none(),
        "created": instant(row.created),
        "last_used": row.last_used.map(instant),
        "valid_until": row.expires.map(instant),
    })
}

pub(super) fn issuer(row: &ScimIssuerRow) -> Value {
    json!({
        "id": row.id,
        "issuer": row.issuer,
        "audience": row.audience,
        "clients": scim_issuers::clients(row),
        "scope": row.scope,
        "created": instant(row.created),
    })
}

pub(super) fn not_started() -> Value {
    let missing = ["choose Start Configuring".to_owned()];
    let steps: Vec<Value> = Step::ALL
        .into_iter()
        .enumerate()
        .map(|(number, step)| step_json(number, step, StepState::Grey, &missing, &[]))
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

pub(super) async fn answer_with_integration(portal: &Portal, entered: Entered) -> Answer {
    let mut db = portal.store.read().await?;
    let entered = &steps::review(&mut db, entered).await?;
    let tokens = scim::list_tokens(portal, &mut db, &entered.tenant.id).await?;
    let issuers = scim_issuers::list(&mut db, &entered.tenant.id).await?;
    drop(db);
    let calls = sync_log::list_by_business(portal, &entered.tenant.business_id, 1).await?;
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
            let missing = step.list_missing_actions(entered, now);
            let state = entered.state(step, now);
            step_json(number, step, state, &missing, entered.warnings(step))
        })
        .collect();
    let group = |name: &Option<String>, id: &Option<String>| {
        name.as_ref().map(|name| json!({"name": name, "id": id}))
    };
    let certificates: Vec<Value> = saml::certificates(&entered.tenant)
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
        "domains": entered.domains.iter().map(domain).collect::<Vec<_>>(),
        "groups": {
            "admins": group(&tenant.admins_group_name, &tenant.admins_group_id),
            "users": group(&tenant.users_group_name, &tenant.users_group_id),
        },
        "service_provider": {
            "entity_id": sp.entity_id,
            "acs_url": sp.acs_url,
            "slo_url": sp.slo_url,
            "metadata_url": sp.metadata_url,
            "revocation_url": sp.revocation_url,
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
            "authn_context": saml::requested_authn_context(tenant).map(|requested| json!({
                "comparison": requested.comparison.name(),
                "classes": requested.class_refs,
            })),
        },
        "scim": {
            "enabled": tenant.scim_enabled == 1,
            "base_url": sp.scim_base_url,
            "rules": scim::rules(tenant).name(),
            "token_hint": token.map(|token| format!("…{}", token.hint)),
            "token_last_used": token.and_then(|token| token.last_used).map(instant),
            "token": token.and_then(|token| token.clear_text.as_ref()),
            "tokens": tokens.iter().map(self::token).collect::<Vec<_>>(),
            "issuers": issuers.iter().map(self::issuer).collect::<Vec<_>>(),
            "last_call": last_call,
        },
        "backup_login": {"email": backup_login::email_to_show(entered), "confirmed": tenant.backup_login.is_some()},
        "can_activate": tenant.active == 0 && entered.grey(now).is_empty(),
    }))))
}
