//! Rows of the database as structs.

/// Implement `sqlx::FromRow` for a struct whose fields are named like the
/// columns. A field that is not listed is a compile error.
///
/// `sqlx`'s own derive would build SQLx, Tokio and SQLite a second time for the
/// host: see docs/decisions/0008-first-build.md.
macro_rules! from_row {
    ($row:ident { $($column:ident),+ $(,)? }) => {
        impl sqlx::FromRow<'_, sqlx::any::AnyRow> for $row {
            fn from_row(row: &sqlx::any::AnyRow) -> sqlx::Result<Self> {
                Ok(Self {
                    $($column: sqlx::Row::try_get(row, stringify!($column))?,)+
                })
            }
        }
    };
}

pub(crate) use from_row;
