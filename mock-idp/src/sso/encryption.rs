//! Encryption of an application's assertions: PingOne's `spEncryption`, and the member
//! `encryptNameId`, which PingOne does not have and which encrypts the NameID in addition
//! (saml-core §2.2.4).

use saml::encryption::{ContentCipher, Encryption};
use saml::keys::Certificate;
use saml::message::Response;
use saml::signature::{SignError, Signer};

use super::{Denied, page};
use crate::Idp;
use crate::applications::Application;
use crate::refusal::Refused;

/// How to encrypt a Response, and for whom.
pub(super) struct AssertionEncryption {
    encryption: Encryption,
    name_id: bool,
}

impl AssertionEncryption {
    /// Returns the certificate of the recipient.
    pub(super) fn recipient(&self) -> &Certificate {
        &self.encryption.recipient
    }

    /// Returns the signed document: encrypts the NameID if configured, signs the assertion,
    /// encrypts it, and then signs the Response.
    pub(super) fn sign(
        &self,
        signer: &Signer,
        response: &Response,
    ) -> std::result::Result<String, Denied> {
        self.sign_and_encrypt(signer, response)
            .map_err(|error| Denied::Refused(Refused::Internal(error.to_string())))
    }

    fn sign_and_encrypt(
        &self,
        signer: &Signer,
        response: &Response,
    ) -> std::result::Result<String, SignError> {
        let mut text = response.to_xml();
        if self.name_id {
            text = self.encryption.encrypt_name_ids(&text)?;
        }
        signer.sign_text_encrypted(&text, &self.encryption)
    }
}

impl Idp {
    /// Returns how to encrypt the Responses for this application; `None` without
    /// `spEncryption`.
    pub(super) async fn load_encryption(
        &self,
        environment: &str,
        application: &Application,
    ) -> std::result::Result<Option<AssertionEncryption>, Denied> {
        let Some(settings) = &application.sp_encryption else {
            return Ok(None);
        };
        let named = std::slice::from_ref(&settings.certificate);
        let found = self.find_certificates(environment, named).await?;
        let Some(recipient) = found.into_iter().next() else {
            return page(
                "The application's encryption certificate no longer exists. \
                 Give it another one under Configuration, or switch encryption off.",
            );
        };
        let cipher = match settings.algorithm.as_str() {
            "AES_128" => ContentCipher::Aes128Gcm,
            _ => ContentCipher::Aes256Gcm,
        };
        Ok(Some(AssertionEncryption {
            encryption: Encryption {
                recipient,
                cipher,
                oaep_sha256: false,
            },
            name_id: settings.encrypt_name_id,
        }))
    }
}
