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
//! What was entered is stored; which steps that makes green is derived from
//! it each time. Each step's change is one transaction.

pub mod application;
pub mod backup_login;
mod changes;
pub mod domains;
mod endpoints;
pub mod groups;
mod integration;
mod lockout;
mod metadata_refresh;
pub mod saml;
pub mod scim;
pub mod users;
mod warnings;

pub use changes::{activate, deactivate, entered, start};
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
    /// The one ordered list.
    pub const ALL: [Self; 7] = [
        Self::Domains,
        Self::Application,
        Self::Groups,
        Self::Saml,
        Self::Scim,
        Self::Users,
        Self::BackupLogin,
    ];

    /// The name used in features, pages and documents.
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

    /// The title of its section.
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

    /// What is still missing before the step turns green; nothing, when it is.
    pub fn missing(self, entered: &Entered, now: Timestamp) -> Vec<String> {
        match self {
            Self::Domains => domains::missing(entered),
            Self::Application => application::missing(entered),
            Self::Groups => groups::missing(entered),
            Self::Saml => saml::missing(entered, now),
            Self::Scim => scim::missing(entered),
            Self::Users => users::missing(entered),
            Self::BackupLogin => backup_login::missing(entered),
        }
    }
}

/// All that was entered in the configurator so far.
#[derive(Debug, Clone)]
pub struct Entered {
    /// Steps 2 to 7.
    pub tenant: TenantRow,
    /// Step 1.
    pub domains: Vec<DomainRow>,
    /// Step 5's token that works.
    pub token: Option<TokenRow>,
    /// About step 3; filled in by [`review`].
    pub warnings: Vec<Warning>,
}

/// What the page shows a step as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Something is missing.
    Grey,
    /// Complete, and probably wrong.
    Amber,
    /// The step is complete.
    Green,
}

impl StepState {
    /// `grey`, `amber` or `green`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Amber => "amber",
            Self::Green => "green",
        }
    }
}

impl Entered {
    /// The steps that are not green yet.
    pub fn grey(&self, now: Timestamp) -> Vec<Step> {
        Step::ALL
            .into_iter()
            .filter(|step| !step.missing(self, now).is_empty())
            .collect()
    }

    /// What is probably wrong with a step that is complete.
    pub fn warnings(&self, step: Step) -> &[Warning] {
        match step {
            Step::Groups => &self.warnings,
            _ => &[],
        }
    }

    /// What the page shows this step as.
    pub fn state(&self, step: Step, now: Timestamp) -> StepState {
        if !step.missing(self, now).is_empty() {
            StepState::Grey
        } else if self.warnings(step).is_empty() {
            StepState::Green
        } else {
            StepState::Amber
        }
    }

    /// How many steps are green.
    pub fn green(&self, now: Timestamp) -> usize {
        Step::ALL
            .into_iter()
            .filter(|step| self.state(*step, now) == StepState::Green)
            .count()
    }

