//! Documents in another encoding than they declare: what they are, and what to do.

use encoding_rs::WINDOWS_1252;

use super::field::{Quality, quality};

/// Decodes a document that is not valid UTF-8 and declares no other encoding. Other bytes, which
/// begin with `<` by chance, are not well-formed XML.
pub(super) fn read_windows_1252(bytes: &[u8]) -> Option<String> {
    let is_document = bytes.trim_ascii_start().starts_with(b"<");
    if !is_document || std::str::from_utf8(bytes).is_ok() {
        return None;
    }
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
    (quality(&text) == Quality::WellFormed).then(|| text.into_owned())
}

/// Says why parsers refuse a document that was read as Windows-1252.
pub(super) fn not_utf8(bytes: &[u8]) -> String {
    let at = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let byte = bytes.get(at).copied().unwrap_or_default();
    format!(
        "the document is not valid UTF-8 (byte {at} is 0x{byte:02X}) and declares no other encoding, so every XML parser refuses it (XML 1.0 §4.3.3). To show it, it was read as Windows-1252; the sender must write UTF-8"
    )
}

/// Describes a document whose XML declaration names UTF-16 although its bytes are UTF-8.
pub(crate) fn wrong_declaration(bytes: &[u8]) -> Option<String> {
    let head = &bytes[..bytes.len().min(200)];
    let head = String::from_utf8_lossy(head).to_lowercase();
    let declaration = head.trim_start_matches('\u{feff}').trim_start();
    let (declaration, _) = declaration.strip_prefix("<?xml")?.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start_matches([' ', '=', '"', '\'']);
    value.starts_with("utf-16").then(|| {
        "the XML declaration says UTF-16, but the bytes are UTF-8, as .NET's StringWriter writes it: some parsers refuse the document (XML 1.0 §4.3.3). The sender must write encoding=\"UTF-8\", or leave the declaration out".to_owned()
    })
}
