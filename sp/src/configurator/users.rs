//! Step 6, Add users to the application groups (G-13).

use super::changes::change;
use super::{By, ConfiguratorError, Entered, Step, done};
use crate::Portal;

pub(super) fn list_missing_actions(entered: &Entered) -> Vec<String> {
    done(
        entered.tenant.users_done,
        "confirm that users are in the groups or will be added later",
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
    change(portal, by, Step::Users, "confirmed", |tenant| {
        tenant.users_done = i64::from(done);
    })
    .await
}
