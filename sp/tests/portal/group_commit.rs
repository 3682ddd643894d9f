//! Write transactions that share a commit: each is atomic, and none reports
//! success before the data is on the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sp::store::{self, Store, locks, members, people};

use crate::database::TestDatabase;

fn business(id: String) -> members::BusinessRow {
    members::BusinessRow {
        id,
        name: "x".into(),
        details: "{}".into(),
        created: 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_share_a_transaction_and_undo_only_their_own() {
    let database = TestDatabase::create().await;
    let store = Store::open(database.url(), true).await.unwrap();
    let writers = (0..60).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut tx = store.write().await.unwrap();
            for part in 0..3 {
                let row = business(format!("{n}-{part}"));
                members::insert_business(&mut tx, &row).await.unwrap();
            }
            match n % 3 {
                // Drops the transaction without a commit.
                0 => return false,
                // Fails with a unique violation and drops the transaction.
                1 => {
                    let twin = business(format!("{n}-0"));
                    assert!(members::insert_business(&mut tx, &twin).await.is_err());
                    return false;
                }
                _ => tx.commit().await.unwrap(),
            }
            // After a successful commit, another connection must see the row.
            let mut db = store.read().await.unwrap();
            members::find_business(&mut db, &format!("{n}-2"))
                .await
                .unwrap()
                .is_some()
        })
    });
    let written = futures::future::join_all(writers).await;
    let written = written
        .into_iter()
        .filter(|written| *written.as_ref().unwrap());
    assert_eq!(written.count(), 20);
    store.close().await;
    let store = Store::open(database.url(), true).await.unwrap();
    let mut db = store.read().await.unwrap();
    for n in 0..60 {
        for part in 0..3 {
            let row = members::find_business(&mut db, &format!("{n}-{part}")).await;
            assert_eq!(row.unwrap().is_some(), n % 3 == 2, "{n}-{part}");
        }
    }
}

#[tokio::test]
async fn a_writer_that_stops_waiting_does_not_delay_others() {
    // There is one writer at a time on SQLite; on PostgreSQL no
    // transaction waits.
    let database = TestDatabase::sqlite();
    let store = Store::open(database.url(), false).await.unwrap();
    let mut first = store.write().await.unwrap();
    members::insert_business(&mut first, &business("first".into()))
        .await
        .unwrap();
    let impatient = {
        let store = store.clone();
        tokio::spawn(async move { store.write().await.map(|_| ()) })
    };
    tokio::task::yield_now().await;
    impatient.abort();
    assert!(impatient.await.is_err());
    first.commit().await.unwrap();
    let spoiled = store.write().await.unwrap();
    drop(spoiled);
    let mut db = store.read().await.unwrap();
    assert!(
        members::find_business(&mut db, "first")
            .await
            .unwrap()
            .is_some()
    );
    drop(db);
    store.close().await;
}

/// Inserts a business account and a user with the same ID.
async fn insert_user(store: &Store, id: &str) {
    let mut tx = store.write().await.unwrap();
    members::insert_business(&mut tx, &business(id.to_owned()))
        .await
        .unwrap();
    let person = people::PersonRow {
        id: id.to_owned(),
        business_id: id.to_owned(),
        user_name: id.to_owned(),
        email: None,
        external_id: None,
        display_name: None,
        active: 1,
        source: "sso".to_owned(),
        last_login: None,
        directory_changed: 0,
    };
    assert!(people::insert(&mut tx, &person, "{}", 0).await.unwrap());
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_the_database_ended_for_a_deadlock_runs_again() {
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let store = Store::open(database.url(), true).await.unwrap();
    for id in ["one", "other"] {
        insert_user(&store, id).await;
    }
    let both_hold_one = Arc::new(tokio::sync::Barrier::new(2));
    // A deadlock: each transaction locks a row that the other one waits for.
    // PostgreSQL aborts one of them.
    let lock_both = |first: &'static str, second: &'static str| {
        let (store, both_hold_one) = (store.clone(), Arc::clone(&both_hold_one));
        tokio::spawn(async move {
            let runs = AtomicUsize::new(0);
            store::with_retry(async || {
                let mut tx = store.write().await?;
                locks::lock_user(&mut tx, first).await?;
                if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                    both_hold_one.wait().await;
                }
                locks::lock_user(&mut tx, second).await?;
                tx.commit().await.map_err(store::StoreError::from)
            })
            .await
            .map(|()| runs.load(Ordering::SeqCst))
        })
    };
    let (one, other) = futures::join!(lock_both("one", "other"), lock_both("other", "one"));
    // On a busy machine, the repeated one may meet the other one once more.
    let runs = [one.unwrap().unwrap(), other.unwrap().unwrap()];
    assert!(runs.iter().any(|it| *it > 1), "{runs:?}");
    store.close().await;
}
