//! Why no sign-on works. Mistakes of the set-up are recognized by how the first ordinary
//! request ended.

use url::Url;

use super::reading;
use super::recording::{Ending, Trial};
use super::run::{Gathering, Person};
use crate::check::SetUpError;
use crate::check::runner::{LIMIT_FIX, page_summary};
use crate::inspection::{is, ns, parse};

/// What to do if only signed requests are answered. It is for runs in which a person signs on,
/// because these do not try a signed request.
const SIGNED: &str = "If the identity provider refuses unsigned requests, its metadata must have WantAuthnRequestsSigned=\"true\": add it to a copy, and give that as --metadata.";

/// Returns why the control did not sign a user on; `None` if it did. `ignored` are the names of
/// the identity provider's cookies that browsers ignore.
pub(super) fn error(
    trial: &Trial,
    gathering: &Gathering<'_>,
    ignored: &[String],
) -> Option<SetUpError> {
    let register = format!(
        "Register the metadata of the service provider that is played (entity ID {}; --prepare writes it) at the identity provider, for the same --sp-port and key as in this run.",
        gathering.party.entity_id
    );
    let who = match &gathering.person {
        Person::Driven(credentials) => credentials.name.as_str(),
        Person::Present(_) => "the person",
    };
    let register_or_sign = match &gathering.person {
        Person::Driven(_) => register.clone(),
        Person::Present(_) => format!("{register} {SIGNED}"),
    };
    match &trial.ending {
        Ending::NotTried { why } if matches!(gathering.person, Person::Present(_)) => {
            Some(SetUpError::new(
                "nobody-signed-on",
                format!("No Response came: {why}."),
                format!(
                    "Open the printed address in a browser and sign on; --wait gives more time. {register}"
                ),
            ))
        }
        Ending::NotTried { .. } => None,
        Ending::Failed { why } | Ending::NoAnswer { why } => Some(SetUpError::new(
            "unreachable",
            format!("The identity provider cannot be reached for a sign-on: {why}."),
            "Check the SingleSignOnService in the metadata and whether the identity provider runs and can be reached from this machine. An identity provider with a private certificate needs --ca FILE.",
        )),
        Ending::Answer(delivered) if is_elsewhere(&delivered.to, &gathering.party.acs) => {
            Some(SetUpError::new(
                "wrong-sp-port",
                format!(
                    "The identity provider sends the Response to {}, which is no address of the service provider that is played in this run ({}).",
                    delivered.to,
                    gathering.party.acs.join(", ")
                ),
                format!(
                    "Give the --sp-port of the metadata that is registered at the identity provider. {register}"
                ),
            ))
        }
        Ending::Answer(delivered) if trial.asked => {
            let access = format!("Give {who} access to the application of this service provider.");
            refusal_error(&delivered.field, "refused", format!("{access} {register}"))
        }
        Ending::Answer(delivered) => {
            refusal_error(&delivered.field, "not-registered", register_or_sign)
        }
        Ending::Page { url, status, .. } => {
            let url = url.split('?').next().unwrap_or(url);
            let at = format!("HTTP {status} at {url}");
            let register = if trial.asked {
                register
            } else {
                register_or_sign
            };
            Some(page_error(trial, *status, &at, who, ignored, &register))
        }
    }
}

/// True if `url` is at another host or port than each of the service provider's URLs.
fn is_elsewhere(url: &str, acs: &[String]) -> bool {
    let origin = |it: &str| Url::parse(it).ok().map(|it| it.origin());
    acs.iter().all(|own| origin(own) != origin(url))
}

/// True if a page has a script and no form: a browser that runs no scripts sees nothing on it.
fn is_made_by_script(page: &str) -> bool {
    let page = page.to_lowercase();
    page.contains("<script") && !page.contains("<form")
}

/// Returns the error for a Response without success.
fn refusal_error(field: &str, code: &'static str, fix: String) -> Option<SetUpError> {
    let (status, message) = refusal(&reading::message(field)?)?;
    let message = message.map(|it| format!(": \"{it}\"")).unwrap_or_default();
    Some(SetUpError::new(
        code,
        format!(
            "The identity provider answered an honest request with the status {status}{message}."
        ),
        fix,
    ))
}

