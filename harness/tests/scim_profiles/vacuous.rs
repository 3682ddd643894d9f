//! Servers at which a check sees nothing of what it judges: it must not pass.

use std::time::Duration;

use ambient::Ambient;
use rehearsal::check::runner::{Runner, Selection};
use rehearsal::check::scim::credentials::Credentials;
use rehearsal::check::scim::wire::{Pending, ScimAnswer, ScimRequest, Wire, WireError};
use rehearsal::check::scim::{Judge, Options};
use rehearsal::check::{CheckReport, Verdict};
use serde_json::{Value, json};

use super::super::mutant_scim::{BASE, MutantServer, Mutation, TOKEN, edit, is, under};
use super::mutants::refusal;

/// The check, its verdict, and the deviation of the server.
const VACUOUS: &[(&str, Verdict, Mutation)] = &[
    // A user who cannot be read: the one in the list decides.
    (
        "SCIM-PROFILE-14",
        Verdict::Warn,
        Mutation::ChangesAnswer(|request, answer| {
            if under(request, "GET", "/Users/") {
                answer.status = 500;
                answer.text.clear();
            }
            edit(answer, |body| {
                let all = body.get_mut("Resources").and_then(Value::as_array_mut);
                for one in all
                    .into_iter()
                    .flatten()
                    .filter(|it| it["userName"].is_string())
                {
                    one["shoeSize"] = json!(42);
                }
            });
        }),
    ),
    (
        "SCIM-PROFILE-10",
        Verdict::Skip,
        Mutation::ChangesAnswer(|request, answer| {
            if is(request, "GET", "/Schemas") {
                edit(answer, |body| each_schema(body, Vec::clear));
            }
        }),
    ),
    (
        "SCIM-PROFILE-16",
        Verdict::Warn,
        Mutation::ChangesAnswer(|request, answer| {
            if is(request, "GET", "/Schemas") {
                edit(answer, |body| {
                    each_schema(body, |all| drop_type_of_emails(all))
                });
            }
        }),
    ),
    (
        "SCIM-PROFILE-60",
        Verdict::Skip,
        Mutation::AnswersInstead(|_, request| {
            (request.method == "PATCH").then(|| refusal("invalidSyntax"))
        }),
    ),
    (
        "SCIM-PROFILE-70",
        Verdict::Skip,
        Mutation::AnswersInstead(|_, request| {
            (request.method == "PATCH").then(|| refusal("invalidSyntax"))
        }),
    ),
    ("SCIM-PROFILE-66", Verdict::Skip, NOBODY),
    ("SCIM-PROFILE-67", Verdict::Skip, NOBODY),
    ("SCIM-PROFILE-69", Verdict::Skip, NOBODY),
];

/// No user can be read by its id.
const NOBODY: Mutation = Mutation::ChangesAnswer(|request, answer| {
    if under(request, "GET", "/Users/") {
        *answer = refusal("noTarget");
        answer.status = 404;
    }
});

fn each_schema(body: &mut Value, change: impl Fn(&mut Vec<Value>)) {
    let all = body.get_mut("Resources").and_then(Value::as_array_mut);
    for schema in all.into_iter().flatten() {
        change(schema["attributes"].as_array_mut().unwrap());
    }
}

fn drop_type_of_emails(attributes: &mut [Value]) {
    for emails in attributes.iter_mut().filter(|it| it["name"] == "emails") {
        let parts = emails["subAttributes"].as_array_mut().unwrap();
        parts.retain(|it| it["name"] != "type");
    }
}

/// A mutant whose judge does not wait for changes to become visible.
struct Unhurried(MutantServer);

impl Wire for Unhurried {
    fn send<'a>(&'a self, request: &'a ScimRequest) -> Pending<'a, Result<ScimAnswer, WireError>> {
        self.0.send(request)
    }

    fn pause(&self, _: Duration) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

async fn judge_by(id: &str, bend: Mutation) -> CheckReport {
    let judge = Judge {
        wire: &Unhurried(MutantServer::with(bend)),
        base: BASE.to_owned(),
        credentials: Credentials::Bearer(TOKEN.to_owned()),
        options: Options::default(),
        read_only: false,
        runner: Runner {
            selection: Selection::default().among(Some(vec![id.to_owned()])),
            ..Runner::default()
        },
        ambient: Ambient::real(),
    };
    judge.judge().await.unwrap()
}

#[tokio::test]
async fn a_check_does_not_pass_where_it_sees_nothing_of_what_it_judges() {
    for (id, verdict, bend) in VACUOUS {
        let report = judge_by(id, *bend).await;
        let found = report.outcomes.iter().find(|it| it.check.id == *id);
        let found = found.unwrap();
        assert_eq!(found.verdict, *verdict, "{id}: {}", found.actual);
    }
}
