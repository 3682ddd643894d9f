//! An identity provider and a portal for a test suite in Rust, and a sign-on
//! with nothing but `reqwest` and a reader of HTML:
//!
//!     cargo run -p rehearsal --example sign_on
//!
//! Where your own service provider is under test, register it by
//! `rehearsal.world.registers(…)` and open its start page in place of the portal's.

use std::collections::BTreeMap;
use std::error::Error;

use scraper::{Html, Selector};
use serde_json::Value;
use url::Url;

/// The first form of a page: where it goes, and its fields.
async fn form(page: reqwest::Response) -> Result<(Url, BTreeMap<String, String>), Box<dyn Error>> {
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

/// Starts the parties with a whole organization, signs on and asks who is in.
pub(crate) async fn signs_on() -> Result<String, Box<dyn Error>> {
    let rehearsal = rehearsal::start().await?;
    let login = rehearsal.idp().login();

    let browser = reqwest::Client::builder().cookie_store(true).build()?;
    let start = rehearsal.sp().sso_start_url(&login.username);
    let (page, mut fields) = form(browser.get(start).send().await?).await?;
    fields.insert("username".to_owned(), login.username.clone());
    fields.insert("password".to_owned(), login.password.clone());
    let (acs, response) = form(browser.post(page).form(&fields).send().await?).await?;
    browser.post(acs).form(&response).send().await?;
    let who = browser.get(rehearsal.sp().whoami_url()).send().await?;
    let who: Value = who.json().await?;
    rehearsal.shutdown().await;
    Ok(who["email"].as_str().unwrap_or_default().to_owned())
}

#[allow(dead_code, clippy::print_stdout)]
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    println!("{}", signs_on().await?);
    Ok(())
}
