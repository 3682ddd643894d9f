//! Profiles: the requirements of a marketplace, a federation or one deployment, as data
//! (`fixtures/profiles`, one file each; the README there explains each key).
//!
//! A profile lists requirements by the ids of its source, each with the checks that
//! test it, or the reason why no check does. `assessment` computes the verdict of each
//! requirement; `forms` writes it to reports.

mod assessment;
mod forms;

use std::sync::LazyLock;

use saml::metadata::SpMetadata;
use serde::{Deserialize, Serialize};

pub use assessment::{Assessment, RequirementResult, RequirementVerdict};
pub(super) use forms::{html, json, markdown, terminal};

use super::{Check, CheckReport, Feature, Level, LoginStart, Verdict};

// FILES, written by build.rs: (name, text) of each file under fixtures/profiles.
include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

/// What a profile is about: the kind of target, and the command that checks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// SAML service providers: `check sp`.
    Sp,
    /// SAML identity providers: `check idp`.
    Idp,
    /// SCIM servers: `check scim`.
    Scim,
    /// Applications with SAML login and SCIM, when a person leaves: `check leaver`.
    Leaver,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Sp, Self::Idp, Self::Scim, Self::Leaver];

    /// Returns the name in profiles and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sp => "sp",
            Self::Idp => "idp",
            Self::Scim => "scim",
            Self::Leaver => "leaver",
        }
    }

    /// Returns the first characters of the ids of its checks.
    fn prefix(self) -> &'static str {
        match self {
            Self::Sp => "SAML-SP-",
            Self::Idp => "SAML-IDP-",
            Self::Scim => "SCIM-",
            Self::Leaver => "LEAVER-",
        }
    }

    fn of_command(command: &str) -> Option<Self> {
        let name = command.strip_prefix("check ")?;
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the checks that others depend on. They run with every profile, so that a
    /// skipped check can name one that is in the report.
    fn controls(self) -> &'static [&'static str] {
        match self {
            Self::Sp => &["SAML-SP-GOOD-01", "SAML-SP-GOOD-02", "SAML-SP-GOOD-03"],
            Self::Idp => &["SAML-IDP-REQ-01", "SAML-IDP-MD-16"],
            Self::Scim => &[
                "SCIM-HTTP-08",
                "SCIM-FILTER-01",
                "SCIM-PAGE-04",
                "SCIM-DELETE-01",
                "SCIM-DELETE-02",
                "SCIM-CLEAN-01",
            ],
            Self::Leaver => &["LEAVER-JOIN-01", "LEAVER-STAY-01"],
        }
    }

    /// Returns all checks of this kind, including those that only profiles require.
    pub fn checks(self) -> Vec<Check> {
        match self {
            Self::Sp => {
                // An unreadable catalogue is an error of `check sp` itself.
                let all = super::sp::catalogue().unwrap_or_default();
                [all, super::sp::profile_catalogue()].concat()
            }
            Self::Idp => [super::idp::catalogue(), super::idp::profile_catalogue()].concat(),
            Self::Scim => [super::scim::catalogue(), super::scim::profile_catalogue()].concat(),
            Self::Leaver => super::leaver::catalogue(),
        }
    }
}

/// Which checks a profile runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The checks of its requirements.
    #[default]
    Listed,
    /// All checks: the profile adds requirements to the standards. The checks that only it
    /// requires are hints if the profile is not chosen.
    Everything,
}

/// How strictly the source of a profile requires something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Demand {
    /// Without it the target is not listed, or does not conform.
    Required,
    /// Advice: a target without it is not rejected.
    Recommended,
    /// The target may do it or not.
    Optional,
}

impl Demand {
    /// Returns the name in profiles and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Recommended => "recommended",
            Self::Optional => "optional",
        }
    }

    /// Returns the level of a check that such a requirement names.
    fn level(self) -> Level {
        match self {
            Self::Required => Level::Must,
            Self::Recommended => Level::Should,
            Self::Optional => Level::May,
        }
    }
}

