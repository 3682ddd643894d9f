//! The demo organization for tests in Rust: parties that only this test uses, set up from
//! the license key to an active integration.

use crate::judge::Outcome;
use crate::organization::Plan;
use crate::ready::{BusinessAccount, Environment, IdentityProvider, Login, Portal, Ready};
use crate::{Options, World};

/// Running parties with the demo organization. They stop when this is dropped.
#[derive(Debug)]
pub struct Demo {
    /// The actors; the actions of the guide are methods of [`World`].
    pub world: World,
    ready: Ready,
    account: BusinessAccount,
    environment: Environment,
}

/// Starts a portal and an identity provider on free loopback ports, with temporary
/// databases, and sets up the demo organization: domain, groups, attribute mappings, SCIM
/// provisioning, the administrator Ada and the product user Grace. A test can start several
/// at the same time.
///
/// ```
/// # use world as rehearsal; // which exports it
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rehearsal = rehearsal::start().await?;
/// assert_eq!(rehearsal.idp().login().username, "grace@lumen.example");
/// let metadata = reqwest::get(rehearsal.idp().metadata_url()).await?.text().await?;
/// assert!(metadata.contains(rehearsal.idp().entity_id()));
/// let users = reqwest::Client::new()
///     .get(format!("{}/Users", rehearsal.sp().scim().base_url))
///     .bearer_auth(&rehearsal.sp().scim().token);
/// assert!(users.send().await?.status().is_success());
/// rehearsal.shutdown().await;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When a party cannot be started, or a step of the set-up fails.
pub async fn start() -> Outcome<Demo> {
    start_with(Options {
        // Recording proxies are not needed here.
        unrecorded: true,
        ..Options::default()
    })
    .await
}

/// Does the same as [`start`] with options: a seed, ports, a database, TLS.
///
/// # Errors
/// When a party cannot be started, or a step of the set-up fails.
pub async fn start_with(options: Options) -> Outcome<Demo> {
    let mut world = World::with(options).await?;
    world.demo_organization(Plan::default()).await?;
    let ready = world.ready();
    Ok(Demo {
        account: ready.account()?.clone(),
        environment: ready.environment()?.clone(),
        ready,
        world,
    })
}

impl Demo {
    /// Returns addresses and credentials of the portal, a SAML service provider and SCIM
    /// server.
    pub fn sp(&self) -> SpAccess<'_> {
        SpAccess {
            portal: &self.ready.sp,
            account: &self.account,
        }
    }

    /// Returns addresses and credentials of the mock identity provider.
    pub fn idp(&self) -> IdpAccess<'_> {
        IdpAccess {
            provider: &self.ready.idp,
            environment: &self.environment,
        }
    }

    /// Returns everything that the ready file of `rehearsal up` contains.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Stops the parties; requests in progress are answered first.
    pub async fn shutdown(self) {
        self.world.rehearsal.shutdown().await;
    }
}

/// Addresses and credentials of the portal.
#[derive(Debug, Clone, Copy)]
pub struct SpAccess<'a> {
    portal: &'a Portal,
    account: &'a BusinessAccount,
}

/// The SCIM server of the portal.
#[derive(Debug, Clone, Copy)]
pub struct ScimAccess<'a> {
    /// The SCIM base URL: `/Users` and `/Groups` are below it.
    pub base_url: &'a str,
    /// The bearer token.
    pub token: &'a str,
}

impl<'a> SpAccess<'a> {
    /// The portal's URL, without a slash at the end.
    pub fn base_url(self) -> &'a str {
        &self.portal.base_url
    }

    /// URL of the portal's SAML metadata.
    pub fn metadata_url(self) -> &'a str {
        &self.account.metadata_url
    }

    /// The portal's `entityID`.
    pub fn entity_id(self) -> &'a str {
        &self.account.entity_id
    }

    /// URL of the portal's assertion consumer service (HTTP-POST).
    pub fn acs_url(self) -> &'a str {
        &self.account.acs_url
    }

    /// Returns the URL that starts a login with this e-mail address.
    pub fn sso_start_url(self, email: &str) -> String {
        let email: String = url::form_urlencoded::byte_serialize(email.as_bytes()).collect();
        format!("{}?email={email}", self.portal.sso_start_url)
    }

    /// URL that answers 200 with `{"user", "email", "roles", "groups"}` to a browser that
    /// is logged in, and 401 otherwise.
    pub fn whoami_url(self) -> &'a str {
        &self.portal.whoami_url
    }

    /// Base URL and bearer token of the SCIM server.
    pub fn scim(self) -> ScimAccess<'a> {
        ScimAccess {
            base_url: &self.account.scim_base_url,
            token: &self.account.scim_bearer_token,
        }
    }

    /// The administrator of the account, who logs in with a portal password.
    pub fn admin_login(self) -> Login {
        Login {
            username: self.account.admin_login.username.clone(),
            password: self.account.admin_login.password.clone(),
        }
    }
}

/// Addresses and credentials of the mock identity provider.
#[derive(Debug, Clone, Copy)]
pub struct IdpAccess<'a> {
    provider: &'a IdentityProvider,
    environment: &'a Environment,
}

impl<'a> IdpAccess<'a> {
    /// The identity provider's URL, without a slash at the end.
    pub fn base_url(self) -> &'a str {
        &self.provider.base_url
    }

    /// URL of the identity provider's SAML metadata.
    pub fn metadata_url(self) -> &'a str {
        &self.environment.metadata_url
    }

    /// The identity provider's `entityID`.
    pub fn entity_id(self) -> &'a str {
        &self.environment.entity_id
    }

    /// URL of the single sign-on service (HTTP-Redirect and HTTP-POST).
    pub fn sso_url(self) -> &'a str {
        &self.environment.sso_url
    }

    /// The login of a product user.
    pub fn login(self) -> &'a Login {
        &self.environment.sso_login
    }

    /// URL of the management API, which is like PingOne's.
    pub fn admin_api_url(self) -> &'a str {
        &self.provider.admin_api_url
    }

    /// The bearer token of the management API.
    pub fn admin_token(self) -> &'a str {
        &self.provider.admin_token
    }

    /// URL of the administrator's console.
    pub fn console_url(self) -> &'a str {
        &self.provider.console_url
    }

    /// The login of the console's administrator.
    pub fn console_login(self) -> &'a Login {
        &self.provider.console_login
    }
}
