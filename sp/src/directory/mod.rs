//! The directory of a business account: users and groups, provisioned by SCIM.
