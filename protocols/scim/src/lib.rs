//! SCIM 2.0 as data and rules: schemas (RFC 7643), filters, paths, PATCH,
//! projection, lists, errors and discovery (RFC 7644).
//!
//! Resources are JSON objects judged by a [`schema::ResourceType`]; nothing
//! here opens a socket, reads a clock or knows a database.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod bulk;
pub mod discovery;
mod error;
pub mod filter;
mod list;
pub mod patch;
mod path;
mod projection;
mod resource;
pub mod schema;
mod sort;

pub use error::{Error, ScimType};
pub use list::{ListQuery, ListResponse};
pub use path::{AttributePath, PatchPath};
pub use projection::Projection;
pub use resource::{Resource, keeps_immutable, member, member_mut};
pub use sort::{SortValue, sort_value};

/// The media type of requests and answers (RFC 7644 §8.1).
pub const MEDIA_TYPE: &str = "application/scim+json";

/// The URNs of the protocol's messages (RFC 7644 §8.2).
pub mod messages {
    /// A list of resources.
    pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
    /// A query by POST.
    pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
    /// Several operations in one request.
    pub const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
    /// What became of each.
    pub const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
    /// A modification.
    pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
    /// An error.
    pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
}
