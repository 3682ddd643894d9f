//! Profiles: what a marketplace, a federation or one deployment demands, as
//! data (`fixtures/profiles`, one file each; its README says what a key means).
//!
//! A profile lists requirements by the ids of its source, each with the checks
//! that observe it or the reason why none does. `assessment` is what the
//! checks came to, requirement by requirement; `forms` writes it.

mod assessment;
mod forms;

use std::sync::LazyLock;

use saml::metadata::SpMetadata;
use serde::{Deserialize, Serialize};

pub use assessment::{Assessment, RequirementResult, RequirementVerdict};
pub(super) use forms::{html, json, markdown, terminal};

use super::{Check, CheckReport, Level, Verdict};

// FILES, written by build.rs: (name, text) of each file under fixtures/profiles.
include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

/// What a profile is about, and the command that judges it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// SAML service providers: `check sp`.
    Sp,
    /// SAML identity providers: `check idp`.
    Idp,
    /// SCIM servers: `check scim`.
    Scim,
}

impl Kind {
    /// As profiles and the command line name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sp => "sp",
            Self::Idp => "idp",
            Self::Scim => "scim",
        }
    }

    /// How the ids of its checks begin.
    fn prefix(self) -> &'static str {
        match self {
            Self::Sp => "SAML-SP-",
            Self::Idp => "SAML-IDP-",
            Self::Scim => "SCIM-",
        }
    }

    fn of_command(command: &str) -> Option<Self> {
        let all = [Self::Sp, Self::Idp, Self::Scim];
        let name = command.strip_prefix("check ")?;
        all.into_iter().find(|kind| kind.name() == name)
    }

    /// Checks that others rest on: they run with every profile, so that a
    /// check that was skipped points at one in the report.
    fn controls(self) -> &'static [&'static str] {
        match self {
            Self::Sp => &["SAML-SP-GOOD-01", "SAML-SP-GOOD-02", "SAML-SP-GOOD-03"],
            Self::Idp => &["SAML-IDP-REQ-01"],
            Self::Scim => &[
                "SCIM-HTTP-08",
                "SCIM-FILTER-01",
                "SCIM-PAGE-04",
                "SCIM-DELETE-01",
                "SCIM-DELETE-02",
                "SCIM-CLEAN-01",
            ],
        }
    }

    /// Every check of this kind, those included that only profiles demand.
    pub fn checks(self) -> Vec<Check> {
        match self {
            // An unreadable catalogue is an error of `check sp` itself.
            Self::Sp => super::sp::catalogue().unwrap_or_default(),
            Self::Idp => super::idp::catalogue(),
            Self::Scim => [super::scim::catalogue(), super::scim::profile_catalogue()].concat(),
        }
    }
}

/// Which checks a profile runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Those of its requirements.
    #[default]
    Listed,
    /// Every check: the profile adds to the standards. Checks that no standard
    /// demands are hints without it.
    Everything,
}

/// How firmly the source of a profile demands something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Demand {
    /// Without it there is no listing or no conformance.
    Required,
    /// Advice: what lacks it is not turned down.
    Recommended,
    /// Left open.
    Optional,
}

impl Demand {
    /// As profiles and reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Recommended => "recommended",
            Self::Optional => "optional",
        }
    }

    /// The level that a check has because a requirement of this kind names it.
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
    /// As the source numbers or names it.
    pub id: String,
    /// What is demanded, in our words.
    pub name: String,
    /// How firmly.
    pub level: Demand,
    /// The section of the source.
    pub section: String,
    /// For which kinds of checks it holds; for all of the profile's if empty.
    #[serde(default)]
    kinds: Vec<Kind>,
    /// The checks that observe it. All of one kind have to pass.
    #[serde(default)]
    pub checks: Vec<String>,
    /// Why no check observes it; beside `checks`: the part that none observes.
    pub not_tested: Option<String>,
}

impl Requirement {
    /// Its checks of one kind.
    pub fn checks_of(&self, kind: Kind) -> impl Iterator<Item = &String> {
        let all = self.checks.iter();
        all.filter(move |id| id.starts_with(kind.prefix()))
    }
}

