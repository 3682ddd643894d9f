//! Protection against locking oneself out: a change that ends the acting user's
//! own access asks for confirmation. And step 3 turns amber if a group does not
//! match the groups that the identity provider has sent.

use reqwest::Method;
use serde_json::{Value, json};

use crate::parties::{Answer, Browser, PASSWORD, Parties, Person, Tenant, step, text};
use crate::provisioning::{Provisioning, sign_on};

pub(crate) const ADMINS_ID: &str = "1f0c8a52-7a0e-4b58-9a51-6f8d1c0d2b11";
pub(crate) const USERS_ID: &str = "2b9de6b4-0c7f-4f3a-8f0b-3a6c4d1e7c22";
const PAGE: &str = "/profile/business/idp_integration";

fn groups(admins: (&str, &str)) -> Value {
    json!({
        "admins": {"name": admins.0, "id": admins.1},
        "users": {"name": "Desktop Users", "id": USERS_ID},
    })
}

/// Creates an active integration with group IDs in step 3.
async fn create_integration_with_ids(parties: &Parties) -> (Browser, Tenant) {
    let (owner, tenant) = parties.create_integration(2).await;
    let entered = groups(("Portal Admins", ADMINS_ID));
    owner.put(&step("groups"), &entered).await.is(200);
    (owner, tenant)
}

/// Creates an active integration with an administrator who is signed in by SSO
/// and whom SCIM has added to the admins group.
async fn sign_in_admin_with_sso(parties: &Parties) -> (Browser, Browser, Tenant, Provisioning) {
    let (owner, tenant) = create_integration_with_ids(parties).await;
    let scim = Provisioning::set_up(&owner).await;
    let id = scim.create_user("anna@corp.example").await;
    scim.create_group("Portal Admins", ADMINS_ID, &[&id]).await;
    scim.create_group("Desktop Users", USERS_ID, &[&id]).await;
    let anna = Person::new("anna@corp.example", &[ADMINS_ID]);
    let (browser, answer) = sign_on(parties, &tenant, &anna).await;
    answer.is(303);
    browser.get("/api/business/users").await.is(200);
    (owner, browser, tenant, scim)
}

async fn does(browser: &Browser, act: &str, fields: &[(&str, &str)]) -> Answer {
    browser
        .fill_in(PAGE, &format!("{PAGE}/{act}"), fields)
        .await
}

fn codes(problem: &Value) -> Vec<String> {
    let warnings = problem["warnings"].as_array().unwrap();
    warnings.iter().map(|one| text(&one["code"])).collect()
}

