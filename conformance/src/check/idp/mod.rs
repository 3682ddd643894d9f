//! `rehearsal check idp`: plays a service provider for any SAML identity
//! provider, tries every variant of a request, and judges what it announces,
//! how it takes each request, and every Response in all its parts.
//!
//! What is seen goes into a [`Recording`]; the checks judge that and nothing
//! else, so a recording can be judged again without the identity provider and
//! without a person.
//!
//! - `party`: the service provider that is played;
//! - `trials`: the requests that are tried, as data; `request` writes them;
//! - `browser`, `form`: the form driver, which signs the user on;
//! - `interactive`: where a person's own browser does (`--interactive`);
//! - `set_up`: why nobody can be signed on at all;
//! - `run`: what is gathered from, and who signs on;
//! - `gather`: makes the trials; `afterwards`: those that need or end a
//!   session; `health`: what they did to the identity provider;
//! - `recording`: what is kept of them;
//! - `reading`: the recording with its documents read;
//! - `judge`: the checks, one table a file.

mod afterwards;
mod browser;
mod form;
mod gather;

mod health;
mod interactive;
mod judge;
mod outgoing;
mod party;
mod reading;
pub mod recording;
mod request;
mod run;
mod set_up;
pub mod trials;

pub use browser::Credentials;
pub use gather::SHORT;
pub use judge::{catalogue, checks, judge};
pub use party::Party;
pub use recording::{Fetched, Recording};
pub use run::{CheckError, Gathering, Person, fetch};
