//! Normalizes white space in attribute values (XML 1.0 §3.3.3): a literal tab or line break becomes
//! a space. The parser does not do so, and the digest would then differ from the signer's.

/// Returns the text with all attribute values normalized; `None` if nothing changes. The length
/// stays the same, so that positions remain valid: if a line break of two characters becomes one
/// space, another space is added after the closing quote.
pub(super) fn normalized(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut changed: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = find(bytes, at, b"<") {
        at = match &bytes[found..] {
            [b'<', b'!', b'-', b'-', ..] => after(bytes, found + 4, b"-->")?,
            rest if rest.starts_with(b"<![CDATA[") => after(bytes, found, b"]]>")?,
            [b'<', b'?', ..] => after(bytes, found, b"?>")?,
            // A document type declaration is refused elsewhere.
            [b'<', b'!', ..] => return None,
            _ => tag(bytes, found + 1, &mut changed)?,
        };
    }
    changed.and_then(|bytes| String::from_utf8(bytes).ok())
}

/// Processes one tag and returns the position after it.
fn tag(bytes: &[u8], mut at: usize, changed: &mut Option<Vec<u8>>) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            b'>' => return Some(at + 1),
            quote @ (b'"' | b'\'') => {
                let end = find(bytes, at + 1, &[quote])?;
                value(bytes, at + 1, end, changed);
                at = end + 1;
            }
            _ => at += 1,
        }
    }
}

/// Normalizes the value that ends before the quote at `end`.
fn value(bytes: &[u8], start: usize, end: usize, changed: &mut Option<Vec<u8>>) {
    let raw = &bytes[start..end];
    if !raw.iter().any(|it| matches!(it, b'\t' | b'\n' | b'\r')) {
        return;
    }
    let mut normal = Vec::with_capacity(raw.len() + 1);
    for (index, byte) in raw.iter().enumerate() {
        match byte {
            b'\n' if index > 0 && raw[index - 1] == b'\r' => {}
            b'\t' | b'\n' | b'\r' => normal.push(b' '),
            other => normal.push(*other),
        }
    }
    normal.push(bytes[end]);
    normal.resize(raw.len() + 1, b' ');
    let all = changed.get_or_insert_with(|| bytes.to_vec());
    all[start..=end].copy_from_slice(&normal);
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let found = rest.windows(what.len()).position(|it| it == what)?;
    Some(from + found)
}

fn after(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    find(bytes, from, what).map(|at| at + what.len())
}

#[cfg(test)]
mod tests {
    use super::normalized;

    #[test]
    fn white_space_in_attribute_values_becomes_spaces() {
        let text = "<a x='1\r\n2\t3' y=\"&#10;\"><!-- '\n -->\n<![CDATA[<b c='\n']]></a>";
        let wanted = "<a x='1 2 3'  y=\"&#10;\"><!-- '\n -->\n<![CDATA[<b c='\n']]></a>";
        assert_eq!(normalized(text).as_deref(), Some(wanted));
        assert_eq!(wanted.len(), text.len());
        assert_eq!(normalized("<a x='1 2'\n y='3'>\n</a>"), None);
        assert_eq!(normalized("<a x='1\n"), None);
    }
}
