//! All kinds of refusals: the stable code, the text for the refused user, the
//! remedy for the administrator, and the page for the remedy. To add a kind,
//! add an entry here.

use saml::acceptance::Code;

use crate::configurator::Step;

/// The page on which an administrator can remove the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A step of the configurator.
    Step(Step),
    /// The page IdP Integration, no particular step.
    Integration,
    /// The page Users of Business Profile.
    Users,
    /// The page Subscriptions.
    Subscriptions,
    /// The page Licenses.
    Licenses,
}

impl Place {
    /// Returns the path of this page.
    pub fn path(self) -> String {
        const INTEGRATION: &str = "/profile/business/idp_integration";
        match self {
            Self::Step(step) => format!("{INTEGRATION}?step={0}#step-{0}", step.id()),
            Self::Integration => INTEGRATION.to_owned(),
            Self::Users => "/profile/business/users".to_owned(),
            Self::Subscriptions => "/subscriptions".to_owned(),
            Self::Licenses => "/licenses".to_owned(),
        }
    }

    /// Returns the text of a link to this page.
    pub fn label(self) -> String {
        match self {
            Self::Step(step) => {
                let position = Step::ALL.iter().position(|it| *it == step);
                format!("({}) {}", position.unwrap_or_default() + 1, step.title())
            }
            Self::Integration => "IdP Integration".to_owned(),
            Self::Users => "Users".to_owned(),
            Self::Subscriptions => "Subscriptions".to_owned(),
            Self::Licenses => "Licenses".to_owned(),
        }
    }

    /// Returns the page with this path, or the configurator if no page has it.
    pub fn from_path(path: &str) -> Self {
        let steps = Step::ALL.into_iter().map(Self::Step);
        let others = [Self::Users, Self::Subscriptions, Self::Licenses];
        steps
            .chain(others)
            .find(|place| place.path() == path)
            .unwrap_or(Self::Integration)
    }
}

/// One kind of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Stable code in kebab case.
    pub code: &'static str,
    /// Text for the refused user.
    pub public: &'static str,
    /// Remedy for the administrator.
    pub remedy: &'static str,
    /// What the user can do without an administrator; may be empty.
    pub advice: &'static str,
    /// The page on which the administrator applies the remedy.
    pub place: Place,
    /// If true, the user's page does not show the code: it would tell an
    /// attacker which check a forged Response failed.
    pub concealed: bool,
}

macro_rules! kinds {
    ($($name:ident $code:literal $place:expr, $public:literal, $remedy:literal, $advice:literal;)+) => {
        $(
            #[doc = concat!("`", $code, "`")]
            pub const $name: Kind = Kind {
                code: $code,
                public: $public,
                remedy: $remedy,
                advice: $advice,
                place: $place,
                concealed: false,
            };
        )+

        /// All kinds, except those of the SAML library: see [`of_response`].
        pub const ALL: &[Kind] = &[$($name,)+];
    };
}

const RESTART: &str = "Start again at Continue with SSO.";

