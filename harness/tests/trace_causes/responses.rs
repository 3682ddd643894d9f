//! Responses that are refused, and those that must not be.

use super::signed::*;

const BEARER: &str = "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
    <saml:SubjectConfirmationData NotOnOrAfter=\"2026-11-30T12:05:00Z\" \
    Recipient=\"https://x.example/acs\" InResponseTo=\"_req\"></saml:SubjectConfirmationData>\
    </saml:SubjectConfirmation>";

#[test]
fn a_good_response_is_not_refused() {
    trace(&signed(&[])).expect(
        0,
        &["nothing of what was judged", "only the assertion is signed"],
        &["Worth a look"],
    );
    trace(&signed_outside(&[])).expect(0, &["only the Response is signed"], &[]);
    trace(&unsigned(&[])).expect(1, &["nothing is signed"], &[]);
}

#[test]
fn one_confirmation_that_holds_is_enough() {
    let place = "<saml:SubjectConfirmation ";
    let first = format!("{BEARER}{place}");
    trace(&signed(&[(place, &first)])).expect(0, &[], &["Recipient"]);
    let later = ["--at", "2026-12-05T12:00:00Z"];
    let old = trace_with(&signed(&[(place, &first)]), &metadata(), &later);
    old.expect(1, &["ended at"], &["Recipient https", "none of the 2"]);
    let wrong = (
        "Recipient=\"https://sp.example/acs\"",
        "Recipient=\"https://y.example\"",
    );
    let done = trace(&signed(&[wrong, (place, &first)]));
    done.expect(
        1,
        &[
            "none of the 2 SubjectConfirmations",
            "Recipient https://x.example/acs is not the Destination",
            "Recipient https://y.example is not the Destination",
        ],
        &[],
    );
    assert_eq!(done.objections().len(), 1, "{}", done.text);
}

#[test]
fn an_assertion_in_advice_is_no_second_one() {
    let inner = "<saml:Assertion ID=\"_up\" Version=\"2.0\" IssueInstant=\"2026-11-30T12:00:00Z\">\
        <saml:Issuer>https://upstream.example</saml:Issuer></saml:Assertion>";
    let advice = format!("</saml:Conditions><saml:Advice>{inner}</saml:Advice>");
    trace(&signed(&[("</saml:Conditions>", &advice)])).expect(0, &[], &["wrapping"]);
    // One of an identity provider further away is signed by a key that is not in the metadata.
    let upstream = signed(&[
        ("https://idp.example<", "https://up.example<"),
        ("ID=\"_a\"", "ID=\"_up\""),
    ]);
    let (_, upstream) = upstream.split_once("<saml:Assertion").unwrap();
    let (upstream, _) = upstream.split_once("</saml:Assertion>").unwrap();
    let advice = format!(
        "</saml:Conditions><saml:Advice><saml:Assertion{upstream}</saml:Assertion></saml:Advice>"
    );
    trace(&signed(&[("</saml:Conditions>", &advice)])).expect(
        0,
        &["in Advice, which receivers ignore"],
        &["https://up.example, and", "wrapping"],
    );
    // What is signed only there does not protect the assertion around it.
    let whole = signed(&[]);
    let (before, rest) = whole.split_once("<saml:Assertion").unwrap();
    let (good, after) = rest.rsplit_once("</samlp:Response>").unwrap();
    let forged = unsigned(&[
        ("ID=\"_a\"", "ID=\"_f\""),
        ("jo@example.com", "root@example.com"),
    ]);
    let (_, forged) = forged.split_once("<saml:Assertion").unwrap();
    let (forged, _) = forged.rsplit_once("</samlp:Response>").unwrap();
    let advice = format!("</saml:Conditions><saml:Advice><saml:Assertion{good}</saml:Advice>");
    let forged = forged.replace("</saml:Conditions>", &advice);
    let forged = format!("{before}<saml:Assertion{forged}</samlp:Response>{after}");
    trace(&forged).expect(1, &["nothing is signed"], &[]);
    let extensions = format!("<samlp:Extensions>{inner}</samlp:Extensions><samlp:Status>");
    trace(&signed(&[("<samlp:Status>", &extensions)])).expect(
        1,
        &["an Assertion within Extensions", "signature wrapping"],
        &[],
    );
}

