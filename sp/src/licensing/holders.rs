//! Lists licenses with their users and devices.

use crate::store::licenses::{DeviceRow, LicenseRow};
use crate::store::{self, Db, StoreError};

/// A license with its user and devices.
#[derive(Debug, Clone)]
pub struct HeldLicense {
    /// The license.
    pub license: LicenseRow,
    /// E-mail of the user, or else the user name.
    pub email: Option<String>,
    /// Devices in the order of their activation.
    pub devices: Vec<DeviceRow>,
}

/// Returns the licenses of a business account that are not revoked, oldest
/// first.
///
/// # Errors
/// When the database fails.
pub async fn list_held_licenses(
    db: &mut Db,
    business_id: &str,
) -> Result<Vec<HeldLicense>, StoreError> {
    let mut all = Vec::new();
    for license in store::licenses::list_by_business(db, business_id).await? {
        let person = store::people::find_by_id(db, &license.user_id).await?;
        all.push(HeldLicense {
            email: person.map(|person| person.email.unwrap_or(person.user_name)),
            devices: store::licenses::list_devices(db, &license.id).await?,
            license,
        });
    }
    Ok(all)
}
