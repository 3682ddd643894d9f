//! Addresses and credentials of running parties: what `rehearsal up` writes to
//! its ready file, and what a test in Rust reads ([`crate::Demo`]).
//!
//! A new member is a field here, and a line in `docs/from-any-language.md`.

use serde::{Deserialize, Serialize};

use crate::World;
use crate::judge::{Failed, Outcome};
use crate::world::{CORPORATE_PASSWORD, PORTAL_PASSWORD};

/// The name of the mock identity provider's administrator at its console.
const CONSOLE_USER: &str = "administrator";

/// Everything that a client of the parties needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// The portal.
    pub sp: Portal,
    /// The identity provider.
    pub idp: IdentityProvider,
    /// The name server.
    pub dns: NameService,
    /// How the parties are trusted, when they are reached by HTTPS.
    pub tls: Option<Tls>,
    /// The simulation page, where there is one.
    #[serde(default)]
    pub simulation: Option<SimulationPage>,
}

/// The portal: SAML service provider and SCIM server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Portal {
    /// Its address, without a slash at the end.
    pub base_url: String,
    /// The control port: clock, license keys, snapshot.
    pub control_url: Option<String>,
    /// Starts a login; takes `?email=`.
    pub sso_start_url: String,
    /// Answers 200 and `{"user", "email", "roles", "groups"}` with the cookies
    /// of a login, else 401.
    pub whoami_url: String,
    /// License keys that nobody has registered yet, one of each kind.
    #[serde(default)]
    pub license_keys: Vec<LicenseKey>,
    /// The business account, unless the portal is empty.
    #[serde(flatten)]
    pub account: Option<BusinessAccount>,
}

/// A license key to be registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseKey {
    /// The key.
    pub key: String,
    /// `per-user` or `per-device`.
    pub kind: String,
    /// How many may use it.
    pub seats: u32,
    /// Whether it has ended: for trying what the portal says then.
    pub is_expired: bool,
}

/// The page with the controls of the simulation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulationPage {
    /// Its address.
    pub url: String,
}

/// A business account of the portal, with an active IdP integration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BusinessAccount {
    /// SAML metadata of the service provider.
    pub metadata_url: String,
    /// The assertion consumer service (HTTP-POST).
    pub acs_url: String,
    /// The service provider's entityID.
    pub entity_id: String,
    /// `/Users` and `/Groups` follow this address.
    pub scim_base_url: String,
    /// The bearer token of the SCIM server.
    pub scim_bearer_token: String,
    /// The account's administrator, by the portal's own password.
    pub admin_login: AdminLogin,
}

/// The login of a portal account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminLogin {
    /// The e-mail address: the portal has no other user names.
    pub username: String,
    /// The same, under the name of the portal's API.
    pub email: String,
    /// The password.
    pub password: String,
}

/// The mock identity provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentityProvider {
    /// Its address, without a slash at the end.
    pub base_url: String,
    /// The control port: clock, faults, snapshot.
    pub control_url: Option<String>,
    /// The management API.
    pub admin_api_url: String,
    /// The bearer token of the management API.
    pub admin_token: String,
    /// The administrator's console.
    pub console_url: String,
    /// Who signs on to the console.
    pub console_login: Login,
    /// Applications that were registered for other service providers.
    #[serde(default)]
    pub applications: Vec<RegisteredApplication>,
    /// The environment of the organization, unless there is none.
    #[serde(flatten)]
    pub environment: Option<Environment>,
}

/// An environment of the identity provider and its application for the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// SAML metadata of the identity provider.
    pub metadata_url: String,
    /// The identity provider's entityID.
    pub entity_id: String,
    /// The single sign-on service (HTTP-Redirect and HTTP-POST).
    pub sso_url: String,
    /// A user of the product.
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
    /// Its id at the identity provider.
    pub id: String,
    /// SAML metadata of the identity provider for this application.
    pub metadata_url: String,
}

/// The name server that the portal asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameService {
    /// Host and port; takes dynamic updates (RFC 2136).
    pub address: Option<String>,
}

/// By whom the parties' certificates are issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// The certificate of the authority, PEM.
    pub ca_file: String,
}

impl Ready {
    /// The business account.
    ///
    /// # Errors
    /// When the parties run without an organization (`up --empty`).
    pub fn account(&self) -> Outcome<&BusinessAccount> {
        let account = self.sp.account.as_ref();
        account.ok_or_else(|| Failed::Unknown("a business account".to_owned()))
    }

    /// The identity provider's environment.
    ///
    /// # Errors
    /// When the parties run without an organization (`up --empty`).
    pub fn environment(&self) -> Outcome<&Environment> {
        let environment = self.idp.environment.as_ref();
        environment.ok_or_else(|| Failed::Unknown("an environment".to_owned()))
    }

    /// As JSON, the form of the ready file.
    ///
    /// # Panics
    /// Never: every member is text, a list or absent.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl World {
    /// Addresses and credentials, as `rehearsal up` writes them.
    pub fn ready(&self) -> Ready {
        let portal = bare(self.rehearsal.portal_url().as_str());
        let idp = bare(self.rehearsal.idp_url().as_str());
        let control = |url: Outcome<&url::Url>| url.ok().map(|url| bare(url.as_str()));
        let environment = &self.directory.environment;
        let metadata_url =
            |application: &str| format!("{idp}/{environment}/saml20/metadata/{application}");
        let admin_token = self.rehearsal.idp_admin_token().to_owned();
        Ready {
            sp: Portal {
                control_url: control(self.rehearsal.portal_control_url()),
                sso_start_url: format!("{portal}/sso/start"),
                whoami_url: format!("{portal}/whoami"),
                base_url: portal,
                license_keys: Vec::new(),
                account: self.business_account(),
            },
            idp: IdentityProvider {
                control_url: control(self.rehearsal.idp_control_url()),
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

    /// What the configurator says of the account, once there is one.
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

/// Without a slash at the end.
fn bare(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}
