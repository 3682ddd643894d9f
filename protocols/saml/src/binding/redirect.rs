//! HTTP-Redirect (saml-bindings §3.4): DEFLATE, base64 and percent-encoding in a query string, with
//! a signature over the bytes of the query string.

use std::io::Read as _;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::DeflateDecoder;
use flate2::{Compress, CompressError, Compression, FlushCompress, Status};
use url::Url;
use url::form_urlencoded::{byte_serialize, parse};

use super::{BindingError, Parameter};
use crate::Limits;
use crate::keys::{Certificate, SignatureAlgorithm, SigningKey};

/// Returns the URL that carries the message to `endpoint`, signed if there is a key (§3.4.4.1). A
/// query string that the endpoint already has is kept.
///
/// # Errors
/// [`BindingError::Endpoint`] and [`BindingError::Key`].
pub fn encode(
    endpoint: &str,
    parameter: Parameter,
    xml: &str,
    relay_state: Option<&str>,
    key: Option<&SigningKey>,
) -> Result<String, BindingError> {
    let mut url = Url::parse(endpoint).map_err(|_| BindingError::Endpoint(endpoint.to_owned()))?;
    let deflated = deflate(xml.as_bytes()).map_err(|error| BindingError::Deflate {
        parameter: parameter.name(),
        reason: error.to_string(),
    })?;
    let mut query = pair(parameter.name(), STANDARD.encode(deflated).as_bytes());
    if let Some(relay_state) = relay_state {
        query.push('&');
        query.push_str(&pair("RelayState", relay_state.as_bytes()));
    }
    if let Some(key) = key {
        query.push('&');
        query.push_str(&pair("SigAlg", key.algorithm().uri().as_bytes()));
        let signature = key.sign(key.algorithm(), query.as_bytes())?;
        query.push('&');
        query.push_str(&pair("Signature", STANDARD.encode(signature).as_bytes()));
    }
    let query = match url.query() {
        Some(own) if !own.is_empty() => format!("{own}&{query}"),
        _ => query,
    };
    url.set_query(Some(&query));
    Ok(url.into())
}

/// A compressor that is not in use. It has some 300 KB of memory; clearing new memory takes longer
/// than compressing a request.
static COMPRESS: Mutex<Option<Compress>> = Mutex::new(None);

/// Compresses by DEFLATE (RFC 1951).
fn deflate(bytes: &[u8]) -> Result<Vec<u8>, CompressError> {
    let unused = || COMPRESS.lock().unwrap_or_else(PoisonError::into_inner);
    let compress = unused().take();
    let mut compress = compress.unwrap_or_else(|| Compress::new(Compression::default(), false));
    let mut out = Vec::with_capacity(bytes.len() / 2 + 64);
    loop {
        // The position is less than the length of `bytes`.
        let read = usize::try_from(compress.total_in()).unwrap_or(bytes.len());
        let status = compress.compress_vec(&bytes[read..], &mut out, FlushCompress::Finish)?;
        if status == Status::StreamEnd {
            break;
        }
        out.reserve(out.capacity().max(64));
    }
    compress.reset();
    *unused() = Some(compress);
    Ok(out)
}

fn pair(name: &str, value: &[u8]) -> String {
    let mut out = format!("{name}=");
    out.extend(byte_serialize(value));
    out
}

/// The detached signature of a query string (§3.4.4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuerySignature {
    algorithm: SignatureAlgorithm,
    value: Vec<u8>,
    signed: String,
}

impl QuerySignature {
    /// True if the key of one of the certificates made the signature over the received bytes.
    pub fn verify(&self, certificates: &[Certificate]) -> bool {
        certificates.iter().any(|certificate| {
            certificate.verifies(self.algorithm, self.signed.as_bytes(), &self.value)
        })
    }
}

/// A message received by HTTP-Redirect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectMessage {
    /// The parameter: `SAMLRequest` or `SAMLResponse`.
    pub parameter: Parameter,
    /// The XML of the message.
    pub xml: String,
    /// The sender's `RelayState`, to be returned unchanged.
    pub relay_state: Option<String>,
    /// The signature, not verified yet.
    pub signature: Option<QuerySignature>,
}

