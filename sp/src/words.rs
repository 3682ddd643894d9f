//! Formats values as text for the pages: timestamps, errors and audit events.

use jiff::Timestamp;

/// Formats a timestamp to the minute: `1 January 2020, 00:00 UTC`.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// Turns an error text of the API into a sentence for a page: capital letter
/// first, full stop last, quotation marks instead of backticks.
pub(crate) fn sentence(detail: &str) -> String {
    let mut said = String::with_capacity(detail.len() + 4);
    let mut quoted = false;
    for letter in detail.chars() {
        match letter {
            '`' if quoted => said.push('”'),
            '`' => said.push('“'),
            first if said.is_empty() => said.extend(first.to_uppercase()),
            other => said.push(other),
        }
        quoted ^= letter == '`';
    }
    if !said.ends_with(['.', '!', '?', '…']) {
        said.push('.');
    }
    said
}

/// Returns a description of an audit event's action code. For an unknown code
/// it returns the code with spaces instead of hyphens.
pub(crate) fn audit_action(action: &str) -> String {
    let words = match action {
        "account-registered" => "Registered an account",
        "logged-in-by-password" => "Signed in with a password",
        "logged-in-by-sso" => "Signed in with SSO",
        "logged-in-by-social-identity" => "Signed in with a social identity",
        "logged-out-by-idp" => "The identity provider signed the user out",
        "sessions-revoked-by-idp" => "The identity provider ended all sessions of the user",
        "sessions-revocation-refused" => "Refused to end the sessions of a user",
        "signed-out-everywhere" => "Signed out everywhere",
        "wrong-password" => "Entered a wrong password",
        "sign-in-refused" => "Sign-in refused",
        "license-key-registered" => "Registered a license key",
        "license-key-cancelled" => "The vendor cancelled a license key",
        "license-granted" => "A license was granted",
        "license-moved" => "A license was moved to another subscription",
        "license-revoked" => "A license was revoked",
        "subscription-changed" => "Changed a subscription",
        "desktop-activated" => "Activated Parallels Desktop",
        "device-released" => "Released a device",
        "member-added" => "Added a user",
        "idp-integration-started" => "Started configuring the IdP integration",
        "idp-integration-changed" => "Changed the IdP integration",
        "idp-integration-activated" => "Activated the IdP integration",
        "idp-integration-deactivated" => "Deactivated the IdP integration",
        "domain-added" => "Added a domain",
        "domain-removed" => "Removed a domain",
        "domain-looked-up" => "Looked up a domain’s TXT record",
        "scim-token-made" => "Created a SCIM bearer token",
        "scim-token-ended" => "Ended a SCIM bearer token",
        "scim-issuer-added" => "Accepted an authorization server for SCIM",
        "scim-issuer-removed" => "Removed an authorization server for SCIM",
        "scim-access-token-refused" => "Refused an access token at SCIM",
        "user-created" => "A user was created",
        "user-changed" => "A user was changed",
        "user-deleted" => "A user was deleted",
        "group-created" => "A group was created",
        "group-changed" => "A group was changed",
        "group-deleted" => "A group was deleted",
        other => return capitalize(&other.replace('-', " ")),
    };
    words.to_owned()
}

/// Returns the target of an audit event for display. Steps of the configurator
/// are shown by number and title.
pub(crate) fn audit_target(action: &str, target: &str) -> String {
    use crate::configurator::Step;
    match action {
        "idp-integration-changed" => Step::ALL
            .into_iter()
            .zip(1..)
            .find(|(step, _)| step.id() == target)
            .map_or_else(
                || target.to_owned(),
                |(step, number)| format!("Step {number}, {}", step.title()),
            ),
        "idp-integration-started" | "idp-integration-activated" | "idp-integration-deactivated" => {
            String::new()
        }
        _ => target.to_owned(),
    }
}

fn capitalize(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_sentence() {
        let said = sentence("`x` is no domain: expected one like `a.example`");
        assert_eq!(said, "“x” is no domain: expected one like “a.example”.");
        assert_eq!(sentence("it is over."), "It is over.");
    }

    #[test]
    fn instants_are_written_for_people() {
        let at = "2020-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(moment(at), "1 January 2020, 00:00 UTC");
    }

    #[test]
    fn audit_events_are_sentences() {
        assert_eq!(
            audit_target("idp-integration-changed", "groups"),
            "Step 3, Configure user groups mapping"
        );
        assert_eq!(audit_action("sign-in-refused"), "Sign-in refused");
    }
}
