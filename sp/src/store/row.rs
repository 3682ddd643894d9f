//! Converts rows of the database to structs.

/// Implements `sqlx::FromRow` for a struct whose fields have the names of the
/// columns. A missing field is a compile error.
///
/// The derive macro of `sqlx` would compile SQLx, Tokio and SQLite a second
/// time for the host: see docs/decisions/0008-first-build.md.
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