#[test]
fn several_assertions_that_are_all_signed_are_permitted() {
    let one = unsigned(&[("ID=\"_a\"", "ID=\"_b\"")]);
    let (_, second) = one.split_once("<saml:Assertion").unwrap();
    let second = format!("</saml:Assertion><saml:Assertion{second}");
    let edit = ("</saml:Assertion></samlp:Response>", second.as_str());
    trace(&signed(&[edit])).expect(
        0,
        &["2 assertions, which SAML permits", "accept exactly one"],
        &["wrapping", "NameIDs are"],
    );
    let other = second.replace("jo@example.com", "al@example.com");
    trace(&signed(&[(edit.0, &other)])).expect(
        0,
        &["NameIDs are \"al@example.com\" and \"jo@example.com\""],
        &[],
    );
    trace(&with(&signed(&[]), &[edit])).expect(
        1,
        &["no signature covers the Assertion _b", "signature wrapping"],
        &[],
    );
}

#[test]
fn a_name_is_not_demanded_where_an_attribute_names_the_user() {
    let text = unsigned(&[]);
    let (_, name) = text.split_once("<saml:NameID").unwrap();
    let (name, _) = name.split_once("</saml:NameID>").unwrap();
    let name = format!("<saml:NameID{name}</saml:NameID>");
    let id = "Name=\"urn:oasis:names:tc:SAML:attribute:subject-id\"";
    trace(&signed(&[(&name, ""), ("Name=\"mail\"", id)])).expect(
        0,
        &["no NameID, which SAML permits"],
        &["the assertion has no NameID"],
    );
    trace(&signed(&[(&name, "")])).expect(1, &["the assertion has no NameID"], &[]);
}

#[test]
fn an_id_that_two_elements_have_is_the_cause() {
    let same = [("ID=\"_r\"", "ID=\"_same\""), ("ID=\"_a\"", "ID=\"_same\"")];
    let done = trace(&signed(&same));
    done.expect(
        1,
        &["Response and Assertion have the same ID, \"_same\""],
        &["covers nothing", "no signature covers"],
    );
    assert_eq!(done.objections().len(), 1, "{}", done.text);
}

#[test]
fn empty_and_missing_values_are_named() {
    let destination = "Destination=\"https://sp.example/acs\"";
    let done = trace(&signed(&[(destination, "Destination=\"\"")]));
    done.expect(
        1,
        &["the Destination is empty"],
        &["is not the Destination", "Destination is ,"],
    );
    let response = " InResponseTo=\"_req\"><saml:Issuer>";
    let done = trace(&signed(&[(response, "><saml:Issuer>")]));
    done.expect(
        1,
        &["SubjectConfirmationData answers the request _req (InResponseTo)"],
        &["began this sign-on itself"],
    );
    let none = [(response, "><saml:Issuer>"), (" InResponseTo=\"_req\"", "")];
    trace(&signed(&none)).expect(0, &["began this sign-on itself"], &[]);
}

#[test]
fn one_wrong_clock_is_one_objection() {
    let at = |at: &str| trace_with(&signed(&[]), &metadata(), &["--acs", ACS, "--at", at]);
    let early = at("2026-11-30T11:56:50Z");
    early.expect(
        1,
        &[
            "IssueInstant of the Response, IssueInstant of the Assertion and NotBefore of Conditions",
            "3 min after 2026-11-30T11:56:50Z",
            "the receiver is slow",
        ],
        &["whole hours"],
    );
    assert_eq!(early.objections().len(), 1, "{}", early.text);
    at("2026-11-30T11:00:00Z").expect(1, &["a local time was written as UTC"], &[]);
    let late = at("2026-12-05T12:00:00Z");
    late.expect(
        1,
        &[
            "Conditions and SubjectConfirmationData ended at 2026-11-30T12:05:00Z, 4 days",
            "--at 2026-11-30T12:00:00Z",
        ],
        &[],
    );
    assert_eq!(late.objections().len(), 1, "{}", late.text);
    // In an old message, the cause comes first.
    let audience = (
        "<saml:Audience>https://sp.example<",
        "<saml:Audience>https://x.example<",
    );
    let options = [
        "--audience",
        "https://sp.example",
        "--at",
        "2026-12-05T12:00:00Z",
    ];
    let old = trace_with(&signed(&[audience]), &metadata(), &options);
    let objections = old.objections();
    assert!(objections[0].starts_with("the audience is"), "{}", old.text);
    assert!(objections[1].contains("ended at"), "{}", old.text);
}

