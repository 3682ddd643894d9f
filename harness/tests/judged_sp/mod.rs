//! Runs `check sp` at the service provider of the tests with one error, and returns the findings.

use std::time::Duration;

use jiff::SignedDuration;
use regex::Regex;
use rehearsal::check::profile::Kind;
use rehearsal::check::runner::{Progress, Runner, Selection};
use rehearsal::check::sp::{
    Disable, Judge, Person, PersonTemplate, Provider, Refetch, Target, Variants,
};
use rehearsal::check::{CheckReport, Verdict};
use saml::acceptance::SignaturePolicy;
use saml::metadata::SpMetadata;
use url::Url;

use crate::broken_sp::{self, CurrentCheck, Switch};
use crate::prepared_keys::ambient_with_keys;

/// Returns the broken service provider at this URL as a target.
pub(crate) fn target_at(base: &str, metadata: SpMetadata, document: String) -> Target {
    let at = |path: &str| Url::parse(&format!("{base}{path}")).unwrap();
    Target {
        metadata,
        document,
        start_url: Some(at("/login")),
        start_form: Vec::new(),
        probe_url: at("/whoami"),
        logout_url: Some(at("/logout")),
        logout_form: Vec::new(),
        disable: None,
        memory: None,
        expect: Regex::new(&format!("user={};", regex::escape(broken_sp::USER)))
            .unwrap()
            .into(),
    }
}

/// Returns what disables an identity provider by this request, which `admin` may send.
pub(crate) fn disable_by_post(admin: reqwest::Client, url: Url) -> Disable {
    Disable::new(move || {
        let sent = admin.post(url.clone()).send();
        Box::pin(async {
            let answer = sent.await.and_then(reqwest::Response::error_for_status);
            answer.map(drop).map_err(|error| error.to_string())
        })
    })
}

/// Checks a service provider with one hole by Responses alone. It can decrypt assertions.
pub(crate) async fn judge_hole(hole: &'static str) -> CheckReport {
    let exact = format!("user={};", regex::escape(broken_sp::USER));
    judge_hole_by(hole, &exact, of_messages()).await
}

/// Checks a service provider with one hole. `expect` recognizes the user in the probe.
pub(crate) async fn judge_hole_by(
    hole: &'static str,
    expect: &str,
    selection: Selection,
) -> CheckReport {
    let runner = Runner {
        selection,
        ..Runner::default()
    };
    let expect = Regex::new(expect).unwrap();
    let switches = vec![Switch::Waves(hole, broken_sp::always)];
    judged_with(switches, expect, runner).await
}

/// Checks a service provider that refuses only the documents of this control.
pub(crate) async fn judged_without(control: &'static str) -> CheckReport {
    let current: &'static CurrentCheck = Box::leak(Box::default());
    let checks = rehearsal::check::sp::catalogue().unwrap();
    let runner = Runner {
        selection: Selection::new(&[control.to_owned()], &[], &checks).unwrap(),
        progress: Progress::to(current),
        ..Runner::default()
    };
    let expect = format!("user={};", regex::escape(broken_sp::USER));
    let expect = Regex::new(&expect).unwrap();
    let switches = vec![
        Switch::DeclinesCheck(current, control),
        // With WantAssertionsSigned, it may refuse a Response whose assertion is not signed.
        Switch::Demands(SignaturePolicy::Either, false),
    ];
    judged_with(switches, expect, runner).await
}

/// Checks a service provider with these switches that can decrypt assertions.
async fn judged_with(mut switches: Vec<Switch>, expect: Regex, runner: Runner) -> CheckReport {
    let ambient = ambient_with_keys();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    let provider = provider.with_more_keys(None, &ambient).await.unwrap();
    switches.push(Switch::Flaw("decrypts"));
    let sp = broken_sp::start_with(&provider.metadata(), switches, &ambient).await;
    let target = target_at(sp.base(), sp.metadata(), sp.document());
    let judge = Judge {
        target: Target {
            expect: expect.into(),
            ..target
        },
        provider,
        person: Person::of_the_guide(broken_sp::USER),
        variants: Variants::None,
        runner,
        ambient,
    };
    judge.judge().await.unwrap()
}

/// Selects only the checks of Responses.
fn of_messages() -> Selection {
    let checks = rehearsal::check::sp::catalogue().unwrap();
    let groups = [
        "REQ", "AUTHN", "MD", "RELAY", "UNSOL", "ACS", "SESS", "JIT", "ORACLE", "SLO", "REDIR",
        "CERT", "TEN",
    ];
    let groups = groups.map(|it| format!("SAML-SP-{it}-"));
    Selection::new(&[], &groups, &checks).unwrap()
}

/// Selects all checks, also those that only profiles require.
pub(crate) fn with_those_of_profiles() -> Selection {
    let demanded = rehearsal::check::sp::profile_catalogue();
    let all = Selection::default().also("SAML-SP-CERT-09");
    demanded.iter().fold(all, |all, it| all.also(&it.id))
}

