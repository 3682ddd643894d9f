//! Sign-in problems, as administrators of a business account read them.
//!
//! The list holds the refusals of the own business account, and those of
//! domains that it has entered. A refusal that belongs to no business account
//! is found by its whole reference, which only the refused person knows.

use jiff::Timestamp;

use super::{Fact, Flow, Place, oldest_kept};
use crate::Portal;
use crate::store::refusals::{self, RefusalRow};
use crate::store::{StoreError, instant, stored};

/// Entries on one page.
const PAGE_SIZE: i64 = 25;

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// A reference, or a part of an e-mail address, domain or code.
    pub search: String,
    /// From 1.
    pub page: i64,
}

/// One refusal.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Its reference number.
    pub reference: String,
    /// The time of the event.
    pub at: Timestamp,
    /// Stable, kebab-case.
    pub code: String,
    /// What the person read.
    pub public: String,
    /// The whole reason: expected and actual values.
    pub private: String,
    /// What to do.
    pub remedy: String,
    /// Where to do it.
    pub place: Place,
    /// What the person tried.
    pub flow: Flow,
    /// Who, as far as known.
    pub who: Option<String>,
    /// Whether that is proven.
    pub who_verified: bool,
    /// The domain that belongs to no business account.
    pub domain: Option<String>,
    /// What helps to find the cause.
    pub facts: Vec<Fact>,
    /// The network address.
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

/// A page of the list, the newest first.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its entries.
    pub problems: Vec<Problem>,
    /// From 1.
    pub number: i64,
    /// How many pages there are, at least 1.
    pub pages: i64,
    /// How many entries match.
    pub total: i64,
}

/// The refusals that this business account's administrators may list.
///
/// # Errors
/// When the database fails.
pub async fn list(portal: &Portal, business_id: &str, query: &Query) -> Result<Page, StoreError> {
    let since = stored(oldest_kept(portal));
    let search = query.search.trim().to_lowercase();
    let mut db = portal.store.read().await?;
    let total = refusals::count(&mut db, business_id, since, &search).await?;
    let pages = total.div_euclid(PAGE_SIZE) + i64::from(total.rem_euclid(PAGE_SIZE) > 0);
    let pages = pages.max(1);
    let number = query.page.clamp(1, pages);
    let offset = (number - 1) * PAGE_SIZE;
    let rows =
        refusals::of_business(&mut db, business_id, since, &search, (PAGE_SIZE, offset)).await?;
    Ok(Page {
        problems: rows.into_iter().map(Problem::from).collect(),
        number,
        pages,
        total,
    })
}

/// The refusal of exactly this reference: one of the own business account, or
/// of none.
///
/// # Errors
/// When the database fails.
pub async fn entry(
    portal: &Portal,
    business_id: &str,
    reference: &str,
) -> Result<Option<Problem>, StoreError> {
    let since = stored(oldest_kept(portal));
    let reference = reference.trim().to_uppercase();
    let mut db = portal.store.read().await?;
    let row = refusals::by_reference(&mut db, business_id, since, &reference).await?;
    Ok(row.map(Problem::from))
}
