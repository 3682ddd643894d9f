//! The words of the scenarios, one file per group of procedures. A step is
//! one verb of one actor; it calls an act and judges what came.

mod accounts;
mod configurator;
mod desktop;
mod idp_directory;
mod license_key;
mod provisioning;
mod sign_on;
mod single_logout;
mod social;
mod time;
mod vendors;
