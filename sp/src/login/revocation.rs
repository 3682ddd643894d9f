//! Universal Logout: an identity provider ends all sessions of a person by a signed request
//! (draft-parecki-oauth-global-token-revocation).

use jiff::SignedDuration;

use crate::Portal;
use crate::audit::{self, Event};
use crate::configurator::issuer_token::{self, Kind, TokenRefusal};
use crate::store::tenants::TenantRow;
use crate::store::{self, Db, StoreError, to_microseconds};

/// The JWT with which the identity provider authenticates itself.
const REVOCATION_TOKENS: Kind = Kind {
    types: &["global-token-revocation+jwt"],
    types_text: "global-token-revocation+jwt",
};

/// How long the `jti` of a used JWT is stored. Identity providers let them expire after minutes.
const USED_TOKENS: SignedDuration = SignedDuration::from_hours(24);

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
    /// The JWT was used before.
    #[error("the token was used before: send a new one, with another jti, for each request")]
    Used,
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
    let audience = portal.service_provider(tenant_id).revocation_url;
    let verified = issuer_token::verify(portal, &accepted, token, &REVOCATION_TOKENS).await;
    let verified = verified.and_then(|it| it.require_audience(&audience).map(|()| it));
    let verified = match verified {
        Ok(verified) => verified,
        Err(refusal) => {
            let refused = ("identity provider", "sessions-revocation-refused");
            issuer_token::note_refusal(portal, &tenant, refused, &refusal).await?;
            return Err(refusal.into());
        }
    };
    let issuer = &verified.issuer.issuer;
    let mut tx = portal.store.write().await?;
    // The JWT names no person: who copies one could log out others with it.
    if let Some(id) = &verified.claims.jti {
        let until = to_microseconds(portal.now() + USED_TOKENS);
        if !store::logins::see_assertion(&mut tx, issuer, id, until).await? {
            return Err(RevocationRefusal::Used);
        }
    }
    let ended = end_sessions(&mut tx, &tenant, person).await?;
    let event = Event::new(issuer, "sessions-revoked-by-idp", person.name())
        .with_detail(format!("{ended} sessions ended"))
        .from(address);
    audit::record(portal, &mut tx, Some(&tenant.business_id), event).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(ended)
}

/// Ends the person's sessions by SSO, and those by password if the person is a member of the
/// business account.
async fn end_sessions(
    db: &mut Db,
    tenant: &TenantRow,
    person: &SubjectId,
) -> Result<u64, RevocationRefusal> {
    let business_id = &tenant.business_id;
    let name = person.name();
    let mut users = store::people::list_ids_by_name_or_email(db, business_id, name).await?;
    let mut account = None;
    match person {
        SubjectId::Email(email) => {
            let email = email.to_lowercase();
            if store::members::find_member(db, business_id, &email)
                .await?
                .is_some()
            {
                account = store::accounts::find_by_email(db, &email).await?;
            }
        }
        SubjectId::IssSub { issuer, subject } => {
            if tenant.idp_entity_id.as_deref() != Some(issuer) {
                return Err(RevocationRefusal::UnknownPerson);
            }
            let start = super::subject::start_of_text(subject);
            users.extend(store::accounts::list_saml_users(db, &tenant.id, &start).await?);
        }
    }
    if users.is_empty() && account.is_none() {
        return Err(RevocationRefusal::UnknownPerson);
    }
    let mut ended = 0;
    for user in &users {
        ended += store::accounts::end_sessions_of_user(db, user).await?;
    }
    if let Some(account) = account {
        ended += store::accounts::end_sessions_of_account(db, &account.id).await?;
    }
    Ok(ended)
}
