//! Who holds a license since when, on which devices.

use crate::store::licenses::{DeviceRow, LicenseRow};
use crate::store::{self, Db, StoreError};

/// A license, its holder and the devices under it.
#[derive(Debug, Clone)]
pub struct HeldLicense {
    /// The seat.
    pub license: LicenseRow,
    /// The holder's e-mail, or user name.
    pub email: Option<String>,
    /// In the order of their activation.
    pub devices: Vec<DeviceRow>,
}

/// The live licenses of a business account, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn held(db: &mut Db, business_id: &str) -> Result<Vec<HeldLicense>, StoreError> {
    let mut all = Vec::new();
    for license in store::licenses::of_business(db, business_id).await? {
        let person = store::people::by_id(db, &license.user_id).await?;
        all.push(HeldLicense {
            email: person.map(|person| person.email.unwrap_or(person.user_name)),
            devices: store::licenses::devices(db, &license.id).await?,
            license,
        });
    }
    Ok(all)
}
