//! Starts the portal, the identity provider and a name server, plays the guide
//! over HTTP, and judges what came over the wire with readers of its own.
//!
//! It refuses to know the parties' types beyond starting and stopping them:
//! what it believes, it read from the wire. Rooms:
//!
//! - [`rehearsal`]: the parties, started together on free ports, or reached
//!   where they run already;
//! - `dns`: the zones of the simulated organizations;
//! - [`recorder`]: what was said between the parties, recorded by a proxy in
//!   front of each server;
//! - [`actions`]: what each actor of the guide can do, one file per chapter;
//! - [`steps`]: the words of the scenarios, one file per group of procedures;
//! - [`scenario`]: the catalogue of scenarios, and how they are run;
//! - [`check`], [`trace`], [`inspection`]: from the crate `conformance`, which
//!   judges somebody else's endpoint and knows no party;
//! - [`seed`]: the set-up as one file; [`snapshot`]: the whole state;
//! - `simulation`: license keys, DNS records, clock and faults, by a page and
//!   by commands;
//! - [`schemas`]: the forms that others read and write;
//! - [`report`]: verdicts as data, and every form they are written in.
//!
//! A new scenario is a file in `features/` and a line in
//! [`scenario::catalogue`]; a new word is a step in `steps/` that calls an action.
#![cfg_attr(test, allow(clippy::unwrap_used))]
// Some helpers of the actors are called by the scenarios' steps alone.
#![cfg_attr(not(feature = "scenarios"), allow(dead_code, unused_imports))]

pub mod actions;
#[cfg(feature = "bench")]
pub mod bench;
mod demo;
mod dns;
pub mod judge;
pub mod organization;
#[cfg(feature = "scenarios")]
pub mod procedures;
pub mod ready;
pub mod recorder;
pub mod rehearsal;
#[cfg(feature = "checks")]
pub mod report;
#[cfg(feature = "scenarios")]
pub mod scenario;
#[cfg(feature = "checks")]
pub mod schemas;
pub mod seed;
#[cfg(feature = "command")]
pub mod simulation;
pub mod snapshot;
pub mod social;
#[cfg(feature = "scenarios")]
pub mod steps;
mod trust;
mod world;

#[cfg(feature = "checks")]
pub use conformance::{VERSION, check, inspection, trace};
#[cfg(feature = "checks")]
use conformance::{junit, page};
pub use demo::{Demo, IdpAccess, ScimAccess, SpAccess, start, start_with};
pub use dns::{NameServer, TxtRecord, ZoneError, Zones};
pub use ready::Ready;
pub use rehearsal::{Options, Rehearsal, StartError};
pub use trust::TrustError;
pub use world::World;
