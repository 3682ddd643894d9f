//! The pages in headless Chromium, which the tests use by the texts on the page.
//!
//! How to add a test of a page:
//!
//! 1. Write `#[tokio::test] async fn …() -> Outcome { rehearse(async |page, world| { … }).await }`
//!    in the file of its party (`console`, `portal.rs`), or add a file here.
//!    Each test has its own browser, chromedriver and parties.
//! 2. Call `page.open(&url)`, then use the labels of the guide:
//!    `page.click("Applications")`, `page.field("SCIM base URL").enter("…")`,
//!    `page.choose("SAML Application")`, `page.within("Parallels").click("Edit")`,
//!    `page.value("Issuer ID")`, `page.says("Saved")`. Elements are found by their
//!    accessible name: an element without a name for screen readers is not found. If a name
//!    does not exist, the error lists the names that do.
//! 3. No test sleeps. A click waits for the page that it opens. To wait for a change by a
//!    script, use `page.hears("…")`.
//! 4. End each page with `page.looked_at("console-applications")`: axe-core must find
//!    nothing serious, nothing may be wider than a phone's screen, and screenshots at 1280
//!    and 390 pixels go to `target/screenshots/`. Look at them; `REHEARSAL_SCHEME=dark`
//!    makes them dark. Pages that several tests use are only checked by `guide.rs`: call
//!    `page.passed("…")`.
//! 5. A browser and the parties take seconds to start: extend a test rather than add one.
//!
//! Without Chromium and chromedriver (`scripts/install.sh`, `install_browser`) the tests
//! print "skipped: no chromium"; without axe-core, "skipped: no axe-core". If `CI` is set,
//! they fail instead.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout)] // prints what was skipped, and why

mod accessibility;
mod checks;
mod console;
mod driver;
mod guide;
mod page;
mod portal;
mod reports;
mod screenshots;
mod sites;
#[path = "../topology/mod.rs"]
mod topology;

use std::future::Future;
use std::panic::AssertUnwindSafe;

use anyhow::anyhow;
use futures::FutureExt as _;
use rehearsal::{Options, World};

use driver::Browser;
use page::Page;

/// The result of a test.
type Outcome<T = ()> = anyhow::Result<T>;

/// Runs a test with its own browser and parties, and stops both in any case. An error shows
/// the page on which it happened.
async fn rehearse(test: impl AsyncFnOnce(&Page, &mut World) -> Outcome) -> Outcome {
    rehearse_with(Options::default(), test).await
}

/// Does the same as [`rehearse`] with parties that have these options.
async fn rehearse_with(
    options: Options,
    test: impl AsyncFnOnce(&Page, &mut World) -> Outcome,
) -> Outcome {
    rehearse_in(async || Ok(World::with(options).await?), test).await
}

/// Does the same as [`rehearse`] with this world.
async fn rehearse_in(
    world: impl AsyncFnOnce() -> Outcome<World>,
    test: impl AsyncFnOnce(&Page, &mut World) -> Outcome,
) -> Outcome {
    let Some(browser) = Browser::open().await? else {
        println!("skipped: no chromium");
        return Ok(());
    };
    let mut world = world().await?;
    let page = Page::of(&browser);
    page.set_color_scheme().await?;
    let played = catch_panic(test(&page, &mut world)).await;
    let outcome = match played {
        Ok(()) => Ok(()),
        Err(error) => {
            let shown = page.as_text().await.unwrap_or_default();
            Err(error.context(format!("failed on this page:\n{shown}\n")))
        }
    };
    drop(page);
    browser.close().await?;
    world.rehearsal.shutdown().await;
    outcome
}

/// Turns a panic into an error, so that the browser is stopped after it too.
async fn catch_panic(test: impl Future<Output = Outcome>) -> Outcome {
    match AssertUnwindSafe(test).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => {
            let said = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
            Err(anyhow!(said.unwrap_or_else(|| "the test panicked".into())))
        }
    }
}
