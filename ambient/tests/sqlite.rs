//! The driver for SQLite: what `sqlx::Any` expects of it, and what happens to canceled requests.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used)]

use ambient::sqlite::{Opening, Readers, Writer, install_drivers};
use futures::poll;
use sqlx::{AnyConnection, Connection as _, Executor as _, Row as _};

/// A statement that takes much longer than a millisecond.
const SLOW: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
     SELECT COUNT(*) AS rows FROM n";

/// A new database file, and how to open it.
fn database() -> (tempfile::TempDir, Opening) {
    install_drivers();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/a%20b.db?mode=rwc", folder.path().display());
    (folder, Opening::new(&url, true))
}

async fn count_rows(connection: &mut AnyConnection) -> i64 {
    let counted = sqlx::query_scalar("SELECT COUNT(*) FROM things");
    counted.fetch_one(connection).await.unwrap()
}

async fn with_table(opening: &Opening) -> AnyConnection {
    let mut connection = opening.connect().await.unwrap();
    let script =
        "CREATE TABLE things (name TEXT UNIQUE, size BIGINT); CREATE INDEX sizes ON things (size)";
    connection.execute(script).await.unwrap();
    connection
}

#[tokio::test]
async fn parameters_are_bound_by_number_and_values_keep_their_type() {
    let (_folder, opening) = database();
    let mut connection = with_table(&opening).await;
    let row = sqlx::query("SELECT $2 AS second, $1 AS first, $2 || 'x' AS third, NULL AS absent")
        .bind(1_234_567_890_123_i64)
        .bind("zwei")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(row.get::<i64, _>("first"), 1_234_567_890_123);
    assert_eq!(row.get::<String, _>("second"), "zwei");
    assert_eq!(row.get::<String, _>(2), "zweix");
    assert_eq!(row.get::<Option<String>, _>("absent"), None);
    let insert = "INSERT INTO things (name, size) VALUES ($1, $2), ($3, $2)";
    let inserted = sqlx::query(insert).bind("a").bind(7_i64).bind("b");
    let inserted = inserted.execute(&mut connection).await.unwrap();
    assert_eq!(inserted.rows_affected(), 2);
    let twice = sqlx::query("INSERT INTO things (name) VALUES ('a')");
    let refused = twice.execute(&mut connection).await.unwrap_err();
    assert!(refused.as_database_error().unwrap().is_unique_violation());
}

#[tokio::test]
async fn a_statement_has_the_columns_of_the_changed_table() {
    let (_folder, opening) = database();
    let mut connection = with_table(&opening).await;
    connection
        .execute("INSERT INTO things (name) VALUES ('a')")
        .await
        .unwrap();
    for expected in [2, 3] {
        let row = sqlx::query("SELECT * FROM things");
        let row = row.fetch_one(&mut connection).await.unwrap();
        assert_eq!(row.len(), expected);
        let add = "ALTER TABLE things ADD COLUMN color TEXT";
        let _ = connection.execute(add).await;
    }
}

#[tokio::test]
async fn a_dropped_transaction_is_rolled_back() {
    let (_folder, opening) = database();
    let mut connection = with_table(&opening).await;
    let mut writer = Writer::new(opening);
    let insert = "INSERT INTO things (name) VALUES ('a')";
    writer.begin().await.unwrap();
    writer.execute(insert).await.unwrap();
    writer.give_up();
    assert_eq!(count_rows(&mut connection).await, 0);
    writer.begin().await.unwrap();
    writer.execute(insert).await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(count_rows(&mut connection).await, 1);
}

#[tokio::test]
async fn a_slow_statement_leaves_the_thread_and_a_canceled_one_is_rolled_back() {
    let (_folder, opening) = database();
    let mut connection = with_table(&opening).await;
    let mut writer = Writer::new(opening);
    writer.begin().await.unwrap();
    writer
        .execute("INSERT INTO things (name) VALUES ('a')")
        .await
        .unwrap();
    let first = sqlx::query(SLOW).fetch_all(&mut *writer);
    assert!(poll!(Box::pin(first)).is_ready());
    let mut second = Box::pin(sqlx::query(SLOW).fetch_all(&mut *writer));
    assert!(poll!(&mut second).is_pending());
    drop(second);
    writer.give_up();
    writer.begin().await.unwrap();
    assert_eq!(count_rows(&mut writer).await, 0);
    let third: i64 = sqlx::query_scalar(SLOW)
        .fetch_one(&mut *writer)
        .await
        .unwrap();
    assert_eq!(third, 300_000);
    writer.commit().await.unwrap();
    assert_eq!(count_rows(&mut connection).await, 0);
}

#[tokio::test]
async fn a_writer_waits_for_the_lock_of_another() {
    let (_folder, opening) = database();
    drop(with_table(&opening).await);
    let mut first = Writer::new(opening.clone());
    first.begin().await.unwrap();
    let waiting = tokio::spawn(async move {
        let mut second = Writer::new(opening);
        second.begin().await
    });
    while !waiting.is_finished() && first.is_in_transaction() {
        tokio::task::yield_now().await;
        first
            .execute("INSERT INTO things (name) VALUES (NULL)")
            .await
            .unwrap();
        if count_rows(&mut first).await == 20 {
            first.commit().await.unwrap();
        }
    }
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn readers_share_connections_until_they_are_closed() {
    let (_folder, opening) = database();
    drop(with_table(&opening).await);
    let readers = Readers::new(opening, 1);
    let mut first = readers.acquire().await.unwrap();
    first.execute("PRAGMA temp.user_version = 7").await.unwrap();
    assert!(poll!(Box::pin(readers.acquire())).is_pending());
    drop(first);
    let mut again = readers.acquire().await.unwrap();
    let version = sqlx::query_scalar("PRAGMA temp.user_version");
    let version: i64 = version.fetch_one(&mut *again).await.unwrap();
    assert_eq!(version, 7);
    drop(again);
    readers.close().await;
    let refused = readers.acquire().await.unwrap_err();
    assert!(matches!(refused, sqlx::Error::PoolClosed), "{refused}");
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_refused() {
    let (folder, opening) = database();
    std::fs::write(folder.path().join("a b.db"), "x".repeat(5000)).unwrap();
    let refused = opening.connect().await.unwrap_err().to_string();
    assert!(refused.contains("file is not a database"), "{refused}");
}
