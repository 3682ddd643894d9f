//! Licence keys, subscriptions and seats.
//!
//! A seat belongs to a user of the product users group; it is granted at the
//! first activation, once, and taken back in the very transaction that makes
//! the user lose the group, be disabled or be deleted (G-27).

mod keys;
mod seats;

pub use keys::{KeyError, NewKey, Organization, Registered, create_key, masked, register_key};
pub use seats::{
    Granted, SeatError, Validation, after_directory_change, grant, holder_gone, status_of, validate,
};
