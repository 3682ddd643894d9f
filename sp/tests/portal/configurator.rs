//! Tests of the configurator's seven steps (G-06 to G-15).

use serde_json::{Value, json};

use crate::lockout::{ADMINS_ID, USERS_ID};
use crate::parties::{Browser, IDP, PASSWORD, Parties, step, text};

async fn list_step_states(browser: &Browser) -> Vec<(String, String)> {
    let shown = browser.get("/api/business/idp-integration").await.is(200);
    let steps = shown["steps"].as_array().unwrap();
    steps
        .iter()
        .map(|step| (text(&step["id"]), text(&step["state"])))
        .collect()
}

#[tokio::test]
async fn seven_steps_turn_green_and_outlive_a_restart() {
    let mut parties = Parties::start().await;
    let admin = parties.create_admin(5).await;
    admin.post(&step("start"), &Value::Null).await.is(200);
    let ids: Vec<String> = list_step_states(&admin)
        .await
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(
        ids,
        [
            "domains",
            "application",
            "groups",
            "saml",
            "scim",
            "users",
            "backup-login"
        ]
    );
    let missing = admin
        .post(&step("activate"), &Value::Null)
        .await
        .problem(409, "steps-missing");
    // The administrator who starts the configuration is the backup login.
    assert_eq!(missing["missing"].as_array().unwrap().len(), 6);
    parties.configure(&admin).await;
    let groups = json!({
        "admins": {"name": "Portal Admins", "id": ADMINS_ID},
        "users": {"name": "Desktop Users", "id": USERS_ID},
    });
    admin.put(&step("groups"), &groups).await.is(200);
    parties.restart().await;
    assert!(
        list_step_states(&admin)
            .await
            .iter()
            .all(|(_, state)| state == "green")
    );
    let shown = admin.get("/api/business/idp-integration").await.is(200);
    assert_eq!(shown["status"], "configured");
    assert_eq!(shown["backup_login"]["email"], "owner@vendor-mail.example");
    let active = admin.post(&step("activate"), &Value::Null).await.is(200);
    assert_eq!(active["status"], "active");
    assert_eq!(active["can_activate"], false);
    let inactive = admin.post(&step("deactivate"), &Value::Null).await.is(200);
    assert_eq!(inactive["status"], "configured");
    let log = admin.get("/api/business/audit").await.is(200);
    assert_eq!(
        log["events"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| event["action"] == "idp-integration-activated")
            .count(),
        1
    );
}

#[tokio::test]
async fn failed_look_ups_have_different_errors() {
    let parties = Parties::start().await;
    let admin = parties.create_admin(5).await;
    admin.post(&step("start"), &Value::Null).await.is(200);
    let added = admin
        .post(&step("domains"), &json!({"domain": "Corp.Example"}))
        .await
        .is(201);
    assert_eq!(added["domain"], "corp.example");
    let value = text(&added["txt_value"]);
    let digits = value
        .strip_prefix("parallels-domain-verification=")
        .unwrap();
    assert_eq!(digits.len(), 64);
    let verify = async || {
        admin
            .post(&step("domains/corp.example/verify"), &Value::Null)
            .await
            .is(200)
    };
    let said = async |status: &str, words: &str| {
        let shown = verify().await;
        assert_eq!(shown["status"], status, "{shown}");
        assert!(text(&shown["detail"]).contains(words), "{shown}");
    };
    said("pending", "NXDOMAIN").await;
    parties.dns.txt("corp.example", &[]);
    said("pending", "no TXT record").await;
    parties.dns.txt("corp.example", &["v=spf1 -all"]);
    said("pending", "none of them").await;
    parties
        .dns
        .txt("corp.example", &["parallels-domain-verification=00"]);
    said("failed", "another value").await;
    parties.dns.silent("corp.example");
    said("timed-out", "in time").await;
    parties.dns.txt("corp.example", &["v=spf1 -all", &value]);
    said("verified", "was found").await;
}

