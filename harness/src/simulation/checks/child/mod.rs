//! How the process of a check is started and stopped: one file for each kind of operating system, with
//! the same functions.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(super) use unix::{Stopper, leave_group, make_stoppable};
#[cfg(windows)]
pub use windows::STOP_BY_INPUT;
#[cfg(windows)]
pub(super) use windows::{Stopper, leave_group, make_stoppable};
