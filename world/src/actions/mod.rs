//! What each actor of the guide can do, one file for each chapter. An action sends HTTP
//! requests to the public interface of a party and keeps the answer in the [`World`]. The
//! steps judge whether the answer is correct.
//!
//! [`World`]: crate::World

mod accounts;
mod configurator;
mod desktop;
mod directory;
mod license_key;
mod provisioning;
mod sign_on;
mod single_logout;
mod social;
mod vendors;

pub use configurator::STEPS;
pub use directory::GUIDE_MAPPINGS;
pub use license_key::per_user_key;
pub use sign_on::{DOWNLOAD_LINK, sso_form, sso_request};
pub use single_logout::page_summary;
pub use vendors::Provider;

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::Value;
use url::Url;

use crate::World;
use crate::judge::{Failed, Outcome, parse_url};
use crate::world::Answer;

/// Returns the URL of an unsigned request by HTTP-Redirect, deflated (saml-bindings
/// §3.4.4.1).
fn redirect_url(address: &str, xml: &str) -> Outcome<Url> {
    let mut deflate =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    let deflated = deflate
        .write_all(xml.as_bytes())
        .and_then(|()| deflate.finish())
        .expect("memory takes every byte");
    let mut url = parse_url(address)?;
    url.query_pairs_mut()
        .append_pair("SAMLRequest", &STANDARD.encode(deflated));
    Ok(url)
}

impl World {
    /// Sends a request of a person to the portal's API and keeps the answer.
    ///
    /// # Errors
    /// When the request fails; a refusal is kept as the answer.
    pub async fn at_api(
        &mut self,
        given: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Outcome<&Answer> {
        let url = self.at_portal(path)?;
        let mut request = self.person(given)?.browser.client().request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.keep(request).await
    }

    /// Sends a request of the IdP administrator to the management API, below the
    /// environment's URL.
    ///
    /// # Errors
    /// When the request fails; a refusal is kept as the answer.
    pub async fn at_management(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Outcome<&Answer> {
        let path = format!("/v1/environments/{}{path}", self.directory.environment);
        let url = self.rehearsal.idp_url().join(&path)?;
        self.ask_management(method, url, body).await
    }

    /// Does the same for any URL of the management API.
    ///
    /// # Errors
    /// When the request fails; a refusal is kept as the answer.
    pub async fn ask_management(
        &mut self,
        method: Method,
        url: Url,
        body: Option<Value>,
    ) -> Outcome<&Answer> {
        let token = self.rehearsal.idp_admin_token().to_owned();
        if token.is_empty() {
            return Err(Failed::NotRun(
                "the target does not contain the token of the IdP's management API (idp.admin_token)"
                    .to_owned(),
            ));
        }
        let console = self.person("the-idp-administrator")?.browser.client();
        let mut request = console.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.keep(request).await
    }

    /// Sends a request to the IdP's control port, and keeps the answer.
    ///
    /// # Errors
    /// When the request fails, or the target has no control port; a refusal is kept as the answer.
    pub async fn ask_idp_control(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Outcome<&Answer> {
        let console = self.person("the-idp-administrator")?.browser.client();
        let console = console.clone();
        let control = self.rehearsal.idp_control()?;
        let mut request = control.request(&console, method, path)?;
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.keep(request).await
    }

    /// Sends a request and keeps the answer.
    ///
    /// # Errors
    /// When the request fails.
    pub async fn keep(&mut self, request: reqwest::RequestBuilder) -> Outcome<&Answer> {
        let answer = Answer::read(request.send().await?).await?;
        Ok(self.answer.insert(answer))
    }
}
