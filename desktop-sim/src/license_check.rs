//! Keeping the activation (G-25): over a restart, off-line, and to its end.
//!
//! The app believes what the portal signed and its own clock. When the signed
//! license says that it is time, the app asks; no answer changes nothing until
//! the license ends; a license taken back isn't renewed, so the app stops
//! when the last one that was signed ends.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::app::{ActivationError, App};
use crate::dialog::Dialog;
use crate::license::{Activated, LicenseError};
use crate::transcript::Transcript;

/// How the app stands after it has looked at its license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActivationState {
    /// Never activated on this Mac.
    NotActivated,
    /// The app runs.
    Running {
        /// Without asking, until.
        valid_until: Timestamp,
        /// Whether the portal was asked just now.
        revalidated: bool,
    },
    /// Runs although the portal doesn't answer.
    Offline {
        /// Until when.
        until: Timestamp,
    },
    /// Taken back; runs until the grace is over.
    TakenBack {
        /// The reason.
        because: String,
        /// Until when.
        until: Timestamp,
    },
    /// Runs no more.
    Stopped {
        /// The reason.
        because: String,
    },
}

#[derive(Deserialize)]
struct Renewed {
    signed_license: String,
}

impl App {
    /// What the app has on its disk.
    pub fn kept(&self) -> Option<&Activated> {
        self.kept.as_ref()
    }

    /// The app started again, with what it had on its disk.
    #[must_use]
    pub fn with_kept(mut self, kept: Activated) -> Self {
        self.kept = Some(kept);
        self
    }

    /// Looks at the license, as the app does when it starts and now and then:
    /// re-validates it when it is time.
    ///
    /// # Errors
    /// An answer of the portal that isn't what its interface promises.
    pub async fn look_at_license(
        &mut self,
        transcript: &mut Transcript,
    ) -> Result<ActivationState, ActivationError> {
        let standing = self.judged(transcript).await?;
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

    async fn judged(
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
                transcript.note(now, "the portal says that the license still holds");
                Ok(ActivationState::Running {
                    valid_until,
                    revalidated: true,
                })
            }
            Err(error) if error.is_offline() && now < until => {
                transcript.note(now, "the portal doesn't answer");
                Ok(ActivationState::Offline { until })
            }
            Err(error) if error.is_offline() => Ok(ActivationState::Stopped {
                because: format!(
                    "the license ended on {until} and the portal could not be asked: connect to the internet"
                ),
            }),
            Err(ActivationError::Refused(problem)) => {
                transcript.note(now, format!("the portal refused: {}", problem.detail));
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

    /// Asks the portal whether the license still holds, and keeps what it
    /// signs; answers until when that is valid.
    ///
    /// # Errors
    /// [`ActivationError::Refused`] when it was taken back.
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
            // The portal changed its key since.
            Err(LicenseError::UnknownKey(_)) => {
                fresh.keys = self.portal_keys().await?;
                fresh.terms(&self.device.id)?
            }
            other => other?,
        };
        self.kept = Some(fresh);
        Ok(terms.valid_until)
    }
}
