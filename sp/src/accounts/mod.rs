//! Portal accounts: registration, password login, sessions, and which
//! business accounts a person reaches with which role.

mod access;
mod email;
mod members;
mod password;
mod refused;
pub mod social;
mod throttle;

pub use access::{Role, Workspace, workspaces_of_email, workspaces_of_person};
pub use email::{domain_of, is_domain, normalized};
pub(crate) use members::groups_of;
pub use members::{Listed, add_member, everybody};
pub use throttle::Throttle;

use jiff::Timestamp;

use crate::Portal;
use crate::audit::{self, Event};
use crate::store::accounts::{AccountRow, SessionRow};
use crate::store::people::PersonRow;
use crate::store::{self, Db, StoreError, fingerprint, instant, stored};

/// Why an account can't be made or entered.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Not an e-mail address.
    #[error("`{0}` is not an e-mail address: expected name@domain, like jo@example.com")]
    InvalidEmail(String),
    /// Too easy to guess.
    #[error("{0}")]
    WeakPassword(&'static str),
    /// Registered already.
    #[error("an account with the e-mail {0} exists: log in, or register with another e-mail")]
    EmailTaken(String),
    /// No such account, or another password: which of both isn't told.
    #[error("no account has this e-mail and password: check both, or register an account")]
    WrongCredentials,
    /// The organization logs in by SSO (G-19, G-24).
    #[error(
        "your organization logs in by single sign-on: choose Continue with SSO and enter your \
         corporate e-mail; your corporate password belongs to your IdP, not here"
    )]
    UseSso,
    /// Too many wrong passwords.
    #[error("too many tries for this account or from this address: try again in {0} seconds")]
    TooMany(u64),
    /// No such role.
    #[error("`{0}` is no role: expected admin or member")]
    InvalidRole(String),
    /// A member already.
    #[error("{0} is a member already")]
    AlreadyMember(String),
    /// Not one of the person's business accounts.
    #[error(
        "you are not a member of the business account `{0}`: choose one of those that GET /api/session lists"
    )]
    NotYourWorkspace(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who is logged in.
#[derive(Debug, Clone)]
pub enum Identity {
    /// By a portal password.
    Password(AccountRow),
    /// By the IdP.
    Sso(PersonRow),
}

/// A live session: who, and which business accounts they reach right now.
#[derive(Debug, Clone)]
pub struct Who {
    /// The session.
    pub session: SessionRow,
    /// The person.
    pub identity: Identity,
    /// Derived at every request: losing a group ends the access at once.
    pub workspaces: Vec<Workspace>,
}

impl Who {
    /// The account's or the user's id.
    pub fn id(&self) -> &str {
        match &self.identity {
            Identity::Password(account) => &account.id,
            Identity::Sso(person) => &person.id,
        }
    }

    /// Their e-mail.
    pub fn email(&self) -> &str {
        match &self.identity {
            Identity::Password(account) => &account.email,
            Identity::Sso(person) => person.email.as_deref().unwrap_or(&person.user_name),
        }
    }

    /// Their name, when known.
    pub fn name(&self) -> Option<&str> {
        match &self.identity {
            Identity::Password(account) => account.name.as_deref(),
            Identity::Sso(person) => person.display_name.as_deref(),
        }
    }

    /// `password` or `sso`.
    pub fn via(&self) -> &'static str {
        match &self.identity {
            Identity::Password(_) => "password",
            Identity::Sso(_) => "sso",
        }
    }

    /// The selected workspace, while it is still theirs.
    pub fn workspace(&self) -> Option<&Workspace> {
        let id = self.session.workspace.as_deref()?;
        self.workspaces.iter().find(|workspace| workspace.id == id)
    }
}

/// The email in lower case, if an account can be made of both.
///
/// # Errors
/// Everything that is wrong with either, at least one error.
pub fn checked_registration(email: &str, password: &str) -> Result<String, Vec<AccountError>> {
    let valid = normalized(email);
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
/// Invalid e-mail, weak password, taken e-mail.
pub async fn register(
    portal: &Portal,
    email: &str,
    password: &str,
    name: Option<String>,
    address: &str,
) -> Result<AccountRow, AccountError> {
    let email = checked_registration(email, password).map_err(|mut errors| errors.remove(0))?;
    // Each answer tells whether an e-mail is taken: not to one who asks for many.
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
        created: stored(portal.now()),
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

/// Logs in with a password; answers the session's cookie value.
///
/// # Errors
/// Wrong credentials, an organization that logs in by SSO, too many tries.
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
    let email = normalized(email).ok_or(AccountError::WrongCredentials)?;
    let now = portal.now();
    let (most, source) = (portal.config.login_attempts, from(address));
    let mut db = portal.store.read().await?;
    if must_use_sso(&mut db, &email).await? {
        return Err(AccountError::UseSso);
    }
    let account = store::accounts::by_email(&mut db, &email).await?;
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
        let business = account_business(&mut db, &email).await?;
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
        },
    ))
}

