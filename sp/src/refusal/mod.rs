//! Refusals of logins. Each has a reference number, a text for the refused
//! user, and a complete reason that an administrator reads under Sign-in
//! problems.
//!
//! `kinds.rs` has every code with its texts; [`record`] stores a refusal and
//! writes it to the audit log; `list.rs` reads refusals for administrators.

pub mod kinds;
mod list;

pub use kinds::{Kind, Place};
pub use list::{Page, Problem, Query, find_by_reference, list};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Portal;
use crate::accounts::domain_of;
use crate::audit::{self, Event};
use crate::store::refusals::RefusalRow;
use crate::store::{self, MayConflict, StoreError, to_microseconds};

/// Path of the page Sign-in problems of IdP Integration.
pub const PAGE: &str = "/profile/business/idp_integration/sign-in-problems";

/// Returns the path of the page of one refusal.
pub fn path(reference: &str) -> String {
    format!("{PAGE}/{reference}")
}

/// Returns the sentence that tells the refused user to give the reference
/// number to an administrator.
pub fn pass_on(reference: &str) -> String {
    format!(
        "Give your administrator {reference}; they find the reason under IdP Integration → Sign-in problems."
    )
}

/// What the user tried to do when the refusal happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Login with Continue with SSO in a browser.
    Sso,
    /// Login that the identity provider started.
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

    /// Stable name in kebab case, as stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sso => "sso",
            Self::IdpInitiated => "idp-initiated",
            Self::Desktop => "desktop-activation",
            Self::Password => "password",
            Self::Logout => "single-logout",
        }
    }

    /// Text for the pages.
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

/// A value that helps an administrator to find the cause of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Name of the value.
    pub name: String,
    /// The value.
    pub value: String,
    /// True if a verified signature covers the value, or the portal itself
    /// determined it.
    pub verified: bool,
}

/// A refusal: its texts and the known facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Stable code in kebab case.
    pub code: &'static str,
    /// Text for the refused user.
    pub public: String,
    /// The complete reason, for administrators.
    pub private: String,
    /// Remedy for the administrator.
    pub remedy: String,
    /// What the user can do; may be empty.
    pub advice: String,
    /// The page on which the administrator applies the remedy.
    pub place: Place,
    /// E-mail address or NameID of the user, if known.
    pub who: Option<String>,
    /// True if a verified signature or a password proves `who`.
    pub verified: bool,
    /// The e-mail domain, if it belongs to no business account.
    pub domain: Option<String>,
    /// Further values that help to find the cause.
    pub facts: Vec<Fact>,
    /// True if the identity provider started the login (no AuthnRequest was
    /// sent).
    pub unasked: bool,
    pub(crate) concealed: bool,
    /// True if a concurrent transaction caused the error; a retry may succeed.
    pub(crate) conflict: bool,
}

impl Refused {
    /// Creates a refusal of this kind.
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

    /// Replaces the text for the refused user.
    pub fn with_public(mut self, public: impl Into<String>) -> Self {
        self.public = public.into();
        self
    }

    /// Replaces the advice for the refused user by a more exact one.
    pub fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// Replaces the remedy by a more exact one.
    pub fn with_remedy(mut self, place: Place, remedy: impl Into<String>) -> Self {
        self.place = place;
        self.remedy = remedy.into();
        self
    }

    /// Sets the user whom the refusal concerns. The value is unverified until
    /// [`Self::with_verified_message`].
    pub fn with_who(mut self, who: &str) -> Self {
        self.who = Some(who.to_owned());
        self
    }

    /// Marks the user and the facts added later as covered by a verified
    /// signature.
    pub fn with_verified_message(mut self) -> Self {
        self.verified = true;
        self
    }

    /// Adds a fact that the portal itself determined.
    pub fn with_fact(mut self, name: &str, value: impl Into<String>) -> Self {
        self.facts.push(Fact {
            name: name.to_owned(),
            value: value.into(),
            verified: true,
        });
        self
    }

    /// Adds a fact from the SAML message; it counts as verified if the
    /// message's signature was verified.
    pub(crate) fn with_claim(mut self, name: &str, value: impl Into<String>) -> Self {
        self.facts.push(Fact {
            name: name.to_owned(),
            value: value.into(),
            verified: self.verified,
        });
        self
    }

    /// Returns the code for the user's page. It is `refused` for concealed
    /// kinds: an attacker must not learn which check a forged Response failed.
    pub fn public_code(&self) -> &str {
        if self.concealed { "refused" } else { self.code }
    }

    /// Creates a refusal for an error of the portal's database.
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

/// Returns the time before which refusals are no longer kept.
fn oldest_kept(portal: &Portal) -> Timestamp {
    let age = portal.config.sign_in_problems_age;
    portal.now().saturating_sub(age).unwrap_or(Timestamp::MIN)
}

/// Logs the refusal, stores it for administrators and writes it to the audit
/// log. Returns its reference number. Deletes refusals beyond the configured
/// number and age.
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
        refused: to_microseconds(portal.now()),
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
        // An unverified message alone must not put a user's name into the audit
        // log as fact.
        let actor = match (&refused.who, refused.verified) {
            (Some(who), true) => who.clone(),
            (Some(who), false) => format!("{who} (not verified)"),
            (None, _) => "unknown".to_owned(),
        };
        let event = Event::new(&actor, store::refusals::AUDIT_ACTION, &reference)
            .with_detail(format!("{}: {}", flow.label(), refused.code))
            .from(address);
        audit::record(portal, &mut tx, business_id, event).await?;
        let most = i64::from(portal.config.sign_in_problems_kept);
        store::refusals::delete_old(
            &mut tx,
            business_id,
            to_microseconds(oldest_kept(portal)),
            most,
        )
        .await?;
        tx.commit().await.map_err(StoreError::from)
    };
    if let Err(error) = kept.await {
        tracing::error!(%error, reference, "cannot store the refusal");
    }
    reference
}

/// Deletes the refusals that are older than the configured age.
///
/// # Errors
/// When the database fails.
pub async fn delete_expired(portal: &Portal) -> Result<(), StoreError> {
    let mut tx = portal.store.write().await?;
    store::refusals::delete_before(&mut tx, to_microseconds(oldest_kept(portal))).await?;
    Ok(tx.commit().await?)
}

/// Returns the domain of an e-mail address that belongs to no business account,
/// and the text to show for the user. The text contains the domain only,
/// because nothing proves whose address it is.
pub fn somebody_at(email: &str) -> (String, String) {
    let domain = domain_of(email);
    (domain.to_owned(), format!("a user at {domain}"))
}
