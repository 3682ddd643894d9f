//! The portal over real sockets and a real database.
#![allow(clippy::unwrap_used)]

mod accounts;
mod configurator;
mod desktop;
mod parties;
mod postgres;
mod process;
mod provisioning;
mod scim_server;
mod sso;
