//! The text that `rehearsal up` prints on a terminal: where to open what, and as whom to
//! log in.

use std::fmt::Write as _;
use std::path::Path;

use rehearsal::Ready;

/// The column in which addresses and logins start.
const INDENT: usize = 18;

/// Returns the whole text.
pub(super) fn text(ready: &Ready, ready_file: Option<&Path>) -> String {
    let mut text = String::from("\nRehearsal is ready. Stop it with Ctrl-C.\n");
    portal(&mut text, ready);
    identity_provider(&mut text, ready);
    simulation(&mut text, ready);
    if let Some(tls) = &ready.tls {
        section(&mut text, "Certificate", &tls.ca_file);
        more(&mut text, "trust this authority in your browser");
    }
    if let Some(path) = ready_file {
        section(&mut text, "Ready file", &path.display().to_string());
    }
    text.push('\n');
    text
}

fn portal(text: &mut String, ready: &Ready) {
    let portal = &ready.sp;
    section(text, "Portal", &portal.base_url);
    match &portal.account {
        Some(account) => {
            let login = &account.admin_login;
            more(
                text,
                &format!(
                    "log in as {} / {} (administrator)",
                    login.username, login.password
                ),
            );
        }
        None => more(text, "register an account there, then a license key:"),
    }
    let (last, first) = (
        portal.license_keys.iter().skip(1),
        portal.license_keys.first(),
    );
    for (title, key) in first
        .map(|key| ("License keys", key))
        .into_iter()
        .chain(last.map(|key| ("", key)))
    {
        let state = if key.is_expired { "expired" } else { "valid" };
        let line = format!("{}  {}, {} seats, {state}", key.key, key.kind, key.seats);
        section_or_more(text, title, &line);
    }
}

fn identity_provider(text: &mut String, ready: &Ready) {
    let idp = &ready.idp;
    section(text, "Identity Console", &idp.console_url);
    more(
        text,
        &format!(
            "sign on as {} / {}",
            idp.console_login.username, idp.console_login.password
        ),
    );
    let Some(environment) = &idp.environment else {
        return;
    };
    let user = &environment.sso_login;
    section(
        text,
        "Single sign-on",
        &format!("{}?email={}", ready.sp.sso_start_url, user.username),
    );
    more(
        text,
        &format!(
            "sign on as {} / {} (end user)",
            user.username, user.password
        ),
    );
    section(
        text,
        "Desktop app",
        &format!("rehearsal desktop activate --portal {}", ready.sp.base_url),
    );
}

fn simulation(text: &mut String, ready: &Ready) {
    if let Some(page) = &ready.simulation {
        section(text, "Simulation", &page.url);
        more(
            text,
            "license keys, DNS records, clock, faults, social identities",
        );
    }
    if let Some(address) = &ready.dns.address {
        section(text, "DNS", address);
        more(text, "rehearsal dns set NAME TXT VALUE");
    }
}

fn section(text: &mut String, title: &str, line: &str) {
    let _ = writeln!(text, "\n  {title:<INDENT$}{line}");
}

fn more(text: &mut String, line: &str) {
    let _ = writeln!(text, "  {:<INDENT$}{line}", "");
}

fn section_or_more(text: &mut String, title: &str, line: &str) {
    if title.is_empty() {
        more(text, line);
    } else {
        section(text, title, line);
    }
}
