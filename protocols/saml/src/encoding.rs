//! Decodes bytes to text: by the byte order mark, then by the XML declaration, otherwise as UTF-8
//! (XML 1.0, appendix F); and base64 to bytes.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::engine::general_purpose::PAD;
use base64::{DecodeError, Engine as _};
use encoding_rs::{Encoding, UTF_8};

/// Base64 with the vector instructions of the processor. Decoding a posted Response without them
/// takes a third of the time of checking its signature.
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon")
))]
pub(crate) static BASE64: LazyLock<base64::engine::Simd> =
    LazyLock::new(|| base64::engine::Simd::standard(PAD));

/// Base64 for processors whose vector instructions the crate does not use.
#[cfg(not(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon")
)))]
pub(crate) static BASE64: LazyLock<base64::engine::GeneralPurpose> =
    LazyLock::new(|| base64::engine::GeneralPurpose::new(&base64::alphabet::STANDARD, PAD));

/// A decoded text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The text, without a byte order mark.
    pub text: String,
    /// Describes the encoding, unless it is plain UTF-8.
    pub remark: Option<String>,
}

/// Decodes a file or a message. A vector in UTF-8 is not copied.
///
/// # Errors
/// A sentence that names the encoding and the first invalid byte.
pub fn decode<'b>(bytes: impl Into<Cow<'b, [u8]>>) -> Result<Decoded, String> {
    let bytes = bytes.into();
    if let Some((encoding, length)) = Encoding::for_bom(&bytes) {
        let text = decode_as(encoding, Cow::Borrowed(&bytes[length..]))?;
        let mark = if encoding == UTF_8 {
            "the text begins with a byte order mark".to_owned()
        } else {
            format!("the text is {}", encoding.name())
        };
        return Ok(Decoded {
            text,
            remark: Some(mark),
        });
    }
    // UTF-16 without a byte order mark: every ASCII character has a zero byte next to it.
    let utf16 = match &*bytes {
        [b'<', 0, ..] => Some(encoding_rs::UTF_16LE),
        [0, b'<', ..] => Some(encoding_rs::UTF_16BE),
        _ => None,
    };
    let encoding = utf16.or_else(|| declared_encoding(&bytes)).unwrap_or(UTF_8);
    Ok(Decoded {
        text: decode_as(encoding, bytes)?,
        remark: (encoding != UTF_8).then(|| format!("the text is {}", encoding.name())),
    })
}

