//! Administrators find refusals in the list, as an entry, in the audit log and
//! by the JSON API; other users do not.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::database::TestDatabase;
use crate::parties::{Answer, Browser, PASSWORD, Parties, Person, Tenant, step, text};

const PAGE: &str = "/profile/business/idp_integration/sign-in-problems";

/// Returns the reference number on the page of a refusal.
fn reference(answer: &Answer) -> String {
    let rest = answer.body.split_once("id=\"reference\">");
    let (_, rest) = rest.expect("a reference");
    rest.split('<').next().unwrap().to_owned()
}

async fn cause_refusal(parties: &Parties, tenant: &Tenant, person: &Person) -> Answer {
    let browser = parties.browser();
    let (request, relay_state) = browser.start_sso("anna@corp.example").await;
    let xml = parties.idp.sign_response(tenant, &request, person);
    let url = &tenant.acs_url;
    let answer = browser.post_response(url, &xml, &relay_state).await;
    answer.is(403);
    answer
}

async fn fetch_refusal(admin: &Browser, answer: &Answer) -> Value {
    let path = format!("/api/business/refusals/{}", reference(answer));
    admin.get(&path).await.is(200)
}

async fn create_second_admin(parties: &Parties) -> Browser {
    let admin = parties.register_account("other@vendor-mail.example").await;
    let key = parties.order_license_key(json!({"seats": 1})).await;
    let organization = json!({"name": "Other", "country": "CH"});
    let new = json!({"key": key, "organization": organization});
    admin.post("/api/license-keys", &new).await.is(201);
    admin.post(&step("start"), &Value::Null).await.is(200);
    admin
}

#[tokio::test]
async fn an_administrator_finds_a_refusal_by_its_reference() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let empty = admin.get(PAGE).await;
    assert!(
        empty
            .body
            .contains("No user was refused in the last 90 days."),
        "{}",
        empty.body
    );
    let mut anna = Person::new("anna@corp.example", &["g-users"]);
    anna.attributes[1].0 = "Groups";
    anna.attributes
        .push(("secretToken", vec!["s3cret".to_owned()]));
    let answer = cause_refusal(&parties, &tenant, &anna).await;
    let reference = reference(&answer);
    let passed_on = "The portal expected an attribute `groups`; your identity provider sent `displayname`, `Groups`, `name`, `objectidentifier`, `secretToken`.";
    assert!(answer.prose().contains(passed_on), "{}", answer.body);
    assert!(
        answer
            .body
            .contains("they find the reason under IdP Integration → Sign-in problems."),
        "{}",
        answer.body
    );
    let path = format!("{PAGE}/{reference}");
    assert!(answer.body.contains(&format!("href=\"{path}\"")));
    let list = admin.get(PAGE).await;
    list.is(200);
    for part in [
        "attribute-name-case",
        "expected `groups`, got `Groups`",
        "Attribute Mappings",
        &path,
        "(3) ",
    ] {
        assert!(list.prose().contains(part), "{part}: {}", list.body);
    }
    let found = admin
        .get(&format!("{PAGE}?q={}", reference.to_lowercase()))
        .await;
    assert_eq!(found.location.as_deref(), Some(path.as_str()));
    let by_address = admin.get(&format!("{PAGE}?q=ANNA@corp.example")).await;
    assert!(by_address.body.contains(&path), "{}", by_address.body);
    let page = admin.get(&path).await;
    page.is(200);
    for part in [
        "https://idp.example/env",
        "subject",
        "g-users",
        "secretToken",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(!page.body.contains("s3cret"), "other values stay hidden");
    assert!(!page.body.contains("not verified"), "{}", page.body);
    let audit = admin.get("/audit").await;
    assert!(audit.body.contains("Sign-in refused") && audit.body.contains(&path));
    let nothing = admin.get(&format!("{PAGE}?q=zebra")).await;
    assert!(nothing.body.contains("No sign-in problem matches"));
    let listed = admin
        .get("/api/business/refusals?q=ATTRIBUTE")
        .await
        .is(200);
    assert_eq!(listed["total"], 1);
    assert_eq!(listed["refusals"][0]["reference"], reference);
}

