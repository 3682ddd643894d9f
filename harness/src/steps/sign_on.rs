//! G-16 to G-19: Continue with SSO, the IdP's login page, and the Response.

use browser::Page;
use cucumber::{given, then, when};
use reqwest::Method;

use crate::report::Kept;
use world::CORPORATE_PASSWORD;
use world::World;
use world::actions::{page_summary, sso_form, sso_request};
use world::judge::{Failed, Outcome, holds, same, text};
use world::recorder::reading;

#[given(expr = "{word} signed in by SSO")]
async fn signed_in(world: &mut World, given: String) -> Outcome {
    world.signs_in_by_sso(&given).await?;
    is_let_in(world, given).await
}

#[when(expr = "{word} signs in by SSO")]
async fn signs_in(world: &mut World, given: String) -> Outcome {
    world.signs_in_by_sso(&given).await
}

#[when(expr = "{word} opens the sign-in page by the download link")]
async fn opens_sign_in(world: &mut World, given: String) -> Outcome {
    world.opens(&given, world::actions::DOWNLOAD_LINK).await
}

#[when(expr = "{word} continues with SSO")]
async fn continues(world: &mut World, given: String) -> Outcome {
    let email = world.email_of(&given)?;
    world.continues_with_sso(&given, &email).await
}

#[when(expr = "{word} continues with SSO as {string}")]
async fn continues_as(world: &mut World, given: String, email: String) -> Outcome {
    world.former_page = world.page.take();
    world.continues_with_sso(&given, &email).await
}

#[when(expr = "{word} logs in at the IdP")]
async fn logs_in_at_idp(world: &mut World, given: String) -> Outcome {
    world.logs_in_at_idp(&given, CORPORATE_PASSWORD).await
}

#[when(expr = "{word} types a wrong password at the IdP")]
async fn wrong_password(world: &mut World, given: String) -> Outcome {
    world.logs_in_at_idp(&given, "not-the-password").await
}

#[when(expr = "{word} arrives at the IdP with a request that has {word}")]
async fn arrives_with(world: &mut World, given: String, flag: String) -> Outcome {
    let url = sso_request(world, &flag)?;
    let browser = world.person(&given)?.browser.clone();
    world.page = Some(browser.open(url).await?);
    Ok(())
}

#[when("the Response reaches the portal")]
async fn response_arrives(world: &mut World) -> Outcome {
    let given = whose_page(world)?;
    world.answer_page = world.page.clone();
    world.answer_reaches_portal(&given).await
}

#[when(expr = "the Response reaches the portal with {string} changed to {string}")]
async fn tampered(world: &mut World, from: String, to: String) -> Outcome {
    let given = whose_page(world)?;
    world.answer_is_tampered(&given, &from, &to).await
}

#[when(expr = "the same Response reaches the portal from {word}'s browser")]
async fn replayed(world: &mut World, given: String) -> Outcome {
    world.page = world.answer_page.clone();
    world.answer_reaches_portal(&given).await
}

#[when("the IdP is stopped")]
async fn idp_stops(world: &mut World) -> Outcome {
    world.rehearsal.stop_idp().await
}

#[then("the page offers Continue with SSO")]
async fn offers_sso(world: &mut World) -> Outcome {
    let page = world.page()?;
    holds(
        "a sign-in page with Continue with SSO and its form",
        page.status == 200 && page.text().contains("Continue with SSO") && sso_form(page).is_some(),
        page_summary(page),
    )
}

#[then(expr = "{word}'s browser is at the IdP's login page with the portal's AuthnRequest")]
async fn at_login_page(world: &mut World, _given: String) -> Outcome {
    let page = world.page()?;
    holds(
        "the IdP's login page",
        world.is_at_idp(&page.url) && page.login_form().is_some(),
        page_summary(page),
    )?;
    let request = page
        .way
        .iter()
        .find_map(|url| reading::decode_redirect(url.as_str()))
        .ok_or_else(|| Failed::mismatch("a SAMLRequest on the way", format!("{:?}", page.way)))?;
    let issuer = world.given_by_portal("/service_provider/entity_id")?;
    let acs = world.given_by_portal("/service_provider/acs_url")?;
    holds(
        format!("an AuthnRequest issued by {issuer} that asks for {acs}"),
        request.contains("AuthnRequest") && request.contains(&issuer) && request.contains(&acs),
        &request,
    )
}

