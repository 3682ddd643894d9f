//! Portal accounts: registration, login with a password, sessions, and the
//! business accounts and roles that a user has.

mod access;
mod email;
mod members;
mod password;
mod refused;
pub mod social;
mod throttle;

pub use access::{Role, SsoGroups, Workspace, list_workspaces_of_email, list_workspaces_of_person};
pub use email::{domain_of, is_domain, normalize_email, normalized_exactly};
pub(crate) use members::list_groups_of_user;
pub use members::{Listed, add_member, list_users};
pub use throttle::Throttle;

use jiff::Timestamp;

use crate::Portal;
use crate::audit::{self, Event};
use crate::store::accounts::{AccountRow, SessionRow};
use crate::store::people::PersonRow;
use crate::store::{self, Db, StoreError, fingerprint, instant, to_microseconds};

/// Why an account cannot be created or used.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The e-mail address is invalid.
    #[error("`{0}` is not an e-mail address: expected name@domain, like jo@example.com")]
    InvalidEmail(String),
    /// The password is too short, too long or too easy to guess.
    #[error("{0}")]
    WeakPassword(&'static str),
    /// An account with this e-mail exists.
    #[error("an account with the e-mail {0} exists: log in, or register with another e-mail")]
    EmailTaken(String),
    /// Unknown e-mail or wrong password. The error does not say which, to not
    /// reveal which accounts exist.
    #[error("wrong e-mail or password: check both, or register an account")]
    WrongCredentials,
    /// The organization uses SSO, so passwords are refused (G-19, G-24).
    #[error(
        "your organization logs in by single sign-on: choose Continue with SSO and enter your \
         corporate e-mail; your corporate password belongs to your IdP, not here"
    )]
    UseSso,
    /// Too many wrong passwords; contains the seconds to wait.
    #[error("too many attempts for this account or from this address: try again in {0} seconds")]
    TooMany(u64),
    /// The role is neither `admin` nor `member`.
    #[error("invalid role `{0}`: expected admin or member")]
    InvalidRole(String),
    /// The e-mail is already a member of the business account.
    #[error("{0} is already a member of this business account")]
    AlreadyMember(String),
    /// The user is not a member of this business account.
    #[error(
        "you are not a member of the business account `{0}`: choose one of those that GET /api/session lists"
    )]
    NotYourWorkspace(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The user of a session.
#[derive(Debug, Clone)]
pub enum Identity {
    /// Logged in with a portal password or a social identity.
    Password(AccountRow),
    /// Logged in by SSO.
    Sso(PersonRow),
}

/// A valid session: the user, and the business accounts that the user can
/// access now.
#[derive(Debug, Clone)]
pub struct Who {
    /// The session.
    pub session: SessionRow,
    /// The user.
    pub identity: Identity,
    /// Business accounts that the user can access. Computed for each request,
    /// so that the loss of a group ends access at once.
    pub workspaces: Vec<Workspace>,
    /// Groups and roles of a user who logged in by SSO.
    pub sso_groups: Option<SsoGroups>,
}

impl Who {
    /// ID of the account or directory user.
    pub fn id(&self) -> &str {
        match &self.identity {
            Identity::Password(account) => &account.id,
            Identity::Sso(person) => &person.id,
        }
    }

    /// E-mail address.
    pub fn email(&self) -> &str {
        match &self.identity {
            Identity::Password(account) => &account.email,
            Identity::Sso(person) => person.email.as_deref().unwrap_or(&person.user_name),
        }
    }

    /// Display name, if known.
    pub fn name(&self) -> Option<&str> {
        match &self.identity {
            Identity::Password(account) => account.name.as_deref(),
            Identity::Sso(person) => person.display_name.as_deref(),
        }
    }

    /// Returns `password` or `sso`: how the user logged in.
    pub fn via(&self) -> &'static str {
        match &self.identity {
            Identity::Password(_) => "password",
            Identity::Sso(_) => "sso",
        }
    }

    /// The selected business account, if the user can still access it.
    pub fn workspace(&self) -> Option<&Workspace> {
        let id = self.session.workspace.as_deref()?;
        self.workspaces.iter().find(|workspace| workspace.id == id)
    }
}

