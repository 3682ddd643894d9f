//! Sends a message by a binding that the receiver has an endpoint for, and signs it as that binding
//! requires.

use super::{BindingError, Parameter, post, redirect};
use crate::keys::SigningKey;
use crate::names;
use crate::signature::{SignError, Signer};

/// What the browser receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// The URL of a redirect.
    Redirect(String),
    /// An HTML page with a form that submits itself.
    Form(String),
}

/// Why a message cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The endpoint has neither of the two bindings.
    #[error("expected the binding HTTP-Redirect or HTTP-POST, got {0}")]
    Binding(String),
    /// The message cannot be encoded for the binding.
    #[error(transparent)]
    Carried(#[from] BindingError),
    /// The message cannot be signed.
    #[error(transparent)]
    Signed(#[from] SignError),
}

/// Sends `xml` to `location` by `binding`. With a key the message is signed: the query string for
/// HTTP-Redirect (saml-bindings §3.4.4.1), the document for HTTP-POST (§3.5.4).
///
/// # Errors
/// [`SendError`].
pub fn send(
    (binding, location): (&str, &str),
    parameter: Parameter,
    xml: &str,
    relay_state: Option<&str>,
    key: Option<&SigningKey>,
) -> Result<Outgoing, SendError> {
    match binding {
        names::HTTP_REDIRECT => {
            let url = redirect::encode(location, parameter, xml, relay_state, key)?;
            Ok(Outgoing::Redirect(url))
        }
        names::HTTP_POST => {
            let signed = match key {
                Some(key) => Signer::of_documents(key.clone()).sign_document(xml)?,
                None => xml.to_owned(),
            };
            let page = post::form_page(location, parameter, &signed, relay_state);
            Ok(Outgoing::Form(page))
        }
        other => Err(SendError::Binding(other.to_owned())),
    }
}
