//! Refusals with a reference number: a public sentence for the person, the
//! private reason for an administrator, who finds it under Sign-in problems.
//!
//! `kinds.rs` has every code with its texts; [`record`] stores a refusal and
//! writes it to the audit log; `reading.rs` is what an administrator sees.

pub mod kinds;
mod list;

pub use kinds::{Kind, Place};
pub use list::{Page, Problem, Query, entry, list};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Portal;
use crate::accounts::domain_of;
use crate::audit::{self, Event};
use crate::store::refusals::RefusalRow;
use crate::store::{self, MayConflict, StoreError, stored};

/// Where IdP Integration lists refusals.
pub const PAGE: &str = "/profile/business/idp_integration/sign-in-problems";

/// The address of one refusal, without the portal's own.
pub fn path(reference: &str) -> String {
    format!("{PAGE}/{reference}")
}

/// How a person finds the reason, in a sentence for the administrator's help.
pub fn pass_on(reference: &str) -> String {
    format!(
        "Give your administrator {reference}; they find the reason under IdP Integration → Sign-in problems."
    )
}

/// What somebody tried when they were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Continue with SSO, in a browser.
    Sso,
    /// A login that the identity provider began.
    IdpInitiated,
    /// Activation of the desktop app.
    Desktop,
    /// Login with a password where SSO is active.
    Password,
    /// Single logout.
    Logout,
}

impl Flow {
    const ALL: [Self; 5] = [
        Self::Sso,
        Self::IdpInitiated,
        Self::Desktop,
        Self::Password,
        Self::Logout,
    ];

    /// Stable, kebab-case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sso => "sso",
            Self::IdpInitiated => "idp-initiated",
            Self::Desktop => "desktop-activation",
            Self::Password => "password",
            Self::Logout => "single-logout",
        }
    }

    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Sso => "Continue with SSO",
            Self::IdpInitiated => "login started at the identity provider",
            Self::Desktop => "desktop activation",
            Self::Password => "login with a password",
            Self::Logout => "single logout",
        }
    }

    fn from_name(name: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|flow| flow.name() == name).unwrap_or(Self::Sso)
    }
}

/// Something known of a refusal that helps to find its cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether a verified signature covers it, or the portal itself knows it.
    pub verified: bool,
}

/// Why someone was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Stable, kebab-case.
    pub code: &'static str,
    /// What the person reads.
    pub public: String,
    /// The whole reason.
    pub private: String,
    /// What an administrator does.
    pub remedy: String,
    /// What the person can do; may be empty.
    pub advice: String,
    /// Where the administrator does it.
    pub place: Place,
    /// Whom it concerns, as far as known: an e-mail address or NameID.
    pub who: Option<String>,
    /// Whether `who` is proven: by a verified signature or a password.
    pub verified: bool,
    /// The domain, where no business account is known by it.
    pub domain: Option<String>,
    /// What helps to find the cause.
    pub facts: Vec<Fact>,
    /// Whether the identity provider began the login.
    pub unasked: bool,
    pub(crate) concealed: bool,
    /// Another transaction was in the way: the same may succeed again.
    pub(crate) conflict: bool,
}

impl Refused {
    /// A refusal of this kind.
    pub fn new(kind: &Kind, private: impl Into<String>) -> Self {
        Self {
            code: kind.code,
            public: kind.public.to_owned(),
            private: private.into(),
            remedy: kind.remedy.to_owned(),
            advice: kind.advice.to_owned(),
            place: kind.place,
            who: None,
            verified: false,
            domain: None,
            facts: Vec::new(),
            unasked: false,
            concealed: kind.concealed,
            conflict: false,
        }
    }

    /// With another sentence for the person.
    pub fn with_public(mut self, public: impl Into<String>) -> Self {
        self.public = public.into();
        self
    }

    /// With something more exact that the person can do.
    pub fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// With a more exact remedy.
    pub fn with_remedy(mut self, place: Place, remedy: impl Into<String>) -> Self {
        self.place = place;
        self.remedy = remedy.into();
        self
    }

    /// It concerns this person; an address that nothing proves yet.
    pub fn with_who(mut self, who: &str) -> Self {
        self.who = Some(who.to_owned());
        self
    }

    /// The facts come from a message whose signature was verified.
    pub fn with_verified_message(mut self) -> Self {
        self.verified = true;
        self
    }

