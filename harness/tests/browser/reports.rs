//! The reports in a browser: from a file, on a desktop, on a phone and printed.

use std::path::PathBuf;

use anyhow::Context as _;
use rehearsal::check::evidence::{Conversation, Evidence, Exchange, Saml};
use rehearsal::check::{Check, CheckReport, Harm, Level, Outcome as Judged};
use rehearsal::report::RunReport;
use rehearsal::scenario::catalogue;
use rehearsal::scenario::{Settings, Stage};
use serde_json::{Value, json};

use crate::Outcome;
use crate::driver::Browser;
use crate::page::Page;

fn check(id: &str, level: Level) -> Check {
    Check {
        id: id.to_owned(),
        level,
        harm: Harm::Function,
        title: format!("The title of {id} is a sentence that is long enough to wrap on a phone."),
        spec: "RFC 7644 §3.5.2".to_owned(),
        fix: "Change one setting.".to_owned(),
    }
}

/// Returns a SCIM request as `check scim` records it.
fn tape(path: &str) -> Value {
    json!([{
        "request": {"method": "PATCH", "target": path, "headers": {"accept": "application/scim+json"},
            "body": {"Operations": [{"op": "replace", "path": "active", "value": false}]}},
        "answer": {"status": 501, "headers": {}, "body": {"status": "501", "detail": "not implemented"}},
    }])
}

/// Returns ten findings, so that they are shown as a list; one of them has others that
/// follow from it.
fn many_findings() -> CheckReport {
    let long = format!("/Users/{}", "0123456789abcdef".repeat(12));
    let fail = |id: &str, level, evidence| {
        Judged::new_judged(check(id, level), false, "200", "501".to_owned(), evidence)
    };
    let mut outcomes = vec![Judged::new_judged(
        check("SCIM-GOOD-01", Level::Must),
        true,
        "yes",
        "yes".to_owned(),
        Value::Null,
    )];
    for number in 1..=10 {
        let level = if number % 2 == 0 {
            Level::Must
        } else {
            Level::Should
        };
        outcomes.push(fail(&format!("SCIM-PATCH-{number:02}"), level, tape(&long)));
    }
    for number in 1..=5 {
        let id = format!("SCIM-ETAG-{number:02}");
        let because = "PATCH answered 501";
        let check = check(&id, Level::Must);
        outcomes.push(Judged::new_skipped_because_of(
            check,
            "SCIM-PATCH-02",
            because,
        ));
    }
    for number in 1..=3 {
        let check = check(&format!("SCIM-BULK-{number:02}"), Level::May);
        outcomes.push(Judged::new_skipped(check, "bulk is not supported"));
    }
    let evidence = Evidence {
        see: vec!["redirect".to_owned()],
        conversations: vec![Conversation {
            name: "redirect".to_owned(),
            about: "a plain request".to_owned(),
            exchanges: vec![Exchange {
                from: "Browser".to_owned(),
                to: "SP".to_owned(),
                method: "POST".to_owned(),
                url: format!("https://sp.example{long}"),
                sent: "SAMLResponse=PGEvPg%3D%3D&RelayState=x".to_owned(),
                saml: vec![Saml {
                    parameter: "SAMLResponse".to_owned(),
                    binding: "HTTP-POST".to_owned(),
                    xml: "<Response><Assertion>x</Assertion></Response>".to_owned(),
                    ..Saml::default()
                }],
                ..Exchange::default()
            }],
        }],
        ..Evidence::default()
    };
    outcomes.push(fail("SAML-WARN-01", Level::May, evidence.into()));
    let started_at = "2026-01-02T03:04:05Z".parse().unwrap();
    let target = "https://scim.example/a/base/url/without/a/single/place/to/break/it";
    CheckReport {
        command_line: "rehearsal check scim --base-url https://scim.example --token •••".to_owned(),
        ..CheckReport::new("check scim", target, outcomes, started_at)
    }
}

