//! Step 2, Register Parallels enterprise app (G-08).

use super::changes::change;
use super::{By, ConfiguratorError, Entered, Step, done};
use crate::Portal;

pub(super) fn list_missing_actions(entered: &Entered) -> Vec<String> {
    done(
        entered.tenant.application_done,
        "confirm that the configuration in the IdP Directory is done",
    )
}

/// Sets or removes the confirmation "Configuration in the IdP Directory is
/// done".
///
/// # Errors
/// See [`ConfiguratorError`].
pub async fn confirm(
    portal: &Portal,
    by: By<'_>,
    done: bool,
) -> Result<Entered, ConfiguratorError> {
    change(portal, by, Step::Application, "confirmed", |tenant| {
        tenant.application_done = i64::from(done);
    })
    .await
}
