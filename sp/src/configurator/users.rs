//! Step 6, Add users to the application groups (G-13).

use super::changes::change;
use super::{By, ConfiguratorError, Entered, Step, done};
use crate::Portal;

pub(super) fn missing(entered: &Entered) -> Vec<String> {
    done(
        entered.tenant.users_done,
        "confirm that users are in the groups, or will be later",
    )
}

/// Confirms "Configuration in the IdP Directory is done", or takes it back.
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
