//! Runs the steps of `action.yml` as GitHub's runner does: with a target without findings,
//! with one that has a finding, and with a downloaded release.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

#[allow(dead_code, unused_imports)] // the mutants are not used here
mod mutant_scim;
mod running;
#[allow(dead_code)]
#[path = "check_ends/target.rs"]
mod target;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mutant_scim::TOKEN;
use serde_json::Value;
use target::{Behavior, Target};
use tempfile::TempDir;

/// The result of a step.
struct Step {
    status: i32,
    log: String,
    outputs: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Evaluates an expression of `env`. The steps use only inputs.
fn evaluate(text: &str, inputs: &BTreeMap<String, String>) -> String {
    let Some(expression) = text
        .strip_prefix("${{ ")
        .and_then(|it| it.strip_suffix(" }}"))
    else {
        return text.to_owned();
    };
    match expression.strip_prefix("inputs.") {
        Some(name) => inputs[name].clone(),
        None => {
            assert_eq!(expression, "github.token");
            "token of the job".to_owned()
        }
    }
}

/// Runs a step with these inputs; other inputs have their default.
async fn run_step(id: &str, folder: &Path, given: &[(&str, &str)], path: Option<&Path>) -> Step {
    let text = std::fs::read_to_string(root().join("action.yml")).unwrap();
    let action: Value = serde_saphyr::from_str(&text).unwrap();
    let mut inputs: BTreeMap<String, String> = action["inputs"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, input)| {
            let default = input["default"].as_str().unwrap_or_default();
            (name.clone(), default.to_owned())
        })
        .collect();
    for (name, value) in given {
        let input = inputs.get_mut(*name).expect("an input of action.yml");
        *input = (*value).to_owned();
    }
    let steps = action["runs"]["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["id"] == id).unwrap();
    assert_eq!(step["shell"], "bash");
    let outputs = folder.join("outputs");
    let mut command = tokio::process::Command::new("bash");
    command
        .args(["-e", "-o", "pipefail", "-c", step["run"].as_str().unwrap()])
        .current_dir(folder)
        .env("GITHUB_ACTION_PATH", root())
        .env("GITHUB_OUTPUT", &outputs)
        .env("GITHUB_STEP_SUMMARY", folder.join("summary.md"))
        .env("GITHUB_PATH", folder.join("path"))
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_ACTION_REPOSITORY", "someone/rehearsal")
        .env("GITHUB_ACTION_REF", "v1.2.3")
        .env("RUNNER_OS", "Linux")
        .env("RUNNER_ARCH", "X64")
        .env("RUNNER_TEMP", folder)
        .kill_on_drop(true);
    for (name, value) in step["env"].as_object().unwrap() {
        command.env(name, evaluate(value.as_str().unwrap(), &inputs));
    }
    if let Some(path) = path {
        let all = format!("{}:{}", path.display(), std::env::var("PATH").unwrap());
        command.env("PATH", all);
    }
    let output = command.output().await.unwrap();
    Step {
        status: output.status.code().unwrap(),
        log: String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr),
        outputs: std::fs::read_to_string(outputs).unwrap_or_default(),
    }
}

async fn check(folder: &Path, target: &Target) -> Step {
    let arguments = format!("--base-url\n{}\n\n--timeout\n0.5\n", target.base);
    let inputs = [
        ("command", "check scim"),
        ("arguments", arguments.as_str()),
        ("scim-token", TOKEN),
        ("binary", env!("CARGO_BIN_EXE_rehearsal")),
    ];
    run_step("run", folder, &inputs, None).await
}

#[tokio::test]
async fn a_target_without_findings_passes_and_leaves_its_reports() {
    let folder = TempDir::new().unwrap();
    let target = Target::start(Behavior::HangsAfter(usize::MAX)).await;
    let step = check(folder.path(), &target).await;
    assert_eq!(step.status, 0, "{}", step.log);
    assert_eq!(
        step.outputs,
        "exit-status=0\nsarif=rehearsal-reports/rehearsal.sarif\n"
    );
    for form in ["html", "sarif", "xml"] {
        let report = folder
            .path()
            .join(format!("rehearsal-reports/rehearsal.{form}"));
        let report = std::fs::read_to_string(report).unwrap();
        assert!(!report.contains(TOKEN), "{form}");
    }
    let summary = std::fs::read_to_string(folder.path().join("summary.md")).unwrap();
    assert!(summary.contains("check scim"), "{summary}");
}

