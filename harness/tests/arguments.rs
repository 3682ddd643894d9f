//! What the command says about its arguments: help, values that it does not accept, files as
//! editors write them, and an output whose reader has ended.
#![allow(clippy::unwrap_used)]

mod running;

use regex::Regex;
use running::rehearsal;

/// Returns what a command line that is refused says, on one line.
fn run_refused(arguments: &[&str]) -> String {
    let output = rehearsal(arguments).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    error.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn missing_credentials_are_answered_with_all_ways_to_give_them() {
    for command in [
        &["check", "scim", "--base-url", "http://x"][..],
        &["bench", "load", "scim", "--base-url", "http://x"],
        &[
            "check",
            "leaver",
            "--scim-url",
            "http://x",
            "--sp-metadata",
            "sp.xml",
            "--probe-url",
            "http://x",
        ],
    ] {
        let error = run_refused(command);
        for option in [
            "--token ",
            "--token-file",
            "--basic",
            "--header",
            "--oauth-token-url",
        ] {
            assert!(error.contains(option), "{command:?}: {error}");
        }
    }
}

#[test]
fn what_no_answer_of_a_probe_can_be_is_refused() {
    let sp = [
        "check",
        "sp",
        "--metadata",
        "sp.xml",
        "--probe-url",
        "http://x",
    ];
    let with = |more: &[&'static str]| run_refused(&[&sp[..], more].concat());
    let started = ["--start-url", "http://x"];
    let error = with(&started);
    assert!(error.contains("--expect <REGEX>"), "{error}");
    for (more, expected) in [
        (
            &["--expect-status", "200", "--expect-location", "/home"][..],
            "expected the status of a redirect (300 to 399), got 200",
        ),
        (
            &["--expect-cookie", "session=1"],
            "expected the name of a cookie without its value, got \"session=1\"",
        ),
        (
            &["--expect-status", "99"],
            "a whole number from 100 to 599, got 99",
        ),
        (
            &["--expect-status", "200", "--start-form", "=x"],
            "expected NAME=VALUE or NAME, got \"=x\"",
        ),
        (&["--expect-status", "200", "--more-keys"], "--prepare"),
    ] {
        let error = with(&[&started[..], more].concat());
        assert!(error.contains(expected), "{error}");
    }
    let error = with(&["--idp-initiated", "--expect", "jo", "--start-form", "a=b"]);
    assert!(error.contains("cannot be used with"), "{error}");
}

#[test]
fn a_number_that_is_not_accepted_is_answered_with_the_range() {
    let scim = ["check", "scim", "--base-url", "http://x", "--token", "t"];
    let with = |more: [&'static str; 2]| [&scim[..], &more[..]].concat();
    for (arguments, expected) in [
        (
            vec!["key", "--seats", "-1"],
            "a whole number from 1 to 1000000, got -1",
        ),
        (
            vec!["key", "--seats", "many"],
            "a whole number from 1 to 1000000, got many",
        ),
        (
            vec!["up", "--sp-port", "65536"],
            "a whole number from 0 to 65535, got 65536",
        ),
        (
            vec!["up", "--sp-port", "-5"],
            "a whole number from 0 to 65535, got -5",
        ),
        (
            vec!["run", "--jobs", "0"],
            "a whole number from 1 to 1000, got 0",
        ),
        (
            vec!["run", "--seed", "-1"],
            "a whole number of 0 or more, got -1",
        ),
        (
            vec!["bench", "--users", "-1"],
            "a whole number from 1 to 10000000, got -1",
        ),
        (
            vec!["health", "http://x", "--timeout", "0"],
            "a whole number from 1 to 86400, got 0",
        ),
        (
            vec!["sp", "serve", "--seed", "-1"],
            "a whole number of 0 or more, got -1",
        ),
        (
            with(["--rate", "-1"]),
            "a number of requests above 0, got -1",
        ),
        (
            with(["--rate-seconds", "601"]),
            "a whole number from 1 to 600, got 601",
        ),
        (
            vec!["bench", "verify", "--seconds", "0"],
            "a number of seconds above 0, got 0",
        ),
        (
            with(["--timeout", "-1"]),
            "a number of seconds above 0, got -1",
        ),
    ] {
        let error = run_refused(&arguments);
        assert!(error.contains(&format!("expected {expected}")), "{error}");
    }
}

#[test]
fn a_token_that_no_server_can_accept_is_refused() {
    for (token, expected) in [
        ("Bearer s3cret", "give it without the word Bearer"),
        ("“s3cret”", "the character '“' cannot be in a bearer token"),
        ("s3 cret", "the character ' ' cannot be in a bearer token"),
    ] {
        let error = run_refused(&["check", "scim", "--base-url", "http://x", "--token", token]);
        assert!(
            error.contains(&format!("invalid --token: {expected}")),
            "{error}"
        );
    }
}

#[test]
fn a_base_url_that_contains_a_password_or_a_fragment_is_refused() {
    for (url, expected) in [
        ("http://user:s3cret@x/scim", "give them by --basic"),
        ("http://x/scim#users", "without the fragment #users"),
    ] {
        let error = run_refused(&["check", "scim", "--base-url", url, "--token", "t"]);
        assert!(error.contains(expected), "{error}");
    }
    let scim = ["check", "scim", "--base-url", "http://x", "--header"];
    let error = run_refused(&[&scim[..], &["X-Key: a\nb: c"]].concat());
    assert!(error.contains("invalid --header x-key"), "{error}");
}

#[cfg(unix)]
#[test]
fn an_input_that_does_not_end_is_refused() {
    let error = run_refused(&["trace", "/dev/zero"]);
    assert!(error.contains("longer than 256 MiB"), "{error}");
}

#[test]
fn the_reason_why_a_file_cannot_be_read_comes_before_what_to_do() {
    let error = run_refused(&["trace", "not-there.xml"]);
    let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "cannot read the file not-there.xml: No such file";
    assert!(error.contains(said), "{error}");
    assert!(error.contains("; to give the message itself"), "{error}");
}

#[test]
fn a_file_with_curly_quotation_marks_is_refused_with_that_reason() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.toml");
    std::fs::write(&seed, "exact = “true”\r\n").unwrap();
    let error = run_refused(&["up", "--seed", seed.to_str().unwrap()]);
    assert!(
        error.contains("curly quotation marks: write straight ones"),
        "{error}"
    );
}

#[test]
fn a_proxy_in_the_environment_is_named_when_the_target_cannot_be_reached() {
    let base = format!("http://127.0.0.1:{}/", running::free_port());
    let arguments = ["check", "scim", "--base-url", &base, "--token", "t"];
    let said = |command: &mut std::process::Command| {
        let error = String::from_utf8(command.output().unwrap().stderr).unwrap();
        error.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let error = said(rehearsal(&arguments).env("HTTPS_PROXY", "http://proxy.example:8080"));
    assert!(
        error.contains("The checks do not read HTTPS_PROXY"),
        "{error}"
    );
    let with_proxy = [&arguments[..], &["--proxy", "http://127.0.0.1:9"]].concat();
    let error = said(&mut rehearsal(&with_proxy));
    assert!(error.contains("Check --proxy too."), "{error}");
}

#[test]
fn a_time_that_is_not_accepted_is_answered_with_an_example() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("expected.json");
    let list_path = list.to_str().unwrap();
    std::fs::write(
        &list,
        r#"[{"id": "SCIM-CREATE-01", "reason": "ticket", "until": "soon"}]"#,
    )
    .unwrap();
    let scim = ["check", "scim", "--base-url", "http://x", "--token", "t"];
    for (arguments, expected) in [
        (
            vec!["trace", "-", "--at", "yesterday"],
            "expected a date and time such as 2027-01-31T12:00:00Z or 2027-01-31T12:00:00+01:00, got yesterday",
        ),
        (
            vec!["key", "--expires", "yesterday"],
            "expected 2027-01-31 or 2027-01-31T12:00:00Z, got \"yesterday\"",
        ),
        (
            [&scim[..], &["--expected", list_path][..]].concat(),
            "invalid until: expected a day such as 2027-01-31, got \"soon\"",
        ),
    ] {
        let error = run_refused(&arguments);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_missing_folder_of_a_report_is_created() {
    let folder = tempfile::tempdir().unwrap();
    let base = format!("http://127.0.0.1:{}/", running::free_port());
    for command in [vec!["check"], vec!["bench", "load"]] {
        let place = folder.path().join(command.join("-")).join("new");
        let html = place.join("report.html");
        let scim = ["scim", "--base-url", &base, "--token", "x", "--html"];
        let error = run_refused(&[&command[..], &scim, &[html.to_str().unwrap()]].concat());
        assert!(error.contains("Connection refused"), "{error}");
        assert!(place.is_dir(), "{error}");
    }
}

/// Editors of Windows write a byte order mark and two characters at the end of a line.
#[test]
fn a_file_with_a_byte_order_mark_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("expected.json");
    let text = "\u{feff}[{\"id\": \"SCIM-CREATE-01\",\r\n \"reason\": \"ticket\"}]\r\n";
    std::fs::write(&list, text).unwrap();
    let port = running::free_port();
    let base = format!("http://127.0.0.1:{port}/");
    let error = run_refused(&[
        "check",
        "scim",
        "--base-url",
        &base,
        "--token",
        "t",
        "--expected",
        list.to_str().unwrap(),
    ]);
    assert!(error.contains("cannot reach the SCIM server"), "{error}");
    std::fs::write(&list, b"[\xe9]").unwrap();
    let error = run_refused(&[
        "check",
        "scim",
        "--base-url",
        &base,
        "--token",
        "t",
        "--expected",
        list.to_str().unwrap(),
    ]);
    assert!(
        error.contains("invalid UTF-8 at byte 1; save the file as UTF-8"),
        "{error}"
    );
}

#[test]
fn a_command_whose_output_nobody_reads_ends_without_a_word() {
    for arguments in [
        vec!["check", "sp", "--list"],
        vec!["check", "scim", "--list"],
        vec!["profiles"],
        vec!["profiles", "--json"],
        vec!["coverage"],
        vec!["coverage", "--json"],
        vec!["schema", "seed"],
        vec!["completions", "bash"],
        vec!["run", "--tags", "@G-01", "--quiet", "--json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = rehearsal(&arguments).stdout(writer).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(141), "{arguments:?}: {error}");
        assert_eq!(error, "", "{arguments:?}");
    }
}

/// The guide to a check tells its readers to export the variable.
#[test]
fn an_option_wins_over_the_environment_variable_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scim.token");
    std::fs::write(&file, "token").unwrap();
    let url = ["check", "scim", "--base-url", "http://127.0.0.1:9/scim"];
    let file = ["--token-file", file.to_str().unwrap()];
    let run = |arguments: &[&str], variables: &[&str]| {
        let mut command = rehearsal(&[&url[..], arguments].concat());
        for variable in variables {
            command.env(variable, "ada:x");
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let both = ["REHEARSAL_SCIM_TOKEN", "REHEARSAL_SCIM_BASIC"];
    for (arguments, variables) in [
        (&file[..], &both[..1]),
        (&file[..], &both[..]),
        (&["--basic", "ada:x"], &both[..1]),
        (&["--token", "x"], &both[1..]),
    ] {
        let error = run(arguments, variables);
        assert!(error.contains("cannot reach"), "{arguments:?}: {error}");
    }
    // What was typed together is still refused.
    let error = run(&[&file[..], &["--token", "x"]].concat(), &[]);
    assert!(error.contains("cannot be used with"), "{error}");
}

#[test]
fn a_missing_option_is_answered_with_its_alternatives() {
    let given = [
        "check",
        "sp",
        "--metadata",
        "sp.xml",
        "--probe-url",
        "http://127.0.0.1:9",
    ];
    let error = run_refused(&given);
    for alternative in ["--expect-status", "--expect-cookie", "--idp-initiated"] {
        assert!(error.contains(alternative), "{error}");
    }
}

/// Returns the help of a command, and the names of its commands.
fn help_of(command: &[String]) -> (String, Vec<String>) {
    let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
    arguments.push("--help");
    let output = rehearsal(&arguments).output().unwrap();
    assert!(output.status.success(), "{command:?}");
    let help = String::from_utf8(output.stdout).unwrap();
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    let names = names.filter(|name| *name != "help").map(str::to_owned);
    let names = names.collect();
    (help, names)
}

#[test]
fn the_help_of_every_command_states_each_default_once_and_ends_with_an_example() {
    let twice = Regex::new(r"\[default: [^\]]*\]\s+\[default:").unwrap();
    let mut commands = vec![Vec::new()];
    let mut seen = 0;
    while let Some(command) = commands.pop() {
        let (help, below) = help_of(&command);
        seen += 1;
        let twice = twice.find(&help).map(|it| it.as_str());
        assert_eq!(twice, None, "{command:?}");
        if below.is_empty() {
            let example = help.split_once("\nExample: ").map(|(_, example)| example);
            // A reader copies it, so it must be a whole command of this program.
            let whole = format!("rehearsal {}", command.join(" "));
            let begins = example.is_some_and(|it| it.starts_with(&whole));
            assert!(begins, "{command:?}: {help}");
        }
        let words = |name: String| [command.clone(), vec![name]].concat();
        commands.extend(below.into_iter().map(words));
    }
    assert!(seen > 35, "{seen} commands");
    // What the list of commands says of `check` covers each of its commands.
    let (help, _) = help_of(&[]);
    let about = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for what in [
        "identity provider, a service provider, a SCIM server",
        "people who leave",
    ] {
        assert!(about.contains(what), "{about}");
    }
}

#[test]
fn an_empty_secret_is_refused_before_anything_is_sent() {
    for (variable, option, command) in [
        (
            "REHEARSAL_PASSWORD",
            "--password",
            &["check", "idp", "--metadata", "http://x", "--user", "ada"][..],
        ),
        (
            "REHEARSAL_SCIM_TOKEN",
            "--token",
            &["check", "scim", "--base-url", "http://x"],
        ),
        (
            "REHEARSAL_CLIENT_SECRET",
            "--client-secret",
            &[
                "check",
                "scim",
                "--base-url",
                "http://x",
                "--client-id",
                "c",
            ],
        ),
    ] {
        let output = rehearsal(command).env(variable, "").output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{variable}: {error}");
        for words in [
            option,
            "expected a secret, got an empty text",
            "unset the variable",
        ] {
            assert!(error.contains(words), "{variable}: {error}");
        }
    }
}
