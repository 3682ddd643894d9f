//! Addresses that a server returns: what is judged where they are missing, and that everything is
//! deleted although they lead nowhere.

use rehearsal::check::scim::wire::{Pending, ScimAnswer, ScimRequest, Wire, WireError};
use rehearsal::check::{CheckReport, Outcome, Verdict};
use serde_json::Value;

use super::mutant_scim::{
    BASE, MutantServer, Mutation, Refusal, Server, answer, edit, error, filter_of, under,
};

/// Refuses requests to other hosts as the HTTP client does: the token is not for them.
struct OneHost(MutantServer);

impl Wire for OneHost {
    fn send<'a>(&'a self, request: &'a ScimRequest) -> Pending<'a, Result<ScimAnswer, WireError>> {
        if request.target.contains("://") && !request.target.starts_with("http://scim.test/") {
            let why = format!("{} is on another host, and was not asked", request.target);
            return Box::pin(std::future::ready(Err(WireError::NotSent(why))));
        }
        self.0.send(request)
    }
}

async fn judge_mutant(bend: Mutation, only: &str) -> (CheckReport, OneHost) {
    let wire = OneHost(MutantServer::with(bend));
    let report = super::judge_only(&wire, only).await;
    (report, wire)
}

fn outcome<'r>(report: &'r CheckReport, id: &str) -> &'r Outcome {
    let found = report.outcomes.iter().find(|it| it.check.id == id);
    found.unwrap_or_else(|| panic!("{id} was not judged"))
}

fn refuse_search(request: &ScimRequest) -> Option<ScimAnswer> {
    let is_search = filter_of(request).is_some_and(|it| it.contains(" sw "));
    is_search.then(|| {
        let refusal = Refusal(400, Some("invalidFilter"), "sw is not supported".to_owned());
        answer(400, &error(&refusal))
    })
}

/// Replaces the base URL in all addresses of an answer.
fn move_addresses(answer: &mut ScimAnswer, to: &str) {
    answer.text = answer.text.replace(BASE, to);
    for (_, value) in &mut answer.headers {
        *value = value.replace(BASE, to);
    }
}

fn on_another_host(server: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let mut answer = refuse_search(request).unwrap_or_else(|| server.answer(request));
    move_addresses(&mut answer, "http://internal.example:9999/v2");
    Some(answer)
}

fn under_another_path(server: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let mut answer = refuse_search(request).unwrap_or_else(|| server.answer(request));
    move_addresses(&mut answer, "http://scim.test/v2/other");
    Some(answer)
}

fn without_bodies(server: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    let mut answer = on_another_host(server, request)?;
    if answer.status == 201 {
        answer.text = String::new();
    }
    Some(answer)
}

#[tokio::test]
async fn resources_are_deleted_by_id_although_their_addresses_lead_elsewhere() {
    for bend in [on_another_host, under_another_path, without_bodies] {
        for only in ["SCIM-BULK", "SCIM-CREATE-01", "SCIM-GROUP"] {
            let (report, wire) = judge_mutant(Mutation::AnswersInstead(bend), only).await;
            assert_eq!(wire.0.left(), Vec::<String>::new(), "{only}");
            let clean = report
                .outcomes
                .iter()
                .find(|it| it.check.id == "SCIM-CLEAN-01");
            assert!(clean.is_none(), "{clean:#?}");
        }
    }
}

#[tokio::test]
async fn an_address_that_was_not_asked_is_no_missing_answer() {
    let (report, _) = judge_mutant(Mutation::AnswersInstead(on_another_host), "SCIM-").await;
    for one in &report.outcomes {
        let said = format!("{}: {}", one.check.id, one.actual);
        assert!(!said.contains("got no answer"), "{said}");
        assert!(!said.contains("stopped answering"), "{said}");
    }
    // The other host causes one warning only, because it may be the name of a proxy.
    let host = outcome(&report, "SCIM-DISC-29");
    assert_eq!(host.verdict, Verdict::Warn);
    assert!(host.actual.contains("internal.example:9999"), "{host:#?}");
    assert!(host.check.fix.contains("X-Forwarded"), "{host:#?}");
    let found: Vec<&str> = report.findings().map(|it| it.check.id.as_str()).collect();
    // The search is refused by this server.
    assert!(
        found.iter().all(|it| it.starts_with("SCIM-FILTER")),
        "{found:?}"
    );
    for id in ["SCIM-DISC-25", "SCIM-CREATE-09", "SCIM-BULK-02"] {
        assert_eq!(outcome(&report, id).verdict, Verdict::Skip, "{id}");
        assert_eq!(outcome(&report, id).cause.as_deref(), Some("SCIM-DISC-29"));
    }
}