/// Checks the data of a registration and returns the e-mail in lower case.
///
/// # Errors
/// All errors in e-mail and password, at least one.
pub fn check_registration(email: &str, password: &str) -> Result<String, Vec<AccountError>> {
    let valid = normalize_email(email);
    let strength = password::check_strength(password, valid.as_deref().unwrap_or(email));
    let weak = strength.err().map(AccountError::WeakPassword);
    match (valid, weak) {
        (Some(email), None) => Ok(email),
        (Some(_), Some(weak)) => Err(vec![weak]),
        (None, weak) => Err(
            std::iter::once(AccountError::InvalidEmail(email.to_owned()))
                .chain(weak)
                .collect(),
        ),
    }
}

/// Registers an account (G-01).
///
/// # Errors
/// The e-mail is invalid or taken, the password is weak, or there were too many
/// attempts.
pub async fn register(
    portal: &Portal,
    email: &str,
    password: &str,
    name: Option<String>,
    address: &str,
) -> Result<AccountRow, AccountError> {
    let email = check_registration(email, password).map_err(|mut errors| errors.remove(0))?;
    // The answer reveals whether an e-mail is taken, so limit the attempts of
    // one address.
    let (now, source) = (portal.now(), from(address));
    let most = portal.config.login_attempts * PER_ADDRESS;
    if let Some(wait) = portal.throttle.wait(&source, now, most) {
        return Err(AccountError::TooMany(wait));
    }
    let salt = portal.ambient.rng().bytes::<16>();
    let row = AccountRow {
        id: portal.ambient.rng().uuid().to_string(),
        password_hash: password::hash(password.to_owned(), salt, portal.config.password_memory)
            .await,
        email,
        name: name.filter(|name| !name.trim().is_empty()),
        created: to_microseconds(portal.now()),
    };
    let mut tx = portal.store.write().await?;
    match store::accounts::insert(&mut tx, &row).await {
        Err(error) if error.is_unique_violation() => {
            portal.throttle.wrong(&source, now);
            return Err(AccountError::EmailTaken(row.email));
        }
        other => other?,
    }
    let event = Event::new(&row.email, "account-registered", &row.email).from(address);
    audit::record(portal, &mut tx, None, event).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(row)
}

/// Logs in with a password. Returns the value of the session cookie and the
/// session.
///
/// # Errors
/// The credentials are wrong, the organization uses SSO, or there were too many
/// attempts.
pub async fn log_in(
    portal: &Portal,
    email: &str,
    password: &str,
    address: &str,
) -> Result<(String, Who), AccountError> {
    let outcome = try_log_in(portal, email, password, address).await;
    if let Err(error) = &outcome {
        refused::record(portal, email, error, address).await;
    }
    outcome
}

async fn try_log_in(
    portal: &Portal,
    email: &str,
    password: &str,
    address: &str,
) -> Result<(String, Who), AccountError> {
    let email = normalize_email(email).ok_or(AccountError::WrongCredentials)?;
    let now = portal.now();
    let (most, source) = (portal.config.login_attempts, from(address));
    let mut db = portal.store.read().await?;
    if must_use_sso(&mut db, &email).await? {
        return Err(AccountError::UseSso);
    }
    let account = store::accounts::find_by_email(&mut db, &email).await?;
    let hash = account
        .as_ref()
        .map(|account| account.password_hash.clone());
    portal
        .throttle
        .try_at([(&email, most), (&source, most * PER_ADDRESS)], now)
        .map_err(AccountError::TooMany)?;
    let memory = portal.config.password_memory;
    if !password::verify(password.to_owned(), hash, memory).await {
        let event = Event::new(&email, "wrong-password", &email).from(address);
        let business = find_business_of_email(&mut db, &email).await?;
        drop(db);
        let mut tx = portal.store.write().await?;
        audit::record(portal, &mut tx, business.as_deref(), event).await?;
        tx.commit().await.map_err(StoreError::from)?;
        return Err(AccountError::WrongCredentials);
    }
    let account = account.ok_or(AccountError::WrongCredentials)?;
    portal.throttle.right(&email, &source);
    drop(db);
    let mut tx = portal.store.write().await?;
    let opened = open_session(portal, &mut tx, &account, "logged-in-by-password", address);
    let (token, session, workspaces) = opened.await?;
    tx.commit().await.map_err(StoreError::from)?;
    let identity = Identity::Password(account);
    Ok((
        token,
        Who {
            session,
            identity,
            workspaces,
            sso_groups: None,
        },
    ))
}

