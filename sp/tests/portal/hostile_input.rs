//! Input that would make a database or parser fail is refused before it
//! gets there.

use reqwest::Method;
use serde_json::{Value, json};

use crate::parties::{Parties, Person};

#[tokio::test]
async fn the_character_nul_is_refused_everywhere() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    for path in [
        "/saml/metadata/a%00b",
        "/scim/a%00b/v2/Users",
        "/sso/start?email=a%00b@corp.example",
        "/api/business/refusals/a%00b",
    ] {
        let answer = admin.get(path).await;
        assert_eq!(answer.status, 400, "{path} {}", answer.body);
        assert!(answer.body.contains("NUL"), "{path} {}", answer.body);
    }
    let form = [
        ("SAMLResponse", "PHg+".to_owned()),
        ("RelayState", "a\0b".to_owned()),
    ];
    let answer = admin.post_form(&tenant.acs_url, &form).await;
    answer.is(400);
    let activation = json!({"email": "anna@corp.example", "device": {"id": "a\0b"}});
    admin
        .post("/desktop/v1/activations", &activation)
        .await
        .problem(400, "invalid-body");
    let account = json!({
        "email": "jo@mail.example", "password": crate::parties::PASSWORD, "name": "a\0b",
    });
    admin
        .post("/api/accounts", &account)
        .await
        .problem(400, "invalid-body");
}

#[tokio::test]
async fn values_of_a_response_that_an_index_cannot_hold_are_refused() {
    let parties = Parties::start().await;
    let (_, tenant) = parties.create_integration(5).await;
    let long = parties.ambient.rng().hex(3000);
    let anna = Person::new("anna@corp.example", &["g-users"]);
    for what in ["assertion", "NameID", "objectidentifier"] {
        let browser = parties.browser();
        let (request, relay_state) = browser.start_sso("anna@corp.example").await;
        let mut person = anna.clone();
        if what == "objectidentifier" {
            for (name, values) in &mut person.attributes {
                if *name == what {
                    *values = vec![long.clone()];
                }
            }
        }
        let mut response = parties.idp.draft(&tenant, &request, &person);
        for assertion in &mut response.assertions {
            if what == "assertion" {
                assertion.id = format!("_{long}");
            }
            if let Some(subject) = &mut assertion.subject
                && what == "NameID"
            {
                subject.name_id.value.clone_from(&long);
            }
        }
        let xml = parties.idp.sign(&response);
        let answer = browser
            .post_response(&tenant.acs_url, &xml, &relay_state)
            .await;
        assert_eq!(answer.status, 403, "{what} {}", answer.body);
        assert!(answer.body.contains("too long"), "{what} {}", answer.body);
    }
}

#[tokio::test]
async fn a_response_with_thousands_of_attributes_is_refused_before_it_is_parsed() {
    use std::fmt::Write as _;
    let parties = Parties::start().await;
    let (_, tenant) = parties.create_integration(5).await;
    let browser = parties.browser();
    let (_, relay_state) = browser.start_sso("anna@corp.example").await;
    let mut bomb = String::from("<samlp:Response");
    for n in 0..20_000 {
        let _ = write!(bomb, " a{n}=''");
    }
    bomb.push_str("/>");
    let answer = browser
        .post_response(&tenant.acs_url, &bomb, &relay_state)
        .await;
    answer.is(403);
}

#[tokio::test]
async fn a_new_database_can_be_read_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let database = crate::database::TestDatabase::sqlite();
    let store = sp::store::Store::open(database.url(), true).await.unwrap();
    store.try_write().await.unwrap();
    let mut count = 0;
    for file in std::fs::read_dir(database.folder()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
        count += 1;
    }
    assert!(count > 1, "the database and its write-ahead log");
    store.close().await;
}

#[tokio::test]
async fn unknown_http_methods_add_one_time_series() {
    let parties = Parties::start().await;
    let browser = parties.browser();
    for n in 0..50 {
        let method = Method::from_bytes(format!("MADEUP{n}").as_bytes()).unwrap();
        let answer = browser.send(method, "/healthz", &Value::Null).await;
        assert_eq!(answer.status, 405);
    }
    let metrics = browser.get("/metrics").await.body;
    assert!(!metrics.contains("MADEUP"), "{metrics}");
    assert!(metrics.contains("method=\"other\""), "{metrics}");
}
