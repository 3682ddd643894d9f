//! Tests of signed requests, of the settings that a request can ask for, and of encrypted
//! assertions.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use jiff::SignedDuration;
use reqwest::Method;
use saml::Limits;
use saml::acceptance::{Checked, Expectations, Expected, Posted, SignaturePolicy, TrustedKeys};
use saml::binding::post;
use saml::encryption::DecryptionKeys;
use saml::keys::{Certificate, SigningKey};
use saml::message::{AuthnContextComparison, AuthnRequest, RequestedAuthnContext};
use saml::names;
use saml::signature::Signer;
use serde_json::json;
use world::{ACS, Page, SP, World, browser, open};

fn key(rsa: bool) -> SigningKey {
    let algorithm = if rsa {
        &rcgen::PKCS_RSA_SHA256
    } else {
        &rcgen::PKCS_ECDSA_P384_SHA384
    };
    let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let params = rcgen::CertificateParams::new(vec!["sp.example".to_owned()]).unwrap();
    let pem = params.self_signed(&pair).unwrap().pem();
    SigningKey::new(&pair.serialize_pem(), Certificate::parse(&pem).unwrap()).unwrap()
}

async fn post_request(world: &World, xml: &str) -> Page {
    let url = format!("{}/{}/saml20/idp/sso", world.idp.base_url(), world.env);
    let fields = [
        ("SAMLRequest", post::encode(xml)),
        ("RelayState", "s".into()),
    ];
    open(browser().post(url).form(&fields)).await
}

#[tokio::test]
async fn a_request_by_post_is_verified_by_its_own_signature() {
    let world = World::new().await;
    let path = format!("/applications/{}", world.app);
    for rsa in [true, false] {
        let (own, foreign) = (key(rsa), key(rsa));
        let certificates = json!([{"certificate": own.certificate().to_pem()}]);
        let enforced =
            json!({"spVerification": {"authnRequestSigned": true, "certificates": certificates}});
        world.change(Method::PATCH, &path, enforced).await;
        let xml = world.request().to_xml();
        let signed = |key: &SigningKey| Signer::of_documents(key.clone()).sign_document(&xml);
        let page = post_request(&world, &signed(&own).unwrap()).await;
        assert!(page.asks_for_a_password(), "{}", page.body);
        let page = post_request(&world, &xml).await;
        assert!(
            page.body.contains("enforces signed requests"),
            "{}",
            page.body
        );
        let page = post_request(&world, &signed(&foreign).unwrap()).await;
        assert!(
            page.body.contains("not by the application"),
            "{}",
            page.body
        );
        let changed = signed(&own)
            .unwrap()
            .replace("<saml:Issuer>", "<saml:Issuer> ");
        let page = post_request(&world, &changed).await;
        assert!(
            page.body.contains("not by the application"),
            "{}",
            page.body
        );
    }
}

/// Posts a request as a page of a service provider on another site does, with the headers that
/// a browser adds.
async fn post_across_sites(
    world: &World,
    browser: &reqwest::Client,
    fields: &[(&str, &str)],
    site: &str,
) -> Page {
    let url = format!("{}/{}/saml20/idp/sso", world.idp.base_url(), world.env);
    let request = browser
        .post(url)
        .header("origin", "http://portal.localhost:8080")
        .header("sec-fetch-site", site)
        .form(fields);
    open(request).await
}

