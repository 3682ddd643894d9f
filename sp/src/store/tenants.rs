//! The values of IdP integrations, and their SCIM tokens.

use sqlx::{FromRow as _, Row as _};

use super::row::from_row;
use super::{Db, Result};

/// The entered values of one IdP integration. The configurator computes which
/// steps are complete.
#[derive(Debug, Clone)]
pub struct TenantRow {
    /// Opaque ID, which is part of SP entity ID, ACS URL and SCIM Base URL.
    pub id: String,
    /// The business account that it belongs to.
    pub business_id: String,
    /// Step 2: 1 if confirmed, else 0.
    pub application_done: i64,
    /// Step 3: name of the admins group.
    pub admins_group_name: Option<String>,
    /// Step 3: ID of the admins group.
    pub admins_group_id: Option<String>,
    /// Step 3: name of the product users group.
    pub users_group_name: Option<String>,
    /// Step 3: ID of the product users group.
    pub users_group_id: Option<String>,
    /// Step 4: entity ID of the IdP.
    pub idp_entity_id: Option<String>,
    /// Step 4: SSO URL for HTTP-Redirect, or else for HTTP-POST.
    pub idp_sso_url: Option<String>,
    /// Step 4: certificates of the IdP, a JSON array of PEM texts.
    pub idp_certificates: Option<String>,
    /// Step 4: 1 if the IdP's metadata requires signed AuthnRequests, else 0.
    pub idp_wants_signed_requests: i64,
    /// Step 5: 1 if SCIM support is on, else 0.
    pub scim_enabled: i64,
    /// Step 5: 1 if confirmed, else 0.
    pub scim_done: i64,
    /// Step 6: 1 if confirmed, else 0.
    pub users_done: i64,
    /// E-mail, in lower case, of the administrator who chose Start Configuring.
    pub started_by: String,
    /// Step 7: e-mail of the confirmed backup login, in lower case.
    pub backup_login: Option<String>,
    /// 1 if the integration is active, else 0.
    pub active: i64,
    /// Time of Start Configuring, in microseconds since the Unix epoch.
    pub started: i64,
    /// Step 4: what must be signed: `either`, `assertion`, `response`
    /// or `both`.
    pub signature_policy: String,
    /// Step 4: 1 if unsolicited Responses are accepted, else 0.
    pub unsolicited: i64,
    /// Step 4: 1 if AuthnRequests are signed even if the IdP does not require
    /// it, else 0.
    pub sign_requests: i64,
    /// Step 4: 1 if encrypted assertions are accepted, else 0.
    pub encryption: i64,
    /// Step 4: SSO URL for HTTP-POST.
    pub idp_sso_post_url: Option<String>,
    /// Step 4: the IdP's single logout endpoints, as a JSON array.
    pub idp_slo: String,
    /// Step 4: binding of AuthnRequests: `redirect` or `post`.
    pub request_binding: String,
    /// Step 4: 1 if AuthnRequests have `ForceAuthn`, else 0.
    pub force_authn: i64,
    /// Step 4: the requested authentication context, as JSON.
    pub requested_authn_context: Option<String>,
    /// Step 4: URL of the metadata, which is fetched again when its
    /// `cacheDuration` has passed.
    pub idp_metadata_url: Option<String>,
    /// Step 4: certificate (PEM) that must verify the metadata's signature.
    pub idp_metadata_signer: Option<String>,
    /// Step 4: time until which the metadata is valid (`validUntil`).
    pub idp_metadata_until: Option<i64>,
    /// Step 4: time until which the metadata need not be fetched
    /// again (`cacheDuration`).
    pub idp_metadata_fresh_until: Option<i64>,
    /// Step 4: descriptions of unused parts of the metadata, as a JSON array.
    pub idp_left_out: String,
    /// Step 4: 1 if expired certificates are accepted, else 0.
    pub accept_expired_certificates: i64,
    /// Step 5: name of the rules by which SCIM requests are read.
    pub scim_rules: String,
}

