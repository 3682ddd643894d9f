//! Disables an identity provider at the service provider while the checks run.

use std::fmt;
use std::sync::Arc;

use crate::excerpt::excerpt;
use crate::shell::run_by_shell;
use futures::future::BoxFuture;

/// The result: the reason if it could not be disabled.
type Disabled = BoxFuture<'static, Result<(), String>>;

/// How an identity provider is disabled at the service provider.
#[derive(Clone)]
pub struct Disable(Arc<dyn Fn() -> Disabled + Send + Sync>);

impl fmt::Debug for Disable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disable").finish_non_exhaustive()
    }
}

impl Disable {
    /// Disables it by this function.
    pub fn new(by: impl Fn() -> Disabled + Send + Sync + 'static) -> Self {
        Self(Arc::new(by))
    }

    /// Disables it by a shell command, which may read from standard input.
    pub fn by_command(command: String) -> Self {
        Self::new(move || Box::pin(run(command.clone())))
    }

    /// Disables the identity provider.
    pub(super) async fn perform(&self) -> Result<(), String> {
        (self.0)().await
    }
}

async fn run(command: String) -> Result<(), String> {
    let ran = run_by_shell(&command)
        .stdin(std::process::Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let output = ran
        .await
        .map_err(|error| format!("cannot run --second-disable-command: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "--second-disable-command failed ({}): {}",
            output.status,
            excerpt(String::from_utf8_lossy(&output.stderr).trim(), 200)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_that_fails_is_told_with_its_error() {
        let disable = |command: &str| Disable::by_command(command.to_owned());
        assert_eq!(disable("true").perform().await, Ok(()));
        let error = disable("echo not here >&2; false").perform().await;
        assert!(error.unwrap_err().ends_with(": not here"));
    }
}
