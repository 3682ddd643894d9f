//! Rules for all forms of the portal: irreversible actions ask for
//! confirmation, all errors are reported at once, and texts are written
//! for people.

use serde_json::{Value, json};

use crate::desktop::activate;
use crate::lockout::{ADMINS_ID, USERS_ID};
use crate::parties::{Browser, Parties, Person, step};

const PAGE: &str = "/profile/business/idp_integration";

/// All pages with forms for logged-in users.
const PAGES: [&str; 8] = [
    "/dashboard",
    "/register-key",
    "/profile/business/general",
    "/profile/business/users",
    PAGE,
    "/subscriptions",
    "/licenses",
    "/audit",
];

/// The forms that ask for confirmation, and those that do not. The test fails
/// for a form in neither list: every new form must be added to one of them.
const ASKS: [&str; 7] = [
    "/profile/business/idp_integration/deactivate",
    "/profile/business/idp_integration/remove-domain",
    "/profile/business/idp_integration/scim-token",
    "/profile/business/idp_integration/end-token",
    "/profile/business/idp_integration/remove-issuer",
    "/licenses/release",
    "/logout-everywhere",
];
const DOES_NOT_ASK: [&str; 15] = [
    "/logout",
    "/workspace",
    "/register-key",
    "/profile/business/users",
    "/subscriptions",
    "/profile/business/idp_integration/activate",
    "/profile/business/idp_integration/domains",
    "/profile/business/idp_integration/verify",
    "/profile/business/idp_integration/application",
    "/profile/business/idp_integration/groups",
    "/profile/business/idp_integration/saml",
    "/profile/business/idp_integration/saml-settings",
    "/profile/business/idp_integration/scim",
    "/profile/business/idp_integration/add-issuer",
    "/profile/business/idp_integration/users",
];
/// Another form that does not ask: the one of step 7.
const BACKUP_LOGIN: &str = "/profile/business/idp_integration/backup-login";

/// Returns the POST forms of a page: the URL, and true if the form is hidden
/// behind a disclosure that names the consequence.
fn forms(page: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut rest = page;
    let mut open: Vec<bool> = Vec::new();
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        let tag = &rest[..rest.find('>').unwrap() + 1];
        if tag.starts_with("<details") {
            open.push(tag.contains("class=\"confirm\""));
        } else if tag.starts_with("</details") {
            open.pop();
        } else if tag.starts_with("<form") && tag.contains("method=\"post\"") {
            let (_, action) = tag.split_once("action=\"").expect("an address");
            let action = action.split('"').next().unwrap().to_owned();
            found.push((action, open.contains(&true)));
        }
        rest = &rest[tag.len()..];
    }
    found
}

#[tokio::test]
async fn every_form_that_cannot_be_undone_asks_first() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(3).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    activate(&parties, &tenant, &anna, "mac-of-anna")
        .await
        .is(200);
    // A replaced token has a form to end it.
    admin.post(&step("scim/token"), &Value::Null).await.is(201);
    admin.post(&step("scim/token"), &Value::Null).await.is(201);
    let issuer = json!({"issuer": "https://as.example", "audience": "a", "clients": ["c"]});
    admin.post(&step("scim/issuers"), &issuer).await.is(201);
    let mut seen: Vec<String> = Vec::new();
    let mut walk = async || {
        for page in PAGES {
            for (action, asks) in forms(&admin.get(page).await.body) {
                if ASKS.contains(&action.as_str()) {
                    assert!(
                        asks,
                        "{page}: {action} is irreversible and does not ask for confirmation"
                    );
                } else {
                    assert!(
                        DOES_NOT_ASK.contains(&action.as_str()) || action == BACKUP_LOGIN,
                        "{page}: {action} is new: add it to ASKS or DOES_NOT_ASK"
                    );
                }
                seen.push(action);
            }
        }
    };
    walk().await;
    admin.post(&step("deactivate"), &Value::Null).await.is(200);
    walk().await;
    for action in ASKS.iter().chain(&DOES_NOT_ASK) {
        assert!(
            seen.iter().any(|one| one == action),
            "no page has the form {action}"
        );
    }
}

#[tokio::test]
async fn a_form_says_everything_that_is_wrong_at_once() {
    let parties = Parties::start().await;
    let stranger = parties.browser();
    let fields = [("email", "nobody"), ("password", "short")];
    let page = stranger.fill_in("/register", "/register", &fields).await;
    errors_at(&page.body, &["email", "password"]);
    assert!(
        page.body.contains("2 fields need a correction."),
        "{}",
        page.body
    );
    let jo = parties.register_account("jo@mail.example").await;
    let fields = [
        ("key", "no key"),
        ("with_organization", "1"),
        ("organization", ""),
    ];
    let page = jo.fill_in("/register-key", "/register-key", &fields).await;
    errors_at(&page.body, &["key", "organization"]);
    assert!(
        page.body.contains("Enter the organization's name.")
            || page.body.contains("Enter the organization&#39;s name."),
        "{}",
        page.body
    );
    let admin = parties.create_admin(3).await;
    admin.post(&step("start"), &Value::Null).await.is(200);
    let does = async |act: &str, fields: &[(&str, &str)]| {
        let answer = admin.fill_in(PAGE, &format!("{PAGE}/{act}"), fields).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        answer.body
    };
    let page = does("groups", &[("admins_name", "Kept")]).await;
    errors_at(&page, &["admins_id", "users_name", "users_id"]);
    assert!(page.contains("value=\"Kept\""));
    let page = does("saml", &[("sso_url", "nowhere"), ("certificate", "none")]).await;
    errors_at(&page, &["entity_id", "sso_url", "certificate"]);
}

