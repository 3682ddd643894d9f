//! How the probe's answer shows that a user is logged in.

use std::fmt;

use regex::Regex;

/// The probe's answer to a browser.
#[derive(Debug, Clone, Default)]
pub struct Probe {
    /// The status of the first answer, before a redirect is followed.
    pub first_status: u16,
    /// The `Location` header of the first answer, as it was sent.
    pub location: Option<String>,
    /// Names of the cookies that the browser sends to the probe afterwards.
    pub cookies: Vec<String>,
    /// The status of the last answer.
    pub status: u16,
    /// The body of the last answer.
    pub body: String,
}

impl Probe {
    /// Describes the status of the answer.
    pub(super) fn said(&self) -> String {
        match self.first_status == self.status {
            true => format!("HTTP {}", self.status),
            false => format!("HTTP {}, then HTTP {}", self.first_status, self.status),
        }
    }
}

/// How the answer of the probe looks if the user is logged in, and only then. Every part that is
/// given must match.
#[derive(Debug, Clone)]
pub struct Expect {
    /// Matches the body of the last answer.
    pub(super) text: Option<Regex>,
    /// The status of the first answer.
    status: Option<u16>,
    /// Matches the `Location` header of the first answer.
    location: Option<Regex>,
    /// The name of a cookie that the browser has for the probe.
    cookie: Option<String>,
}

/// Why nothing can be expected in this way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpectError {
    /// No part is given.
    #[error(
        "nothing shows who is logged in; give --expect, --expect-status, --expect-location or --expect-cookie"
    )]
    Nothing,
    /// An answer with this status has no `Location`.
    #[error(
        "invalid --expect-status: with --expect-location, expected the status of a redirect (300 to 399), got {0}"
    )]
    NoRedirect(u16),
    /// No cookie has this name.
    #[error("invalid --expect-cookie: expected the name of a cookie without its value, got {0:?}")]
    Cookie(String),
}

impl Expect {
    /// Expects all parts that are given. `text` is matched with the body of the answer after
    /// redirects, `status` and `location` belong to the first answer of the probe, and `cookie` is
    /// the name of a cookie that the browser has for the probe.
    ///
    /// # Errors
    /// If no part is given, or if no answer can have these parts.
    pub fn new(
        text: Option<Regex>,
        status: Option<u16>,
        location: Option<Regex>,
        cookie: Option<String>,
    ) -> Result<Self, ExpectError> {
        if let (Some(status), Some(_)) = (status, &location)
            && !(300..400).contains(&status)
        {
            return Err(ExpectError::NoRedirect(status));
        }
        // The characters that a name must not have (RFC 6265 §4.1.1).
        let is_foreign = |it: char| !it.is_ascii_graphic() || "()<>@,;:\\\"/[]?={}".contains(it);
        if let Some(name) = cookie
            .as_ref()
            .filter(|it| it.is_empty() || it.contains(is_foreign))
        {
            return Err(ExpectError::Cookie(name.clone()));
        }
        if text.is_none() && status.is_none() && location.is_none() && cookie.is_none() {
            return Err(ExpectError::Nothing);
        }
        Ok(Self {
            text,
            status,
            location,
            cookie,
        })
    }

    /// True if this expression of the body matches. False if no expression is given.
    pub(super) fn is_match(&self, body: &str) -> bool {
        self.text.as_ref().is_some_and(|it| it.is_match(body))
    }

    /// True if the answer matches. `body` is the body in which `text` is searched.
    pub(super) fn matches(&self, probe: &Probe, body: &str) -> bool {
        self.find(probe, body).is_some()
    }

    /// Returns what matches, as the object of "the probe answers"; `None` if a part does not match.
    pub(super) fn find(&self, probe: &Probe, body: &str) -> Option<String> {
        let mut found = Vec::new();
        if let Some(text) = &self.text {
            found.push(in_quotes(text.find(body)?.as_str().trim()));
        }
        if self.status.is_some_and(|it| it != probe.first_status) {
            return None;
        }
        if let Some(pattern) = &self.location {
            let location = probe.location.as_ref().filter(|it| pattern.is_match(it))?;
            found.push(format!("Location {}", in_quotes(location)));
        }
        if let Some(name) = &self.cookie {
            let cookie = probe.cookies.iter().find(|it| *it == name)?;
            found.push(format!("the cookie {cookie}"));
        }
        let said = match self.status.is_some() || self.location.is_some() {
            true => format!("HTTP {}", probe.first_status),
            false => format!("HTTP {}", probe.status),
        };
        Some(match found.is_empty() {
            true => said,
            false => format!("{said} with {}", found.join(" and ")),
        })
    }

