//! Stands in for the crate of this name until that can be started.
#![allow(missing_docs)]
use std::net::SocketAddr;
#[derive(Default)]
pub struct Config {
    pub listen: Option<SocketAddr>,
    pub control_listen: Option<SocketAddr>,
    pub public_url: Option<url::Url>,
    pub database_url: String,
}
#[derive(Debug, thiserror::Error)]
#[error("the IdP is not there yet")]
pub struct StartError;
pub struct Running;
pub(crate) async fn start(_: Config, _: ambient::Ambient) -> Result<Running, StartError> {
    Err(StartError)
}
impl Running {
    pub fn base_url(&self) -> &str {
        ""
    }
    pub fn control_url(&self) -> Option<&str> {
        None
    }
    pub fn admin_token(&self) -> &str {
        ""
    }
    pub async fn shutdown(self) {}
}