fn errors_at(page: &str, fields: &[&str]) {
    for field in fields {
        assert!(
            page.contains(&format!("id=\"{field}-error\"")),
            "no error next to {field}: {page}"
        );
    }
    assert_eq!(
        page.matches("class=\"error\" id=").count(),
        fields.len(),
        "{page}"
    );
}

#[tokio::test]
async fn a_repeated_domain_and_a_failed_look_up_have_their_own_errors() {
    let parties = Parties::start().await;
    let admin = parties.create_admin(3).await;
    admin.post(&step("start"), &Value::Null).await.is(200);
    let does = async |act: &str, fields: &[(&str, &str)]| {
        admin.fill_in(PAGE, &format!("{PAGE}/{act}"), fields).await
    };
    does("domains", &[("domain", "corp.example")]).await.is(303);
    let page = admin.get(PAGE).await.body;
    assert!(page.contains("Not looked up yet") && !page.contains("Last look-up"));
    let again = does("domains", &[("domain", "corp.example")]).await;
    assert!(
        again.body.contains("Corp.example is already in your list.")
            || again
                .body
                .contains("“corp.example” is already in your list."),
        "{}",
        again.body
    );
    admin
        .post(&step("domains"), &json!({"domain": "corp.example"}))
        .await
        .problem(409, "domain-entered");
    let failed = does("verify", &[("which", "corp.example")]).await;
    let page = admin.get(failed.location.as_deref().unwrap()).await.body;
    assert!(page.contains("Not verified yet"), "{page}");
    assert!(page.contains("Last look-up"), "{page}");
}

#[tokio::test]
async fn seats_of_different_kinds_are_not_added_and_the_link_has_its_host() {
    let parties = Parties::start().await;
    let admin = parties.create_admin(3).await;
    let key = parties
        .order_license_key(json!({"seats": 4, "licensing": "per-device"}))
        .await;
    admin
        .post("/api/license-keys", &json!({"key": key}))
        .await
        .is(201);
    let page = admin.get("/dashboard").await.body;
    assert!(
        page.contains(">0 of 3<") && page.contains(">0 of 4<"),
        "{page}"
    );
    assert!(page.contains("per-device seats in use; 4 free"), "{page}");
    let page = admin.get("/licenses").await.body;
    let link = format!("{}/directdownload/pd?experience=sso", admin.base);
    assert!(
        page.contains(&format!("id=\"download-link\">{link}<")),
        "{page}"
    );
}

/// No page contains words of the API, British spelling or
/// machine-readable timestamps.
#[tokio::test]
async fn pages_are_in_american_english_without_api_terms() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(3).await;
    let ids = json!({
        "admins": {"name": "Portal Admins", "id": ADMINS_ID},
        "users": {"name": "Desktop Users", "id": USERS_ID},
    });
    admin.put(&step("groups"), &ids).await.is(200);
    let anna = Person::new("anna@corp.example", &[USERS_ID]);
    activate(&parties, &tenant, &anna, "mac-of-anna")
        .await
        .is(200);
    let expired = parties
        .order_license_key(
            json!({"seats": 3, "starts": "2019-01-01T00:00:00Z", "ends": "2020-01-01T00:00:00Z"}),
        )
        .await;
    let fields = [("key", expired.as_str())];
    let refused = admin
        .fill_in("/register-key", "/register-key", &fields)
        .await;
    assert!(
        refused.body.contains("1 January 2020, 00:00 UTC"),
        "{}",
        refused.body
    );
    let stranger = parties.browser();
    let mut pages = vec![("an expired key".to_owned(), refused.body)];
    for path in ["/login", "/register", "/directdownload/pd?experience=sso"] {
        pages.push((path.to_owned(), read(&stranger, path).await));
    }
    for path in PAGES {
        pages.push((path.to_owned(), read(&admin, path).await));
    }
    for (path, text) in pages {
        for word in [
            "icence",
            "rganisation",
            "ecognis",
            "olour",
            "[[social]]",
            "GET /",
            "PUT /",
            "POST /api",
            "organization.name",
            "idp-integration-",
            "desktop-activated",
        ] {
            assert!(!text.contains(word), "{path} says {word}: {text}");
        }
        let is_instant = |word: &str| {
            let mut parts = word.splitn(3, '-');
            parts
                .next()
                .is_some_and(|year| year.len() == 4 && year.parse::<u16>().is_ok())
                && parts.next().is_some_and(|month| month.len() == 2)
                && word.contains('T')
                && word.contains(':')
        };
        let instant = text.split_whitespace().find(|word| is_instant(word));
        assert_eq!(instant, None, "{path}: {text}");
    }
}

/// Returns the text of a page, without tags and their attributes.
async fn read(browser: &Browser, path: &str) -> String {
    let body = browser.get(path).await.body;
    let mut text = String::new();
    let mut inside = false;
    for letter in body.chars() {
        match letter {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            other if !inside => text.push(other),
            _ => {}
        }
    }
    text
}
