//! One headless HTTP browser for everybody who plays a person: the scenarios,
//! the desktop app, and the checks of other people's parties. It runs no
//! script.
//!
//! Its cookies follow the rules of Chromium, `SameSite` included ([`jar`]), so
//! that a sign-on fails here where it would fail in front of a person.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod jar;
pub mod navigation;
pub mod site;

mod browser;

pub use browser::{Browser, BrowserError, Field, Form, Page};