#[tokio::test]
async fn the_api_asks_before_it_takes_the_callers_own_admin_role() {
    let parties = Parties::start().await;
    let (_, anna, tenant, _) = sign_in_admin_with_sso(&parties).await;
    let wrong = groups(("Portal Admin", "9e107d9d-372b-4b68-8d1f-0000deadbeef"));
    let warned = anna
        .put(&step("groups"), &wrong)
        .await
        .problem(409, "confirmation-required");
    assert_eq!(codes(&warned)[0], "own-admin-role", "{warned}");
    let message = text(&warned["warnings"][0]["message"]);
    for part in [
        "`Portal Admin`",
        "`Portal Admins`",
        ADMINS_ID,
        "`owner@vendor-mail.example` can still log in",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(warned["confirm"], "?confirm=true");
    // The refused request has changed nothing.
    let shown = anna.get("/api/business/idp-integration").await.is(200);
    assert_eq!(shown["groups"]["admins"]["name"], "Portal Admins");
    let path = format!("{}?confirm=true", step("groups"));
    anna.put(&path, &wrong).await.is(200);
    let person = Person::new("anna@corp.example", &[ADMINS_ID]);
    sign_on(&parties, &tenant, &person).await.1.is(403);
}

#[tokio::test]
async fn the_warning_names_the_groups_that_still_hold() {
    let parties = Parties::start().await;
    let (owner, tenant) = create_integration_with_ids(&parties).await;
    let anna = Person::new("anna@corp.example", &[ADMINS_ID, USERS_ID]);
    let (browser, answer) = sign_on(&parties, &tenant, &anna).await;
    answer.is(303);
    // After that Response, SCIM has removed the user from the users group.
    let scim = Provisioning::set_up(&owner).await;
    let found = scim
        .send(Method::GET, "/Users?filter=userName%20pr", &Value::Null)
        .await;
    let id = text(&found["Resources"][0]["id"]);
    let users = scim.create_group("Desktop Users", USERS_ID, &[&id]).await;
    let remove = json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")});
    scim.patch(&format!("/Groups/{users}"), remove).await;

    let wrong = groups(("Portal Admin", "9e107d9d-372b-4b68-8d1f-0000deadbeef"));
    let warned = browser
        .put(&step("groups"), &wrong)
        .await
        .problem(409, "confirmation-required");
    let message = text(&warned["warnings"][0]["message"]);
    let (_, yours) = message.split_once("you are in").unwrap();
    assert!(yours.contains(ADMINS_ID), "{message}");
    assert!(!yours.contains("Desktop Users"), "{message}");
    assert!(!yours.contains(USERS_ID), "{message}");
}

#[tokio::test]
async fn every_action_that_ends_the_callers_own_admin_role_asks() {
    let parties = Parties::start().await;
    let (_, anna, _, _) = sign_in_admin_with_sso(&parties).await;
    let asks = async |browser: &Browser, method: Method, path: &str, body: Value| {
        let answer = browser.send(method, &step(path), &body).await;
        let warned = answer.problem(409, "confirmation-required");
        codes(&warned)
    };
    assert_eq!(
        asks(&anna, Method::POST, "deactivate", Value::Null).await,
        ["own-admin-role"]
    );
    // Add another domain, so that the first one can be removed.
    let added = anna
        .post(&step("domains"), &json!({"domain": "corp.test"}))
        .await
        .is(201);
    parties
        .dns
        .txt("corp.test", &[added["txt_value"].as_str().unwrap()]);
    anna.post(&step("domains/corp.test/verify"), &Value::Null)
        .await
        .is(200);
    assert_eq!(
        asks(&anna, Method::DELETE, "domains/corp.example", Value::Null).await,
        ["own-admin-role"]
    );
    anna.send(Method::DELETE, &step("domains/corp.test"), &Value::Null)
        .await
        .is(204);
    // Entering the same values again needs no confirmation; another
    // certificate does.
    let same = json!({"metadata_xml": parties.idp.metadata().to_xml()});
    anna.put(&step("saml"), &same).await.is(200);
    let certificate = parties.idp.key.certificate().to_pem();
    let other = json!({
        "entity_id": "https://another.example", "sso_url": "https://another.example/sso",
        "certificate": certificate,
    });
    assert_eq!(
        asks(&anna, Method::PUT, "saml", other.clone()).await,
        ["own-sign-in"]
    );
    let both = json!({"signature_policy": "both"});
    assert_eq!(
        asks(&anna, Method::PUT, "saml-settings", both).await,
        ["own-sign-in"]
    );
}

#[tokio::test]
async fn a_local_admin_is_asked_before_the_password_stops_working() {
    let parties = Parties::start().await;
    let owner = parties.create_admin(2).await;
    let al = json!({"email": "al@mail.example", "role": "admin"});
    owner.post("/api/business/users", &al).await.is(201);
    let al = parties.register_account("al@mail.example").await;
    parties.configure(&owner).await;
    // Al is not the backup login, so activating ends Al's own access.
    let warned = al
        .post(&step("activate"), &Value::Null)
        .await
        .problem(409, "confirmation-required");
    assert_eq!(codes(&warned), ["own-admin-role"]);
    // The owner is the backup login and is not asked; giving this role to
    // somebody else asks.
    owner.post(&step("activate"), &Value::Null).await.is(200);
    let give = json!({"email": "al@mail.example"});
    owner
        .put(&step("backup-login"), &give)
        .await
        .problem(409, "confirmation-required");
    let path = format!("{}?confirm=true", step("backup-login"));
    owner.put(&path, &give).await.is(200);
    let credentials = json!({"email": "al@mail.example", "password": PASSWORD});
    parties
        .browser()
        .post("/api/session", &credentials)
        .await
        .is(200);
}

#[tokio::test]
async fn the_page_asks_in_between_and_loses_nothing_that_was_typed() {
    let parties = Parties::start().await;
    let (_, anna, tenant, _) = sign_in_admin_with_sso(&parties).await;
    let fields = [
        ("admins_name", "Portal Admin"),
        ("admins_id", "9e107d9d-372b-4b68-8d1f-0000deadbeef"),
        ("users_name", "Desktop Users"),
        ("users_id", USERS_ID),
    ];
    let warned = does(&anna, "groups", &fields).await;
    assert_eq!(warned.status, 409);
    for part in [
        "Save anyway",
        "Back",
        "This takes your own admin role away",
        "“Portal Admin”",
        "“Portal Admins”",
        "Nothing is changed yet",
    ] {
        assert!(warned.body.contains(part), "{part}: {}", warned.body);
    }
    let back = does(&anna, "groups", &[&fields[..], &[("back", "1")]].concat()).await;
    assert_eq!(back.status, 200);
    assert!(
        back.body.contains("value=\"Portal Admin\""),
        "{}",
        back.body
    );
    let anyway = [&fields[..], &[("confirm", "1")]].concat();
    does(&anna, "groups", &anyway).await.is(303);
    let person = Person::new("anna@corp.example", &[ADMINS_ID]);
    sign_on(&parties, &tenant, &person).await.1.is(403);
}

#[tokio::test]
async fn a_group_that_differs_from_the_scim_directory_turns_step_3_amber() {
    let parties = Parties::start().await;
    let (owner, _) = parties.create_integration(2).await;
    let scim = Provisioning::set_up(&owner).await;
    scim.create_group("Portal Admins", ADMINS_ID, &[]).await;
    scim.create_group("Desktop Users", USERS_ID, &[]).await;
    let enter = async |name: &str, id: &str| {
        let path = format!("{}?confirm=true", step("groups"));
        let shown = owner.put(&path, &groups((name, id))).await.is(200);
        let row = shown["steps"][2].clone();
        let warnings = row["warnings"].as_array().unwrap().clone();
        let codes: Vec<String> = warnings.iter().map(|one| text(&one["code"])).collect();
        (text(&row["state"]), codes.join(" "))
    };
    let (amber, green) = ("amber".to_owned(), "green".to_owned());
    assert_eq!(
        enter("Portal Admins", ADMINS_ID).await,
        (green.clone(), String::new())
    );
    for (name, id, code) in [
        ("portal admins", ADMINS_ID, "group-name-differs"),
        ("Portal Admin", ADMINS_ID, "group-name-differs"),
        (
            "Portal Admins",
            "9e107d9d-372b-4b68-8d1f-0000deadbeef",
            "group-id-differs",
        ),
        (
            "Other",
            "9e107d9d-372b-4b68-8d1f-0000deadbeef",
            "group-not-found",
        ),
        (
            "Portal Admins",
            "not-an-id",
            "group-id-differs group-id-implausible",
        ),
    ] {
        assert_eq!(
            enter(name, id).await,
            (amber.clone(), code.to_owned()),
            "{name}"
        );
    }
    enter("parallels admins", ADMINS_ID).await;
    let sentence = "The admins group is entered as “parallels admins”, the identity provider calls it “Portal Admins”";
    let page = owner.get(PAGE).await.body;
    assert!(page.contains(sentence), "{page}");
    assert!(page.contains("step amber") && page.contains("6 of 7 steps green"));
    let dashboard = owner.get("/dashboard").await.body;
    assert!(dashboard.contains(sentence), "{dashboard}");
    assert!(dashboard.contains(">6 of 7<") && !dashboard.contains(">7 of 7<"));
}

#[tokio::test]
async fn placeholders_are_not_ids_even_without_a_directory() {
    let parties = Parties::start().await;
    let admin = parties.create_admin(2).await;
    admin.post(&step("start"), &Value::Null).await.is(200);
    for id in ["not-an-id", "new"] {
        let shown = admin
            .put(&step("groups"), &groups(("Portal Admins", id)))
            .await
            .is(200);
        assert_eq!(shown["steps"][2]["state"], "amber", "{id}");
        assert_eq!(shown["warnings"][0]["code"], "group-id-implausible");
    }
}

#[tokio::test]
async fn an_active_integration_asks_before_its_admins_group_stops_fitting() {
    let parties = Parties::start().await;
    let (owner, _, _, _) = sign_in_admin_with_sso(&parties).await;
    // The backup login keeps its own access, but no other user would be
    // an administrator.
    let warned = owner
        .put(&step("groups"), &groups(("portal admins", ADMINS_ID)))
        .await
        .problem(409, "confirmation-required");
    assert_eq!(codes(&warned), ["group-name-differs"]);
}

#[tokio::test]
async fn a_replaced_token_says_until_when_it_works_and_can_be_ended() {
    let parties = Parties::start().await;
    let (owner, _) = parties.create_integration(2).await;
    let old = Provisioning::set_up(&owner).await;
    old.create_user("anna@corp.example").await;
    let made = owner.post(&step("scim/token"), &Value::Null).await.is(201);
    let replaced = &made["replaced"];
    assert_eq!(
        text(&replaced[0]["valid_until"]),
        "2026-03-02T09:00:00Z",
        "{made}"
    );
    old.create_user("bert@corp.example").await;
    let shown = owner.get("/api/business/idp-integration").await.is(200);
    let tokens = shown["scim"]["tokens"].as_array().unwrap();
    assert_eq!(tokens[0]["current"], true);
    assert_eq!(tokens[0]["last_used"], Value::Null);
    let used = tokens.iter().find(|one| one["last_used"].is_string());
    let used = used.expect("the token that was used");
    let page = owner.get(PAGE).await.body;
    assert!(page.contains("End it now"), "{page}");
    assert!(page.contains("2 March 2026, 09:00 UTC"), "{page}");
    let current = text(&tokens[0]["id"]);
    let path = |id: &str| step(&format!("scim/token/{id}"));
    owner
        .send(Method::DELETE, &path(&current), &Value::Null)
        .await
        .problem(409, "token-current");
    owner
        .send(Method::DELETE, &path(&text(&used["id"])), &Value::Null)
        .await
        .is(204);
    assert_eq!(old.send_without_body(Method::GET, "/Users").await, 401);
    owner
        .send(Method::DELETE, &path("no-such-token"), &Value::Null)
        .await
        .problem(404, "token-unknown");
}

#[tokio::test]
async fn the_first_token_is_shown_until_its_first_use() {
    let parties = Parties::start().await;
    let admin = parties.create_admin(2).await;
    let shown = admin.post(&step("start"), &Value::Null).await.is(200);
    let token = text(&shown["scim"]["token"]);
    let page = admin.get(PAGE).await.body;
    assert!(page.contains(&token), "{page}");
    assert!(page.contains("Your identity provider sends nothing until the connection has a rule"));
    let scim = Provisioning {
        client: reqwest::Client::new(),
        base: text(&shown["scim"]["base_url"]),
        token: token.clone(),
    };
    scim.create_user("anna@corp.example").await;
    let page = admin.get(PAGE).await.body;
    assert!(!page.contains(&token), "only the hash may be stored now");
    assert!(page.contains("POST /Users"), "{page}");
    let shown = admin.get("/api/business/idp-integration").await.is(200);
    assert_eq!(shown["scim"]["last_call"]["status"], 201, "{shown}");
    assert_eq!(shown["scim"]["token"], Value::Null);
}

#[tokio::test]
async fn a_person_with_a_password_and_sso_is_one_row_with_groups_by_name() {
    let parties = Parties::start().await;
    let (owner, tenant) = create_integration_with_ids(&parties).await;
    let anna = json!({"email": "anna@corp.example", "role": "admin"});
    owner.post("/api/business/users", &anna).await.is(201);
    let anna = Person::new("anna@corp.example", &[USERS_ID]);
    sign_on(&parties, &tenant, &anna).await.1.is(303);
    let page = owner.get("/profile/business/users").await.body;
    assert!(page.contains("2 of 2 users"), "{page}");
    assert!(page.contains("SSO and local"), "{page}");
    assert!(page.contains("Desktop Users") && !page.contains(USERS_ID));
}
