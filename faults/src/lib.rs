//! Deliberate faults in SAML Responses, as data.
//!
//! A fault is one file under `fixtures/faults`. It describes the changes to an honest Response, and
//! how a correct service provider refuses it. The mock identity provider sends them on demand, the
//! tests run them against this project's service provider, and `rehearsal check sp` runs them
//! against any other.
//!
//! - [`catalogue()`] and [`controls()`] read the files;
//! - [`Fault`] is the content of a file, `transport` how the message is encrypted, encoded and
//!   delivered;
//! - [`forge()`] makes the message of a fault;
//! - [`spaces()`] are families of faults, [`logout_spaces()`] those of LogoutRequests.
//!
//! To add a fault, add a file. To add a kind of edit, add a variant of [`Edit`] and its arm in
//! `forge.rs`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod conceal;
mod document;
mod donor;
mod edit;
mod encryptor;
mod fault;
mod flavor;
mod forge;
mod handmade;
mod phrases;
mod signing;
mod space;
mod transport;

pub use edit::{Edit, Place};
pub use fault::{Cover, Family, Fault, Harm, Level};
pub use forge::{Forged, Honest, Ineffective, SignedRequest, forge, forge_signed_request};
pub use handmade::rsa_sha1;
pub use signing::{Handmade, HandmadeKey, Leaves, MoreKeys, Signing};
pub use space::{Space, SpaceError, Variant, logout_spaces, sample, spaces};
pub use transport::{Cipher, Delivery, Encoding, KeyTransport};

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Returns every fault, sorted by id.
///
/// # Errors
/// When an embedded file cannot be parsed; a test ensures that this does not happen.
pub fn catalogue() -> Result<Vec<Fault>, toml::de::Error> {
    read(FAULTS)
}

/// Returns valid responses with unusual features, which every service provider should accept,
/// sorted by id: those of `fixtures/controls`, and one for each identity provider of
/// `fixtures/flavors`.
///
/// # Errors
/// As for [`catalogue`].
pub fn controls() -> Result<Vec<Fault>, toml::de::Error> {
    let mut all = read(CONTROLS)?;
    for (name, text) in FLAVORS {
        all.push(flavor::control(name, text)?);
    }
    all.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(all)
}

fn read(files: &[(&str, &str)]) -> Result<Vec<Fault>, toml::de::Error> {
    files.iter().map(|(_, text)| toml::from_str(text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_valid_and_named_after_its_contents() {
        for (files, read) in [(FAULTS, catalogue()), (CONTROLS, read(CONTROLS))] {
            let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
            let read = read.unwrap();
            let ids: Vec<&str> = read.iter().map(|fault| fault.id.as_str()).collect();
            assert_eq!(ids, names);
        }
    }

    /// Two faults that follow from each other would hide both findings.
    #[test]
    fn simpler_faults_exist_and_follow_from_none_of_their_consequences() {
        for all in [catalogue().unwrap(), controls().unwrap()] {
            let follows = |id: &str| {
                let fault = all.iter().find(|fault| fault.id == id);
                fault.unwrap_or_else(|| panic!("{id}")).follows.clone()
            };
            for fault in &all {
                let mut causes = fault.follows.clone();
                while let Some(cause) = causes.pop() {
                    assert_ne!(cause, fault.id);
                    causes.extend(follows(&cause));
                }
            }
        }
    }

    #[test]
    fn every_fault_states_its_harm_and_no_control_does() {
        let is_function = |fault: &Fault| fault.harm == Harm::Function;
        assert!(!catalogue().unwrap().iter().any(is_function));
        assert!(controls().unwrap().iter().all(is_function));
    }

    #[test]
    fn no_two_faults_are_one_check() {
        let mut checks: Vec<String> = catalogue()
            .unwrap()
            .into_iter()
            .chain(controls().unwrap())
            .map(|fault| fault.check)
            .collect();
        let all = checks.len();
        checks.sort();
        checks.dedup();
        assert_eq!(checks.len(), all);
    }
}
