//! Rehearsal's image as a module for the crate `testcontainers`: a portal (SAML service provider and
//! SCIM server) and an identity provider for a test, with two users who can sign on.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use rehearsal_testcontainers::Rehearsal;
//!
//! let rehearsal = Rehearsal::start().await?;
//! println!("{}", rehearsal.idp_metadata_url());
//! # Ok(())
//! # }
//! ```
//!
//! Needs the image `rehearsal:local` (`docker build -t rehearsal:local .` in Rehearsal's folder) and an
//! engine whose containers can share the host's network: Docker on Linux, or Docker Desktop with *Enable
//! host networking*. Copy this file into your project, or change [`Image`] for another registry.

use std::error::Error;

use serde_json::Value;
use testcontainers::core::WaitFor;
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, ImageExt as _};
use tokio::io::AsyncBufReadExt as _;

/// The image with the command `rehearsal up`, which takes free ports.
#[derive(Debug, Clone, Copy, Default)]
pub struct Image;

impl testcontainers::Image for Image {
    fn name(&self) -> &str {
        "rehearsal"
    }

    fn tag(&self) -> &str {
        "local"
    }

    fn ready_conditions(&self) -> Vec<WaitFor> {
        // The last line of the ready file, which is printed when everything answers.
        vec![WaitFor::message_on_stdout("\n}")]
    }

    fn cmd(&self) -> impl IntoIterator<Item = impl Into<std::borrow::Cow<'_, str>>> {
        ["rehearsal", "up"]
    }
}

/// Running parties. They stop when this is dropped.
pub struct Rehearsal {
    _container: ContainerAsync<Image>,
    ready: Value,
}

impl Rehearsal {
    /// Starts the container and waits until everything is ready.
    ///
    /// # Errors
    /// The engine cannot be reached, it has no such image, or the parties did not start.
    pub async fn start() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let container = Image.with_network("host").start().await?;
        let (mut ready, mut lines) = (String::new(), container.stdout(true).lines());
        while let Some(line) = lines.next_line().await? {
            ready += &line;
            if line == "}" {
                break;
            }
        }
        let ready = serde_json::from_str(&ready)?;
        Ok(Self {
            _container: container,
            ready,
        })
    }

    /// Returns all addresses and credentials: the ready file.
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// Returns the URL of the identity provider's SAML metadata, for your service provider.
    pub fn idp_metadata_url(&self) -> &str {
        self.text("/idp/metadata_url")
    }

    /// Returns user name and password of a user who can sign on at the identity provider.
    pub fn user(&self) -> (&str, &str) {
        (
            self.text("/idp/sso_login/username"),
            self.text("/idp/sso_login/password"),
        )
    }

    /// Returns the URL of the identity provider's management API, and its bearer token.
    pub fn management_api(&self) -> (&str, &str) {
        (
            self.text("/idp/admin_api_url"),
            self.text("/idp/admin_token"),
        )
    }

    /// Returns the portal's URL.
    pub fn portal_url(&self) -> &str {
        self.text("/sp/base_url")
    }

    /// Returns the URL of the portal's SAML metadata, for your identity provider.
    pub fn portal_metadata_url(&self) -> &str {
        self.text("/sp/metadata_url")
    }

    /// Returns the base URL of the portal's SCIM server, and its bearer token.
    pub fn scim(&self) -> (&str, &str) {
        (
            self.text("/sp/scim_base_url"),
            self.text("/sp/scim_bearer_token"),
        )
    }

    fn text(&self, pointer: &str) -> &str {
        let text = self.ready.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("the ready file has no {pointer}"))
    }
}
