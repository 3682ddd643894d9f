//! Logins in the traffic of a browser, and messages in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::requests::{deflated, encoded, request};
use super::signed::*;

fn har(entries: &[Value]) -> String {
    json!({"log": {"entries": entries}}).to_string()
}

fn asked(request: &str, relay_state: &str, response: &Value) -> Value {
    let url = format!(
        "https://idp.example/sso?SAMLRequest={}{relay_state}",
        encoded(&deflated(request))
    );
    json!({"request": {"method": "GET", "url": url}, "response": response})
}

fn posted(xml: &str, relay_state: Option<&str>) -> Value {
    posted_bytes(xml.as_bytes(), relay_state)
}

fn posted_bytes(bytes: &[u8], relay_state: Option<&str>) -> Value {
    let mut params = vec![json!({"name": "SAMLResponse", "value": BASE64.encode(bytes)})];
    params.extend(relay_state.map(|it| json!({"name": "RelayState", "value": it})));
    json!({
        "request": {"method": "POST", "url": ACS, "postData": {"params": params}},
        "response": {"status": 302},
    })
}

fn moved() -> Value {
    json!({"status": 302})
}

#[test]
fn an_error_page_in_place_of_a_response_is_the_cause() {
    let page = json!({"status": 200, "content": {"mimeType": "text/html",
        "text": "<p>AADSTS700016: Application not found</p>"}});
    let failed = asked(&request(&[]), "", &page);
    let done = trace(&har(std::slice::from_ref(&failed)));
    done.expect(
        1,
        &["the identity provider answered with an error, AADSTS700016 (entry 1"],
        &[],
    );
    // The user tried again, and it worked.
    let done = trace(&har(&[failed, posted(&signed(&[]), None)]));
    done.expect(0, &[], &["AADSTS700016"]);
}

#[test]
fn relay_state_must_come_back() {
    let of = |returned: Option<&str>| {
        let entries = [
            asked(&request(&[]), "&RelayState=abc", &moved()),
            posted(&signed(&[]), returned),
        ];
        trace(&har(&entries))
    };
    of(Some("abc")).expect(0, &["Answers"], &["saml-bindings §3.4.3"]);
    of(None).expect(0, &["did not come back with the Response"], &[]);
    of(Some("https://sp.example/")).expect(0, &["another one than that of the request"], &[]);
}

#[test]
fn a_login_loop_is_named_once() {
    let entries = |logins: usize| -> Vec<Value> {
        let of = |at: usize| {
            let (id, asked_id) = (format!("ID=\"_r{at}\""), format!("\"_req{at}\""));
            let request = request(&[("\"_req\"", &asked_id)]);
            let response = signed(&[("ID=\"_r\"", &id), ("\"_req\"", &asked_id)]);
            [asked(&request, "", &moved()), posted(&response, None)]
        };
        (0..logins).flat_map(of).collect()
    };
    let done = trace(&har(&entries(4)));
    done.expect(0, &["login loop: 4 logins in a row", "SameSite"], &[]);
    assert_eq!(done.text.matches("login loop").count(), 1, "{}", done.text);
    trace(&har(&entries(2))).expect(0, &[], &["login loop"]);
}

#[test]
fn another_sign_on_than_the_request_demands_is_named() {
    let of = |class: &str| {
        let context = format!(
            "</saml:Issuer><samlp:RequestedAuthnContext><saml:AuthnContextClassRef>{class}\
             </saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
        );
        let asked = asked(&request(&[("</saml:Issuer>", &context)]), "", &moved());
        trace(&har(&[asked, posted(&signed(&[]), None)]))
    };
    const SAID: &str = "The AuthnContext was not a requested context";
    of("urn:oasis:names:tc:SAML:2.0:ac:classes:X509").expect(0, &[SAID], &[]);
    of("urn:oasis:names:tc:SAML:2.0:ac:classes:Password").expect(0, &[], &[SAID]);
}

#[test]
fn an_address_without_tls_that_the_service_provider_asked_for_is_its_own_mistake() {
    let http = ("https://sp.example/acs", "http://sp.example/acs");
    let entries = [
        asked(&request(&[http]), "", &moved()),
        posted(&signed(&[http]), None),
    ];
    for done in [trace(&har(&entries)), trace_bare(&har(&entries))] {
        let (_, response) = done.text.split_once("Response — entry 2").unwrap();
        let done = Done {
            text: response.to_owned(),
            status: done.status,
        };
        done.expect(
            1,
            &["the service provider itself asked for", "X-Forwarded-Proto"],
            &["Destination is", "Recipient is"],
        );
        assert_eq!(done.objections().len(), 1, "{}", done.text);
    }
    // Without the request, the proxy is the usual cause.
    trace(&signed(&[http])).expect(
        1,
        &["they differ only in http and https", "X-Forwarded-Proto"],
        &[],
    );
    let elsewhere = ("https://sp.example/acs", "https://sp.example/old");
    let done = trace_bare(&har(&[posted(&signed(&[elsewhere]), None)]));
    done.expect(
        1,
        &["but the browser posted it to https://sp.example/acs"],
        &["X-Forwarded", "the address of your service provider"],
    );
}

#[test]
fn a_form_that_is_compressed_is_named() {
    let done = trace(&har(&[posted_bytes(&deflated(&signed(&[])), None)]));
    done.expect(
        1,
        &["is compressed by DEFLATE: the receiver expects base64"],
        &[],
    );
    trace(&har(&[posted(&signed(&[]), None)])).expect(0, &[], &["DEFLATE"]);
}

#[test]
fn any_json_with_requests_is_read() {
    let form = format!("SAMLResponse={}", encoded(signed(&[]).as_bytes()));
    let postman = json!({"method": "POST", "body": {"urlencoded": [
        {"key": "SAMLResponse", "value": BASE64.encode(signed(&[]))}]}});
    for (input, place) in [
        (
            json!({"requests": [{"body": form}]}),
            "member requests[0].body",
        ),
        (
            json!({"requests": [{"saml": signed(&[]), "postData": form}]}),
            "member requests[0].postData",
        ),
        (postman, "member body.urlencoded[0].value"),
    ] {
        let done = trace(&input.to_string());
        done.expect(0, &[place], &["already delivered", "No XML"]);
        assert_eq!(done.text.matches("Response — ").count(), 1, "{}", done.text);
    }
}

#[test]
fn metadata_with_lines_of_pem_are_refused() {
    let pem = with(
        &metadata(),
        &[(
            "<ds:X509Certificate>",
            "<ds:X509Certificate>-----BEGIN CERTIFICATE-----\n",
        )],
    );
    let pem = with(
        &pem,
        &[(
            "</ds:X509Certificate>",
            "\n-----END CERTIFICATE-----</ds:X509Certificate>",
        )],
    );
    trace(&pem).expect(1, &["contains the line -----BEGIN CERTIFICATE-----"], &[]);
    trace(&metadata()).expect(0, &[], &["BEGIN"]);
    let old =
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:1.0:protocol\" ResponseID=\"_1\"/>";
    trace(old).expect(1, &["a message of SAML 1.1"], &[]);
}
