//! Why nobody can be logged in at all: mistakes of the set-up, told apart by
//! what the service provider answered to honest Responses.

use super::answer::{SAID, place};
use super::login::Login;
use super::{Answer, CheckError, Honest, Judge};
use crate::check::SetUpError;
use crate::check::runner::page_summary;
use crate::excerpt::excerpt;

impl Judge {
    /// The reason why no honest Response was accepted.
    pub(super) async fn set_up_error(&self, honest: &Honest) -> SetUpError {
        let answers: Vec<&Answer> = honest
            .came
            .iter()
            .filter_map(|it| it.as_ref().ok())
            .collect();
        match (answers.first(), honest.came.first()) {
            (Some(_), _) => self.refused(&answers).await,
            (None, Some(Err(trouble))) => self.not_asked(trouble),
            (None, _) => SetUpError::new(
                "not-judged",
                "No honest Response could be made.",
                "Report this as a defect of Rehearsal.",
            ),
        }
    }

    /// A login could not even be started.
    fn not_asked(&self, trouble: &CheckError) -> SetUpError {
        let start = self.target.start_url.as_ref();
        let start = start.map_or_else(String::new, ToString::to_string);
        match trouble {
            CheckError::NotStarted { url, reason } => SetUpError::new(
                "unreachable",
                format!("The service provider cannot be reached: {url}: {reason}."),
                format!(
                    "Check --start-url {start} and whether the service provider runs and is reached from this machine. One with a private certificate needs --ca FILE."
                ),
            ),
            CheckError::Unreachable { url, reason } => SetUpError::new(
                "unreachable",
                format!(
                    "The service provider gave no answer to an honest Response: {url}: {reason}."
                ),
                "Look into the service provider's log. If it only is slow, give it more time with --timeout.",
            ),
            CheckError::NoRequest {
                expected,
                came,
                status,
                page,
            } => {
                let says = quote(page);
                if came.contains("SAMLRequest=") {
                    let other = came.split('?').next().unwrap_or(came);
                    return SetUpError::new(
                        "wrong-idp",
                        format!(
                            "The service provider sends its logins to another identity provider: {other}, not to {expected}."
                        ),
                        "Configure it with the metadata of the identity provider that is played (--prepare writes it), and use the same --idp-port each time.",
                    );
                }
                SetUpError::new(
                    "wrong-start-url",
                    format!(
                        "The start URL does not start a SAML login at {expected}: {start} led to {came} (HTTP {status}){says}."
                    ),
                    "Check --start-url: opened in a browser, it has to redirect to the identity provider. Check that the service provider has the played identity provider's metadata (--prepare writes it), and that the user's domain uses SSO.",
                )
            }
            CheckError::NoAcs => SetUpError::new(
                "no-acs",
                "The metadata has no AssertionConsumerService with the HTTP-POST binding.",
                "Check --metadata: it has to be the metadata of the service provider.",
            ),
            CheckError::Limited { url, status } => SetUpError::new(
                "rate-limited",
                format!(
                    "The service provider limits how often it may be asked: {} answers HTTP {status}, and asks to wait longer than --timeout.",
                    place(url)
                ),
                "Raise the limit for the machine that runs the check, or give a longer --timeout.",
            ),
            other => SetUpError::new(
                "not-judged",
                format!("No login could be started: {other}."),
                "Look into the service provider's log.",
            ),
        }
    }

    /// Honest Responses were delivered, and the probe doesn't match.
    async fn refused(&self, answers: &[&Answer]) -> SetUpError {
        let first = answers[0];
        if let Some(error) = self.lost_cookie(first).await {
            return error;
        }
        let probe_url = &self.target.probe_url;
        let anonymous = Login::new(self, &self.person.user).anonymous().await;
        let (status, body) = anonymous.unwrap_or_default();
        // A service provider that demands both signatures accepts only one of them.
        let accepted = answers.iter().find(|it| {
            (200..300).contains(&it.probe_status)
                && (status != it.probe_status || !alike(&body, &it.probe))
        });
        if let Some(first) = accepted {
            let probe = page_summary(&first.probe, 160);
            return SetUpError::new(
                "wrong-expect",
                format!(
                    "The service provider accepted an honest Response, but --expect '{}' does not match what the probe answers then (HTTP {}): {probe}",
                    self.target.expect, first.probe_status
                ),
                format!(
                    "Write an --expect that matches that answer when {} is logged in and doesn't match otherwise.",
                    self.person.user
                ),
            );
        }
        if matches!(first.probe_status, 404 | 405) && status == first.probe_status {
            return SetUpError::new(
                "wrong-probe-url",
                format!("The probe does not exist: {probe_url} answers HTTP {status}."),
                "Check --probe-url: it has to be a page that says who is logged in.",
            );
        }
        SetUpError::new(
            "not-trusted",
            format!(
                "The service provider refused every honest Response (HTTP {} at {}){}. The probe {probe_url} answers HTTP {}.",
                first.status,
                place(&first.url),
                quote(&first.page),
                first.probe_status,
            ),
            format!(
                "Give the service provider the metadata of the identity provider that is played (entity ID {}): its key has to be the one of this run, so keep --idp-metadata-out and --idp-port the same. Check that the user {} exists there and that the attributes are those it needs (--attribute).",
                self.provider.entity_id, self.person.user
            ),
        )
    }

    /// Whether the Response is accepted once the service provider's cookies come
    /// with it, which `SameSite` kept back.
    async fn lost_cookie(&self, first: &Answer) -> Option<SetUpError> {
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
                    "The service provider refused every honest Response because its cookie {cookies} did not come with it: browsers send a cookie with SameSite=Lax or Strict, or one that is older than two minutes, with no POST from another site. With the cookie the same Response was accepted."
                ),
                "Set the cookie that holds the request with SameSite=None; Secure, over HTTPS. Over plain HTTP on one machine, reach the service provider by 127.0.0.1, as the identity provider that is played.",
            )
        })
    }

    /// Whether the probe can tell who is logged in at all.
    pub(super) async fn probe_error(&self) -> Option<SetUpError> {
        let (status, body) = Login::new(self, &self.person.user).anonymous().await.ok()?;
        self.target.expect.is_match(&body).then(|| {
            SetUpError::new(
                "wrong-expect",
                format!(
                    "--expect '{}' matches the probe's answer to a browser that is not logged in (HTTP {status}): {}",
                    self.target.expect,
                    page_summary(&body, 160)
                ),
                format!(
                    "Write an --expect that matches only when {} is logged in, such as the user name in the probe's answer.",
                    self.person.user
                ),
            )
        })
    }
}

/// What a page says, as the end of a sentence.
fn quote(page: &str) -> String {
    if page.is_empty() {
        return String::new();
    }
    format!("; the page says: \"{}\"", excerpt(page, SAID))
}

/// Whether two answers show the same page: tokens against forgery and the
/// like differ from answer to answer, what a person reads doesn't.
fn alike(one: &str, other: &str) -> bool {
    one == other || page_summary(one, 2000) == page_summary(other, 2000)
}
