//! Reads text files as editors and shells write them.

use std::io::{self, Read};
use std::path::Path;

/// Longest input from a pipe, a device or standard input, in bytes: these have no length that could
/// be looked up, and may never end.
const LONGEST_STREAM: u64 = 256 << 20;

/// Reads everything from a stream, such as standard input.
///
/// # Errors
///
/// The stream cannot be read, or is longer than 256 MiB.
pub fn read_stream(stream: impl Read) -> io::Result<Vec<u8>> {
    read_at_most(stream, LONGEST_STREAM)
}

fn read_at_most(stream: impl Read, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(longest + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= longest) {
        return Ok(bytes);
    }
    let what = format!(
        "it is longer than {} MiB; write the part that is needed to a file, and give this file",
        longest >> 20
    );
    Err(io::Error::new(io::ErrorKind::InvalidData, what))
}

/// Reads a file. What has no length, such as a pipe or a device, is read up to 256 MiB.
///
/// # Errors
///
/// The file cannot be read, or has no length and is too long.
pub fn read_bytes(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    match std::fs::metadata(path)?.is_file() {
        true => std::fs::read(path),
        false => read_stream(std::fs::File::open(path)?),
    }
}

/// Reads a text file: UTF-8 with or without a byte order mark, or UTF-16 with one, which Windows
/// PowerShell writes for `>`. The text has no byte order mark.
///
/// # Errors
///
/// The file cannot be read, or is in another encoding.
pub fn read(path: impl AsRef<Path>) -> io::Result<String> {
    decode(&read_bytes(path)?).map_err(|what| io::Error::new(io::ErrorKind::InvalidData, what))
}

/// Returns what to add to the error of a file that a program cannot read, if the file contains the
/// quotation marks that word processors and web pages put in place of straight ones.
pub fn quotes_hint(text: &str) -> &'static str {
    match text.contains(['“', '”', '„', '‘', '’', '«', '»']) {
        true => " (it contains curly quotation marks: write straight ones)",
        false => "",
    }
}

fn decode(bytes: &[u8]) -> Result<String, String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let text = String::from_utf16(&pairs.iter().map(|it| unit(*it)).collect::<Vec<_>>());
        let text = text.ok().filter(|_| rest.is_empty());
        text.ok_or_else(|| "invalid UTF-16; save the file as UTF-8".to_owned())
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => {
            let text = std::str::from_utf8(rest).map_err(|error| {
                let at = bytes.len() - rest.len() + error.valid_up_to();
                format!("invalid UTF-8 at byte {at}; save the file as UTF-8")
            })?;
            Ok(text.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_does_not_end_is_refused() {
        let error = read_at_most(io::repeat(b'a'), 1 << 20).unwrap_err();
        assert!(error.to_string().contains("longer than 1 MiB"), "{error}");
        assert_eq!(read_at_most(&b"abc"[..], 3).unwrap(), b"abc");
    }

    #[test]
    fn text_is_read_as_editors_and_shells_write_it() {
        let utf16 = |unit: fn(u16) -> [u8; 2]| {
            let units = "\u{feff}é\r\n".encode_utf16();
            units.flat_map(unit).collect::<Vec<u8>>()
        };
        for bytes in [
            "é\r\n".as_bytes(),
            "\u{feff}é\r\n".as_bytes(),
            &utf16(u16::to_le_bytes),
            &utf16(u16::to_be_bytes),
        ] {
            assert_eq!(decode(bytes).unwrap(), "é\r\n", "{bytes:?}");
        }
        assert_eq!(
            decode(b"\xef\xbb\xbfab\xe9").unwrap_err(),
            "invalid UTF-8 at byte 5; save the file as UTF-8"
        );
        assert!(decode(b"\xff\xfea").is_err());
    }
}
