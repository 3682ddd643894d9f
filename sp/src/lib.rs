//! The vendor's portal: accounts, license keys, the IdP integration
//! configurator, SSO, SCIM provisioning and desktop activation.
//!
//! Rooms, one way: `http` → `login`, `directory`, `licensing`,
//! `configurator`, `accounts`, `desktop` → `store`. Handlers decode, call the
//! domain and encode; the domain knows neither axum nor SQL; only `store` has
//! SQL. It refuses to know any other party: it meets them over HTTP alone.
//!
//! A new kind of data is a migration, one file in `store/` and the domain
//! module that speaks of it; a new route is a handler in `http/` and a line in
//! its `router`.
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
