//! The image's binary, and rules for the compose file.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

fn rehearsal(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .args(arguments)
        .env_remove("MOCK_IDP_ADMIN_TOKEN")
        .env_remove("POSTGRES_PASSWORD")
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn repository(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Windows cannot check out a file whose name is that of a device.
#[test]
fn no_file_has_a_name_that_windows_reserves() {
    fn look(folder: &Path, reserved: &regex::Regex, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if reserved.is_match(&name) {
                found.push(path.display().to_string());
            }
            if path.is_dir() && !path.is_symlink() && !["target", ".git"].contains(&name.as_str()) {
                look(&path, reserved, found);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let reserved = r#"(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)|[<>:"|?*\\]|[. ]$"#;
    let mut found = Vec::new();
    look(&root, &regex::Regex::new(reserved).unwrap(), &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_version_names_commit_and_target() {
    let version = stdout(&rehearsal(&["--version"]));
    let number = env!("CARGO_PKG_VERSION");
    assert!(
        version.starts_with(&format!("rehearsal {number} (")),
        "{version}"
    );
    assert!(version.contains(std::env::consts::ARCH), "{version}");
    assert_eq!(version.trim(), format!("rehearsal {}", rehearsal::VERSION));
}

#[test]
fn called_by_the_name_of_a_party_the_binary_is_that_party() {
    let folder = tempfile::tempdir().unwrap();
    for (name, command) in [
        ("sp", "serve"),
        ("mock-idp", "serve"),
        ("desktop-sim", "activate"),
    ] {
        let link = folder.path().join(name);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rehearsal"), &link).unwrap();
        let version = Command::new(&link).arg("--version").output().unwrap();
        assert!(
            stdout(&version).starts_with(&format!("{name} {}", env!("CARGO_PKG_VERSION"))),
            "{version:?}"
        );
        let help = Command::new(&link).args([command, "--help"]).output();
        let help = stdout(&help.unwrap());
        assert!(help.contains(&format!("Usage: {name} {command}")), "{help}");
    }
    for party in ["sp", "mock-idp"] {
        let help = stdout(&rehearsal(&[party, "serve", "--help"]));
        assert!(
            help.contains(&format!("Usage: rehearsal {party} serve")),
            "{help}"
        );
    }
}

#[test]
fn the_exit_status_reports_health() {
    use std::io::{Read as _, Write as _};
    for (status, code) in [("200 OK", 0), ("503 Service Unavailable", 2)] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/readyz", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let output = rehearsal(&["health", &url]);
        server.join().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
    let output = rehearsal(&["health", "http://127.0.0.1:1/readyz"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("cannot reach http://127.0.0.1:1/readyz"),
        "{error}"
    );
}

/// Returns the services of the compose file: name and lines.
fn services() -> Vec<(String, String)> {
    let text = repository("docker-compose.yml");
    let (_, below) = text.split_once("\nservices:\n").unwrap();
    let (below, _) = below.split_once("\nvolumes:\n").unwrap();
    let mut services: Vec<(String, String)> = Vec::new();
    for line in below.lines() {
        let name = line
            .strip_prefix("  ")
            .and_then(|rest| rest.strip_suffix(':'));
        match name.filter(|name| !name.starts_with([' ', '#'])) {
            Some(name) => services.push((name.to_owned(), String::new())),
            None => {
                if let Some((_, lines)) = services.last_mut() {
                    lines.push_str(line);
                    lines.push('\n');
                }
            }
        }
    }
    assert!(services.len() >= 5, "{services:?}");
    services
}

/// Returns the quoted items of `key: [a, b]` in these lines.
fn items(lines: &str, key: &str) -> Vec<String> {
    let found = lines
        .lines()
        .filter_map(|line| line.trim().strip_prefix(&format!("{key}: [")))
        .filter_map(|list| list.split(']').next());
    let items = found.flat_map(|list| list.split(','));
    items
        .map(|item| item.trim().trim_matches('"').to_owned())
        .collect()
}

#[test]
fn the_compose_file_is_safe_on_a_shared_network() {
    let text = repository("docker-compose.yml");
    let (_, volumes) = text.split_once("\nvolumes:\n").unwrap();
    let named: Vec<&str> = volumes
        .lines()
        .filter_map(|line| line.trim().strip_suffix(':'))
        .collect();
    let anchor = text.split_once("\nservices:\n").unwrap().0.to_owned();
    for (name, lines) in services() {
        for port in items(&lines, "ports") {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
        }
        for volume in items(&lines, "volumes") {
            let source = volume.split(':').next().unwrap();
            assert!(
                named.contains(&source) || source == "./reports",
                "{name}: {volume} is not a named volume"
            );
        }
        let rules = match lines.contains("<<: *rehearsal") {
            true => format!("{anchor}{lines}"),
            false => lines.clone(),
        };
        for rule in [
            "read_only: true",
            "cap_drop: [ALL]",
            "no-new-privileges:true",
        ] {
            assert!(rules.contains(rule), "{name} lacks {rule}");
        }
        // A secret is in a file or comes from the shell, and has no default.
        for line in lines.lines().map(str::trim) {
            let Some((key, value)) = line.split_once(": ") else {
                continue;
            };
            let is_secret = ["TOKEN", "PASSWORD", "SECRET"]
                .iter()
                .any(|word| key.ends_with(word));
            assert!(
                !is_secret || value == format!("${{{key}:-}}"),
                "{name}: {line} is a fixed secret"
            );
            assert!(
                !value.contains("://")
                    || !value.split('/').nth(2).unwrap().contains(':')
                    || !value.contains('@'),
                "{name}: {line} holds a password"
            );
        }
    }
}

#[test]
fn one_service_builds_the_image_and_scenarios_run_only_on_request() {
    let services = services();
    let builds = services
        .iter()
        .filter(|(_, lines)| lines.contains("    build:"));
    assert_eq!(builds.count(), 1);
    for (name, lines) in &services {
        assert_eq!(
            lines.contains("profiles: [ci]"),
            name == "scenarios",
            "{name}"
        );
    }
}