from_row!(TenantRow {
    id,
    business_id,
    application_done,
    admins_group_name,
    admins_group_id,
    users_group_name,
    users_group_id,
    idp_entity_id,
    idp_sso_url,
    idp_certificates,
    idp_wants_signed_requests,
    scim_enabled,
    scim_done,
    users_done,
    started_by,
    backup_login,
    active,
    started,
    signature_policy,
    unsolicited,
    sign_requests,
    encryption,
    idp_sso_post_url,
    idp_slo,
    request_binding,
    force_authn,
    requested_authn_context,
    idp_metadata_url,
    idp_metadata_signer,
    idp_metadata_until,
    idp_metadata_fresh_until,
    idp_left_out,
    accept_expired_certificates,
    scim_rules,
});

impl TenantRow {
    /// True if AuthnRequests are signed: because the IdP requires it, or
    /// because of the setting.
    pub fn signs_requests(&self) -> bool {
        self.sign_requests == 1 || self.idp_wants_signed_requests == 1
    }
}

/// What a login needs to know of an integration.
#[derive(Debug, Clone)]
pub struct LoginTenant {
    /// The entered values.
    pub tenant: TenantRow,
    /// The verified domains of the business account, in the order in which they
    /// were added.
    pub domains: Vec<String>,
}

/// By what a login finds its integration.
#[derive(Debug, Clone, Copy)]
pub enum LoginKey<'a> {
    /// ID of the integration.
    Tenant(&'a str),
    /// ID of the business account.
    Business(&'a str),
    /// A domain that the business account has verified.
    Domain(&'a str),
}

/// A SCIM bearer token.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// SHA-256 of the token.
    pub token_hash: String,
    /// The tenant that it belongs to.
    pub tenant_id: String,
    /// Last four characters of the token.
    pub hint: String,
    /// Creation time, in microseconds since the Unix epoch.
    pub created: i64,
    /// Expiry time, in microseconds since the Unix epoch; `None`: the
    /// current token.
    pub expires: Option<i64>,
    /// Time of the last use, in microseconds since the Unix epoch.
    pub last_used: Option<i64>,
    /// The token in clear text, while the page still shows it.
    pub clear_text: Option<String>,
}

from_row!(TokenRow {
    token_hash,
    tenant_id,
    hint,
    created,
    expires,
    last_used,
    clear_text
});

/// Stores a new integration.
///
/// # Errors
/// A unique violation if the business account already has one.
pub async fn insert(
    db: &mut Db,
    id: &str,
    business_id: &str,
    started_by: &str,
    started: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO tenants (id, business_id, application_done, idp_wants_signed_requests,
                              scim_enabled, scim_done, users_done, active, started_by, started)
         VALUES ($1, $2, 0, 0, 1, 0, 0, 0, $3, $4)",
    )
    .bind(id.to_owned())
    .bind(business_id.to_owned())
    .bind(started_by.to_owned())
    .bind(started)
    .execute(db)
    .await?;
    Ok(())
}

/// Finds the integration with this ID.
///
/// # Errors
/// When the database fails.
pub async fn find_by_id(db: &mut Db, id: &str) -> Result<Option<TenantRow>> {
    Ok(sqlx::query_as("SELECT * FROM tenants WHERE id = $1")
        .bind(id.to_owned())
        .fetch_optional(db)
        .await?)
}

