//! The fields of a posted form (`application/x-www-form-urlencoded`).

use memchr::{memchr, memchr2};

/// Returns the values of the fields with these names, `None` for a field that the form does not
/// have. Other fields are left out.
///
/// Parsers for all forms decode a message byte by byte, which takes as long as verifying its
/// signature. This one copies whole runs of characters. It reads what browsers send; for anything
/// else the result is `None`, and such a parser has to decide: a field that occurs twice, a name
/// that is encoded, an invalid encoding, text that is not UTF-8.
pub fn find_fields<const N: usize>(form: &[u8], names: [&str; N]) -> Option<[Option<String>; N]> {
    let mut values = [const { None }; N];
    for pair in form.split(|byte| *byte == b'&').filter(|it| !it.is_empty()) {
        let (name, value) = match memchr(b'=', pair) {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &[][..]),
        };
        if memchr2(b'%', b'+', name).is_some() {
            return None;
        }
        let Some(at) = names.iter().position(|it| it.as_bytes() == name) else {
            continue;
        };
        if values[at].is_some() {
            return None;
        }
        values[at] = Some(decode(value)?);
    }
    Some(values)
}

/// Decodes a value; `None` if it is not encoded as browsers do it.
fn decode(value: &[u8]) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = memchr2(b'%', b'+', rest) {
        decoded.extend_from_slice(&rest[..at]);
        if rest[at] == b'+' {
            decoded.push(b' ');
            rest = &rest[at + 1..];
            continue;
        }
        let (&high, &low) = (rest.get(at + 1)?, rest.get(at + 2)?);
        decoded.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
        rest = &rest[at + 3..];
    }
    decoded.extend_from_slice(rest);
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::form_urlencoded::{Serializer, parse};

    use super::*;

    #[test]
    fn what_browsers_do_not_send_is_left_to_others() {
        for form in [
            "a=1&a=2",
            "%61=1",
            "a=%",
            "a=%4",
            "a=%zz",
            "a=%FF",
            "a+b=1&a=2",
            "a=\u{e4}%C3",
        ] {
            assert_eq!(find_fields(form.as_bytes(), ["a"]), None, "{form}");
        }
        let found = find_fields(b"&b=%2B+%3d&&a&c=%", ["a", "b", "d"]);
        let wanted = [Some(String::new()), Some("+ =".to_owned()), None];
        assert_eq!(found, Some(wanted));
    }

    proptest! {
        #[test]
        fn a_form_is_read_as_by_the_url_standard(
            form in "(a|b|=|&|%|%2B|%C3%A4|%61|\\+|[a-c0-9=&%+ä]){0,24}",
            value in "\\PC{0,40}",
        ) {
            let encoded = Serializer::new(String::new()).append_pair("b", &value).finish();
            for form in [form, encoded] {
                let Some(found) = find_fields(form.as_bytes(), ["a", "b"]) else { continue };
                for (name, found) in ["a", "b"].into_iter().zip(found) {
                    let mut all = parse(form.as_bytes()).filter(|(key, _)| key == name);
                    prop_assert_eq!(all.next().map(|(_, value)| value.into_owned()), found);
                    prop_assert_eq!(all.next(), None);
                }
            }
        }

        #[test]
        fn every_value_of_a_browser_is_read(value in "\\PC{0,40}") {
            let form = Serializer::new(String::new()).append_pair("b", &value).finish();
            prop_assert_eq!(find_fields(form.as_bytes(), ["b"]), Some([Some(value)]));
        }
    }
}
