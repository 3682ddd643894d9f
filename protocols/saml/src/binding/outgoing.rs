//! A message on its way: by whichever binding the other side has an endpoint
//! for, signed as that binding has it.

use super::{BindingError, Parameter, post, redirect};
use crate::keys::SigningKey;
use crate::names;
use crate::signature::{SignError, Signer};

/// What the browser gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// An address to go to.
    Redirect(String),
    /// A page with a form that submits itself.
    Form(String),
}

/// Why a message can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The endpoint is reached by neither binding.
    #[error("expected the binding HTTP-Redirect or HTTP-POST, got {0}")]
    Binding(String),
    /// The message could not be carried.
    #[error(transparent)]
    Carried(#[from] BindingError),
    /// The message could not be signed.
    #[error(transparent)]
    Signed(#[from] SignError),
}

/// Sends `xml` to `location` by `binding`; with a key, signed: the query by
/// HTTP-Redirect (saml-bindings §3.4.4.1), the message itself by HTTP-POST
/// (§3.5.4).
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