    /// True if only a cookie shows that a user is logged in. It may stay when the session has ended.
    pub(super) fn is_cookie_only(&self) -> bool {
        self.cookie.is_some()
            && self.text.is_none()
            && self.status.is_none()
            && self.location.is_none()
    }

    /// True if the answer is not judged by its text: then the same answer may come after a refused
    /// Response.
    pub(super) fn has_no_text(&self) -> bool {
        self.text.is_none()
    }
}

impl From<Regex> for Expect {
    /// Expects a body that matches.
    fn from(text: Regex) -> Self {
        Self {
            text: Some(text),
            status: None,
            location: None,
            cookie: None,
        }
    }
}

impl fmt::Display for Expect {
    /// Writes the options of the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = [
            self.text.as_ref().map(|it| format!("--expect '{it}'")),
            self.status.map(|it| format!("--expect-status {it}")),
            self.location
                .as_ref()
                .map(|it| format!("--expect-location '{it}'")),
            self.cookie
                .as_ref()
                .map(|it| format!("--expect-cookie {it}")),
        ];
        let options: Vec<String> = options.into_iter().flatten().collect();
        f.write_str(&options.join(" "))
    }
}

/// Puts a text in quotation marks; one that has them, such as a string in JSON, stays as it is.
fn in_quotes(text: &str) -> String {
    match text.starts_with('"') && text.ends_with('"') && text.len() > 1 {
        true => text.to_owned(),
        false => format!("\"{text}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Option<Regex> {
        Some(Regex::new(text).unwrap())
    }

    fn redirect_to(location: &str) -> Probe {
        Probe {
            first_status: 302,
            location: Some(location.to_owned()),
            cookies: vec!["session".to_owned()],
            status: 200,
            body: "Welcome".to_owned(),
        }
    }

    #[test]
    fn every_part_must_match() {
        let probe = redirect_to("/home");
        let find = |expect: Result<Expect, ExpectError>| {
            expect
                .unwrap()
                .find(&probe, &probe.body)
                .unwrap_or_default()
        };
        let cookie = |name: &str| Some(name.to_owned());
        assert_eq!(
            find(Expect::new(pattern("come"), None, None, None)),
            "HTTP 200 with \"come\""
        );
        assert_eq!(find(Expect::new(None, Some(302), None, None)), "HTTP 302");
        assert_eq!(find(Expect::new(None, Some(200), None, None)), "");
        assert_eq!(
            find(Expect::new(None, Some(302), pattern("^/home$"), None)),
            "HTTP 302 with Location \"/home\""
        );
        assert_eq!(find(Expect::new(None, None, pattern("/login"), None)), "");
        assert_eq!(
            find(Expect::new(pattern("come"), None, None, cookie("session"))),
            "HTTP 200 with \"come\" and the cookie session"
        );
        assert_eq!(find(Expect::new(None, None, None, cookie("other"))), "");
    }

    #[test]
    fn what_no_answer_can_be_is_refused() {
        let none = Expect::new(None, None, None, None).unwrap_err();
        assert_eq!(none, ExpectError::Nothing);
        let status = Expect::new(None, Some(200), pattern("/home"), None).unwrap_err();
        assert_eq!(status, ExpectError::NoRedirect(200));
        for name in ["", "session=1", "a b", "a;b"] {
            let error = Expect::new(None, None, None, Some(name.to_owned())).unwrap_err();
            assert_eq!(error, ExpectError::Cookie(name.to_owned()));
        }
        let all = Expect::new(pattern("a"), Some(302), pattern("/b"), Some("c".to_owned()));
        assert_eq!(
            all.unwrap().to_string(),
            "--expect 'a' --expect-status 302 --expect-location '/b' --expect-cookie c"
        );
    }
}
