//! Universal Logout: an identity provider ends all sessions of a person by a signed request
//! (draft-parecki-oauth-global-token-revocation).

use jiff::{SignedDuration, Timestamp};

use crate::Portal;
use crate::audit::{self, Event};
use crate::configurator::issuer_token::{self, Kind, TokenRefusal};
use crate::store::scim_issuers::ScimIssuerRow;
use crate::store::tenants::TenantRow;
use crate::store::{self, Db, StoreError, to_microseconds};

/// The JWT with which the identity provider authenticates itself.
const REVOCATION_TOKENS: Kind = Kind {
    types: &["global-token-revocation+jwt"],
    types_text: "global-token-revocation+jwt",
};

/// How long a JWT may be valid: its `jti` is stored until then. Identity providers let them expire
/// after minutes.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// The person whose sessions end: a Subject Identifier (RFC 9493).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectId {
    /// `email`: the e-mail address.
    Email(String),
    /// `iss_sub`: the entity ID of the identity provider and the value of the NameID.
    IssSub {
        /// Entity ID of the identity provider.
        issuer: String,
        /// Value of the NameID.
        subject: String,
    },
}

impl SubjectId {
    fn name(&self) -> &str {
        match self {
            Self::Email(name) => name,
            Self::IssSub { subject, .. } => subject,
        }
    }
}

/// Why a request is refused; then no session ends.
#[derive(Debug, thiserror::Error)]
pub enum RevocationRefusal {
    /// The URL belongs to no integration.
    #[error("integration not found: compare the URL with the one of step 5 of the configurator")]
    NoTenant,
    /// The JWT is refused.
    #[error(transparent)]
    Token(#[from] TokenRefusal),
    /// No user has this subject identifier.
    #[error("user not found: no user of the business account has this sub_id")]
    UnknownPerson,
    /// The database failed.
    #[error("the database failed: {0}")]
    Store(#[from] StoreError),
}

/// Verifies the JWT of an accepted issuer, then ends all sessions of the person. Returns their
/// number.
///
/// # Errors
/// [`RevocationRefusal`].
pub async fn revoke(
    portal: &Portal,
    tenant_id: &str,
    token: &str,
    person: &SubjectId,
    address: &str,
) -> Result<u64, RevocationRefusal> {
    let mut db = portal.store.read().await?;
    let tenant = store::tenants::find_by_id(&mut db, tenant_id).await?;
    let tenant = tenant.ok_or(RevocationRefusal::NoTenant)?;
    let accepted = store::scim_issuers::list_by_tenant(&mut db, tenant_id).await?;
    drop(db);
    let use_id = match verify(portal, &tenant, &accepted, token).await {
        Ok(use_id) => use_id,
        Err(refusal) => return Err(note(portal, &tenant, refusal).await?),
    };
    let mut tx = portal.store.write().await?;
    // The JWT names no person: who copies one could log out others with it.
    let (issuer, id) = (&use_id.issuer, &use_id.id);
    if !store::logins::see_assertion(&mut tx, issuer, id, use_id.until).await? {
        drop(tx);
        return Err(note(portal, &tenant, TokenRefusal::Used).await?);
    }
    let ended = end_sessions(&mut tx, &tenant, person).await?;
    let detail = match ended {
        Some(ended) => format!("{ended} sessions ended"),
        None => "user not found".to_owned(),
    };
    let event = Event::new(issuer, "sessions-revoked-by-idp", person.name())
        .with_detail(detail)
        .from(address);
    audit::record(portal, &mut tx, Some(&tenant.business_id), event).await?;
    tx.commit().await.map_err(StoreError::from)?;
    ended.ok_or(RevocationRefusal::UnknownPerson)
}

/// The one use of a JWT.
struct TokenUse {
    issuer: String,
    /// `jti`.
    id: String,
    /// When the JWT has expired, in microseconds since the Unix epoch.
    until: i64,
}

async fn verify(
    portal: &Portal,
    tenant: &TenantRow,
    accepted: &[ScimIssuerRow],
    token: &str,
) -> Result<TokenUse, TokenRefusal> {
    let verified = issuer_token::verify(portal, accepted, token, &REVOCATION_TOKENS).await?;
    verified.require_audience(&portal.service_provider(&tenant.id).revocation_url)?;
    let id = verified.claims.jti.filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| TokenRefusal::Claims("jti is missing".to_owned()))?;
    let latest = portal
        .now()
        .saturating_add(LONGEST)
        .unwrap_or(Timestamp::MAX);
    if verified.claims.exp > latest.as_second() {
        return Err(TokenRefusal::Lifetime);
    }
    Ok(TokenUse {
        issuer: verified.issuer.issuer.clone(),
        id,
        until: to_microseconds(
            latest
                .saturating_add(portal.config.clock_skew)
                .unwrap_or(latest),
        ),
    })
}

/// Writes the reason of a refusal to the audit log.
async fn note(
    portal: &Portal,
    tenant: &TenantRow,
    refusal: TokenRefusal,
) -> Result<RevocationRefusal, StoreError> {
    let refused = ("identity provider", "sessions-revocation-refused");
    issuer_token::note_refusal(portal, tenant, refused, &refusal).await?;
    Ok(refusal.into())
}

/// Ends the person's sessions by SSO. Those by password end only if the business account has
/// verified the domain of the e-mail address: anybody can add a foreign address as a member.
/// Returns the number of the sessions, or `None` if there is no such person.
async fn end_sessions(
    db: &mut Db,
    tenant: &TenantRow,
    person: &SubjectId,
) -> Result<Option<u64>, StoreError> {
    let mut account = None;
    let users = match person {
        SubjectId::Email(email) => {
            let email = email.to_lowercase();
            if has_verified_domain(db, tenant, &email).await? {
                account = store::accounts::find_by_email(db, &email).await?;
            }
            store::people::list_ids_by_name_or_email(db, &tenant.business_id, &email).await?
        }
        SubjectId::IssSub { issuer, .. } if tenant.idp_entity_id.as_ref() != Some(issuer) => {
            return Ok(None);
        }
        SubjectId::IssSub { subject, .. } => {
            let start = super::subject::start_of_text(subject);
            store::accounts::list_saml_users(db, &tenant.id, &start).await?
        }
    };
    if users.is_empty() && account.is_none() {
        return Ok(None);
    }
    let mut ended = 0;
    for user in &users {
        ended += store::accounts::end_sessions_of_user(db, user).await?;
    }
    if let Some(account) = account {
        ended += store::accounts::end_sessions_of_account(db, &account.id).await?;
    }
    Ok(Some(ended))
}

/// True if step 1 has verified the domain of this e-mail address.
async fn has_verified_domain(
    db: &mut Db,
    tenant: &TenantRow,
    email: &str,
) -> Result<bool, StoreError> {
    let Some((_, domain)) = email.rsplit_once('@') else {
        return Ok(false);
    };
    let row = store::domains::claim(db, &tenant.business_id, domain).await?;
    Ok(row.is_some_and(|row| row.status == "verified"))
}