    /// `configuring`, `configured` or `active`.
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

/// Why the configurator doesn't take something.
#[derive(Debug, thiserror::Error)]
pub enum ConfiguratorError {
    /// No per-user key yet (G-05).
    #[error(
        "IdP Integration needs a Business Edition key with per-user licensing: register one first"
    )]
    NotAvailable,
    /// Start Configuring wasn't clicked.
    #[error("choose Start Configuring first")]
    NotStarted,
    /// What should be the certificate of the metadata's signer.
    #[error("invalid certificate of the metadata's signer: {0}")]
    SignerInvalid(String),
    /// No such signature policy.
    #[error("invalid signature_policy: expected either, assertion, response or both, got `{0}`")]
    SignaturePolicy(String),
    /// No such binding of AuthnRequests.
    #[error("invalid request_binding: expected redirect or post, got `{0}`")]
    RequestBinding(String),
    /// No such comparison of authentication contexts.
    #[error(
        "invalid authn_context.comparison: expected exact, minimum, maximum or better, got `{0}`"
    )]
    Comparison(String),
    /// Not a host name.
    #[error(
        "`{0}` is not a domain: expected the part of the e-mail addresses after the @, like example.com"
    )]
    InvalidDomain(String),
    /// Claimed already.
    #[error(
        "the domain {0} is registered already: each domain belongs to one business account only"
    )]
    DomainTaken(String),
    /// Entered already, by the same business account.
    #[error("{0} is in your list already")]
    DomainEntered(String),
    /// Not among those entered.
    #[error("the domain {0} is not among those of your organization: add it first")]
    NoSuchDomain(String),
    /// A group without its name or id.
    #[error("the {group} group needs {what}: copy it from the IdP's Groups page")]
    GroupIncomplete {
        /// The name of the group.
        group: &'static str,
        /// The property that is wrong.
        what: &'static str,
    },
    /// Both groups are one.
    #[error("the admins and the users group are the same ({0}): the guide wants two groups")]
    SameGroups(String),
    /// Nothing that could be imported.
    #[error("send one of metadata_xml, metadata_url, or entity_id with sso_url and certificate")]
    NothingToImport,
    /// Not what an IdP's metadata looks like.
    #[error("the IdP's metadata can't be used: {0}")]
    MetadataInvalid(String),
    /// The URL doesn't answer with it.
    #[error("the IdP's metadata could not be fetched from {url}: {reason}")]
    MetadataUnreachable {
        /// From where.
        url: String,
        /// The reason.
        reason: String,
    },
    /// Not an address.
    #[error("`{value}` is no {what}: {expected}")]
    InvalidUrl {
        /// Which field.
        what: &'static str,
        /// What came.
        value: String,
        /// What is wanted.
        expected: &'static str,
    },
    /// Not a certificate.
    #[error(
        "invalid Public Certificate: {0}; paste the text of the file from Download Signing Certificate"
    )]
    CertificateInvalid(String),
    /// Missing identity provider entity id.
    #[error("the Identity Provider Entity ID is empty: copy the Issuer ID from the IdP")]
    EntityIdMissing,
    /// Not an e-mail.
    #[error("`{0}` is not an e-mail address: expected name@domain, like jo@example.com")]
    InvalidEmail(String),
    /// Never seen here (G-14).
    #[error(
        "{0} has never logged in to this business account: the backup login must have, at least once"
    )]
    NeverLoggedIn(String),
    /// Not all green (G-15).
    #[error("steps are still grey: {}; complete them, then activate", .0.join(", "))]
    StepsMissing(Vec<&'static str>),
    /// An active integration would break.
    #[error("the integration is active and needs {0}: deactivate it first, or enter a replacement")]
    ActiveNeeds(String),
    /// The author would lose access, or should know what it does.
    #[error("{}", sentences(.0))]
    ConfirmationRequired(Vec<Warning>),
    /// No token of this id works.
    #[error("no bearer token {0} is valid now: the page lists those that are")]
    NoSuchToken(String),
    /// The one that the identity provider uses.
    #[error("this is the current bearer token: replace it first, then end it")]
    TokenIsCurrent,
    /// Several fields are wrong.
    #[error("{}", joined(.0))]
    Several(Vec<ConfiguratorError>),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn sentences(warnings: &[Warning]) -> String {
    let messages: Vec<&str> = warnings.iter().map(|one| one.message.as_str()).collect();
    format!(
        "{}; to do it all the same, send the request again with ?confirm=true",
        messages.join("; ")
    )
}

fn joined(errors: &[ConfiguratorError]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// One error as it is, several as [`ConfiguratorError::Several`].
fn all_of(mut errors: Vec<ConfiguratorError>) -> Result<(), ConfiguratorError> {
    match errors.len() {
        0 => Ok(()),
        1 => Err(errors.remove(0)),
        _ => Err(ConfiguratorError::Several(errors)),
    }
}

impl ConfiguratorError {
    /// The field of the page's form that is wrong.
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
            Self::InvalidUrl { .. } => "sso_url",
            Self::NeverLoggedIn(_) | Self::InvalidEmail(_) => "backup_login",
            _ => return None,
        })
    }

    /// Stable, kebab-case.
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
            Self::Several(errors) => errors.first().map_or("invalid", Self::code),
            Self::NoSuchDomain(_) => "domain-unknown",
            Self::GroupIncomplete { .. } => "group-incomplete",
            Self::SameGroups(_) => "groups-identical",
            Self::NothingToImport => "nothing-to-import",
            Self::MetadataInvalid(_) => "metadata-invalid",
            Self::MetadataUnreachable { .. } => "metadata-unreachable",
            Self::SignaturePolicy(_) => "invalid-signature-policy",
            Self::RequestBinding(_) => "invalid-request-binding",
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

/// Whoever enters something: of which business account, who, from where.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// The business account.
    pub business_id: &'a str,
    /// The admin's e-mail.
    pub actor: &'a str,
    /// The network address.
    pub address: &'a str,
    /// The admin's session; none when the portal itself acts.
    pub who: Option<&'a Who>,
    /// Whether the admin has confirmed what the act takes from them.
    pub confirmed: bool,
}

fn done(flag: i64, what: &str) -> Vec<String> {
    if flag == 1 {
        Vec::new()
    } else {
        vec![what.to_owned()]
    }
}