/// Opens a session for an authenticated account. Returns the cookie value, the
/// session and the accessible business accounts.
async fn open_session(
    portal: &Portal,
    db: &mut Db,
    account: &AccountRow,
    action: &'static str,
    address: &str,
) -> Result<(String, SessionRow, Vec<Workspace>), AccountError> {
    let now = portal.now();
    let members = store::members::list_by_email(db, &account.email).await?;
    let workspaces = list_workspaces_of_email(db, &account.email).await?;
    // If all business accounts of the member use SSO, a login with a password
    // gives access to nothing.
    if workspaces.is_empty() && !members.is_empty() {
        return Err(AccountError::UseSso);
    }
    let (token, session) = new_session(portal, now);
    let session = SessionRow {
        account_id: Some(account.id.clone()),
        workspace: workspaces.first().map(|workspace| workspace.id.clone()),
        ..session
    };
    store::accounts::insert_session(db, &session).await?;
    if let Some(id) = &session.workspace {
        store::members::record_login(db, id, &account.email, to_microseconds(now)).await?;
    }
    let event = Event::new(&account.email, action, &account.email).from(address);
    audit::record(portal, db, session.workspace.as_deref(), event).await?;
    Ok((token, session, workspaces))
}

/// One network address may serve many users, so it may make this many times the
/// attempts of one account.
const PER_ADDRESS: u32 = 10;

/// Returns the key of a network address in the throttle. It cannot equal an
/// e-mail address.
fn from(address: &str) -> String {
    format!("from {address}")
}

/// Returns the business account whose audit log records a wrong password for
/// this e-mail.
async fn find_business_of_email(db: &mut Db, email: &str) -> Result<Option<String>, StoreError> {
    let members = store::members::list_by_email(db, email).await?;
    Ok(members.into_iter().next().map(|member| member.business_id))
}

/// Returns a new session without a user, and the value of its cookie.
pub fn new_session(portal: &Portal, now: Timestamp) -> (String, SessionRow) {
    let token = portal.ambient.rng().token(32);
    let session = SessionRow {
        token_hash: fingerprint(&token),
        account_id: None,
        user_id: None,
        workspace: None,
        created: to_microseconds(now),
        seen: to_microseconds(now),
        expires: to_microseconds(now + portal.config.session_lifetime),
        saml_tenant: None,
        saml_subject: None,
        saml_session_index: None,
    };
    (token, session)
}

/// Returns the user of this session cookie and records the use. `None` if the
/// session has ended or was idle too long, or the user was disabled or deleted.
///
/// # Errors
/// When the database fails.
pub async fn use_session(portal: &Portal, cookie: &str) -> Result<Option<Who>, StoreError> {
    let Some(who) = find_session_user(portal, cookie).await? else {
        return Ok(None);
    };
    let now = portal.now();
    if now.duration_since(instant(who.session.seen)).as_secs() >= 60 {
        let mut tx = portal.store.write().await?;
        store::accounts::touch_session(&mut tx, &who.session.token_hash, to_microseconds(now))
            .await?;
        tx.commit().await?;
    }
    Ok(Some(who))
}

