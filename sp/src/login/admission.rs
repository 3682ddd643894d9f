//! Finds or creates the user that a Response names, and determines the user's
//! roles.

use jiff::Timestamp;
use serde_json::json;

use super::claims::{self, Claims};
use super::response::Unspent;
use crate::Portal;
use crate::accounts::{domain_of, normalized_exactly};
use crate::audit::{self, Event};
use crate::configurator::{Integration, Step};
use crate::licensing;
use crate::refusal::{Place, Refused, kinds};
use crate::roles::{self, Roles};
use crate::store::people::PersonRow;
use crate::store::{self, Db, StoreError, instant, to_microseconds};

/// The user that a Response authenticates, with roles.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// The user.
    pub person: PersonRow,
    /// The user's roles.
    pub roles: Roles,
    /// The mapped attributes of the Response.
    pub claims: Claims,
    /// Time at which SCIM last changed the user's groups, if that is later than
    /// the Response's `IssueInstant`. The groups of the directory then override
    /// those of the Response.
    pub superseded: Option<Timestamp>,
}

/// Finds or creates the user that the Response names, and stores the groups of
/// the Response.
///
/// # Errors
/// An attribute is missing or its name has a different letter case; the e-mail
/// domain is not verified for this business account; the account is disabled;
/// the user was deleted after the Response was issued.
pub async fn admit(
    portal: &Portal,
    db: &mut Db,
    integration: &Integration,
    unspent: &Unspent<'_>,
) -> Result<Admitted, Refused> {
    let claims = Claims::of(unspent.content())?;
    let email = email_of_ours(integration, &claims)?;
    let tenant = &integration.tenant;
    let issued = unspent.content().issue_instant();
    store::locks::share_directory(db, &tenant.business_id).await?;
    // Without SCIM, the Response is the only source of groups. If it has no
    // groups attribute, the user is in no group, because many IdPs omit an
    // attribute without values (G-28).
    let groups = match &claims.groups {
        None if tenant.scim_enabled == 0 => Some(Vec::new()),
        other => other.clone(),
    };
    let asserted = roles::judge_asserted(db, tenant, groups.as_deref().unwrap_or_default()).await?;
    let person = find_or_create(portal, db, integration, &claims, email, issued, &asserted).await?;
    if person.active == 0 {
        let disabled = Refused::new(
            &kinds::ACCOUNT_DISABLED,
            format!("{} is disabled in the directory", person.user_name),
        );
        return Err(disabled.with_who(&person.user_name));
    }
    let mut roles = if groups.is_some() {
        asserted
    } else {
        roles::find_directory_roles(db, tenant, &person.id).await?
    };
    if person.id.is_empty() {
        return Ok(Admitted {
            person,
            roles,
            claims,
            superseded: None,
        });
    }
    let changed = instant(person.directory_changed);
    let superseded = (issued < changed).then_some(changed);
    let now = portal.now();
    if let Some(groups) = &groups {
        roles::remember_asserted(db, tenant, &person.id, &roles, groups, now).await?;
        if superseded.is_some() {
            roles::prefer_directory(db, tenant, &person.id).await?;
            let near_misses = roles.near_misses;
            roles = Roles {
                near_misses,
                ..roles::find_roles(db, tenant, &person.id).await?
            };
        }
        // The directory may give the role that the Response does not give.
        if !roles.product_user {
            licensing::apply_roles(portal, db, tenant, &person).await?;
        }
    }
    store::people::record_login(db, &person.id, to_microseconds(now)).await?;
    Ok(Admitted {
        person,
        roles,
        claims,
        superseded,
    })
}

