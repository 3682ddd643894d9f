//! IdP integrations as they are entered, and their SCIM tokens.

use super::row::from_row;
use super::{Db, Result};

/// What was entered for one IdP integration. Which steps that completes is
/// for the configurator to derive.
#[derive(Debug, Clone)]
pub struct TenantRow {
    /// The opaque ID of entity id, ACS and SCIM base URL.
    pub id: String,
    /// The business account that it belongs to.
    pub business_id: String,
    /// Step 2 confirmed.
    pub application_done: i64,
    /// Step 3.
    pub admins_group_name: Option<String>,
    /// Step 3.
    pub admins_group_id: Option<String>,
    /// Step 3.
    pub users_group_name: Option<String>,
    /// Step 3.
    pub users_group_id: Option<String>,
    /// Step 4.
    pub idp_entity_id: Option<String>,
    /// Step 4.
    pub idp_sso_url: Option<String>,
    /// Step 4: a JSON array of PEM texts.
    pub idp_certificates: Option<String>,
    /// Step 4: the IdP's metadata wants signed AuthnRequests.
    pub idp_wants_signed_requests: i64,
    /// Step 5's switch.
    pub scim_enabled: i64,
    /// Step 5 confirmed.
    pub scim_done: i64,
    /// Step 6 confirmed.
    pub users_done: i64,
    /// Who clicked Start Configuring: lower case e-mail.
    pub started_by: String,
    /// Step 7, confirmed: lower case e-mail.
    pub backup_login: Option<String>,
    /// 1 when the integration is activated, else 0.
    pub active: i64,
    /// Instant of Start Configuring.
    pub started: i64,
    /// Step 4: which signature a Response must have: `either`, `assertion`,
    /// `response`, `both`.
    pub signature_policy: String,
    /// Step 4: Responses that answer no request are accepted.
    pub unsolicited: i64,
    /// Step 4: AuthnRequests are signed, wanted or not.
    pub sign_requests: i64,
    /// Step 4: assertions may come encrypted for the portal's key.
    pub encryption: i64,
    /// Step 4: where AuthnRequests go by HTTP-POST.
    pub idp_sso_post_url: Option<String>,
    /// Step 4: a JSON array of the IdP's single logout endpoints.
    pub idp_slo: String,
    /// Step 4: how AuthnRequests travel: `redirect` or `post`.
    pub request_binding: String,
    /// Step 4: the person must log in again each time.
    pub force_authn: i64,
    /// Step 4: the authentication context that is asked for, as JSON.
    pub requested_authn_context: Option<String>,
    /// Step 4: where the metadata was fetched, and is fetched again.
    pub idp_metadata_url: Option<String>,
    /// Step 4: the certificate, PEM, of whoever must have signed the metadata.
    pub idp_metadata_signer: Option<String>,
    /// Step 4: instant at which the metadata ends (`validUntil`).
    pub idp_metadata_until: Option<i64>,
    /// Step 4: instant until which it need not be fetched again
    /// (`cacheDuration`).
    pub idp_metadata_fresh_until: Option<i64>,
    /// Step 4: a JSON array of what of the metadata is not used, in words.
    pub idp_left_out: String,
    /// Step 4: certificates past their end still verify.
    pub accept_expired_certificates: i64,
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
});

impl TenantRow {
    /// Whether AuthnRequests to the IdP are signed: because it wants them so,
    /// or by choice.
    pub fn signs_requests(&self) -> bool {
        self.sign_requests == 1 || self.idp_wants_signed_requests == 1
    }
}

/// A SCIM bearer token, hashed.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// SHA-256.
    pub token_hash: String,
    /// The tenant that it belongs to.
    pub tenant_id: String,
    /// Its last four characters.
    pub hint: String,
    /// Creation time, in microseconds since the Unix epoch.
    pub created: i64,
    /// Instant from which it no longer works.
    pub expires: Option<i64>,
    /// Time of the last use, in microseconds since the Unix epoch.
    pub last_used: Option<i64>,
    /// The token itself, while the page still shows it.
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

/// Stores a fresh integration.
///
/// # Errors
/// A unique violation when the business account has one.
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

/// The integration with this ID.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &mut Db, id: &str) -> Result<Option<TenantRow>> {
    Ok(sqlx::query_as("SELECT * FROM tenants WHERE id = $1")
        .bind(id.to_owned())
        .fetch_optional(db)
        .await?)
}

/// The integration of this business account.
///
/// # Errors
/// When the database fails.
pub async fn of_business(db: &mut Db, business_id: &str) -> Result<Option<TenantRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM tenants WHERE business_id = $1")
            .bind(business_id.to_owned())
            .fetch_optional(db)
            .await?,
    )
}

/// Writes every field that a step can change.
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
            idp_left_out = $29, accept_expired_certificates = $30
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
    .execute(db)
    .await?;
    Ok(())
}

/// Stores a token, hashed.
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

/// Ends the tokens that have no end yet: at `at` those that somebody may use,
/// at `now` those that were only shown and never used.
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

/// Ends one token at this instant.
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

/// Forgets the clear text of this tenant's tokens.
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

/// The tokens that work at this instant, newest first: the current one has
/// no end.
///
/// # Errors
/// When the database fails.
pub async fn tokens_at(db: &mut Db, tenant_id: &str, now: i64) -> Result<Vec<TokenRow>> {
    Ok(sqlx::query_as(
        "SELECT * FROM scim_tokens WHERE tenant_id = $1 AND (expires IS NULL OR expires > $2)
         ORDER BY CASE WHEN expires IS NULL THEN 0 ELSE 1 END, created DESC, token_hash",
    )
    .bind(tenant_id.to_owned())
    .bind(now)
    .fetch_all(db)
    .await?)
}

/// The tenant's newest token.
///
/// # Errors
/// When the database fails.
pub async fn newest_token(db: &mut Db, tenant_id: &str) -> Result<Option<TokenRow>> {
    Ok(sqlx::query_as(
        "SELECT * FROM scim_tokens WHERE tenant_id = $1 AND expires IS NULL
         ORDER BY created DESC LIMIT 1",
    )
    .bind(tenant_id.to_owned())
    .fetch_optional(db)
    .await?)
}

/// This tenant's token with this hash, expired or not.
///
/// # Errors
/// When the database fails.
pub async fn token(db: &mut Db, tenant_id: &str, token_hash: &str) -> Result<Option<TokenRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM scim_tokens WHERE tenant_id = $1 AND token_hash = $2")
            .bind(tenant_id.to_owned())
            .bind(token_hash.to_owned())
            .fetch_optional(db)
            .await?,
    )
}

/// Remembers that a token was used.
///
/// # Errors
/// When the database fails.
pub async fn token_used(db: &mut Db, token_hash: &str, at: i64) -> Result<()> {
    sqlx::query("UPDATE scim_tokens SET last_used = $2, clear_text = NULL WHERE token_hash = $1")
        .bind(token_hash.to_owned())
        .bind(at)
        .execute(db)
        .await?;
    Ok(())
}