/// Returns the error for a sign-on that ended on a page. `at` is the status and the URL of the page.
fn page_error(
    trial: &Trial,
    status: u16,
    at: &str,
    who: &str,
    ignored: &[String],
    register: &str,
) -> SetUpError {
    let page = trial.pages.last();
    let says = says(page.map_or("", |page| page.body.as_str()));
    let asks = page.is_some_and(|page| page.asks);
    if page.is_some_and(|page| page.retry_after.is_some()) {
        return SetUpError::new(
            "rate-limited",
            format!(
                "The identity provider limits the number of requests ({at}){says}, and the time until the next request is longer than --timeout or --deadline allows."
            ),
            LIMIT_FIX,
        );
    }
    if !ignored.is_empty() {
        return SetUpError::new(
            "cookie-lost",
            format!(
                "The sign-on ended on a page ({at}){says}. Browsers ignore the identity provider's cookie {}: it has SameSite=None without Secure, or Secure without HTTPS.",
                ignored.join(", ")
            ),
            "Set the cookie with SameSite=None; Secure and serve the identity provider over HTTPS. Over plain HTTP, set SameSite=Lax.",
        );
    }
    if !trial.asked {
        return SetUpError::new(
            "not-registered",
            format!(
                "The identity provider answered an honest request with a page that is not a login page ({at}){says}."
            ),
            match page.is_some_and(|page| is_made_by_script(&page.body)) {
                true => format!(
                    "The page has a script and no form. If it is the login page, use --interactive: a person then signs on in a browser. If not: {register}"
                ),
                false => format!(
                    "{register} If the page is a login page that runs scripts, use --interactive."
                ),
            },
        );
    }
    if asks || status == 401 {
        let what = match asks {
            true => "The login page asked again",
            false => "The sign-on ended on a page that refuses it",
        };
        return SetUpError::new(
            "wrong-password",
            format!("{what} after {who} entered the password ({at}){says}."),
            "Check --user and --password: sign on with them in a browser. The user may not exist, may be disabled or locked, or may have to be entered in another form.",
        );
    }
    SetUpError::new(
        "sign-on-not-finished",
        format!(
            "{who} entered the password, but no Response followed: the sign-on ended on a page ({at}){says}."
        ),
        format!(
            "If the page refuses the password, check --user and --password. If it asks for a second factor, a consent or runs a script, use --interactive. If it refuses the user, give them access to the application. {register}"
        ),
    )
}

fn says(body: &str) -> String {
    let summary = page_summary(body, 200);
    if summary.is_empty() {
        return String::new();
    }
    format!("; the page says: \"{summary}\"")
}

/// Returns status code and message of a Response without success.
fn refusal(xml: &str) -> Option<(String, Option<String>)> {
    let document = parse(xml).ok()?;
    let all = || document.descendants();
    if all()
        .any(|it| is(it, ns::ASSERTION, "Assertion") || is(it, ns::ASSERTION, "EncryptedAssertion"))
    {
        return None;
    }
    let codes: Vec<&str> = all()
        .filter(|it| is(*it, ns::PROTOCOL, "StatusCode"))
        .filter_map(|it| it.attribute("Value"))
        .filter_map(|it| it.rsplit(':').next())
        .collect();
    if codes.is_empty() || codes[0] == "Success" {
        return None;
    }
    let message = all().find(|it| is(*it, ns::PROTOCOL, "StatusMessage"));
    let message = message
        .and_then(|it| it.text())
        .map(|it| it.trim().to_owned());
    Some((codes.join("/"), message.filter(|it| !it.is_empty())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_port_is_another_service_provider() {
        let acs = ["http://127.0.0.1:18600/acs", "http://127.0.0.1:18600/acs2"].map(str::to_owned);
        assert!(is_elsewhere("http://127.0.0.1:18555/acs", &acs));
        assert!(!is_elsewhere("http://127.0.0.1:18600/acs/other", &acs));
    }

    #[test]
    fn a_page_with_a_form_is_not_made_by_a_script() {
        assert!(is_made_by_script(
            "<div id=app></div><SCRIPT src=/app.js></SCRIPT>"
        ));
        assert!(!is_made_by_script("<form></form><script></script>"));
        assert!(!is_made_by_script("<h1>Unknown application</h1>"));
    }
}
