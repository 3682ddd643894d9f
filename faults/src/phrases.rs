//! Placeholders such as `{forged}` in the texts of a fault.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use saml::keys::{Certificate, SigningKey};
use saml::signature::Signer;

use crate::donor::Donor;
use crate::{document, handmade};

/// The values that placeholders can use: the document at the start of a stage, and the names of
/// both users.
pub(crate) struct Phrases<'a> {
    /// The document as it was when the stage began.
    pub(crate) document: &'a str,
    /// The honest draft, before any edit.
    pub(crate) original: &'a str,
    /// Name of the user whom the honest message is about.
    pub(crate) genuine: &'a str,
    /// Name of the user whom the fault claims to be.
    pub(crate) forged: &'a str,
    /// Time of the message.
    pub(crate) now: Timestamp,
    /// The identity provider's signer; `None` if there is none for other documents.
    pub(crate) signer: Option<&'a Signer>,
    /// A signing key that is not in any metadata.
    pub(crate) foreign: &'a SigningKey,
    /// Certificate of the service provider, for encryption.
    pub(crate) recipient: Option<&'a Certificate>,
    /// The base URL for external references. A correct service provider fetches nothing from it.
    pub(crate) elsewhere: &'a str,
}

const ASSERTION: &str = "Response/Assertion";
const AUDIENCE: &str = "Response/Assertion/Conditions/AudienceRestriction/Audience";