/// One requirement.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Its number or name in the source.
    pub id: String,
    /// The requirement, in the words of this project.
    pub name: String,
    /// How strictly.
    pub level: Demand,
    /// The section of the source.
    pub section: String,
    /// The kinds of targets that it is about; if empty, all kinds of the profile.
    #[serde(default)]
    kinds: Vec<Kind>,
    /// The checks that test it. All checks of one kind must pass.
    #[serde(default)]
    pub checks: Vec<String>,
    /// Checks of which one must pass, for example because a service provider chooses which
    /// elements it wants signed.
    #[serde(default)]
    pub any_of: Vec<String>,
    /// Why no check tests it; if there are checks too: the part that they do not test.
    pub not_tested: Option<String>,
    /// The profile that it refers to: its verdict is that profile's, if it is chosen too.
    pub profile: Option<String>,
    /// The seconds that the source allows. With a smaller `--max-seconds`, a check that failed did
    /// not wait long enough.
    within: Option<u64>,
    /// Where a login must start to meet it; if `None`, anywhere.
    login_start: Option<LoginStart>,
}

impl Requirement {
    /// Returns why no check of this kind tests it: the reason that the profile gives, or the
    /// command that tests it.
    fn why_not_by(&self, kind: Kind) -> String {
        let mut others = Kind::ALL.into_iter();
        let other = others.find(|it| *it != kind && self.checks_of(*it).next().is_some());
        match (&self.not_tested, other) {
            (Some(why), _) => why.clone(),
            (None, Some(other)) => format!("check {} with this profile tests it", other.name()),
            (None, None) => String::new(),
        }
    }

    /// Returns why logins that start at this party do not test it, if so.
    fn why_not_by_login(&self, started: Option<LoginStart>) -> Option<&'static str> {
        match (self.login_start?, started?) {
            (LoginStart::Sp, LoginStart::Idp) => Some(
                "all logins began with an unsolicited Response: run check sp again with --start-url in place of --idp-initiated",
            ),
            (LoginStart::Idp, LoginStart::Sp) => Some(
                "all logins began at --start-url: run check sp again with --idp-initiated in its place",
            ),
            _ => None,
        }
    }

    /// Returns all its checks: those that must pass, and those of which one must.
    pub fn all_checks(&self) -> impl Iterator<Item = &String> {
        self.checks.iter().chain(&self.any_of)
    }

    /// Returns all its checks of one kind.
    pub fn checks_of(&self, kind: Kind) -> impl Iterator<Item = &String> {
        let all = self.all_checks();
        all.filter(move |id| id.starts_with(kind.prefix()))
    }
}

/// A profile.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The name for `--profile`.
    pub name: String,
    /// The title for people.
    pub title: String,
    /// The commands that use it.
    pub kinds: Vec<Kind>,
    /// The status of its source: stable, in force, or draft with its number.
    pub status: String,
    /// The document that was read.
    pub source: String,
    /// The URL of this document.
    pub url: Option<String>,
    /// The year and month in which it was read.
    pub read: String,
    /// Which checks run.
    #[serde(default)]
    pub scope: Scope,
    /// The attributes of a person that a deployment reads, in this order; `{user}` is
    /// replaced with the user name.
    #[serde(default)]
    pub attributes: Vec<(String, String)>,
    /// How the path of a deployment's assertion consumer service begins, to recognize the deployment.
    acs_path: Option<String>,
    /// The optional features that its source demands: a required requirement fails if the target
    /// says that it does not offer one that a check of it needs.
    #[serde(default)]
    pub demands: Vec<Feature>,
    /// The largest `--max-seconds` of `check leaver` with which its requirements can be met.
    pub max_seconds: Option<u64>,
    /// The requirements.
    #[serde(rename = "requirement")]
    pub requirements: Vec<Requirement>,
}

