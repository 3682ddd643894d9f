//! Checks of the stored license after the activation (G-25): at a restart, off-line, and at its
//! end.
//!
//! The app decides from the signed license and its own clock. After the time `revalidate_after`
//! in the license, it asks the portal. If the portal does not answer, the license stays valid
//! until it ends. A revoked license is not renewed, so the app stops when the last signed
//! license ends.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::app::{ActivationError, App};
use crate::dialog::Dialog;
use crate::license::{Activated, LicenseError};
use crate::transcript::Transcript;

/// Result of a check of the license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActivationState {
    /// The app was never activated on this Mac.
    NotActivated,
    /// The app runs.
    Running {
        /// Time until which it runs without asking the portal.
        valid_until: Timestamp,
        /// True if the portal has just revalidated the license.
        revalidated: bool,
    },
    /// The portal does not answer. The app runs on with the stored license.
    Offline {
        /// Time at which the app stops.
        until: Timestamp,
    },
    /// The portal revoked the license. The app runs until the last signed license ends.
    TakenBack {
        /// Reason that the portal gave.
        because: String,
        /// Time at which the app stops.
        until: Timestamp,
    },
    /// The app does not run.
    Stopped {
        /// Why the license is not valid.
        because: String,
    },
}

#[derive(Deserialize)]
struct Renewed {
    signed_license: String,
}

impl App {
    /// Returns the stored activation.
    pub fn kept(&self) -> Option<&Activated> {
        self.kept.as_ref()
    }

    /// Returns the app as after a restart, with this stored activation.
    #[must_use]
    pub fn with_kept(mut self, kept: Activated) -> Self {
        self.kept = Some(kept);
        self
    }

    /// Checks the license, as the app does at its start and regularly. Revalidates it if
    /// `revalidate_after` has passed, and shows the resulting dialog.
    ///
    /// # Errors
    /// If the portal's answer does not have the documented form.
    pub async fn look_at_license(
        &mut self,
        transcript: &mut Transcript,
    ) -> Result<ActivationState, ActivationError> {
        let standing = self.judge_license(transcript).await?;
        let email = self
            .kept
            .as_ref()
            .map(|kept| kept.license.email.clone())
            .unwrap_or_default();
        let dialog = match &standing {
            ActivationState::NotActivated => Dialog::CorporateEmail,
            ActivationState::Running { valid_until, .. } => Dialog::Activated {
                email,
                valid_until: *valid_until,
            },
            ActivationState::Offline { until } => Dialog::Activated {
                email,
                valid_until: *until,
            },
            ActivationState::TakenBack { because, until } => Dialog::TakenBack {
                because: because.clone(),
                until: *until,
            },
            ActivationState::Stopped { because } => Dialog::Stopped {
                because: because.clone(),
            },
        };
        self.show(dialog, transcript);
        Ok(standing)
    }

    async fn judge_license(
        &mut self,
        transcript: &mut Transcript,
    ) -> Result<ActivationState, ActivationError> {
        let Some(kept) = self.kept.clone() else {
            return Ok(ActivationState::NotActivated);
        };
        let now = self.ambient.now();
        let terms = match kept.terms(&self.device.id) {
            Ok(terms) => terms,
            Err(error) => {
                let because = error.to_string();
                return Ok(ActivationState::Stopped { because });
            }
        };
        let until = terms.valid_until;
        if now < until && (now < terms.revalidate_after || kept.revoked.is_some()) {
            return Ok(match kept.revoked {
                Some(because) => ActivationState::TakenBack { because, until },
                None => ActivationState::Running {
                    valid_until: until,
                    revalidated: false,
                },
            });
        }
        if let Some(because) = kept.revoked {
            return Ok(ActivationState::Stopped { because });
        }
        match self.revalidate().await {
            Ok(valid_until) => {
                transcript.note(now, "the portal revalidated the license");
                Ok(ActivationState::Running {
                    valid_until,
                    revalidated: true,
                })
            }
            Err(error) if error.is_offline() && now < until => {
                transcript.note(now, "the portal does not answer");
                Ok(ActivationState::Offline { until })
            }
            Err(error) if error.is_offline() => Ok(ActivationState::Stopped {
                because: format!(
                    "the license ended on {until} and the portal cannot be reached; connect to the internet"
                ),
            }),
            Err(ActivationError::Refused(problem)) => {
                transcript.note(now, format!("the portal refused: {}", problem.text()));
                let because = if problem.reason.is_empty() {
                    problem.detail
                } else {
                    problem.reason
                };
                if let Some(kept) = &mut self.kept {
                    kept.revoked = Some(because.clone());
                }
                Ok(if now < until {
                    ActivationState::TakenBack { because, until }
                } else {
                    ActivationState::Stopped { because }
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Revalidates the license at the portal and stores the new signed license. Returns the
    /// time until which it is valid.
    ///
    /// # Errors
    /// [`ActivationError::Refused`] if the license was revoked.
    pub async fn revalidate(&mut self) -> Result<Timestamp, ActivationError> {
        let Some(kept) = self.kept.clone() else {
            return Err(ActivationError::License(LicenseError::UnknownKey(None)));
        };
        let body = json!({"license_token": kept.license_token, "device_id": self.device.id});
        let renewed: Renewed = self
            .portal
            .ask(
                &self.browser,
                "/desktop/v1/licenses/validate",
                &body,
                "a valid license",
            )
            .await?;
        let mut fresh = Activated {
            signed_license: renewed.signed_license,
            ..kept
        };
        let terms = match fresh.terms(&self.device.id) {
            // The portal has changed its key since the activation: get the new keys.
            Err(LicenseError::UnknownKey(_)) => {
                fresh.keys = self.fetch_portal_keys().await?;
                fresh.terms(&self.device.id)?
            }
            other => other?,
        };
        self.kept = Some(fresh);
        Ok(terms.valid_until)
    }
}
