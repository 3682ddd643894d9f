//! Starts the portal, the identity provider and a name server, and does over HTTP what each
//! actor of the set-up guide does.
//!
//! The crate uses the types of the parties only to start and stop them. Everything else it
//! reads from their HTTP messages. It judges nothing but whether an action was possible. Modules:
//!
//! - [`rehearsal`]: the parties, started together on free ports, or reached where they
//!   already run;
//! - `control_port`: the address and the secret of a control port;
//! - `dns`: the DNS zones of the simulated organizations;
//! - [`social`]: the simulated Google, Apple and Facebook;
//! - [`recorder`]: records the HTTP exchanges between the parties, by a proxy in front of
//!   each server;
//! - `world`: the state of one scenario: parties, people, last answers;
//! - [`actions`]: what each actor of the guide can do, one file for each chapter;
//! - [`organization`]: the demo organization, set up by actions;
//! - [`ready`]: the addresses and credentials of running parties;
//! - [`seed`]: the set-up as one file; [`snapshot`]: the whole state of the parties.
#![cfg_attr(test, allow(clippy::unwrap_used))]

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod actions;
mod control_port;
mod demo;
mod dns;
pub mod judge;
pub mod organization;
pub mod ready;
pub mod recorder;
pub mod rehearsal;
pub mod seed;
pub mod snapshot;
pub mod social;
mod trust;
mod world;

pub use control_port::{ControlPort, ControlPortError};
pub use demo::{Demo, IdpAccess, ScimAccess, SpAccess, start, start_with};
pub use dns::{NameServer, TxtRecord, ZoneError, Zones};
pub use ready::Ready;
pub use rehearsal::{Options, Rehearsal, StartError};
pub use trust::{Trust, TrustError};
pub use world::{
    Answer, CORPORATE_PASSWORD, DOMAIN, Directory, Kept, PORTAL_PASSWORD, Person, World,
};