/// A message received by HTTP-Redirect whose signature was not read. Nothing shows who sent it: it is
/// for programs that report what a sender does, also with algorithms that [`decode`] refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedMessage {
    /// The parameter: `SAMLRequest` or `SAMLResponse`.
    pub parameter: Parameter,
    /// The XML of the message.
    pub xml: String,
    /// The sender's `RelayState`.
    pub relay_state: Option<String>,
}

/// Reads the query string of a redirect, without its `?`, and neither `SigAlg` nor `Signature`.
///
/// # Errors
/// [`BindingError`] when a parameter of the message is missing, repeated or malformed.
pub fn decode_unverified(
    raw_query: &str,
    limits: &Limits,
) -> Result<UnverifiedMessage, BindingError> {
    let fields = MessageFields::find(raw_query, limits)?;
    Ok(UnverifiedMessage {
        parameter: fields.parameter,
        xml: fields.xml(limits)?,
        relay_state: fields.relay_state.map(|field| field.value),
    })
}

/// Reads the query string of a redirect, without its `?`.
///
/// # Errors
/// [`BindingError`] when a parameter is missing, repeated or malformed.
pub fn decode(raw_query: &str, limits: &Limits) -> Result<RedirectMessage, BindingError> {
    let fields = MessageFields::find(raw_query, limits)?;
    let algorithm = Field::find(raw_query, "SigAlg")?;
    let signature = match (algorithm, Field::find(raw_query, "Signature")?) {
        (None, None) => None,
        (Some(_), None) => return Err(BindingError::HalfSigned("SigAlg")),
        (None, Some(_)) => return Err(BindingError::HalfSigned("Signature")),
        (Some(algorithm), Some(value)) => {
            let mut signed = fields.message.raw.to_owned();
            for field in fields.relay_state.iter().chain([&algorithm]) {
                signed.push('&');
                signed.push_str(field.raw);
            }
            Some(QuerySignature {
                algorithm: SignatureAlgorithm::from_accepted_uri(&algorithm.value)
                    .ok_or(BindingError::Algorithm(algorithm.value))?,
                value: base64("Signature", &value.value)?,
                signed,
            })
        }
    };
    Ok(RedirectMessage {
        parameter: fields.parameter,
        xml: fields.xml(limits)?,
        relay_state: fields.relay_state.map(|field| field.value),
        signature,
    })
}

/// The parameters of a message, without its signature.
struct MessageFields<'q> {
    parameter: Parameter,
    message: Field<'q>,
    relay_state: Option<Field<'q>>,
}

impl<'q> MessageFields<'q> {
    fn find(raw_query: &'q str, limits: &Limits) -> Result<Self, BindingError> {
        if raw_query.len() > limits.max_encoded_bytes {
            return Err(BindingError::TooLarge {
                what: "a query",
                limit: limits.max_encoded_bytes,
            });
        }
        let request = Field::find(raw_query, "SAMLRequest")?;
        let response = Field::find(raw_query, "SAMLResponse")?;
        let (parameter, message) = match (request, response) {
            (Some(message), None) => (Parameter::Request, message),
            (None, Some(message)) => (Parameter::Response, message),
            (Some(_), Some(_)) => {
                return Err(BindingError::Repeated("SAMLRequest or SAMLResponse".into()));
            }
            (None, None) => return Err(BindingError::NoMessage),
        };
        if let Some(encoding) = Field::find(raw_query, "SAMLEncoding")?
            && encoding.value != "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
        {
            return Err(BindingError::Encoding(encoding.value));
        }
        Ok(Self {
            parameter,
            message,
            relay_state: Field::find(raw_query, "RelayState")?,
        })
    }

    fn xml(&self, limits: &Limits) -> Result<String, BindingError> {
        let deflated = base64(self.parameter.name(), &self.message.value)?;
        inflate(self.parameter, &deflated, limits)
    }
}

/// A parameter, both as received and decoded.
struct Field<'q> {
    raw: &'q str,
    value: String,
}

