//! Finds the mistake in the set-up if no honest Response is accepted, by the service provider's
//! answers to the honest Responses.

use url::Url;

use super::answer::{CAUSE, place};
use super::login::Login;
use super::shown::part_of_name;
use super::{Answer, CheckError, Honest, Judge};
use crate::check::SetUpError;
use crate::check::runner::{LIMIT_FIX, page_summary};
use crate::excerpt::excerpt;

impl Judge {
    /// Returns the reason why no honest Response was accepted.
    pub(super) async fn set_up_error(&self, honest: &Honest) -> SetUpError {
        let answers: Vec<&Answer> = honest
            .attempts
            .iter()
            .filter_map(|it| it.as_ref().ok())
            .collect();
        match (answers.first(), honest.attempts.first()) {
            (Some(_), _) => self.refusal_error(&answers).await,
            (None, Some(Err(trouble))) => self.not_asked(trouble),
            (None, _) => SetUpError::new(
                "not-judged",
                "No honest Response could be created.",
                "Report this as a defect of Rehearsal.",
            ),
        }
    }

    /// Returns the error for a login that could not be started.
    fn not_asked(&self, trouble: &CheckError) -> SetUpError {
        let start = self.target.start_url.as_ref();
        let start = start.map_or_else(String::new, ToString::to_string);
        match trouble {
            CheckError::NotStarted { url, reason } => SetUpError::new(
                "unreachable",
                format!("The service provider cannot be reached: {url}: {reason}."),
                format!(
                    "Check that --start-url {start} is correct, that the service provider runs, and that this machine can reach it. If its TLS certificate comes from a private CA, give that CA with --ca FILE."
                ),
            ),
            CheckError::Unreachable { url, reason } => SetUpError::new(
                "unreachable",
                format!(
                    "The service provider gave no answer to an honest Response: {url}: {reason}."
                ),
                if url.starts_with(self.target.probe_url.as_str()) {
                    "Check --probe-url: this is its address. If the service provider is only slow, give a longer --timeout."
                } else {
                    "Look into the service provider's log. If it is only slow, give a longer --timeout."
                },
            ),
            CheckError::NoRequest {
                expected,
                got,
                status,
                page,
            } => {
                let says = quote(page);
                if got.contains("SAMLRequest=") {
                    let other = got.split('?').next().unwrap_or(got);
                    return SetUpError::new(
                        "wrong-idp",
                        format!(
                            "The service provider sends its AuthnRequest to another identity provider: {other}, not to {expected}."
                        ),
                        "Configure the service provider with the metadata of the played identity provider (--prepare writes it), and use the same --idp-port each time.",
                    );
                }
                SetUpError::new(
                    "wrong-start-url",
                    format!(
                        "The start URL does not start a SAML login at {expected}: {start} led to {got} (HTTP {status}){says}."
                    ),
                    match status {
                        405 => {
                            "HTTP 405 means that this URL takes only a POST: give the page with the form or button that sends it as --start-url, and the fields of that form as --start-form."
                        }
                        _ => {
                            "Check --start-url: opened in a browser, it has to redirect to the identity provider. If it shows a form that starts the login, give the fields of the form with --start-form. Check that the service provider has the played identity provider's metadata (--prepare writes it), and that the user's domain uses SSO."
                        }
                    },
                )
            }
            CheckError::NoForm {
                url,
                status,
                fields,
                forms,
            } => SetUpError::new(
                "wrong-start-form",
                match forms.as_slice() {
                    [] => format!("The page {url} (HTTP {status}) has no form."),
                    forms => format!(
                        "No form of the page {url} (HTTP {status}) has the fields {fields}; the fields of its forms are: {}.",
                        forms.join("; ")
                    ),
                },
                "Check --start-url and --start-form: name fields or buttons of one form, by the attribute name in the HTML of the page. A form that a script makes cannot be submitted: give the address that it opens as --start-url.",
            ),
            CheckError::NoAcs => SetUpError::new(
                "no-acs",
                "The metadata has no AssertionConsumerService with the HTTP-POST binding.",
                "Check that --metadata is the metadata of the service provider.",
            ),
            CheckError::Limited { url, status } => SetUpError::new(
                "rate-limited",
                format!(
                    "The service provider limits the number of requests: {} answers HTTP {status}, and the time until the next request is longer than --timeout or --deadline allows.",
                    place(url)
                ),
                LIMIT_FIX,
            ),
            other => SetUpError::new(
                "not-judged",
                format!("No login could be started: {other}."),
                "Look into the service provider's log.",
            ),
        }
    }

