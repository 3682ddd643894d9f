//! Parsers for the values of command-line options. Their errors name what is accepted.

use std::ops::RangeInclusive;

/// Returns a parser of whole numbers in a range, for `value_parser` of an option. Its end
/// is not named if it is the largest number.
pub fn whole_number<T>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: TryFrom<u64>,
{
    move |text| {
        let parsed = text.trim().parse().ok().filter(|it| range.contains(it));
        parsed.and_then(|it| T::try_from(it).ok()).ok_or_else(|| {
            let accepted = match (range.start(), range.end()) {
                (start, &u64::MAX) => format!("of {start} or more"),
                (start, end) => format!("from {start} to {end}"),
            };
            format!("expected a whole number {accepted}, got {text}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_outside_of_the_range_is_refused_with_the_range() {
        let port = whole_number::<u16>(0..=65_535);
        assert_eq!(port("8080"), Ok(8080));
        for wrong in ["65536", "-1", "1.5", "abc", ""] {
            let expected = format!("expected a whole number from 0 to 65535, got {wrong}");
            assert_eq!(port(wrong), Err(expected));
        }
        let seed = whole_number::<u64>(1..=u64::MAX);
        assert_eq!(seed("3"), Ok(3));
        for wrong in ["0", "99999999999999999999", "-1"] {
            let expected = format!("expected a whole number of 1 or more, got {wrong}");
            assert_eq!(seed(wrong), Err(expected));
        }
    }
}
