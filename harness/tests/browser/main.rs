//! The pages as people meet them: headless Chromium, driven by the words that
//! stand on the page.
//!
//! How to add a test of a page:
//!
//! 1. Write `#[tokio::test] async fn …() -> Outcome { rehearse(async |page, world| { … }).await }`
//!    in the file of its party (`console.rs`, `portal.rs`), or add a file here.
//!    Each test has a browser, a chromedriver and parties of its own.
//! 2. `page.open(&url)`, then speak as the guide does: `page.click("Applications")`,
//!    `page.field("SCIM base URL").enter("…")`, `page.choose("SAML Application")`,
//!    `page.within("Parallels").click("Edit")`, `page.value("Issuer ID")`,
//!    `page.says("Saved")`. Things are found by accessible name: what has no
//!    name for a screen reader has none here. A name that isn't there fails
//!    with the names that are.
//! 3. Nothing sleeps. A click waits for the page that it leads to; what a
//!    script changes later is waited for with `page.hears("…")`.
//! 4. End each page with `page.looked_at("console-applications")`: axe-core
//!    must find nothing serious, nothing may stick out of a phone's screen, and
//!    screenshots at 1280 and 390 pixels go to `target/screenshots/`. Look at
//!    them; with `REHEARSAL_SCHEME=dark` they are dark. What several tests walk
//!    through is looked at by `guide.rs` alone: `page.passed("…")`.
//! 5. A browser and the parties take seconds to start: rather a fuller test
//!    than one more.
//!
//! Without Chromium and chromedriver (`scripts/install.sh`, `install_browser`)
//! the tests say "skipped: no chromium"; without axe-core, "skipped: no axe-core".
//! Where `CI` is set they fail instead.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout)] // what was skipped, and why

mod accessibility;
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

/// What a test comes to.
type Outcome<T = ()> = anyhow::Result<T>;

/// Plays a test with a browser and parties of its own, and closes both
/// whatever came of it. A failure is shown with the page it happened on.
async fn rehearse(test: impl AsyncFnOnce(&Page, &mut World) -> Outcome) -> Outcome {
    rehearse_with(Options::default(), test).await
}

/// [`rehearse`] with parties that are set up so.
async fn rehearse_with(
    options: Options,
    test: impl AsyncFnOnce(&Page, &mut World) -> Outcome,
) -> Outcome {
    rehearse_in(async || Ok(World::with(options).await?), test).await
}

/// [`rehearse`] in this world.
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
    page.wears_the_scheme().await?;
    let played = caught(test(&page, &mut world)).await;
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

/// A panic as an error, so that the browser is closed after it too.
async fn caught(test: impl Future<Output = Outcome>) -> Outcome {
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
