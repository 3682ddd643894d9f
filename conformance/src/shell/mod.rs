//! The shell that runs the commands of options: `sh`, or on Windows `cmd.exe`.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::run_by_shell;
#[cfg(windows)]
pub(crate) use windows::run_by_shell;
