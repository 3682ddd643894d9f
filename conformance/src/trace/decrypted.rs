//! The encrypted assertions of a Response: decrypts them with the service provider's key, and explains
//! each as a message of its own.

use roxmltree::Node;

use super::sources::Found;
use super::{Account, Known, Outer, of_document};
use crate::inspection::encryption::{DecryptionError, decrypt};
use crate::inspection::message::Message;
use crate::inspection::response::{self, Assertion};
use crate::inspection::{children, ns, parse};

/// The encrypted assertions of a message, each decrypted, or with the reason why not. Empty without a
/// key.
#[derive(Debug, Default)]
pub(super) struct Decrypted(Vec<Result<String, DecryptionError>>);

/// Decrypts the assertions of a message, if the private key is known.
pub(super) fn read(element: Node<'_, '_>, known: &Known) -> Decrypted {
    let Some(key) = &known.decryption_key else {
        return Decrypted::default();
    };
    let encrypted = children(element, ns::ASSERTION, "EncryptedAssertion");
    Decrypted(encrypted.map(|it| decrypt(it, key)).collect())
}

impl Decrypted {
    /// Returns the contents of the assertions that can be read.
    pub(super) fn contents(&self) -> Vec<Assertion> {
        let readable = self.0.iter().filter_map(|it| it.as_deref().ok());
        let contents = readable.filter_map(|xml| {
            let document = parse(xml).ok()?;
            response::read(document.root_element()).assertions.pop()
        });
        contents.collect()
    }

    /// Explains each as a message of its own, with its Response around it.
    pub(super) fn explain(self, place: &str, outer: &Outer, known: &Known) -> Vec<Account> {
        let all = self.0.into_iter();
        let explain = |it: Result<String, DecryptionError>| match it {
            Ok(xml) => {
                let message = Message {
                    xml,
                    wrapping: vec!["EncryptedAssertion"],
                    ..Message::default()
                };
                let found = Found::new(format!("{place}, decrypted"), message);
                of_document(found, Some(outer), known)
            }
            Err(error) => vec![explain_error(place, &error)],
        };
        all.flat_map(explain).collect()
    }
}

fn explain_error(place: &str, error: &DecryptionError) -> Account {
    let message = Message::default();
    let mut account = Account::empty(format!("{place}, encrypted"), &message, "");
    "EncryptedAssertion".clone_into(&mut account.kind);
    match error {
        // The receiver may support more algorithms.
        DecryptionError::Algorithm(_) => account.verdict.leave_out(format!(
            "the encrypted assertion: {error} here; the service provider may support it"
        )),
        _ => account.verdict.refuse(error.to_string()),
    }
    account
}
