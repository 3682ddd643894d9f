//! Tests of the management API over real sockets: PingOne's JSON, and refused requests.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use reqwest::Method;
use serde_json::json;
use world::{World, browser};

#[tokio::test]
async fn without_the_admin_token_nothing_is_shown() {
    let world = World::new().await;
    let url = format!("{}/v1/environments", world.idp.base_url());
    let answer = browser()
        .get(url)
        .bearer_auth("wrong")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
    assert!(answer.headers().contains_key("www-authenticate"));
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["code"], "ACCESS_FAILED");
}

#[tokio::test]
async fn each_invalid_field_is_named() {
    let world = World::new().await;
    let path = world.at("/users");
    for (body, code, target) in [
        (
            json!({"email": "x@example.com"}),
            "REQUIRED_VALUE",
            "username",
        ),
        (
            json!({"username": "x", "email": "x"}),
            "INVALID_VALUE",
            "email",
        ),
        (
            json!({"username": "ALICE", "email": "x@example.com"}),
            "UNIQUENESS_VIOLATION",
            "username",
        ),
        (
            json!({"username": "x", "email": "x@example.com", "population": {"id": "?"}}),
            "INVALID_VALUE",
            "population.id",
        ),
    ] {
        let (status, answer) = world.call(Method::POST, &path, Some(body)).await;
        assert_eq!((status, &answer["code"]), (400, &json!("INVALID_DATA")));
        assert!(answer["id"].is_string(), "{answer}");
        assert_eq!(answer["details"][0]["code"], code);
        if code == "UNIQUENESS_VIOLATION" {
            assert_eq!(
                answer["details"][0]["message"],
                "a user named \"ALICE\" exists already"
            );
        }
        assert_eq!(answer["details"][0]["target"], target);
    }
    let (status, answer) = world
        .call(Method::GET, &world.at("/users/nobody"), None)
        .await;
    assert_eq!((status, &answer["code"]), (404, &json!("NOT_FOUND")));
    let mapping = json!({"name": "x", "value": "${user.name.given+'x'}"});
    let path = world.at(&format!("/applications/{}/attributes", world.app));
    let (_, answer) = world.call(Method::POST, &path, Some(mapping)).await;
    let message = answer["details"][0]["message"].as_str().unwrap();
    assert_eq!(
        message,
        "invalid expression at column 18: expected a space on both sides of the operator"
    );
}

#[tokio::test]
async fn users_are_listed_page_by_page_and_by_filter() {
    let world = World::new().await;
    for name in ["bob", "carol", "dave"] {
        let user = json!({"username": name, "email": format!("{name}@example.org")});
        world.create("/users", user).await;
    }
    let page = world.show("/users?limit=3").await;
    assert_eq!((&page["count"], &page["size"]), (&json!(4), &json!(3)));
    let next = page["_links"]["next"]["href"].as_str().unwrap();
    let next = next.split_once("/users").unwrap().1;
    let rest = world.show(&format!("/users{next}")).await;
    assert_eq!(rest["size"], 1);
    assert!(rest["_links"]["next"].is_null());
    let found = world
        .show("/users?filter=email%20Ew%20%22example.org%22")
        .await;
    assert_eq!(found["count"], 3);
}

#[tokio::test]
async fn groups_nest_but_not_in_a_circle() {
    let world = World::new().await;
    let outer = world.create("/groups", json!({"name": "Outer"})).await;
    let inner = world.create("/groups", json!({"name": "Inner"})).await;
    let nest = |inner: &str| format!("/groups/{inner}/memberOfGroups");
    world.create(&nest(&inner), json!({"id": outer})).await;
    let circle = world.at(&nest(&outer));
    let (status, answer) = world
        .call(Method::POST, &circle, Some(json!({"id": inner})))
        .await;
    assert_eq!(status, 400);
    assert_eq!(answer["details"][0]["code"], "CONSTRAINT_VIOLATION");
    let joined = format!("/users/{}/memberOfGroups", world.alice);
    world.create(&joined, json!({"id": inner})).await;
    let groups = world.show(&joined).await;
    let kinds: Vec<_> = groups["_embedded"]["groupMemberships"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (group["name"].clone(), group["type"].clone()))
        .collect();
    assert_eq!(
        kinds,
        [
            (json!("Inner"), json!("DIRECT")),
            (json!("Outer"), json!("INDIRECT"))
        ]
    );
}

#[tokio::test]
async fn an_application_from_metadata_has_to_be_enabled() {
    let world = World::new().await;
    let metadata = r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://other.example/sp">
      <md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
        <md:AssertionConsumerService index="0" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://other.example/acs"/>
      </md:SPSSODescriptor></md:EntityDescriptor>"#;
    let made = world
        .create_document(
            &world.at("/applications"),
            json!({"name": "Other", "protocol": "SAML", "type": "WEB_APP", "spMetadata": metadata}),
        )
        .await;
    assert_eq!(made["spEntityId"], "https://other.example/sp");
    assert_eq!(made["acsUrls"], json!(["https://other.example/acs"]));
    assert_eq!(made["enabled"], false);
}

