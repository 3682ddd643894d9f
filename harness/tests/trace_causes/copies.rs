//! Messages that were changed after signing, on their way or in the copy.

use super::signed::*;

#[test]
fn values_that_were_changed_after_signing_are_not_blamed_on_the_identity_provider() {
    let changed = with(&signed(&[]), &[("//sp.example", "//sp.internal.example")]);
    let done = trace(&changed);
    done.expect(
        1,
        &[
            "was changed after signing",
            "a proxy that rewrites host names",
            "not the one that the identity provider wrote",
        ],
        &[
            "at the identity provider as it is",
            "enter https://sp.example as Audience",
        ],
    );
    assert!(
        done.objections()[0].contains("was changed after signing"),
        "{}",
        done.text
    );
}

#[test]
fn a_message_that_was_pretty_printed_is_named_as_such() {
    let lines = signed(&[]).replace("><", ">\n<");
    let indented = signed(&[]).replace("><saml:", ">\n    <saml:");
    let around_values = with(&lines, &[("jo@example.com<", "\n  jo@example.com\n<")]);
    for (name, copy) in [
        ("a line for each tag", &lines),
        ("indented", &indented),
        ("white space around values", &around_values),
    ] {
        let done = trace(copy);
        done.expect(
            1,
            &[
                "pretty-printed after it was signed, so take it as it was sent",
                "its SignedInfo was signed by a key that https://idp.example announces",
            ],
            &["a proxy that rewrites"],
        );
        assert!(
            done.objections()[0].contains("pretty-printed"),
            "{name}: {}",
            done.text
        );
    }
    // If a value was changed too, white space is a usual cause.
    let changed = with(&lines, &[("jo@example.com<", "al@example.com<")]);
    trace(&changed).expect(1, &["the copy was indented again (pretty-printed)"], &[]);
    let changed = with(&signed(&[]), &[("jo@example.com<", "al@example.com<")]);
    trace(&changed).expect(1, &["a proxy that rewrites"], &["pretty-printed"]);
}

#[test]
fn two_signatures_that_one_change_breaks_are_explained_once() {
    let signer = saml::signature::Signer {
        response: true,
        assertion: true,
        ..saml::signature::Signer::of_documents(IDP.key.clone())
    };
    let both = signer.sign_text(&unsigned(&[])).unwrap();
    trace(&both).expect(0, &[], &["only the"]);
    let done = trace(&with(&both, &[(">jo@", ">al@")]));
    done.expect(1, &["does not hold either, for the same reason"], &[]);
    assert_eq!(
        done.text.matches("Usual causes").count(),
        1,
        "{}",
        done.text
    );
}

#[test]
fn a_copy_with_marks_between_the_elements_is_damaged() {
    for mark in ["\n- ", "\n2026-11-30 12:00:05,123 DEBUG [saml] "] {
        let copy = signed(&[]).replace("><saml:", &format!(">{mark}<saml:"));
        let done = trace(&copy);
        done.expect(
            1,
            &["this copy is damaged", "it cannot hold on a damaged copy"],
            &["was changed after signing:\n", "a proxy that"],
        );
        assert!(done.objections()[0].contains(mark.trim()), "{}", done.text);
    }
}

#[test]
fn a_replaced_value_is_named() {
    let name = with(&signed(&[]), &[("jo@example.com<", "XXXX@XXXX.com<")]);
    trace(&name).expect(
        1,
        &["\"XXXX@XXXX.com\"", "replaced in this copy"],
        &["rewrites host"],
    );
    let whole = signed(&[]);
    let (before, rest) = whole.split_once("<ds:SignatureValue>").unwrap();
    let (_, after) = rest.split_once("</ds:SignatureValue>").unwrap();
    let removed = format!("{before}<ds:SignatureValue>...</ds:SignatureValue>{after}");
    trace(&removed).expect(
        0,
        &["its SignatureValue is \"...\" and not base64"],
        &["is not in the metadata", "rollover"],
    );
}
