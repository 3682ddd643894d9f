//! The headless desktop app: what Parallels Desktop does when a user activates
//! it by SSO, without a window.
//!
//! It knows the portal's desktop interface and what any browser knows: how to
//! follow redirects, keep cookies and fill in a form. It refuses to know SAML:
//! it carries the IdP's answer to the portal unread.
//!
//! A new page that users meet on the way (a consent, a second factor) is a new
//! arm of the match in [`App::activate`].
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
