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
pub mod domains;
mod endpoints;
mod entering;
pub mod groups;
mod integration;
pub mod saml;
pub mod scim;
pub mod users;

pub use entering::{activate, deactivate, entered, start};
pub use integration::{Integration, Unready};

use jiff::Timestamp;

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
}

impl Entered {
    /// The steps that are not green yet.
    pub fn grey(&self, now: Timestamp) -> Vec<Step> {
        Step::ALL
            .into_iter()
            .filter(|step| !step.missing(self, now).is_empty())
            .collect()
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
    #[error("choose Start Configuring first: POST /api/business/idp-integration/start")]
    NotStarted,
    /// What should be the certificate of the metadata's signer.
    #[error("expected the certificate of whoever signs the metadata: {0}")]
    SignerInvalid(String),
    /// No such signature policy.
    #[error("expected signature_policy either, assertion, response or both, came `{0}`")]
    SignaturePolicy(String),
    /// No such binding of AuthnRequests.
    #[error("expected request_binding redirect or post, came `{0}`")]
    RequestBinding(String),
    /// No such comparison of authentication contexts.
    #[error("expected authn_context.comparison exact, minimum, maximum or better, came `{0}`")]
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
    /// Not among those entered.
    #[error("the domain {0} is not among those of your organisation: add it first")]
    NoSuchDomain(String),
    /// A group without its name or id.
    #[error("the {group} group needs {what}: copy it from the IdP's Groups page")]
    GroupIncomplete {
        /// Which.
        group: &'static str,
        /// What.
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
        /// Why.
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
        "the Public Certificate can't be read: {0}; paste the text of the file from Download Signing Certificate, with or without its BEGIN and END lines"
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
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ConfiguratorError {
    /// Stable, kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAvailable => "idp-integration-not-available",
            Self::NotStarted => "not-started",
            Self::InvalidDomain(_) => "invalid-domain",
            Self::DomainTaken(_) => "domain-taken",
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
}

fn done(flag: i64, what: &str) -> Vec<String> {
    if flag == 1 {
        Vec::new()
    } else {
        vec![what.to_owned()]
    }
}
