//! The check of pages beyond 10,000 users, at servers that have so many.

use rehearsal::check::runner::{Runner, Selection};
use rehearsal::check::scim::catalogue;
use rehearsal::check::{Outcome, Verdict};
use sp::store::{Store, tenants, users};
use url::Url;

use super::mutant_scim::{MutantServer, Mutation, answer_pages, refuse_pages};
use super::{judge_url_with, judge_wire, start_portal_with};

const ID: &str = "SCIM-PAGE-17";

fn find(outcomes: Vec<Outcome>) -> (Verdict, String) {
    let mut all = outcomes.into_iter();
    let found = all.find(|it| it.check.id == ID).unwrap();
    (found.verdict, found.actual)
}

async fn judge_mutant(bend: Mutation) -> (Verdict, String) {
    let server = MutantServer::with(bend);
    find(judge_wire(&server, false).await.outcomes)
}

#[tokio::test]
async fn a_server_with_more_than_ten_thousand_users_is_judged() {
    let (verdict, actual) = judge_mutant(Mutation::AnswersInstead(|_, a| answer_pages(a))).await;
    assert_eq!(verdict, Verdict::Pass, "{actual}");
}

#[tokio::test]
async fn a_server_may_decline_so_many_users() {
    let declines = Mutation::AnswersInstead(|_, a| refuse_pages(a, "tooMany"));
    let (verdict, actual) = judge_mutant(declines).await;
    assert_eq!(verdict, Verdict::Skip, "{actual}");
    assert!(
        actual.starts_with("the server declines to list so many users"),
        "{actual}"
    );
}

#[tokio::test]
async fn with_fewer_users_the_check_says_what_to_do() {
    let server = MutantServer::default();
    let (verdict, actual) = find(judge_wire(&server, false).await.outcomes);
    assert_eq!(verdict, Verdict::Skip, "{actual}");
    assert!(
        actual.contains("needs more than 10,000: run it with --only SCIM-PAGE-17"),
        "{actual}"
    );
}

/// Adds users to the database of the portal, for the tenant of the SCIM base URL.
async fn insert_users(database: &str, base: &Url, count: usize) {
    let store = Store::open(database, false).await.unwrap();
    let mut segments = base.path_segments().unwrap().rev();
    let tenant = segments.nth(1).unwrap().to_owned();
    let mut tx = store.write().await.unwrap();
    let tenant = tenants::find_by_id(&mut tx, &tenant).await.unwrap();
    let business_id = tenant.unwrap().business_id;
    for number in 0..count {
        let row = users::UserRow {
            id: format!("00000000-0000-4000-8000-{number:012}"),
            business_id: business_id.clone(),
            user_name: format!("user{number}@many.example"),
            email: None,
            external_id: None,
            display_name: None,
            active: 1,
            source: "scim".into(),
            resource: "{}".into(),
            version: 1,
            created: i64::try_from(number).unwrap(),
            last_modified: i64::try_from(number).unwrap(),
            grouped: 0,
        };
        users::insert(&mut tx, &row).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn our_portal_lists_more_than_ten_thousand_users() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}/p.db?mode=rwc", folder.path().display());
    let (world, base, token) = start_portal_with(rehearsal::Options {
        database_url: Some(database.clone()),
        ..rehearsal::Options::default()
    })
    .await;
    insert_users(&database, &base, 10_005).await;
    let runner = Runner {
        selection: Selection::new(&[ID.to_owned()], &[], &catalogue()).unwrap(),
        ..Runner::default()
    };
    let report = judge_url_with(&base, &token, true, runner).await.unwrap();
    let (verdict, actual) = find(report.outcomes);
    assert_eq!(verdict, Verdict::Pass, "{actual}");
    world.rehearsal.shutdown().await;
}
