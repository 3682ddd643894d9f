//! Lists of resources: filtered, sorted and paged (RFC 7644 §3.4.2, RFC 9865).
//!
//! - If the key columns of the table can answer filter and sort order exactly,
//!   one database query returns the page, and a second one counts if the page
//!   does not show the total.
//! - For any other filter, the code reads in batches all rows that the database
//!   cannot exclude, and keeps only the matching rows of the page.
//! - For any other sort order it reads rows in the same way, and keeps sort
//!   keys and IDs up to the end of the page.

use std::collections::BinaryHeap;
use std::future::Future;

use scim::filter::Filter;
use scim::schema::ResourceType;
use scim::{ListQuery, ListResponse, ScimType, SortValue};
use serde_json::Value;

use super::cursor::{self, Place};
use super::selection::{Asked, sort_field};
use super::{Result, Shown, apply_projection};
use crate::Portal;
use crate::configurator::scim::ScimAccess;
use crate::store::Db;
use crate::store::selection::{Condition, Field, Operand, Order, Position, Selection, Test};

/// The page of the result that a query requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Number of resources to skip.
    pub offset: usize,
    /// Maximum number of resources to return.
    pub limit: usize,
}

impl Page {
    /// Page size if the client sends no `count`.
    pub const DEFAULT: usize = 100;
    /// Maximum page size.
    pub const LARGEST: usize = 500;

    /// Returns the page that a query requests.
    pub fn of(query: &ListQuery) -> Self {
        Self {
            offset: query.start_index - 1,
            limit: query.count.unwrap_or(Self::DEFAULT).min(Self::LARGEST),
        }
    }
}

/// Number of rows per batch.
const BATCH: usize = 200;

/// A resource type that can be listed.
pub(super) trait Listed {
    /// Row of the database table.
    type Row: Send + Sync;
    /// The attribute that needs another database query: `groups` or `members`.
    const COSTLY: &'static str;
    /// Number of resources that are encoded with one call of `texts`.
    const AT_ONCE: usize;

    fn of(portal: &Portal) -> &'static ResourceType;
    fn id(row: &Self::Row) -> &str;
    fn key(row: &Self::Row, by: Field) -> SortValue;

    fn select(
        db: &mut Db,
        selection: &Selection<'_>,
    ) -> impl Future<Output = Result<Vec<Self::Row>>> + Send;

    fn count(
        db: &mut Db,
        business_id: &str,
        condition: &Condition,
    ) -> impl Future<Output = Result<usize>> + Send;

    /// Encodes resources as JSON text.
    fn encode_rows(
        portal: &Portal,
        db: &mut Db,
        access: &ScimAccess,
        rows: &[Self::Row],
        shown: Shown,
    ) -> impl Future<Output = Result<Vec<String>>> + Send;
}

/// Returns the resources that match a query.
pub(super) async fn list<L: Listed>(
    portal: &Portal,
    access: &ScimAccess,
    query: &ListQuery,
) -> Result<ListResponse> {
    let of = L::of(portal);
    proven(query, of)?;
    let now = portal.now();
    let after = cursor::read(query, &access.tenant_id, of.endpoint, now)?;
    let page = Page::of(query);
    let asked = Asked::of(query.filter.as_ref(), of);
    let order = match &query.sort_by {
        None => Some(asked.order()),
        Some(path) => sort_field(path, of).map(|by| Order {
            by,
            descending: query.descending,
        }),
    };
    let mut db = portal.store.read().await?;
    let mut lister = Lister::<L> {
        portal,
        access,
        query,
        asked: &asked,
        page,
        after: after.as_ref(),
        db: &mut db,
        kind: std::marker::PhantomData,
    };
    let (total, rows, more) = match order {
        Some(order) if asked.exact => lister.ask(order).await?,
        Some(order) => lister.walk(order).await?,
        None => lister.sort_candidates().await?,
    };
    let last = rows.last().map(|(key, row)| Place {
        key: key.clone(),
        id: L::id(row).to_owned(),
    });
    let next_cursor = last
        .filter(|_| more && query.cursor.is_some())
        .map(|place| cursor::encode(&place, query, &access.tenant_id, of.endpoint, now));
    let shown = Shown::by(&query.projection, L::COSTLY);
    let mut resources = Vec::with_capacity(rows.len());
    let rows: Vec<L::Row> = rows.into_iter().map(|(_, row)| row).collect();
    for chunk in rows.chunks(L::AT_ONCE) {
        for text in L::encode_rows(portal, &mut db, access, chunk, shown).await? {
            resources.push(apply_projection(text, &query.projection, of));
        }
    }
    Ok(ListResponse {
        total_results: total,
        start_index: query.cursor.is_none().then_some(query.start_index),
        next_cursor,
        resources,
    })
}