/// Returns the findings of a group of checks at a service provider with these flaws.
pub(crate) async fn find_with_flaws(flaws: &'static [&'static str], group: &str) -> Vec<String> {
    let ambient = ambient_with_keys();
    let mut provider = Provider::start(0, None, &ambient).await.unwrap();
    let switches: Vec<Switch> = flaws.iter().map(|it| Switch::Flaw(it)).collect();
    if group.starts_with("CERT") {
        provider = with_short_refetch(provider, &switches);
    }
    let second = match group {
        "TEN" => Some(Provider::start(0, None, &ambient).await.unwrap()),
        _ => None,
    };
    let (sp, second) = match second {
        Some(second) => {
            let idps = (provider.metadata(), second.metadata());
            let idps = (idps.0.as_str(), idps.1.as_str());
            let (sp, other) = broken_sp::tenants::start_two(idps, &switches, &ambient).await;
            (sp, Some((second, other)))
        }
        None => {
            let idp = provider.metadata();
            let sp = broken_sp::start_with(&idp, switches, &ambient).await;
            (sp, None)
        }
    };
    let checks = Kind::Sp.checks();
    let mut selected = vec![match group.contains('-') {
        true => format!("SAML-SP-{group}"),
        false => format!("SAML-SP-{group}-"),
    }];
    if group == "DOS-11" {
        // It judges the answers to the messages of other checks.
        selected.extend(["SAML-SP-XML-43", "SAML-SP-SLO-03"].map(str::to_owned));
    }
    // Only a profile requires SAML-SP-CERT-09, the opposite of CERT-07.
    let left_out = match group {
        "CERT" => vec!["SAML-SP-CERT-09".to_owned()],
        _ => Vec::new(),
    };
    let person = Person::of_the_guide(broken_sp::USER);
    let person = match group {
        // A persistent NameID, and attributes that are not about groups.
        "JIT" => person.with_template(PersonTemplate::preset("eduperson").unwrap()),
        _ => person,
    };
    let judge = Judge {
        target: target_at(sp.base(), sp.metadata(), sp.document()),
        provider,
        person,
        variants: Variants::None,
        runner: Runner {
            selection: Selection::new(&selected, &left_out, &checks).unwrap(),
            ..Runner::default()
        },
        ambient: ambient.clone(),
    };
    let second = second.map(|(provider, sp)| Judge {
        target: Target {
            expect: Regex::new("tenant=second;").unwrap().into(),
            disable: Some(sp.disable()),
            ..target_at(sp.base(), sp.metadata(), sp.document())
        },
        provider,
        person: Person::of_the_guide("kim@corp.example"),
        variants: Variants::None,
        runner: Runner::default(),
        ambient,
    });
    let report = judge.judge_with(second.as_ref()).await.unwrap();
    // A group that the service provider does not offer is skipped as a whole.
    let code = report.error.as_ref().map(|it| it.code);
    assert!(
        matches!(code, None | Some("nothing-judged")),
        "{flaws:?}: {code:?}"
    );
    let all = report.outcomes.iter();
    let mut lines: Vec<String> = all
        .filter_map(|it| match it.verdict {
            Verdict::Fail => Some(it.check.id.clone()),
            Verdict::Warn => Some(format!("warning {}", it.check.id)),
            Verdict::Pass | Verdict::Skip => None,
        })
        .collect();
    let skipped = report.count(Verdict::Skip);
    if skipped > 0 {
        lines.push(format!("{skipped} skipped"));
    }
    lines
}

/// The ids of the findings if Responses describe the person by this preset. The probe shows the
/// NameID.
pub(crate) async fn find_for_preset(
    preset: &str,
    shown: &str,
    switches: Vec<Switch>,
) -> Vec<String> {
    let ambient = ambient_with_keys();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    let sp = broken_sp::start_with(&provider.metadata(), switches, &ambient).await;
    let checks = rehearsal::check::sp::catalogue().unwrap();
    let selected = ["SAML-SP-GOOD-01", "SAML-SP-XSW", "SAML-SP-SLO"];
    let selected = selected.map(str::to_owned);
    let template = PersonTemplate::preset(preset).unwrap();
    let judge = Judge {
        target: Target {
            expect: Regex::new(&format!("user={};", regex::escape(shown)))
                .unwrap()
                .into(),
            ..target_at(sp.base(), sp.metadata(), sp.document())
        },
        provider,
        person: Person::of_the_guide(broken_sp::USER).with_template(template),
        variants: Variants::None,
        runner: Runner {
            selection: Selection::new(&selected, &[], &checks).unwrap(),
            ..Runner::default()
        },
        ambient,
    };
    let report = judge.judge().await.unwrap();
    assert_eq!(report.error, None);
    assert_eq!(
        report.outcomes[0].verdict,
        Verdict::Pass,
        "{}",
        report.terminal()
    );
    report.findings().map(|it| it.check.id.clone()).collect()
}

/// Returns the provider with short waits, because a service provider with these switches fetches
/// the metadata at each login or never.
pub(crate) fn with_short_refetch(provider: Provider, switches: &[Switch]) -> Provider {
    let refetch = Refetch {
        // CERT-11 publishes metadata that is valid for three seconds only, so it may need several
        // logins.
        wait: match switches {
            [] | [_, Switch::Flaw("cert-first-keys")] => Duration::from_millis(1),
            _ => Duration::from_secs(60),
        },
        is_signed: broken_sp::Broken::refetches(switches) == Some(true),
        skew: SignedDuration::ZERO,
    };
    provider.with_refetch(refetch).unwrap()
}
