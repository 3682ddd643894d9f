//! Bytes as hexadecimal digits.

/// Returns the bytes as lower-case hexadecimal, two digits for each byte.
pub fn hexadecimal(bytes: &[u8]) -> String {
    // Formatting byte by byte takes longer than the digest that is written.
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    let mut text = String::with_capacity(bytes.len() * 2);
    text.extend(digits.map(digit));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_two_digits() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        let wanted: String = all.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hexadecimal(&all), wanted);
    }
}
