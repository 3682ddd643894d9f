//! The changes that make a damaged text or value readable, as a table: each has a name for JSON and a
//! sentence for readers.

use serde::Serialize;

/// A change without which the message could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repair {
    /// The `>` of a quoted mail were removed.
    MailQuotes,
    /// Line numbers, times or names before each line were removed.
    LinePrefixes,
    /// Quoted-printable was decoded.
    QuotedPrintable,
    /// The `^` of the Windows command line were removed.
    Carets,
    /// The address within another address was percent-decoded.
    NestedAddress,
    /// Escapes with a backslash were decoded.
    BackslashEscapes,
    /// HTML character references were decoded.
    HtmlEscapes,
    /// Zero-width spaces and other invisible characters were removed.
    InvisibleCharacters,
    /// Quotation marks, commas and semicolons around the value were removed.
    Quotes,
    /// Spaces were read as plus signs.
    Spaces,
    /// Plus signs that were not percent-encoded were kept.
    PlusSigns,
    /// The padding at the end of the base64 was added or corrected.
    Padding,
    /// Base64 of base64 was decoded.
    Base64Twice,
}

/// A repair, its name in JSON, and what readers are told about it.
struct Row(Repair, &'static str, &'static str);

const ROWS: &[Row] = &[
    Row(
        Repair::MailQuotes,
        "mail-quotes",
        "The > before the lines of a quoted mail were removed",
    ),
    Row(
        Repair::LinePrefixes,
        "line-prefixes",
        "Line numbers or other prefixes of the lines were removed",
    ),
    Row(
        Repair::QuotedPrintable,
        "quoted-printable",
        "The encoding quoted-printable of mails was decoded",
    ),
    Row(
        Repair::Carets,
        "carets",
        "The carets (^) of the Windows command line were removed",
    ),
    Row(
        Repair::NestedAddress,
        "nested-address",
        "An address within a parameter of another address was percent-decoded",
    ),
    Row(
        Repair::BackslashEscapes,
        "backslash-escapes",
        "Escapes with a backslash, such as \\\" and \\u003c, were decoded",
    ),
    Row(
        Repair::HtmlEscapes,
        "html-escapes",
        "HTML escapes, such as &lt;, were decoded",
    ),
    Row(
        Repair::InvisibleCharacters,
        "invisible-characters",
        "Invisible characters, such as zero-width spaces, were removed",
    ),
    Row(
        Repair::Quotes,
        "quotes",
        "Quotation marks, commas or semicolons around the value were removed",
    ),
    Row(
        Repair::Spaces,
        "spaces",
        "Spaces in the value were read as plus signs: the value was not percent-encoded (+ is %2B), or was decoded twice. If a service provider gets it like this, it cannot read the message",
    ),
    Row(
        Repair::PlusSigns,
        "plus-signs",
        "The value contains plus signs that are not percent-encoded: if it was sent like this, the receiver reads them as spaces; the sender must write %2B",
    ),
    Row(
        Repair::Padding,
        "padding",
        "The number of = at the end of the base64 was corrected: strict receivers refuse such a value. Check whether it was copied completely",
    ),
    Row(
        Repair::Base64Twice,
        "base64-twice",
        "The value was decoded from base64 twice: if it was sent like this, the receiver cannot read it; the sender must encode it once",
    ),
];

impl Repair {
    fn row(self) -> &'static Row {
        let row = ROWS.iter().find(|row| row.0 == self);
        row.expect("every repair has a row")
    }

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// What was done, and what it means for the sender.
    fn sentence(self) -> &'static str {
        self.row().2
    }
}

/// Returns one remark about all repairs of a message; `None` without repairs.
pub fn remark(repairs: &[Repair]) -> Option<String> {
    let sentences: Vec<&str> = repairs.iter().map(|it| it.sentence()).collect();
    (!sentences.is_empty()).then(|| {
        format!(
            "the input was changed, because it cannot be read as it is. {}",
            sentences.join(". ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_json() {
        for Row(repair, name, _) in ROWS {
            assert_eq!(serde_json::to_value(repair).unwrap(), *name);
            assert_eq!(repair.name(), *name);
        }
    }
}
