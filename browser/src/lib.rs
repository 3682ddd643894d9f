//! A headless HTTP browser that runs no script. The scenarios, the desktop app, and the checks
//! of other people's parties use it wherever a person would use a browser.
//!
//! Its cookies follow the rules of Chromium, including `SameSite` ([`jar`]): a sign-on that
//! fails in a real browser because of cookies fails here as well.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod jar;
pub mod navigation;
pub mod site;

mod browser;
mod page;

pub use browser::{Browser, BrowserError, read_text};
pub use page::{Field, Form, Page};