/// Returns the user that the claims name, and creates them at their first login if
/// the asserted roles give access.
async fn find_or_create(
    portal: &Portal,
    db: &mut Db,
    integration: &Integration,
    claims: &Claims,
    email: String,
    issued: Timestamp,
    asserted: &Roles,
) -> Result<PersonRow, Refused> {
    let business_id = &integration.tenant.business_id;
    if let Some(person) = find_locked(db, business_id, claims).await? {
        return Ok(person);
    }
    let (name, id) = (&claims.user_name, &claims.object_id);
    let deleted = store::removals::find_last_deletion(db, business_id, name, id).await?;
    if let Some(deleted) = deleted.map(instant).filter(|deleted| issued < *deleted) {
        return Err(deleted_user_refusal(claims, issued, deleted));
    }
    // Users in neither mapped group are not stored: they get no access.
    if !(asserted.admin || asserted.product_user) {
        return Ok(person_without_group(&integration.tenant, claims, email));
    }
    match create_at_first_login(portal, db, integration, claims, email, portal.now()).await? {
        Some(person) => Ok(person),
        // SCIM or a concurrent login created the user first; that user may be
        // disabled.
        None => {
            let person = find_locked(db, business_id, claims).await?;
            Ok(person.ok_or(StoreError::Conflict)?)
        }
    }
}

/// Refuses a Response that was issued before the user was deleted. Otherwise it
/// would create the user again.
fn deleted_user_refusal(claims: &Claims, issued: Timestamp, deleted: Timestamp) -> Refused {
    Refused::new(
        &kinds::ACCOUNT_DISABLED,
        format!(
            "{} was deleted from the directory at {deleted}, after the identity provider issued the Response at {issued}",
            claims.user_name
        ),
    )
    .with_public("Your account was deleted.")
    .with_advice("If you should have access, log in once more.")
    .with_who(&claims.user_name)
}

/// Finds the user with these claims and locks the row until the transaction
/// ends.
async fn find_locked(
    db: &mut Db,
    business_id: &str,
    claims: &Claims,
) -> Result<Option<PersonRow>, StoreError> {
    let Some(found) = find(db, business_id, claims).await? else {
        return Ok(None);
    };
    if !store::locks::lock_user(db, &found.id).await? {
        return Ok(Some(found));
    }
    // Read again after locking: meanwhile the user name may have been given to
    // another user or removed.
    match find(db, business_id, claims).await? {
        Some(person) if person.id != found.id => Err(StoreError::Conflict),
        person => Ok(person),
    }
}

async fn find(
    db: &mut Db,
    business_id: &str,
    claims: &Claims,
) -> Result<Option<PersonRow>, StoreError> {
    let by_id = store::people::find_by_external_id(db, business_id, &claims.object_id).await?;
    match by_id {
        Some(person) => Ok(Some(person)),
        None => store::people::find_by_user_name(db, business_id, &claims.user_name).await,
    }
}

fn email_of_ours(integration: &Integration, claims: &Claims) -> Result<String, Refused> {
    let email = normalized_exactly(&claims.user_name);
    let ours = email.filter(|email| {
        integration
            .domains
            .iter()
            .any(|domain| domain == domain_of(email))
    });
    ours.ok_or_else(|| {
        Refused::new(
            &kinds::WRONG_DOMAIN,
            format!(
                "invalid `name`: expected an e-mail address at one of the verified domains ({}), got {:?}",
                integration.domains.join(", "),
                claims.user_name
            ),
        )
        .with_who(&claims.user_name)
    })
}

fn person_without_group(
    tenant: &crate::store::tenants::TenantRow,
    claims: &Claims,
    email: String,
) -> PersonRow {
    PersonRow {
        id: String::new(),
        business_id: tenant.business_id.clone(),
        user_name: claims.user_name.clone(),
        email: Some(email),
        external_id: Some(claims.object_id.clone()),
        display_name: claims.display_name.clone(),
        active: 1,
        source: "sso".to_owned(),
        last_login: None,
        directory_changed: 0,
    }
}