kinds! {
    SSO_UNAVAILABLE "sso-unavailable" Place::Integration,
        "Single sign-on is not available for this e-mail address.",
        "Compare the domain of the e-mail address with those in step 1; all steps must be green and the integration active.",
        "Check the address.";
    INVALID_EMAIL "invalid-email" Place::Step(Step::Domains),
        "This is not an e-mail address.",
        "Tell the person to enter the whole corporate e-mail address.",
        "Enter your corporate e-mail address, like jo@example.com.";
    NO_SUCH_SERVICE "no-such-service" Place::Step(Step::Saml),
        "Your organization does not log in at this address.",
        "Copy the ACS URL and the single logout URL of step 4 into the identity provider's application again.",
        "Start again at Continue with SSO.";
    MALFORMED_FORM "malformed-form" Place::Step(Step::Saml),
        "The identity provider's message could not be read.",
        "Configure the identity provider to send an HTML form (application/x-www-form-urlencoded) with the field SAMLResponse to the ACS URL of step 4.",
        "Start again at Continue with SSO.";
    METADATA_EXPIRED "idp-metadata-expired" Place::Step(Step::Saml),
        "Single sign-on does not work at your organization at the moment.",
        "Log in with the backup login and enter the identity provider's current metadata in step 4.",
        "";
    CERTIFICATE_EXPIRED "idp-certificate-expired" Place::Step(Step::Saml),
        "Single sign-on does not work at your organization at the moment.",
        "Log in with the backup login and enter the identity provider's current certificate in step 4.",
        "";
    REQUEST_FAILED "request-failed" Place::Step(Step::Saml),
        "Single sign-on does not work at your organization at the moment.",
        "Check the Identity Provider SSO URL in step 4.",
        "";
    UNSOLICITED "unsolicited" Place::Step(Step::Saml),
        "This login was not started in this browser.",
        "If people start at the identity provider's portal, accept such logins in step 4; otherwise start at Continue with SSO.",
        "Start again at Continue with SSO.";
    COOKIE_MISSING "request-cookie-missing" Place::Step(Step::Saml),
        "Your browser did not send back the cookie that it got when this login began.",
        "Tell the person to allow cookies for the portal and to log in within an hour, in one browser. If it happens to everybody, compare the host name that people open with the one in the ACS URL of step 4.",
        "Allow cookies for the portal, and start again at Continue with SSO.";
    ASSERTION_REPLAYED "assertion-replayed" Place::Step(Step::Saml),
        "This login was already used.",
        "If this happens once, change nothing: the user reloaded the page or went back. If it happens at every login, configure the identity provider to use a new assertion ID each time.",
        "Start again at Continue with SSO.";
    REQUEST_ANSWERED "request-answered-before" Place::Step(Step::Saml),
        "This login was already used.",
        "Change nothing: the user reloaded the page or went back.",
        "Start again at Continue with SSO.";
    WRONG_CONTEXT "wrong-authn-context" Place::Step(Step::Saml),
        "Your organization requires another method to log in.",
        "Configure the identity provider to authenticate users as the requested authentication context of step 4 demands, or change that setting.",
        "Log in at your identity provider by the method that your organization requires, then start again.";
    OLD_SIGN_ON "sign-on-too-old" Place::Step(Step::Saml),
        "Your organization requires that you sign on again.",
        "Configure the identity provider to authenticate users again if the AuthnRequest has ForceAuthn, and to send the time of that as AuthnInstant; or switch ForceAuthn off in step 4. If it happens to everybody, compare the clocks.",
        "Start again at Continue with SSO, and enter your password at your identity provider.";
    ATTRIBUTE_CASE "attribute-name-case" Place::Step(Step::Groups),
        "Your organization's identity provider did not send an attribute that the portal needs.",
        "Correct the name in the Attribute Mappings of the identity provider's application, as step 3 lists them: letter case counts.",
        "";
    ATTRIBUTE_MISSING "attribute-missing" Place::Step(Step::Groups),
        "Your organization's identity provider did not send an attribute that the portal needs.",
        "Add the attribute to the Attribute Mappings of the identity provider's application, as step 3 lists them, and give the user a value for it.",
        "";
    ACCOUNT_DISABLED "account-disabled" Place::Users,
        "Your account is disabled.",
        "Enable the user in the identity provider, and let provisioning run.",
        "Ask your administrator to enable it.";
    VALUE_TOO_LONG "value-too-long" Place::Step(Step::Application),
        "Your organization's identity provider sent a value that is too long.",
        "Map an attribute of at most 1,024 bytes; the reason names the one that is longer.",
        "";
    WRONG_DOMAIN "wrong-domain" Place::Step(Step::Domains),
        "Your e-mail address does not belong to a domain of your organization.",
        "Add and verify the domain in step 1, or map another attribute to `name`.",
        "Log in with your corporate account.";
    IN_NO_GROUP "not-in-any-group" Place::Step(Step::Groups),
        "You are not in a group that has access to this business account.",
        "Compare the received groups with those entered in step 3. If they differ, correct step 3; if they are right, add the user to one of them in the identity provider.",
        "";
    NOT_IN_USERS_GROUP "not-in-users-group" Place::Step(Step::Groups),
        "You are not in the group of users who may activate the product.",
        "Compare the received groups with the users group entered in step 3. If they differ, correct step 3; if it is right, add the user to the group in the identity provider.",
        "";
    PASSWORD_REFUSED "password-login-refused" Place::Step(Step::BackupLogin),
        "Your organization logs in with single sign-on.",
        "Log in with Continue with SSO. Only the backup login of step 7 may use a password.",
        "Choose Continue with SSO.";
    BACKUP_PASSWORD_WRONG "backup-login-wrong-password" Place::Step(Step::BackupLogin),
        "The e-mail address or the password is wrong.",
        "If this was you, try again with the portal's password, not the corporate one. If it was not, an attacker is guessing the password: choose a stronger password or another backup login.",
        "Try again.";
    TOO_MANY_ATTEMPTS "too-many-attempts" Place::Step(Step::BackupLogin),
        "There were too many attempts to log in.",
        "Wait for a quarter of an hour, or log in from another address. If it was not you, an attacker is guessing the password.",
        "Wait and try again.";
    LOGOUT_FAILED "logout-failed" Place::Step(Step::Saml),
        "You are logged out here, but your organization's identity provider could not be informed.",
        "Check the single logout endpoint in the identity provider's metadata in step 4.",
        "Close your browser to be sure.";
    LOGOUT_UNSOLICITED "logout-unsolicited" Place::Step(Step::Saml),
        "The portal does not wait for the answer to this logout.",
        "If this happens once, change nothing. If it happens every time, configure the identity provider to return the RelayState unchanged.",
        "Log out again, if you are still logged in.";
    LOGOUT_REPLAYED "logout-replayed" Place::Step(Step::Saml),
        "This logout was already used.",
        "If this happens once, change nothing: the user reloaded the page. If it happens at every logout, configure the identity provider to use a new message ID each time.",
        "You need not do anything.";
    ACTIVATION_UNKNOWN "activation-unknown" Place::Licenses,
        "The portal does not know this activation.",
        "Start the activation in the app again.",
        "Start the activation again.";
    ACTIVATION_EXPIRED "activation-expired" Place::Licenses,
        "This activation took too long.",
        "Start the activation in the app again.",
        "Start the activation again.";
    ACTIVATION_USED "activation-used" Place::Licenses,
        "This activation was already used.",
        "Start the activation in the app again.",
        "Start the activation again.";
    RELAY_STATE_MISMATCH "relay-state-mismatch" Place::Step(Step::Saml),
        "This answer does not belong to this activation.",
        "Start the activation in the app again. If it happens every time, configure the identity provider to return the RelayState unchanged.",
        "Start the activation again.";
    NO_SEAT_LEFT "no-seat-left" Place::Subscriptions,
        "All licenses of your organization are in use.",
        "Remove a user who needs no license from the users group, or buy more seats.",
        "Ask your administrator to free a license or to buy more.";
    SUBSCRIPTION_EXPIRED "subscription-expired" Place::Subscriptions,
        "Your organization's subscription has ended.",
        "Renew the subscription, and register its new key.",
        "Ask your administrator to renew it.";
    SUBSCRIPTION_NOT_STARTED "subscription-not-started" Place::Subscriptions,
        "Your organization's subscription has not started yet.",
        "Wait for its start date, which the page Subscriptions shows.",
        "Ask your administrator when it begins.";
    TOO_MANY_DEVICES "too-many-devices" Place::Licenses,
        "Your license is in use on as many devices as your organization's subscription allows.",
        "Release a device of this user under Licenses.",
        "Ask your administrator to release a device that you no longer use.";
    INTERNAL "internal" Place::Integration,
        "The portal could not do this because of an internal error.",
        "Try again in a moment. If it happens again, the portal's operator finds the error in the portal's log.",
        "Try again in a moment.";
}

