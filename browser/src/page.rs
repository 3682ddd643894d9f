//! Reads a page as a browser does: its forms with their values, its text, its error message.

use scraper::{ElementRef, Html, Selector};
use url::Url;

/// The answer at the end of the redirects.
#[derive(Debug, Clone)]
pub struct Page {
    /// Address of the page, after all redirects.
    pub url: Url,
    /// HTTP status of the answer.
    pub status: u16,
    /// Body of the answer.
    pub body: String,
    /// All addresses that were requested, in order, from the first one to `url`.
    pub way: Vec<Url>,
}

/// A form of a page, with the values that the page gives its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Address of the page that contains the form.
    pub page: Url,
    /// Address that the form is sent to, as an absolute URL.
    pub action: Url,
    /// True if the form is sent by POST, false for GET.
    pub post: bool,
    /// The fields, in the order of the page.
    pub fields: Vec<Field>,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Name of the field.
    pub name: String,
    /// Type of the field, in lower case (`hidden`, `text`, `password` …).
    pub kind: String,
    /// Value of the field.
    pub value: String,
}

impl Page {
    /// Returns the forms of the page, without those whose action is not a URL.
    pub fn forms(&self) -> Vec<Form> {
        self.forms_with_buttons(&[])
    }

    /// Returns the first form that has fields or buttons with all these names. A browser sends only
    /// the button that was clicked, so the form contains only the named buttons.
    pub fn form_with(&self, names: &[&str]) -> Option<Form> {
        let mut forms = self.forms_with_buttons(names).into_iter();
        forms.find(|form| names.iter().all(|name| form.value(name).is_some()))
    }

    /// Returns the forms of the page, with those of their buttons that have these names.
    fn forms_with_buttons(&self, names: &[&str]) -> Vec<Form> {
        let is_sent = |field: &ElementRef<'_>| {
            let is_button = field.value().name() == "button"
                || matches!(field.attr("type"), Some("submit" | "button"));
            !is_button || field.attr("name").is_some_and(|name| names.contains(&name))
        };
        let page = Html::parse_document(&self.body);
        page.select(&selector("form"))
            .filter_map(|form| {
                let action = self.url.join(form.attr("action").unwrap_or("")).ok()?;
                let fields = form
                    .select(&selector(
                        "input[name], textarea[name], select[name], button[name]",
                    ))
                    .filter(is_sent)
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

    /// Returns the form that contains a SAML message, if the page has one. In a browser, a
    /// script submits it.
    pub fn saml_form(&self) -> Option<Form> {
        self.forms().into_iter().find(|form| {
            ["SAMLRequest", "SAMLResponse"]
                .iter()
                .any(|it| form.value(it).is_some())
        })
    }

    /// Returns the form that posts this message again to the page's own origin, if the page has
    /// one. Some receivers do that to get cookies that a browser does not send with a POST from
    /// another site.
    pub fn repost_of(&self, message: &str) -> Option<Form> {
        self.saml_form().filter(|form| {
            let carried = form.value("SAMLResponse").or(form.value("SAMLRequest"));
            form.action.origin() == self.url.origin() && carried == Some(message)
        })
    }

    /// Returns the form with a password field, if the page has one.
    pub fn login_form(&self) -> Option<Form> {
        self.forms()
            .into_iter()
            .find(|form| form.fields.iter().any(|field| field.kind == "password"))
    }

    /// Returns the text of the page without tags, with single spaces.
    pub fn text(&self) -> String {
        self.text_of("body")
    }

    /// Returns the error message of the page, if one is marked for assistive technology
    /// (WAI-ARIA role `alert`).
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
    /// Returns the value of the first field with this name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|field| field.name == name)
            .map(|field| field.value.as_str())
    }

    /// True if the form contains a SAML request.
    pub fn is_request(&self) -> bool {
        self.value("SAMLRequest").is_some()
    }

    /// Sets the value of a field; adds the field if the form does not have it.
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

    /// Sets the value of the first field that has one of these types.
    fn set_kind(&mut self, kinds: &[&str], value: &str) {
        if let Some(field) = self
            .fields
            .iter_mut()
            .find(|field| kinds.contains(&field.kind.as_str()))
        {
            value.clone_into(&mut field.value);
        }
    }

    /// Fills in the user name (first text or e-mail field) and the password, if the form has
    /// such fields.
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
    fn a_form_is_found_by_its_fields_and_has_only_the_button_that_is_clicked() {
        let page = page(
            r#"<form action="/search"><input name="q"></form>
               <form method="post" action="/start"><input type="hidden" name="token" value="1">
               <input name="email"><button name="how" value="sso">SSO</button>
               <input type="submit" name="forgot" value="yes"></form>"#,
        );
        let form = page.form_with(&["email", "how"]).unwrap();
        assert_eq!(form.action.as_str(), "https://idp.example/start");
        let names: Vec<&str> = form.fields.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["token", "email", "how"]);
        assert_eq!(form.value("how"), Some("sso"));
        assert_eq!(page.form_with(&["email", "q"]), None);
        assert_eq!(page.forms()[1].value("how"), None);
    }

    #[test]
    fn a_form_with_a_saml_response_is_found_with_its_entities_decoded() {
        let page = page(
            r#"<form method="post" action="https://sp.example/acs?a=1&amp;b=2">
               <input type="hidden" name="SAMLResponse" value="PHNhbWw+"/></form>"#,
        );
        let form = page.saml_form().unwrap();
        assert_eq!(form.action.as_str(), "https://sp.example/acs?a=1&b=2");
        assert!(page.login_form().is_none());
    }
}
