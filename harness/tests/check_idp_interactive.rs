//! `rehearsal check idp --interactive`, with a person in their own browser. The recording
//! is then judged again without either.
#![allow(clippy::unwrap_used)]

mod running;

use std::path::Path;
use std::process::{Output, Stdio};

use browser::{Browser, BrowserError, Field, Form, Page};
use running::{Up, expect_strict_policy, free_port, rehearsal};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use url::Url;

/// Returns a port that is free now.
async fn run_command(arguments: &[&str]) -> Output {
    Command::from(rehearsal(arguments)).output().await.unwrap()
}

/// A person who follows the instructions on the pages until the check has ended.
struct Person {
    browser: Browser,
    desk: Url,
    username: String,
    password: String,
    signed_on: usize,
    stuck: usize,
    /// What the page of the check said: the number of the request, and of how many.
    announced: Vec<(usize, usize)>,
}

impl Person {
    async fn follows(&mut self) {
        expect_strict_policy(self.browser.client().get(self.desk.clone())).await;
        let mut page = self.browser.open(self.desk.join("/go").unwrap()).await;
        loop {
            page = match page {
                Ok(now) if self.is_over(&now) => return,
                Ok(now) => self.does(&now).await,
                // A real browser would show its own error page.
                Err(_) => match self.browser.open(self.desk.clone()).await {
                    Ok(now) if self.is_over(&now) => return,
                    Ok(_) => self.goes_back().await,
                    // The command has ended.
                    Err(_) => return,
                },
            };
        }
    }

    fn is_over(&self, page: &Page) -> bool {
        page.url.origin() == self.desk.origin() && page.text().contains("That was all")
    }

    async fn does(&mut self, page: &Page) -> Result<Page, BrowserError> {
        if let Some(mut form) = page.login_form() {
            self.signed_on += 1;
            form.fill_in(&self.username, &self.password);
            return self.browser.submit(&form).await;
        }
        let carries = |field: &Field| field.name.starts_with("SAML");
        let forms = page.forms();
        if let Some(form) = forms.iter().find(|form| form.fields.iter().any(carries)) {
            return self.browser.submit(form).await;
        }
        self.goes_back().await
    }

    async fn reads_the_desk(&mut self) {
        let Ok(page) = self.browser.open(self.desk.clone()).await else {
            return;
        };
        let text = page.text();
        let Some((_, rest)) = text.split_once("Request ") else {
            return;
        };
        let numbers: Vec<&str> = rest.split([' ', ':']).collect();
        let [number, "of", total, ..] = numbers.as_slice() else {
            panic!("no number of requests in {text}");
        };
        let (number, total): (usize, usize) = (number.parse().unwrap(), total.parse().unwrap());
        assert_eq!(text.contains("Next: "), number < total, "{text}");
        self.announced.push((number, total));
    }

    /// Opens the page of the check and clicks the button that says that the sign-on ended
    /// at the identity provider.
    async fn goes_back(&mut self) -> Result<Page, BrowserError> {
        self.stuck += 1;
        self.reads_the_desk().await;
        let ended = Form {
            page: self.desk.clone(),
            action: self.desk.join("/stuck").unwrap(),
            post: true,
            fields: Vec::new(),
        };
        self.browser.submit(&ended).await
    }
}

fn report(output: &Output) -> Value {
    let complaint = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{complaint}"))
}

fn of_verdict<'r>(report: &'r Value, verdict: &str) -> Vec<&'r Value> {
    let all = report["checks"].as_array().unwrap().iter();
    all.filter(|it| it["verdict"] == verdict).collect()
}

