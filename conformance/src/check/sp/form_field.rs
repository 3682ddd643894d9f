//! Forms that start a login or a logout, for a service provider whose URL shows one.

use url::Url;

use super::login::Login;
use super::visitor::{Arrival, Visitor, same_place};
use super::{CheckError, Judge};

/// A field of the form that starts a login or a logout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormField {
    /// The name of the field or button.
    name: String,
    /// The value, in which `{user}` stands for the user; `None` for the value of the page.
    value: Option<String>,
}

impl FormField {
    /// Parses `NAME=VALUE`, or `NAME` for a field or button that keeps its value.
    ///
    /// # Errors
    /// If the name is empty.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        match name.is_empty() {
            true => Err(format!("expected NAME=VALUE or NAME, got {text:?}")),
            false => Ok(Self {
                name: name.to_owned(),
                value,
            }),
        }
    }
}

impl Login<'_> {
    /// Opens the start URL, and submits the form that starts the login if there is one. Ends before
    /// a redirect to the identity provider.
    pub(super) async fn start(&self, visitor: &Visitor, url: Url) -> Result<Arrival, CheckError> {
        let sso_url = &self.judge.provider.sso_url;
        let arrival = visitor.open(url, Some(sso_url)).await?;
        let fields = &self.judge.target.start_form;
        self.judge.submit(visitor, arrival, fields, sso_url).await
    }
}

impl Judge {
    /// Submits the form of a page that has these fields. Does nothing if there are no fields, or if the
    /// browser ended at `end`, a URL of the identity provider. Ends before a redirect to it.
    pub(super) async fn submit(
        &self,
        visitor: &Visitor,
        arrival: Arrival,
        fields: &[FormField],
        end: &Url,
    ) -> Result<Arrival, CheckError> {
        if fields.is_empty() || same_place(end, &arrival.url) {
            return Ok(arrival);
        }
        let names: Vec<&str> = fields.iter().map(|it| it.name.as_str()).collect();
        let page = arrival.page();
        let Some(mut form) = page.form_with(&names) else {
            return Err(CheckError::NoForm {
                url: arrival.url.to_string(),
                status: arrival.status.as_u16(),
                fields: names.join(", "),
                forms: page
                    .forms()
                    .iter()
                    .map(|form| {
                        let names = form.fields.iter().map(|it| it.name.as_str());
                        names.collect::<Vec<_>>().join(", ")
                    })
                    .collect(),
            });
        };
        for field in fields {
            if let Some(value) = &field.value {
                form.set(&field.name, &value.replace("{user}", &self.person.user));
            }
        }
        visitor.submit(&form, end).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_a_name() {
        let field = |text| FormField::parse(text).unwrap();
        assert_eq!(field("email=a=b").value.as_deref(), Some("a=b"));
        assert_eq!(field("sso").value, None);
        let error = FormField::parse("=x").unwrap_err();
        assert_eq!(error, "expected NAME=VALUE or NAME, got \"=x\"");
    }
}
