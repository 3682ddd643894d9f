//! Names that contain HTML stay text on every page of both parties: the test plants them through the
//! interfaces and through every form that it finds, and reads every page that a link leads to.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeSet, VecDeque};

use browser::{Browser, Form, Page};
use rehearsal::Demo;
use reqwest::Method;
use scraper::{Html, Selector};
use serde_json::{Value, json};
use url::Url;

/// Ends an attribute value and starts an element, if it is not escaped.
const HOSTILE: &str = r#"'"><i xss=1>"#;

/// Runs a script, if a page takes it as the address of a link.
const HOSTILE_URL: &str = r#"javascript:alert(1)//'"><i xss=1>"#;

const PASSWORD: &str = "Wq7-otter-quarry-81";

/// Words in the path of a form or link that would end the tour.
const ENDS: [&str; 6] = [
    "logout",
    "sign-off",
    "signoff",
    "delete",
    "slo",
    "workspace",
];

/// Pages and forms of a party, as far as links lead to them.
#[derive(Default)]
struct Tour {
    seen: BTreeSet<String>,
    sent: BTreeSet<String>,
    /// Paths of the pages that show the hostile text, as text.
    shown: BTreeSet<String>,
    /// What became markup, with the page.
    injected: Vec<String>,
}

/// Returns the address without its values: pages that differ only in a search are one page.
fn shape(url: &Url) -> String {
    let keys: BTreeSet<String> = url.query_pairs().map(|(key, _)| key.into_owned()).collect();
    format!("{} {keys:?}", url.path())
}

/// Returns the parts of a page that come from the hostile text and are no text.
fn find_markup(html: &Html) -> Vec<String> {
    let all = Selector::parse("*").unwrap();
    let mut found = Vec::new();
    for element in html.select(&all) {
        let value = element.value();
        if value.attr("xss").is_some() {
            found.push(format!("an element {}", value.name()));
        }
        for (name, text) in value.attrs() {
            let is_address = matches!(name, "href" | "src" | "action" | "formaction" | "data");
            let start = text.trim_start().to_ascii_lowercase();
            if name.starts_with("on") || is_address && start.starts_with("javascript:") {
                found.push(format!("{} {name}={text:?}", value.name()));
            }
        }
        let is_code = matches!(value.name(), "script" | "style");
        if is_code && element.text().any(|text| text.contains("xss=1")) {
            found.push(format!("text inside {}", value.name()));
        }
    }
    found
}

fn ends(url: &Url) -> bool {
    ENDS.iter().any(|word| url.path().contains(word))
}

/// Fills the hostile text into the fields of a form that a person types into. Returns false if it
/// has none.
fn fill(form: &mut Form) -> bool {
    let typed = ["text", "search", "url", "email", "password", "tel"];
    let mut filled = false;
    for field in &mut form.fields {
        if typed.contains(&field.kind.as_str()) {
            let hostile = match field.name.contains("url") || field.kind == "url" {
                true => HOSTILE_URL,
                false => HOSTILE,
            };
            hostile.clone_into(&mut field.value);
            filled = true;
        }
    }
    filled
}

impl Tour {
    /// Reads a page. Returns its links.
    fn read(&mut self, page: &Page) -> Vec<Url> {
        if !page
            .body
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("<!doctype html")
        {
            return Vec::new();
        }
        let html = Html::parse_document(&page.body);
        let path = page.url.path();
        for found in find_markup(&html) {
            self.injected.push(format!("{path}: {found}"));
        }
        if page.body.contains("xss=1") {
            self.shown.insert(path.to_owned());
        }
        let links = Selector::parse("a[href]").unwrap();
        let links = html.select(&links).filter_map(|it| it.attr("href"));
        links
            .filter_map(|href| page.url.join(href).ok())
            .filter(|url| url.origin() == page.url.origin() && !ends(url))
            .collect()
    }

    /// Opens every page that a link leads to, and sends each form once if `fills`.
    async fn walk(&mut self, browser: &Browser, start: Url, fills: bool) {
        let mut open = VecDeque::from([start]);
        while let Some(url) = open.pop_front() {
            if !self.seen.insert(shape(&url)) {
                continue;
            }
            let page = browser.open(url).await.unwrap();
            open.extend(self.read(&page));
            if !fills {
                continue;
            }
            for mut form in page.forms() {
                let names: Vec<&str> = form.fields.iter().map(|it| it.name.as_str()).collect();
                let is_foreign = form.action.origin() != page.url.origin();
                let key = format!("{} {names:?}", form.action.path());
                if is_foreign || ends(&form.action) || !fill(&mut form) || !self.sent.insert(key) {
                    continue;
                }
                let answer = browser.submit(&form).await.unwrap();
                open.extend(self.read(&answer));
            }
        }
    }
}