#[then(expr = "the IdP asks {word} for a login")]
async fn asks_for_login(world: &mut World, _given: String) -> Outcome {
    let page = world.page()?;
    holds(
        "the IdP's login form",
        world.is_at_idp(&page.url) && page.login_form().is_some(),
        page_summary(page),
    )
}

/// Checks the algorithms: RSA-SHA256, SHA-256 digest, exclusive canonicalization.
#[then("the IdP answers with a signed Response")]
async fn signed_response(world: &mut World) -> Outcome {
    let xml = world.response_xml()?;
    for algorithm in [
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
        "urn:oasis:names:tc:SAML:2.0:status:Success",
    ] {
        holds(
            format!("a Response that names {algorithm}"),
            xml.contains(algorithm),
            &xml,
        )?;
    }
    world.kept = Kept {
        response: Some(xml),
        certificate: Some(world.signing_certificate().await?),
    };
    Ok(())
}

#[then(expr = "the IdP answers with the status {string}")]
async fn answers_with_status(world: &mut World, status: String) -> Outcome {
    let xml = world.response_xml()?;
    holds(
        format!("a Response with the status {status} and no assertion"),
        xml.contains(&format!("urn:oasis:names:tc:SAML:2.0:status:{status}\""))
            && !xml.contains("Assertion>"),
        &xml,
    )
}

#[given(expr = "the IdP answers one request with {string}")]
async fn answers_one_with(world: &mut World, fault: String) -> Outcome {
    let path = format!(
        "/control/environments/{}/applications/{}/faults",
        world.directory.environment, world.directory.application
    );
    let body = serde_json::json!({"faults": [{"id": fault, "times": "once"}]});
    world
        .ask_idp_control(Method::PUT, &path, Some(body))
        .await?
        .clone()
        .succeeded("choosing the fault")?;
    Ok(())
}

#[then(expr = "{word}'s browser is told to try again later")]
async fn is_asked_to_try_again_later(world: &mut World, _given: String) -> Outcome {
    let page = world.page()?;
    holds(
        "429 Too Many Requests from the IdP",
        page.status == 429,
        format!("{} at {}", page.status, page.url),
    )
}

#[then(expr = "{word} is let in")]
async fn is_let_in(world: &mut World, given: String) -> Outcome {
    let email = world.email_of(&given)?;
    let landed = world.page()?.url.path().to_owned();
    let answer = world.at_api(&given, Method::GET, "/whoami", None).await?;
    holds(
        format!("{email} let in, on the dashboard"),
        answer.status == 200 && answer.body["email"] == email.as_str(),
        format!("{answer} after landing on {landed}"),
    )
}

#[then(expr = "{word} administers the business account")]
async fn administers(world: &mut World, given: String) -> Outcome {
    let answer = world
        .at_api(&given, Method::GET, "/api/business/users", None)
        .await?;
    holds("the users page to open", answer.status == 200, answer)
}

#[then(expr = "{word} does not administer the business account")]
async fn does_not_administer(world: &mut World, given: String) -> Outcome {
    let answer = world
        .at_api(&given, Method::GET, "/api/business/users", None)
        .await?;
    holds(
        "the users page to be refused with 401 or 403",
        matches!(answer.status, 401 | 403),
        answer,
    )
}

#[then("the browser ends on a page of the portal that gives a reference number")]
async fn refused_with_reference(world: &mut World) -> Outcome {
    let page = world.page()?;
    holds(
        "a 4xx page of the portal with a reference number",
        (400..500).contains(&page.status)
            && !world.is_at_idp(&page.url)
            && reference(page).is_some(),
        page_summary(page),
    )
}