#[tokio::test]
async fn refusals_of_another_business_account_cannot_be_read() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let eve = Person::new("eve@evil.example", &["g-admins"]);
    let answer = cause_refusal(&parties, &tenant, &eve).await;
    let other = create_second_admin(&parties).await;
    let path = format!("{PAGE}/{}", reference(&answer));
    other.get(&path).await.is(404);
    let api = format!("/api/business/refusals/{}", reference(&answer));
    other.get(&api).await.problem(404, "not-found");
    assert!(
        other
            .get(PAGE)
            .await
            .body
            .contains("No user was refused in the last 90 days.")
    );
    assert_eq!(
        other.get("/api/business/refusals").await.is(200)["total"],
        0
    );
    assert_eq!(
        admin.get("/api/business/refusals").await.is(200)["total"],
        1
    );
    // Members and users without a session have no access to the page.
    let member = parties.register_account("member@vendor-mail.example").await;
    member.get(PAGE).await.is(403);
    let stranger = parties.browser();
    let login = stranger.get(&path).await.location.unwrap();
    assert_eq!(login, format!("/login?return_to={path}"));
    let credentials = [
        ("email", "owner@vendor-mail.example"),
        ("password", PASSWORD),
        ("return_to", &path),
    ];
    let entered = stranger
        .fill_in(&login, "/login/password", &credentials)
        .await;
    assert_eq!(entered.location, Some(path));
}

#[tokio::test]
async fn the_refusal_of_an_unknown_domain_is_found_by_reference_or_by_who_enters_the_domain() {
    let parties = Parties::start().await;
    let (admin, _) = parties.create_integration(5).await;
    let other = create_second_admin(&parties).await;
    let start = async || {
        let answer = parties
            .browser()
            .get("/sso/start?email=jo@new.example")
            .await;
        answer.is(403);
        answer
    };
    let answer = start().await;
    for whoever in [&admin, &other] {
        assert_eq!(
            whoever.get("/api/business/refusals").await.is(200)["total"],
            0
        );
        let entry = fetch_refusal(whoever, &answer).await;
        assert_eq!(entry["domain"], "new.example");
        assert_eq!(
            entry["who"], "a user at new.example",
            "not whose address it is"
        );
    }
    let found = admin.get(&format!("{PAGE}?q={}", reference(&answer))).await;
    assert!(found.location.unwrap().ends_with(&reference(&answer)));
    // A business account that has entered the domain lists it, before and
    // after verification.
    let domain = json!({"domain": "new.example"});
    other.post(&step("domains"), &domain).await.is(201);
    assert_eq!(
        other.get("/api/business/refusals").await.is(200)["total"],
        1
    );
    assert_eq!(
        admin.get("/api/business/refusals").await.is(200)["total"],
        0
    );
    start().await;
    let listed = other
        .get("/api/business/refusals?q=new.example")
        .await
        .is(200);
    assert_eq!(listed["total"], 2);
    assert!(!listed.to_string().contains("jo@new.example"), "{listed}");
}

#[tokio::test]
async fn a_wrong_certificate_is_named_beside_the_right_one() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let browser = parties.browser();
    let (request, relay_state) = browser.start_sso("anna@corp.example").await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let stranger = Parties::start().await;
    let xml = stranger.idp.sign_response(&tenant, &request, &anna);
    let answer = browser
        .post_response(&tenant.acs_url, &xml, &relay_state)
        .await;
    answer.is(403);
    assert!(
        answer.body.contains(
            "Sign-in failed: the portal could not verify your identity provider&#39;s answer."
        ) || answer.body.contains(
            "Sign-in failed: the portal could not verify your identity provider's answer."
        ),
        "{}",
        answer.body
    );
    let entry = fetch_refusal(&admin, &answer).await;
    assert_eq!(entry["code"], "signature-invalid");
    assert_eq!(entry["who_verified"], false);
    let private = text(&entry["private"]);
    let ours = parties.idp.key.certificate().fingerprint_sha256();
    let theirs = stranger.idp.key.certificate().fingerprint_sha256();
    assert!(
        private.contains(&ours) && private.contains(&theirs),
        "{private}"
    );
    assert!(private.contains("valid from"), "{private}");
    assert!(text(&entry["next"]).contains("fingerprints"), "{entry}");
    assert!(
        text(&entry["look_at"]["url"]).contains("step=saml"),
        "{entry}"
    );
    let page = admin.get(&format!("{PAGE}/{}", reference(&answer))).await;
    assert!(page.body.contains("not verified"), "{}", page.body);
    // The right certificate, but changed content.
    let (request, relay_state) = browser.start_sso("anna@corp.example").await;
    let xml = parties.idp.sign_response(&tenant, &request, &anna);
    let xml = xml.replace("g-users", "g-admins");
    let answer = browser
        .post_response(&tenant.acs_url, &xml, &relay_state)
        .await;
    let entry = self::fetch_refusal(&admin, &answer).await;
    assert!(
        text(&entry["private"]).contains("changed after it was signed"),
        "{entry}"
    );
}