/// Returns the report without start time, duration and command line.
fn without_run_details(mut report: Value) -> Value {
    for member in ["started_at", "duration_ms", "command_line"] {
        report.as_object_mut().unwrap().remove(member);
    }
    for check in report["checks"].as_array_mut().unwrap() {
        check.as_object_mut().unwrap().remove("duration_ms");
    }
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_on_and_the_recording_gives_the_same_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (port, metadata, record) = (free_port(), path("sp.xml"), path("idp.json"));
    let played = ["--sp-port", &port, "--sp-metadata-out", &metadata];
    let mut prepare = vec!["check", "idp", "--prepare"];
    prepare.extend(played);
    assert!(run_command(&prepare).await.status.success());
    let up = Up::start_in(folder.path(), &["--sp-metadata", &metadata]).await;
    let word = |pointer: &str| up.text(pointer);

    // If no person opens the page, the first request ends the run.
    let mut nobody = vec!["check", "idp", "--interactive", "--wait", "1"];
    nobody.extend(["--metadata", word("/idp/metadata_url")]);
    nobody.extend(played);
    let nobody = run_command(&nobody).await;
    let said = String::from_utf8_lossy(&nobody.stderr);
    assert_eq!(nobody.status.code(), Some(2), "{said}");
    assert!(said.contains("nobody-signed-on"), "{said}");

    let mut check = vec!["check", "idp", "--interactive", "--json", "--wait", "60"];
    check.extend(["--record", &record, "--metadata", word("/idp/metadata_url")]);
    check.extend(played);
    let mut check = Command::from(rehearsal(&check))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(check.stderr.take().unwrap()).lines();
    let desk = loop {
        let line = said.next_line().await.unwrap().unwrap();
        if let Some(line) = line.strip_prefix("open ") {
            break line.split(' ').next().unwrap().to_owned();
        }
    };
    tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
    let desk: Url = desk.parse().unwrap();
    let mut person = Person {
        browser: Browser::new("a person's browser").unwrap(),
        desk,
        username: word("/idp/sso_login/username").to_owned(),
        password: word("/idp/sso_login/password").to_owned(),
        signed_on: 0,
        stuck: 0,
        announced: Vec::new(),
    };
    let (output, ()) = tokio::join!(check.wait_with_output(), person.follows());
    let output = output.unwrap();
    let live = report(&output);
    assert_eq!(of_verdict(&live, "fail"), Vec::<&Value>::new());
    assert_eq!(output.status.code(), Some(0));
    assert!(
        live["summary"]["passed"].as_u64().unwrap() > 90,
        "{}",
        live["summary"]
    );
    assert!(person.signed_on > 0 && person.stuck > 0);
    // Requests that a person cannot be asked to do are skipped, with the reason.
    let skipped = of_verdict(&live, "skip");
    let because = |it: &&Value| it["actual"].as_str().unwrap().contains("a person signs on");
    assert!(skipped.iter().any(because), "{skipped:?}");

    up.kill().await;
    let recorded = std::fs::read_to_string(Path::new(&record)).unwrap();
    assert!(!recorded.contains(&person.password));
    let replay = ["check", "idp", "--json", "--replay", &record];
    let replayed = run_command(&replay).await;
    assert_eq!(
        without_run_details(report(&replayed)),
        without_run_details(live)
    );
    assert_eq!(replayed.status.code(), Some(0));
    // The page announced as many requests as there were.
    let document: Value = serde_json::from_str(&recorded).unwrap();
    let trials = document["trials"].as_object().unwrap().values();
    let made = trials.filter(|it| it["request"] != "" || it["request_id"] != "");
    let made = made.count();
    assert!(!person.announced.is_empty());
    for (number, total) in &person.announced {
        assert!(
            number <= total && *total == made,
            "{number} of {total}, made {made}"
        );
    }
    // `trace` lists the problems of each message.
    let traced = run_command(&["trace", "--json", &record]).await;
    let accounts = report(&traced);
    assert!(accounts.as_array().unwrap().len() > 10);

    // An invalid recording is an error, not a finding.
    std::fs::write(Path::new(&record), "{}").unwrap();
    let broken = run_command(&replay).await;
    let said = String::from_utf8_lossy(&broken.stderr);
    assert_eq!(broken.status.code(), Some(2), "{said}");
    assert!(said.contains("is not a recording of check idp"), "{said}");
}