/// A profile.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The name for `--profile`.
    pub name: String,
    /// For people.
    pub title: String,
    /// The commands that judge it.
    pub kinds: Vec<Kind>,
    /// How far its source has come: stable, in force, or draft with its number.
    pub status: String,
    /// The document that it was read from.
    pub source: String,
    /// Where that is.
    pub url: Option<String>,
    /// When it was read: year and month.
    pub read: String,
    /// Which checks run.
    #[serde(default)]
    pub scope: Scope,
    /// Attributes of a person that a deployment reads, in their order; `{user}`
    /// stands for the user name.
    #[serde(default)]
    pub attributes: Vec<(String, String)>,
    /// How the path of a deployment's assertion consumer service begins.
    acs_path: Option<String>,
    /// What it demands.
    #[serde(rename = "requirement")]
    pub requirements: Vec<Requirement>,
}

/// Every profile, by name. A file that can't be read is left out; a test reads
/// them all.
static PROFILES: LazyLock<Vec<Profile>> =
    LazyLock::new(|| read_all().unwrap_or_else(|_| Vec::new()));

fn read_all() -> Result<Vec<Profile>, String> {
    FILES
        .iter()
        .map(|(name, text)| toml::from_str(text).map_err(|error| format!("{name}: {error}")))
        .collect()
}

/// Every profile, by name.
pub fn profiles() -> &'static [Profile] {
    &PROFILES
}

/// The portal of the set-up guide.
pub fn guide() -> Option<&'static Profile> {
    Profile::named("guide")
}

/// Why a profile can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// There is none of this name.
    #[error("profile {name} not found; {others}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names that there are.
        others: String,
    },
    /// It is for another command.
    #[error("profile {name} is for {kinds}; {others}")]
    OtherKind {
        /// What was asked for.
        name: String,
        /// The commands that judge it.
        kinds: String,
        /// The names that there are for this command.
        others: String,
    },
}

impl Profile {
    /// The profile of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        profiles().iter().find(|it| it.name == name)
    }

    /// The profiles of these names, for one kind of check.
    ///
    /// # Errors
    /// [`ProfileError`] for an unknown name, and for a profile of another kind.
    pub fn chosen(kind: Kind, names: &[String]) -> Result<Vec<&'static Self>, ProfileError> {
        let mut chosen: Vec<&'static Self> = Vec::new();
        for name in names {
            let others = || format!("profiles for check {}: {}", kind.name(), names_of(kind));
            let profile = Self::named(name).ok_or_else(|| ProfileError::Unknown {
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

    /// The commands that judge it, for a sentence: `check sp and check idp`.
    pub fn commands(&self) -> String {
        let all: Vec<String> = self
            .kinds
            .iter()
            .map(|kind| format!("check {}", kind.name()))
            .collect();
        all.join(" and ")
    }

    /// The profiles of a service provider, by what its metadata says.
    pub fn of_service_provider(metadata: &SpMetadata) -> Vec<&'static Self> {
        let is_its = |profile: &&Self| {
            let Some(path) = &profile.acs_path else {
                return false;
            };
            metadata.acs.iter().any(|acs| {
                let url = url::Url::parse(&acs.endpoint.location);
                url.is_ok_and(|url| url.path().starts_with(path))
            })
        };
        profiles().iter().filter(is_its).collect()
    }

    /// The requirements that one kind of check judges.
    pub fn requirements_of(&self, kind: Kind) -> impl Iterator<Item = &Requirement> {
        self.requirements
            .iter()
            .filter(move |it| it.kinds.is_empty() || it.kinds.contains(&kind))
    }

    /// The checks to run for these profiles; `None` for all.
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

    /// The checks that are hints where this profile is not chosen.
    fn own_checks(&self) -> impl Iterator<Item = &str> {
        let own = (self.scope == Scope::Everything).then_some(&self.requirements);
        let own = own.into_iter().flatten().flat_map(|it| &it.checks);
        own.map(String::as_str)
    }

    /// The ids of the requirements that name a check, and how firmly the
    /// strongest of them demands it.
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
    /// The same report by the rules of these profiles: what they require is
    /// MUST, what they recommend SHOULD, and what only another deployment
    /// demands is a hint. A finding names the requirements.
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
                if outcome.verdict == Verdict::Fail {
                    outcome.verdict = Verdict::Warn;
                }
            }
        }
        self
    }

    /// The same report with what the outcomes mean for each requirement of
    /// these profiles, which a report by their rules has.
    #[must_use]
    pub fn assessed(mut self, chosen: &[&'static Profile]) -> Self {
        let Some(kind) = Kind::of_command(self.command) else {
            return self;
        };
        if self.error.is_none() {
            let all = chosen.iter();
            let all = all.map(|it| Assessment::new(it, kind, &self));
            self.assessments = all.filter(|it| !it.results.is_empty()).collect();
        }
        self
    }
}

#[cfg(test)]
mod tests;
