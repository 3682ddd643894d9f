//! Creates AuthnRequests: finds the IdP by the domain of the e-mail address
//! (G-16, G-21).

use saml::binding::{Outgoing, Parameter, RELAY_STATE_MAX_BYTES, send};
use saml::message::AuthnRequest;
use saml::names;

use super::LoginRefusal;
use crate::Portal;
use crate::accounts::{domain_of, normalize_email};
use crate::configurator::Step;
use crate::refusal::{self, Place, Refused, kinds};
use crate::store::logins::SsoRequestRow;
use crate::store::tenants::LoginKey;
use crate::store::{self, Db, to_microseconds};

/// Who logs in.
#[derive(Debug, Clone)]
pub enum Purpose {
    /// A browser, identified by a cookie.
    Browser {
        /// Hash of the cookie.
        browser_hash: String,
        /// Path to redirect to after the login.
        return_to: String,
    },
    /// A desktop activation.
    Desktop {
        /// ID of the activation.
        activation_id: String,
    },
}

/// Options of this request, in addition to the tenant's settings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asking {
    /// Sets `ForceAuthn`: the IdP must authenticate the user even if the user
    /// has a session there.
    pub force: bool,
    /// Sets `IsPassive`: the IdP must not show a page to the user.
    pub passive: bool,
}

/// An AuthnRequest that the browser must carry to the IdP.
#[derive(Debug, Clone)]
pub struct Started {
    /// ID of the tenant.
    pub tenant_id: String,
    /// The message: a redirect or a form to post.
    pub outgoing: Outgoing,
}

/// Creates the AuthnRequest for this e-mail address and stores it, so that the
/// Response can be matched.
///
/// # Errors
/// If the e-mail address is invalid, SSO is not available for it, or the
/// request cannot be created.
pub async fn start(
    portal: &Portal,
    email: &str,
    asking: Asking,
    purpose: impl FnOnce(&str) -> Purpose + Send,
) -> Result<Started, LoginRefusal> {
    let email = normalize_email(email).ok_or_else(|| {
        Refused::new(
            &kinds::INVALID_EMAIL,
            format!("expected name@domain, got {email:?}"),
        )
    })?;
    let mut db = portal.store.read().await?;
    let found =
        store::tenants::find_for_login(&mut db, LoginKey::Domain(domain_of(&email))).await?;
    let business_id = match &found {
        Some(found) => found.tenant.business_id.clone(),
        None => find_business_of_domain(&mut db, &email).await?,
    };
    let integration = super::require_active_integration(portal, &mut db, &business_id, found)
        .await
        .map_err(|away| LoginRefusal {
            refused: away.refused.with_who(&email),
            ..away
        })?;
    drop(db);
    let now = portal.now();
    let rng = portal.ambient.rng();
    let sp = portal.service_provider(&integration.tenant.id);
    let (binding, location) = integration.sso_endpoint();
    let request = AuthnRequest {
        id: format!("_{}", rng.hex(20)),
        issue_instant: now,
        issuer: sp.entity_id,
        destination: Some(location.to_owned()),
        acs_url: Some(sp.acs_url),
        acs_index: None,
        protocol_binding: Some(names::HTTP_POST.to_owned()),
        name_id_policy: None,
        force_authn: asking.force || integration.tenant.force_authn == 1,
        is_passive: asking.passive,
        requested_authn_context: integration.requested_authn_context.clone(),
    };
    let relay_state = rng.token(24);
    let key = if integration.tenant.signs_requests() {
        Some(portal.request_key().await?)
    } else {
        None
    };
    let outgoing = send(
        (binding, location),
        Parameter::Request,
        &request.to_xml(),
        Some(&relay_state),
        key.as_ref(),
    )
    .map_err(|error| {
        LoginRefusal::of(
            &business_id,
            Refused::new(
                &kinds::REQUEST_FAILED,
                format!("cannot send the AuthnRequest to {location}: {error}"),
            )
            .with_who(&email),
        )
    })?;
    let (browser_hash, activation_id, return_to) = match purpose(&integration.tenant.id) {
        Purpose::Browser {
            browser_hash,
            return_to,
        } => (Some(browser_hash), None, return_to),
        Purpose::Desktop { activation_id } => (None, Some(activation_id), String::new()),
    };
    let sent = SsoRequestRow {
        relay_state,
        tenant_id: integration.tenant.id.clone(),
        request_id: request.id,
        browser_hash,
        activation_id,
        return_to,
        created: to_microseconds(now),
        expires: to_microseconds(now + portal.config.sso_request_lifetime),
        spent: 0,
    };
    let mut tx = portal.store.write().await?;
    store::logins::insert(&mut tx, &sent).await?;
    tx.commit().await?;
    Ok(Started {
        tenant_id: sent.tenant_id,
        outgoing,
    })
}

