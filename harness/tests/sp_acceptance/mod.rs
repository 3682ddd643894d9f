//! How a login starts, and how it is recognized.

use regex::Regex;
use rehearsal::check::runner::{Runner, Selection};
use rehearsal::check::sp::{
    Expect, FormField, Judge, MemorySource, Person, Provider, Target, Variants,
};
use rehearsal::check::{CheckReport, Outcome, Verdict};

use crate::broken_sp::{self, Switch, USER};
use crate::catalogue;
use crate::judged_sp::{judge_hole_by, target_at};
use crate::prepared_keys::ambient_with_keys;

/// Runs the checks that begin with one of `only`, or all but those that take long if it is empty.
async fn judge(
    switches: &[Switch],
    only: &[&str],
    expect: Option<Expect>,
    form: &[&str],
) -> CheckReport {
    let change = |target: Target| Target {
        start_form: fields(form),
        expect: expect.unwrap_or_else(|| target.expect.clone()),
        ..target
    };
    judge_changed(switches, only, change).await
}

fn fields(form: &[&str]) -> Vec<FormField> {
    let all = form.iter();
    all.map(|it| FormField::parse(it).unwrap()).collect()
}

/// As [`judge`], with a changed target.
async fn judge_changed(
    switches: &[Switch],
    only: &[&str],
    change: impl FnOnce(Target) -> Target,
) -> CheckReport {
    let ambient = ambient_with_keys();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    let sp = broken_sp::start_with(&provider.metadata(), switches.to_vec(), &ambient).await;
    let checks = rehearsal::check::sp::catalogue().unwrap();
    let only: Vec<String> = only.iter().map(|it| format!("SAML-SP-{it}")).collect();
    let left_out = match only.is_empty() {
        true => ["SAML-SP-DOS", "SAML-SP-SESS-07"]
            .map(str::to_owned)
            .to_vec(),
        false => Vec::new(),
    };
    let target = target_at(sp.base(), sp.metadata(), sp.document());
    let judge = Judge {
        target: change(target),
        provider,
        person: Person::of_the_guide(USER),
        variants: Variants::None,
        runner: Runner {
            selection: Selection::new(&only, &left_out, &checks).unwrap(),
            ..Runner::default()
        },
        ambient,
    };
    judge.judge().await.unwrap()
}

fn status(status: u16) -> Option<Expect> {
    Some(Expect::new(None, Some(status), None, None).unwrap())
}

fn location(pattern: &str) -> Option<Expect> {
    let pattern = Regex::new(pattern).unwrap();
    Some(Expect::new(None, Some(303), Some(pattern), None).unwrap())
}

fn cookie(name: &str) -> Option<Expect> {
    Some(Expect::new(None, None, None, Some(name.to_owned())).unwrap())
}

