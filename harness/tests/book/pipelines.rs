//! Runs the commands of the pipelines on the page `pipelines.md`, and looks for the reports that
//! they hand over.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use regex::Regex;
use serde_json::Value;

use super::read;
use super::running::Up;

/// A pipeline of the page.
struct Pipeline {
    name: &'static str,
    commands: Vec<String>,
    /// The variables that it sets.
    variables: Vec<String>,
    /// The files that it hands over.
    reports: Vec<String>,
}

/// Returns the first code block of this language below this heading.
fn block(heading: &str, language: &str) -> String {
    let text = read("pipelines.md");
    let (_, below) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let fence = Regex::new(&format!(r"(?ms)^```{language}\n(.*?)^```")).unwrap();
    fence.captures(below).unwrap()[1].to_owned()
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(members) => members.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

fn gitlab() -> Pipeline {
    let text = block("GitLab", "yaml");
    let pipeline: Value = serde_saphyr::from_str(&text).unwrap();
    let job = &pipeline["scim"];
    let variables = job["variables"].as_object().unwrap();
    let artifacts = &job["artifacts"];
    Pipeline {
        name: "GitLab",
        commands: strings(&job["script"]),
        variables: variables.keys().cloned().collect(),
        reports: [strings(&artifacts["paths"]), strings(&artifacts["reports"])].concat(),
    }
}

fn jenkins() -> Pipeline {
    let text = block("Jenkins", "groovy");
    let all = |pattern: &str| -> Vec<String> {
        let pattern = Regex::new(pattern).unwrap();
        let found = pattern.captures_iter(&text);
        found.map(|found| found[1].to_owned()).collect()
    };
    Pipeline {
        name: "Jenkins",
        commands: all(r"(?m)^ *sh '(.*)'$"),
        variables: all(r"(?m)^ *([A-Z_]+) = "),
        reports: all(r"(?m)^ *(?:junit|archiveArtifacts) '(.*)'$"),
    }
}

/// Runs a command of a pipeline in this folder, with the command of this build and these
/// variables.
fn run(command: &str, folder: &Path, variables: &BTreeMap<&str, &str>) -> Output {
    let build = Path::new(env!("CARGO_BIN_EXE_rehearsal")).parent().unwrap();
    // Nothing but the command is there that the image lacks, such as jq.
    let path = format!("{}:/bin", build.display());
    let mut shell = Command::new("/bin/bash");
    shell.args(["-euo", "pipefail", "-c", command]);
    shell.current_dir(folder).env_clear().env("PATH", path);
    shell.envs(variables).output().unwrap()
}

#[tokio::test]
async fn pipelines_pass_for_a_correct_server_and_hand_over_their_reports() {
    let parties = tempfile::tempdir().unwrap();
    let up = Up::start_in(parties.path(), &[]).await;
    for pipeline in [gitlab(), jenkins()] {
        let name = pipeline.name;
        assert!(
            !pipeline.commands.is_empty() && pipeline.reports.len() >= 2,
            "{name}"
        );
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("expected.json"), "[]").unwrap();
        let mut variables = BTreeMap::from([
            ("SCIM_BASE_URL", up.text("/sp/scim_base_url")),
            ("REHEARSAL_SCIM_TOKEN", up.text("/sp/scim_bearer_token")),
        ]);
        // GitLab sets the token outside the file; the page names the variable.
        for variable in &pipeline.variables {
            assert!(
                variables.contains_key(variable.as_str()),
                "{name}: {variable}"
            );
        }
        assert!(
            pipeline.variables.iter().any(|it| it == "SCIM_BASE_URL"),
            "{name}"
        );
        for command in &pipeline.commands {
            let done = run(command, folder.path(), &variables);
            assert!(done.status.success(), "{name}: {command}: {done:?}");
        }
        for report in &pipeline.reports {
            let file = std::fs::metadata(folder.path().join(report));
            assert!(file.is_ok_and(|file| file.len() > 0), "{name}: {report}");
        }
        variables.insert("REHEARSAL_SCIM_TOKEN", "wrong");
        let done = run(&pipeline.commands[0], folder.path(), &variables);
        assert_eq!(done.status.code(), Some(2), "{name}: {done:?}");
    }
    up.kill().await;
}