/// Decodes bytes that may not be XML. If they are not valid in the declared encoding, decodes them
/// as UTF-8 with U+FFFD for invalid bytes.
pub fn decode_lossy(bytes: &[u8]) -> String {
    match decode(bytes) {
        Ok(decoded) => decoded.text,
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Decodes base64 with white space in it, as `xs:base64Binary` allows. Positions in the error are
/// those without white space.
pub(crate) fn decode_base64(text: &str) -> Result<Vec<u8>, DecodeError> {
    BASE64.decode(text).or_else(|error| {
        // Most senders write one line, so white space is searched only now.
        let compact: String = text.split_ascii_whitespace().collect();
        match compact.len() == text.len() {
            true => Err(error),
            false => BASE64.decode(compact),
        }
    })
}

fn decode_as(encoding: &'static Encoding, bytes: Cow<'_, [u8]>) -> Result<String, String> {
    if encoding == UTF_8 {
        return String::from_utf8(bytes.into_owned()).map_err(|error| {
            format!(
                "invalid UTF-8 at byte {}; save the file as UTF-8",
                error.utf8_error().valid_up_to()
            )
        });
    }
    let (text, had_errors) = encoding.decode_without_bom_handling(&bytes);
    if had_errors {
        return Err(format!(
            "invalid {}; save the file as UTF-8",
            encoding.name()
        ));
    }
    Ok(text.into_owned())
}

/// Returns the name of the encoding in the XML declaration, as it is written there (XML 1.0 §4.3.3).
pub fn declared_name(document: &str) -> Option<&str> {
    let head = document.trim_start().strip_prefix("<?xml")?;
    let (declaration, _) = head.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|it| matches!(it, '"' | '\''))?;
    value[1..].split(quote).next()
}

/// Returns the encoding in the XML declaration.
fn declared_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let head: String = bytes.iter().take(200).map(|byte| *byte as char).collect();
    let encoding = Encoding::for_label(declared_name(&head)?.as_bytes())?;
    // A declaration that is readable in single bytes cannot be in UTF-16.
    let wide = encoding == encoding_rs::UTF_16LE || encoding == encoding_rs::UTF_16BE;
    (!wide).then_some(encoding)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The error texts contain the position, so errors are compared as well.
        #[test]
        fn base64_by_vectors_is_that_without(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            wrong in prop::option::of((any::<prop::sample::Index>(), any::<char>())),
        ) {
            prop_assert_eq!(BASE64.encode(&bytes), STANDARD.encode(&bytes));
            let mut text: Vec<char> = STANDARD.encode(&bytes).chars().collect();
            if let Some((at, sign)) = wrong && !text.is_empty() {
                let at = at.index(text.len());
                text[at] = sign;
            }
            let text: String = text.into_iter().collect();
            prop_assert_eq!(BASE64.decode(&text), STANDARD.decode(&text));
        }
    }

    #[test]
    fn base64_in_lines_is_decoded_and_its_errors_count_no_white_space() {
        assert_eq!(decode_base64("PGE+").unwrap(), b"<a>");
        assert_eq!(decode_base64(" P\tGE+\r\n\x0c\n").unwrap(), b"<a>");
        assert_eq!(decode_base64("").unwrap(), b"");
        assert_eq!(decode_base64(" \n").unwrap(), b"");
        for text in [
            "PG!+",
            "\n P\tG !+\n",
            "PG E+A",
            "PGE",
            "P GE\n",
            "PGE+\u{a0}",
            "P=GE",
        ] {
            let compact: String = text.split_ascii_whitespace().collect();
            let error = decode_base64(text).unwrap_err();
            assert_eq!(error, STANDARD.decode(&compact).unwrap_err(), "{text:?}");
        }
        let error = decode_base64("\n P\tG !+\n").unwrap_err();
        assert_eq!(error.to_string(), "Invalid symbol 33, offset 2.");
    }

    #[test]
    fn the_declared_name_ends_at_its_quote() {
        let of = |declaration: &str| declared_name(declaration).map(str::to_owned);
        let standalone = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><a/>";
        assert_eq!(of(standalone).as_deref(), Some("UTF-8"));
        let spaces = "<?xml version='1.0' encoding = 'utf-16' ?><a/>";
        assert_eq!(of(spaces).as_deref(), Some("utf-16"));
        assert_eq!(of("<?xml version='1.0' standalone='yes'?><a/>"), None);
        assert_eq!(of("<a encoding='x'/>"), None);
    }

    #[test]
    fn text_is_decoded_by_its_byte_order_mark_and_its_declaration() {
        let xml = "<a>\u{e4}</a>";
        let little: Vec<u8> = xml.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = xml.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe4</a>";
        assert_eq!(decode(xml.as_bytes()).unwrap().text, xml);
        assert_eq!(decode(xml.as_bytes()).unwrap().remark, None);
        for bytes in [
            [b"\xef\xbb\xbf", xml.as_bytes()].concat(),
            [b"\xff\xfe".as_slice(), &little].concat(),
            [b"\xfe\xff".as_slice(), &big].concat(),
            little,
            big,
        ] {
            let decoded = decode(&bytes).unwrap();
            assert_eq!(decoded.text, xml);
            assert!(decoded.remark.is_some());
        }
        assert!(decode(latin).unwrap().text.ends_with(xml));
        let broken = decode(b"<a>\xe4</a>").unwrap_err();
        assert_eq!(broken, "invalid UTF-8 at byte 3; save the file as UTF-8");
    }
}
