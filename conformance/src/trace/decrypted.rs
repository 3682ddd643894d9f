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
pub(super) struct Decrypted(Vec<Result<Content, DecryptionError>>);

/// A decrypted assertion.
#[derive(Debug)]
struct Content {
    xml: String,
    /// What was added so that it can be read.
    remark: Option<String>,
}

/// Decrypts the assertions of a message, if the private key is known.
pub(super) fn read(element: Node<'_, '_>, known: &Known) -> Decrypted {
    let Some(key) = &known.decryption_key else {
        return Decrypted::default();
    };
    let encrypted = children(element, ns::ASSERTION, "EncryptedAssertion");
    let read = |it: Node<'_, '_>| Ok(with_namespaces(decrypt(it, key)?, it));
    Decrypted(encrypted.map(read).collect())
}

/// Adds the namespace declarations of the elements around the encrypted one, if the assertion cannot be
/// read without them.
fn with_namespaces(xml: String, around: Node<'_, '_>) -> Content {
    let content = |xml, remark| Content { xml, remark };
    let end_of_name = xml
        .char_indices()
        .skip(1)
        .find(|(_, it)| it.is_whitespace() || "/>".contains(*it));
    let Some((at, _)) = end_of_name.filter(|_| parse(&xml).is_err()) else {
        return content(xml, None);
    };
    let start_tag = xml.split('>').next().unwrap_or_default();
    let mut declarations = String::new();
    let mut prefixes = Vec::new();
    for namespace in around.namespaces() {
        let Some(prefix) = namespace.name().filter(|it| *it != "xml") else {
            continue;
        };
        let is_used = xml.contains(&format!("{prefix}:"));
        if is_used && !start_tag.contains(&format!("xmlns:{prefix}=")) {
            let uri = namespace.uri().replace('&', "&amp;").replace('"', "&quot;");
            declarations.push_str(&format!(" xmlns:{prefix}=\"{uri}\""));
            prefixes.push(prefix);
        }
    }
    let completed = format!("{}{declarations}{}", &xml[..at], &xml[at..]);
    if parse(&completed).is_err() {
        return content(xml, None);
    }
    let remark = format!(
        "the encrypted assertion uses namespace prefixes that only the elements around it declare ({}): service providers that read the decrypted text on its own cannot read it; the identity provider should declare them in the assertion",
        prefixes.join(", ")
    );
    content(completed, Some(remark))
}

impl Decrypted {
    /// Returns the contents of the assertions that can be read.
    pub(super) fn contents(&self) -> Vec<Assertion> {
        let readable = self.0.iter().filter_map(|it| it.as_ref().ok());
        let contents = readable.filter_map(|it| {
            let document = parse(&it.xml).ok()?;
            response::read(document.root_element()).assertions.pop()
        });
        contents.collect()
    }

    /// Explains each as a message of its own, with its Response around it.
    pub(super) fn explain(self, place: &str, outer: &Outer, known: &Known) -> Vec<Account> {
        let all = self.0.into_iter();
        let explain = |it: Result<Content, DecryptionError>| match it {
            Ok(Content { xml, remark }) => {
                let message = Message {
                    xml,
                    wrapping: vec!["EncryptedAssertion"],
                    remarks: remark.into_iter().collect(),
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