#[tokio::test]
async fn an_address_under_a_path_without_the_resource_is_a_finding() {
    let (whole, _) = judge_mutant(Mutation::AnswersInstead(under_another_path), "SCIM-").await;
    let (bulk, _) =
        judge_mutant(Mutation::AnswersInstead(under_another_path), "SCIM-BULK-02").await;
    for (report, id, expected) in [
        (&whole, "SCIM-DISC-25", "/v2/ServiceProviderConfig"),
        (&whole, "SCIM-CREATE-09", "/v2/Users/user-"),
        (&bulk, "SCIM-BULK-02", "/v2/Users/bulk-"),
    ] {
        let one = outcome(report, id);
        assert_eq!(one.verdict, Verdict::Fail, "{one:#?}");
        assert!(one.actual.contains("/v2/other/"), "{}", one.actual);
        let expected = format!("expected http://scim.test{expected}");
        assert!(one.actual.contains(&expected), "{}", one.actual);
    }
    assert_eq!(outcome(&whole, "SCIM-DISC-29").verdict, Verdict::Pass);
    // Resources with wrong addresses are one finding.
    let bulk = outcome(&whole, "SCIM-BULK-02");
    assert_eq!(bulk.cause.as_deref(), Some("SCIM-CREATE-09"), "{bulk:#?}");
}

#[tokio::test]
async fn without_a_location_its_checks_are_skipped() {
    let bend = Mutation::ChangesAnswer(|request, answer| {
        if request.method == "POST" {
            answer.headers.retain(|(name, _)| name != "location");
        }
    });
    let (report, _) = judge_mutant(bend, "SCIM-CREATE-0").await;
    assert_eq!(outcome(&report, "SCIM-CREATE-02").verdict, Verdict::Fail);
    for id in ["SCIM-CREATE-03", "SCIM-CREATE-09"] {
        let one = outcome(&report, id);
        assert_eq!(one.verdict, Verdict::Skip, "{one:#?}");
        assert_eq!(one.cause.as_deref(), Some("SCIM-CREATE-02"), "{one:#?}");
    }
}

fn creates_by_put(server: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    refuse_search(request).or_else(|| server.upsert(request))
}

fn creates_by_put_with_own_id(server: &Server, request: &ScimRequest) -> Option<ScimAnswer> {
    refuse_search(request).or_else(|| server.upsert_with_own_id(request))
}

#[tokio::test]
async fn a_user_that_put_created_is_deleted() {
    for upserts in [creates_by_put, creates_by_put_with_own_id] {
        let bend = Mutation::AnswersInstead(upserts);
        let (report, wire) = judge_mutant(bend, "SCIM-PUT-06").await;
        assert_eq!(outcome(&report, "SCIM-PUT-06").verdict, Verdict::Fail);
        assert_eq!(wire.0.left(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_deleted_user_in_a_group_is_a_warning() {
    let bend = Mutation::AnswersInstead(|server, request| {
        if !under(request, "GET", "/Groups/") {
            return None;
        }
        let mut answer = server.answer(request);
        edit(&mut answer, |group| {
            // The member was created just before the group.
            let number = request.target.rsplit('-').next().unwrap_or_default();
            let before: u64 = number.parse::<u64>().unwrap() - 1;
            let user = format!("user-{before}");
            let gone = server.gone().into_iter().filter(|it| it["id"] == *user);
            let gone = gone.map(|it| serde_json::json!({"value": it["id"]}));
            let mut members = group["members"].as_array().cloned().unwrap_or_default();
            members.extend(gone);
            group["members"] = Value::from(members);
        });
        Some(answer)
    });
    let (report, _) = judge_mutant(bend, "SCIM-GROUP-23").await;
    let one = outcome(&report, "SCIM-GROUP-23");
    // RFC 7644 §3.6 says nothing about groups.
    assert_eq!(one.verdict, Verdict::Warn, "{one:#?}");
    assert_eq!(one.check.spec, "RFC 7643 §4.2");
}
