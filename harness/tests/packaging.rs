//! The image's binary, and rules for the compose file.
#![allow(clippy::unwrap_used)]

#[path = "packaging/platforms.rs"]
mod platforms;

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
            // `corpus` is what the fuzzer found, which is not part of the repository.
            let is_other = ["target", ".git", "corpus"].contains(&name.as_str());
            if path.is_dir() && !path.is_symlink() && !is_other {
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

/// Runs a script of the repository and returns its output.
fn script(name: &str, arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new("bash");
    command.arg(root.join(name)).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    stdout(&output)
}

/// Creates the archives of a release with a stub as the binary.
fn release(folder: &Path) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let stub = folder.join("stub");
    let content = "#!/bin/sh\n[ \"$1\" != man ] || echo page >\"$2/rehearsal.1\"\necho \"$@\"\n";
    std::fs::write(&stub, content).unwrap();
    std::fs::set_permissions(&stub, std::fs::Permissions::from_mode(0o755)).unwrap();
    let dist = folder.join("dist");
    for target in ["x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc"] {
        let paths = [stub.to_str().unwrap(), target, dist.to_str().unwrap()];
        script("scripts/release/archive.sh", &paths);
    }
    let others = [
        "aarch64-unknown-linux-gnu",
        "x86_64-apple-darwin",
        "aarch64-apple-darwin",
    ];
    let first = dist.join("rehearsal-x86_64-unknown-linux-gnu.tar.gz");
    for target in others {
        std::fs::copy(&first, dist.join(format!("rehearsal-{target}.tar.gz"))).unwrap();
    }
    let sums = Command::new("bash")
        .args(["-c", "sha256sum -- * >SHA256SUMS && cat SHA256SUMS"])
        .current_dir(&dist)
        .output();
    stdout(&sums.unwrap())
}

/// What Homebrew, winget and cargo-binstall are told must be in the archives of a release.
#[test]
fn package_managers_find_the_files_of_a_release() {
    let folder = tempfile::tempdir().unwrap();
    let sums = release(folder.path());
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let fill = |sums: &str, to: &str| {
        let arguments = ["1.2.3", sums, "https://git.example/owner/rehearsal", to];
        script("scripts/release/fill-templates.sh", &arguments)
    };
    fill(&at("dist/SHA256SUMS"), &at("packages"));
    let filled = |name: &str| std::fs::read_to_string(folder.path().join("packages").join(name));
    let formula = filled("rehearsal.rb").unwrap();
    let installer = filled("Rehearsal.Rehearsal.installer.yaml").unwrap();
    for text in [&formula, &installer] {
        assert!(!text.contains('@'), "{text}");
        assert!(text.contains("https://git.example/owner/rehearsal/releases/download/v1.2.3/"));
    }
    for line in sums.lines() {
        let (sum, file) = line.split_once("  ").unwrap();
        let text = match file.contains("windows") {
            true => &installer,
            false => &formula,
        };
        let named = text.contains(&format!("/{file}\""));
        // The archive of Windows that the action downloads is for none of them.
        assert_eq!(
            named,
            file != "rehearsal-x86_64-pc-windows-msvc.tar.gz",
            "{file}"
        );
        assert!(!named || text.contains(sum), "{file}");
    }

    let archive = at("dist/rehearsal-x86_64-unknown-linux-gnu.tar.gz");
    let list = Command::new("tar").args(["-tzf", &archive]).output();
    let list = stdout(&list.unwrap());
    let metadata: toml::Table = toml::from_str(&repository("harness/Cargo.toml")).unwrap();
    let binstall = &metadata["package"]["metadata"]["binstall"];
    let of = |key: &str| {
        let text = binstall[key].as_str().unwrap();
        text.replace("{ repo }", "https://git.example/owner/rehearsal")
            .replace("{ version }", "1.2.3")
            .replace("{ target }", "x86_64-unknown-linux-gnu")
            .replace("{ bin }", "rehearsal")
            .replace("{ binary-ext }", "")
    };
    assert!(formula.contains(&format!("\"{}\"", of("pkg-url"))));
    assert!(list.lines().any(|line| line == of("bin-dir")), "{list}");
    for file in [
        "LICENSE",
        "THIRD-PARTY.txt",
        "README.md",
        "CHANGELOG.md",
        "man/rehearsal.1",
    ] {
        let path = format!("rehearsal-x86_64-unknown-linux-gnu/{file}");
        assert!(list.lines().any(|line| line == path), "{file}: {list}");
    }
    let names = "import sys, zipfile; print('\\n'.join(zipfile.ZipFile(sys.argv[1]).namelist()))";
    let zip = at("dist/rehearsal-x86_64-pc-windows-msvc.zip");
    let zipped = Command::new("python3").args(["-c", names, &zip]).output();
    let zipped = stdout(&zipped.unwrap());
    let program = "rehearsal-x86_64-pc-windows-msvc/rehearsal.exe";
    assert!(
        installer.contains(&program.replace('/', "\\")),
        "{installer}"
    );
    assert!(zipped.lines().any(|line| line == program), "{zipped}");

    // Without the archive of a Mac there is no formula, and the files for winget are there.
    let fewer: String = sums
        .lines()
        .filter(|line| !line.contains("apple"))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(at("fewer"), fewer).unwrap();
    fill(&at("fewer"), &at("partly"));
    assert!(!folder.path().join("partly/rehearsal.rb").exists());
    assert!(
        folder
            .path()
            .join("partly/Rehearsal.Rehearsal.installer.yaml")
            .exists()
    );
}

/// The page names what is compiled in, so that a new crate or version is looked at.
#[test]
fn the_page_of_dependencies_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new("python3");
    command.arg(root.join("scripts/release/supply_chain.py"));
    let output = command.arg("--check").output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Runs `cargo metadata` for the workspace.
fn cargo_metadata() -> serde_json::Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--locked",
            "--format-version",
            "1",
            "--all-features",
        ])
        .arg("--manifest-path")
        .arg(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Cargo would refuse to build with the Rust that `rust-version` promises.
#[test]
fn no_dependency_needs_a_newer_rust_than_we_promise() {
    let number = |version: &serde_json::Value| -> Option<(u64, u64)> {
        let mut parts = version.as_str()?.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    let metadata = cargo_metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let ours = packages.iter().find(|it| it["name"] == "rehearsal");
    let ours = number(&ours.unwrap()["rust_version"]).unwrap();
    let newer: Vec<_> = packages
        .iter()
        .filter(|package| number(&package["rust_version"]).is_some_and(|it| it > ours))
        .map(|package| format!("{} {}", package["name"], package["rust_version"]))
        .collect();
    assert_eq!(newer, Vec::<String>::new(), "rust-version is {ours:?}");
    // .github/workflows/ci.yml builds with it.
    let job = format!("rustup toolchain install {}.{}", ours.0, ours.1);
    assert!(
        repository(".github/workflows/ci.yml").contains(&job),
        "{job}"
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
        // The image's health check is for `rehearsal up`, which no service runs.
        assert!(lines.contains("    healthcheck:"), "{name}");
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
