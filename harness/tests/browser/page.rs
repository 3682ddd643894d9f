//! A page in the browser, or a part of it; its elements are found by the labels of the
//! guide.

#![allow(dead_code, reason = "a vocabulary: not every word is spoken yet")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::Outcome;
use crate::console::CORPORATE_PASSWORD;
use crate::driver::Browser;

const FIND: &str = include_str!("find.js");

/// Resolves when the page contains the text; it observes every change of the page.
const HEAR: &str = "
const [words, done] = arguments;
// Lower case, because innerText is in capitals if a style sheet says so.
const heard = () => document.body.innerText.toLowerCase().includes(words.toLowerCase());
if (heard()) { done(true); return; }
const watch = new MutationObserver(() => { if (heard()) { watch.disconnect(); done(true); } });
watch.observe(document, {subtree: true, childList: true, characterData: true, attributes: true});
";

/// Scrolls an element to the middle of the window, where no fixed element covers it.
/// Returns whether a click on it opens another page, and marks the current page, to
/// recognize the next one.
const APPROACH: &str = "
const [target] = arguments;
target.scrollIntoView({block: 'center', inline: 'nearest', behavior: 'instant'});
const link = target.closest('a[href]');
const leads = link
  ? !link.target && !link.hasAttribute('download') && !link.getAttribute('href').startsWith('#')
  : !!target.form && (target.type || 'submit') === 'submit';
if (leads) document.documentElement.setAttribute('data-left', '');
return leads;
";

/// True when a page without the mark has been loaded completely.
const ARRIVED: &str = "return document.readyState === 'complete'
  && !document.documentElement.hasAttribute('data-left');";

/// Delays the answer to the next request of the page's script until it is released. Later
/// requests are answered before it.
const HOLD: &str = "
const real = window.fetch;
const letGo = new Promise(let_go => { window.letGo = let_go; });
window.fetch = async (...asked) => {
  window.fetch = real;
  const answer = await real(...asked);
  const text = await answer.text();
  await letGo;
  return new Response(text, {status: answer.status});
};
";

/// Releases the delayed answer, and gives the script time to handle it.
const LET_GO: &str = "
const [done] = arguments;
window.letGo();
let turns = 50;
const turn = () => (turns-- ? setTimeout(turn) : done());
turn();
";

/// Maximum time to wait for a script or a download.
const PATIENCE: Duration = Duration::from_secs(10);

/// The whole page, or the part that [`Page::within`] selected.
pub(crate) struct Page {
    pub(crate) driver: WebDriver,
    scope: Option<WebElement>,
    downloads: PathBuf,
    /// Names of the pages that were checked; None for a test that does not check them.
    tour: Option<Arc<Mutex<BTreeSet<String>>>>,
    scriptless: Arc<AtomicBool>,
}

impl Page {
    /// Returns the page that a browser shows.
    pub(crate) fn of(browser: &Browser) -> Self {
        Self {
            driver: browser.driver.clone(),
            scope: None,
            downloads: browser.downloads(),
            tour: None,
            scriptless: Arc::default(),
        }
    }

    /// Checks the pages that several tests use from here on. One test that does is enough.
    pub(crate) fn on_tour(&self) -> Self {
        Self {
            driver: self.driver.clone(),
            scope: self.scope.clone(),
            downloads: self.downloads.clone(),
            tour: Some(Arc::default()),
            scriptless: Arc::clone(&self.scriptless),
        }
    }