    /// Returns the error for honest Responses after which `--expect` did not match the probe.
    async fn refusal_error(&self, answers: &[&Answer]) -> SetUpError {
        let first = answers[0];
        if let Some(error) = self.lost_cookie_error(first).await {
            return error;
        }
        let probe_url = &self.target.probe_url;
        let anonymous = Login::new(self, &self.person.user)
            .open_probe_without_login()
            .await;
        let anonymous = anonymous.unwrap_or_default();
        // A service provider that requires both signatures accepts only one of the Responses.
        let accepted = answers.iter().find(|it| {
            let (before, after) = (&anonymous, &it.probe);
            (200..300).contains(&after.status)
                && (before.status != after.status || !alike(&before.body, &after.body))
        });
        if let Some(first) = accepted {
            let probe = page_summary(&first.probe.body, 160);
            return SetUpError::new(
                "wrong-expect",
                format!(
                    "The service provider accepted an honest Response, but {} does not match the probe's answer after that login ({}): {probe}",
                    self.target.expect,
                    first.probe.said()
                ),
                format!(
                    "Give an --expect that matches this answer, but only when {} is logged in.{}",
                    self.person.user,
                    explain_source(&first.probe.body, &self.person.user)
                ),
            );
        }
        let status = first.probe.status;
        if matches!(status, 404 | 405) && status == anonymous.status {
            return SetUpError::new(
                "wrong-probe-url",
                format!("The probe does not exist: {probe_url} answers HTTP {status}."),
                "Check --probe-url: it has to be a page that shows who is logged in.",
            );
        }
        let refused = format!(
            "The service provider refused every honest Response (HTTP {} at {}){}.",
            first.status,
            place(&first.url),
            quote(&first.page),
        );
        if !first.ignored_cookies.is_empty() {
            return SetUpError::new(
                "cookie-lost",
                format!(
                    "{refused} Browsers ignore its cookie {}: it has SameSite=None without Secure, or Secure without HTTPS.",
                    first.ignored_cookies.join(", ")
                ),
                "Use HTTPS for the service provider, and set SameSite=None; Secure on the cookie that remembers the AuthnRequest. If it still refuses every Response, look into its log.",
            );
        }
        SetUpError::new(
            "not-trusted",
            format!("{refused} The probe {probe_url} answers HTTP {status}."),
            format!(
                "{}Configure the service provider with the metadata of the played identity provider (entity ID {}). Its key has to be the same in each run, so give the same --idp-metadata-out and --idp-port. {}Check that the user {} exists at the service provider, that the Response has the name and the attributes that the service provider needs (--person, --attribute), and that the clocks of both machines agree.",
                match self.target.start_url {
                    Some(_) => "",
                    None =>
                        "If the service provider accepts only Responses to its own AuthnRequests, give --start-url instead of --idp-initiated. Otherwise: ",
                },
                self.provider.entity_id,
                match self.provider.more_keys {
                    Some(_) =>
                        "The metadata has four keys, two of them EC keys: if the service provider cannot read it, delete the file .more.key next to it and run --prepare again. ",
                    None => "",
                },
                self.person.user
            ),
        )
    }

    /// Returns an error if the Response is accepted with the cookies that browsers do not send
    /// with it because of `SameSite`.
    async fn lost_cookie_error(&self, first: &Answer) -> Option<SetUpError> {
        if first.lost_cookies.is_empty() {
            return None;
        }
        let login = Login::new(self, &self.person.user).in_same_site();
        let form = super::honest::Form::SIGNED_ASSERTION;
        let answer = login.attempt(None, form).await.ok()?;
        answer.is_accepted().then(|| {
            let cookies = first.lost_cookies.join(", ");
            SetUpError::new(
                "cookie-lost",
                format!(
                    "The service provider refused every honest Response because the browser did not send its cookie {cookies}. In a POST from another site, browsers send no cookie with SameSite=Lax or Strict, and none without SameSite that is older than two minutes. With the cookie, the same Response was accepted."
                ),
                "Set SameSite=None; Secure on the cookie that remembers the AuthnRequest, and use HTTPS. If you test with plain HTTP on one machine, use the host 127.0.0.1 for the service provider, as the played identity provider does.",
            )
        })
    }