#[tokio::test]
async fn the_signing_certificate_is_downloaded_as_pem_and_survives_a_restart() {
    let world = World::new().await;
    let keys = world.show("/keys").await;
    let key = &keys["_embedded"]["keys"][0];
    assert_eq!(
        (&key["algorithm"], &key["keyLength"]),
        (&json!("RSA"), &json!(2048))
    );
    let url = key["_links"]["self"]["href"].as_str().unwrap();
    let pem = browser()
        .get(url)
        .bearer_auth(world.idp.admin_token())
        .header("accept", "application/x-pem-file");
    let pem = pem.send().await.unwrap().text().await.unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
    let before = world.fetch_metadata().await.signing_certificates;
    assert_eq!(saml::keys::Certificate::parse(&pem).unwrap(), before[0]);

    let world = world.restart().await;
    assert_eq!(world.fetch_metadata().await.signing_certificates, before);
    world.sign_on_and_judge().await.unwrap();
}

#[tokio::test]
async fn the_clock_moves_by_the_control_port_and_reset_empties_everything() {
    let world = World::new().await;
    let (_, clock) = world
        .call_control(
            Method::PUT,
            "/control/clock",
            Some(json!({"advance_seconds": 90})),
        )
        .await;
    assert_eq!(clock["now"], "2026-03-01T08:01:30Z");
    let (status, _) = world
        .call_control(Method::POST, "/control/reset", None)
        .await;
    assert_eq!(status, 204);
    let (_, all) = world.call(Method::GET, "/environments", None).await;
    assert_eq!(all["count"], 0);
}

/// Exports the key to a `.p12` file with OpenSSL; `None` if OpenSSL is not installed.
fn export_pkcs12(key: &mock_idp::KeyMaterial, password: &str) -> Option<Vec<u8>> {
    let folder = tempfile::TempDir::new().unwrap();
    let both = folder.path().join("both.pem");
    std::fs::write(&both, format!("{}{}", key.private_key, key.certificate)).unwrap();
    let file = folder.path().join("key.p12");
    let made = std::process::Command::new("openssl")
        .args(["pkcs12", "-export", "-name", "key", "-passout"])
        .arg(format!("pass:{password}"))
        .arg("-in")
        .arg(&both)
        .arg("-out")
        .arg(&file)
        .output()
        .ok()?;
    assert!(made.status.success(), "{made:?}");
    Some(std::fs::read(file).unwrap())
}

#[tokio::test]
async fn a_key_pair_is_imported_from_a_pkcs12_file() {
    let world = World::new().await;
    let key = mock_idp::generate_key("Elsewhere", world::start_of_time()).unwrap();
    let Some(file) = export_pkcs12(&key, "open sesame") else {
        #[allow(clippy::print_stderr, reason = "a test that is skipped says why")]
        {
            eprintln!("skipped: no openssl");
        }
        return;
    };
    let url = format!("{}/v1{}", world.idp.base_url(), world.at("/keys"));
    let import = async |file: &[u8], password: &str| {
        let mut form = Vec::new();
        for (name, value) in [
            ("usageType", b"SIGNING".as_slice()),
            ("password", password.as_bytes()),
            ("file\"; filename=\"key.p12", file),
        ] {
            let head = format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            form.extend_from_slice(head.as_bytes());
            form.extend_from_slice(value);
            form.extend_from_slice(b"\r\n");
        }
        form.extend_from_slice(b"--cut--\r\n");
        let answer = browser()
            .post(&url)
            .bearer_auth(world.idp.admin_token())
            .header("content-type", "multipart/form-data; boundary=cut")
            .body(form)
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<serde_json::Value>().await.unwrap())
    };

    let (status, refused) = import(&file, "close sesame").await;
    assert_eq!((status, &refused["code"]), (400, &json!("INVALID_DATA")));
    assert_eq!(refused["details"][0]["target"], "file", "{refused}");
    let (status, refused) = import(b"no such thing", "").await;
    assert_eq!((status, &refused["code"]), (400, &json!("INVALID_DATA")));

    let (status, made) = import(&file, "open sesame").await;
    assert_eq!(status, 201, "{made}");
    assert!(
        made["name"].as_str().unwrap().contains("CN=Elsewhere"),
        "{made}"
    );
    let at = format!("/applications/{}", world.app);
    let signing = json!({"idpSigning": {"key": {"id": made["id"]}, "algorithm": "SHA256withRSA"}});
    world.change(Method::PATCH, &at, signing).await;
    let expected = saml::keys::Certificate::parse(&key.certificate).unwrap();
    assert_eq!(
        world.fetch_metadata().await.signing_certificates,
        [expected]
    );
    world.sign_on_and_judge().await.unwrap();
}