/// Returns the business account that has verified the domain of an e-mail
/// address.
///
/// # Errors
/// If none has.
async fn find_business_of_domain(db: &mut Db, email: &str) -> Result<String, LoginRefusal> {
    let domain = domain_of(email);
    let row = store::domains::find_by_name(db, domain)
        .await?
        .ok_or_else(|| {
            let what = format!("the domain {domain} belongs to no business account");
            of_nobody(email, what).with_remedy(
                Place::Step(Step::Domains),
                format!(
                    "If {domain} is a domain of your organization, add and verify it in step 1."
                ),
            )
        })?;
    if row.status != "verified" {
        return Err(LoginRefusal::of(
            &row.business_id,
            of_nobody(
                email,
                format!("the domain {domain} is {}, not verified", row.status),
            )
            .with_remedy(
                Place::Step(Step::Domains),
                format!("Verify {domain} in step 1."),
            ),
        ));
    }
    Ok(row.business_id)
}

/// Creates the refusal `sso-unavailable`. The user reads the same text whether
/// the domain is unknown, unverified or deactivated.
pub(super) fn unavailable(private: impl Into<String>) -> Refused {
    Refused::new(&kinds::SSO_UNAVAILABLE, private)
}

/// The same refusal, for a domain that is not verified. It shows the domain
/// only: an organization that has merely entered the domain must not learn who
/// tried to log in.
fn of_nobody(email: &str, private: impl Into<String>) -> Refused {
    let (domain, who) = refusal::somebody_at(email);
    Refused {
        domain: Some(domain),
        ..unavailable(private).with_who(&who)
    }
}

/// Returns the path if it leads to a page of the portal; otherwise the
/// dashboard. Prevents open redirects.
pub fn return_path(asked: Option<&str>) -> String {
    let is_ours = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path
                .chars()
                .all(|c| c.is_ascii_graphic() && !matches!(c, '\\' | '"' | '<' | '>'))
    };
    asked.filter(is_ours).unwrap_or("/dashboard").to_owned()
}

/// Returns the path in the RelayState of IdP-initiated SSO: a path or a full
/// URL of the portal, at most 80 bytes (saml-bindings §3.5.3).
pub(super) fn deep_link(portal: &Portal, relay_state: &str) -> String {
    if relay_state.len() > RELAY_STATE_MAX_BYTES {
        return return_path(None);
    }
    let whole = relay_state.strip_prefix(portal.base_url.as_str());
    return_path(Some(whole.unwrap_or(relay_state)))
}

#[cfg(test)]
mod tests {
    use super::return_path;

    #[test]
    fn a_login_returns_only_to_the_portal_itself() {
        assert_eq!(return_path(Some("/profile?x=1")), "/profile?x=1");
        for elsewhere in [
            "//evil.example",
            "https://evil.example",
            "/\\evil",
            "/a\r\nb",
            "",
            "x",
        ] {
            assert_eq!(return_path(Some(elsewhere)), "/dashboard", "{elsewhere:?}");
        }
    }
}