#[tokio::test]
async fn a_request_without_the_session_cookie_is_posted_again_by_the_idp_itself() {
    let world = World::new().await;
    let browser = browser();
    let page = world.sign_on(&browser, &world.request()).await;
    page.saml_response();
    let passive = AuthnRequest {
        is_passive: true,
        ..world.request()
    };
    let message = post::encode(&passive.to_xml());
    let fields = [("SAMLRequest", message.as_str()), ("RelayState", "s")];
    // The browser holds back the session cookie, so the test uses a client without cookies.
    let cookieless = reqwest::Client::new();
    let page = post_across_sites(&world, &cookieless, &fields, "cross-site").await;
    let action = format!("{}/{}/saml20/idp/sso", world.idp.base_url(), world.env);
    assert_eq!(page.action(), action);
    assert_eq!(page.relay_state().as_deref(), Some("s"));
    assert!(page.body.contains("name=\"reposted\""), "{}", page.body);
    // A POST by the identity provider's own page has the cookie.
    let marked = [fields[0], fields[1], ("reposted", "1")];
    let answer = post_across_sites(&world, &browser, &marked, "same-origin").await;
    let checked = world
        .judge(
            &answer.saml_response(),
            Expected::Request(passive.id.clone()),
        )
        .await;
    checked.unwrap();
    // Without a session, the user is asked for the password or the request is declined, after
    // one extra page.
    for (fields, site) in [(&marked[..], "same-origin"), (&fields[..], "same-site")] {
        let answer = post_across_sites(&world, &cookieless, fields, site).await;
        let refused = world
            .judge(
                &answer.saml_response(),
                Expected::Request(passive.id.clone()),
            )
            .await;
        assert_eq!(refused.unwrap_err().code(), "status-not-success");
    }
}

fn request_with_context(
    world: &World,
    comparison: AuthnContextComparison,
    class: &str,
) -> AuthnRequest {
    AuthnRequest {
        requested_authn_context: Some(RequestedAuthnContext {
            comparison,
            class_refs: vec![class.to_owned()],
        }),
        ..world.request()
    }
}

#[tokio::test]
async fn an_unsupported_context_ends_without_a_prompt() {
    let world = World::new().await;
    let smartcard = "urn:oasis:names:tc:SAML:2.0:ac:classes:Smartcard";
    let request = request_with_context(&world, AuthnContextComparison::Exact, smartcard);
    let page = open(browser().get(world.redirect(&request))).await;
    let expected = Expected::Request(request.id);
    let refusal = world.judge(&page.saml_response(), expected).await;
    let private = refusal.unwrap_err().private();
    assert!(
        private.contains("status:Responder / urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"),
        "{private}"
    );
    let request = request_with_context(&world, AuthnContextComparison::Minimum, names::PASSWORD);
    let page = open(browser().get(world.redirect(&request))).await;
    assert!(page.asks_for_a_password());
}

/// Checks a Response as a service provider with this key does.
async fn read(world: &World, page: &Page, id: String, own: &SigningKey) -> Checked {
    let metadata = world.fetch_metadata().await;
    let keys = TrustedKeys::new(metadata.signing_certificates).unwrap();
    let own = DecryptionKeys::new(vec![own.clone()]);
    Posted::from_form(&page.saml_response(), &Limits::default())
        .unwrap()
        .verify_or_decrypt(&keys, SignaturePolicy::Either, Some(&own))
        .unwrap()
        .check(&Expectations {
            idp_entity_id: metadata.entity_id,
            sp_entity_id: SP.to_owned(),
            acs_url: ACS.to_owned(),
            in_response_to: Expected::Request(id),
            now: world.ambient.now(),
            clock_skew: SignedDuration::from_secs(60),
        })
        .unwrap()
}

#[tokio::test]
async fn answers_are_encrypted_if_the_service_provider_requires_it() {
    let world = World::new().await;
    let path = format!("/applications/{}", world.app);
    let own = key(true);
    let certificate = json!({"certificate": own.certificate().to_pem()});
    for (algorithm, name, cover) in [
        ("AES_128", false, (true, false)),
        ("AES_256", true, (true, true)),
    ] {
        let settings = json!({
            "spEncryption": {"algorithm": algorithm, "certificate": certificate, "encryptNameId": name},
            "assertionSigned": cover.0,
            "responseSigned": cover.1,
        });
        world.change(Method::PATCH, &path, settings).await;
        let request = world.request();
        let page = world.sign_on(&browser(), &request).await;
        let xml = post::decode(&page.saml_response(), &Limits::default()).unwrap();
        assert!(xml.contains("EncryptedAssertion"), "{xml}");
        assert!(!xml.contains("Alice Adams"), "{xml}");
        let accepted = read(&world, &page, request.id, &own).await;
        assert_eq!(accepted.name_id().value, world.alice);
        assert_eq!(accepted.attribute("displayname").unwrap(), ["Alice Adams"]);
    }
}
