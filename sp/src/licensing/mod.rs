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

pub use holders::{HeldLicense, list_held_licenses};
pub use keys::{
    IssuedKey, KeyError, NewKey, Organization, Registered, cancel_key, check_key, create_key,
    list_keys, mask_key, register_key,
};
pub use mapping::{MappingError, change_subscription, release_device};
pub use seats::{
    Granted, SeatError, Validation, apply_roles, grant, revoke_access, update_access, validate,
};
pub use signed::{LicenseKey, Terms, load_public_keys, sign, terms};
pub use states::{KeyState, Status, holds_until};