#[tokio::test]
async fn a_finding_fails_the_step_after_the_reports_are_written() {
    let folder = TempDir::new().unwrap();
    let target = Target::start(Behavior::ErrorsWithoutBody).await;
    let step = check(folder.path(), &target).await;
    assert_eq!(step.status, 1, "{}", step.log);
    assert!(step.outputs.starts_with("exit-status=1\nsarif="));
    assert!(step.log.contains("::error"), "{}", step.log);
}

#[tokio::test]
async fn inputs_that_cannot_be_used_are_named() {
    let folder = TempDir::new().unwrap();
    let step = run_step("run", folder.path(), &[("command", "up")], None).await;
    assert_eq!(step.status, 2);
    let expected = "invalid input command: expected check idp, check sp, check scim, check leaver or run, got 'up'";
    assert!(step.log.contains(expected), "{}", step.log);
    let inputs = [("command", "run"), ("binary", "./no-such-file")];
    let step = run_step("run", folder.path(), &inputs, None).await;
    assert_eq!(step.status, 2);
    assert!(
        step.log.contains("./no-such-file not found"),
        "{}",
        step.log
    );
}

fn write_program(path: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, script).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Creates a replacement for `gh` that reads the release from a folder.
fn releases(folder: &Path) -> PathBuf {
    let bin = folder.join("bin");
    std::fs::create_dir(&bin).unwrap();
    let script = "#!/bin/sh\n\
         [ \"$1 $2 $3 $4 $5 $6\" = 'release download v1.2.3 --repo someone/rehearsal --dir' ] || exit 9\n\
         cp \"$(dirname \"$0\")/../release/\"* \"$7\"\n";
    write_program(&bin.join("gh"), script);
    bin
}

#[tokio::test]
async fn a_release_is_installed_when_its_checksum_holds() {
    let folder = TempDir::new().unwrap();
    let release = folder.path().join("release");
    // Instead of the binary, a script that calls it, which is smaller to pack.
    let binary = folder.path().join("rehearsal");
    let script = format!(
        "#!/bin/sh\nexec {} \"$@\"\n",
        env!("CARGO_BIN_EXE_rehearsal")
    );
    write_program(&binary, &script);
    let archive = || {
        let made = std::process::Command::new(root().join("scripts/release/archive.sh"))
            .args([&binary, Path::new("x86_64-unknown-linux-gnu"), &release])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        std::fs::read(release.join("rehearsal-x86_64-unknown-linux-gnu.tar.gz")).unwrap()
    };
    let once = archive();
    let again = archive();
    assert!(once == again, "the same binary makes the same archive");
    let sums = std::process::Command::new("sh")
        .args(["-c", "sha256sum -- *.tar.gz >SHA256SUMS"])
        .current_dir(&release)
        .status();
    assert!(sums.unwrap().success());

    let bin = releases(folder.path());
    let step = run_step("install", folder.path(), &[], Some(&bin)).await;
    assert_eq!(step.status, 0, "{}", step.log);
    let path = std::fs::read_to_string(folder.path().join("path")).unwrap();
    let installed = Path::new(path.trim());
    for file in ["LICENSE", "completions/rehearsal.bash", "man/rehearsal.1"] {
        assert!(installed.join(file).exists(), "{file}");
    }
    let version = std::process::Command::new(installed.join("rehearsal"))
        .arg("--version")
        .output()
        .unwrap();
    assert!(version.status.success());

    let sums = release.join("SHA256SUMS");
    let wrong = "0".repeat(64) + "  rehearsal-x86_64-unknown-linux-gnu.tar.gz\n";
    std::fs::write(sums, wrong).unwrap();
    let step = run_step("install", folder.path(), &[], Some(&bin)).await;
    assert_eq!(step.status, 2);
    assert!(
        step.log.contains("does not match SHA256SUMS"),
        "{}",
        step.log
    );
}
