//! License keys, subscriptions and seats.
//!
//! A seat is the license of one user of the product users group. It is granted
//! once, at the first activation. It is revoked in the same transaction in
//! which the user loses the group, is disabled or is deleted (G-27).

mod holders;
mod keys;
mod mapping;
mod seats;
mod signed;
mod states;

pub use holders::{HeldLicense, held};
pub use keys::{
    KeyError, NewKey, Organization, Registered, cancel_key, checked_key, create_key, mask_key,
    register_key,
};
pub use mapping::{MappingError, change_subscription, release_device};
pub use seats::{
    Granted, SeatError, Validation, after_directory_change, grant, holder_gone, validate,
};
pub use signed::{LicenseKey, Terms, published, sign, terms};
pub use states::{KeyState, Status, holds_until};
