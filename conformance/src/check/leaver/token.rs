//! API tokens of a person: how a token is issued, and whether it still works.

use std::process::Stdio;

use serde_json::Value;
use url::Url;

use crate::check::evidence::Exchange;
use crate::check::runner::{Access, AnswerError};
use crate::check::sp::{PersonBrowser, Sighting};
use crate::check::user_template::UserUrl;
use crate::excerpt::excerpt;
use crate::shell::run_by_shell;

/// How the check gets an API token of a person.
#[derive(Debug, Clone)]
pub enum Issue {
    /// The browser posts to this URL after the login; `{user}` stands for the userName.
    /// The answer is the token, or JSON with `access_token` or `token`.
    Post(UserUrl),
    /// A shell command that prints the token. The environment variable `REHEARSAL_USER`
    /// contains the userName, and `REHEARSAL_COOKIE` the cookies of the login.
    Command(String),
}

/// The API tokens of the application.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// How a token is issued.
    pub issue: Issue,
    /// URL that is requested with the token as a bearer token; `{user}` stands for the userName.
    pub probe: UserUrl,
}

/// Returns the token in an answer: the value of `access_token` or `token` in JSON, a JSON
/// string, or the whole text.
fn token_in(text: &str) -> Option<String> {
    let text = text.trim();
    let json: Option<Value> = serde_json::from_str(text).ok();
    let named = json.as_ref().and_then(|json| {
        let found = ["access_token", "token"]
            .iter()
            .find_map(|it| json[*it].as_str());
        found.or(json.as_str())
    });
    let plain = (!text.contains(char::is_whitespace) && json.is_none()).then_some(text);
    let token = named.or(plain)?;
    (!token.is_empty()).then(|| token.to_owned())
}

impl Tokens {
    /// Gets a token of the person who is logged in with this browser.
    ///
    /// # Errors
    /// The request or the command failed, or its output contains no token.
    pub(super) async fn issue(
        &self,
        browser: &PersonBrowser,
        user: &str,
        probe_url: &Url,
    ) -> Result<String, String> {
        let (source, text) = match &self.issue {
            Issue::Post(url) => {
                let url = url.of(user);
                let answer = browser.post(&url).await;
                let (status, body) = answer.map_err(|error| error.to_string())?;
                if !(200..300).contains(&status) {
                    return Err(format!("{url} answered HTTP {status}"));
                }
                (url.to_string(), body)
            }
            Issue::Command(command) => {
                let cookie = browser.cookies(probe_url);
                let output = run_by_shell(command)
                    .env("REHEARSAL_USER", user)
                    .env("REHEARSAL_COOKIE", cookie)
                    .stdin(Stdio::null())
                    .kill_on_drop(true)
                    .output()
                    .await
                    .map_err(|error| format!("cannot run --token-command: {error}"))?;
                if !output.status.success() {
                    let said = String::from_utf8_lossy(&output.stderr);
                    return Err(format!(
                        "--token-command failed ({}): {}",
                        output.status,
                        excerpt(said.trim(), 200)
                    ));
                }
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                ("--token-command".to_owned(), text)
            }
        };
        token_in(&text).ok_or_else(|| {
            format!("no token in the answer of {source}: expected JSON with access_token or token, or only the token")
        })
    }

    /// Requests the probe with the token. Status 2xx means that the token works; 429, 5xx and
    /// no answer prove nothing.
    pub(super) async fn look(
        &self,
        token: &str,
        user: &str,
        access: &Access,
        log: &mut Vec<Exchange>,
    ) -> Sighting {
        match self.ask(token, user, access, log).await {
            Ok((url, status)) => {
                let said = format!("HTTP {status} at {url}");
                match status {
                    200..=299 => Sighting::In(url),
                    429 | 500.. => Sighting::Unclear(said),
                    _ => Sighting::Out(said),
                }
            }
            Err(why) => Sighting::Unclear(why),
        }
    }

    async fn ask(
        &self,
        token: &str,
        user: &str,
        access: &Access,
        log: &mut Vec<Exchange>,
    ) -> Result<(String, u16), String> {
        let url = self.probe.of(user);
        let client = access.client();
        let client = client.build().map_err(|error| error.to_string())?;
        let answer = client
            .get(url.clone())
            .bearer_auth(token)
            .send()
            .await
            .map_err(|error| AnswerError::of(&error, access.timeout).to_string())?;
        let status = answer.status().as_u16();
        log.push(Exchange {
            from: "API client".to_owned(),
            to: "Application".to_owned(),
            method: "GET".to_owned(),
            url: url.to_string(),
            sent_headers: vec![("authorization".to_owned(), "Bearer •••".to_owned())],
            status: Some(status),
            ..Exchange::default()
        });
        Ok((url.to_string(), status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_json_or_is_the_whole_text() {
        for (text, token) in [
            ("{\"access_token\": \"a\", \"token\": \"b\"}", Some("a")),
            ("{\"token\": \"b\"}", Some("b")),
            ("\"c\"", Some("c")),
            ("  d\n", Some("d")),
            ("<p>no token</p>", None),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(token_in(text).as_deref(), token, "{text}");
        }
    }
}