/// Creates the user from the Response, if SCIM has not provisioned it yet
/// (G-28). Returns `None` if a concurrent transaction has taken the user name.
async fn create_at_first_login(
    portal: &Portal,
    db: &mut Db,
    integration: &Integration,
    claims: &Claims,
    email: String,
    now: Timestamp,
) -> Result<Option<PersonRow>, Refused> {
    let person = PersonRow {
        id: portal.ambient.rng().uuid().to_string(),
        ..person_without_group(&integration.tenant, claims, email)
    };
    let resource = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": person.user_name,
        "externalId": person.external_id,
        "displayName": person.display_name,
        "active": true,
        "emails": [{"value": person.email, "type": "work", "primary": true}],
    });
    if !store::people::insert(db, &person, &resource.to_string(), to_microseconds(now)).await? {
        return Ok(None);
    }
    let event = Event::new("portal", "user-created", &person.user_name)
        .with_detail("from the assertion of a first login");
    audit::record(portal, db, Some(&person.business_id), event).await?;
    Ok(Some(person))
}

/// Creates the refusal for a user in neither of the mapped groups.
pub(super) fn in_no_group(
    integration: &Integration,
    unspent: &Unspent<'_>,
    admitted: &Admitted,
) -> Refused {
    let refused = Refused::new(
        &kinds::IN_NO_GROUP,
        format!(
            "{} is neither in the admins group nor in the users group: {}",
            admitted.person.user_name,
            why_in_none(integration, admitted)
        ),
    );
    about_groups(refused, unspent, admitted)
}

/// Creates the refusal for a user who is not in the product users group.
pub(crate) fn not_in_users_group(
    integration: &Integration,
    unspent: &Unspent<'_>,
    admitted: &Admitted,
) -> Refused {
    let refused = Refused::new(
        &kinds::NOT_IN_USERS_GROUP,
        format!(
            "{} is not in the product users group: {}",
            admitted.person.user_name,
            why_in_none(integration, admitted)
        ),
    );
    about_groups(refused, unspent, admitted)
}

/// Adds the remedy. It depends on the groups in the Response: no groups
/// attribute, a group that nearly matches, or other groups.
fn about_groups(refused: Refused, unspent: &Unspent<'_>, admitted: &Admitted) -> Refused {
    let refused = refused.with_who(&admitted.person.user_name);
    if let Some(changed) = admitted.superseded {
        let issued = unspent.content().issue_instant();
        return refused.with_remedy(
            Place::Step(Step::Groups),
            format!("SCIM changed this user or their groups at {changed}, after the identity provider issued the Response at {issued}, so the directory's groups count. If the user is in a group now, log in once more."),
        );
    }
    if admitted.claims.groups.is_none() {
        let got = unspent.content().attributes().iter();
        let got = claims::list_names(got.map(|(name, _)| name.as_str()));
        let public = format!(
            "{} The portal expected an attribute `groups`; your identity provider sent {got}. Many identity providers leave it out for a user who is in no group.",
            refused.public
        );
        return refused.with_public(public).with_remedy(
            Place::Step(Step::Groups),
            "Check whether the user is in one of the groups of step 3 at the identity provider; if not, add the user there. If so, map `groups` in the Attribute Mappings of the identity provider's application, as step 3 lists them.",
        );
    }
    match admitted.roles.near_misses.as_slice() {
        [] => refused,
        near => {
            let remedy = format!("Correct step 3, or the group's name: {}.", near.join("; "));
            refused.with_remedy(Place::Step(Step::Groups), remedy)
        }
    }
}

/// Describes the expected groups, the received groups and near matches.
fn why_in_none(integration: &Integration, admitted: &Admitted) -> String {
    let (admins, users) = roles::mapped_groups(&integration.tenant);
    let expected = [admins, users]
        .into_iter()
        .flatten()
        .map(|group| format!("`{}` ({}, id {})", group.name, group.purpose, group.id))
        .collect::<Vec<_>>()
        .join(" or ");
    let got = match &admitted.claims.groups {
        None => "no `groups` attribute".to_owned(),
        Some(groups) if groups.is_empty() => "no groups".to_owned(),
        Some(groups) => groups
            .iter()
            .map(|group| format!("`{group}`"))
            .collect::<Vec<_>>()
            .join(", "),
    };
    let near = if admitted.roles.near_misses.is_empty() {
        String::new()
    } else {
        format!("; {}", admitted.roles.near_misses.join("; "))
    };
    format!("step 3 has {expected}, the identity provider sent {got}{near}")
}