/// Opens a page from a file.
async fn with_page(html: &str, test: impl AsyncFnOnce(&Page, &Browser) -> Outcome) -> Outcome {
    let Some(browser) = Browser::open().await? else {
        println!("skipped: no chromium");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let path: PathBuf = folder.path().join("report.html");
    std::fs::write(&path, html)?;
    let page = Page::of(&browser);
    page.set_color_scheme().await?;
    browser
        .driver
        .goto(format!("file://{}", path.display()))
        .await?;
    let outcome = crate::catch_panic(test(&page, &browser)).await;
    drop(page);
    browser.close().await?;
    outcome
}

async fn evaluate<T: serde::de::DeserializeOwned>(browser: &Browser, script: &str) -> Outcome<T> {
    let value = browser.driver.execute(script, Vec::new()).await?;
    value.convert().with_context(|| script.to_owned())
}

/// Returns the ids of the checks that are visible.
async fn list_visible(browser: &Browser) -> Outcome<Vec<String>> {
    let script = "return [...document.querySelectorAll('details.row')].filter(e => e.checkVisibility()).map(e => e.id)";
    evaluate(browser, script).await
}

#[tokio::test]
async fn a_report_of_checks_is_searched_filtered_and_linked() -> Outcome {
    with_page(&many_findings().html(), async |page, browser| {
        let verdict = "10 findings in 20 checks: 5 MUST, 5 SHOULD; 8 not judged";
        assert_eq!(page.heading().await?, verdict);
        // MUST comes before SHOULD; checks that follow from others, that are skipped or
        // that passed are folded.
        let at_first = list_visible(browser).await?;
        assert_eq!(at_first.first().map(String::as_str), Some("SCIM-PATCH-02"));
        assert_eq!(at_first.len(), 11, "{at_first:?}");
        page.take_screenshots("report-check").await?;

        browser.driver.refresh().await?;
        let press = |label: &str| {
            format!("[...document.querySelectorAll('.toolbar button')].find(b => b.textContent.startsWith('{label}')).click()")
        };
        let is_pressed = "return document.querySelectorAll('.toolbar [aria-pressed=true]').length";
        let () = evaluate(browser, &press("Not judged")).await?;
        assert_eq!(evaluate::<u32>(browser, is_pressed).await?, 1);
        assert_eq!(list_visible(browser).await?.len(), 8);
        let () = evaluate(browser, &press("MAY")).await?;
        let bulk = ["SCIM-BULK-01", "SCIM-BULK-02", "SCIM-BULK-03"];
        assert_eq!(list_visible(browser).await?, bulk);
        let output: String = evaluate(browser, "return document.querySelector('output').textContent").await?;
        assert_eq!(output, "3 of 20 checks shown");
        let () = evaluate(browser, &press("Show all")).await?;
        assert_eq!(list_visible(browser).await?, at_first);

        let search = "const i = document.querySelector('input[type=search]'); i.value = arguments[0]; i.dispatchEvent(new Event('input'));";
        browser.driver.execute(search, vec![json!("etag-03 501")]).await?;
        assert_eq!(list_visible(browser).await?, ["SCIM-ETAG-03"]);
        browser.driver.execute(search, vec![json!("")]).await?;
        assert_eq!(list_visible(browser).await?, at_first);

        // A link to a folded check opens the group that contains it.
        let () = evaluate(browser, "location.hash = '#SCIM-ETAG-04'; dispatchEvent(new HashChangeEvent('hashchange'))").await?;
        assert!(list_visible(browser).await?.contains(&"SCIM-ETAG-04".to_owned()));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_report_without_scripts_shows_everything_but_the_filters() -> Outcome {
    let html = many_findings().html();
    with_page(&html, async |page, browser| {
        page.disable_scripts().await?;
        browser.driver.refresh().await?;
        // Read by the driver, because a script cannot run on a page without scripts.
        let tree = browser.driver.source().await?;
        assert!(tree.contains("hidden") && tree.contains("SCIM-ETAG-05"));
        let text = page.as_text().await?;
        assert!(text.contains("SCIM-PATCH-10"), "{text}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn every_finding_is_unfolded_in_print() -> Outcome {
    with_page(&many_findings().html(), async |_, browser| {
        let closed = "return [...document.querySelectorAll('details.row.fail')].filter(e => !e.open).length";
        assert_eq!(evaluate::<u32>(browser, closed).await?, 10);
        let cdp = browser.driver.cdp();
        cdp.send_raw("Emulation.setEmulatedMedia", json!({"media": "print"})).await?;
        // Print styles apply only from one of the next frames on.
        let printed = "
            const [done] = arguments;
            const look = () => {
              const seen = [...document.querySelectorAll('details.row.fail > dl')].filter(e =>
                e.checkVisibility({contentVisibilityAuto: true}) && e.getBoundingClientRect().height > 0);
              seen.length === 10 ? done(seen.length) : requestAnimationFrame(look);
            };
            look();";
        let seen = browser.driver.execute_async(printed, vec![]).await?;
        assert_eq!(seen.convert::<u32>()?, 10);
        let bar = "return document.querySelector('.toolbar').checkVisibility()";
        assert!(!evaluate::<bool>(browser, bar).await?);
        cdp.send_raw("Emulation.setEmulatedMedia", json!({"media": ""})).await?;
        Ok(())
    })
    .await
}

async fn run_whole_guide() -> Outcome<RunReport> {
    let cases = catalogue::demo_cases()?;
    let settings = Settings {
        at_once: 1,
        stage: Stage::Own {
            seed: Some(1),
            database_server: None,
        },
        stop: rehearsal::check::runner::Stop::default(),
    };
    Ok(rehearsal::scenario::run(cases, settings, &|_, _| {}).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_response_is_decoded_where_the_browser_posts_it() -> Outcome {
    let html = rehearsal::report::html("Rehearsal: the whole guide", &run_whole_guide().await?);
    with_page(&html, async |page, browser| {
        let opened = "
            const post = [...document.querySelectorAll('details.exchange')]
              .find(e => /POST.*\\/webapp\\/sso\\/acs\\//s.test(e.querySelector('summary').textContent));
            post.open = true; post.scrollIntoView();
            return post.innerText";
        let text: String = evaluate(browser, opened).await?;
        for part in ["<samlp:Response", "ada@lumen.example", "it covers Assertion and holds", "decoded above"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("PHNhbWxwOlJlc3BvbnNl"), "base64 is shown: {text}");
        let signed = "return document.querySelectorAll('details.exchange[open] .signed').length";
        assert!(evaluate::<u32>(browser, signed).await? > 0);
        // The heads of the columns stay visible.
        let heads = "return document.querySelector('section.scenario > .lanes').getBoundingClientRect().top";
        assert_eq!(evaluate::<f64>(browser, heads).await?, 0.0);
        page.take_screenshots("report-run").await
    })
    .await
}
