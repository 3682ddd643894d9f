#![no_main]
//! Reads any HTML page as the browser of the scenarios and the form reader of `check idp` do: no panic,
//! no hang, and no action or field that the page does not contain. Both readers are included by their
//! path, because their crates depend on much that fuzzing does not need.

use std::sync::LazyLock;

use url::Url;

#[path = "../../browser/src/page.rs"]
#[allow(dead_code)]
mod page;
#[path = "../../conformance/src/check/idp/form.rs"]
#[allow(dead_code)]
mod form;

use form::Next;
use page::Page;

static URL: LazyLock<Url> =
    LazyLock::new(|| Url::parse("https://idp.example/sso/login?flow=1").expect("a URL"));

libfuzzer_sys::fuzz_target!(|body: &str| {
    let page = Page {
        url: URL.clone(),
        status: 200,
        body: body.to_owned(),
        way: vec![URL.clone()],
    };
    for form in page.forms() {
        assert_eq!(form.page, *URL);
        assert!(form.fields.iter().all(|it| it.kind == it.kind.to_ascii_lowercase()));
    }
    let text = page.text();
    assert!(!text.contains("  "), "two spaces in {text:?}");
    let _ = page.alert();
    if let Some(form) = page.login_form() {
        let mut filled = form.clone();
        filled.fill_in("ada", "secret");
        assert_eq!(filled.action, form.action);
        assert_eq!(filled.fields.len(), form.fields.len());
    }
    if let Some(form) = page.saml_form() {
        assert!(form.value("SAMLResponse").is_some() || form.is_request());
    }
    match form::next(&URL, body) {
        Next::Message(form) => assert!(form.value("SAMLResponse").is_some()),
        Next::Login(mut form) => {
            form.fill_in("ada", "the-password");
            let shown = form.to_masked_text();
            let in_page = body.contains("the-password");
            assert!(in_page || !shown.contains("the-password"), "a password in {shown:?}");
        }
        Next::Refresh(to) => assert!(matches!(to.scheme(), "http" | "https"), "refresh to {to}"),
        Next::Name(_) | Next::Onward(_) | Next::Consent(_) | Next::Nothing => {}
    }
});