#[tokio::test]
async fn a_domain_that_another_account_did_not_verify_can_be_verified() {
    let parties = Parties::start().await;
    let squatter = parties.create_admin(5).await;
    squatter.post(&step("start"), &Value::Null).await.is(200);
    let corp = json!({"domain": "corp.example"});
    squatter.post(&step("domains"), &corp).await.is(201);
    let owner = parties.register_account("jo@mail.example").await;
    let key = parties.order_license_key(json!({"seats": 1})).await;
    let organization = json!({"key": key, "organization": {"name": "Corp"}});
    owner.post("/api/license-keys", &organization).await.is(201);
    owner.post(&step("start"), &Value::Null).await.is(200);
    let entered = owner.post(&step("domains"), &corp).await.is(201);
    parties
        .dns
        .txt("corp.example", &[entered["txt_value"].as_str().unwrap()]);
    let verify = step("domains/corp.example/verify");
    let looked = squatter.post(&verify, &Value::Null).await.is(200);
    assert_eq!(looked["status"], "failed");
    let looked = owner.post(&verify, &Value::Null).await.is(200);
    assert_eq!(looked["status"], "verified");
    // TXT records with both values verify the domain for the first
    // account only.
    let page = squatter.get("/api/business/idp-integration").await.is(200);
    let theirs = page["domains"][0]["txt_value"].as_str().unwrap().to_owned();
    let ours = entered["txt_value"].as_str().unwrap();
    parties.dns.txt("corp.example", &[ours, &theirs]);
    squatter
        .post(&verify, &Value::Null)
        .await
        .problem(409, "domain-taken");
}

#[tokio::test]
async fn a_domain_belongs_to_one_business_account_only() {
    let parties = Parties::start().await;
    let (admin, _) = parties.create_integration(5).await;
    let other = parties.register_account("jo@mail.example").await;
    let key = parties.order_license_key(json!({"seats": 1})).await;
    other
        .post(
            "/api/license-keys",
            &json!({"key": key, "organization": {"name": "Other"}}),
        )
        .await
        .is(201);
    other.post(&step("start"), &Value::Null).await.is(200);
    other
        .post(&step("domains"), &json!({"domain": "corp.example"}))
        .await
        .problem(409, "domain-taken");
    other
        .post(&step("domains"), &json!({"domain": "not a domain"}))
        .await
        .problem(400, "invalid-domain");
    other
        .post(&step("domains/corp.example/verify"), &Value::Null)
        .await
        .problem(404, "domain-unknown");
    let delete = reqwest::Method::DELETE;
    other
        .send(delete.clone(), &step("domains/corp.example"), &Value::Null)
        .await
        .problem(404, "domain-unknown");
    admin
        .send(delete, &step("domains/corp.example"), &Value::Null)
        .await
        .problem(409, "active-integration-needs");
}

#[tokio::test]
async fn the_idps_values_come_by_file_or_typed_in_with_any_kind_of_certificate() {
    let parties = Parties::start().await;
    let admin = parties.create_admin(5).await;
    admin.post(&step("start"), &Value::Null).await.is(200);
    let put = async |body: Value| admin.put(&step("saml"), &body).await;
    let certificate = parties.idp.key.certificate();
    for pasted in [
        certificate.to_pem(),
        certificate.to_base64(),
        format!("\r\n  {}  \n\n", certificate.to_pem()),
    ] {
        let typed =
            json!({"entity_id": IDP, "sso_url": "https://idp.example/sso", "certificate": pasted});
        let shown = put(typed).await.is(200);
        assert_eq!(
            shown["identity_provider"]["certificates"][0]["fingerprint"],
            certificate.fingerprint_sha256()
        );
        assert_eq!(
            shown["identity_provider"]["certificates"][0]["expired"],
            false
        );
    }
    put(json!({"metadata_xml": parties.idp.metadata().to_xml()}))
        .await
        .is(200);
    put(json!({})).await.problem(400, "nothing-to-import");
    put(json!({"metadata_xml": "<nonsense/>"}))
        .await
        .problem(400, "metadata-invalid");
    put(json!({"metadata_url": "http://127.0.0.1:1/metadata"}))
        .await
        .problem(502, "metadata-unreachable");
    put(json!({"entity_id": IDP, "sso_url": "https://idp.example/sso", "certificate": "x"}))
        .await
        .problem(400, "certificate-invalid");
    put(json!({"entity_id": IDP, "sso_url": "javascript:1", "certificate": certificate.to_pem()}))
        .await
        .problem(400, "invalid-url");
}

