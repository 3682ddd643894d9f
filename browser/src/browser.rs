//! The part of a browser that a sign-on needs: cookies, redirects and forms.
//!
//! It runs no script. A form that a script would submit is handed to the
//! caller, who decides where it goes.

use std::time::Duration;

use reqwest::header::LOCATION;
use scraper::{Html, Selector};
use url::Url;

use crate::navigation::{Cookies, Navigator};

/// Redirects followed before a loop is assumed, as browsers do.
const MOST_REDIRECTS: usize = 20;

/// Cookies and an HTTP client that shows every redirect.
#[derive(Debug, Clone)]
pub struct Browser {
    navigator: Navigator,
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
    /// The page that it stands on.
    pub page: Url,
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
        let builder = builder.timeout(Duration::from_secs(30)).user_agent(name);
        let navigator =
            Navigator::new(builder, Cookies::default()).map_err(BrowserError::Client)?;
        Ok(Self { navigator })
    }

    /// The client itself, which shares the cookies: for what a script of a
    /// page asks of its own origin.
    pub fn client(&self) -> &reqwest::Client {
        self.navigator.client()
    }

    /// Opens an address, as if typed, and follows where it leads.
    ///
    /// # Errors
    /// When an exchange fails or the redirects don't end.
    pub async fn open(&self, url: Url) -> Result<Page, BrowserError> {
        self.follow(url, None, None).await
    }

    /// Sends a form, as its page would, and follows where that leads.
    ///
    /// # Errors
    /// As [`Browser::open`].
    pub async fn submit(&self, form: &Form) -> Result<Page, BrowserError> {
        let fields: Vec<(&str, &str)> = form
            .fields
            .iter()
            .map(|field| (field.name.as_str(), field.value.as_str()))
            .collect();
        let page = Some(&form.page);
        if form.post {
            self.follow(form.action.clone(), Some(&fields), page).await
        } else {
            let mut url = form.action.clone();
            url.query_pairs_mut().clear().extend_pairs(fields);
            self.follow(url, None, page).await
        }
    }

    /// Sends a form with a SAML message; where the receiver's page posts the
    /// message again from its own site, as a script would, does that too.
    ///
    /// # Errors
    /// As [`Browser::open`].
    pub async fn submit_message(&self, form: &Form) -> Result<Page, BrowserError> {
        let page = self.submit(form).await?;
        let message = form.value("SAMLResponse").or(form.value("SAMLRequest"));
        match message.and_then(|message| page.repost_of(message)) {
            Some(again) => self.submit(&again).await,
            None => Ok(page),
        }
    }

    async fn follow(
        &self,
        url: Url,
        mut form: Option<&[(&str, &str)]>,
        initiator: Option<&Url>,
    ) -> Result<Page, BrowserError> {
        let mut way = vec![url.clone()];
        let mut at = url;
        for _ in 0..=MOST_REDIRECTS {
            let failed = |source| BrowserError::Exchange {
                at: at.clone(),
                source,
            };
            let answer = self.navigator.go(&at, form, initiator).await;
            let answer = answer.map_err(failed)?;
            let status = answer.status();
            if !status.is_redirection() {
                let body = answer.text().await.map_err(failed)?;
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
            // 307 and 308 keep the method and the form (RFC 9110 §15.4.8).
            if !matches!(status.as_u16(), 307 | 308) {
                form = None;
            }
            way.push(next.clone());
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
                    page: self.url.clone(),
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

    /// The form with which a page of the receiver posts this message to itself
    /// again, from its own site, if this page holds one.
    pub fn repost_of(&self, message: &str) -> Option<Form> {
        self.saml_form().filter(|form| {
            let carried = form.value("SAMLResponse").or(form.value("SAMLRequest"));
            form.action.origin() == self.url.origin() && carried == Some(message)
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

    /// Whether it carries a SAML request.
    pub fn is_request(&self) -> bool {
        self.value("SAMLRequest").is_some()
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
