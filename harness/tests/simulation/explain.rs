//! The page that explains SAML messages.

use reqwest::StatusCode;

use super::page::Hands;
use super::running::Up;

#[tokio::test(flavor = "multi_thread")]
async fn the_simulation_page_explains_a_saml_message() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start_in(folder.path(), &[]).await;
    let url = up.ready["simulation"]["url"].as_str().unwrap().to_owned();
    let hands = Hands::at(&url);
    assert!(hands.fetch_page().await.contains("href=\"/explain\""));
    let post = async |parts: &[(&str, &str)]| {
        let mut body = String::new();
        for (disposition, value) in parts {
            body += "--boundary\r\nContent-Disposition: form-data; ";
            body += disposition;
            body += "\r\n\r\n";
            body += value;
            body += "\r\n";
        }
        body += "--boundary--\r\n";
        let request = hands.http.post(format!("{url}/explain"));
        let kind = "multipart/form-data; boundary=boundary";
        let answer = request.header("content-type", kind).body(body).send();
        let answer = answer.await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let message = "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         ID=\"_one\" Version=\"2.0\" IssueInstant=\"2026-01-01T00:00:00Z\">\
         <saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">\
         https://sp.example/two</saml:Issuer></samlp:AuthnRequest>";
    let (text, file) = (
        "name=\"message\"",
        "name=\"file\"; filename=\"message.xml\"",
    );
    for parts in [
        [(text, message), (file, "")],
        [(text, "what the file replaces"), (file, message)],
    ] {
        let (status, page) = post(&parts).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let (_, explained) = page.split_once("<pre").unwrap();
        assert!(explained.contains("https://sp.example/two"), "{page}");
    }
    let (status, page) = post(&[(text, "hello")]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("no SAML message found"), "{page}");
    assert!(page.contains(">hello</textarea>"), "what was typed stays");
    let (status, page) = post(&[(text, message), ("name=\"metadata\"", "<no")]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("cannot use the metadata"), "{page}");
    // The results name the fields of the page, not options of the command.
    let response = "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         ID=\"_two\" Version=\"2.0\" IssueInstant=\"2026-01-01T00:00:00Z\" \
         Destination=\"https://sp.example/acs\"><saml:Assertion \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_three\" Version=\"2.0\" \
         IssueInstant=\"2026-01-01T00:00:00Z\"/></samlp:Response>";
    let acs = "name=\"acs\"";
    let (_, page) = post(&[(text, response)]).await;
    assert!(page.contains("(the field ACS URL)"), "{page}");
    assert!(!page.contains("(--"), "{page}");
    let (_, page) = post(&[(text, response), (acs, "https://sp.example/other")]).await;
    assert!(page.contains("https://sp.example/other"), "{page}");
    assert!(!page.contains("(the field ACS URL)"), "{page}");
    for (field, value, said) in [
        ("name=\"at\"", "yesterday", "invalid time"),
        ("name=\"key\"", "no key", "invalid private key"),
    ] {
        let (status, page) = post(&[(text, response), (field, value)]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains(said), "{page}");
    }
    // A form from another site is refused, as everywhere on this page.
    let foreign = hands.http.post(format!("{url}/explain"));
    let foreign = foreign.header("origin", "https://evil.example").send();
    assert_eq!(foreign.await.unwrap().status(), StatusCode::FORBIDDEN);
}