/// All profiles, sorted by name. If a file is invalid there are none; a test reads all
/// files.
static PROFILES: LazyLock<Vec<Profile>> =
    LazyLock::new(|| read_all().unwrap_or_else(|_| Vec::new()));

fn read_all() -> Result<Vec<Profile>, String> {
    FILES
        .iter()
        .map(|(name, text)| {
            toml::from_str(text)
                .map_err(|error| format!("cannot read fixtures/profiles/{name}.toml: {error}"))
        })
        .collect()
}

/// Returns all profiles, sorted by name.
pub fn profiles() -> &'static [Profile] {
    &PROFILES
}

/// The first words of `spec` of a check that no standard requires, only the guide.
const GUIDE_ONLY: &str = "portal guide";

/// Returns the profile of the set-up guide's portal.
pub fn guide() -> Option<&'static Profile> {
    Profile::find_by_name("guide")
}

/// Why a profile cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// No profile has this name.
    #[error("profile {name} not found; {others}")]
    Unknown {
        /// The requested name.
        name: String,
        /// A sentence with the names that exist.
        others: String,
    },
    /// The profile is for another command.
    #[error("profile {name} is for {kinds}; {others}")]
    OtherKind {
        /// The requested name.
        name: String,
        /// The commands that use it.
        kinds: String,
        /// A sentence with the names that exist for this command.
        others: String,
    },
}

impl Profile {
    /// Returns the profile with this name.
    pub fn find_by_name(name: &str) -> Option<&'static Self> {
        profiles().iter().find(|it| it.name == name)
    }

    /// Returns the profiles with these names, for one kind of target.
    ///
    /// # Errors
    /// [`ProfileError`] for an unknown name, and for a profile of another kind.
    pub fn chosen(kind: Kind, names: &[String]) -> Result<Vec<&'static Self>, ProfileError> {
        let mut chosen: Vec<&'static Self> = Vec::new();
        for name in names {
            let others = || format!("profiles for check {}: {}", kind.name(), names_of(kind));
            let profile = Self::find_by_name(name).ok_or_else(|| ProfileError::Unknown {
                name: name.clone(),
                others: others(),
            })?;
            if !profile.kinds.contains(&kind) {
                return Err(ProfileError::OtherKind {
                    name: name.clone(),
                    kinds: profile.commands(),
                    others: others(),
                });
            }
            if !chosen.contains(&profile) {
                chosen.push(profile);
            }
        }
        Ok(chosen)
    }

    /// Returns the commands that use it as part of a sentence: `check sp and check idp`.
    pub fn commands(&self) -> String {
        let all: Vec<String> = self
            .kinds
            .iter()
            .map(|kind| format!("check {}", kind.name()))
            .collect();
        all.join(" and ")
    }

    /// Returns the deployments' profiles that this metadata matches.
    pub fn of_service_provider(metadata: &SpMetadata) -> Vec<&'static Self> {
        let matches = |profile: &&Self| {
            let Some(path) = &profile.acs_path else {
                return false;
            };
            metadata.acs.iter().any(|acs| {
                let url = url::Url::parse(&acs.endpoint.location);
                url.is_ok_and(|url| url.path().starts_with(path))
            })
        };
        profiles().iter().filter(matches).collect()
    }

    /// Returns the requirements for one kind of target.
    pub fn requirements_of(&self, kind: Kind) -> impl Iterator<Item = &Requirement> {
        self.requirements
            .iter()
            .filter(move |it| it.kinds.is_empty() || it.kinds.contains(&kind))
    }

    /// Returns the checks to run for these profiles; `None` means all checks.
    pub fn checks_to_run(kind: Kind, chosen: &[&Self]) -> Option<Vec<String>> {
        if chosen.is_empty() || chosen.iter().any(|it| it.scope == Scope::Everything) {
            return None;
        }
        let named = chosen
            .iter()
            .flat_map(|it| it.requirements_of(kind))
            .flat_map(|it| it.checks_of(kind).cloned());
        let controls = kind.controls().iter().map(|id| (*id).to_owned());
        let mut all: Vec<String> = named.chain(controls).collect();
        all.sort();
        all.dedup();
        Some(all)
    }

    /// Returns the checks that are only hints if this profile is not chosen.
    fn own_checks(&self) -> impl Iterator<Item = &str> {
        let own = (self.scope == Scope::Everything).then_some(&self.requirements);
        let own = own.into_iter().flatten().flat_map(Requirement::all_checks);
        own.map(String::as_str)
    }

    /// Returns the ids of the requirements that a check must pass for, and the strictest level
    /// among them. A check of `any_of` may fail, so no requirement changes its level.
    fn demands(&self, kind: Kind, check: &str) -> Option<(Demand, Vec<&str>)> {
        let naming: Vec<&Requirement> = self
            .requirements_of(kind)
            .filter(|it| it.checks.iter().any(|id| id == check))
            .collect();
        let level = naming.iter().map(|it| it.level).min()?;
        Some((level, naming.iter().map(|it| it.id.as_str()).collect()))
    }
}

