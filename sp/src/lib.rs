//! The vendor's portal: accounts, license keys, the IdP integration
//! configurator, SSO, SCIM provisioning and desktop activation.
//!
//! Modules depend on each other in one direction: `http` → `login`,
//! `directory`, `licensing`, `configurator`, `accounts`, `desktop` → `store`.
//! Handlers decode the request, call the domain modules and encode the answer.
//! Domain modules use neither axum nor SQL; only `store` contains SQL. The
//! portal reaches every other party over HTTP only.
//!
//! To add a new kind of data, add a migration, a file in `store/` and a domain
//! module. To add a route, add a handler in `http/` and a line in its `router`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod accounts;
pub mod audit;
pub mod command;
mod config;
pub mod configurator;
pub mod desktop;
pub mod directory;
pub mod dns;
pub mod http;
pub mod licensing;
pub mod login;
mod portal;
mod rate_limit;
pub mod refusal;
pub mod roles;
mod server;
pub mod snapshot;
pub mod store;
mod words;

pub use config::{Config, KeyMaterial, SocialProvider};
pub use portal::Portal;
pub use rate_limit::Rate;
pub use server::{Running, StartError, start};
