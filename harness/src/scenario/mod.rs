//! The scenarios: which there are, and how they are run.

pub mod catalogue;
mod moving;
mod runner;
mod stepping;

pub use runner::{Selection, Settings, Stage, run};