#[tokio::test]
async fn wrong_clocks_audiences_and_addresses_are_named_with_the_expected_value() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let post = async |change: &dyn Fn(&mut saml::message::Response)| {
        let browser = parties.browser();
        let (request, relay_state) = browser.start_sso("anna@corp.example").await;
        let mut draft = parties.idp.draft(&tenant, &request, &anna);
        change(&mut draft);
        let xml = parties.idp.sign(&draft);
        let answer = browser
            .post_response(&tenant.acs_url, &xml, &relay_state)
            .await;
        answer.is(403);
        fetch_refusal(&admin, &answer).await
    };
    let ahead = post(&|draft| {
        let conditions = draft.assertions[0].conditions.as_mut().unwrap();
        conditions.not_before = conditions
            .not_before
            .map(|from| from + SignedDuration::from_mins(7));
    })
    .await;
    assert_eq!(ahead["code"], "not-yet-valid");
    let private = text(&ahead["private"]);
    assert!(
        private.contains("7m in the future (1m allowed)"),
        "{private}"
    );
    assert_eq!(
        ahead["who"], "anna@corp.example",
        "an address, not the opaque NameID"
    );
    assert_eq!(ahead["who_verified"], true, "the signature was verified");
    let audience = post(&|draft| {
        let conditions = draft.assertions[0].conditions.as_mut().unwrap();
        conditions.audience_restrictions = vec![vec!["https://else.example".to_owned()]];
    })
    .await;
    let private = text(&audience["private"]);
    assert!(
        private.contains(&tenant.entity_id) && private.contains("https://else.example"),
        "{private}"
    );
    let address = post(&|draft| {
        let subject = draft.assertions[0].subject.as_mut().unwrap();
        subject.confirmations[0].recipient = Some("https://else.example/acs".to_owned());
    })
    .await;
    let private = text(&address["private"]);
    assert!(
        private.contains(&tenant.acs_url) && private.contains("https://else.example/acs"),
        "{private}"
    );
}

#[tokio::test]
async fn a_group_that_is_similar_to_the_entered_one_is_reported() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    for (got, what) in [
        ("desktop users", "letter case"),
        ("Desktop-Users", "spaces or punctuation"),
    ] {
        let anna = Person::new("anna@corp.example", &[got]);
        let answer = cause_refusal(&parties, &tenant, &anna).await;
        assert!(!answer.body.contains("ask your administrator to add you"));
        let entry = fetch_refusal(&admin, &answer).await;
        let (private, remedy) = (text(&entry["private"]), text(&entry["next"]));
        assert!(private.contains("`Desktop Users`"), "{private}");
        assert!(private.contains(got) && private.contains(what), "{private}");
        assert!(remedy.starts_with("Correct step 3"), "{remedy}");
    }
    let mut anna = Person::new("anna@corp.example", &[]);
    anna.attributes.remove(1);
    let answer = cause_refusal(&parties, &tenant, &anna).await;
    assert!(
        answer.prose().contains(
            "The portal expected an attribute `groups`; your identity provider sent `displayname`"
        ),
        "{}",
        answer.body
    );
    let entry = fetch_refusal(&admin, &answer).await;
    assert!(
        text(&entry["private"]).contains("no `groups` attribute"),
        "{entry}"
    );
    assert!(
        text(&entry["look_at"]["url"]).contains("step=groups"),
        "{entry}"
    );
}

