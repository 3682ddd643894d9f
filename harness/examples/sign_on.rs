//! Starts an identity provider and a portal for tests in Rust, and signs on with only
//! `reqwest` and an HTML parser:
//!
//!     cargo run -p rehearsal --example sign_on
//!
//! To test your own service provider, register it by `rehearsal.world.registers(…)` and
//! open its start page instead of the portal's.

use std::collections::BTreeMap;
use std::error::Error;

use scraper::{Html, Selector};
use serde_json::Value;
use url::Url;

/// Returns the URL and the fields of the first form of a page.
async fn read_form(
    page: reqwest::Response,
) -> Result<(Url, BTreeMap<String, String>), Box<dyn Error>> {
    let at = page.url().clone();
    let page = Html::parse_document(&page.text().await?);
    let form = page
        .select(&Selector::parse("form")?)
        .next()
        .ok_or_else(|| format!("no form at {at}"))?;
    let fields = form
        .select(&Selector::parse("input[name]")?)
        .map(|field| {
            let word = |name| field.attr(name).unwrap_or_default().to_owned();
            (word("name"), word("value"))
        })
        .collect();
    Ok((at.join(form.attr("action").unwrap_or_default())?, fields))
}

/// Starts the parties with the demo organization, signs on and returns who is logged in.
pub(crate) async fn sign_on() -> Result<String, Box<dyn Error>> {
    let rehearsal = rehearsal::start().await?;
    let login = rehearsal.idp().login();

    let browser = reqwest::Client::builder().cookie_store(true).build()?;
    let start = rehearsal.sp().sso_start_url(&login.username);
    let (page, mut fields) = read_form(browser.get(start).send().await?).await?;
    fields.insert("username".to_owned(), login.username.clone());
    fields.insert("password".to_owned(), login.password.clone());
    let (acs, response) = read_form(browser.post(page).form(&fields).send().await?).await?;
    browser.post(acs).form(&response).send().await?;
    let who = browser.get(rehearsal.sp().whoami_url()).send().await?;
    let who: Value = who.json().await?;
    rehearsal.shutdown().await;
    Ok(who["email"].as_str().unwrap_or_default().to_owned())
}

#[allow(dead_code, clippy::print_stdout)]
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    println!("{}", sign_on().await?);
    Ok(())
}