fn names_of(kind: Kind) -> String {
    let all = profiles().iter().filter(|it| it.kinds.contains(&kind));
    all.map(|it| it.name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

impl CheckReport {
    /// Returns this report with the levels of these profiles: a required check is a MUST, a
    /// recommended one a SHOULD. Findings that only the profile of another deployment requires
    /// become warnings, or are skipped if no standard requires them. The `spec` of a finding
    /// names the requirements.
    #[must_use]
    pub fn with_profiles(mut self, chosen: &[&'static Profile]) -> Self {
        let Some(kind) = Kind::of_command(self.command) else {
            return self;
        };
        let others = profiles().iter().filter(|it| !chosen.contains(it));
        let hints: Vec<&str> = others.flat_map(Profile::own_checks).collect();
        for outcome in &mut self.outcomes {
            let id = outcome.check.id.clone();
            let mut is_demanded = false;
            for profile in chosen {
                let Some((demand, ids)) = profile.demands(kind, &id) else {
                    continue;
                };
                is_demanded = true;
                outcome.check.level = outcome.check.level.min(demand.level());
                if outcome.verdict == Verdict::Warn && outcome.check.level < Level::May {
                    outcome.verdict = Verdict::Fail;
                }
                if outcome.verdict == Verdict::Fail && profile.scope == Scope::Listed {
                    let spec = &mut outcome.check.spec;
                    *spec = format!("{spec}; {}: {}", profile.name, ids.join(", "));
                }
            }
            if !is_demanded && hints.contains(&id.as_str()) {
                outcome.check.level = Level::May;
                if matches!(outcome.verdict, Verdict::Fail | Verdict::Warn) {
                    if outcome.check.spec.starts_with(GUIDE_ONLY) {
                        outcome.verdict = Verdict::Skip;
                        outcome.actual = format!(
                            "only the portal of the set-up guide requires this (--profile guide); observed: {}",
                            outcome.actual
                        );
                    } else {
                        outcome.verdict = Verdict::Warn;
                    }
                }
            }
        }
        self
    }

    /// Returns this report with the verdict of each requirement of these profiles. Call
    /// [`Self::with_profiles`] before.
    #[must_use]
    pub fn with_assessments(mut self, chosen: &[&'static Profile]) -> Self {
        let Some(kind) = Kind::of_command(self.command) else {
            return self;
        };
        // An error before the first check leaves nothing to assess.
        if self.error.is_none() || !self.outcomes.is_empty() {
            let all = chosen.iter();
            let all = all.map(|it| Assessment::new(it, kind, &self));
            let mut all: Vec<_> = all.filter(|it| !it.results.is_empty()).collect();
            Assessment::judge_references(&mut all);
            self.assessments = all;
        }
        self
    }
}

#[cfg(test)]
mod tests;