#[tokio::test]
async fn no_web_page_reaches_the_control_port() {
    let world = World::new().await;
    let control = world.idp.control_url().unwrap();
    for (method, path, name, value, wanted) in [
        // A form of another site, which browsers send without a preflight request.
        (
            Method::POST,
            "/control/reset",
            "origin",
            "http://evil.example",
            403,
        ),
        (
            Method::POST,
            "/control/reset",
            "content-type",
            "text/plain",
            415,
        ),
        // A host name of the attacker that resolves to 127.0.0.1.
        (
            Method::GET,
            "/control/snapshot",
            "host",
            "evil.example",
            403,
        ),
        (
            Method::GET,
            "/control/snapshot",
            "sec-fetch-site",
            "cross-site",
            403,
        ),
    ] {
        let request = browser().request(method, format!("{control}{path}"));
        let answer = request.header(name, value).send().await.unwrap();
        assert_eq!(answer.status(), wanted, "{path} with {name}: {value}");
    }
    let (_, all) = world.call(Method::GET, "/environments", None).await;
    assert_eq!(all["count"], 1, "nothing was reset");
}

#[tokio::test]
async fn the_control_port_needs_its_secret() {
    let world = World::new().await;
    let secret = world.idp.control_secret().unwrap();
    let with = world.idp.control_url().unwrap();
    let without = with.strip_suffix(&format!("/{secret}")).unwrap();
    let (environment, application, user) = (&world.env, &world.app, &world.alice);
    let place = format!("/control/environments/{environment}");
    let faults = format!("{place}/applications/{application}/faults");
    for (method, path) in [
        (Method::PUT, "/sim/clock".to_owned()),
        (Method::GET, faults.clone()),
        (Method::PUT, faults.clone()),
        (Method::DELETE, faults),
        (Method::GET, format!("{place}/users/{user}/verification")),
        (Method::POST, "/control/reset".to_owned()),
        (Method::GET, "/control/snapshot".to_owned()),
        (Method::PUT, "/control/snapshot".to_owned()),
    ] {
        let url = format!("{without}{path}");
        let request = browser().request(method.clone(), &url);
        // The token of the management API opens another port.
        let other = browser().request(method, &url);
        let other = other.bearer_auth(world.idp.admin_token());
        for request in [request, other] {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{path}");
            assert!(answer.headers().contains_key("www-authenticate"));
            let text = answer.text().await.unwrap();
            assert!(text.contains("control_url of the ready file"), "{text}");
            assert!(!text.contains(secret), "{text}");
        }
    }
    for path in ["/sim/clock", "/control/clock", "/control/faults"] {
        let answer = browser().get(format!("{without}{path}")).send().await;
        assert_eq!(answer.unwrap().status(), 200, "{path} is open");
    }
    let by_path = browser().get(format!("{with}/control/snapshot"));
    let by_token = browser().get(format!("{without}/control/snapshot"));
    for request in [by_path, by_token.bearer_auth(secret)] {
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn values_of_another_type_than_the_document_says_are_refused() {
    let world = World::new().await;
    let user = format!("/users/{}", world.alice);
    for (method, path, body, place) in [
        (Method::POST, "/groups", json!({"name": {}}), "name"),
        (
            Method::POST,
            "/populations",
            json!({"name": "Guests", "description": {}}),
            "description",
        ),
        (
            Method::POST,
            "/groups",
            json!({"name": "Users", "population": {"id": 0}}),
            "population.id",
        ),
        (
            Method::POST,
            "/users",
            json!({"username": "bob", "email": "bob@example.com", "enabled": "yes"}),
            "enabled",
        ),
        (Method::PATCH, &user, json!({"nickname": 7}), "nickname"),
        (
            Method::POST,
            "/applications",
            json!({"name": "Other", "notBeforeSeconds": -1}),
            "notBeforeSeconds",
        ),
        (
            Method::POST,
            "/applications",
            json!({"name": "Other", "authnContextClassRef": " "}),
            "authnContextClassRef",
        ),
    ] {
        let path = world.at(path);
        let (status, said) = world.call(method, &path, Some(body)).await;
        assert_eq!(status, 400, "{path} {said}");
        assert_eq!(said["details"][0]["target"], place, "{said}");
    }
    assert_eq!(world.show("/groups").await["count"], 0);
    // `null` removes a member.
    let (status, said) = world
        .call(
            Method::PATCH,
            &world.at(&user),
            Some(json!({"nickname": null})),
        )
        .await;
    assert_eq!(status, 200, "{said}");
}

#[tokio::test]
async fn pages_allow_only_the_script_that_posts() {
    let world = World::new().await;
    let url = world.redirect(&world.request());
    let page = browser().get(url).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");

    // The page with a Response has a script: the one that submits the form.
    let mut passive = world.request();
    passive.is_passive = true;
    let url = world.redirect(&passive);
    let page = browser().get(url).send().await.unwrap();
    assert_eq!(
        page.headers()["content-security-policy"],
        saml::binding::post::FORM_PAGE_POLICY
    );
}