fn found(report: &CheckReport) -> Vec<&str> {
    assert_eq!(report.error, None);
    report.findings().map(|it| it.check.id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_a_location_and_a_cookie_show_a_login_as_the_text_does() {
    let holes = [
        Switch::Waves("wrong-audience", broken_sp::always),
        Switch::Waves("assertion-replayed", broken_sp::always),
        Switch::RedirectsProbe,
        Switch::KnownUsers,
    ];
    let moves = [&holes[..], &[Switch::Flaw("probe-moves")]].concat();
    let only = ["COND", "REPLAY", "XSW-01"];
    let by_text = judge(&holes, &only, None, &[]).await;
    let by_text = found(&by_text);
    assert!(by_text.contains(&"SAML-SP-COND-09"), "{by_text:?}");
    assert!(by_text.contains(&"SAML-SP-REPLAY-01"), "{by_text:?}");
    for (switches, expect) in [
        (&holes[..], status(200)),
        (&moves[..], location("^/welcome$")),
        (&holes[..], cookie("session")),
    ] {
        let words = expect.clone().unwrap().to_string();
        let report = judge(switches, &only, expect, &[]).await;
        assert_eq!(found(&report), by_text, "{words}");
        let forged = report.outcomes.iter();
        let forged = forged.filter(|it| it.check.id == "SAML-SP-XSW-01");
        let verdicts: Vec<Verdict> = forged.map(|it| it.verdict).collect();
        assert_eq!(verdicts, [Verdict::Pass], "{words}");
    }
}

/// A status is the same for every user: checks that compare two users are not judged.
#[tokio::test(flavor = "multi_thread")]
async fn a_status_does_not_show_who_is_logged_in() {
    let honest = [Switch::Flaw("takes-unsolicited"), Switch::Flaw("logout")];
    let report = judge(&honest, &[], status(200), &[]).await;
    assert_eq!(found(&report), Vec::<&str>::new());
    let skipped = report.outcomes.iter();
    let skipped = skipped.filter(|it| it.actual.contains("cannot tell who is logged in"));
    let skipped: Vec<&str> = skipped.map(|it| it.check.id.as_str()).collect();
    for id in ["SAML-SP-SESS-05", "SAML-SP-JIT-06", "SAML-SP-UNSOL-03"] {
        assert!(skipped.contains(&id), "{id}: {skipped:?}");
    }
    let passed = report.count(Verdict::Pass);
    assert!(passed > 200, "{passed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_matches_without_a_login_ends_the_run() {
    // The start of a login sets the cookie `browser`.
    for expect in [status(401), status(303), cookie("browser"), cookie("other")] {
        let words = expect.clone().unwrap().to_string();
        let report = judge(&[], &["GOOD-01"], expect, &[]).await;
        let error = report.error.as_ref().unwrap();
        assert_eq!(error.code, "wrong-expect", "{words}: {error:?}");
        assert!(error.message.contains(&words), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_can_start_the_login() {
    let switches = [Switch::Flaw("starts-by-form")];
    let only = ["GOOD-01", "XSW-01", "REQ-03"];
    let form = ["email={user}", "how-sso"];
    let report = judge(&switches, &only, None, &form).await;
    assert_eq!(found(&report), Vec::<&str>::new());
    assert_eq!(report.count(Verdict::Pass), 3, "{}", report.terminal());
    for (form, code, said) in [
        (&[][..], "wrong-start-url", "--start-form"),
        (&["email={user}", "how"], "wrong-start-url", "HTTP 400"),
        (&["mail={user}"], "wrong-start-form", "q; token, email"),
    ] {
        let report = judge(&switches, &only, None, form).await;
        let error = report.error.as_ref().unwrap();
        assert_eq!(error.code, code, "{error:?}");
        let text = format!("{} {}", error.message, error.fix);
        assert!(text.contains(said), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_after_which_no_login_starts_is_found() {
    let only = ["GOOD-01", "SLO", "DOS-12"];
    let honest = [Switch::Flaw("logout")];
    let report = judge(&honest, &only, None, &[]).await;
    assert_eq!(found(&report), Vec::<&str>::new());
    let loses = ["logout", "slo-loses-start"].map(Switch::Flaw);
    let report = judge(&loses, &only, None, &[]).await;
    assert_eq!(found(&report), ["SAML-SP-DOS-12"]);
    let text = &report.findings().next().unwrap().actual;
    assert!(text.contains("the start URL did not lead to"), "{text}");
    assert!(
        text.contains("before the messages of SAML-SP-SLO-"),
        "{text}"
    );
    assert!(text.contains("SAML-SP-SLO-05"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_takes_much_memory_is_found() {
    let only = ["GOOD-01", "SIG-01", "DOS-09", "DOS-13"];
    let metered = |target: Target| {
        let url = target.probe_url.join("/metrics").unwrap();
        Target {
            memory: Some(MemorySource::Metrics(url)),
            ..target
        }
    };
    let judge = |flaws: &[&'static str]| {
        let flaws: Vec<Switch> = flaws.iter().copied().map(Switch::Flaw).collect();
        async move { judge_changed(&flaws, &only, metered).await }
    };
    let report = judge(&[]).await;
    assert_eq!(found(&report), Vec::<&str>::new());
    assert_eq!(report.count(Verdict::Pass), 4, "{}", report.terminal());
    let report = judge(&["keeps-memory"]).await;
    assert_eq!(found(&report), ["SAML-SP-DOS-13"]);
    let text = &report.findings().next().unwrap().actual;
    assert!(text.ends_with(": SAML-SP-DOS-09 (300 MB)"), "{text}");
    let report = judge(&["no-metrics"]).await;
    let error = report.error.as_ref().unwrap();
    assert_eq!(error.code, "memory-not-read", "{error:?}");
    assert!(
        error
            .message
            .contains("/metrics: unexpected status: HTTP 404"),
        "{error:?}"
    );

    // What is not measured is not judged.
    for target in [metered as fn(Target) -> Target, |target| target] {
        let report = judge_changed(&[], &["GOOD-01", "DOS-13"], target).await;
        assert_eq!(report.count(Verdict::Skip), 1, "{}", report.terminal());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_can_start_the_logout() {
    let switches = ["logout", "out-by-form", "out-issuer"].map(Switch::Flaw);
    for (form, findings, said) in [
        (&["sure"][..], &["SAML-SP-SLO-17"][..], ""),
        (&[], &[], "give its fields with --logout-form"),
        (&["yes"], &[], "no form with the fields yes found"),
    ] {
        let change = |target: Target| Target {
            logout_form: fields(form),
            ..target
        };
        let report = judge_changed(&switches, &["GOOD-01", "SLO-17"], change).await;
        assert_eq!(found(&report), findings, "{form:?}");
        let logout = |it: &&Outcome| it.check.id == "SAML-SP-SLO-17";
        let text = &report.outcomes.iter().find(logout).unwrap().actual;
        assert!(text.contains(said), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_alone_does_not_show_that_a_session_has_ended() {
    let switches = [Switch::Flaw("logout")];
    let only = ["SLO-01", "SLO-03", "SLO-29", "SESS-07", "REDIR-01"];
    let report = judge(&switches, &only, cookie("session"), &[]).await;
    for outcome in &report.outcomes {
        assert_eq!(outcome.verdict, Verdict::Skip, "{}", outcome.check.id);
        let why = "a cookie does not show whether the session has ended";
        assert!(outcome.actual.contains(why), "{}", outcome.actual);
    }
    assert_eq!(report.outcomes.len(), 5);
}

/// With an expectation that matches every user, nothing shows whether the victim or the attacker
/// under their own name is logged in.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_the_expectation_cannot_tell_is_no_finding() {
    is_judged_only_if_it_shows_the_user("SAML-SP-XSW-01").await;
    // The user may be logged in under the changed name.
    is_judged_only_if_it_shows_the_user("SAML-SP-INJ-01").await;
}

async fn is_judged_only_if_it_shows_the_user(check: &str) {
    let all = catalogue();
    let wrapped = all.values().find(|it| it.check == check).unwrap();
    let hole = wrapped.refusal.clone().leak();
    let selection = || {
        let checks = rehearsal::check::sp::catalogue().unwrap();
        Selection::new(&[check.to_owned()], &[], &checks).unwrap()
    };
    let exact = format!("user={};", regex::escape(broken_sp::USER));
    let verdict = async |expect: &str| {
        let report = judge_hole_by(hole, expect, selection()).await;
        let outcome = report.outcomes.iter().find(|it| it.check.id == check);
        let outcome = outcome.unwrap();
        (outcome.verdict, outcome.actual.clone())
    };
    assert_eq!(verdict(&exact).await.0, Verdict::Fail, "{check}");
    let (loose, why) = verdict("user=").await;
    assert_eq!(loose, Verdict::Skip, "{why}");
    assert!(why.contains("cannot tell who is logged in"), "{why}");
}
