//! The steps of the scenarios, one file for each group of procedures. A step is one verb of
//! one actor: it calls an action and judges the answer.

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
