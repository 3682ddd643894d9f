//! Every fault is refused on the way from posted form to checked assertion, for the reason that its
//! file names; every control is accepted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::collections::BTreeMap;

use faults::Delivery;

/// Refusals that need the portal's data: verified domains and accepted assertions.
const OF_THE_PORTAL: [&str; 3] = ["wrong-domain", "assertion-replayed", "unsolicited"];

#[test]
fn each_fault_is_refused_for_its_own_reason() {
    let mut wrong = BTreeMap::new();
    for fault in faults::catalogue().unwrap() {
        let forged = match world::forge(&fault) {
            Ok(forged) => forged,
            Err(error) => {
                wrong.insert(fault.id, error.to_string());
                continue;
            }
        };
        let got = match world::judge_response(&forged.field) {
            Ok(checked) => {
                let whole = checked.name_id().value.as_str();
                if OF_THE_PORTAL.contains(&fault.refusal.as_str()) && whole != world::VICTIM {
                    continue;
                }
                if fault.delivery != Delivery::Once {
                    continue;
                }
                format!("accepted {whole}, expected {}", fault.refusal)
            }
            Err(refusal) if refusal.code() == fault.refusal => continue,
            Err(refusal) => format!("expected {}, got {}", fault.refusal, refusal.private()),
        };
        wrong.insert(fault.id, got);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_control_is_accepted() {
    let mut wrong = BTreeMap::new();
    for control in faults::controls().unwrap() {
        match world::forge(&control) {
            Err(error) => {
                wrong.insert(control.id, error.to_string());
            }
            Ok(forged) => {
                if let Err(refusal) = world::judge_response(&forged.field) {
                    wrong.insert(control.id, refusal.private());
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn there_are_faults_of_every_family_and_seventy_at_least() {
    let faults = faults::catalogue().unwrap();
    assert!(faults.len() >= 70, "{}", faults.len());
}

/// Some service providers apply the first PrefixList of a document to both signatures.
#[test]
fn both_signatures_of_a_flavor_have_its_prefix_list() {
    let controls = faults::controls().unwrap();
    let okta = controls.iter().find(|it| it.id == "like-okta").unwrap();
    let forged = world::forge_for_cover(okta, faults::Cover::Both).unwrap();
    assert_eq!(forged.xml.matches("<ds:SignedInfo>").count(), 2);
    assert_eq!(
        forged.xml.matches("PrefixList=\"xs\"").count(),
        2,
        "{}",
        forged.xml
    );
}