/// Finds the integration for a login, in one statement.
///
/// # Errors
/// When the database fails.
pub async fn find_for_login(db: &mut Db, key: LoginKey<'_>) -> Result<Option<LoginTenant>> {
    let (condition, value) = match key {
        LoginKey::Tenant(id) => ("t.id = $1", id),
        LoginKey::Business(id) => ("t.business_id = $1", id),
        LoginKey::Domain(name) => (
            "t.business_id IN
                (SELECT business_id FROM domains WHERE domain = $1 AND status = 'verified')",
            name,
        ),
    };
    let sql = format!(
        "SELECT t.*, d.domain AS verified_domain FROM tenants t
         LEFT JOIN domains d ON d.business_id = t.business_id AND d.status = 'verified'
         WHERE {condition} ORDER BY d.added, d.domain"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(value.to_owned())
        .fetch_all(db)
        .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let tenant = TenantRow::from_row(first)?;
    let domains = rows
        .iter()
        .map(|row| row.try_get::<Option<String>, _>("verified_domain"))
        .filter_map(sqlx::Result::transpose)
        .collect::<sqlx::Result<_>>()?;
    Ok(Some(LoginTenant { tenant, domains }))
}

/// Finds the integration of this business account.
///
/// # Errors
/// When the database fails.
pub async fn find_by_business(db: &mut Db, business_id: &str) -> Result<Option<TenantRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM tenants WHERE business_id = $1")
            .bind(business_id.to_owned())
            .fetch_optional(db)
            .await?,
    )
}

/// Updates all fields that the steps can change.
///
/// # Errors
/// When the database fails.
pub async fn update(db: &mut Db, row: &TenantRow) -> Result<()> {
    sqlx::query(
        "UPDATE tenants SET application_done = $2, admins_group_name = $3, admins_group_id = $4,
            users_group_name = $5, users_group_id = $6, idp_entity_id = $7, idp_sso_url = $8,
            idp_certificates = $9, idp_wants_signed_requests = $10, scim_enabled = $11,
            scim_done = $12, users_done = $13, backup_login = $14, active = $15,
            signature_policy = $16, unsolicited = $17, sign_requests = $18,
            encryption = $19, idp_sso_post_url = $20, idp_slo = $21, request_binding = $22,
            force_authn = $23, requested_authn_context = $24, idp_metadata_url = $25,
            idp_metadata_signer = $26, idp_metadata_until = $27, idp_metadata_fresh_until = $28,
            idp_left_out = $29, accept_expired_certificates = $30, scim_rules = $31
         WHERE id = $1",
    )
    .bind(row.id.clone())
    .bind(row.application_done)
    .bind(row.admins_group_name.clone())
    .bind(row.admins_group_id.clone())
    .bind(row.users_group_name.clone())
    .bind(row.users_group_id.clone())
    .bind(row.idp_entity_id.clone())
    .bind(row.idp_sso_url.clone())
    .bind(row.idp_certificates.clone())
    .bind(row.idp_wants_signed_requests)
    .bind(row.scim_enabled)
    .bind(row.scim_done)
    .bind(row.users_done)
    .bind(row.backup_login.clone())
    .bind(row.active)
    .bind(row.signature_policy.clone())
    .bind(row.unsolicited)
    .bind(row.sign_requests)
    .bind(row.encryption)
    .bind(row.idp_sso_post_url.clone())
    .bind(row.idp_slo.clone())
    .bind(row.request_binding.clone())
    .bind(row.force_authn)
    .bind(row.requested_authn_context.clone())
    .bind(row.idp_metadata_url.clone())
    .bind(row.idp_metadata_signer.clone())
    .bind(row.idp_metadata_until)
    .bind(row.idp_metadata_fresh_until)
    .bind(row.idp_left_out.clone())
    .bind(row.accept_expired_certificates)
    .bind(row.scim_rules.clone())
    .execute(db)
    .await?;
    Ok(())
}

/// Stores a token.
///
/// # Errors
/// When the database fails.
pub async fn insert_token(db: &mut Db, row: &TokenRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO scim_tokens (token_hash, tenant_id, hint, created, expires, clear_text)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(row.token_hash.clone())
    .bind(row.tenant_id.clone())
    .bind(row.hint.clone())
    .bind(row.created)
    .bind(row.expires)
    .bind(row.clear_text.clone())
    .execute(db)
    .await?;
    Ok(())
}