#[test]
fn sessions_and_sign_ons_that_are_too_old_are_named() {
    let statement = "AuthnInstant=\"2026-11-30T12:00:00Z\"";
    let ended =
        "AuthnInstant=\"2026-11-30T12:00:00Z\" SessionNotOnOrAfter=\"2026-11-30T11:00:00Z\"";
    trace(&signed(&[(statement, ended)])).expect(
        1,
        &[
            "SessionNotOnOrAfter is 2026-11-30T11:00:00Z",
            "until 2026-11-30T11:00:00Z",
        ],
        &[],
    );
    let old = "AuthnInstant=\"2026-11-27T12:00:00Z\"";
    trace(&signed(&[(statement, old)])).expect(
        0,
        &["the user signed on 3 days before", "maxAuthenticationAge"],
        &[],
    );
    let recent = "AuthnInstant=\"2026-11-30T11:00:00Z\"";
    trace(&signed(&[(statement, recent)])).expect(0, &[], &["maxAuthenticationAge"]);
}

#[test]
fn attributes_and_names_that_products_misread_are_named() {
    let attribute = "<saml:AttributeStatement>";
    let role = "<saml:AttributeStatement><saml:Attribute Name=\"Role\"><saml:AttributeValue>a\
        </saml:AttributeValue></saml:Attribute>";
    let twice = role.to_owned() + role.trim_start_matches(attribute);
    let text = unsigned(&[]);
    let (_, rest) = text.split_once(attribute).unwrap();
    let (rest, _) = rest.split_once("</saml:Assertion>").unwrap();
    let all = format!("{attribute}{rest}");
    let format = "Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\"";
    let wrong = "Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:emailAddress\"";
    let transient = "Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:transient\"";
    let guest = "jo_x.example#EXT#@t.onmicrosoft.com</saml:NameID>";
    let rows: [(&[Edit<'_>], &str); 6] = [
        (
            &[(attribute, &twice)],
            "several Attribute elements have the name Role",
        ),
        (
            &[(
                "jo@example.com</saml:AttributeValue>",
                "</saml:AttributeValue>",
            )],
            "without a value: mail",
        ),
        (
            &[(&all, "")],
            "There is no AttributeStatement on the Response",
        ),
        (
            &[(&all, ""), (format, transient)],
            "the NameID is transient",
        ),
        (
            &[("jo@example.com</saml:NameID>", guest)],
            "a guest in Entra (#EXT#)",
        ),
        (
            &[(format, wrong)],
            "does not exist: emailAddress is urn:oasis:names:tc:SAML:1.1",
        ),
    ];
    for (edits, said) in rows {
        trace(&signed(edits)).expect(0, &[said], &[]);
    }
    trace(&signed(&[(attribute, role)])).expect(0, &[], &["several Attribute"]);
}

#[test]
fn a_certificate_that_is_only_for_encryption_is_named() {
    let signing = key_descriptor("signing", &IDP);
    let both = sp_key_descriptor("signing") + &key_descriptor("encryption", &IDP);
    let metadata = with(&metadata(), &[(&signing, &both)]);
    trace_with(&signed(&[]), &metadata, &[]).expect(
        1,
        &["announces its certificate only for encryption"],
        &["rollover", "forged"],
    );
}

#[test]
fn the_text_of_a_status_leads_to_the_cause() {
    let text = unsigned(&[]);
    let (before, _) = text.split_once("<samlp:Status>").unwrap();
    let of = |status: &str| {
        let code = "urn:oasis:names:tc:SAML:2.0:status:Responder";
        trace(&format!(
            "{before}<samlp:Status><samlp:StatusCode Value=\"{code}\"/>{status}</samlp:Status></samlp:Response>"
        ))
    };
    of("").expect(1, &["can be at the service provider"], &[]);
    let detail =
        "<samlp:StatusDetail><Cause>Invalid signature on AuthnRequest</Cause></samlp:StatusDetail>";
    of(detail).expect(
        1,
        &[
            "StatusDetail: Invalid signature on AuthnRequest",
            "the text names the signature of the request",
        ],
        &["can be at the service provider"],
    );
}
