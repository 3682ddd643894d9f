//! The IdP integration configurator: seven steps, each in a file of its own.
//!
//! | step | id | file |
//! |---|---|---|
//! | 1 | `domains` | `domains.rs` |
//! | 2 | `application` | `application.rs` |
//! | 3 | `groups` | `groups.rs` |
//! | 4 | `saml` | `saml.rs` |
//! | 5 | `scim` | `scim.rs` |
//! | 6 | `users` | `users.rs` |
//! | 7 | `backup-login` | `backup_login.rs` |
//!
//! The entered values are stored; which steps are complete is computed from
//! them each time. Each change is one transaction.

pub mod application;
pub mod backup_login;
mod changes;
pub mod domains;
mod endpoints;
mod fetch;
pub mod groups;
mod integration;
pub mod issuer_token;
mod lockout;
mod metadata_refresh;
pub mod saml;
pub mod scim;
mod scim_access_token;
pub mod scim_caller;
pub mod scim_issuers;
pub mod users;
mod warnings;

pub use changes::{activate, deactivate, load_entered_values, start};
pub use integration::{Integration, IntegrationError};
pub use metadata_refresh::{Refreshes, refresh as refresh_metadata};
pub use warnings::{Warning, review};

use jiff::Timestamp;

use crate::accounts::Who;
use crate::store::StoreError;
use crate::store::domains::DomainRow;
use crate::store::tenants::{TenantRow, TokenRow};

/// The steps, in the guide's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Configure organization's domains.
    Domains,
    /// Register Parallels enterprise app.
    Application,
    /// Configure user groups mapping.
    Groups,
    /// Configure SAML integration.
    Saml,
    /// Configure SCIM integration.
    Scim,
    /// Add users to the application groups.
    Users,
    /// Configure backup login.
    BackupLogin,
}

impl Step {
    /// All steps in order.
    pub const ALL: [Self; 7] = [
        Self::Domains,
        Self::Application,
        Self::Groups,
        Self::Saml,
        Self::Scim,
        Self::Users,
        Self::BackupLogin,
    ];

    /// Returns the identifier used in feature files, pages and documents.
    pub fn id(self) -> &'static str {
        match self {
            Self::Domains => "domains",
            Self::Application => "application",
            Self::Groups => "groups",
            Self::Saml => "saml",
            Self::Scim => "scim",
            Self::Users => "users",
            Self::BackupLogin => "backup-login",
        }
    }

    /// Returns the title on the page.
    pub fn title(self) -> &'static str {
        match self {
            Self::Domains => "Configure organization’s domains",
            Self::Application => "Register Parallels enterprise app",
            Self::Groups => "Configure user groups mapping",
            Self::Saml => "Configure SAML integration",
            Self::Scim => "Configure SCIM integration",
            Self::Users => "Add users to the application groups",
            Self::BackupLogin => "Configure backup login",
        }
    }

    /// Returns what is missing before the step is complete (green); empty if it
    /// is complete.
    pub fn list_missing_actions(self, entered: &Entered, now: Timestamp) -> Vec<String> {
        match self {
            Self::Domains => domains::list_missing_actions(entered),
            Self::Application => application::list_missing_actions(entered),
            Self::Groups => groups::list_missing_actions(entered),
            Self::Saml => saml::list_missing_actions(entered, now),
            Self::Scim => scim::list_missing_actions(entered),
            Self::Users => users::list_missing_actions(entered),
            Self::BackupLogin => backup_login::list_missing_actions(entered),
        }
    }
}

/// All values entered in the configurator.
#[derive(Debug, Clone)]
pub struct Entered {
    /// Values of steps 2 to 7.
    pub tenant: TenantRow,
    /// The domains of step 1.
    pub domains: Vec<DomainRow>,
    /// The current SCIM bearer token of step 5.
    pub token: Option<TokenRow>,
    /// Warnings about step 3; [`review`] sets them.
    pub warnings: Vec<Warning>,
}

/// The state of a step, shown as the color of its item on the page: grey, amber or green.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Something is missing in the step.
    Grey,
    /// The step is complete, but probably wrong.
    Amber,
    /// The step is complete.
    Green,
}

impl StepState {
    /// Returns `grey`, `amber` or `green`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Amber => "amber",
            Self::Green => "green",
        }
    }
}

impl Entered {
    /// Returns the steps that are incomplete.
    pub fn grey(&self, now: Timestamp) -> Vec<Step> {
        Step::ALL
            .into_iter()
            .filter(|step| !step.list_missing_actions(self, now).is_empty())
            .collect()
    }

    /// Returns the warnings about a complete step.
    pub fn warnings(&self, step: Step) -> &[Warning] {
        match step {
            Step::Groups => &self.warnings,
            _ => &[],
        }
    }

    /// Returns the state of this step.
    pub fn state(&self, step: Step, now: Timestamp) -> StepState {
        if !step.list_missing_actions(self, now).is_empty() {
            StepState::Grey
        } else if self.warnings(step).is_empty() {
            StepState::Green
        } else {
            StepState::Amber
        }
    }

