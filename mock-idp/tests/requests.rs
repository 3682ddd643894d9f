//! What vouches for a request, what it may ask for, and whose eyes the answer
//! is for.

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

async fn posted(world: &World, xml: &str) -> Page {
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
        let page = posted(&world, &signed(&own).unwrap()).await;
        assert!(page.asks_for_a_password(), "{}", page.body);
        let page = posted(&world, &xml).await;
        assert!(
            page.body.contains("enforces signed requests"),
            "{}",
            page.body
        );
        let page = posted(&world, &signed(&foreign).unwrap()).await;
        assert!(
            page.body.contains("not by the application"),
            "{}",
            page.body
        );
        let changed = signed(&own)
            .unwrap()
            .replace("<saml:Issuer>", "<saml:Issuer> ");
        let page = posted(&world, &changed).await;
        assert!(
            page.body.contains("not by the application"),
            "{}",
            page.body
        );
    }
}

fn asking(world: &World, comparison: AuthnContextComparison, class: &str) -> AuthnRequest {
    AuthnRequest {
        requested_authn_context: Some(RequestedAuthnContext {
            comparison,
            class_refs: vec![class.to_owned()],
        }),
        ..world.request()
    }
}

#[tokio::test]
async fn another_context_than_there_is_ends_without_a_prompt() {
    let world = World::new().await;
    let smartcard = "urn:oasis:names:tc:SAML:2.0:ac:classes:Smartcard";
    let request = asking(&world, AuthnContextComparison::Exact, smartcard);
    let page = open(browser().get(world.redirect(&request))).await;
    let expected = Expected::Request(request.id);
    let refusal = world.judge(&page.saml_response(), expected).await;
    let private = refusal.unwrap_err().private();
    assert!(
        private.contains("status:Responder / urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"),
        "{private}"
    );
    let request = asking(&world, AuthnContextComparison::Minimum, names::PASSWORD);
    let page = open(browser().get(world.redirect(&request))).await;
    assert!(page.asks_for_a_password());
}

/// The answer's way at a service provider with this key.
async fn read(world: &World, page: &Page, id: String, own: &SigningKey) -> Checked {
    let metadata = world.metadata().await;
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
async fn answers_are_for_the_service_providers_eyes_when_it_wants_them_so() {
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
        let told = read(&world, &page, request.id, &own).await;
        assert_eq!(told.name_id().value, world.alice);
        assert_eq!(told.attribute("displayname").unwrap(), ["Alice Adams"]);
    }
}