    /// Returns an error if the login starts at one name of this machine and the Response goes to
    /// another one: browsers send no cookie from one host to another, so the service provider does
    /// not find its request, and refuses or judges each Response as an unsolicited one.
    pub(super) fn hosts_error(&self) -> Option<SetUpError> {
        let start_url = self.target.start_url.as_ref()?;
        let acs_url = Login::new(self, &self.person.user)
            .unsolicited_values()
            .ok()?
            .acs_url;
        let acs_url = Url::parse(&acs_url).ok()?;
        let (start, acs) = (start_url.host_str()?, acs_url.host_str()?);
        let is_own = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        (start != acs && is_own(start) && is_own(acs)).then(|| {
            SetUpError::new(
                "two-hosts",
                format!(
                    "The login starts at the host {start}, and the Response goes to the host {acs}. Browsers send no cookie from one to the other, so the service provider does not find its AuthnRequest."
                ),
                format!("Give a --start-url with the host {acs}, or metadata in which the assertion consumer service has the host {start}."),
            )
        })
    }

    /// Returns an error if `--expect` matches only a part of the user's name in the probe's answer
    /// after an honest login.
    pub(super) fn part_error(&self, honest: &Honest) -> Option<SetUpError> {
        let user = &self.person.user;
        let answers = honest.attempts.iter().filter_map(|it| it.as_ref().ok());
        let accepted = answers.filter(|it| it.is_accepted()).map(|it| &it.probe);
        let text = self.target.expect.text.as_ref();
        let part = accepted
            .filter_map(|probe| part_of_name(text, &probe.body, user))
            .next()?;
        Some(SetUpError::new(
            "wrong-expect",
            format!(
                "{} matches only \"{part}\", a part of the name {user}: it would also match other users whose names contain this part.",
                self.target.expect
            ),
            format!(
                "Give an --expect that matches the whole name, such as '{}'.",
                regex::escape(user)
            ),
        ))
    }

    /// Returns an error if `--expect` matches the probe in a browser that is not logged in. If no
    /// text is expected, a browser whose Response was refused is tried, too: it may have the cookie
    /// of a session that nobody is logged in to.
    pub(super) async fn probe_error(&self) -> Option<SetUpError> {
        let login = Login::new(self, &self.person.user);
        let expect = &self.target.expect;
        let mut probes = vec![login.open_probe_without_login().await.ok()?];
        if expect.has_no_text() {
            probes.extend(login.open_probe_after_refusal().await.ok());
        }
        let matched = probes.iter().find(|it| expect.matches(it, &it.body))?;
        Some(SetUpError::new(
            "wrong-expect",
            format!(
                "{expect} matches the probe's answer to a browser that is not logged in ({}): {}",
                matched.said(),
                page_summary(&matched.body, 160)
            ),
            format!(
                "Give an --expect that matches only when {} is logged in, such as the user name in the probe's answer.",
                self.person.user
            ),
        ))
    }
}

/// How many characters of a page are quoted before and after a name.
const AROUND: usize = 60;

/// Says where the name is in the source of a page, if the page has markup: `--expect` is compared
/// with the source, and a sentence quotes the page without its markup.
fn explain_source(page: &str, user: &str) -> String {
    if !page.trim_start().starts_with('<') {
        return String::new();
    }
    let local_part = user.split('@').next().unwrap_or(user);
    let found = [user, local_part]
        .into_iter()
        .find_map(|name| page.find(name).map(|at| (at, name.len())));
    match found {
        Some((at, length)) => {
            let (before, rest) = page.split_at(at);
            let skipped = before.chars().count().saturating_sub(AROUND);
            let before: String = before.chars().skip(skipped).collect();
            let rest: String = rest.chars().take(length + AROUND).collect();
            let words: Vec<&str> = rest.split_whitespace().collect();
            format!(
                " It is compared with the source of the page, which has around the name: {} {}",
                before.split_whitespace().collect::<Vec<_>>().join(" "),
                words.join(" ")
            )
        }
        None => " The text above is without its markup; --expect is compared with the source of the page.".to_owned(),
    }
}

/// Quotes a page as the end of a sentence. Returns an empty text for an empty page.
fn quote(page: &str) -> String {
    if page.is_empty() {
        return String::new();
    }
    format!("; the page says: \"{}\"", excerpt(page, CAUSE))
}

/// True if two answers show the same page. Only the visible text is compared, because anti-forgery
/// tokens differ in each answer.
fn alike(one: &str, other: &str) -> bool {
    one == other || page_summary(one, 2000) == page_summary(other, 2000)
}
