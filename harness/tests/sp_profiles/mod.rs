//! Tests the profiles for service providers: each broken service provider of the table fails exactly
//! the requirements that it breaks.

mod table;

use std::collections::BTreeSet;

use rehearsal::check::profile::{Kind, Profile, Scope, profiles};
use rehearsal::check::runner::{Runner, Selection};
use rehearsal::check::sp::{Judge, Person, Provider, Variants};
use rehearsal::check::{CheckReport, Verdict};
use saml::acceptance::SignaturePolicy;

use crate::broken_sp::{self, Switch};
use crate::judged_sp::{target_at, with_short_refetch};
use crate::prepared_keys::ambient_with_keys;
use crate::profiles_met::failed_requirements;

pub(crate) use table::{BROKEN, UNBROKEN};

/// Which checks run. The service provider of a test follows changed metadata at each login or
/// never, so the checks of certificates have runs of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// All checks of the profiles, except those of certificates.
    Messages,
    /// The checks of certificates, except SAML-SP-CERT-09.
    Certificates,
    /// SAML-SP-CERT-09, the opposite of SAML-SP-CERT-07.
    Validity,
}

/// A broken service provider: which checks run, its switches, and exactly the requirements of all
/// profiles that it fails, as `profile requirement`.
pub(crate) type Row = (Group, &'static [Switch], &'static [&'static str]);

/// Returns the profiles for service providers that are lists of requirements.
pub(crate) fn all() -> Vec<&'static Profile> {
    let all = profiles().iter();
    all.filter(|it| it.kinds.contains(&Kind::Sp) && it.scope == Scope::Listed)
        .collect()
}

/// Runs the checks of the profiles at a service provider with these switches.
pub(crate) async fn judge_switches(group: Group, switches: &[Switch]) -> CheckReport {
    let ambient = ambient_with_keys();
    let mut provider = Provider::start(0, None, &ambient).await.unwrap();
    let mut all_switches = switches.to_vec();
    if group == Group::Messages {
        // It accepts every form of signature, and decrypts.
        all_switches.extend([
            Switch::Demands(SignaturePolicy::Either, false),
            Switch::Flaw("decrypts"),
            Switch::Flaw("metadata-key"),
        ]);
    } else {
        provider = with_short_refetch(provider, switches);
    }
    let sp = broken_sp::start_with(&provider.metadata(), all_switches, &ambient).await;
    let mut ids = Profile::checks_to_run(Kind::Sp, &all()).unwrap();
    ids.retain(|id| match group {
        Group::Messages => !id.starts_with("SAML-SP-CERT-"),
        Group::Certificates => id.starts_with("SAML-SP-CERT-") && id != "SAML-SP-CERT-09",
        Group::Validity => id == "SAML-SP-CERT-09",
    });
    let judge = Judge {
        target: target_at(sp.base(), sp.metadata(), sp.document()),
        provider,
        person: Person::of_the_guide(broken_sp::USER),
        variants: Variants::None,
        runner: Runner {
            selection: Selection::default().among(Some(ids)),
            ..Runner::default()
        },
        ambient,
    };
    judge.judge().await.unwrap()
}

/// Returns how the failed requirements of a row differ from the expected ones; `None` if they do
/// not.
pub(crate) async fn find_difference((group, switches, fails): &Row) -> Option<String> {
    let report = judge_switches(*group, switches).await;
    let failed = failed_requirements(&report, &all());
    let expected: BTreeSet<String> = fails.iter().map(|it| (*it).to_owned()).collect();
    if report.error.is_none() && failed == expected {
        return None;
    }
    let found = report.outcomes.iter();
    let found = found.filter(|it| matches!(it.verdict, Verdict::Fail | Verdict::Warn));
    let found: Vec<&str> = found.map(|it| it.check.id.as_str()).collect();
    Some(format!(
        "{switches:?}: expected {expected:?}, got {failed:?} by {found:?} {:?}",
        report.error
    ))
}
