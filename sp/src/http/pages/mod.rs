//! The portal's pages. They are rendered on the server and work
//! without JavaScript.
//!
//! | page | file |
//! |---|---|
//! | Sign In, registration, the download link | `sign_in.rs` |
//! | Apple, Google, Facebook | `social.rs` |
//! | Dashboard, Register Key | `dashboard.rs` |
//! | Business Profile: General, Users | `business.rs` |
//! | IdP Integration, the configurator | `integration/` |
//! | Subscriptions, Licenses | `product.rs` |
//! | Audit Log, SCIM Sync Log | `logs.rs` |
//! | Sign-in problems | `problems.rs` |
//!
//! `shell.rs` has the frame of all pages, `form.rs` reads their forms. A form
//! calls the same domain function as the JSON API.

mod assets;
mod business;
mod dashboard;
mod form;
mod form_token;
mod integration;
mod logs;
mod problems;
mod product;
mod provider_buttons;
mod shell;
mod sign_in;
mod social;
mod whoami;

pub(super) use integration::METADATA_PATHS;
pub(super) use shell::{farewell, message};
pub(super) use sign_in::{logout_refusal_page, refusal_page};

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;

use crate::Portal;

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/", get(async || Redirect::to("/dashboard")))
        .route("/session/access", get(shell::show_access))
        .merge(assets::router())
        .merge(sign_in::router())
        .merge(social::router())
        .merge(dashboard::router())
        .merge(business::router())
        .merge(integration::router())
        .merge(product::router())
        .merge(logs::router())
        .merge(problems::router())
        .merge(whoami::router())
}
