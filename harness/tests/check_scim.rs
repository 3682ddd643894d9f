//! `rehearsal check scim`: no finding at our own portal, and nothing left
//! behind.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ambient::Ambient;
use harness::check::scim::wire::Http;
use harness::check::scim::{Judge, Trouble};
use harness::check::{CheckReport, Verdict};
use harness::organization::Plan;
use harness::{Options, World};
use url::Url;

/// Findings at our own portal that are still to be mended.
const OWED: [&str; 6] = [
    "SCIM-ETAG-10",
    "SCIM-PATCH-25",
    "SCIM-PATCH-51",
    "SCIM-PATCH-54",
    "SCIM-READ-16",
    "SCIM-SORT-07",
];

/// Our portal, its demo organization set up.
async fn portal() -> (World, Url, String) {
    let options = Options {
        untapped: true,
        ..Options::default()
    };
    let mut world = World::with(options).await.unwrap();
    world.demo_organization(Plan::default()).await.unwrap();
    let ready = world.ready();
    let base = ready["sp"]["scim_base_url"].as_str().unwrap();
    let token = ready["sp"]["scim_bearer_token"].as_str().unwrap();
    (world, Url::parse(base).unwrap(), token.to_owned())
}

async fn judged(base: &Url, token: &str, read_only: bool) -> Result<CheckReport, Trouble> {
    let wire = Http::to(base.clone()).unwrap();
    let judge = Judge {
        wire: &wire,
        base: base.to_string(),
        token: token.to_owned(),
        read_only,
        stopped: Arc::new(AtomicBool::new(false)),
        ambient: Ambient::real(),
    };
    judge.judge().await
}

fn told(report: &CheckReport, verdict: Verdict) -> Vec<String> {
    let all = report.outcomes.iter();
    all.filter(|outcome| outcome.verdict == verdict)
        .filter(|outcome| !OWED.contains(&outcome.check.id.as_str()))
        .map(|outcome| {
            let check = &outcome.check;
            format!("{} {}: {}", check.id, check.title, outcome.actual)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn our_portal_has_no_finding() {
    let (world, base, token) = portal().await;
    let report = judged(&base, &token, false).await.unwrap();
    assert_eq!(told(&report, Verdict::Fail), Vec::<String>::new());
    assert_eq!(told(&report, Verdict::Warn), Vec::<String>::new());
    let evidence = report.json().to_string();
    assert!(!evidence.contains(&token), "the token is in the report");
    world.rehearsal.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_opens_nothing_is_told_before_anything_is_judged() {
    let (world, base, _) = portal().await;
    let refused = judged(&base, "no-token-of-ours", false).await;
    assert!(matches!(refused, Err(Trouble::Refused(_))), "{refused:?}");
    world.rehearsal.shutdown().await;
}
