//! Addresses and credentials of running parties: `rehearsal up` writes them to its ready
//! file, and tests in Rust read them ([`crate::Demo`]).
//!
//! To add a member, add a field here and a line in `docs/from-any-language.md`.

use serde::{Deserialize, Serialize};

use crate::World;
use crate::control_port::ControlPort;
use crate::judge::{Failed, Outcome};
use crate::world::{CORPORATE_PASSWORD, PORTAL_PASSWORD};

/// User name of the administrator at the identity provider's console.
const CONSOLE_USER: &str = "administrator";

/// All addresses and credentials that a client of the parties needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// The portal.
    pub sp: Portal,
    /// The identity provider.
    pub idp: IdentityProvider,
    /// The name server.
    pub dns: NameService,
    /// The certificate authority of the parties; only with HTTPS.
    pub tls: Option<Tls>,
    /// The simulation page, if there is one.
    #[serde(default)]
    pub simulation: Option<SimulationPage>,
}

/// The portal: a SAML service provider and a SCIM server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Portal {
    /// The portal's URL, without a slash at the end.
    pub base_url: String,
    /// URL of the control port with its secret: clock, license keys, snapshot.
    pub control_url: Option<String>,
    /// The secret of the control port, as bearer token for the URL without it.
    #[serde(default)]
    pub control_secret: Option<String>,
    /// URL that starts a login; the query parameter `email` selects the organization.
    pub sso_start_url: String,
    /// URL that answers 200 with `{"user", "email", "roles", "groups"}` to a browser that
    /// is logged in, and 401 otherwise.
    pub whoami_url: String,
    /// License keys that are not registered yet, one of each kind.
    #[serde(default)]
    pub license_keys: Vec<LicenseKey>,
    /// The business account; missing after `rehearsal up --empty`.
    #[serde(flatten)]
    pub account: Option<BusinessAccount>,
}

/// A license key that can be registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseKey {
    /// The key.
    pub key: String,
    /// The kind of license: `per-user` or `per-device`.
    pub kind: String,
    /// The number of seats.
    pub seats: u32,
    /// True if the key has expired, to see how the portal refuses it.
    pub is_expired: bool,
}

/// The page with the controls of the simulation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulationPage {
    /// URL of the page with its secret.
    pub url: String,
    /// The secret of the page, as bearer token for its API at the URL without it.
    #[serde(default)]
    pub control_secret: Option<String>,
}

/// A business account of the portal, with an active IdP integration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BusinessAccount {
    /// URL of the service provider's SAML metadata.
    pub metadata_url: String,
    /// URL of the assertion consumer service (HTTP-POST).
    pub acs_url: String,
    /// The service provider's `entityID`.
    pub entity_id: String,
    /// The URL of Universal Logout, where an issuer that step 5 accepts ends all sessions of a
    /// person.
    pub revocation_url: String,
    /// The SCIM base URL: `/Users` and `/Groups` are below it.
    pub scim_base_url: String,
    /// The bearer token of the SCIM server.
    pub scim_bearer_token: String,
    /// The administrator of the account, who logs in with a portal password.
    pub admin_login: AdminLogin,
}

/// The login of a portal account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminLogin {
    /// The e-mail address, which the portal uses as user name.
    pub username: String,
    /// The same e-mail address, under the name that the portal's API uses.
    pub email: String,
    /// The password.
    pub password: String,
}

/// The mock identity provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentityProvider {
    /// The identity provider's URL, without a slash at the end.
    pub base_url: String,
    /// URL of the control port with its secret: clock, faults, snapshot.
    pub control_url: Option<String>,
    /// The secret of the control port, as bearer token for the URL without it.
    #[serde(default)]
    pub control_secret: Option<String>,
    /// URL of the management API.
    pub admin_api_url: String,
    /// The bearer token of the management API.
    pub admin_token: String,
    /// URL of the administrator's console.
    pub console_url: String,
    /// The login of the console's administrator.
    pub console_login: Login,
    /// Applications that were registered for other service providers.
    #[serde(default)]
    pub applications: Vec<RegisteredApplication>,
    /// The environment of the organization; missing after `rehearsal up --empty`.
    #[serde(flatten)]
    pub environment: Option<Environment>,
}

/// An environment of the identity provider and its application for the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// URL of the identity provider's SAML metadata.
    pub metadata_url: String,
    /// The identity provider's `entityID`.
    pub entity_id: String,
    /// URL of the single sign-on service (HTTP-Redirect and HTTP-POST).
    pub sso_url: String,
    /// The login of a product user.
    pub sso_login: Login,
}