#[tokio::test]
async fn groups_need_name_and_id_and_must_differ() {
    let parties = Parties::start().await;
    let admin = parties.create_admin(5).await;
    admin.post(&step("start"), &Value::Null).await.is(200);
    let put = async |body: Value| admin.put(&step("groups"), &body).await;
    let group = |name: &str, id: &str| json!({"name": name, "id": id});
    put(json!({"admins": group("A", "")}))
        .await
        .problem(400, "group-incomplete");
    put(json!({"admins": group("A", "1"), "users": group("A", "1")}))
        .await
        .problem(400, "groups-identical");
    let only_one = put(json!({"admins": group("A", ADMINS_ID)})).await.is(200);
    assert_eq!(only_one["steps"][2]["state"], "grey");
    let both = put(json!({"users": group("U", USERS_ID)})).await.is(200);
    assert_eq!(both["steps"][2]["state"], "green");
    // All errors are reported in one answer.
    let all = put(json!({"admins": group("", ""), "users": group("U", "")}))
        .await
        .problem(400, "group-incomplete");
    assert_eq!(all["errors"].as_array().map(Vec::len), Some(3), "{all}");
}

#[tokio::test]
async fn scim_is_on_by_default_and_its_token_is_shown_once() {
    let parties = Parties::start().await;
    let admin = parties.create_admin(5).await;
    let shown = admin.post(&step("start"), &Value::Null).await.is(200);
    assert_eq!(shown["scim"]["enabled"], true);
    // The first token is shown until the IdP uses it or the step is saved as
    // done, as the guide says.
    let first = text(&shown["scim"]["token"]);
    assert_eq!(
        shown["scim"]["token_hint"],
        format!("…{}", &first[first.len() - 4..])
    );
    let token = text(&admin.post(&step("scim/token"), &Value::Null).await.is(201)["token"]);
    let page = admin.get("/api/business/idp-integration").await;
    assert!(!page.body.contains(&token));
    assert!(!page.body.contains(&first));
    assert_eq!(
        page.is(200)["scim"]["token_hint"],
        format!("…{}", &token[token.len() - 4..])
    );
    let off = admin
        .put(&step("scim"), &json!({"enabled": false}))
        .await
        .is(200);
    assert_eq!(off["steps"][4]["state"], "green");
}

#[tokio::test]
async fn the_backup_login_must_have_logged_in_once() {
    let parties = Parties::start().await;
    let admin = parties.create_admin(5).await;
    admin.post(&step("start"), &Value::Null).await.is(200);
    let al = json!({"email": "al@mail.example"});
    admin
        .put(&step("backup-login"), &al)
        .await
        .problem(409, "never-logged-in");
    admin.post("/api/business/users", &al).await.is(201);
    admin
        .put(&step("backup-login"), &al)
        .await
        .problem(409, "never-logged-in");
    parties.register_account("al@mail.example").await;
    let shown = admin.put(&step("backup-login"), &al).await.is(200);
    assert_eq!(shown["backup_login"]["email"], "al@mail.example");
}

#[tokio::test]
async fn once_active_only_the_backup_login_enters_with_a_password() {
    let parties = Parties::start().await;
    let admin = parties.create_admin(5).await;
    admin
        .post(
            "/api/business/users",
            &json!({"email": "al@corp.example", "role": "admin"}),
        )
        .await
        .is(201);
    let al = parties.register_account("al@corp.example").await;
    al.get("/api/business/users").await.is(200);
    parties.configure(&admin).await;
    admin.post(&step("activate"), &Value::Null).await.is(200);
    al.get("/api/business/users")
        .await
        .problem(409, "no-workspace");
    let credentials = |email: &str| json!({"email": email, "password": PASSWORD});
    let log_in = async |email: &str| {
        parties
            .browser()
            .post("/api/session", &credentials(email))
            .await
    };
    log_in("al@corp.example").await.problem(403, "use-sso");
    log_in("stranger@corp.example")
        .await
        .problem(403, "use-sso");
    log_in("owner@vendor-mail.example").await.is(200);
    admin.post(&step("deactivate"), &Value::Null).await.is(200);
    log_in("al@corp.example").await.is(200);
}

