//! The procedures of the set-up guide, with the numbers that the scenarios have as tags.

/// All procedures: id and a short description.
pub const PROCEDURES: [(&str, &str); 28] = [
    ("G-01", "Register a portal account, log in, log out"),
    ("G-02", "Log in by a social identity"),
    ("G-03", "Register a license key"),
    (
        "G-04",
        "A key of a member and of a new user: the business account",
    ),
    ("G-05", "The IdP Integration page appears, for admins"),
    (
        "G-06",
        "Start Configuring: seven steps, interrupted and continued",
    ),
    ("G-07", "Step 1: domains, verified by TXT records"),
    ("G-08", "Step 2: the SAML application in the IdP"),
    ("G-09", "Step 3: the two groups, their names and ids"),
    ("G-10", "The application's attribute mappings"),
    ("G-11", "Step 4: SAML parameters, copied in both directions"),
    ("G-12", "Step 5: SCIM base URL and bearer token"),
    ("G-13", "Step 6: users in the groups"),
    ("G-14", "Step 7: the backup login"),
    ("G-15", "Activate and deactivate the integration"),
    ("G-16", "Continue with SSO on the sign-in page"),
    ("G-17", "The IdP asks for a login, or not"),
    (
        "G-18",
        "The portal checks the Response and lets the user in",
    ),
    ("G-19", "The backup login works when SSO is broken"),
    ("G-20", "The app prompts for the corporate e-mail"),
    ("G-21", "The portal creates the SSO request for the app"),
    (
        "G-22",
        "The app posts the IdP's Response to the portal: a license is granted",
    ),
    ("G-23", "Activations refused, with the reason shown"),
    ("G-24", "The manual path to Continue with SSO"),
    ("G-25", "The activation is kept and re-validated"),
    ("G-26", "SCIM: users and groups follow the directory"),
    ("G-27", "Users who leave lose license and access"),
    (
        "G-28",
        "Without SCIM: users are created at their first login",
    ),
];