    /// With a fact that the portal knows by itself.
    pub fn with_fact(mut self, name: &str, value: impl Into<String>) -> Self {
        self.facts.push(Fact {
            name: name.to_owned(),
            value: value.into(),
            verified: true,
        });
        self
    }

    /// With a fact from the message: as trustworthy as the message is.
    pub(crate) fn with_claim(mut self, name: &str, value: impl Into<String>) -> Self {
        self.facts.push(Fact {
            name: name.to_owned(),
            value: value.into(),
            verified: self.verified,
        });
        self
    }

    /// What the person's page may say of the code: nothing that would teach a
    /// forger which of the checks a forged response failed.
    pub fn public_code(&self) -> &str {
        if self.concealed { "refused" } else { self.code }
    }

    /// The portal itself failed.
    pub fn internal(error: &StoreError) -> Self {
        Self {
            conflict: error.is_conflict(),
            ..Self::new(&kinds::INTERNAL, error.to_string())
        }
    }
}

impl MayConflict for Refused {
    fn is_conflict(&self) -> bool {
        self.conflict
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.private)
    }
}

impl From<saml::acceptance::Refusal> for Refused {
    fn from(refusal: saml::acceptance::Refusal) -> Self {
        let code = refusal.violations().next().map(|first| first.code);
        let kind = code.map_or(kinds::INTERNAL, kinds::of_response);
        Self::new(&kind, refusal.private())
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        Self::internal(&StoreError::from(error))
    }
}

/// The oldest refusal that is still kept.
fn oldest_kept(portal: &Portal) -> Timestamp {
    let age = portal.config.sign_in_problems_age;
    portal.now().saturating_sub(age).unwrap_or(Timestamp::MIN)
}

/// Logs the refusal, stores it for administrators and writes it to the audit
/// log; answers its reference number. What is older or more than the portal
/// keeps is deleted.
pub async fn record(
    portal: &Portal,
    business_id: Option<&str>,
    refused: &Refused,
    flow: Flow,
    address: &str,
) -> String {
    let reference = format!("R-{}", portal.ambient.rng().hex(5).to_uppercase());
    tracing::warn!(
        reference,
        code = refused.code,
        business = business_id,
        reason = refused.private,
        "refused"
    );
    let flow = if refused.unasked {
        Flow::IdpInitiated
    } else {
        flow
    };
    let row = RefusalRow {
        reference: reference.clone(),
        business_id: business_id.map(str::to_owned),
        code: refused.code.to_owned(),
        public_text: refused.public.clone(),
        private_text: refused.private.clone(),
        next_text: refused.remedy.clone(),
        refused: stored(portal.now()),
        domain: refused.domain.clone(),
        who: refused.who.clone(),
        who_verified: i64::from(refused.verified),
        flow: flow.name().to_owned(),
        place: refused.place.path(),
        facts: serde_json::to_string(&refused.facts).unwrap_or_default(),
        address: address.to_owned(),
        position: 0,
    };
    let kept = async {
        let mut tx = portal.store.write().await?;
        store::refusals::insert(&mut tx, &row).await?;
        // The audit log names no one by an unverified message's word alone.
        let actor = match (&refused.who, refused.verified) {
            (Some(who), true) => who.clone(),
            (Some(who), false) => format!("{who} (not verified)"),
            (None, _) => "unknown".to_owned(),
        };
        let event = Event::new(&actor, store::refusals::AUDIT_ACTION, &reference)
            .saying(format!("{}: {}", flow.label(), refused.code))
            .from(address);
        audit::record(portal, &mut tx, business_id, event).await?;
        let most = i64::from(portal.config.sign_in_problems_kept);
        store::refusals::delete_old(&mut tx, business_id, stored(oldest_kept(portal)), most)
            .await?;
        tx.commit().await.map_err(StoreError::from)
    };
    if let Err(error) = kept.await {
        tracing::error!(%error, reference, "cannot store the refusal");
    }
    reference
}

/// Deletes what is older than the portal keeps.
///
/// # Errors
/// When the database fails.
pub async fn delete_expired(portal: &Portal) -> Result<(), StoreError> {
    let mut tx = portal.store.write().await?;
    store::refusals::delete_before(&mut tx, stored(oldest_kept(portal))).await?;
    Ok(tx.commit().await?)
}

/// The domain of an address that names no business account, and whom to show:
/// the domain alone, since nothing proves whose address it is.
pub fn somebody_at(email: &str) -> (String, String) {
    let domain = domain_of(email);
    (domain.to_owned(), format!("somebody at {domain}"))
}
