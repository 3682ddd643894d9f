//! What `rehearsal trace` says first about messages with real signatures: the cause, and not what
//! follows from it. Each message is one that is accepted, with one change.
#![allow(clippy::unwrap_used)]

#[path = "trace_causes/copies.rs"]
mod copies;
#[path = "trace_causes/encrypted.rs"]
mod encrypted;
#[path = "trace_causes/logins.rs"]
mod logins;
#[path = "trace_causes/requests.rs"]
mod requests;
#[path = "trace_causes/responses.rs"]
mod responses;
#[path = "trace_causes/signed.rs"]
mod signed;
