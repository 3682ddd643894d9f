//! Everything that was observed of an identity provider: the input of the checks and the contents
//! of a recording file. It contains no password.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::trials::{POST, REDIRECT};
use crate::check::runner::FetchedDocument;

/// A recording of `check idp`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Version of this format.
    pub format: u32,
    /// The service provider that was played.
    pub party: Played,
    /// The user who signed on.
    pub user: String,
    /// The metadata before the trials.
    pub metadata: Fetched,
    /// The metadata after the trials.
    pub metadata_after: Option<Fetched>,
    /// URLs that were opened without a message.
    pub opened: Vec<Opened>,
    /// Result of each trial, by its name.
    pub trials: BTreeMap<String, Trial>,
    /// Names of the attributes whose value was the user's password. None if the password is not
    /// known, because the person signed on in their own browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_attributes: Option<BTreeSet<String>>,
    /// True if the user name contains the password, so that an attribute with this value may be the
    /// user name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_password_part_of_user: bool,
}

/// The current value of [`Recording::format`].
pub const FORMAT: u32 = 1;

/// Names and URLs of the service provider that was played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Played {
    /// Entity ID.
    pub entity_id: String,
    /// URLs of the assertion consumer services, in the order of their indices.
    pub acs: Vec<String>,
    /// URL of the single logout service.
    pub slo: String,
}

/// A document that was fetched or read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// URL or file name.
    pub place: String,
    /// Media type, if the document was fetched.
    pub media_type: Option<String>,
    /// `Cache-Control` header, if the document was fetched and had one.
    pub cache_control: Option<String>,
    /// Text of the document.
    pub body: String,
    /// When it was fetched or read.
    pub at: Timestamp,
    /// Entity ID of the judged entity, if the document contains several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
}

impl Fetched {
    /// Creates a record of a document from `place`, for metadata with one entity.
    pub fn of(place: &str, document: FetchedDocument, at: Timestamp) -> Self {
        Self {
            place: place.to_owned(),
            media_type: document.media_type,
            cache_control: document.cache_control,
            body: document.text,
            at,
            entity_id: None,
        }
    }
}

/// A URL that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Kind of the URL, such as `SingleSignOnService`.
    pub what: String,
    /// HTTP method.
    #[serde(default = "get")]
    pub method: String,
    /// The address.
    pub url: String,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub trouble: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

/// A trial and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The SAML message that was sent; empty if there was none.
    pub request: String,
    /// `ID` of the message.
    pub request_id: String,
    /// The binding by which it was sent.
    pub binding: String,
    /// True if the request was signed.
    pub signed: bool,
    /// The `RelayState` that was sent.
    pub relay_state: Option<String>,
    /// When the message was sent.
    pub at: Timestamp,
    /// Every page of the sign-on.
    pub pages: Vec<Page>,
    /// True if the user was asked for anything.
    pub asked: bool,
    /// How the trial ended.
    pub ending: Ending,
    /// Harm to the identity provider, as found by ordinary sign-ons after the trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harm: Option<String>,
}

/// A page that the browser received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// HTTP method of the request.
    pub method: String,
    /// URL.
    pub url: String,
    /// Fields of the request, with secrets masked.
    pub sent: String,
    /// HTTP status.
    pub status: u16,
    /// Media type.
    pub media_type: String,
    /// Target of the redirect, if it is one.
    pub location: Option<String>,
    /// The `Cache-Control` header.
    pub cache_control: String,
    /// True if its headers forbid frames of other sites.
    pub unframed: bool,
    /// The cookies that it set: name and flags, without values.
    pub cookies: Vec<String>,
    /// True if the page asks for a password.
    pub asks: bool,
    /// The body, shortened if it is very long.
    pub body: String,
    /// How long the server asked to wait (429, or 503 with Retry-After).
    #[serde(skip)]
    pub retry_after: Option<std::time::Duration>,
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum Ending {
    /// With a SAML message to deliver.
    Answer(Delivered),
    /// On a page without a message.
    Page {
        /// URL of the page.
        url: String,
        /// HTTP status of the page.
        status: u16,
        /// Visible text of the page.
        text: String,
    },
    /// A request got no answer, so nothing can be concluded.
    NoAnswer {
        /// The reason.
        why: String,
    },
    /// The exchange failed.
    #[serde(rename = "trouble")]
    Failed {
        /// The reason.
        why: String,
    },
    /// The trial was not run.
    NotTried {
        /// Why it was not run.
        why: String,
    },
}

/// A SAML message that a page or redirect made the browser deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// URL to which it should be delivered.
    pub to: String,
    /// `HTTP-POST` or `HTTP-Redirect`.
    pub binding: String,
    /// `SAMLResponse` or `SAMLRequest`.
    pub parameter: String,
    /// Value of the parameter, as received.
    pub field: String,
    /// The `RelayState` next to it.
    pub relay_state: Option<String>,
    /// The query string as received, for HTTP-Redirect: its signature covers these bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// When the message arrived.
    pub at: Timestamp,
}

/// Returns the trial in which the user signed on first: by HTTP-Redirect, or by HTTP-POST if the
/// person was not asked there.
pub(super) fn first_sign_on(trials: &BTreeMap<String, Trial>) -> Option<&Trial> {
    let mut plain = [REDIRECT, POST].iter().filter_map(|it| trials.get(*it));
    plain.find(|it| it.asked || matches!(it.ending, Ending::Answer(_)))
}

impl Trial {
    /// Creates the record of a trial that was not run.
    pub fn not_tried(at: Timestamp, why: impl Into<String>) -> Self {
        Self {
            request: String::new(),
            request_id: String::new(),
            binding: String::new(),
            signed: false,
            relay_state: None,
            at,
            pages: Vec::new(),
            asked: false,
            ending: Ending::NotTried { why: why.into() },
            harm: None,
        }
    }
}