/// A user name and its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

/// An application of another service provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredApplication {
    /// The application's id at the identity provider.
    pub id: String,
    /// URL of the identity provider's SAML metadata for this application.
    pub metadata_url: String,
}

/// The name server that the portal queries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameService {
    /// Host and port of the name server, which accepts dynamic updates (RFC 2136).
    pub address: Option<String>,
}

/// The certificate authority that issued the parties' certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// Path of the authority's certificate, in PEM.
    pub ca_file: String,
}

impl Ready {
    /// Returns the business account.
    ///
    /// # Errors
    /// When the parties run without an organization (`up --empty`).
    pub fn account(&self) -> Outcome<&BusinessAccount> {
        let account = self.sp.account.as_ref();
        account.ok_or_else(|| Failed::Unknown("a business account".to_owned()))
    }

    /// Returns the identity provider's environment.
    ///
    /// # Errors
    /// When the parties run without an organization (`up --empty`).
    pub fn environment(&self) -> Outcome<&Environment> {
        let environment = self.idp.environment.as_ref();
        environment.ok_or_else(|| Failed::Unknown("an environment".to_owned()))
    }

    /// Returns the content of the ready file.
    ///
    /// # Panics
    /// Never: every member is text, a list or absent.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl World {
    /// Returns the addresses and credentials that `rehearsal up` writes.
    pub fn ready(&self) -> Ready {
        let portal = bare(self.rehearsal.portal_url().as_str());
        let idp = bare(self.rehearsal.idp_url().as_str());
        let control_url = |port: Outcome<&ControlPort>| port.ok().map(ControlPort::url);
        let control_secret = |port: Outcome<&ControlPort>| {
            let secret = port.ok().and_then(ControlPort::secret);
            secret.map(str::to_owned)
        };
        let environment = &self.directory.environment;
        let metadata_url =
            |application: &str| format!("{idp}/{environment}/saml20/metadata/{application}");
        let admin_token = self.rehearsal.idp_admin_token().to_owned();
        Ready {
            sp: Portal {
                control_url: control_url(self.rehearsal.portal_control()),
                control_secret: control_secret(self.rehearsal.portal_control()),
                sso_start_url: format!("{portal}/sso/start"),
                whoami_url: format!("{portal}/whoami"),
                base_url: portal,
                license_keys: Vec::new(),
                account: self.business_account(),
            },
            idp: IdentityProvider {
                control_url: control_url(self.rehearsal.idp_control()),
                control_secret: control_secret(self.rehearsal.idp_control()),
                admin_api_url: format!("{idp}/v1"),
                console_url: format!("{idp}/console"),
                console_login: Login {
                    username: CONSOLE_USER.to_owned(),
                    password: admin_token.clone(),
                },
                admin_token,
                applications: self
                    .directory
                    .registered
                    .iter()
                    .map(|id| RegisteredApplication {
                        id: id.clone(),
                        metadata_url: metadata_url(id),
                    })
                    .collect(),
                environment: (!environment.is_empty()).then(|| Environment {
                    metadata_url: metadata_url(&self.directory.application),
                    entity_id: format!("{idp}/{environment}"),
                    sso_url: format!("{idp}/{environment}/saml20/idp/sso"),
                    sso_login: Login {
                        username: format!("grace@{}", self.domain),
                        password: CORPORATE_PASSWORD.to_owned(),
                    },
                }),
                base_url: idp.clone(),
            },
            dns: NameService {
                address: self.rehearsal.dns.address().map(|at| at.to_string()),
            },
            tls: self.rehearsal.authority_file().map(|file| Tls {
                ca_file: file.display().to_string(),
            }),
            simulation: None,
        }
    }

    /// Reads the business account from the configurator's state; None if there is none yet.
    fn business_account(&self) -> Option<BusinessAccount> {
        let text = |pointer: &str| {
            let found = self.configurator.pointer(pointer);
            found.and_then(|value| value.as_str()).map(str::to_owned)
        };
        let admin = format!("ada@{}", self.domain);
        Some(BusinessAccount {
            metadata_url: text("/service_provider/metadata_url")?,
            acs_url: text("/service_provider/acs_url")?,
            entity_id: text("/service_provider/entity_id")?,
            revocation_url: text("/service_provider/revocation_url")?,
            scim_base_url: text("/scim/base_url")?,
            scim_bearer_token: self.scim_token.clone(),
            admin_login: AdminLogin {
                username: admin.clone(),
                email: admin,
                password: PORTAL_PASSWORD.to_owned(),
            },
        })
    }
}

/// Removes the slash at the end.
fn bare(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}
