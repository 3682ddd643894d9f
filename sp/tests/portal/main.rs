//! Tests of the portal over HTTP with a real database.
#![allow(clippy::unwrap_used)]

mod accounts;
mod configurator;
mod control;
mod database;
mod desktop;
mod forms;
mod group_commit;
mod hostile_input;
mod kills;
mod lockout;
mod logout;
mod metadata_documents;
mod models;
mod openapi;
mod pages;
mod parties;
mod postgres;
mod process;
mod provisioning;
mod races;
mod reconciliation;
mod replicas;
mod repost;
mod saml_settings;
mod scim_cases;
mod scim_issuers;
mod scim_server;
mod selection;
mod sign_in_problems;
mod soak;
mod sso;
mod storage_faults;
