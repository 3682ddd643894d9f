//! The list of scenarios, and how they are run.

pub mod catalogue;
mod isolation;
mod runner;
mod step_runner;

pub use runner::{Selection, Settings, Stage, run};
