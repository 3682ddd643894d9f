//! Values of options in which `{user}` stands for the user name: URLs and regular expressions.

use regex::Regex;
use url::Url;

/// A user name that is replaced in a template only to see whether its value can be parsed.
const ANYBODY: &str = "jo@example.com";

/// A value with `{user}` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UserTemplateError {
    /// The value is not a URL.
    #[error("invalid {option}: expected a URL, got {text}: {source}")]
    Url {
        /// The option.
        option: &'static str,
        /// The value, with a user name in place of `{user}`.
        text: String,
        /// Error of the parser.
        source: url::ParseError,
    },
    /// The value is not a regular expression.
    #[error("invalid {option}: {source}")]
    Expression {
        /// The option.
        option: &'static str,
        /// Error of the parser.
        source: regex::Error,
    },
}

/// A URL with `{user}`.
#[derive(Debug, Clone)]
pub struct UserUrl {
    template: String,
    /// The URL for some user, which stands in where a user name makes the template invalid.
    example: Url,
}

impl UserUrl {
    /// Parses the value of an option.
    ///
    /// # Errors
    /// [`UserTemplateError::Url`].
    pub fn parse(option: &'static str, template: &str) -> Result<Self, UserTemplateError> {
        let text = Self::fill(template, ANYBODY);
        match Url::parse(&text) {
            Ok(example) => Ok(Self {
                template: template.to_owned(),
                example,
            }),
            Err(source) => Err(UserTemplateError::Url {
                option,
                text,
                source,
            }),
        }
    }

    /// Returns the URL for this user; the name is percent-encoded.
    pub fn of(&self, user: &str) -> Url {
        let text = Self::fill(&self.template, user);
        Url::parse(&text).unwrap_or_else(|_| self.example.clone())
    }

    fn fill(template: &str, user: &str) -> String {
        let user: String = url::form_urlencoded::byte_serialize(user.as_bytes()).collect();
        template.replace("{user}", &user)
    }
}

/// A regular expression in which `{user}` stands for the user name, matched literally.
#[derive(Debug, Clone)]
pub struct UserExpression {
    template: String,
}

impl UserExpression {
    /// Parses the value of an option.
    ///
    /// # Errors
    /// [`UserTemplateError::Expression`].
    pub fn parse(option: &'static str, template: &str) -> Result<Self, UserTemplateError> {
        let expression = Self {
            template: template.to_owned(),
        };
        match expression.fill(ANYBODY) {
            Ok(_) => Ok(expression),
            Err(source) => Err(UserTemplateError::Expression { option, source }),
        }
    }

    /// Returns the expression for this user; the name is taken literally. An expression that
    /// this name makes invalid matches nothing.
    pub fn of(&self, user: &str) -> Regex {
        self.fill(user)
            .unwrap_or_else(|_| Regex::new("$^a").expect("an expression written here is valid"))
    }

    fn fill(&self, user: &str) -> Result<Regex, regex::Error> {
        Regex::new(&self.template.replace("{user}", &regex::escape(user)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_percent_encoded_in_a_url() {
        let url = UserUrl::parse("--start-url", "https://app.example/in?email={user}").unwrap();
        assert_eq!(
            url.of("a+b@x.example").as_str(),
            "https://app.example/in?email=a%2Bb%40x.example"
        );
    }

    #[test]
    fn a_user_name_is_literal_in_an_expression() {
        let expression = UserExpression::parse("--expect", "user={user};")
            .unwrap()
            .of("a.b+c");
        assert!(expression.is_match("user=a.b+c;"));
        assert!(!expression.is_match("user=aXbbc;"));
    }

    #[test]
    fn an_invalid_template_is_refused_with_the_name_of_its_option() {
        let url = UserUrl::parse("--probe-url", "app/{user}").unwrap_err();
        assert_eq!(
            url.to_string(),
            "invalid --probe-url: expected a URL, got app/jo%40example.com: relative URL without a base"
        );
        let expression = UserExpression::parse("--expect", "({user}").unwrap_err();
        assert!(expression.to_string().starts_with("invalid --expect: "));
    }
}
