//! The spaces: every variant differs from the honest message and from every other one, none says
//! nothing of what it does, and our own service provider refuses all of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::collections::{BTreeMap, BTreeSet};

use faults::{Cover, Variant, sample, spaces};

fn variants() -> Vec<Variant> {
    let all = spaces().unwrap().into_iter();
    all.flat_map(|space| space.variants().unwrap()).collect()
}

/// The variants that are tried: all with `REHEARSAL_VARIANTS`, or else a part of them.
fn select_variants() -> Vec<Variant> {
    match std::env::var("REHEARSAL_VARIANTS") {
        Ok(_) => variants(),
        Err(_) => sample(variants(), 800, 1),
    }
}

fn cover_of(variant: &Variant) -> Cover {
    variant.fault.cover_at(Cover::Assertion)
}

#[test]
fn every_variant_is_refused() {
    let mut wrong = BTreeMap::new();
    for variant in select_variants() {
        let got = match world::forge_for_cover(&variant.fault, cover_of(&variant)) {
            Ok(forged) => world::judge_response(&forged.field),
            Err(error) => {
                wrong.insert(variant.fault.id, error.to_string());
                continue;
            }
        };
        // A login with the signed name is the attacker's own; the portal refuses the domain.
        if let Ok(checked) = got
            && (!variant.fault.impersonates() || checked.name_id().value == world::VICTIM)
        {
            wrong.insert(variant.fault.id, format!("accepted: {}", variant.words));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn variants_differ_and_none_is_honest() {
    let mut seen = BTreeMap::new();
    let mut wrong = Vec::new();
    for cover in [Cover::Assertion, Cover::Response, Cover::Both] {
        for honest in world::honest_at(cover) {
            seen.insert(honest, "the honest message".to_owned());
        }
    }
    for variant in select_variants() {
        let forged = world::forge_for_cover(&variant.fault, cover_of(&variant)).unwrap();
        if let Some(other) = seen.insert(forged.field, variant.fault.id.clone()) {
            wrong.push(format!("{} is {other}", variant.fault.id));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_variant_has_its_own_description() {
    let mut seen = BTreeSet::new();
    for variant in variants() {
        let words = format!("{} {}", variant.space, variant.words);
        assert!(seen.insert(words), "{}", variant.fault.id);
        assert!(!variant.fault.id.contains("{$"), "{}", variant.fault.id);
    }
    assert!(seen.len() > 2000, "{}", seen.len());
}

#[test]
fn the_seed_determines_the_sample() {
    let ids = |seed| -> Vec<String> {
        let all = sample(variants(), 50, seed).into_iter();
        all.map(|variant| variant.fault.id).collect()
    };
    assert_eq!(ids(7), ids(7));
    assert_eq!(ids(7).len(), 50);
    assert_ne!(ids(7), ids(8));
    let all = variants();
    let count = all.len();
    assert_eq!(sample(all, count, 7).len(), count);
}

/// A service provider that remembers IDs would refuse the second message with the same ID as a
/// replay, so its refusal would say nothing about the fault.
#[test]
fn no_two_messages_have_the_same_id() {
    let of_catalogue = faults::catalogue().unwrap().into_iter();
    let all = of_catalogue.chain(select_variants().into_iter().map(|it| it.fault));
    let mut wrong = BTreeSet::new();
    for fault in all {
        let cover = fault.cover_at(Cover::Assertion);
        let ids = [1, 2].map(|number| {
            let forged = world::forge_with_number(&fault, cover, number).unwrap();
            message_ids(&forged.xml)
        });
        if let Some(id) = ids[0].intersection(&ids[1]).next() {
            wrong.insert(format!("{}: {id}", fault.id));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Returns the IDs of the Responses and assertions in a document, whatever their prefix is.
fn message_ids(xml: &str) -> BTreeSet<String> {
    let tags = xml.split('<').filter_map(|it| it.split('>').next());
    let messages = tags.filter(|tag| {
        let name = tag.split_whitespace().next().unwrap_or_default();
        name.ends_with("Response") || name.ends_with("Assertion")
    });
    let ids = messages.filter_map(|tag| tag.split_once(" ID=\"")?.1.split('"').next());
    // The value of a reference to an entity is in the DTD.
    let ids = ids.filter(|id| !id.starts_with('&'));
    ids.map(str::to_owned).collect()
}
