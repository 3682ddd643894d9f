//! Attribute paths (RFC 7644 §3.10) and the paths of PATCH operations (§3.5.2).

use std::fmt;

use crate::filter::{Filter, parse_value_path};
use crate::{Error, ScimType};

/// An attribute path `[urn:]name[.sub]`, in any letter case (RFC 7643 §2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributePath {
    /// URN of the schema, if the path contains it.
    pub schema: Option<String>,
    /// Name of the attribute.
    pub name: String,
    /// Name of the sub-attribute.
    pub sub: Option<String>,
}

impl AttributePath {
    /// Parses a path.
    ///
    /// # Errors
    /// A text that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (schema, rest) = match text.rfind(':') {
            Some(at)
                if text
                    .get(..4)
                    .is_some_and(|start| start.eq_ignore_ascii_case("urn:")) =>
            {
                // A URN contains a version such as `2.0`, so a dot before the last colon does not
                // separate a sub-attribute; the name follows the last colon.
                (Some(text[..at].to_owned()), &text[at + 1..])
            }
            Some(_) => return Err(format!("expected urn:… before the colon, got {text:?}")),
            None => (None, text),
        };
        let (name, sub) = match rest.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (rest, None),
        };
        for part in std::iter::once(name).chain(sub) {
            if !is_name(part) {
                return Err(format!(
                    "expected an attribute name (a letter, then letters, digits, - or _), got {part:?}"
                ));
            }
        }
        Ok(Self {
            schema,
            name: name.to_owned(),
            sub: sub.map(str::to_owned),
        })
    }
}

/// True if the text is an attribute name (ATTRNAME in RFC 7643 §2.1) or `$ref`.
pub(crate) fn is_name(text: &str) -> bool {
    let text = text.strip_prefix('$').unwrap_or(text);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}:")?;
        }
        f.write_str(&self.name)?;
        match &self.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

/// The path of a PATCH operation: `attribute[filter].sub` (RFC 7644 §3.5.2).
#[derive(Debug, Clone, PartialEq)]
pub struct PatchPath {
    /// The attribute, with its sub-attribute if there is no filter.
    pub attribute: AttributePath,
    /// The filter that selects values.
    pub filter: Option<Filter>,
    /// The sub-attribute of the selected values.
    pub sub: Option<String>,
}

impl PatchPath {
    /// Parses a path.
    ///
    /// # Errors
    /// `invalidPath`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = |detail: String| {
            Error::of(
                ScimType::InvalidPath,
                format!("the path {text:?}: {detail}"),
            )
        };
        let text = text.trim();
        let Some(open) = text.find('[') else {
            return Ok(Self {
                attribute: AttributePath::parse(text).map_err(invalid)?,
                filter: None,
                sub: None,
            });
        };
        let attribute = AttributePath::parse(&text[..open]).map_err(invalid)?;
        let (filter, rest) = parse_value_path(&text[open..]).map_err(invalid)?;
        let sub = match rest {
            "" => None,
            rest => match rest.strip_prefix('.') {
                Some(sub) if is_name(sub) => Some(sub.to_owned()),
                _ => {
                    return Err(invalid(format!(
                        "expected .sub-attribute after ], got {rest:?}"
                    )));
                }
            },
        };
        Ok(Self {
            attribute,
            filter: Some(filter),
            sub,
        })
    }
}