/// Returns the kind for a Response or logout message that the SAML library
/// refuses.
pub fn of_response(code: Code) -> Kind {
    let (public, advice) = match code {
        Code::Expired | Code::NotYetValid | Code::WrongInResponseTo => (
            "Sign-in failed: this sign-in is no longer valid, or not yet.",
            RESTART,
        ),
        Code::StatusNotSuccess => (
            "Sign-in failed: your identity provider declined it.",
            "Start again, and read what your identity provider's page says.",
        ),
        _ => (
            "Sign-in failed: the portal could not verify your identity provider's answer.",
            "",
        ),
    };
    Kind {
        code: code.name(),
        public,
        remedy: code.next(),
        advice,
        place: Place::Step(Step::Saml),
        concealed: true,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_a_sentence_a_remedy_and_a_place() {
        let own = ALL.iter().copied();
        let kinds: Vec<Kind> = own
            .chain(Code::ALL.iter().copied().map(of_response))
            .collect();
        let is_sentence = |text: &str| {
            text.len() > 8 && text.starts_with(char::is_uppercase) && text.ends_with('.')
        };
        for kind in &kinds {
            assert!(is_sentence(kind.public), "{}: {}", kind.code, kind.public);
            assert!(is_sentence(kind.remedy), "{}: {}", kind.code, kind.remedy);
            assert!(
                kind.advice.is_empty() || is_sentence(kind.advice),
                "{}",
                kind.code
            );
            assert_eq!(Place::from_path(&kind.place.path()), kind.place);
            assert!(!kind.place.label().is_empty(), "{}", kind.code);
            assert!(
                kind.code
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '-'),
                "{}",
                kind.code
            );
        }
        let own: HashSet<&str> = ALL.iter().map(|kind| kind.code).collect();
        assert_eq!(own.len(), ALL.len(), "each code stands once");
    }
}
