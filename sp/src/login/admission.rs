//! From an unspent Response to a person of the business account.

use jiff::Timestamp;
use serde_json::json;

use super::claims::Claims;
use super::response::Unspent;
use crate::Portal;
use crate::accounts::{domain_of, normalized};
use crate::audit::{self, Event};
use crate::configurator::Integration;
use crate::licensing;
use crate::refusal::Refused;
use crate::roles::{self, Standing};
use crate::store::people::PersonRow;
use crate::store::{self, Db, stored};

/// A person whom the IdP vouched for, and their place here.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// Who.
    pub person: PersonRow,
    /// As what.
    pub standing: Standing,
    /// What the Response said.
    pub claims: Claims,
}

/// Finds or makes the person, and takes over the groups of the Response.
///
/// # Errors
/// Attributes missing or misspelt, another organisation's e-mail domain, a
/// disabled account.
pub async fn admit(
    portal: &Portal,
    db: &mut Db,
    integration: &Integration,
    unspent: &Unspent,
) -> Result<Admitted, Refused> {
    let claims = Claims::of(unspent.checked())?;
    let email = email_of_ours(integration, &claims)?;
    let tenant = &integration.tenant;
    let now = portal.now();
    let by_id = store::people::by_external_id(db, &tenant.business_id, &claims.object_id).await?;
    let known = match by_id {
        Some(person) => Some(person),
        None => store::people::by_user_name(db, &tenant.business_id, &claims.user_name).await?,
    };
    // Without SCIM a login is the only word on groups: who names none is in
    // none (an IdP leaves an attribute without values out), G-28.
    let groups = match &claims.groups {
        None if tenant.scim_enabled == 0 => Some(Vec::new()),
        other => other.clone(),
    };
    let asserted = roles::judge_asserted(db, tenant, groups.as_deref().unwrap_or_default()).await?;
    let person = match known {
        Some(person) if person.active == 0 => {
            return Err(Refused::new(
                "account-disabled",
                "Your account is disabled.",
                format!("{} is disabled in the directory", person.user_name),
                "Ask your administrator to enable it.",
            ));
        }
        Some(person) => person,
        // Nobody in neither group is taken in: there is nothing for them here.
        None if !(asserted.admin || asserted.product_user) => stranger(tenant, &claims, email),
        None => first_login(portal, db, integration, &claims, email, now).await?,
    };
    let standing = if groups.is_some() {
        asserted
    } else {
        roles::in_directory(db, tenant, &person.id).await?
    };
    if person.id.is_empty() {
        return Ok(Admitted {
            person,
            standing,
            claims,
        });
    }
    if let Some(groups) = &groups {
        roles::remember_asserted(db, tenant, &person.id, &standing, groups, now).await?;
        if !roles::standing(db, tenant, &person.id).await?.product_user {
            let id = person.id.clone();
            licensing::after_directory_change(portal, db, &tenant.business_id, &[id]).await?;
        }
    }
    store::people::logged_in(db, &person.id, stored(now)).await?;
    Ok(Admitted {
        person,
        standing,
        claims,
    })
}

fn email_of_ours(integration: &Integration, claims: &Claims) -> Result<String, Refused> {
    let email = normalized(&claims.user_name);
    let ours = email.filter(|email| {
        integration
            .domains
            .iter()
            .any(|domain| domain == domain_of(email))
    });
    ours.ok_or_else(|| {
        Refused::new(
            "wrong-domain",
            "Your e-mail address doesn't belong to a domain of your organization.",
            format!(
                "expected in `name` an e-mail address at one of the verified domains ({}), came {:?}",
                integration.domains.join(", "),
                claims.user_name
            ),
            "Log in with your corporate account, or ask your administrator to add and verify the domain in step 1.",
        )
    })
}

fn stranger(
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
    }
}

/// A user whom SCIM hasn't brought (yet) is made from the Response (G-28).
async fn first_login(
    portal: &Portal,
    db: &mut Db,
    integration: &Integration,
    claims: &Claims,
    email: String,
    now: Timestamp,
) -> Result<PersonRow, Refused> {
    let person = PersonRow {
        id: portal.ambient.chance().uuid().to_string(),
        ..stranger(&integration.tenant, claims, email)
    };
    let resource = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": person.user_name,
        "externalId": person.external_id,
        "displayName": person.display_name,
        "active": true,
        "emails": [{"value": person.email, "type": "work", "primary": true}],
    });
    if !store::people::insert(db, &person, &resource.to_string(), stored(now)).await? {
        let first = store::people::by_user_name(db, &person.business_id, &person.user_name).await?;
        return Ok(first.unwrap_or(person));
    }
    let event = Event::new("portal", "user-created", &person.user_name)
        .saying("from the assertion of a first login");
    audit::record(portal, db, Some(&person.business_id), event).await?;
    Ok(person)
}

/// Nobody of ours: in neither of the mapped groups.
pub(super) fn in_no_group(
    integration: &Integration,
    unspent: &Unspent,
    admitted: &Admitted,
) -> Refused {
    let _ = unspent;
    Refused::new(
        "not-in-any-group",
        "You are in none of the groups that may enter this business account.",
        format!(
            "{} is neither in the admins group nor in the users group: {}",
            admitted.person.user_name,
            why_in_none(integration, admitted)
        ),
        "Ask your administrator to add you to a group in the IdP.",
    )
}

/// What was expected, what came, and what nearly matched.
pub(crate) fn why_in_none(integration: &Integration, admitted: &Admitted) -> String {
    let (admins, users) = roles::mapped(&integration.tenant);
    let expected = [admins, users]
        .into_iter()
        .flatten()
        .map(|group| format!("`{}` ({}, id {})", group.name, group.purpose, group.id))
        .collect::<Vec<_>>()
        .join(" or ");
    let came = match &admitted.claims.groups {
        None => "no `groups` attribute".to_owned(),
        Some(groups) => format!("{groups:?}"),
    };
    let near = if admitted.standing.near_misses.is_empty() {
        String::new()
    } else {
        format!("; {}", admitted.standing.near_misses.join("; "))
    };
    format!("expected {expected}, came {came}{near}")
}