impl Phrases<'_> {
    /// Returns the text with every placeholder replaced.
    pub(crate) fn fill_in(&self, text: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let Some(close) = rest[open..].find('}') else {
                break;
            };
            out.push_str(&rest[..open]);
            out.push_str(&self.phrase(&rest[open + 1..open + close])?);
            rest = &rest[open + close + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    fn phrase(&self, name: &str) -> Result<String, String> {
        if let Some(seconds) = name.strip_prefix("now") {
            let seconds: i64 = if seconds.is_empty() {
                0
            } else {
                seconds.parse().map_err(|_| {
                    format!("invalid placeholder: expected now+SECONDS or now-SECONDS, got {name}")
                })?
            };
            let at = self
                .now
                .saturating_add(SignedDuration::from_secs(seconds))
                .unwrap_or(self.now);
            return Ok(format!("{at:.3}"));
        }
        let of = |path: &str, attribute: &str| document::value_of(self.document, path, attribute);
        Ok(match name {
            // The names of the two users.
            "genuine" => self.genuine.to_owned(),
            // Without a domain of Windows, `CORP\jo`.
            "genuine-mail" => {
                let (_, name) = self.genuine.rsplit_once('\\').unwrap_or(("", self.genuine));
                name.to_owned()
            }
            "forged-name" => self.forged.to_owned(),
            "forged-fullwidth-domain" => fullwidth_domain(self.forged),
            "forged-utf7" => utf7(self.forged),
            // Parts of the document.
            "acs" => of("Response", "Destination")?,
            "idp" => document::inner(self.document, "Response/Issuer")?.to_owned(),
            "sp" => document::inner(self.document, AUDIENCE)?.to_owned(),
            // The Audience before any edit.
            "audience" => document::inner(self.original, AUDIENCE)?.to_owned(),
            "assertion-id" => of(ASSERTION, "ID")?,
            "response-id" => of("Response", "ID")?,
            "assertion" => document::outer(self.document, ASSERTION)?.to_owned(),
            "assertion-unsigned" => self.remove_assertion_signature()?,
            "response-unsigned" => document::without(self.document, "Response/Signature")?,
            "signature" => self.signature()?,
            "signature-open" => {
                let signature = self.signature()?;
                let end = signature
                    .rfind("</")
                    .ok_or("the signature has no end tag")?;
                signature[..end].to_owned()
            }
            "signed-info" => {
                document::outer(&self.signature()?, "Signature/SignedInfo")?.to_owned()
            }
            "signature-value-lines" => lines(&self.signature_value()?, "\n"),
            "signature-value-crlf" => lines(&self.signature_value()?, "&#13;\n"),
            "certificate-lines" => {
                let path = "Signature/KeyInfo/X509Data/X509Certificate";
                lines(document::inner(&self.signature()?, path)?, "\n")
            }
            "document" => {
                let root = document::root(self.document)?;
                document::outer(self.document, &root)?.to_owned()
            }
            "document-unsigned" => {
                let root = document::root(self.document)?;
                document::without(self.document, &format!("{root}/Signature"))?
            }
            // IDs that no other message has. A service provider that remembers IDs would refuse a
            // constant one as a replay, whatever else is wrong with the message.
            "forged-id" => self.new_id("forged"),
            "forged-response-id" => self.new_id("forged-response"),
            "forged-request-id" => self.new_id("forged-request"),
            // Forged copies of parts of the document.
            "forged" => self.forge_assertion(Some(&self.new_id("forged")))?,
            "forged-same-id" => self.forge_assertion(None)?,
            "forged-head" => self.forge_and_split_assertion()?.0,
            "forged-tail" => self.forge_and_split_assertion()?.1,
            "forged-response" => document::attribute(
                &self.impersonate(&self.phrase("response-unsigned")?),
                "Response",
                "ID",
                Some(&self.new_id("forged-response")),
            )?,
            "forged-entity-id" => self.forge_assertion(Some("&id;"))?,
            // The whole draft with the forged name, unsigned. Needed where the signed document has
            // no assertion, such as an error response.
            "forged-original" => self.forge_original()?,
            "forged-original-head" => self.forge_and_split_original()?.0,
            "forged-original-tail" => self.forge_and_split_original()?.1,
            "forged-original-assertion" => {
                document::outer(&self.forge_original()?, ASSERTION)?.to_owned()
            }
            // `SignedInfo` and digest of the genuine signature, recalculated for `{forged}` or
            // `{forged-same-id}`.
            "forged-signed-info" => self.forge_signed_info()?,
            "forged-same-id-digest" => self.digest_of(&self.forge_assertion(None)?)?,
            // Other signed documents of the identity provider.
            "logout-response" => self.donor(Donor::LogoutResponse)?.1,
            "logout-response-unsigned" => self.donor(Donor::LogoutResponse)?.0,
            "logout-response-signature" => self.signature_of(Donor::LogoutResponse)?,
            "metadata" => self.donor(Donor::Metadata)?.1,
            "metadata-unsigned" => self.donor(Donor::Metadata)?.0,
            "metadata-signature" => self.signature_of(Donor::Metadata)?,
            "foreign-certificate" => self.foreign.certificate().to_base64(),
            "foreign-key-value" => handmade::key_value(self.foreign)?,
            "elsewhere" => self.elsewhere.to_owned(),
            "open" => "{".to_owned(),
            other => return Err(format!("unknown placeholder {{{other}}}")),
        })
    }

    /// Returns the text with the forged name in place of the genuine one.
    pub(crate) fn impersonate(&self, text: &str) -> String {
        text.replace(self.genuine, self.forged)
    }

    /// Returns an ID that contains the ID of the honest message, so that each message has another
    /// one.
    fn new_id(&self, name: &str) -> String {
        let root = document::root(self.original).unwrap_or_default();
        let id = document::value_of(self.original, &root, "ID").unwrap_or_default();
        format!("_{name}-{}", id.trim_start_matches('_'))
    }

    fn signature(&self) -> Result<String, String> {
        document::outer(self.document, "Response/Assertion/Signature")
            .or_else(|_| document::outer(self.document, "Response/Signature"))
            .map(str::to_owned)
    }

    /// Returns another document of the identity provider, without a signature and signed.
    fn donor(&self, donor: Donor) -> Result<(String, String), String> {
        let signer = self
            .signer
            .ok_or("there is no key to sign another document")?;
        let idp = document::inner(self.original, "Response/Issuer")?;
        let unsigned = donor.unsigned(&self.new_id("donor"), idp, self.now, signer);
        let signed = signer.sign_document(&unsigned);
        let signed = signed.map_err(|error| error.to_string())?;
        Ok((unsigned, signed))
    }

    fn signature_of(&self, donor: Donor) -> Result<String, String> {
        let (_, signed) = self.donor(donor)?;
        let root = document::root(&signed)?;
        document::outer(&signed, &format!("{root}/Signature")).map(str::to_owned)
    }

    fn signature_value(&self) -> Result<String, String> {
        document::inner(&self.signature()?, "Signature/SignatureValue").map(str::to_owned)
    }

    fn remove_assertion_signature(&self) -> Result<String, String> {
        let assertion = document::outer(self.document, ASSERTION)?;
        if document::has(assertion, "Assertion/Signature") {
            return document::without(assertion, "Assertion/Signature");
        }
        Ok(assertion.to_owned())
    }

    fn forge_assertion(&self, id: Option<&str>) -> Result<String, String> {
        let forged = self.impersonate(&self.remove_assertion_signature()?);
        match id {
            Some(id) => document::attribute(&forged, "Assertion", "ID", Some(id)),
            None => Ok(forged),
        }
    }

    fn forge_original(&self) -> Result<String, String> {
        let forged = self.impersonate(document::outer(self.original, "Response")?);
        let response = self.new_id("forged-response");
        let forged = document::attribute(&forged, "Response", "ID", Some(&response))?;
        document::attribute(&forged, ASSERTION, "ID", Some(&self.new_id("forged")))
    }

    fn forge_and_split_original(&self) -> Result<(String, String), String> {
        let forged = self.forge_original()?;
        let at = document::find(&forged, "Response/Issuer")?.outer.end;
        Ok((forged[..at].to_owned(), forged[at..].to_owned()))
    }

    /// Computes the digest of an assertion with the algorithm of the genuine signature.
    fn digest_of(&self, assertion: &str) -> Result<String, String> {
        let signature = self.signature()?;
        let method = document::value_of(
            &signature,
            "Signature/SignedInfo/Reference/DigestMethod",
            "Algorithm",
        )?;
        let canonical = document::canonical(assertion, "Assertion")?;
        Ok(STANDARD.encode(handmade::digest(&method, &canonical)))
    }

    fn forge_signed_info(&self) -> Result<String, String> {
        let id = self.new_id("forged");
        let digest = self.digest_of(&self.forge_assertion(Some(&id))?)?;
        let reference = "Signature/SignedInfo/Reference";
        let signature = self.signature()?;
        let signature = document::attribute(&signature, reference, "URI", Some(&format!("#{id}")))?;
        let value = format!("{reference}/DigestValue");
        let signature = document::content(&signature, &value, &digest)?;
        Ok(document::outer(&signature, "Signature/SignedInfo")?.to_owned())
    }

    fn forge_and_split_assertion(&self) -> Result<(String, String), String> {
        let forged = self.forge_assertion(Some(&self.new_id("forged")))?;
        let at = document::find(&forged, "Assertion/Issuer")?.outer.end;
        Ok((forged[..at].to_owned(), forged[at..].to_owned()))
    }
}

/// Breaks base64 into lines of 76 characters, as MIME has them.
fn lines(base64: &str, end: &str) -> String {
    let signs: Vec<char> = base64.chars().collect();
    let lines: Vec<String> = signs.chunks(76).map(|line| line.iter().collect()).collect();
    lines.join(end)
}

/// Changes the first letter after the `@` to its full-width form: equal after Unicode normalization
/// (NFKC), different in a plain comparison.
fn fullwidth_domain(address: &str) -> String {
    let at = address.find('@').map_or(0, |at| at + 1);
    address
        .char_indices()
        .map(|(index, sign)| {
            // The full-width forms have the same order as ASCII, from U+FF01 on.
            if index == at && sign.is_ascii_alphanumeric() {
                char::from_u32(u32::from(sign) + 0xFEE0).unwrap_or(sign)
            } else {
                sign
            }
        })
        .collect()
}

/// Encodes the text in UTF-7 (RFC 2152), with every character shifted.
fn utf7(text: &str) -> String {
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let shifted = base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes);
    format!("+{shifted}-")
}
