//! The HTML pages: links, content security policy, and a real browser.

use std::collections::BTreeSet;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::{report, run_report};

#[test]
fn every_link_of_the_page_works_and_ids_are_unique() {
    let html = report().html();
    let page = scraper::Html::parse_document(&html);
    let select = |css: &str| scraper::Selector::parse(css).unwrap();
    let ids: Vec<&str> = page
        .select(&select("[id]"))
        .filter_map(|it| it.attr("id"))
        .collect();
    let different: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), different.len());
    for link in page.select(&select("a[href^='#']")) {
        let target = link.attr("href").unwrap().trim_start_matches('#');
        assert!(different.contains(target), "{target}");
    }
    assert!(
        page.select(&select("[style], link[href^='http'], img, iframe"))
            .next()
            .is_none()
    );
    // The page has one style and one script; the policy must contain their hashes.
    let policy = select("meta[http-equiv='Content-Security-Policy']");
    let policy = page
        .select(&policy)
        .next()
        .and_then(|it| it.attr("content"));
    let policy = policy.unwrap();
    for inline in ["style", "script"] {
        let all: Vec<String> = page
            .select(&select(inline))
            .map(|it| it.text().collect())
            .collect();
        let [text] = all.as_slice() else {
            panic!("{} of {inline}", all.len())
        };
        let digest = STANDARD.encode(Sha256::digest(text));
        assert!(
            policy.contains(&format!("{inline}-src 'sha256-{digest}'")),
            "{policy}"
        );
    }
    for changed in ["+   \"active\": false", "-   \"active\": true"] {
        let all: String = page.root_element().text().collect();
        assert!(all.contains(changed), "{changed}");
    }
}

/// Returns the DOM of a page in headless Chromium, and the lines of its console.
fn open_in_chromium(name: &str, html: &str) -> Option<(String, Vec<String>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, html).unwrap();
    let chromium = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
        .args(["--enable-logging=stderr", "--log-level=0", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path().display()))
        .arg(format!("file://{}", path.display()))
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&chromium.stderr);
    let console = said.lines().filter(|line| line.contains(":CONSOLE"));
    let console = console.map(str::to_owned).collect();
    Some((
        String::from_utf8_lossy(&chromium.stdout).into_owned(),
        console,
    ))
}

#[test]
fn the_pages_open_in_a_browser_without_console_messages() {
    let wrong = "<!DOCTYPE html><script>console.error('wrong')</script>";
    let Some((_, console)) = open_in_chromium("wrong.html", wrong) else {
        println!("skipped: no chromium");
        return;
    };
    assert_eq!(console.len(), 1, "{console:?}");
    let run = rehearsal::report::html("A run", &run_report());
    for (name, html, words) in [
        ("check.html", report().html(), "Mend &amp; mind it."),
        ("run.html", run, "not run: a power is missing"),
    ] {
        let (page, console) = open_in_chromium(name, &html).unwrap();
        assert_eq!(console, Vec::<String>::new(), "{name}");
        assert!(page.contains(words), "{name}: {page}");
    }
}