/// Sets the expiry of the tenant's SCIM tokens that have none. Tokens whose clear
/// text is still stored (not used yet, step 5 not confirmed) expire at `now`, the
/// others at `at`; both in microseconds since the Unix epoch.
///
/// # Errors
/// When the database fails.
pub async fn expire_tokens(db: &mut Db, tenant_id: &str, at: i64, now: i64) -> Result<()> {
    sqlx::query(
        "UPDATE scim_tokens SET expires = $2, clear_text = NULL
         WHERE tenant_id = $1 AND expires IS NULL AND clear_text IS NOT NULL",
    )
    .bind(tenant_id.to_owned())
    .bind(now)
    .execute(&mut *db)
    .await?;
    sqlx::query("UPDATE scim_tokens SET expires = $2 WHERE tenant_id = $1 AND expires IS NULL")
        .bind(tenant_id.to_owned())
        .bind(at)
        .execute(db)
        .await?;
    Ok(())
}

/// Sets the end of one token.
///
/// # Errors
/// When the database fails.
pub async fn end_token(db: &mut Db, token_hash: &str, at: i64) -> Result<()> {
    sqlx::query("UPDATE scim_tokens SET expires = $2, clear_text = NULL WHERE token_hash = $1")
        .bind(token_hash.to_owned())
        .bind(at)
        .execute(db)
        .await?;
    Ok(())
}

/// Deletes the clear text of this tenant's tokens.
///
/// # Errors
/// When the database fails.
pub async fn hide_tokens(db: &mut Db, tenant_id: &str) -> Result<()> {
    sqlx::query("UPDATE scim_tokens SET clear_text = NULL WHERE tenant_id = $1")
        .bind(tenant_id.to_owned())
        .execute(db)
        .await?;
    Ok(())
}

/// Returns the tokens that are valid at this time, newest first. The current
/// one has no end.
///
/// # Errors
/// When the database fails.
pub async fn list_valid_tokens(db: &mut Db, tenant_id: &str, now: i64) -> Result<Vec<TokenRow>> {
    Ok(sqlx::query_as(
        "SELECT * FROM scim_tokens WHERE tenant_id = $1 AND (expires IS NULL OR expires > $2)
         ORDER BY CASE WHEN expires IS NULL THEN 0 ELSE 1 END, created DESC, token_hash",
    )
    .bind(tenant_id.to_owned())
    .bind(now)
    .fetch_all(db)
    .await?)
}

/// Finds the current token of the tenant.
///
/// # Errors
/// When the database fails.
pub async fn find_newest_token(db: &mut Db, tenant_id: &str) -> Result<Option<TokenRow>> {
    Ok(sqlx::query_as(
        "SELECT * FROM scim_tokens WHERE tenant_id = $1 AND expires IS NULL
         ORDER BY created DESC LIMIT 1",
    )
    .bind(tenant_id.to_owned())
    .fetch_optional(db)
    .await?)
}

/// Finds the token with this hash, even if it has expired.
///
/// # Errors
/// When the database fails.
pub async fn find_token(
    db: &mut Db,
    tenant_id: &str,
    token_hash: &str,
) -> Result<Option<TokenRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM scim_tokens WHERE tenant_id = $1 AND token_hash = $2")
            .bind(tenant_id.to_owned())
            .bind(token_hash.to_owned())
            .fetch_optional(db)
            .await?,
    )
}

/// Stores the time of the last use, and deletes the clear text.
///
/// # Errors
/// When the database fails.
pub async fn record_token_use(db: &mut Db, token_hash: &str, at: i64) -> Result<()> {
    sqlx::query("UPDATE scim_tokens SET last_used = $2, clear_text = NULL WHERE token_hash = $1")
        .bind(token_hash.to_owned())
        .bind(at)
        .execute(db)
        .await?;
    Ok(())
}
