//! The cookie of a login and Responses that a page of another site posts:
//! browsers do not send a `SameSite=Lax` cookie with such a post.

use reqwest::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ORIGIN, SET_COOKIE};
use saml::binding::post;
use serde_json::{Value, json};

use crate::parties::{Browser, Parties, Person, Tenant};

const IDP: &str = "http://idp.localhost:8081";

struct Posted {
    status: u16,
    policy: String,
    cache: String,
    sets_cookie: bool,
    reference: Option<String>,
    body: String,
}

/// Posts the form like a page of another origin, with the headers that
/// browsers add.
async fn post_across_sites(
    browser: &Browser,
    tenant: &Tenant,
    fields: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> Posted {
    let mut request = browser.client.post(&tenant.acs_url).form(fields);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let header = |name: &str| {
        let value = answer.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    Posted {
        status: answer.status().as_u16(),
        policy: header(CONTENT_SECURITY_POLICY.as_str()).unwrap_or_default(),
        cache: header(CACHE_CONTROL.as_str()).unwrap_or_default(),
        sets_cookie: answer.headers().contains_key(SET_COOKIE),
        reference: header("x-refusal-reference"),
        body: answer.text().await.unwrap(),
    }
}

/// Returns the Response to a login that this browser starts, and
/// its RelayState.
async fn answer(parties: &Parties, tenant: &Tenant, asker: &Browser) -> (String, String) {
    let (request, relay_state) = asker.start_sso("anna@corp.example").await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    (
        parties.idp.sign_response(tenant, &request, &anna),
        relay_state,
    )
}

async fn fetch_refusal_code(admin: &Browser, posted: &Posted) -> Value {
    let reference = posted.reference.as_deref().unwrap();
    let refusal = admin
        .get(&format!("/api/business/refusals/{reference}"))
        .await
        .is(200);
    refusal["code"].clone()
}

#[tokio::test]
async fn a_response_without_the_cookie_is_posted_again_by_the_portal_itself() {
    let parties = Parties::start().await;
    let (_, tenant) = parties.create_integration(5).await;
    let (asker, without_cookie) = (parties.browser(), parties.browser());
    let (xml, relay_state) = answer(&parties, &tenant, &asker).await;
    let response = post::encode(&xml);
    let fields = [
        ("SAMLResponse", response.as_str()),
        ("RelayState", relay_state.as_str()),
    ];
    // The browser does not send the cookie.
    let cross_site: [&[(&str, &str)]; 3] = [
        &[(ORIGIN.as_str(), IDP), ("sec-fetch-site", "cross-site")],
        &[(ORIGIN.as_str(), IDP)],
        &[(ORIGIN.as_str(), "null")],
    ];
    for headers in cross_site {
        let page = post_across_sites(&without_cookie, &tenant, &fields, headers).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(
            page.policy.contains("form-action 'self'"),
            "{}",
            page.policy
        );
        assert_eq!(page.cache, "no-store");
        assert!(!page.sets_cookie);
        for part in [
            format!("action=\"{}\"", tenant.acs_url),
            format!("name=\"SAMLResponse\" type=\"hidden\" value=\"{response}\""),
            format!("name=\"RelayState\" type=\"hidden\" value=\"{relay_state}\""),
            "name=\"reposted\" type=\"hidden\" value=\"1\"".to_owned(),
        ] {
            assert!(page.body.contains(&part), "{part}");
        }
    }
    // The page posts from the portal's own site, so the browser sends
    // the cookie.
    let mut again = fields.to_vec();
    again.push(("reposted", "1"));
    let own = parties.portal().base_url();
    let headers = [(ORIGIN.as_str(), own), ("sec-fetch-site", "same-origin")];
    let entered = post_across_sites(&asker, &tenant, &again, &headers).await;
    assert_eq!(entered.status, 303, "{}", entered.body);
    assert!(entered.sets_cookie);
}

#[tokio::test]
async fn a_response_is_posted_again_once_and_a_missing_cookie_has_its_own_refusal() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let (asker, other) = (parties.browser(), parties.browser());
    let (xml, relay_state) = answer(&parties, &tenant, &asker).await;
    let response = post::encode(&xml);
    let fields = [
        ("SAMLResponse", response.as_str()),
        ("RelayState", relay_state.as_str()),
    ];
    let marked = [fields[0], fields[1], ("reposted", "1")];
    let cross_site = [(ORIGIN.as_str(), IDP), ("sec-fetch-site", "cross-site")];
    let same_site = [(ORIGIN.as_str(), IDP), ("sec-fetch-site", "same-site")];
    for (fields, headers) in [
        // Login CSRF: an attacker posts an own Response in another
        // user's browser.
        (&marked[..], &cross_site),
        // Within one site the browser would have sent the cookie.
        (&fields[..], &same_site),
    ] {
        let refused = post_across_sites(&other, &tenant, fields, headers).await;
        assert_eq!(refused.status, 403, "{}", refused.body);
        assert!(!refused.sets_cookie);
        assert!(
            refused.body.contains("did not send back the cookie"),
            "{}",
            refused.body
        );
        assert!(
            refused.body.contains(parties.portal().base_url()),
            "{}",
            refused.body
        );
        assert_eq!(
            fetch_refusal_code(&admin, &refused).await,
            "request-cookie-missing"
        );
    }
    // A forged Response is refused as such, with or without the cookie.
    let forged = post::encode(&xml.replace("g-users", "g-admins"));
    let marked = [("SAMLResponse", forged.as_str()), ("reposted", "1")];
    let refused = post_across_sites(&other, &tenant, &marked, &cross_site).await;
    assert_eq!(
        fetch_refusal_code(&admin, &refused).await,
        "signature-invalid"
    );
}

#[tokio::test]
async fn an_unsolicited_response_is_not_posted_again() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let unasked = post::encode(
        &parties
            .idp
            .sign_unsolicited_response(&tenant, "_one", &anna),
    );
    let cross_site = [(ORIGIN.as_str(), IDP), ("sec-fetch-site", "cross-site")];
    let fields = [("SAMLResponse", unasked.as_str())];
    let refused = post_across_sites(&parties.browser(), &tenant, &fields, &cross_site).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert_eq!(fetch_refusal_code(&admin, &refused).await, "unsolicited");
    let garbage = [("SAMLResponse", "not base64")];
    let refused = post_across_sites(&parties.browser(), &tenant, &garbage, &cross_site).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    // If the tenant accepts unsolicited Responses, it logs in at once.
    let settings = json!({"unsolicited": true});
    let step = "/api/business/idp-integration/saml-settings";
    admin.put(step, &settings).await.is(200);
    let entered = post_across_sites(&parties.browser(), &tenant, &fields, &cross_site).await;
    assert_eq!(entered.status, 303, "{}", entered.body);
}
