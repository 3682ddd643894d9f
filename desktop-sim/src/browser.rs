//! The part of a browser that a sign-on needs: cookies, redirects and forms.
//!
//! It runs no script. A form that a script would submit is handed to the
//! caller, who decides where it goes.

use std::time::Duration;

use reqwest::header::{ACCEPT, LOCATION};
use scraper::{Html, Selector};
use url::Url;

/// Redirects followed before a loop is assumed, as browsers do.
const MOST_REDIRECTS: usize = 20;

/// Cookies and an HTTP client that shows every redirect.
#[derive(Debug, Clone)]
pub struct Browser {
    client: reqwest::Client,
}

/// What stood at the end of the redirects.
#[derive(Debug, Clone)]
pub struct Page {
    /// The address of the page.
    pub url: Url,
    /// Its HTTP status.
    pub status: u16,
    /// Its text.
    pub body: String,
    /// The addresses on the way, the first one asked for at the front.
    pub way: Vec<Url>,
}

/// A form of a page, with the values that it came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Where it goes, resolved against the page.
    pub action: Url,
    /// Whether it is sent by POST.
    pub post: bool,
    /// Name, type and value of its fields, in the order of the page.
    pub fields: Vec<Field>,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type (`hidden`, `text`, `password` …).
    pub kind: String,
    /// Its value.
    pub value: String,
}

/// The browser could not show a page.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// The connection or the HTTP exchange failed.
    #[error("cannot reach {at}: {source}")]
    Exchange {
        /// Where it was sent.
        at: Url,
        /// What failed.
        source: reqwest::Error,
    },
    /// A redirect without a usable `Location`.
    #[error("expected a Location that is a URL in the redirect from {at}, got {location:?}")]
    Location {
        /// Who redirected.
        at: Url,
        /// The header's value.
        location: String,
    },
    /// Redirects that don't end.
    #[error("expected a page within {MOST_REDIRECTS} redirects, still redirected at {at}")]
    Loop {
        /// The last address.
        at: Url,
    },
    /// The HTTP client could not be made.
    #[error("expected an HTTP client, its set-up failed: {0}")]
    Client(reqwest::Error),
}

impl Browser {
    /// A browser without cookies that gives its name to servers.
    ///
    /// # Errors
    /// [`BrowserError::Client`] when TLS can't be set up.
    pub fn new(name: &str) -> Result<Self, BrowserError> {
        Self::of(reqwest::Client::builder(), name)
    }

    /// A browser whose trust is the builder's.
    ///
    /// # Errors
    /// [`BrowserError::Client`] when the client can't be set up.
    pub fn of(builder: reqwest::ClientBuilder, name: &str) -> Result<Self, BrowserError> {
        let client = builder
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .user_agent(name)
            .build()
            .map_err(BrowserError::Client)?;
        Ok(Self { client })
    }

    /// The client itself, which shares the cookies.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Opens an address and follows where it leads.
    ///
    /// # Errors
    /// When an exchange fails or the redirects don't end.
    pub async fn open(&self, url: Url) -> Result<Page, BrowserError> {
        let request = self.client.get(url.clone());
        self.follow(url, request).await
    }

    /// Sends a form and follows where that leads.
    ///
    /// # Errors
    /// As [`Browser::open`].
    pub async fn submit(&self, form: &Form) -> Result<Page, BrowserError> {
        let fields: Vec<(&str, &str)> = form
            .fields
            .iter()
            .map(|field| (field.name.as_str(), field.value.as_str()))
            .collect();
        if form.post {
            let request = self.client.post(form.action.clone()).form(&fields);
            self.follow(form.action.clone(), request).await
        } else {
            let mut url = form.action.clone();
            url.query_pairs_mut().clear().extend_pairs(fields);
            self.open(url).await
        }
    }