/// Returns the user of this session cookie without recording a use: the
/// automatic requests of a page must not keep a session alive.
///
/// # Errors
/// When the database fails.
pub async fn find_session_user(portal: &Portal, cookie: &str) -> Result<Option<Who>, StoreError> {
    let mut db = portal.store.read().await?;
    let hash = fingerprint(cookie);
    let found = store::accounts::find_session_with_access(&mut db, &hash).await?;
    let Some((session, access)) = found else {
        return Ok(None);
    };
    let now = portal.now();
    let idle_end = instant(session.seen) + portal.config.session_idle;
    if instant(session.expires) <= now || idle_end <= now {
        return Ok(None);
    }
    if let Some(id) = &session.account_id {
        let Some(account) = store::accounts::find_by_id(&mut db, id).await? else {
            return Ok(None);
        };
        let workspaces = list_workspaces_of_email(&mut db, &account.email).await?;
        return Ok(Some(Who {
            session,
            identity: Identity::Password(account),
            workspaces,
            sso_groups: None,
        }));
    }
    let Some(access) = access else {
        return Ok(None);
    };
    let found = access::find_workspace_of_session(&mut db, &access).await?;
    Ok(found.map(|(workspace, groups)| Who {
        session,
        identity: Identity::Sso(access.person),
        workspaces: vec![workspace],
        sso_groups: Some(groups),
    }))
}

/// Ends the session of this cookie.
///
/// # Errors
/// When the database fails.
pub async fn log_out(portal: &Portal, cookie: &str) -> Result<(), StoreError> {
    let mut tx = portal.store.write().await?;
    store::accounts::end_session(&mut tx, &fingerprint(cookie)).await?;
    Ok(tx.commit().await?)
}

/// Ends all sessions of this user, including the current one.
///
/// # Errors
/// When the database fails.
pub async fn log_out_everywhere(
    portal: &Portal,
    who: &Who,
    address: &str,
) -> Result<(), StoreError> {
    let mut tx = portal.store.write().await?;
    let ended = match &who.identity {
        Identity::Password(account) => {
            store::accounts::end_sessions_of_account(&mut tx, &account.id).await?
        }
        Identity::Sso(person) => store::accounts::end_sessions_of_user(&mut tx, &person.id).await?,
    };
    let event = Event::new(who.email(), "signed-out-everywhere", who.email())
        .with_detail(format!("{ended} sessions"))
        .from(address);
    let business = who.workspace().map(|workspace| workspace.id.as_str());
    audit::record(portal, &mut tx, business, event).await?;
    Ok(tx.commit().await?)
}

/// Selects one of the user's business accounts as the current one.
///
/// # Errors
/// If the user cannot access that business account.
pub async fn select_workspace(portal: &Portal, who: &Who, id: &str) -> Result<(), AccountError> {
    if !who.workspaces.iter().any(|workspace| workspace.id == id) {
        return Err(AccountError::NotYourWorkspace(id.to_owned()));
    }
    let mut tx = portal.store.write().await?;
    store::accounts::select_workspace(&mut tx, &who.session.token_hash, id).await?;
    if let Identity::Password(account) = &who.identity {
        store::members::record_login(&mut tx, id, &account.email, to_microseconds(portal.now()))
            .await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(())
}

/// True if the domain of this e-mail belongs to an active integration and the
/// e-mail is not its backup login (G-19).
async fn must_use_sso(db: &mut Db, email: &str) -> Result<bool, StoreError> {
    let Some(domain) = store::domains::find_by_name(db, domain_of(email)).await? else {
        return Ok(false);
    };
    if domain.status != "verified" {
        return Ok(false);
    }
    let tenant = store::tenants::find_by_business(db, &domain.business_id).await?;
    Ok(tenant
        .is_some_and(|tenant| tenant.active == 1 && tenant.backup_login.as_deref() != Some(email)))
}
