//! A headless desktop app: does what Parallels Desktop does when a user activates it by SSO,
//! without a window.
//!
//! It uses the portal's desktop API, and the functions of any browser: follow redirects, keep
//! cookies and fill in forms. It does not read SAML: it passes the identity provider's
//! Response to the portal without reading it.
//!
//! To support a further page between the portal and the SAML Response (a consent, a second
//! factor), add a case to the loop of `sign_on` in `app.rs`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod app;
#[cfg(feature = "command")]
pub mod command;
mod dialog;
mod license;
mod license_check;
mod portal;
#[cfg(feature = "command")]
mod prompt;
mod transcript;

pub use app::{ActivationError, App, Credentials, DeviceIdentity, NoSuchButton};
pub use dialog::Dialog;
pub use license::{Activated, License, LicenseError, Terms};
pub use license_check::ActivationState;
pub use portal::Problem;
pub use transcript::{Entry, Transcript};