    async fn follow(
        &self,
        url: Url,
        request: reqwest::RequestBuilder,
    ) -> Result<Page, BrowserError> {
        let mut way = vec![url.clone()];
        let (mut at, mut request) = (url, request);
        for _ in 0..=MOST_REDIRECTS {
            let answer = request
                .header(ACCEPT, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
                .send()
                .await
                .map_err(|source| BrowserError::Exchange {
                    at: at.clone(),
                    source,
                })?;
            let status = answer.status();
            if !status.is_redirection() {
                let body = answer
                    .text()
                    .await
                    .map_err(|source| BrowserError::Exchange {
                        at: at.clone(),
                        source,
                    })?;
                return Ok(Page {
                    url: at,
                    status: status.as_u16(),
                    body,
                    way,
                });
            }
            let location = answer
                .headers()
                .get(LOCATION)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned();
            let next = at.join(&location).map_err(|_| BrowserError::Location {
                at: at.clone(),
                location: location.clone(),
            })?;
            way.push(next.clone());
            request = self.client.get(next.clone());
            at = next;
        }
        Err(BrowserError::Loop { at })
    }
}

impl Page {
    /// The forms of the page. A form whose action isn't a URL is left out.
    pub fn forms(&self) -> Vec<Form> {
        let page = Html::parse_document(&self.body);
        page.select(&selector("form"))
            .filter_map(|form| {
                let action = self.url.join(form.attr("action").unwrap_or("")).ok()?;
                let fields = form
                    .select(&selector("input[name], textarea[name], select[name]"))
                    .filter(|field| !matches!(field.attr("type"), Some("submit" | "button")))
                    .map(|field| Field {
                        name: field.attr("name").unwrap_or_default().to_owned(),
                        kind: field.attr("type").unwrap_or("text").to_ascii_lowercase(),
                        value: field
                            .attr("value")
                            .map_or_else(|| field.text().collect(), str::to_owned),
                    })
                    .collect();
                Some(Form {
                    action,
                    post: form
                        .attr("method")
                        .is_some_and(|method| method.eq_ignore_ascii_case("post")),
                    fields,
                })
            })
            .collect()
    }

    /// The form that carries a SAML message and submits itself in a browser
    /// that runs scripts, if this page holds one.
    pub fn saml_form(&self) -> Option<Form> {
        self.forms().into_iter().find(|form| {
            ["SAMLRequest", "SAMLResponse"]
                .iter()
                .any(|it| form.value(it).is_some())
        })
    }

    /// The form that asks for a password, if this page holds one.
    pub fn login_form(&self) -> Option<Form> {
        self.forms()
            .into_iter()
            .find(|form| form.fields.iter().any(|field| field.kind == "password"))
    }

    /// What a person would read: the text without tags, spaces collapsed.
    pub fn text(&self) -> String {
        self.text_of("body")
    }

    /// What the page says is wrong, when it marks that for assistive
    /// technology (WAI-ARIA role `alert`).
    pub fn alert(&self) -> Option<String> {
        Some(self.text_of("[role=alert]")).filter(|text| !text.is_empty())
    }

    fn text_of(&self, css: &str) -> String {
        let page = Html::parse_document(&self.body);
        let words: Vec<String> = page
            .select(&selector(css))
            .flat_map(|element| element.text())
            .flat_map(str::split_whitespace)
            .map(str::to_owned)
            .collect();
        words.join(" ")
    }
}

impl Form {
    /// The value of a field.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|field| field.name == name)
            .map(|field| field.value.as_str())
    }

    /// Fills in a field, adding it when the form lacks it.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.fields.iter_mut().find(|field| field.name == name) {
            Some(field) => value.clone_into(&mut field.value),
            None => self.fields.push(Field {
                name: name.to_owned(),
                kind: "text".to_owned(),
                value: value.to_owned(),
            }),
        }
    }

    /// Fills in the first field of a type.
    fn set_kind(&mut self, kinds: &[&str], value: &str) {
        if let Some(field) = self
            .fields
            .iter_mut()
            .find(|field| kinds.contains(&field.kind.as_str()))
        {
            value.clone_into(&mut field.value);
        }
    }

    /// Fills in user name and password wherever this form wants them.
    pub fn fill_in(&mut self, username: &str, password: &str) {
        self.set_kind(&["text", "email"], username);
        self.set_kind(&["password"], password);
    }
}

fn selector(css: &str) -> Selector {
    Selector::parse(css).expect("a selector written here parses")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(body: &str) -> Page {
        Page {
            url: "https://idp.example/flows/1".parse().unwrap(),
            status: 200,
            body: body.to_owned(),
            way: Vec::new(),
        }
    }

    #[test]
    fn a_login_form_is_filled_in_where_it_wants_user_name_and_password() {
        let page = page(
            r#"<form method="POST" action="/flows/1"><input type="hidden" name="t" value="1">
               <input name="username"><input type="password" name="pass"></form>"#,
        );
        let mut form = page.login_form().unwrap();
        form.fill_in("ada", "secret");
        assert_eq!(form.value("username"), Some("ada"));
        assert_eq!(form.value("pass"), Some("secret"));
        assert_eq!(form.value("t"), Some("1"));
        assert_eq!(form.action.as_str(), "https://idp.example/flows/1");
    }

    #[test]
    fn a_form_with_a_saml_response_is_caught_with_its_entities_decoded() {
        let page = page(
            r#"<form method="post" action="https://sp.example/acs?a=1&amp;b=2">
               <input type="hidden" name="SAMLResponse" value="PHNhbWw+"/></form>"#,
        );
        let form = page.saml_form().unwrap();
        assert_eq!(form.action.as_str(), "https://sp.example/acs?a=1&b=2");
        assert!(page.login_form().is_none());
    }
}
