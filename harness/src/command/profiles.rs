//! `rehearsal profiles`: lists the known requirements of marketplaces, federations and
//! deployments.

use std::io::Write as _;

use clap::Args;
use rehearsal::check::profile::{Kind, Profile, profiles};
use serde_json::{Value, json};

/// Arguments of `rehearsal profiles`.
#[derive(Args)]
pub(crate) struct Profiles {
    /// Profile whose requirements are listed with their checks; without it, all profiles are
    /// listed
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Profiles {
    pub(crate) fn perform(self) -> anyhow::Result<()> {
        let mut out = ambient::terminal::out();
        let Some(name) = &self.name else {
            if self.json {
                let all: Vec<Value> = profiles().iter().map(summary).collect();
                writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
            } else {
                write!(
                    out,
                    "{}",
                    table(&profiles().iter().map(line).collect::<Vec<_>>())
                )?;
            }
            return Ok(());
        };
        let profile = Profile::find_by_name(name).ok_or_else(|| {
            let all: Vec<&str> = profiles().iter().map(|it| it.name.as_str()).collect();
            anyhow::anyhow!(
                "profile {name} not found; the profiles are: {}",
                all.join(", ")
            )
        })?;
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&whole(profile))?)?;
            return Ok(());
        }
        writeln!(
            out,
            "{}: {}\n  for {}; {}\n  source: {}{}, read {}\n",
            profile.name,
            profile.title,
            profile.commands(),
            profile.status,
            profile.source,
            profile
                .url
                .as_ref()
                .map_or(String::new(), |url| format!(" ({url})")),
            profile.read,
        )?;
        for it in &profile.requirements {
            writeln!(out, "{} ({}) {}", it.id, it.level.name(), it.name)?;
            if !it.any_of.is_empty() {
                writeln!(out, "  one of these checks: {}", it.any_of.join(", "))?;
            }
            if !it.checks.is_empty() {
                writeln!(out, "  checks: {}", it.checks.join(", "))?;
            }
            if let Some(why) = &it.not_tested {
                writeln!(out, "  not tested: {why}")?;
            }
        }
        Ok(())
    }
}

fn count_covered(profile: &Profile) -> usize {
    let all = profile.requirements.iter();
    all.filter(|it| it.all_checks().next().is_some()).count()
}

fn kinds(profile: &Profile) -> String {
    let all: Vec<&str> = profile.kinds.iter().map(|it: &Kind| it.name()).collect();
    all.join(", ")
}

fn line(profile: &Profile) -> [String; 6] {
    [
        profile.name.clone(),
        kinds(profile),
        profile.status.clone(),
        profile.read.clone(),
        format!(
            "{} of {}",
            count_covered(profile),
            profile.requirements.len()
        ),
        profile.source.clone(),
    ]
}

/// Lines under the names of their columns, aligned.
fn table(lines: &[[String; 6]]) -> String {
    let names = ["profile", "check", "status", "read", "covered", "source"];
    let names = names.map(str::to_owned);
    let all = || std::iter::once(&names).chain(lines);
    let mut out = String::new();
    for cells in all() {
        let mut line = String::new();
        for (at, cell) in cells.iter().enumerate() {
            let widest = all().map(|it| it[at].chars().count()).max();
            let width = widest.unwrap_or_default() + 2;
            line.push_str(&format!("{cell:<width$}"));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn summary(profile: &Profile) -> Value {
    json!({
        "name": profile.name,
        "title": profile.title,
        "kinds": profile.kinds,
        "status": profile.status,
        "source": profile.source,
        "url": profile.url,
        "read": profile.read,
        "requirements": profile.requirements.len(),
        "covered": count_covered(profile),
    })
}

fn whole(profile: &Profile) -> Value {
    let mut whole = summary(profile);
    let requirements = profile.requirements.iter().map(|it| {
        json!({
            "id": it.id,
            "name": it.name,
            "level": it.level,
            "section": it.section,
            "checks": it.checks,
            "any_of": it.any_of,
            "not_tested": it.not_tested,
        })
    });
    whole["requirements"] = requirements.collect();
    whole
}