/// The total number of matching resources, the rows of the page with their sort
/// keys, and true if more rows follow.
type Found<R> = (usize, Vec<(SortValue, R)>, bool);

struct Lister<'l, L> {
    portal: &'l Portal,
    access: &'l ScimAccess,
    query: &'l ListQuery,
    asked: &'l Asked,
    page: Page,
    after: Option<&'l Place>,
    db: &'l mut Db,
    kind: std::marker::PhantomData<fn() -> L>,
}

impl<L: Listed> Lister<'_, L> {
    /// Queries the database for exactly the requested page.
    async fn ask(&mut self, order: Order) -> Result<Found<L::Row>> {
        let Page { offset, limit } = self.page;
        let after = self.after.map(|place| Position {
            key: cursor::operand(&place.key),
            id: place.id.clone(),
        });
        let selection = Selection {
            business_id: &self.access.business_id,
            condition: &self.asked.condition,
            order,
            after: after.as_ref(),
            offset: i64::try_from(offset).unwrap_or(i64::MAX),
            // Read one row more to find out whether this is the last page.
            limit: i64::try_from(limit + 1).unwrap_or(i64::MAX),
        };
        let mut rows = match limit {
            0 => Vec::new(),
            _ => L::select(self.db, &selection).await?,
        };
        let more = rows.len() > limit;
        rows.truncate(limit);
        let is_all_told = self.after.is_none() && !more && (offset == 0 || !rows.is_empty());
        let total = if is_all_told && limit > 0 {
            offset + rows.len()
        } else {
            let business_id = &self.access.business_id;
            L::count(self.db, business_id, &self.asked.condition).await?
        };
        let rows = rows
            .into_iter()
            .map(|row| (L::key(&row, order.by), row))
            .collect();
        Ok((total, rows, more))
    }

    /// Calls `keep` for each row that matches the filter, in this order.
    async fn visit_matches(
        &mut self,
        order: Order,
        mut keep: impl FnMut(L::Row, Value) -> Result<()> + Send,
    ) -> Result<()> {
        let of = L::of(self.portal);
        let costly = [self.query.sort_by.as_ref().map(|path| path.name.as_str())]
            .into_iter()
            .flatten()
            .any(|name| name.eq_ignore_ascii_case(L::COSTLY))
            || self
                .query
                .filter
                .as_ref()
                .is_some_and(|filter| mentions(filter, L::COSTLY));
        let shown = if costly { Shown::Named } else { Shown::Without };
        let mut after: Option<Position> = None;
        loop {
            let rows = {
                let condition = &self.asked.condition;
                let selection = batch(self.access, condition, order, after.as_ref());
                L::select(self.db, &selection).await?
            };
            let is_last = rows.len() < BATCH;
            after = rows.last().map(|row| Position {
                key: cursor::operand(&L::key(row, order.by)),
                id: L::id(row).to_owned(),
            });
            let mut rows = rows.into_iter();
            loop {
                let chunk: Vec<L::Row> = rows.by_ref().take(L::AT_ONCE).collect();
                if chunk.is_empty() {
                    break;
                }
                let texts =
                    L::encode_rows(self.portal, self.db, self.access, &chunk, shown).await?;
                for (row, text) in chunk.into_iter().zip(texts) {
                    let resource: Value = serde_json::from_str(&text).unwrap_or_default();
                    let holds = match &self.query.filter {
                        Some(filter) => scim::filter::matches(filter, &resource, of)?,
                        None => true,
                    };
                    if holds {
                        keep(row, resource)?;
                    }
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Reads all candidate rows in the requested order and keeps those of
    /// the page.
    async fn walk(&mut self, order: Order) -> Result<Found<L::Row>> {
        let Page { offset, limit } = self.page;
        let after = self.after.cloned();
        let mut total = 0;
        let mut beyond = 0;
        let mut rows = Vec::new();
        let mut more = false;
        self.visit_matches(order, |row, _| {
            total += 1;
            let key = L::key(&row, order.by);
            if after
                .as_ref()
                .is_some_and(|place| !is_after(&key, L::id(&row), place, order.descending))
            {
                return Ok(());
            }
            beyond += 1;
            if beyond > offset && rows.len() < limit {
                rows.push((key, row));
            } else if beyond > offset {
                more = true;
            }
            Ok(())
        })
        .await?;
        Ok((total, rows, more))
    }

    /// Reads all candidate rows, and keeps sort keys and IDs up to the end of
    /// the page.
    async fn sort_candidates(&mut self) -> Result<Found<L::Row>> {
        let Page { offset, limit } = self.page;
        let of = L::of(self.portal);
        let query = self.query;
        let Some(path) = &query.sort_by else {
            return Ok((0, Vec::new(), false));
        };
        let after = self.after.cloned();
        let upto = offset.saturating_add(limit);
        let mut first: BinaryHeap<Ranked> = BinaryHeap::new();
        let mut total = 0;
        let mut more = false;
        self.visit_matches(Order::CREATED, |row, resource| {
            total += 1;
            let key = scim::sort_value(path, &resource, of)?;
            let id = L::id(&row);
            if after
                .as_ref()
                .is_some_and(|place| !is_after(&key, id, place, query.descending))
            {
                return Ok(());
            }
            first.push(Ranked {
                key,
                id: id.to_owned(),
                descending: query.descending,
            });
            if first.len() > upto {
                first.pop();
                more = true;
            }
            Ok(())
        })
        .await?;
        let chosen: Vec<Ranked> = first.into_sorted_vec().into_iter().skip(offset).collect();
        let mut rows = Vec::with_capacity(chosen.len());
        for Ranked { key, id, .. } in chosen {
            let is_it = Condition::Has(Field::Id, vec![(Test::Equal, Operand::Text(id))]);
            let selection = batch(self.access, &is_it, Order::CREATED, None);
            let found = L::select(self.db, &selection).await?;
            rows.extend(found.into_iter().map(|row| (key.clone(), row)));
        }
        Ok((total, rows, more))
    }
}

fn batch<'s>(
    access: &'s ScimAccess,
    condition: &'s Condition,
    order: Order,
    after: Option<&'s Position>,
) -> Selection<'s> {
    Selection {
        business_id: &access.business_id,
        condition,
        order,
        after,
        offset: 0,
        limit: i64::try_from(BATCH).unwrap_or(i64::MAX),
    }
}

/// True if a resource comes after a position in the sort order.
fn is_after(key: &SortValue, id: &str, place: &Place, descending: bool) -> bool {
    let by_key = key.cmp(&place.key);
    let by_key = if descending { by_key.reverse() } else { by_key };
    by_key.then_with(|| id.cmp(&place.id)).is_gt()
}

/// Sort key and ID of a resource, compared in the requested order.
#[derive(PartialEq, Eq)]
struct Ranked {
    key: SortValue,
    id: String,
    descending: bool,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let by_key = self.key.cmp(&other.key);
        let by_key = if self.descending {
            by_key.reverse()
        } else {
            by_key
        };
        by_key.then_with(|| self.id.cmp(&other.id))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// True if the filter refers to this attribute.
fn mentions(filter: &Filter, name: &str) -> bool {
    match filter {
        Filter::Or(a, b) | Filter::And(a, b) => mentions(a, name) || mentions(b, name),
        Filter::Not(inner) => mentions(inner, name),
        Filter::Present(path) | Filter::Compare(path, ..) | Filter::ValuePath(path, _) => {
            path.name.eq_ignore_ascii_case(name)
        }
    }
}

/// Checks the query by applying it to an empty resource: an invalid query must
/// fail even if there are no resources.
fn proven(query: &ListQuery, of: &ResourceType) -> Result<()> {
    let nothing = Value::Object(serde_json::Map::new());
    if let Some(filter) = &query.filter {
        scim::filter::matches(filter, &nothing, of)?;
    }
    if let Some(path) = &query.sort_by {
        scim::sort_value(path, &nothing, of)?;
    }
    if query.cursor.is_some() && query.count.is_some_and(|count| count > Page::LARGEST) {
        return Err(scim::Error::of(
            ScimType::InvalidCount,
            format!("invalid count: expected at most {}", Page::LARGEST),
        )
        .into());
    }
    Ok(())
}
