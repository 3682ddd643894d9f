//! Reads the bytes of a file as text: decompresses gzip, finds the encoding, and says what a file of
//! another kind is.

use std::io::Read as _;

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::SourceError;
use crate::inspection::encoding;
use crate::inspection::pasted::encoding::wrong_declaration;

/// Longest text after decompression, in bytes: as long as what is read from a pipe. A small file can
/// decompress to gigabytes.
const LONGEST: u64 = 256 << 20;

/// The text of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) text: String,
    /// True if the file was compressed.
    pub(super) is_gzip: bool,
    /// Describes the encoding, unless it is plain UTF-8.
    pub(super) remark: Option<String>,
}

/// A kind of file that contains no text: the bytes at its beginning, what it is, and what to do.
struct Kind(&'static [u8], &'static str, &'static str);

const COPY_TEXT: &str =
    "paste the text of the message instead, or save a HAR file in the browser's network tab";
const UNPACK: &str = "unpack it, and give the file with the message";
const KEYS: &str =
    "to decrypt assertions, give the private key in PEM (--key); the message is another file";

const KINDS: &[Kind] = &[
    Kind(b"\x89PNG\r\n\x1a\n", "a PNG picture", COPY_TEXT),
    Kind(b"\xff\xd8\xff", "a JPEG picture", COPY_TEXT),
    Kind(b"GIF8", "a GIF picture", COPY_TEXT),
    Kind(b"RIFF", "a WebP picture, or another media file", COPY_TEXT),
    Kind(b"BM", "a BMP picture", COPY_TEXT),
    Kind(b"II*\0", "a TIFF picture", COPY_TEXT),
    Kind(b"MM\0*", "a TIFF picture", COPY_TEXT),
    Kind(b"%PDF-", "a PDF document", COPY_TEXT),
    Kind(
        b"PK\x03\x04",
        "a ZIP archive, or a document of an office program",
        UNPACK,
    ),
    Kind(b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    Kind(b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    Kind(b"\xfd7zXZ\0", "a file compressed with xz", UNPACK),
    Kind(b"\x28\xb5\x2f\xfd", "a file compressed with zstd", UNPACK),
    Kind(b"BZh", "a file compressed with bzip2", UNPACK),
    Kind(b"\x1f\x8b", "a gzip file within a gzip file", UNPACK),
    Kind(
        b"SQLite format 3\0",
        "an SQLite database",
        "export the value of the message as text",
    ),
    Kind(
        b"\xd0\xcf\x11\xe0",
        "a mail of Outlook (.msg) or an old Office document",
        "open it, and paste the text of the message",
    ),
    Kind(
        b"\xd4\xc3\xb2\xa1",
        "a packet capture (pcap)",
        "TLS hides the messages in it; save a HAR file in the browser's network tab",
    ),
    Kind(
        b"\x0a\x0d\x0d\x0a",
        "a packet capture (pcapng)",
        "TLS hides the messages in it; save a HAR file in the browser's network tab",
    ),
    Kind(b"\xfe\xed\xfe\xed", "a Java key store", KEYS),
    Kind(b"\x7fELF", "a program", COPY_TEXT),
    Kind(b"MZ", "a program for Windows", COPY_TEXT),
];

/// Returns the text of a file.
///
/// # Errors
/// What the file is, if it contains no text, and what to do.
pub(super) fn read(bytes: &[u8]) -> Result<Contents, SourceError> {
    let is_gzip = bytes.starts_with(b"\x1f\x8b\x08");
    let inflated = if is_gzip { Some(gunzip(bytes)?) } else { None };
    let bytes = inflated.as_deref().unwrap_or(bytes);
    if let Some((what, fix)) = other_kind(bytes) {
        return Err(SourceError::OtherFile { what, fix });
    }
    let (text, remark) = decode(bytes)?;
    Ok(Contents {
        text,
        is_gzip,
        remark,
    })
}

fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, SourceError> {
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes)
        .take(LONGEST + 1)
        .read_to_end(&mut out)
        .map_err(|error| SourceError::Gzip(error.to_string()))?;
    match u64::try_from(out.len()).is_ok_and(|length| length <= LONGEST) {
        true => Ok(out),
        false => Err(SourceError::LongGzip(LONGEST >> 20)),
    }
}

/// Says what a file without text is, and what to do.
fn other_kind(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let known = KINDS.iter().find(|kind| bytes.starts_with(kind.0));
    // Text may begin with the letters of a short mark.
    if let Some(Kind(mark, what, fix)) = known
        && (mark.iter().any(|byte| !byte.is_ascii_graphic()) || has_controls(bytes))
    {
        return Some((what, fix));
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some(("a video, or a HEIC picture", COPY_TEXT));
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Some(("a tar archive", UNPACK));
    }
    // DER: a sequence with its length in two bytes.
    if let [0x30, 0x82, _, _, rest @ ..] = bytes {
        return Some(match rest {
            [0x02, 0x01, 0x03, ..] => ("a PKCS#12 file (.p12, .pfx)", KEYS),
            [0x02, 0x01, 0x00, ..] => (
                "a private key (DER)",
                "to decrypt assertions, give it as --key; the message is another file",
            ),
            [0x30, ..] => (
                "a certificate (DER)",
                "give the metadata that contain it as --metadata; the message is another file",
            ),
            _ => (
                "a file in ASN.1 (DER), such as a certificate or a key",
                KEYS,
            ),
        });
    }
    None
}

/// True if bytes contain control characters that no text has.
fn has_controls(bytes: &[u8]) -> bool {
    let mut all = bytes.iter();
    all.any(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31))
}

/// Decodes a text, and describes its encoding.
fn decode(bytes: &[u8]) -> Result<(String, Option<String>), SourceError> {
    if let Some((encoding, name)) = unmarked_utf16(bytes) {
        let (text, had_errors) = encoding.decode_without_bom_handling(bytes);
        if !had_errors {
            return Ok((
                text.into_owned(),
                Some(format!("the text is {name}, without a byte order mark")),
            ));
        }
    }
    match encoding::decode(bytes) {
        Ok(decoded) => {
            let remark = decoded.remark.or_else(|| wrong_declaration(bytes));
            Ok((decoded.text, remark))
        }
        Err(error) if has_controls(bytes) => {
            let known = ["UTF-16", "UTF-32"].iter().any(|it| error.contains(it));
            Err(match known {
                true => SourceError::Encoding(error),
                false => SourceError::OtherFile {
                    what: "binary data, not text",
                    fix: COPY_TEXT,
                },
            })
        }
        // Logs and mails of Windows.
        Err(_) => {
            let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
            Ok((
                text.into_owned(),
                Some(
                    "the text is not UTF-8 and does not say what it is: it was read as Windows-1252. An XML parser refuses a document like this"
                        .to_owned(),
                ),
            ))
        }
    }
}

/// Returns the encoding of UTF-16 without a byte order mark: in a text of mostly ASCII characters,
/// every other byte is zero.
fn unmarked_utf16(bytes: &[u8]) -> Option<(&'static encoding_rs::Encoding, &'static str)> {
    let head = &bytes[..bytes.len().min(4096)];
    let (pairs, _) = head.as_chunks::<2>();
    let zeros = |at: usize| pairs.iter().filter(|pair| pair[at] == 0).count();
    let most = pairs.len().div_ceil(10) * 8;
    if pairs.len() < 4 {
        return None;
    }
    match (zeros(0), zeros(1)) {
        (0, low) if low >= most => Some((UTF_16LE, "UTF-16LE")),
        (high, 0) if high >= most => Some((UTF_16BE, "UTF-16BE")),
        _ => None,
    }
}
