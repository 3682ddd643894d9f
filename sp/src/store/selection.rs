//! Queries for users and groups as data, and the SQL for them. Values are bound
//! as parameters, never written into the SQL text.
//!
//! Every LIMIT in this folder is a sum (`$1 + 0`): SQLite 3.47 and later
//! inspects a bare parameter there and therefore plans the statement again for
//! each new value.

use std::fmt::Write as _;

use sqlx::Row as _;

use super::{Db, Result};

/// Binds the parameters of a [`Statement`] to a query of `sqlx`.
macro_rules! bound {
    ($query:expr, $statement:expr) => {{
        let mut query = $query;
        for operand in $statement.bound {
            query = match operand {
                $crate::store::selection::Operand::Text(text) => query.bind(text),
                $crate::store::selection::Operand::Number(number) => query.bind(number),
            };
        }
        query
    }};
}
pub(super) use bound;

/// The fields of users and groups that conditions and sort orders can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `id`.
    Id,
    /// `userName`, in lower case.
    UserName,
    /// `externalId`; letter case counts.
    ExternalId,
    /// `displayName`, in lower case.
    DisplayName,
    /// `active`: 0 or 1.
    Active,
    /// `meta.created`.
    Created,
    /// `meta.lastModified`.
    LastModified,
    /// Any value of `emails`, in lower case.
    Email,
    /// Any group of a user, direct or indirect.
    Group,
    /// Any direct member of a group.
    Member,
}

/// A value to compare with or to bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// Text; in lower case if the field is.
    Text(String),
    /// A number, a timestamp in microseconds, or a flag.
    Number(i64),
}

/// A comparison of a field with an operand. Texts are compared by bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// Equal to the operand.
    Equal,
    /// Starts with the operand.
    StartsWith,
    /// Contains the operand.
    Contains,
    /// Ends with the operand.
    EndsWith,
    /// Greater than the operand.
    Greater,
    /// Greater than or equal to the operand.
    GreaterOrEqual,
    /// Less than the operand.
    Less,
    /// Less than or equal to the operand.
    LessOrEqual,
}

/// A condition on rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// True for every row.
    Always,
    /// All of these conditions are true.
    All(Vec<Condition>),
    /// At least one of these conditions is true.
    Any(Vec<Condition>),
    /// This condition is false.
    Not(Box<Condition>),
    /// One value of the field passes all of these tests.
    Has(Field, Vec<(Test, Operand)>),
    /// The field has a value that is not empty.
    Filled(Field),
}

/// Sort order; rows with equal keys are sorted by ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Field to sort by; it has at most one value.
    pub by: Field,
    /// Descending order; rows without a value are then first.
    pub descending: bool,
}

impl Order {
    /// The order of creation.
    pub const CREATED: Self = Self {
        by: Field::Created,
        descending: false,
    };
}

/// The position of a row in the sort order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Value of the sort field, if the row has one.
    pub key: Option<Operand>,
    /// ID of the row.
    pub id: String,
}

/// A query for rows of a business account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<'s> {
    /// The business account that it belongs to.
    pub business_id: &'s str,
    /// Condition that the rows must meet.
    pub condition: &'s Condition,
    /// Sort order.
    pub order: Order,
    /// Only rows after this position.
    pub after: Option<&'s Position>,
    /// Number of rows to skip.
    pub offset: i64,
    /// Maximum number of rows.
    pub limit: i64,
}

/// Where a field is stored.
pub(super) enum Source {
    /// In a column of the table; true if it may be NULL.
    Column(&'static str, bool),
    /// In another table: its name, the column with the row's ID, the column
    /// with the value, and true if it has a column `business_id`.
    Elsewhere(&'static str, &'static str, &'static str, bool),
    /// In the groups of the row, direct or through nested groups.
    Memberships,
}

/// A table that can be queried.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static str,
    pub(super) source: fn(Field) -> Option<Source>,
}

/// SQL text with its parameters.
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) bound: Vec<Operand>,
}

/// Returns the smallest text that is greater than all texts with this prefix.
fn beyond(prefix: &str) -> Option<String> {
    let mut signs: Vec<char> = prefix.chars().collect();
    while let Some(last) = signs.pop() {
        // The range of `char` skips the surrogates.
        if let Some(next) = (last..=char::MAX).nth(1) {
            signs.push(next);
            return Some(signs.into_iter().collect());
        }
    }
    None
}

