//! Database migrations that are embedded in the binary.

/// Embeds the files of the crate's folder `migrations` that are named:
/// `migrations!["0001_first.sql", "0002_second.sql"]` is a `LazyLock<sqlx::migrate::Migrator>`.
/// A file that is missing, or whose name does not start with a version, is a compile error.
///
/// Versions, descriptions and checksums are the same as those of `sqlx::migrate!`, so that
/// databases which that macro migrated stay valid. The macro is not used because it would build
/// SQLx, Tokio and SQLite a second time for the host: see docs/decisions/0008-first-build.md.
#[macro_export]
macro_rules! migrations {
    ($($file:literal),+ $(,)?) => {
        ::std::sync::LazyLock::new(|| {
            ::sqlx::migrate::Migrator::with_migrations(::std::vec![$({
                const VERSION: i64 = $crate::migrations::version($file);
                const SQL: &str =
                    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $file));
                ::sqlx::migrate::Migration::new(
                    VERSION,
                    $crate::migrations::description($file).into(),
                    ::sqlx::migrate::MigrationType::Simple,
                    ::sqlx::SqlSafeStr::into_sql_str(SQL),
                    SQL.starts_with("-- no-transaction"),
                )
            }),+])
        })
    };
}

/// Returns the version in the file name of a migration: the digits before the first `_`.
///
/// # Panics
/// If the name does not start with digits and `_`. [`migrations!`](crate::migrations!) calls
/// this function at compile time, so there it is a compile error.
#[must_use]
pub const fn version(file: &str) -> i64 {
    let bytes = file.as_bytes();
    let mut version = 0;
    let mut at = 0;
    while at < bytes.len() && bytes[at].is_ascii_digit() {
        version = version * 10 + (bytes[at] - b'0') as i64;
        at += 1;
    }
    assert!(
        at > 0 && at < bytes.len() && bytes[at] == b'_',
        "invalid name of a migration: expected VERSION_DESCRIPTION.sql"
    );
    version
}

/// Returns the description in the file name of a migration: the text after the version, without
/// `.sql`, with spaces in place of `_`.
#[must_use]
pub fn description(file: &str) -> String {
    let name = file.split_once('_').map_or(file, |(_, name)| name);
    name.trim_end_matches(".sql").replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_has_version_and_description() {
        assert_eq!(version("0012_scim_token_at_start.sql"), 12);
        assert_eq!(
            description("0012_scim_token_at_start.sql"),
            "scim token at start"
        );
    }

    #[test]
    #[should_panic(expected = "invalid name of a migration")]
    fn a_name_without_a_version_is_an_error() {
        let _ = version("portal.sql");
    }
}
