//! `rehearsal dns`: the TXT records of the simulation's name server.

use std::io::Write as _;

use anyhow::bail;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use super::target_file::TargetArgument;

/// Arguments of `rehearsal dns`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Dns {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Action {
    /// List the TXT records, one per line
    #[command(after_help = "Example: rehearsal dns list")]
    List(List),
    /// Add a TXT record to a name
    #[command(
        after_help = "Example: rehearsal dns set lumen.example TXT 'parallels-domain-verification=…'"
    )]
    Set(Set),
    /// Remove the TXT records of a name, or only the one with a value
    #[command(
        after_help = "Example: rehearsal dns remove lumen.example TXT 'parallels-domain-verification=…'"
    )]
    Remove(Remove),
}

#[derive(Args)]
struct List {
    /// Print the records as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: TargetArgument,
}

#[derive(Args)]
struct Set {
    /// Domain name
    #[arg(value_name = "NAME")]
    name: String,
    /// Type of the record
    #[arg(value_name = "TXT", value_parser = kind)]
    kind: RecordKind,
    /// Value of the record; a name can have several
    #[arg(value_name = "VALUE", allow_hyphen_values = true, value_parser = NonEmptyStringValueParser::new())]
    value: String,
    #[command(flatten)]
    target: TargetArgument,
}

#[derive(Args)]
struct Remove {
    /// Domain name
    #[arg(value_name = "NAME")]
    name: String,
    /// Type and value of the record to remove, or only the value [default: all records of the
    /// name]
    #[arg(value_name = "[TXT] VALUE", num_args = 0..=2, allow_hyphen_values = true)]
    value: Vec<String>,
    #[command(flatten)]
    target: TargetArgument,
}

/// The portal looks up TXT records only.
#[derive(Clone, Copy)]
enum RecordKind {
    Txt,
}

fn kind(text: &str) -> Result<RecordKind, String> {
    match text.eq_ignore_ascii_case("TXT") {
        true => Ok(RecordKind::Txt),
        false => Err(format!(
            "expected the type of the record, which is always TXT, got {text}; give NAME TXT VALUE"
        )),
    }
}

/// Says what was done, on standard error: scripts read standard output as records.
fn say(done: &str, name: &str, value: Option<&str>) {
    let value = value.map_or_else(String::new, |value| format!(" {value}"));
    let _ = writeln!(ambient::terminal::err(), "{done}: {name} TXT{value}");
}

impl Dns {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        match self.action.unwrap_or(Action::List(self.list)) {
            Action::List(list) => {
                let controls = list.target.read_controls().await?;
                let records = controls.zones.list_txt_records().await?;
                let mut out = ambient::terminal::out();
                if list.json {
                    let json = serde_json::to_string_pretty(&records)?;
                    writeln!(ambient::terminal::out_json(), "{json}")?;
                    return Ok(true);
                }
                if records.is_empty() {
                    // To standard error, because a script reads the other as records.
                    let add = "rehearsal dns set NAME TXT VALUE";
                    writeln!(
                        ambient::terminal::err(),
                        "no TXT records; add one with `{add}`"
                    )?;
                }
                for record in records {
                    writeln!(out, "{} TXT {}", record.name, record.value)?;
                }
            }
            Action::Set(set) => {
                let RecordKind::Txt = set.kind;
                let controls = set.target.read_controls().await?;
                // Adding the same record again changes nothing.
                let known = controls.zones.list_txt_records().await?;
                let name = set.name.trim_end_matches('.').to_ascii_lowercase();
                let is_there = |record: &rehearsal::TxtRecord| {
                    record.name == name && record.value == set.value
                };
                if !known.iter().any(is_there) {
                    controls.zones.add_txt(&set.name, &set.value).await?;
                }
                say("published", &name, Some(&set.value));
            }
            Action::Remove(remove) => {
                let controls = remove.target.read_controls().await?;
                let value = match remove.value.as_slice() {
                    [] => None,
                    [kind] if kind.eq_ignore_ascii_case("TXT") => None,
                    [value] => Some(value.as_str()),
                    [kind, value, ..] => {
                        if !kind.eq_ignore_ascii_case("TXT") {
                            bail!("invalid type of record: expected TXT, got {kind}");
                        }
                        Some(value.as_str())
                    }
                };
                let name = remove.name.trim_end_matches('.').to_ascii_lowercase();
                let known = controls.zones.list_txt_records().await?;
                let is_meant = |it: &rehearsal::TxtRecord| {
                    it.name == name && value.is_none_or(|value| it.value == value)
                };
                if !known.iter().any(is_meant) {
                    let of = value.map_or_else(String::new, |it| format!(" with the value {it}"));
                    bail!("TXT record of {name}{of} not found; `rehearsal dns` lists the records");
                }
                controls.zones.remove_txt(&remove.name, value).await?;
                say("removed", &name, value);
            }
        }
        Ok(true)
    }
}
