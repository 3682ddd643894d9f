//! Service providers that behave like real products, each with the findings and warnings that
//! are true for it. Some have habits that look like faults but are not; some have real faults.

mod table;

use regex::Regex;
use rehearsal::check::runner::{Patience, Runner, Selection};
use rehearsal::check::sp::{Judge, Person, Provider, Target, Variants};
use rehearsal::check::{CheckReport, Verdict};
use url::Url;

use crate::broken_sp::{self, Switch, USER};
use crate::prepared_keys::ambient_with_keys;

pub(crate) use table::strangers;

/// A service provider, and the findings that are true for it.
pub(crate) struct Stranger {
    pub(crate) name: &'static str,
    pub(crate) switches: Vec<Switch>,
    /// The user, and `--expect`.
    pub(crate) user: &'static str,
    pub(crate) expect: &'static str,
    /// Findings and warnings in the order of the report, or the code of the
    /// error that ends the run. `+n` counts those that follow from one.
    pub(crate) finds: Result<Vec<&'static str>, &'static str>,
    /// Minimum number of checks that pass, because a run that skips everything has no wrong
    /// findings either.
    pub(crate) passes: usize,
    /// Prefixes of check ids; all checks with one of them must be skipped.
    pub(crate) skips: &'static [&'static str],
}

impl Stranger {
    /// Returns all checks. That of the end of a session waits for it, and those of very large
    /// messages take long, so only service providers that crash at them get those, and slow ones
    /// one of them.
    fn selection(&self) -> Selection {
        let checks = rehearsal::check::sp::catalogue().unwrap();
        let has = |is_it: fn(&Switch) -> bool| self.switches.iter().any(is_it);
        let is_harmed = has(|it| matches!(it, Switch::Dies(_)));
        let is_slow = has(|it| matches!(it, Switch::Takes(..) | Switch::SlowsDown(..)));
        let is_run = |id: &str| match id {
            "SAML-SP-SESS-07" => false,
            "SAML-SP-DOS-02" => is_harmed || is_slow,
            id => is_harmed || !id.starts_with("SAML-SP-DOS"),
        };
        let ids = checks.iter().map(|it| it.id.clone());
        let left_out: Vec<String> = ids.filter(|it| !is_run(it)).collect();
        let selection = Selection::new(&[], &left_out, &checks).unwrap();
        match is_harmed {
            true => selection.also("SAML-SP-DOS-11"),
            false => selection,
        }
    }

    /// Runs `check sp` against this service provider.
    pub(crate) async fn judge(&self) -> CheckReport {
        let ambient = ambient_with_keys();
        let provider = Provider::start(0, None, &ambient).await.unwrap();
        let sp = broken_sp::start_with(&provider.metadata(), self.switches.clone(), &ambient).await;
        let at = |path: &str| Url::parse(&format!("{}{path}", sp.base())).unwrap();
        let is_asked = !sp.has(|it| matches!(it, Switch::Unsolicited));
        let judge = Judge {
            target: Target {
                metadata: sp.metadata(),
                document: sp.document(),
                start_url: is_asked.then(|| at("/login")),
                start_form: Vec::new(),
                probe_url: at("/whoami"),
                logout_url: None,
                logout_form: Vec::new(),
                disable: None,
                memory: None,
                expect: Regex::new(self.expect).unwrap().into(),
            },
            provider,
            person: Person::of_profiles(self.user, &[]),
            variants: Variants::None,
            runner: Runner {
                selection: self.selection(),
                patience: Patience::with_clock(sp.clock()),
                ..Runner::default()
            },
            ambient,
        };
        judge.judge().await.unwrap()
    }
}

/// Returns the findings and warnings of a report, in the form of [`Stranger::finds`].
pub(crate) fn found(report: &CheckReport) -> Result<Vec<String>, String> {
    if let Some(error) = &report.error {
        return Err(error.code.to_owned());
    }
    let root = |id: &str| {
        let mut id = id.to_owned();
        while let Some(cause) = report
            .outcomes
            .iter()
            .find(|it| it.check.id == id)
            .and_then(|it| it.cause.clone())
        {
            id = cause;
        }
        id
    };
    let mut lines = Vec::new();
    for outcome in &report.outcomes {
        let id = &outcome.check.id;
        let kind = match outcome.verdict {
            Verdict::Warn => "warning ",
            Verdict::Fail => "",
            _ => continue,
        };
        if outcome.cause.is_some() {
            continue;
        }
        let alike = report.outcomes.iter();
        let alike = alike.filter(|it| it.verdict == outcome.verdict);
        let follow = alike.filter(|it| root(&it.check.id) == *id);
        lines.push(match follow.count() - 1 {
            0 => format!("{kind}{id}"),
            many => format!("{kind}{id} +{many}"),
        });
    }
    Ok(lines)
}

/// The default values of the rows in the table.
pub(crate) const STRANGER: Stranger = Stranger {
    name: "",
    switches: Vec::new(),
    user: USER,
    expect: "user=jo@corp\\.example;",
    finds: Ok(Vec::new()),
    passes: 100,
    skips: &[],
};