    /// Does [`Page::take_screenshots`] in the test that checks these pages, once for each name.
    pub(crate) async fn look_at_once(&self, name: &str) -> Outcome {
        let is_new = self.tour.as_ref().is_some_and(|seen| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.insert(name.to_owned())
        });
        if is_new {
            self.take_screenshots(name).await?;
        }
        Ok(())
    }

    /// Opens a URL.
    pub(crate) async fn open(&self, url: &str) -> Outcome {
        self.driver.goto(url).await?;
        Ok(())
    }

    /// Disables the scripts of the pages from here on.
    pub(crate) async fn disable_scripts(&self) -> Outcome {
        self.scriptless.store(true, Ordering::Relaxed);
        self.set_scripts_enabled(false).await
    }

    /// Enables or disables scripts: axe-core needs them, also on a page that was loaded
    /// without its scripts.
    pub(crate) async fn set_scripts_enabled(&self, run: bool) -> Outcome {
        if self.scriptless.load(Ordering::Relaxed) {
            let disabled = json!({"value": !run});
            self.driver
                .cdp()
                .send_raw("Emulation.setScriptExecutionDisabled", disabled)
                .await?;
        }
        Ok(())
    }

    /// Returns the URL of the page.
    pub(crate) async fn url(&self) -> Outcome<url::Url> {
        Ok(self.driver.current_url().await?)
    }

    /// Returns the text of the main heading.
    pub(crate) async fn heading(&self) -> Outcome<String> {
        Ok(self.driver.find(By::Css("h1")).await?.text().await?)
    }

    /// Signs in to the portal with a password, at its page Sign In.
    pub(crate) async fn signs_in(&self, email: &str, password: &str) -> Outcome {
        self.field("E-mail").enter(email).await?;
        self.field("Password").enter(password).await?;
        self.click("Sign In").await
    }

    /// Goes from the portal's page Sign In to the identity provider of an e-mail address.
    pub(crate) async fn continues_with_sso(&self, email: &str) -> Outcome {
        self.click("Continue with SSO").await?;
        self.field("Work e-mail").enter(email).await?;
        self.click("Continue").await
    }

    /// Fills in the identity provider's sign-on form.
    pub(crate) async fn fills_sign_on(&self, email: &str) -> Outcome {
        self.field("Username").enter(email).await?;
        self.field("Password").enter(CORPORATE_PASSWORD).await
    }

    /// Waits until the redirects and self-submitting pages have ended on a page with this
    /// heading.
    pub(crate) async fn lands_on(&self, heading: &str) -> Outcome {
        let mut glance = tokio::time::interval(Duration::from_millis(20));
        let landed = async {
            while self.heading().await.ok().as_deref() != Some(heading) {
                glance.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, landed)
            .await
            .with_context(|| format!("waiting for the page {heading:?}"))
    }

    async fn try_find(&self, kind: &str, name: &str) -> Outcome<Result<WebElement, Vec<String>>> {
        let scope = self.scope.as_ref().map(WebElement::to_json).transpose()?;
        let found = self
            .driver
            .execute(
                FIND,
                vec![scope.unwrap_or(Value::Null), json!(kind), json!(name)],
            )
            .await?;
        let (element, names): (Value, Vec<String>) = found.convert()?;
        if element.is_null() {
            return Ok(Err(names));
        }
        Ok(Ok(WebElement::from_json(
            element,
            self.driver.handle().clone(),
        )?))
    }

    async fn find(&self, kind: &str, name: &str) -> Outcome<WebElement> {
        self.try_find(kind, name).await?.map_err(|names| {
            anyhow!(
                "expected a {kind} named {name:?}; there are: {}",
                names.join(" | ")
            )
        })
    }

    /// True if there is an element with this name that can be clicked.
    pub(crate) async fn offers(&self, name: &str) -> Outcome<bool> {
        Ok(self.try_find("press", name).await?.is_ok())
    }

    /// Clicks the button, link, switch or summary with this name, and waits for the page
    /// that it opens.
    pub(crate) async fn click(&self, name: &str) -> Outcome {
        if self.press(name).await? {
            self.wait_for_page()
                .await
                .with_context(|| format!("waiting for the page behind {name:?}"))?;
        }
        Ok(())
    }

    /// Clicks the element; returns true if it opens another page.
    async fn press(&self, name: &str) -> Outcome<bool> {
        let target = self.find("press", name).await?;
        let leads = self.approach(&target).await?;
        target
            .click()
            .await
            .with_context(|| format!("clicking {name:?}"))?;
        Ok(leads)
    }

    async fn approach(&self, target: &WebElement) -> Outcome<bool> {
        let leads = self
            .driver
            .execute(APPROACH, vec![target.to_json()?])
            .await?;
        Ok(leads.convert()?)
    }

    /// Waits for the page that a click opens.
    async fn wait_for_page(&self) -> Outcome {
        let mut glance = tokio::time::interval(Duration::from_millis(20));
        let arrived = async {
            loop {
                let there = self.driver.execute(ARRIVED, Vec::new()).await;
                if there.is_ok_and(|there| there.convert().unwrap_or(false)) {
                    return;
                }
                glance.tick().await;
            }
        };
        Ok(tokio::time::timeout(PATIENCE, arrived).await?)
    }

    /// Selects the radio button or checkbox with this name.
    pub(crate) async fn choose(&self, name: &str) -> Outcome {
        let choice = self.find("choice", name).await?;
        if !choice.is_selected().await? {
            self.approach(&choice).await?;
            choice
                .click()
                .await
                .with_context(|| format!("choosing {name:?}"))?;
        }
        Ok(())
    }

    /// Clears the checkbox with this name.
    pub(crate) async fn clear_checkbox(&self, name: &str) -> Outcome {
        let choice = self.find("choice", name).await?;
        if choice.is_selected().await? {
            self.approach(&choice).await?;
            choice.click().await?;
        }
        Ok(())
    }

    /// Returns the field with this label.
    pub(crate) fn field<'p>(&'p self, label: &'p str) -> Field<'p> {
        Field { page: self, label }
    }

    /// Returns the part of the page with this name: a row, list item, section or fieldset.
    pub(crate) async fn within(&self, name: &str) -> Outcome<Page> {
        Ok(Self {
            driver: self.driver.clone(),
            scope: Some(self.find("place", name).await?),
            downloads: self.downloads.clone(),
            tour: self.tour.clone(),
            scriptless: Arc::clone(&self.scriptless),
        })
    }

    /// Returns the value that the page shows next to a name.
    pub(crate) async fn value(&self, name: &str) -> Outcome<String> {
        let term = self.find("term", name).await?;
        let value = self
            .driver
            .execute(
                "const [term] = arguments;
                 if (term.control) return term.control.value;
                 const beside = term.nextElementSibling;
                 const exact = beside.querySelector('code, input, textarea, output') || beside;
                 return exact.value ?? exact.innerText;",
                vec![term.to_json()?],
            )
            .await?;
        let value: String = value.convert()?;
        Ok(value.trim().to_owned())
    }

    /// Returns the whole visible text of the part.
    pub(crate) async fn as_text(&self) -> Outcome<String> {
        let body = match &self.scope {
            Some(scope) => scope.clone(),
            None => self.driver.find(By::Css("body")).await?,
        };
        let text = body.text().await?;
        Ok(match self.scope {
            Some(_) => text,
            None => format!("{}\n{text}", self.driver.current_url().await?),
        })
    }

    /// Fails unless the part contains the text.
    pub(crate) async fn says(&self, words: &str) -> Outcome {
        let text = self.as_text().await?;
        if text.contains(words) {
            return Ok(());
        }
        bail!("expected the page to say {words:?}, it says:\n{text}")
    }

    /// Sends JSON to the server of the page, as its script would. Returns the status.
    pub(crate) async fn posts(&self, path: &str, body: &serde_json::Value) -> Outcome<u16> {
        const POST: &str = "const [path, body, done] = arguments; \
             fetch(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body}) \
             .then((answer) => done(answer.status));";
        let arguments = vec![json!(path), json!(body.to_string())];
        let status = self.driver.execute_async(POST, arguments).await?;
        Ok(status.convert()?)
    }

    /// Waits until the page no longer contains the text.
    pub(crate) async fn wait_until_gone(&self, words: &str) -> Outcome {
        let mut glance = tokio::time::interval(Duration::from_millis(20));
        let gone = async {
            // While the browser loads the page again, it cannot be read.
            while !self.as_text().await.is_ok_and(|text| !text.contains(words)) {
                glance.tick().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, gone).await;
        waited.with_context(|| format!("waiting for the page without {words:?}"))
    }

    /// Waits until a script has added the text to the page.
    pub(crate) async fn wait_for_text(&self, words: &str) -> Outcome {
        self.driver.set_script_timeout(PATIENCE).await?;
        self.driver
            .execute_async(HEAR, vec![json!(words)])
            .await
            .with_context(|| format!("waiting for the page to say {words:?}"))?;
        Ok(())
    }

    /// Delays the answer to the next request of the page's script until
    /// [`Page::release_answer`].
    pub(crate) async fn hold_next_answer(&self) -> Outcome {
        self.driver.execute(HOLD, Vec::new()).await?;
        Ok(())
    }

    /// Releases the delayed answer.
    pub(crate) async fn release_answer(&self) -> Outcome {
        self.driver.execute_async(LET_GO, Vec::new()).await?;
        Ok(())
    }

    /// Clicks a download link; returns the content of the file.
    pub(crate) async fn download(&self, name: &str) -> Outcome<String> {
        self.press(name).await?;
        let mut glance = tokio::time::interval(Duration::from_millis(20));
        let landed = async {
            loop {
                glance.tick().await;
                // Chromium renames the file when the download is complete.
                let whole = std::fs::read_dir(&self.downloads)?
                    .filter_map(|entry| Some(entry.ok()?.path()))
                    .find(|path| path.extension().is_some_and(|end| end != "crdownload"));
                if let Some(path) = whole {
                    let text = std::fs::read_to_string(&path)?;
                    std::fs::remove_file(path)?;
                    return Ok::<_, std::io::Error>(text);
                }
            }
        };
        tokio::time::timeout(PATIENCE, landed)
            .await
            .with_context(|| format!("waiting for the download of {name:?}"))?
            .map_err(Into::into)
    }
}

/// A field with a label.
pub(crate) struct Field<'p> {
    page: &'p Page,
    label: &'p str,
}