impl Statement {
    /// Returns the statement that selects rows.
    pub(super) fn rows(table: &Table, selection: &Selection<'_>) -> Self {
        let mut statement = Self::begin(table, table.columns, selection.business_id);
        statement.write_condition(table, selection.condition);
        if let Some(position) = selection.after {
            statement.text.push_str(" AND ");
            statement.write_after(table, selection.order, position);
        }
        statement.write_order(table, selection.order);
        let limit = statement.bind(Operand::Number(selection.limit));
        let _ = write!(statement.text, " LIMIT ({limit} + 0)");
        if selection.offset > 0 {
            let offset = statement.bind(Operand::Number(selection.offset));
            let _ = write!(statement.text, " OFFSET ({offset} + 0)");
        }
        statement
    }

    /// Returns the statement that counts rows.
    pub(super) fn count(table: &Table, business_id: &str, condition: &Condition) -> Self {
        let mut statement = Self::begin(table, "COUNT(*)", business_id);
        statement.write_condition(table, condition);
        statement
    }

    fn begin(table: &Table, columns: &str, business_id: &str) -> Self {
        let name = table.name;
        Self {
            text: format!("SELECT {columns} FROM {name} WHERE {name}.business_id = $1 AND "),
            bound: vec![Operand::Text(business_id.to_owned())],
        }
    }

    fn bind(&mut self, operand: Operand) -> String {
        self.bound.push(operand);
        format!("${}", self.bound.len())
    }

    fn write_condition(&mut self, table: &Table, condition: &Condition) {
        match condition {
            Condition::Always => self.text.push_str("1 = 1"),
            Condition::All(all) => self.write_conditions(table, all, " AND ", "1 = 1"),
            Condition::Any(any) => self.write_conditions(table, any, " OR ", "1 = 0"),
            Condition::Not(inner) => {
                self.text.push_str("NOT (");
                self.write_condition(table, inner);
                self.text.push(')');
            }
            Condition::Has(field, tests) => self.write_field_tests(table, *field, tests, false),
            Condition::Filled(field) => self.write_field_tests(table, *field, &[], true),
        }
    }

