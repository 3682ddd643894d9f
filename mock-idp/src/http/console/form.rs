//! The values of a form and the errors in its fields. A form with errors is shown again with
//! both, so that the user does not have to type again.

use axum::extract::{FromRequest as _, Request};
use axum::http::StatusCode;

use crate::http::multipart;
use crate::refusal::{Detail, Refused};

/// Fields with their values, in order; a name can occur several times.
#[derive(Debug, Clone, Default)]
pub(super) struct Form {
    values: Vec<(String, String)>,
    refused: Vec<Detail>,
}

impl Form {
    /// Reads a posted form, URL-encoded or multipart. The value of a file field is the file's
    /// text.
    pub(super) async fn read(request: Request) -> Result<Self, (StatusCode, String)> {
        if !multipart::is_announced(request.headers()) {
            let body = String::from_request(request, &())
                .await
                .map_err(|error| (error.status(), error.body_text()))?;
            let values = url::form_urlencoded::parse(body.as_bytes());
            return Ok(Self {
                values: values.into_owned().collect(),
                refused: Vec::new(),
            });
        }
        let parts = multipart::read_parts(request).await;
        let parts = parts.map_err(|error| error.to_answer())?;
        // The XML declaration of a metadata file names its encoding.
        let values = parts
            .iter()
            .map(|(name, bytes)| (name.clone(), saml::encoding::decode_lossy(bytes)));
        Ok(Self {
            values: values.collect(),
            refused: Vec::new(),
        })
    }

    /// Adds a field.
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.push((name.to_owned(), value.into()));
        self
    }

    /// Returns the value of a field, trimmed; empty if it is missing.
    pub(super) fn text(&self, name: &str) -> &str {
        self.raw_text(name).trim()
    }

    /// Returns the value of a field unchanged; empty if it is missing.
    pub(super) fn raw_text(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// Returns all values of a field.
    pub(super) fn all<'f>(&'f self, name: &str) -> impl Iterator<Item = &'f str> {
        self.values
            .iter()
            .filter(move |(of, _)| of == name)
            .map(|(_, value)| value.as_str())
    }

    /// True if the checkbox is checked, or if this button submitted the form.
    pub(super) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// True if this value of the field is chosen.
    pub(super) fn chose(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|chosen| chosen == value)
    }

    /// Returns the error text of a field, if it has an error.
    pub(super) fn wrong(&self, name: &str) -> Option<String> {
        self.refused
            .iter()
            .find(|detail| detail.target == name)
            .map(words)
    }

    /// Returns all errors, as pairs of field and text.
    pub(super) fn all_wrong(&self) -> impl Iterator<Item = (&str, String)> {
        self.refused
            .iter()
            .map(|detail| (detail.target.as_str(), words(detail)))
    }

    /// True if the form has an error.
    pub(super) fn is_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Adds the errors of a refusal to the form. Returns any other kind of error unchanged.
    pub(super) fn add_refusal(mut self, why: Refused) -> Result<Self, Refused> {
        match why {
            Refused::Invalid(details) => {
                self.refused.extend(details);
                Ok(self)
            }
            other => Err(other),
        }
    }

    /// Moves the errors of the API member `domain` to the form field `field`, where the two
    /// names differ.
    pub(super) fn move_errors(mut self, domain: &str, field: &str) -> Self {
        for detail in &mut self.refused {
            if detail.target == domain {
                field.clone_into(&mut detail.target);
            }
        }
        self
    }

    /// Returns the result, or the form with its errors, to show it again.
    ///
    /// # Errors
    /// Errors that the user cannot correct in the form.
    pub(super) fn check_outcome<T>(
        self,
        outcome: Result<T, Refused>,
    ) -> Result<Result<T, Self>, Refused> {
        match outcome {
            Ok(made) => Ok(Ok(made)),
            Err(refused) => self.add_refusal(refused).map(Err),
        }
    }
}

/// Formats an error as a sentence.
fn words(detail: &Detail) -> String {
    if detail.code == "REQUIRED_VALUE" {
        return "Enter a value here.".to_owned();
    }
    format!("{}.", capitalize(detail.message.trim_end_matches('.')))
}

/// Returns the text with a capital first letter.
pub(super) fn capitalize(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// Returns the readable name of a field: `SP Entity ID` for `spEntityId`.
pub(super) fn readable_name(field: &str) -> String {
    // Settings of connections have PingOne's names in capital letters, which separate no words.
    let last = field.rsplit('.').next().unwrap_or(field);
    let lower;
    let field = match last.contains(char::is_lowercase) {
        true => field,
        false => {
            lower = last.to_lowercase();
            &lower
        }
    };
    let mut words: Vec<String> = Vec::new();
    for sign in field.chars() {
        match words.last_mut() {
            Some(word) if sign.is_alphanumeric() && !sign.is_uppercase() => word.push(sign),
            _ if sign.is_alphanumeric() => words.push(sign.to_string()),
            _ => words.push(String::new()),
        }
    }
    let read = |word: &String| match word.to_lowercase().as_str() {
        "urls" => "URLs".to_owned(),
        "oauth" => "OAuth".to_owned(),
        short @ ("acs" | "id" | "idp" | "saml" | "scim" | "slo" | "sp" | "url") => {
            short.to_uppercase()
        }
        word => capitalize(word),
    };
    let words: Vec<String> = words
        .iter()
        .filter(|word| !word.is_empty())
        .map(read)
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::readable_name;

    #[test]
    fn a_fields_name_is_read_by_people() {
        for (field, read) in [
            ("name", "Name"),
            ("spEntityId", "SP Entity ID"),
            ("acsUrls", "ACS URLs"),
            ("population.id", "Population ID"),
            ("must_change", "Must Change"),
            ("configuration.OAUTH_ACCESS_TOKEN", "OAuth Access Token"),
            ("configuration.SCIM_URL", "SCIM URL"),
        ] {
            assert_eq!(readable_name(field), read);
        }
    }
}
