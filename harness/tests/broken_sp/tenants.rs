//! Two tenants of the broken service provider, each with its own URL and identity provider. Flaws
//! let one tenant accept what belongs to the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ambient::Ambient;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rehearsal::check::sp::Disable;
use saml::acceptance::{Expected, TrustedKeys};
use saml::metadata::IdpMetadata;

use super::{Broken, Switch, USER, cookie};

/// One of the two tenants, and the identity provider of the other.
#[derive(Clone)]
pub(super) struct Tenant {
    is_second: bool,
    other: Arc<IdpMetadata>,
}

/// Marks the name of a user of the second tenant who gets the account of the first tenant.
const MERGED: &str = ";merged";

/// Starts both tenants.
pub(crate) async fn start_two(
    (first, second): (&str, &str),
    switches: &[Switch],
    ambient: &Ambient,
) -> (Broken, Broken) {
    let tenant = |other: &str, is_second| {
        Some(Tenant {
            is_second,
            other: Arc::new(IdpMetadata::parse(other).unwrap()),
        })
    };
    let one = super::start_as(first, switches.to_vec(), tenant(second, false), ambient);
    let two = super::start_as(second, switches.to_vec(), tenant(first, true), ambient);
    (one.await, two.await)
}

impl Broken {
    fn is_second(&self) -> bool {
        self.tenant.as_ref().is_some_and(|it| it.is_second)
    }

    /// Returns what disables the identity provider of this tenant.
    pub(crate) fn disable(&self) -> Disable {
        let is_disabled = self.is_disabled.clone();
        Disable::new(move || {
            is_disabled.store(true, Ordering::SeqCst);
            Box::pin(async { Ok(()) })
        })
    }

    /// True if the identity provider is disabled, unless a flaw forgets it for answers to requests
    /// from before.
    pub(super) fn refuses_disabled(&self, is_asked: bool) -> bool {
        let forgets = self.is_flawed("ten-asks-at-start") && is_asked;
        self.is_disabled.load(Ordering::SeqCst) && !forgets
    }

    /// Returns the user of a Response that belongs to the other tenant, if a flaw accepts it.
    pub(super) fn of_the_other(&self, headers: &HeaderMap, field: &str) -> Option<String> {
        let other = self.tenant.as_ref()?.other.clone();
        let own = self.idp.entity_id.clone();
        let memory = self.memory.lock().unwrap();
        let asked = cookie(headers, "browser").and_then(|it| memory.requests.get(it).cloned());
        let document = STANDARD.decode(field).unwrap_or_default();
        let document = String::from_utf8_lossy(&document).into_owned();
        let answered = document.split("InResponseTo=\"").nth(1);
        let answered = answered
            .and_then(|it| it.split('"').next())
            .map(str::to_owned);
        let is_own_request = memory
            .requests
            .values()
            .any(|it| Some(it) == answered.as_ref());
        drop(memory);
        let (issuer, request) = if self.is_second() {
            (
                self.is_flawed("ten-any-key-at-second").then_some(own)?,
                asked?,
            )
        } else if self.is_flawed("ten-any-key") {
            (own, asked?)
        } else if self.is_flawed("ten-any-idp") {
            (other.entity_id.clone(), asked?)
        } else if self.is_flawed("ten-any-request") && !is_own_request {
            (other.entity_id.clone(), answered?)
        } else {
            return None;
        };
        let keys = TrustedKeys::new(other.signing_certificates.clone()).unwrap();
        let expectations = saml::acceptance::Expectations {
            idp_entity_id: issuer,
            ..self.expectations(Expected::Request(request))
        };
        let posted = saml::acceptance::Posted::from_form(field, &saml::Limits::default());
        let verified =
            posted
                .ok()?
                .verify_or_decrypt(&keys, saml::acceptance::SignaturePolicy::Either, None);
        let checked = verified.ok()?.check(&expectations).ok()?;
        Some(checked.name_id().value.clone())
    }

    /// Returns the name of the account that this user gets.
    pub(super) fn account_of(&self, document: &str, user: String) -> String {
        let by_name = self.is_flawed("ten-merges-names") && user == USER;
        let mail = format!(">{USER}</saml:AttributeValue>");
        let by_mail = self.is_flawed("ten-by-mail") && user != USER && document.contains(&mail);
        if self.is_second() && (by_name || by_mail) {
            return format!("{USER}{MERGED}");
        }
        self.find_linked_account(document, user)
    }

    /// Returns the user as the probe shows it. Users of the second tenant have its name after
    /// theirs.
    pub(super) fn shown_as(&self, user: &str) -> String {
        if self.is_second() && !user.ends_with(MERGED) {
            return format!("{user};tenant=second");
        }
        user.to_owned()
    }
}
