//! The migrations of the database schema. A new file in `migrations/` must be
//! listed here.

use std::sync::LazyLock;

use sqlx::migrate::Migrator;

/// All migrations, in the order of their versions.
pub(super) static MIGRATIONS: LazyLock<Migrator> = ambient::migrations![
    "0001_portal.sql",
    "0002_saml_settings.sql",
    "0003_single_logout.sql",
    "0004_scim_queries.sql",
    "0005_licensing.sql",
    "0006_scim_log.sql",
    "0007_social_sign_in.sql",
    "0012_scim_token_at_start.sql",
    "0020_sign_in_problems.sql",
    "0031_removed_people.sql",
    "0032_domain_claims.sql",
    "0040_metadata_reading.sql",
    "0041_scim_issuers.sql",
    "0042_scim_rules.sql",
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sqlx::{AnyConnection, Connection as _};

    use super::*;

    /// Reads the folder with SQLx's own reader, which `sqlx::migrate!` uses
    /// as well.
    async fn load_migrations_by_sqlx() -> Migrator {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        Migrator::new(folder).await.unwrap()
    }

    #[tokio::test]
    async fn every_migration_of_the_folder_is_listed_with_sqlx_checksum() {
        let describe = |migrator: &Migrator| -> Vec<_> {
            migrator
                .iter()
                .map(|migration| {
                    (
                        migration.version,
                        migration.description.clone(),
                        migration.migration_type,
                        migration.checksum.clone(),
                        migration.no_tx,
                    )
                })
                .collect()
        };
        assert_eq!(
            describe(&MIGRATIONS),
            describe(&load_migrations_by_sqlx().await)
        );
    }

    #[tokio::test]
    async fn a_database_migrated_by_sqlx_still_opens() {
        ambient::sqlite::install_drivers();
        let folder = tempfile::tempdir().unwrap();
        let url = format!(
            "sqlite://{}?mode=rwc",
            folder.path().join("old.db").display()
        );
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        load_migrations_by_sqlx()
            .await
            .run(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();

        let store = crate::store::Store::open(&url, false).await.unwrap();
        store.close().await;
    }
    #[tokio::test]
    async fn a_database_of_a_newer_version_is_refused_and_not_changed() {
        ambient::sqlite::install_drivers();
        let folder = tempfile::tempdir().unwrap();
        let url = format!(
            "sqlite://{}?mode=rwc",
            folder.path().join("newer.db").display()
        );
        crate::store::Store::open(&url, false)
            .await
            .unwrap()
            .close()
            .await;
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9001, 'of tomorrow', 1, x'00', 0)",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        connection.close().await.unwrap();
        let bytes = || std::fs::read(folder.path().join("newer.db")).unwrap();
        let before = bytes();

        let refused = crate::store::Store::open(&url, false).await.err().unwrap();
        let known = MIGRATIONS.iter().last().unwrap().version;
        assert_eq!(
            refused.to_string(),
            format!(
                "cannot use the database: a newer version wrote it (its schema has version 9001, \
                 this program supports up to {known}); start that version, or use a copy of the \
                 database from before the upgrade"
            )
        );
        assert!(before == bytes(), "the file has changed");
    }
}
