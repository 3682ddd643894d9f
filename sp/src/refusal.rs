//! Refusals with a reference number: a public sentence for the user, the
//! private reason for an admin and the log.

use crate::Portal;
use crate::store::audit::RefusalRow;
use crate::store::{self, StoreError, stored};

/// Why someone was turned away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Stable, kebab-case.
    pub code: String,
    /// What the user is told.
    pub public: String,
    /// The whole reason.
    pub private: String,
    /// What an admin can do.
    pub next: String,
    /// What the user can do.
    pub advice: String,
}

impl Refused {
    /// A refusal of this code.
    pub fn new(code: &str, public: &str, private: impl Into<String>, next: &str) -> Self {
        Self {
            code: code.to_owned(),
            public: public.to_owned(),
            private: private.into(),
            next: next.to_owned(),
            advice: next.to_owned(),
        }
    }

    /// The same, with another word for the user than for the admin.
    pub fn advising(mut self, advice: &str) -> Self {
        advice.clone_into(&mut self.advice);
        self
    }

    /// What the user's page may say of the code: nothing that would teach a
    /// forger which of the checks his Response failed.
    pub fn public_code(&self) -> &str {
        if self.advice == self.next {
            &self.code
        } else {
            "refused"
        }
    }

    /// The portal itself failed.
    pub fn internal(error: &StoreError) -> Self {
        Self::new(
            "internal",
            "The portal could not do this just now.",
            error.to_string(),
            "Try again in a moment.",
        )
    }
}

impl From<saml::acceptance::Refusal> for Refused {
    fn from(refusal: saml::acceptance::Refusal) -> Self {
        Self {
            advice:
                "Start again; if it happens again, give your administrator the reference number."
                    .to_owned(),
            ..Self::new(
                refusal.code(),
                refusal.public(),
                refusal.private(),
                refusal.next(),
            )
        }
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

/// Logs and keeps the refusal; answers its reference number.
pub async fn keep(portal: &Portal, business_id: Option<&str>, refused: &Refused) -> String {
    let reference = format!("R-{}", portal.ambient.chance().hex(5).to_uppercase());
    tracing::warn!(
        reference,
        code = refused.code,
        business = business_id,
        reason = refused.private,
        "refused"
    );
    let row = RefusalRow {
        reference: reference.clone(),
        business_id: business_id.map(str::to_owned),
        code: refused.code.clone(),
        public_text: refused.public.clone(),
        private_text: refused.private.clone(),
        next_text: refused.next.clone(),
        refused: stored(portal.now()),
    };
    let kept = async {
        let mut tx = portal.store.write().await?;
        store::audit::insert_refusal(&mut tx, &row).await?;
        tx.commit().await.map_err(StoreError::from)
    };
    if let Err(error) = kept.await {
        tracing::error!(%error, "a refusal could not be kept");
    }
    reference
}
