//! The list of sign-in problems that administrators of a business account read.
//!
//! The list contains the refusals of the administrator's business account and
//! of the domains that the account has entered. A refusal that belongs to no
//! business account is found only by its whole reference number, which only the
//! refused user knows.

use jiff::Timestamp;

use super::{Fact, Flow, Place, oldest_kept};
use crate::Portal;
use crate::store::refusals::{self, RefusalRow};
use crate::store::{StoreError, instant, to_microseconds};

/// Number of entries on one page.
const PAGE_SIZE: i64 = 25;

/// A search in the list.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Search text: a reference number, or a part of an e-mail address, domain
    /// or code.
    pub search: String,
    /// Page number, from 1.
    pub page: i64,
}

/// An entry of the list: one refusal.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Reference number.
    pub reference: String,
    /// Time of the refusal.
    pub at: Timestamp,
    /// Stable code in kebab case.
    pub code: String,
    /// Text that the refused user saw.
    pub public: String,
    /// The complete reason, with expected and actual values.
    pub private: String,
    /// Remedy for the administrator.
    pub remedy: String,
    /// The page on which the administrator applies the remedy.
    pub place: Place,
    /// What the user tried to do.
    pub flow: Flow,
    /// E-mail address or NameID of the user, if known.
    pub who: Option<String>,
    /// True if a verified signature or a password proves `who`.
    pub who_verified: bool,
    /// The e-mail domain, if it belongs to no business account.
    pub domain: Option<String>,
    /// Further values that help to find the cause.
    pub facts: Vec<Fact>,
    /// Network address of the client.
    pub address: String,
}

impl From<RefusalRow> for Problem {
    fn from(row: RefusalRow) -> Self {
        Self {
            at: instant(row.refused),
            place: Place::from_path(&row.place),
            flow: Flow::from_name(&row.flow),
            facts: serde_json::from_str(&row.facts).unwrap_or_default(),
            reference: row.reference,
            code: row.code,
            public: row.public_text,
            private: row.private_text,
            remedy: row.next_text,
            who: row.who,
            who_verified: row.who_verified == 1,
            domain: row.domain,
            address: row.address,
        }
    }
}

/// A page of the list, newest entries first.
#[derive(Debug, Clone)]
pub struct Page {
    /// Entries of this page.
    pub problems: Vec<Problem>,
    /// Page number, from 1.
    pub number: i64,
    /// Number of pages, at least 1.
    pub pages: i64,
    /// Number of entries that match the search.
    pub total: i64,
}

/// Returns a page of the refusals that this business account's administrators
/// may read.
///
/// # Errors
/// When the database fails.
pub async fn list(portal: &Portal, business_id: &str, query: &Query) -> Result<Page, StoreError> {
    let since = to_microseconds(oldest_kept(portal));
    let search = query.search.trim().to_lowercase();
    let mut db = portal.store.read().await?;
    let total = refusals::count(&mut db, business_id, since, &search).await?;
    let pages = total.div_euclid(PAGE_SIZE) + i64::from(total.rem_euclid(PAGE_SIZE) > 0);
    let pages = pages.max(1);
    let number = query.page.clamp(1, pages);
    let offset = (number - 1) * PAGE_SIZE;
    let rows =
        refusals::list_by_business(&mut db, business_id, since, &search, (PAGE_SIZE, offset))
            .await?;
    Ok(Page {
        problems: rows.into_iter().map(Problem::from).collect(),
        number,
        pages,
        total,
    })
}

/// Returns the refusal with exactly this reference number, if it belongs to
/// this business account or to none.
///
/// # Errors
/// When the database fails.
pub async fn find_by_reference(
    portal: &Portal,
    business_id: &str,
    reference: &str,
) -> Result<Option<Problem>, StoreError> {
    let since = to_microseconds(oldest_kept(portal));
    let reference = reference.trim().to_uppercase();
    let mut db = portal.store.read().await?;
    let row = refusals::find_by_reference(&mut db, business_id, since, &reference).await?;
    Ok(row.map(Problem::from))
}