/// The session of someone who proved to be this account's owner: its cookie
/// value, the session and what it reaches.
async fn open_session(
    portal: &Portal,
    db: &mut Db,
    account: &AccountRow,
    action: &'static str,
    address: &str,
) -> Result<(String, SessionRow, Vec<Workspace>), AccountError> {
    let now = portal.now();
    let members = store::members::of_email(db, &account.email).await?;
    let workspaces = workspaces_of_email(db, &account.email).await?;
    // A member whose every business account logs in by SSO has nothing left
    // to enter otherwise.
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
        store::members::logged_in(db, id, &account.email, stored(now)).await?;
    }
    let event = Event::new(&account.email, action, &account.email).from(address);
    audit::record(portal, db, session.workspace.as_deref(), event).await?;
    Ok((token, session, workspaces))
}

/// Many accounts may stand behind one address: so many times the tries of one.
const PER_ADDRESS: u32 = 10;

/// The throttle's name of a network address; no e-mail looks like it.
fn from(address: &str) -> String {
    format!("from {address}")
}

/// In whose audit log a wrong password for this e-mail stands.
async fn account_business(db: &mut Db, email: &str) -> Result<Option<String>, StoreError> {
    let members = store::members::of_email(db, email).await?;
    Ok(members.into_iter().next().map(|member| member.business_id))
}

/// A session that nobody owns yet, and its cookie value.
pub fn new_session(portal: &Portal, now: Timestamp) -> (String, SessionRow) {
    let token = portal.ambient.rng().token(32);
    let session = SessionRow {
        token_hash: fingerprint(&token),
        account_id: None,
        user_id: None,
        workspace: None,
        created: stored(now),
        seen: stored(now),
        expires: stored(now + portal.config.session_lifetime),
        saml_tenant: None,
        saml_subject: None,
        saml_session_index: None,
    };
    (token, session)
}

/// Who holds this cookie, and uses it now; nobody when the session ended,
/// idles too long, or its person was disabled or deleted.
///
/// # Errors
/// When the database fails.
pub async fn who(portal: &Portal, cookie: &str) -> Result<Option<Who>, StoreError> {
    let Some(who) = holder(portal, cookie).await? else {
        return Ok(None);
    };
    let now = portal.now();
    if now.duration_since(instant(who.session.seen)).as_secs() >= 60 {
        let mut tx = portal.store.write().await?;
        store::accounts::touch_session(&mut tx, &who.session.token_hash, stored(now)).await?;
        tx.commit().await?;
    }
    Ok(Some(who))
}

/// The same without counting as a use: a page that asks by itself must not
/// keep a session from idling out.
///
/// # Errors
/// When the database fails.
pub async fn holder(portal: &Portal, cookie: &str) -> Result<Option<Who>, StoreError> {
    let mut db = portal.store.read().await?;
    let Some(session) = store::accounts::session(&mut db, &fingerprint(cookie)).await? else {
        return Ok(None);
    };
    let now = portal.now();
    let idle_end = instant(session.seen) + portal.config.session_idle;
    if instant(session.expires) <= now || idle_end <= now {
        return Ok(None);
    }
    let (identity, workspaces) = match (&session.account_id, &session.user_id) {
        (Some(id), _) => {
            let Some(account) = store::accounts::by_id(&mut db, id).await? else {
                return Ok(None);
            };
            let workspaces = workspaces_of_email(&mut db, &account.email).await?;
            (Identity::Password(account), workspaces)
        }
        (None, Some(id)) => {
            let Some(person) = store::people::by_id(&mut db, id).await? else {
                return Ok(None);
            };
            let workspaces = workspaces_of_person(&mut db, &person).await?;
            if workspaces.is_empty() {
                return Ok(None);
            }
            (Identity::Sso(person), workspaces)
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(Who {
        session,
        identity,
        workspaces,
    }))
}

/// Logs out.
///
/// # Errors
/// When the database fails.
pub async fn log_out(portal: &Portal, cookie: &str) -> Result<(), StoreError> {
    let mut tx = portal.store.write().await?;
    store::accounts::end_session(&mut tx, &fingerprint(cookie)).await?;
    Ok(tx.commit().await?)
}

/// Ends every session of this person, this one too.
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
        .saying(format!("{ended} sessions"))
        .from(address);
    let business = who.workspace().map(|workspace| workspace.id.as_str());
    audit::record(portal, &mut tx, business, event).await?;
    Ok(tx.commit().await?)
}

/// Selects one of the person's business accounts.
///
/// # Errors
/// When it isn't theirs.
pub async fn select_workspace(portal: &Portal, who: &Who, id: &str) -> Result<(), AccountError> {
    if !who.workspaces.iter().any(|workspace| workspace.id == id) {
        return Err(AccountError::NotYourWorkspace(id.to_owned()));
    }
    let mut tx = portal.store.write().await?;
    store::accounts::select_workspace(&mut tx, &who.session.token_hash, id).await?;
    if let Identity::Password(account) = &who.identity {
        store::members::logged_in(&mut tx, id, &account.email, stored(portal.now())).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(())
}

/// Whether this e-mail's domain belongs to an active integration and the
/// e-mail isn't its backup login (G-19).
async fn must_use_sso(db: &mut Db, email: &str) -> Result<bool, StoreError> {
    let Some(domain) = store::domains::by_name(db, domain_of(email)).await? else {
        return Ok(false);
    };
    if domain.status != "verified" {
        return Ok(false);
    }
    let tenant = store::tenants::of_business(db, &domain.business_id).await?;
    Ok(tenant
        .is_some_and(|tenant| tenant.active == 1 && tenant.backup_login.as_deref() != Some(email)))
}
