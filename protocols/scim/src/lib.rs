//! SCIM 2.0 as data and rules: schemas (RFC 7643), filters, paths, PATCH, projection, lists, errors
//! and discovery (RFC 7644).
//!
//! Resources are JSON objects that follow a [`schema::ResourceType`]. This crate opens no socket,
//! reads no clock and uses no database.

#![cfg_attr(test, allow(clippy::unwrap_used))]

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod bulk;
pub mod discovery;
mod error;
pub mod filter;
mod list;
pub mod patch;
mod path;
mod projection;
mod resource;
mod rules;
pub mod schema;
mod sort;

pub use error::{Error, ScimType};
pub use list::{ListQuery, ListResponse};
pub use path::{AttributePath, PatchPath};
pub use projection::Projection;
pub use resource::{Resource, keeps_immutable, member, member_mut};
pub use rules::Rules;
pub use sort::{SortValue, sort_value};

/// The media type of requests and answers (RFC 7644 §8.1).
pub const MEDIA_TYPE: &str = "application/scim+json";

/// The URNs of the protocol's messages (RFC 7644 §8.2).
pub mod messages {
    /// Answer with a list of resources.
    pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
    /// A query by POST.
    pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
    /// Request with several operations.
    pub const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
    /// Answer to a bulk request.
    pub const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
    /// Request to modify a resource.
    pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
    /// Error answer.
    pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
}