impl<'q> Field<'q> {
    fn find(query: &'q str, name: &str) -> Result<Option<Self>, BindingError> {
        let mut found = None;
        for raw in query.split('&') {
            // The value may be long, so it is decoded only if it is wanted.
            let key = raw.split('=').next().unwrap_or_default();
            if !parse(key.as_bytes()).any(|(key, _)| key == name) {
                continue;
            }
            let Some((_, value)) = parse(raw.as_bytes()).next() else {
                continue;
            };
            if found.is_some() {
                return Err(BindingError::Repeated(name.to_owned()));
            }
            found = Some(Self {
                raw,
                value: value.into_owned(),
            });
        }
        Ok(found)
    }
}

fn base64(parameter: &'static str, value: &str) -> Result<Vec<u8>, BindingError> {
    let compact: String = value.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD
        .decode(compact)
        .map_err(|error| BindingError::Base64 {
            parameter,
            reason: error.to_string(),
        })
}

fn inflate(parameter: Parameter, bytes: &[u8], limits: &Limits) -> Result<String, BindingError> {
    let mut out = Vec::new();
    DeflateDecoder::new(bytes)
        .take(limits.max_xml_bytes as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|error| BindingError::Deflate {
            parameter: parameter.name(),
            reason: error.to_string(),
        })?;
    if out.len() > limits.max_xml_bytes {
        return Err(BindingError::TooLarge {
            what: "XML",
            limit: limits.max_xml_bytes,
        });
    }
    String::from_utf8(out).map_err(|_| BindingError::Utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(url: &str) -> String {
        url.split_once('?').unwrap().1.to_owned()
    }

    #[test]
    fn a_message_and_its_relay_state_are_unchanged_after_encoding_and_decoding() {
        let url = encode(
            "https://idp/sso?x=1",
            Parameter::Request,
            "<ä/>",
            Some("r&s"),
            None,
        );
        let back = decode(&query(&url.unwrap()), &Limits::default()).unwrap();
        assert_eq!(back.xml, "<ä/>");
        assert_eq!(back.relay_state.as_deref(), Some("r&s"));
        assert_eq!(back.signature, None);
    }

    #[test]
    fn a_compressed_message_does_not_depend_on_those_before() {
        let first = deflate(b"<a/>").unwrap();
        // Longer than the memory of the compression, and hardly compressible.
        let long: Vec<u8> = (0..100_000_u32)
            .flat_map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes())
            .collect();
        let deflated = deflate(&long).unwrap();
        let mut back = Vec::new();
        let mut decoder = DeflateDecoder::new(deflated.as_slice());
        decoder.read_to_end(&mut back).unwrap();
        assert!(back == long, "{} bytes became {}", long.len(), back.len());
        assert_eq!(deflate(b"<a/>").unwrap(), first);
    }

    #[test]
    fn a_message_that_decompresses_beyond_the_limit_is_refused() {
        let bomb = " ".repeat(1 << 20);
        let url = encode("https://idp/sso", Parameter::Request, &bomb, None, None).unwrap();
        let error = decode(&query(&url), &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), "XML is larger than 262144 bytes");
    }

    #[test]
    fn a_repeated_parameter_is_refused() {
        let error = decode("SAMLRequest=a&SAMLRequest=b", &Limits::default()).unwrap_err();
        assert_eq!(error, BindingError::Repeated("SAMLRequest".into()));
    }

    #[test]
    fn a_signature_with_sha1_is_refused_and_its_message_can_be_read_unverified() {
        let url = encode("https://idp/slo", Parameter::Request, "<a/>", None, None).unwrap();
        let algorithm = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
        let query =
            format!("{}&SigAlg={algorithm}&Signature=AAAA", query(&url)).replace('#', "%23");
        let limits = Limits::default();
        let refused = BindingError::Algorithm(algorithm.to_owned());
        assert_eq!(decode(&query, &limits), Err(refused));
        assert_eq!(decode_unverified(&query, &limits).unwrap().xml, "<a/>");
    }

    proptest::proptest! {
        #[test]
        fn no_query_makes_the_reader_panic(query in "(SAMLRequest=|SigAlg=|&|%|[a-zA-Z0-9+/=])*") {
            let _ = decode(&query, &Limits::default());
            let _ = decode_unverified(&query, &Limits::default());
        }
    }
}
