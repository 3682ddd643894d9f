//! Starts the portal, the identity provider and a name server, plays the set-up guide
//! against them over HTTP, and judges what they sent.
//!
//! The crate uses the types of the parties only to start and stop them. Everything else it
//! reads from their HTTP messages. Modules:
//!
//! - [`rehearsal`]: the parties, started together on free ports, or reached where they
//!   already run;
//! - `dns`: the DNS zones of the simulated organizations;
//! - [`recorder`]: records the HTTP exchanges between the parties, by a proxy in front of
//!   each server;
//! - [`actions`]: what each actor of the guide can do, one file for each chapter;
//! - [`steps`]: the steps of the scenarios, one file for each group of procedures;
//! - [`scenario`]: the list of scenarios, and how they are run;
//! - [`check`], [`trace`], [`inspection`]: from the crate `conformance`, which checks
//!   endpoints of other projects and does not depend on the parties;
//! - [`seed`]: the set-up as one file; [`snapshot`]: the whole state of the parties;
//! - `simulation`: license keys, DNS records, clock and faults, on a page and by commands;
//! - [`schemas`]: the JSON Schemas of the files that other programs read and write;
//! - [`report`]: the results of a run, and the formats in which they are written.
//!
//! To add a scenario, add it to a file in `features/`, and a new file to
//! [`scenario::catalogue`]. A new sentence is a step in `steps/` that calls an action.
#![cfg_attr(test, allow(clippy::unwrap_used))]

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(feature = "bench")]
pub mod bench;
#[cfg(feature = "scenarios")]
pub mod procedures;
#[cfg(feature = "checks")]
pub mod report;
#[cfg(feature = "scenarios")]
pub mod scenario;
#[cfg(feature = "checks")]
pub mod schemas;
#[cfg(feature = "command")]
pub mod simulation;
#[cfg(feature = "scenarios")]
pub mod steps;

#[cfg(feature = "checks")]
pub use conformance::{VERSION, check, inspection, trace};
#[cfg(feature = "checks")]
use conformance::{junit, page};
pub use world::{
    Demo, IdpAccess, NameServer, Options, Ready, Rehearsal, ScimAccess, SpAccess, StartError,
    TrustError, TxtRecord, World, ZoneError, Zones, actions, judge, organization, ready, recorder,
    rehearsal, seed, snapshot, social, start, start_with,
};