    /// Returns the number of green steps.
    pub fn green(&self, now: Timestamp) -> usize {
        Step::ALL
            .into_iter()
            .filter(|step| self.state(*step, now) == StepState::Green)
            .count()
    }

    /// Returns `configuring`, `configured` or `active`.
    pub fn status(&self, now: Timestamp) -> &'static str {
        if self.tenant.active == 1 {
            "active"
        } else if self.grey(now).is_empty() {
            "configured"
        } else {
            "configuring"
        }
    }
}

/// Why the configurator refuses a request.
#[derive(Debug, thiserror::Error)]
pub enum ConfiguratorError {
    /// No license key with per-user licensing is registered (G-05).
    #[error(
        "IdP Integration needs a Business Edition key with per-user licensing: register one first"
    )]
    NotAvailable,
    /// The configuration was not started.
    #[error("the IdP integration was not started: choose Start Configuring first")]
    NotStarted,
    /// The certificate of the metadata's signer is invalid.
    #[error("invalid certificate of the metadata's signer: {0}")]
    SignerInvalid(String),
    /// The signature policy is unknown.
    #[error("invalid signature_policy: expected either, assertion, response or both, got `{0}`")]
    SignaturePolicy(String),
    /// The rules for SCIM requests are unknown.
    #[error("invalid rules: expected rfc7644 or strict, got `{0}`")]
    ScimRules(String),
    /// The binding of AuthnRequests is unknown.
    #[error("invalid request_binding: expected redirect or post, got `{0}`")]
    RequestBinding(String),
    /// AuthnRequests cannot be posted: the identity provider has no URL for it.
    #[error(
        "cannot send AuthnRequests by HTTP-POST: the identity provider has no SSO URL with this binding; import metadata that has one, or set request_binding to redirect"
    )]
    NoPostUrl,
    /// The comparison of authentication contexts is unknown.
    #[error(
        "invalid authn_context.comparison: expected exact, minimum, maximum or better, got `{0}`"
    )]
    Comparison(String),
    /// The text is not a host name.
    #[error(
        "`{0}` is not a domain: expected the part of the e-mail addresses after the @, like example.com"
    )]
    InvalidDomain(String),
    /// Another business account has verified the domain.
    #[error(
        "the domain {0} belongs to another business account: each domain can belong to one only"
    )]
    DomainTaken(String),
    /// The domain is already in the list of this business account.
    #[error("{0} is already in your list")]
    DomainEntered(String),
    /// The domain is not in the list of this business account.
    #[error("domain {0} not found in your list: add it first")]
    NoSuchDomain(String),
    /// Name or ID of a group is missing.
    #[error("the {group} group needs {what}: copy it from the IdP's Groups page")]
    GroupIncomplete {
        /// Role of the group: `admins` or `users`.
        group: &'static str,
        /// The missing property.
        what: &'static str,
    },
    /// Both groups have the same name or ID.
    #[error("the admins group and the users group are the same ({0}): enter two different groups")]
    SameGroups(String),
    /// The request contains neither the IdP's metadata nor all values that it would give.
    #[error(
        "the request has no values of the identity provider: send metadata_xml, or metadata_url, or all three of entity_id, sso_url and certificate"
    )]
    NothingToImport,
    /// The metadata is invalid.
    #[error("cannot use the IdP's metadata: {0}")]
    MetadataInvalid(String),
    /// The metadata cannot be fetched from the URL.
    #[error("cannot fetch the IdP's metadata from {url}: {reason}")]
    MetadataUnreachable {
        /// The metadata URL.
        url: String,
        /// Why the metadata cannot be fetched.
        reason: String,
    },
    /// The value is not an HTTP or HTTPS URL.
    #[error("invalid {what} `{value}`: {expected}")]
    InvalidUrl {
        /// Name of the field.
        what: &'static str,
        /// The value.
        value: String,
        /// What the portal expects.
        expected: &'static str,
    },
    /// The certificate is invalid.
    #[error(
        "invalid Public Certificate: {0}; paste the text of the file from Download Signing Certificate"
    )]
    CertificateInvalid(String),
    /// The entity ID of the identity provider is missing.
    #[error("the Identity Provider Entity ID is empty: copy the Issuer ID from the IdP")]
    EntityIdMissing,
    /// The e-mail address is invalid.
    #[error("`{0}` is not an e-mail address: expected name@domain, like jo@example.com")]
    InvalidEmail(String),
    /// The e-mail has never logged in to this business account (G-14).
    #[error(
        "{0} has never logged in to this business account: log in with this e-mail once, then choose it as the backup login"
    )]
    NeverLoggedIn(String),
    /// Steps are incomplete (G-15).
    #[error("steps are incomplete: {}; complete them, then activate", .0.join(", "))]
    StepsMissing(Vec<&'static str>),
    /// The change would break an active integration.
    #[error(
        "cannot save this while the integration is active: {0}, or deactivate the integration first"
    )]
    ActiveNeeds(String),
    /// The acting user would lose access, or must confirm warnings.
    #[error("{}", sentences(.0))]
    ConfirmationRequired(Vec<Warning>),
    /// No valid token has this ID.
    #[error("bearer token {0} not found: the page lists the valid ones")]
    NoSuchToken(String),
    /// The token is the current one, which the identity provider uses.
    #[error("cannot end the current bearer token: create a new one first")]
    TokenIsCurrent,
    /// A field of an authorization server is empty.
    #[error("{0} of the authorization server is missing: enter what its access tokens contain")]
    IssuerIncomplete(&'static str),
    /// The authorization server is already accepted.
    #[error("issuer {0} is already accepted: to change its values, remove it and add it again")]
    IssuerEntered(String),
    /// No accepted authorization server has this ID.
    #[error("issuer {0} not found: GET /api/business/idp-integration lists the accepted issuers")]
    NoSuchIssuer(String),
    /// Several fields are wrong.
    #[error("{}", join_errors(.0))]
    Several(Vec<ConfiguratorError>),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn sentences(warnings: &[Warning]) -> String {
    let messages: Vec<&str> = warnings.iter().map(|one| one.message.as_str()).collect();
    format!(
        "{}; to confirm, send the request again with ?confirm=true",
        messages.join("; ")
    )
}

fn join_errors(errors: &[ConfiguratorError]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// Returns one error unchanged, several as [`ConfiguratorError::Several`].
fn all_of(mut errors: Vec<ConfiguratorError>) -> Result<(), ConfiguratorError> {
    match errors.len() {
        0 => Ok(()),
        1 => Err(errors.remove(0)),
        _ => Err(ConfiguratorError::Several(errors)),
    }
}

impl ConfiguratorError {
    /// Returns the field of the form that is wrong.
    pub fn field(&self) -> Option<&'static str> {
        Some(match self {
            Self::InvalidDomain(_) | Self::DomainTaken(_) | Self::DomainEntered(_) => "domain",
            Self::GroupIncomplete { group, what } => match (*group, *what) {
                ("admins", "its name") => "admins_name",
                ("admins", _) => "admins_id",
                (_, "its name") => "users_name",
                _ => "users_id",
            },
            Self::SameGroups(_) => "users_name",
            Self::MetadataInvalid(_) => "metadata_xml",
            Self::MetadataUnreachable { .. } => "metadata_url",
            Self::SignerInvalid(_) => "metadata_signed_by",
            Self::CertificateInvalid(_) => "certificate",
            Self::EntityIdMissing => "entity_id",
            Self::InvalidUrl { what: "issuer", .. } => "issuer",
            Self::IssuerIncomplete(field) => field,
            Self::InvalidUrl { .. } => "sso_url",
            Self::NeverLoggedIn(_) | Self::InvalidEmail(_) => "backup_login",
            _ => return None,
        })
    }

    /// Returns the stable code in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAvailable => "idp-integration-not-available",
            Self::NotStarted => "not-started",
            Self::InvalidDomain(_) => "invalid-domain",
            Self::DomainTaken(_) => "domain-taken",
            Self::DomainEntered(_) => "domain-entered",
            Self::ConfirmationRequired(_) => "confirmation-required",
            Self::NoSuchToken(_) => "token-unknown",
            Self::TokenIsCurrent => "token-current",
            Self::IssuerIncomplete(_) => "issuer-incomplete",
            Self::IssuerEntered(_) => "issuer-entered",
            Self::NoSuchIssuer(_) => "issuer-unknown",
            Self::Several(errors) => errors.first().map_or("invalid", Self::code),
            Self::NoSuchDomain(_) => "domain-unknown",
            Self::GroupIncomplete { .. } => "group-incomplete",
            Self::SameGroups(_) => "groups-identical",
            Self::NothingToImport => "nothing-to-import",
            Self::MetadataInvalid(_) => "metadata-invalid",
            Self::MetadataUnreachable { .. } => "metadata-unreachable",
            Self::SignaturePolicy(_) => "invalid-signature-policy",
            Self::ScimRules(_) => "invalid-scim-rules",
            Self::RequestBinding(_) => "invalid-request-binding",
            Self::NoPostUrl => "no-post-url",
            Self::Comparison(_) => "invalid-authn-context",
            Self::InvalidUrl { .. } => "invalid-url",
            Self::CertificateInvalid(_) => "certificate-invalid",
            Self::SignerInvalid(_) => "metadata-signer-invalid",
            Self::EntityIdMissing => "entity-id-missing",
            Self::InvalidEmail(_) => "invalid-email",
            Self::NeverLoggedIn(_) => "never-logged-in",
            Self::StepsMissing(_) => "steps-missing",
            Self::ActiveNeeds(_) => "active-integration-needs",
            Self::Store(_) => "internal",
        }
    }
}

impl From<sqlx::Error> for ConfiguratorError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The actor of a change.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// ID of the business account.
    pub business_id: &'a str,
    /// E-mail of the administrator.
    pub actor: &'a str,
    /// Network address of the client.
    pub address: &'a str,
    /// Session of the administrator; `None` if the portal itself acts.
    pub who: Option<&'a Who>,
    /// True if the administrator has confirmed the warnings.
    pub confirmed: bool,
}

fn done(flag: i64, what: &str) -> Vec<String> {
    if flag == 1 {
        Vec::new()
    } else {
        vec![what.to_owned()]
    }
}