    fn write_conditions(&mut self, table: &Table, parts: &[Condition], word: &str, none: &str) {
        if parts.is_empty() {
            self.text.push_str(none);
            return;
        }
        self.text.push('(');
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                self.text.push_str(word);
            }
            self.write_condition(table, part);
        }
        self.text.push(')');
    }

    fn write_field_tests(
        &mut self,
        table: &Table,
        field: Field,
        tests: &[(Test, Operand)],
        filled: bool,
    ) {
        match (table.source)(field) {
            // A field that the table does not have matches no row.
            None => self.text.push_str("1 = 0"),
            Some(Source::Column(column, nullable)) => {
                let column = format!("{}.{column}", table.name);
                self.text.push('(');
                // The result must not be NULL: a NULL value is not equal, and
                // NOT of that is true.
                let mut word = "";
                if nullable {
                    let _ = write!(self.text, "{column} IS NOT NULL");
                    word = " AND ";
                }
                if filled {
                    let _ = write!(self.text, "{word}{column} <> ''");
                }
                self.write_tests(&column, tests, word);
                self.text.push(')');
            }
            Some(Source::Memberships) => {
                let _ = write!(
                    self.text,
                    "{}.id IN (WITH RECURSIVE beneath (id, kind) AS (
                        SELECT member_id, kind FROM memberships WHERE ",
                    table.name
                );
                let column = "memberships.group_id";
                if filled {
                    let _ = write!(self.text, "{column} <> ''");
                }
                self.write_tests(column, tests, "");
                self.text.push_str(
                    " UNION SELECT m.member_id, m.kind FROM beneath b
                      CROSS JOIN memberships m WHERE m.group_id = b.id AND b.kind = 'Group')
                     SELECT id FROM beneath)",
                );
            }
            Some(Source::Elsewhere(other, owner, column, has_business)) => {
                let _ = write!(
                    self.text,
                    "{}.id IN (SELECT {owner} FROM {other} WHERE ",
                    table.name
                );
                let mut word = "";
                if has_business {
                    let _ = write!(self.text, "{other}.business_id = $1");
                    word = " AND ";
                }
                let column = format!("{other}.{column}");
                if filled {
                    let _ = write!(self.text, "{word}{column} <> ''");
                }
                self.write_tests(&column, tests, word);
                self.text.push(')');
            }
        }
    }

    fn write_tests(&mut self, column: &str, tests: &[(Test, Operand)], mut word: &'static str) {
        for (test, operand) in tests {
            self.text.push_str(word);
            self.write_test(column, *test, operand);
            word = " AND ";
        }
    }

    fn write_test(&mut self, column: &str, test: Test, operand: &Operand) {
        let ordered = match operand {
            Operand::Text(_) => format!("{column} COLLATE \"binary\""),
            Operand::Number(_) => column.to_owned(),
        };
        let text = match operand {
            Operand::Text(text) => text.as_str(),
            Operand::Number(_) => "",
        };
        let sign = match test {
            Test::Equal => {
                let value = self.bind(operand.clone());
                let _ = write!(self.text, "{column} = {value}");
                return;
            }
            Test::StartsWith | Test::Contains | Test::EndsWith if text.is_empty() => {
                self.text.push_str("1 = 1");
                return;
            }
            Test::StartsWith => {
                let from = self.bind(operand.clone());
                let _ = write!(self.text, "{ordered} >= {from}");
                if let Some(upto) = beyond(text) {
                    let upto = self.bind(Operand::Text(upto));
                    let _ = write!(self.text, " AND {ordered} < {upto}");
                }
                return;
            }
            Test::Contains => {
                // Use `replace`, because `LIKE` ignores letter case on one
                // database and not on the other.
                let value = self.bind(operand.clone());
                let _ = write!(self.text, "replace({column}, {value}, '') <> {column}");
                return;
            }
            Test::EndsWith => {
                let length = text.chars().count();
                let value = self.bind(operand.clone());
                let _ = write!(
                    self.text,
                    "length({column}) >= {length} AND substr({column}, length({column}) - {length} + 1) = {value}"
                );
                return;
            }
            Test::Greater => ">",
            Test::GreaterOrEqual => ">=",
            Test::Less => "<",
            Test::LessOrEqual => "<=",
        };
        let value = self.bind(operand.clone());
        let _ = write!(self.text, "{ordered} {sign} {value}");
    }

    /// Returns the column to sort by, and true if it may be NULL.
    fn sort_column(table: &Table, order: Order, key: Option<&Operand>) -> (String, bool) {
        let name = table.name;
        match (table.source)(order.by) {
            Some(Source::Column(column, nullable)) => {
                let is_text = match key {
                    Some(key) => matches!(key, Operand::Text(_)),
                    None => !matches!(
                        order.by,
                        Field::Active | Field::Created | Field::LastModified
                    ),
                };
                let collation = if is_text { " COLLATE \"binary\"" } else { "" };
                (format!("{name}.{column}{collation}"), nullable)
            }
            _ => (format!("{name}.created"), false),
        }
    }

    fn write_order(&mut self, table: &Table, order: Order) {
        let (column, nullable) = Self::sort_column(table, order, None);
        self.text.push_str(" ORDER BY ");
        let (null, other, direction) = if order.descending {
            (0, 1, " DESC")
        } else {
            (1, 0, "")
        };
        if nullable {
            let _ = write!(
                self.text,
                "CASE WHEN {column} IS NULL THEN {null} ELSE {other} END, "
            );
        }
        let _ = write!(self.text, "{column}{direction}");
        if order.by != Field::Id {
            let _ = write!(self.text, ", {}.id COLLATE \"binary\"", table.name);
        }
    }

    fn write_after(&mut self, table: &Table, order: Order, position: &Position) {
        let (column, nullable) = Self::sort_column(table, order, position.key.as_ref());
        let id = format!("{}.id COLLATE \"binary\"", table.name);
        let Some(key) = &position.key else {
            let after = self.bind(Operand::Text(position.id.clone()));
            let _ = if order.descending {
                write!(self.text, "({column} IS NOT NULL OR {id} > {after})")
            } else {
                write!(self.text, "({column} IS NULL AND {id} > {after})")
            };
            return;
        };
        let key = self.bind(key.clone());
        let after = self.bind(Operand::Text(position.id.clone()));
        let sign = if order.descending { "<" } else { ">" };
        let beyond =
            format!("{column} {sign}= {key} AND ({column} {sign} {key} OR {id} > {after})");
        let _ = if nullable && !order.descending {
            write!(self.text, "({column} IS NULL OR ({beyond}))")
        } else {
            write!(self.text, "({beyond})")
        };
    }
}

/// Returns the steps of SQLite's query plan.
pub(super) async fn explain(db: &mut Db, statement: Statement) -> Result<Vec<String>> {
    let text = format!("EXPLAIN QUERY PLAN {}", statement.text);
    let query = sqlx::query(sqlx::AssertSqlSafe(text));
    let rows = bound!(query, statement).fetch_all(db).await?;
    Ok(rows.iter().map(|row| row.get("detail")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_the_next_begins() {
        assert_eq!(beyond("ab"), Some("ac".to_owned()));
        assert_eq!(beyond("a\u{d7ff}"), Some("a\u{e000}".to_owned()));
        assert_eq!(beyond("a\u{10ffff}"), Some("b".to_owned()));
        assert_eq!(beyond("\u{10ffff}"), None);
    }
}