#[tokio::test]
async fn a_member_of_another_domain_is_sent_to_sso_as_well() {
    let parties = Parties::start().await;
    let admin = parties.create_admin(5).await;
    let al = json!({"email": "al@mail.example", "role": "admin"});
    admin.post("/api/business/users", &al).await.is(201);
    parties.register_account("al@mail.example").await;
    parties.configure(&admin).await;
    admin.post(&step("activate"), &Value::Null).await.is(200);
    let credentials = json!({"email": "al@mail.example", "password": PASSWORD});
    parties
        .browser()
        .post("/api/session", &credentials)
        .await
        .problem(403, "use-sso");
}

#[tokio::test]
async fn one_of_several_business_accounts_is_the_selected_workspace() {
    let parties = Parties::start().await;
    let admin = parties.create_admin(5).await;
    let al = parties.register_account("al@mail.example").await;
    let key = parties.order_license_key(json!({"seats": 1})).await;
    let order = json!({"key": key, "organization": {"name": "Other"}});
    let other = al.post("/api/license-keys", &order).await.is(201);
    admin
        .post("/api/business/users", &json!({"email": "al@mail.example"}))
        .await
        .is(201);
    let session = al.get("/api/session").await.is(200);
    assert_eq!(session["workspaces"].as_array().unwrap().len(), 2);
    assert_eq!(session["workspace"], other["business_account"]["id"]);
    let corp = admin.get("/api/session").await.is(200)["workspace"].clone();
    let selected = al
        .put("/api/session/workspace", &json!({"id": corp}))
        .await
        .is(200);
    assert_eq!(selected["workspace"], corp);
    al.get("/api/business/users")
        .await
        .problem(403, "not-an-admin");
    al.put("/api/session/workspace", &json!({"id": "guess"}))
        .await
        .problem(403, "not-your-workspace");
}

#[tokio::test]
async fn an_expired_certificate_is_reported_and_the_backup_login_works() {
    let parties = Parties::start().await;
    let (admin, _) = parties.create_integration(5).await;
    let far: jiff::Timestamp = "4097-01-01T00:00:00Z".parse().unwrap();
    parties.ambient.clock().set(far).unwrap();
    let refused = parties
        .browser()
        .get("/sso/start?email=anna@corp.example")
        .await;
    refused.is(403);
    assert!(
        refused.body.contains("does not work at your organization"),
        "{}",
        refused.body
    );
    let owner = json!({"email": "owner@vendor-mail.example", "password": PASSWORD});
    admin.post("/api/session", &owner).await.is(200);
    let shown = admin.get("/api/business/idp-integration").await.is(200);
    assert_eq!(
        shown["identity_provider"]["certificates"][0]["expired"],
        true
    );
    assert_eq!(shown["steps"][3]["state"], "grey");
    assert!(text(&shown["steps"][3]["missing"][0]).contains("expired on"));
}

#[tokio::test]
async fn the_idps_values_come_by_the_url_of_its_metadata() {
    let parties = Parties::start().await;
    let admin = parties.create_admin(5).await;
    admin.post(&step("start"), &Value::Null).await.is(200);
    let mut metadata = parties.idp.metadata();
    let current = metadata.to_xml();
    metadata.valid_until = Some("2020-01-01T00:00:00Z".parse().unwrap());
    let outdated = metadata.to_xml();
    let published = axum::Router::new()
        .route("/current", axum::routing::get(async move || current))
        .route("/outdated", axum::routing::get(async move || outdated))
        .route(
            "/endless",
            axum::routing::get(async || "x".repeat(saml::metadata::MAX_METADATA_BYTES + 1)),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, published).await });
    let put = async |path: &str| {
        let url = json!({"metadata_url": format!("{base}/{path}")});
        admin.put(&step("saml"), &url).await
    };
    let shown = put("current").await.is(200);
    assert_eq!(shown["identity_provider"]["entity_id"], IDP);
    assert_eq!(shown["steps"][3]["state"], "green");
    put("outdated").await.problem(400, "metadata-invalid");
    put("endless").await.problem(502, "metadata-unreachable");
    put("missing").await.problem(502, "metadata-unreachable");
}