/// Sends a request of the management API of the identity provider. Returns the answer.
async fn manage(demo: &Demo, path: &str, body: Value) -> Value {
    let environment = &demo.world.directory.environment;
    let url = format!(
        "{}/environments/{environment}{path}",
        demo.idp().admin_api_url()
    );
    let request = reqwest::Client::new().request(Method::POST, url);
    let request = request.bearer_auth(demo.idp().admin_token()).json(&body);
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap()
}

/// Plants hostile names that the forms cannot: users and groups of SCIM, and a refused user.
async fn plant(demo: &Demo) {
    let http = reqwest::Client::new();
    let scim = demo.sp().scim();
    for (path, body) in [
        (
            "/Users",
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": format!("eve{HOSTILE}@lumen.example"),
                "displayName": HOSTILE,
                "externalId": HOSTILE,
                "name": {"givenName": HOSTILE, "familyName": HOSTILE},
                "title": HOSTILE,
            }),
        ),
        (
            "/Groups",
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                "displayName": HOSTILE,
                "externalId": HOSTILE,
            }),
        ),
    ] {
        let request = http.post(format!("{}{path}", scim.base_url)).json(&body);
        let answer = request.bearer_auth(scim.token).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }
    let name = json!({"given": HOSTILE, "family": HOSTILE});
    let user = json!({
        "username": HOSTILE, "email": "eve@lumen.example", "name": name, "password": PASSWORD,
    });
    manage(demo, "/users", user).await;
    manage(
        demo,
        "/groups",
        json!({"name": HOSTILE, "description": HOSTILE}),
    )
    .await;
    manage(
        demo,
        "/populations",
        json!({"name": HOSTILE, "description": HOSTILE}),
    )
    .await;
    let application = json!({
        "name": HOSTILE, "description": HOSTILE, "spEntityId": HOSTILE,
        "acsUrls": ["https://sp.example/acs"], "enabled": true,
    });
    manage(demo, "/applications", application).await;

    // The domain is not registered, so the login is refused.
    let guest = Browser::new("a guest").unwrap();
    let start = demo.sp().sso_start_url(&format!("eve@{HOSTILE}"));
    guest.open(start.parse().unwrap()).await.unwrap();
    // An account that may not use the product, whose values the portal notes for administrators.
    let eve = demo.sp().sso_start_url("eve@lumen.example");
    let page = guest.open(eve.parse().unwrap()).await.unwrap();
    let mut form = page.login_form().unwrap();
    form.fill_in(HOSTILE, PASSWORD);
    let page = guest.submit(&form).await.unwrap();
    let form = page.saml_form().unwrap();
    let refusal = guest.submit_message(&form).await.unwrap();
    assert_eq!(refusal.status, 403, "{}", refusal.body);
}

#[test]
fn text_that_became_markup_is_found() {
    for (page, count) in [
        (format!("<p title=\"{HOSTILE}\">"), 1),
        (format!("<p>{HOSTILE}</p>"), 1),
        (format!("<script>var name = '{HOSTILE}'</script>"), 1),
        (
            format!("<a href=\"{}\">x</a>", HOSTILE_URL.replace('"', "&quot;")),
            1,
        ),
        ("<p onclick=\"a()\">".to_owned(), 1),
        (
            "<p title=\"&#39;&quot;&gt;&lt;i xss=1&gt;\">&lt;i xss=1&gt;".to_owned(),
            0,
        ),
    ] {
        let found = find_markup(&Html::parse_document(&page));
        assert_eq!(found.len(), count, "{page} {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_stay_text_on_every_page() {
    let demo = rehearsal::start().await.unwrap();
    plant(&demo).await;
    let portal = demo.sp().base_url();
    let login = demo.sp().admin_login();
    let console = demo.idp().console_login();
    let parties = [
        (
            "portal",
            format!("{portal}/login"),
            format!("{portal}/dashboard"),
            login,
        ),
        (
            "identity provider",
            demo.idp().console_url().to_owned(),
            demo.idp().console_url().to_owned(),
            rehearsal::ready::Login {
                username: console.username.clone(),
                password: console.password.clone(),
            },
        ),
    ];
    for (party, sign_in, start, login) in parties {
        let start: Url = start.parse().unwrap();
        let browser = Browser::new("an administrator").unwrap();
        let page = browser.open(sign_in.parse().unwrap()).await.unwrap();
        let mut form = page.login_form().unwrap();
        form.fill_in(&login.username, &login.password);
        browser.submit(&form).await.unwrap();
        let mut forms = Tour::default();
        forms.walk(&browser, start.clone(), true).await;
        // What the forms stored is on the pages now.
        let mut tour = Tour::default();
        tour.walk(&browser, start, false).await;
        tour.injected.extend(forms.injected);
        assert_eq!(tour.injected, Vec::<String>::new(), "{party}");
        // Otherwise the tour has seen nothing.
        assert!(tour.shown.len() >= 5, "{party}: shown on {:?}", tour.shown);
        assert!(forms.sent.len() >= 5, "{party}: {:?}", forms.sent);
    }
    demo.shutdown().await;
}