#[then("the browser never reached the IdP")]
async fn never_at_idp(world: &mut World) -> Outcome {
    let way = &world.page()?.way;
    holds(
        "no address of the IdP on the way",
        !way.iter().any(|url| world.is_at_idp(url)),
        format!("{way:?}"),
    )
}

#[then("the page says the same as before")]
async fn same_page(world: &mut World) -> Outcome {
    let former = world
        .former_page
        .as_ref()
        .ok_or_else(|| Failed::Unknown("a page before".to_owned()))?;
    let page = world.page()?;
    same("the status", former.status, page.status)?;
    same(
        "the page without its reference",
        without_reference(former),
        without_reference(page),
    )
}

#[then(expr = "the reference's details name {string} and {string}")]
async fn details_name(world: &mut World, expected: String, got: String) -> Outcome {
    let details = details(world).await?;
    holds(
        format!("details that name {expected:?} and {got:?}"),
        details.contains(&expected) && details.contains(&got),
        details,
    )
}

#[then("the reference's details speak of the signature")]
async fn details_signature(world: &mut World) -> Outcome {
    let details = details(world).await?;
    holds(
        "details that speak of the signature or digest",
        details.contains("signature") || details.contains("digest"),
        details,
    )
}

#[then(expr = "the page says that the portal expected {string} and the IdP sent {string}")]
async fn page_names(world: &mut World, expected: String, got: String) -> Outcome {
    let words = world.page()?.text();
    // The page writes names as `code` elements, which the text does not show.
    let sentence = format!("The portal expected an attribute {expected} ");
    holds(
        format!("a sentence that names the attributes {expected:?} and {got:?}"),
        words.contains(&sentence) && words.split_whitespace().any(|word| word == got),
        words,
    )
}

#[then("Ada finds the reference under Sign-in problems and in the audit log")]
async fn is_listed(world: &mut World) -> Outcome {
    let page = world.page()?;
    let reference = reference(page)
        .ok_or_else(|| Failed::mismatch("a reference number on the page", page_summary(page)))?;
    let path = format!("/api/business/refusals?q={reference}");
    let listed = world
        .at_api("Ada", Method::GET, &path, None)
        .await?
        .clone()
        .succeeded("listing the sign-in problems")?;
    same(
        "the first sign-in problem",
        reference.as_str(),
        text(&listed.body, "/refusals/0/reference")?,
    )?;
    let audit = world
        .at_api("Ada", Method::GET, "/api/business/audit", None)
        .await?
        .clone()
        .succeeded("reading the audit log")?;
    holds(
        format!("an event sign-in-refused of {reference} in the audit log"),
        audit.body["events"].as_array().is_some_and(|events| {
            events.iter().any(|event| {
                event["action"] == "sign-in-refused" && event["target"] == reference.as_str()
            })
        }),
        &audit.body,
    )
}

async fn details(world: &mut World) -> Outcome<String> {
    let page = world.page()?;
    let reference = reference(page)
        .ok_or_else(|| Failed::mismatch("a reference number on the page", page_summary(page)))?;
    let path = format!("/api/business/refusals/{reference}");
    let answer = world
        .at_api("Ada", Method::GET, &path, None)
        .await?
        .clone()
        .succeeded("looking the reference up")?;
    Ok(format!(
        "{}: {}",
        text(&answer.body, "/code")?,
        text(&answer.body, "/private")?
    ))
}

/// Returns the reference number on a page: `R-` and hexadecimal digits.
fn reference(page: &Page) -> Option<String> {
    let words = page.text();
    words
        .split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'))
        .find(|word| {
            word.strip_prefix("R-").is_some_and(|digits| {
                digits.len() >= 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
            })
        })
        .map(str::to_owned)
}

fn without_reference(page: &Page) -> String {
    let words = page.text();
    match reference(page) {
        Some(reference) => words.replace(&reference, "R"),
        None => words,
    }
}

/// Returns the person whose browser shows the current page.
fn whose_page(world: &World) -> Outcome<String> {
    world
        .page_of
        .clone()
        .ok_or_else(|| Failed::Unknown("a page at the IdP".to_owned()))
}
