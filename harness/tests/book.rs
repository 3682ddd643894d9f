//! Tests the book under `docs/`: its links exist, its commands run, and its lists of checks
//! match the tables in the code. (`scripts/test.sh` builds the book if mdBook is
//! installed.)
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout)] // prints what was skipped, and why

#[path = "book/check_code.rs"]
mod check_code;
#[path = "book/figures.rs"]
mod figures;
#[path = "book/pipelines.rs"]
mod pipelines;
mod running;
#[path = "book/shown.rs"]
mod shown;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use rehearsal::check::profile::profiles;
use rehearsal::check::{Check, Level};
use running::free_port;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// Returns the pages, as paths relative to `docs/`.
fn pages() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![docs()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                let below = path.strip_prefix(docs()).unwrap();
                found.insert(below.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found
}

fn read(page: &str) -> String {
    std::fs::read_to_string(docs().join(page)).unwrap()
}

/// Returns a page without its fenced code blocks.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the anchors of a page, computed from its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text);
    let headings = headings.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_page_is_in_the_summary_and_every_link_works() {
    let pages = pages();
    let summary = read("SUMMARY.md");
    let links = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let mut wrong = Vec::new();
    for page in &pages {
        if page != "SUMMARY.md" && !summary.contains(&format!("({page})")) {
            wrong.push(format!("{page} is not in SUMMARY.md"));
        }
        let text = read(page);
        for link in links.captures_iter(&prose(&text)) {
            let target = &link[1];
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = docs().join(page).parent().unwrap().join(file);
            let to = if file.is_empty() {
                docs().join(page)
            } else {
                path
            };
            if !to.exists() {
                wrong.push(format!("{page} links to {target}, which is not there"));
            } else if !anchor.is_empty()
                && !anchors(&std::fs::read_to_string(to).unwrap()).contains(anchor)
            {
                wrong.push(format!(
                    "{page} links to {target}, which has no such heading"
                ));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// If the awaited command ended, its file never comes: a loop that waits for it must notice that.
#[test]
fn no_loop_of_a_page_waits_for_ever() {
    let waits = Regex::new(r"(?m)^.*\b(?:until|while) \[.*$").unwrap();
    let mut wrong = Vec::new();
    let mut found = 0;
    for page in pages() {
        for line in waits.find_iter(&read(&page)) {
            found += 1;
            if !line.as_str().contains("kill -0 $! || break") {
                wrong.push(format!("{page}: {}", line.as_str()));
            }
        }
    }
    assert!(found > 8, "{found}");
    assert_eq!(wrong, Vec::<String>::new());
}

/// Returns the `sh` code blocks of a page as one script.
fn script(page: &str) -> String {
    let fences = Regex::new(r"(?ms)^```sh\n(.*?)^```").unwrap();
    let text = read(page);
    let all = fences.captures_iter(&text).map(|fence| fence[1].to_owned());
    all.collect::<Vec<_>>().join("\n")
}

/// Runs the commands of a page in a new folder, as a reader would.
fn follow(page: &str) {
    if Command::new("jq").arg("--version").output().is_err() {
        println!("skipped: no jq");
        return;
    }
    let command = Path::new(env!("CARGO_BIN_EXE_rehearsal"));
    let mut script = script(page);
    assert!(!script.is_empty(), "{page} has commands");
    // The ports in the book may be in use on this machine.
    let ports = Regex::new(r"\b18[0-9]{3}\b").unwrap();
    let named: BTreeSet<String> = ports
        .find_iter(&script)
        .map(|port| port.as_str().to_owned())
        .collect();
    for port in named {
        script = script.replace(&port, &free_port());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", command.parent().unwrap().display());
    let done = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "following {page}: {}\n{}\n{}",
        done.status,
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

/// One test for each page, so that they run in parallel and a failure names the page.
macro_rules! followed {
    ($($name:ident: $page:literal),* $(,)?) => {
        $(#[test]
        fn $name() {
            follow($page);
        })*

        #[test]
        fn every_page_with_commands_is_followed() {
            let followed = BTreeSet::from([$($page.to_owned()),*]);
            let with_commands: BTreeSet<String> = pages()
                .into_iter()
                .filter(|page| !script(page).is_empty())
                .collect();
            assert_eq!(with_commands, followed);
        }
    };
}

followed! {
    start: "start.md",
    concepts: "concepts.md",
    check_sp: "check-sp.md",
    check_idp: "check-idp.md",
    check_scim: "check-scim.md",
    check_leaver: "check-leaver.md",
    pipelines: "pipelines.md",
    from_rust: "from-rust.md",
    from_any_language: "from-any-language.md",
    configuration: "configuration.md",
    trace: "trace.md",
}

/// Runs the program in the page's only code block of this language, with a `docker` command
/// that runs the image's command on this machine. Returns the output.
fn run_from_container(language: &str, file: &str, program: &str) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    if Command::new(program).arg("--version").output().is_err() {
        println!("skipped: no {program}");
        return None;
    }
    let fence = Regex::new(&format!(r"(?ms)^```{language}\n(.*?)^```")).unwrap();
    let text = read("from-a-container.md");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    std::fs::write(&path, &fence.captures(&text).unwrap()[1]).unwrap();
    let docker = folder.path().join("docker");
    let shim =
        "#!/bin/sh\nwhile [ \"$1\" != rehearsal:local ]; do shift; done\nshift\nexec \"$@\"\n";
    std::fs::write(&docker, shim).unwrap();
    std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).unwrap();
    let command = Path::new(env!("CARGO_BIN_EXE_rehearsal"));
    let search = std::env::join_paths(
        [folder.path(), command.parent().unwrap()]
            .map(PathBuf::from)
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let mut program = Command::new(program);
    if language == "go" {
        program.arg("run");
    }
    let done = program
        .arg(&path)
        .env("PATH", search.unwrap())
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{file}: {complaint}");
    Some(String::from_utf8_lossy(&done.stdout).trim().to_owned())
}

/// The two users are Ada and Grace.
#[test]
fn the_programs_for_a_container_find_two_users() {
    for (language, file, program) in [
        ("python", "users.py", "python3"),
        ("js", "users.mjs", "node"),
        ("java", "Users.java", "java"),
        ("go", "users.go", "go"),
    ] {
        if let Some(printed) = run_from_container(language, file, program) {
            assert_eq!(printed, "2", "{file}");
        }
    }
}

/// Returns the expected text of a page of checks.
fn listing(title: &str, about: &str, checks: &[Check]) -> String {
    let mut out = format!("# {title}\n\n{about}\n");
    for level in [Level::Must, Level::Should, Level::May] {
        let count = checks.iter().filter(|check| check.level == level).count();
        let _ = write!(out, "{} {count}. ", level.name());
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    for check in checks {
        // Text between angle brackets is the name of an element here, not markup.
        let plain = |text: &str| text.replace('<', "&lt;").replace('>', "&gt;");
        let _ = write!(
            out,
            "\n## {}\n\n{}\n\n- {} — {}\n- **Fix:** {}\n",
            check.id,
            plain(&check.title),
            check.level.name(),
            plain(&check.spec),
            plain(&check.fix)
        );
    }
    out
}

fn is_current(page: &str, wanted: &str) {
    let path = docs().join(page);
    if std::env::var_os("REHEARSAL_WRITE_DOCS").is_some() {
        std::fs::write(&path, wanted).unwrap();
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stands == wanted,
        "{page} is out of date: run this test with REHEARSAL_WRITE_DOCS=1"
    );
}

#[test]
fn the_checks_of_service_providers_are_listed() {
    let about = "What `rehearsal check sp` sends, control by control, fault by fault, and what it judges of requests, metadata, RelayState, sessions and logout.";
    let checks = rehearsal::check::sp::catalogue().unwrap();
    let faults = faults::catalogue().unwrap();
    let shown = shown::read(&docs().join(".."));
    let mut page = String::new();
    for entry in listing("SAML service providers", about, &checks).split_inclusive("\n## ") {
        let id = entry.lines().next().unwrap_or_default();
        let is_fault = faults.iter().any(|fault| fault.check == id);
        match entry.strip_suffix("\n## ").filter(|_| is_fault) {
            Some(text) => page += &format!("{text}{}\n## ", shown::line(&shown, id)),
            None => page += entry,
        }
    }
    is_current("checks/saml-sp.md", &page);
}

#[test]
fn the_checks_of_identity_providers_are_listed() {
    let about = "What `rehearsal check idp` asks, and what it judges of the answers.";
    is_current(
        "checks/saml-idp.md",
        &listing(
            "SAML identity providers",
            about,
            &rehearsal::check::idp::catalogue(),
        ),
    );
}

#[test]
fn the_checks_of_scim_servers_are_listed() {
    let about = "What `rehearsal check scim` requires of a SCIM 2.0 server.";
    is_current(
        "checks/scim.md",
        &listing("SCIM servers", about, &rehearsal::check::scim::catalogue()),
    );
}

/// Returns the checks that only profiles require.
fn only_of_profiles() -> Vec<rehearsal::check::Check> {
    let idp = rehearsal::check::idp::profile_catalogue();
    let sp = rehearsal::check::sp::profile_catalogue();
    [sp, idp, rehearsal::check::scim::profile_catalogue()].concat()
}

/// Returns the page with every requirement and the checks that only profiles require.
fn requirements() -> String {
    let plain = |text: &str| {
        text.replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('|', "\\|")
    };
    let mut out = String::from(
        "# Every requirement of the profiles\n\nWhat each profile requires, and the checks that test it. [How to read the result](../profiles.md).\n",
    );
    for profile in profiles() {
        let _ = write!(
            out,
            "\n## {}\n\n{}: {}. Source: {}, {}, read {}.\n\n| requirement | level | section | checks, or why none |\n|---|---|---|---|\n",
            profile.name,
            profile.title,
            profile.commands(),
            profile.url.as_ref().map_or_else(
                || profile.source.clone(),
                |url| format!("[{}]({url})", profile.source)
            ),
            profile.status,
            profile.read,
        );
        for it in &profile.requirements {
            let choice: Vec<String> = it.any_of.iter().map(|id| link_check(id)).collect();
            let choice = (!choice.is_empty()).then(|| format!("one of {}", choice.join(", ")));
            let checks = it.checks.iter().map(|id| link_check(id));
            let checks: Vec<String> = choice.into_iter().chain(checks).collect();
            let reason = it
                .not_tested
                .as_ref()
                .map(|why| format!("not tested: {}", plain(why)));
            let parts: Vec<String> = checks.into_iter().chain(reason).collect();
            let _ = writeln!(
                out,
                "| {} {} | {} | {} | {} |",
                plain(&it.id),
                plain(&it.name),
                it.level.name(),
                plain(&it.section),
                parts.join(", ")
            );
        }
    }
    let checks = only_of_profiles();
    out.push_str("\n# Checks that only profiles require\n");
    for check in checks {
        let _ = write!(
            out,
            "\n## {}\n\n{}\n\n- {}\n- **Fix:** {}\n",
            check.id,
            plain(&check.title),
            plain(&check.spec),
            plain(&check.fix)
        );
    }
    out
}

/// A check, with a link to where the book explains it.
fn link_check(id: &str) -> String {
    let page = match id {
        _ if id.contains("-PROFILE-") || id.starts_with("SCIM-CLIENT-") => "profiles.md",
        _ if id.starts_with("SCIM-") => "scim.md",
        _ if id.starts_with("SAML-IDP-") => "saml-idp.md",
        _ if id.starts_with("LEAVER-") => "leaver.md",
        _ => "saml-sp.md",
    };
    format!("[{id}]({page}#{})", id.to_lowercase())
}

#[test]
fn the_requirements_of_profiles_are_listed() {
    is_current("checks/profiles.md", &requirements());
}

#[test]
fn the_table_of_profiles_has_every_profile_and_its_figures() {
    let page = read("profiles.md");
    for profile in profiles() {
        let all = profile.requirements.len();
        let observed = profile
            .requirements
            .iter()
            .filter(|it| it.all_checks().next().is_some())
            .count();
        let kinds: Vec<&str> = profile.kinds.iter().map(|it| it.name()).collect();
        let row = format!(
            "| `{}` | {} | {} | {all} | {observed} |",
            profile.name,
            kinds.join(", "),
            profile.status
        );
        assert!(page.contains(&row), "docs/profiles.md lacks {row}");
    }
    let changes = std::fs::read_to_string(docs().join("../CHANGELOG.md")).unwrap();
    let own = only_of_profiles().len();
    assert_eq!(
        figures::figure(&changes, "checks that only profiles require"),
        own
    );
}

#[test]
fn the_checks_of_leavers_are_listed() {
    let about = "What `rehearsal check leaver` requires of an application with SAML and SCIM.";
    is_current(
        "checks/leaver.md",
        &listing(
            "When a person leaves",
            about,
            &rehearsal::check::leaver::catalogue(),
        ),
    );
}

#[test]
fn each_check_leads_to_its_code_and_its_tests() {
    let mut checks = rehearsal::check::sp::catalogue().unwrap();
    checks.extend(rehearsal::check::idp::catalogue());
    checks.extend(rehearsal::check::scim::catalogue());
    checks.extend(only_of_profiles());
    checks.extend(rehearsal::check::leaver::catalogue());
    let (page, missing) = check_code::page(&docs().join(".."), &checks);
    assert_eq!(
        missing,
        check_code::UNBROKEN,
        "no code or no test names these"
    );
    is_current("checks/code.md", &page);
}