impl Field<'_> {
    async fn element(&self) -> Outcome<WebElement> {
        self.page.find("field", self.label).await
    }

    /// Replaces the text of the field; in a list, selects the option with this text.
    pub(crate) async fn enter(&self, text: &str) -> Outcome {
        let element = self.element().await?;
        if element.tag_name().await? == "select" {
            // The text of a fault continues with what it does.
            let begin = format!("{text}: ");
            let wanted = format!(
                "option[normalize-space(.)={text:?} or starts-with(normalize-space(.), {begin:?})]"
            );
            let option = element.find(By::XPath(format!(".//{wanted}"))).await;
            let option = option.with_context(|| format!("{:?} offers {text:?}", self.label))?;
            return Ok(option.click().await?);
        }
        if element.attr("type").await?.as_deref() != Some("file") {
            element.clear().await?;
        }
        if text.contains('\n') {
            // Set at once like a paste: typed keys would come one by one, and Return would
            // submit the form.
            self.page
                .driver
                .execute(
                    "const [field, text] = arguments; field.value = text;
                     field.dispatchEvent(new Event('input', {bubbles: true}));",
                    vec![element.to_json()?, json!(text)],
                )
                .await?;
            return Ok(());
        }
        element
            .send_keys(text)
            .await
            .with_context(|| format!("typing into {:?}", self.label))
    }

    /// Returns the text in the field.
    pub(crate) async fn text(&self) -> Outcome<String> {
        Ok(self
            .element()
            .await?
            .prop("value")
            .await?
            .unwrap_or_default())
    }

    /// Returns the hints and errors of the field (`aria-describedby`).
    pub(crate) async fn says(&self) -> Outcome<String> {
        let said = self
            .page
            .driver
            .execute(
                "return (arguments[0].getAttribute('aria-describedby') || '').split(/\\s+/)
                 .map(id => document.getElementById(id)?.innerText || '').join(' ').trim();",
                vec![self.element().await?.to_json()?],
            )
            .await?;
        Ok(said.convert()?)
    }
}
