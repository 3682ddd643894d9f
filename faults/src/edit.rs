//! Changes of a document, as data.

use serde::{Deserialize, Serialize};

/// Position of an insertion, relative to an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Directly before the element.
    Before,
    /// Directly after the element.
    After,
    /// Inside the element, as its first child.
    First,
    /// Inside the element, as its last child.
    Last,
}

/// One change of a document. `at` names an element by its local names from the root down, such as
/// `Response/Assertion/Subject`; the first match counts at each step. Texts can contain the
/// placeholders of `phrases.rs`, such as `{forged}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(
    tag = "edit",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Edit {
    /// Sets an attribute, or removes it if there is no value.
    Attribute {
        /// Path of the element.
        at: String,
        /// Name of the attribute, as written in the document.
        name: String,
        /// Its new value.
        value: Option<String>,
    },
    /// Replaces the content of an element with raw XML.
    Content {
        /// Path of the element.
        at: String,
        /// The new content.
        xml: String,
    },
    /// Inserts raw XML.
    Insert {
        /// Path of the element.
        at: String,
        /// Position before, after or inside the element.
        place: Place,
        /// The XML to insert.
        xml: String,
        /// How many copies to insert.
        #[serde(default = "once")]
        times: usize,
        /// Inserts nothing if the document contains this text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unless: Option<String>,
    },
    /// Replaces an element.
    Replace {
        /// Path of the element.
        at: String,
        /// The XML that replaces it.
        xml: String,
    },
    /// Removes an element.
    Remove {
        /// Path of the element.
        at: String,
    },
    /// Adds text before and after the document.
    #[allow(missing_docs, reason = "the names of the fields say it")]
    Surround {
        #[serde(default)]
        before: String,
        #[serde(default)]
        after: String,
    },
    /// Replaces every occurrence of a text.
    Substitute {
        /// The text to find; the document must contain it.
        find: String,
        /// The text that replaces it.
        with: String,
    },
    /// Adds a number of seconds to every time in the document.
    Shift {
        /// The seconds to add; negative values give earlier times.
        seconds: i64,
    },
    /// Removes the fraction of a second from every time in the document.
    WholeSeconds,
    /// Replaces the genuine user's name with the forged name everywhere.
    Impersonate,
    /// Sets `DigestValue` to the digest of the changed content.
    Redigest {
        /// What `DigestValue` then contains: `{new}` stands for that digest, `{old}` for the
        /// signed one.
        #[serde(default = "new_digest")]
        written: String,
    },
    /// Moves an element to another place.
    Move {
        /// Path of the element.
        at: String,
        /// The XML that replaces the element at its old place.
        #[serde(default)]
        leaving: String,
        /// Path of the element at which it is inserted, in the document without the moved element.
        to: String,
        /// Position before, after or inside that element.
        place: Place,
        /// The text before the moved element.
        #[serde(default)]
        before: String,
        /// The text after the moved element.
        #[serde(default)]
        after: String,
    },
    /// Encrypts an element for the service provider, with AES-256-GCM and RSA-OAEP, and puts
    /// `EncryptedAssertion`, `EncryptedAttribute` or `EncryptedID` in its place.
    Encrypt {
        /// Path of the element.
        at: String,
        /// The XML that is encrypted before the element.
        #[serde(default)]
        before: String,
        /// The XML that is encrypted after the element.
        #[serde(default)]
        after: String,
    },
    /// Removes the last bytes of a value in base64.
    Truncate {
        /// Path of the element that contains the value.
        at: String,
        /// Number of bytes to remove.
        bytes: usize,
    },
    /// Inserts nested elements at the end of an element.
    Nest {
        /// Path of the element.
        at: String,
        /// Number of nested levels.
        depth: usize,
    },
}

fn once() -> usize {
    1
}

fn new_digest() -> String {
    "{new}".to_owned()
}

impl Edit {
    pub(crate) fn impersonates(&self) -> bool {
        matches!(self, Self::Impersonate) || self.says("{forged")
    }

    /// True if the edit writes another name in place of the user's.
    pub(crate) fn renames(&self) -> bool {
        matches!(self, Self::Substitute { find, .. } if find.contains("{genuine}"))
    }

    /// True if the edit writes the forged name with one more character, as a character reference.
    pub(crate) fn appends_character(&self) -> bool {
        let Self::Substitute { find, with } = self else {
            return false;
        };
        let added = with.strip_prefix("{forged-name}&#");
        let number = added.and_then(|it| it.strip_suffix(';'));
        find == "{genuine}" && number.is_some_and(|it| it.parse::<u32>().is_ok())
    }

    /// Returns the local name of the element that the edit encrypts, if it encrypts one.
    pub(crate) fn encrypted_element(&self) -> Option<&str> {
        match self {
            Self::Encrypt { at, .. } => at.rsplit('/').next(),
            _ => None,
        }
    }

    /// True if one of the texts of the edit contains `phrase`.
    pub(crate) fn says(&self, phrase: &str) -> bool {
        let speaks = |text: &str| text.contains(phrase);
        match self {
            Self::Attribute { value, .. } => value.as_deref().is_some_and(speaks),
            Self::Content { xml, .. } | Self::Insert { xml, .. } | Self::Replace { xml, .. } => {
                speaks(xml)
            }
            Self::Surround { before, after } | Self::Encrypt { before, after, .. } => {
                speaks(before) || speaks(after)
            }
            Self::Move { leaving, .. } => speaks(leaving),
            Self::Substitute { with, .. } => speaks(with),
            Self::Impersonate
            | Self::Remove { .. }
            | Self::Shift { .. }
            | Self::WholeSeconds
            | Self::Redigest { .. }
            | Self::Truncate { .. }
            | Self::Nest { .. } => false,
        }
    }
}
