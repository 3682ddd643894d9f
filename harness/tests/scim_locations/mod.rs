//! Addresses that a server returns: what is judged where they are missing, and that everything is
//! deleted although they lead nowhere.

use ambient::Ambient;
use rehearsal::check::runner::{Runner, Selection};
use rehearsal::check::scim::credentials::Credentials;
use rehearsal::check::scim::wire::{Asked, Pending, Told, Wire, WireError};
use rehearsal::check::scim::{Judge, Options, catalogue};
use rehearsal::check::{CheckReport, Outcome, Verdict};
use serde_json::Value;

use super::mutant_scim::{
    BASE, Bend, Bent, Refusal, Server, TOKEN, edit, error, filter_of, told, under,
};

/// Refuses requests to other hosts as the HTTP client does: the token is not for them.
struct OneHost(Bent);

impl Wire for OneHost {
    fn send<'a>(&'a self, asked: &'a Asked) -> Pending<'a, Result<Told, WireError>> {
        if asked.target.contains("://") && !asked.target.starts_with("http://scim.test/") {
            let why = format!("{} is on another host, and was not asked", asked.target);
            return Box::pin(std::future::ready(Err(WireError::NotSent(why))));
        }
        self.0.send(asked)
    }
}

async fn judged(bend: Bend, only: &str) -> (CheckReport, OneHost) {
    let wire = OneHost(Bent::with(bend));
    let judge = Judge {
        wire: &wire,
        base: BASE.to_owned(),
        credentials: Credentials::Bearer(TOKEN.to_owned()),
        options: Options::default(),
        read_only: false,
        runner: Runner {
            selection: Selection::new(&[only.to_owned()], &[], &catalogue()).unwrap(),
            ..Runner::default()
        },
        ambient: Ambient::real(),
    };
    let report = judge.judge().await.unwrap();
    (report, wire)
}

fn outcome<'r>(report: &'r CheckReport, id: &str) -> &'r Outcome {
    let found = report.outcomes.iter().find(|it| it.check.id == id);
    found.unwrap_or_else(|| panic!("{id} was not judged"))
}

fn refuse_search(asked: &Asked) -> Option<Told> {
    let is_search = filter_of(asked).is_some_and(|it| it.contains(" sw "));
    is_search.then(|| {
        let refusal = Refusal(400, Some("invalidFilter"), "sw is not supported".to_owned());
        told(400, &error(&refusal))
    })
}

/// Replaces the base URL in all addresses of an answer.
fn move_addresses(told: &mut Told, to: &str) {
    told.text = told.text.replace(BASE, to);
    for (_, value) in &mut told.headers {
        *value = value.replace(BASE, to);
    }
}

fn on_another_host(server: &Server, asked: &Asked) -> Option<Told> {
    let mut told = refuse_search(asked).unwrap_or_else(|| server.answer(asked));
    move_addresses(&mut told, "http://internal.example:9999/v2");
    Some(told)
}

fn under_another_path(server: &Server, asked: &Asked) -> Option<Told> {
    let mut told = refuse_search(asked).unwrap_or_else(|| server.answer(asked));
    move_addresses(&mut told, "http://scim.test/v2/other");
    Some(told)
}

fn without_bodies(server: &Server, asked: &Asked) -> Option<Told> {
    let mut told = on_another_host(server, asked)?;
    if told.status == 201 {
        told.text = String::new();
    }
    Some(told)
}

#[tokio::test]
async fn resources_are_deleted_by_id_although_their_addresses_lead_elsewhere() {
    for bend in [on_another_host, under_another_path, without_bodies] {
        for only in ["SCIM-BULK", "SCIM-CREATE-01", "SCIM-GROUP"] {
            let (report, wire) = judged(Bend::Does(bend), only).await;
            assert_eq!(wire.0.left(), Vec::<String>::new(), "{only}");
            let clean = report
                .outcomes
                .iter()
                .find(|it| it.check.id == "SCIM-CLEAN-01");
            assert!(clean.is_none(), "{clean:#?}");
        }
    }
}

fn creates_by_put(server: &Server, asked: &Asked) -> Option<Told> {
    refuse_search(asked).or_else(|| server.upsert(asked))
}

fn creates_by_put_with_own_id(server: &Server, asked: &Asked) -> Option<Told> {
    refuse_search(asked).or_else(|| server.upsert_with_own_id(asked))
}

#[tokio::test]
async fn a_user_that_put_created_is_deleted() {
    for upserts in [creates_by_put, creates_by_put_with_own_id] {
        let bend = Bend::Does(upserts);
        let (report, wire) = judged(bend, "SCIM-PUT-06").await;
        assert_eq!(outcome(&report, "SCIM-PUT-06").verdict, Verdict::Fail);
        assert_eq!(wire.0.left(), Vec::<String>::new());
    }
}