#[tokio::test]
async fn each_way_to_sign_in_has_its_refusals_listed() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    // An IdP-initiated login.
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let xml = parties
        .idp
        .sign_unsolicited_response(&tenant, "_unasked", &anna);
    parties
        .browser()
        .post_response(&tenant.acs_url, &xml, "")
        .await
        .is(403);
    // A desktop activation.
    let device = json!({"email": "anna@unknown.example", "device": {"id": "mac"}});
    let problem = parties
        .browser()
        .post("/desktop/v1/activations", &device)
        .await
        .problem(403, "sso-unavailable");
    let passed_on = format!(
        "Give your administrator {}; they find the reason under IdP Integration → Sign-in problems.",
        text(&problem["reference"])
    );
    assert!(text(&problem["detail"]).contains(&passed_on), "{problem}");
    let path = format!("/api/business/refusals/{}", text(&problem["reference"]));
    assert_eq!(admin.get(&path).await.is(200)["flow"], "desktop-activation");
    // A password while single sign-on is active, and the wrong password of the
    // backup login.
    for (email, status) in [
        ("anna@corp.example", 403),
        ("owner@vendor-mail.example", 401),
    ] {
        let credentials = json!({"email": email, "password": format!("{PASSWORD}!")});
        parties
            .browser()
            .post("/api/session", &credentials)
            .await
            .is(status);
    }
    // A message of single logout.
    let slo = tenant.acs_url.replace("/acs/", "/slo/");
    parties
        .browser()
        .post_form(&slo, &[("SAMLRequest", "x".to_owned())])
        .await
        .is(403);
    let listed = admin.get("/api/business/refusals").await.is(200);
    let listed: Vec<(String, String)> = listed["refusals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(&one["flow"]), text(&one["code"])))
        .collect();
    let expected = [
        ("single-logout", "response-not-encoded"),
        ("password", "backup-login-wrong-password"),
        ("password", "password-login-refused"),
        ("idp-initiated", "unsolicited"),
    ];
    let expected = expected.map(|(flow, code)| (flow.to_owned(), code.to_owned()));
    assert_eq!(listed, expected);
    let audit = admin.get("/api/business/audit").await.is(200);
    let recorded = audit["events"].as_array().unwrap().iter();
    let recorded = recorded.filter(|event| event["action"] == "sign-in-refused");
    assert_eq!(recorded.count(), 4);
}

async fn check_oldest_are_removed(parties: Parties) {
    let (admin, tenant) = parties.create_integration(5).await;
    let anna = Person::new("anna@corp.example", &["nothing"]);
    let mut newest = Vec::new();
    for _ in 0..5 {
        newest.insert(0, reference(&cause_refusal(&parties, &tenant, &anna).await));
    }
    let references = async || {
        let listed = admin.get("/api/business/refusals").await.is(200);
        let listed = listed["refusals"].as_array().unwrap().clone();
        listed
            .iter()
            .map(|one| text(&one["reference"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(references().await, newest[..3]);
    let audit = admin.get("/api/business/audit").await.is(200);
    let recorded = audit["events"].as_array().unwrap().iter();
    let recorded = recorded.filter(|event| event["action"] == "sign-in-refused");
    assert_eq!(recorded.count(), 3, "the audit log has the same limit");
    let clock = parties.ambient.clock();
    clock.advance(SignedDuration::from_hours(49)).unwrap();
    let admin_again = parties.browser();
    let credentials = json!({"email": "owner@vendor-mail.example", "password": PASSWORD});
    admin_again.post("/api/session", &credentials).await.is(200);
    let listed = admin_again.get("/api/business/refusals").await.is(200);
    assert_eq!(listed["total"], 0, "{listed}");
}

fn limit_refusals(config: &sp::Config) -> sp::Config {
    sp::Config {
        sign_in_problems_kept: 3,
        sign_in_problems_age: SignedDuration::from_hours(48),
        ..config.clone()
    }
}

#[tokio::test]
async fn only_the_newest_refusals_are_kept() {
    let mut parties = Parties::start().await;
    parties.config = limit_refusals(&parties.config);
    parties.restart().await;
    check_oldest_are_removed(parties).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_newest_refusals_are_kept_on_postgresql() {
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let mut parties = Parties::start_on(database).await;
    parties.config = limit_refusals(&parties.config);
    parties.restart().await;
    check_oldest_are_removed(parties).await;
}

#[tokio::test]
async fn a_long_list_has_pages() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let anna = Person::new("anna@corp.example", &["nothing"]);
    let oldest = reference(&cause_refusal(&parties, &tenant, &anna).await);
    for _ in 0..25 {
        cause_refusal(&parties, &tenant, &anna).await;
    }
    let first = admin.get(PAGE).await.body;
    assert!(first.contains("Page 1 of 2") && !first.contains(&oldest));
    assert!(first.contains("rel=\"next\""));
    let second = admin.get(&format!("{PAGE}?page=2")).await.body;
    assert!(second.contains("Page 2 of 2") && second.contains(&oldest));
    for page in ["0", "99", "-1", "x"] {
        admin.get(&format!("{PAGE}?page={page}")).await.is(200);
    }
    let wildcard = admin.get("/api/business/refusals?q=%25").await.is(200);
    assert_eq!(wildcard["total"], 0, "% is not a wildcard");
}
