//! `rehearsal check idp`: plays a service provider for any SAML identity provider, sends every
//! variant of a request, and judges the metadata, the reaction to each request, and every part of
//! each Response.
//!
//! All observations go into a [`Recording`], and the checks use only the recording. It can
//! therefore be judged again without the identity provider and without a user.
//!
//! - `party`: the service provider that is played;
//! - `trials`: the variants of a request, as data; `request` writes them;
//! - `browser`, `form`: the form driver, which signs the user on;
//! - `interactive`: the user's own browser instead (`--interactive`);
//! - `set_up`: why no sign-on works;
//! - `run`: the inputs of a run, and who signs on;
//! - `gather`: runs the trials; `afterwards`: the trials that need or end a session;
//!   `health`: whether a trial harmed the identity provider;
//! - `sign_on`: sign-ons for load, without the trials; `login`: logins at a service provider of
//!   somebody else;
//! - `recording`: what is stored of the trials;
//! - `reading`: the recording with its documents parsed;
//! - `judge`: the checks, one table per file.

mod afterwards;
mod browser;
mod form;
mod gather;

mod health;
mod interactive;
mod judge;
mod login;
mod outgoing;
mod party;
mod reading;
pub mod recording;
mod request;
mod run;
mod set_up;
mod sign_on;
pub mod trials;

pub use browser::Credentials;
pub use gather::SHORT;
pub use judge::{Trials, catalogue, checks, judge, judge_also, profile_catalogue};
pub(in crate::check) use login::{Logins, PersonalBrowser, summary};
pub use party::Party;
pub use recording::{Fetched, Recording};
pub use run::{CheckError, Gathering, Person, fetch};
pub(in crate::check) use sign_on::{SignOnError, SignOns, SignedOn};
