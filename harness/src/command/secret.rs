//! Secrets on the command line or in an environment variable.

/// Reads a secret. A pipeline sets the variable to an empty text if the secret is not available to
/// the job.
///
/// # Errors
/// When it is empty.
pub(crate) fn secret(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err(
            "expected a secret, got an empty text; if it comes from an environment variable, check that the secret is available to this job, or unset the variable"
                .to_owned(),
        );
    }
    Ok(text.to_owned())
}
