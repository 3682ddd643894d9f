//! Everything that was seen of an identity provider: what the checks judge,
//! and what a recording keeps. It holds no password.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::check::runner::FetchedDocument;

/// What was seen, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// The version of this form.
    pub format: u32,
    /// The service provider that was played.
    pub party: Played,
    /// The user who signed on.
    pub user: String,
    /// The metadata before the trials.
    pub metadata: Fetched,
    /// The metadata after them.
    pub metadata_after: Option<Fetched>,
    /// Addresses that were opened without a message.
    pub opened: Vec<Opened>,
    /// What became of each trial, by name.
    pub trials: BTreeMap<String, Trial>,
}

/// The version that [`Recording::format`] has now.
pub const FORMAT: u32 = 1;

/// The service provider that was played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Played {
    /// Its entity identifier.
    pub entity_id: String,
    /// Its assertion consumer services, in the order of their indices.
    pub acs: Vec<String>,
    /// Its single logout service.
    pub slo: String,
}

/// A document that was fetched or read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// A URL, or a file's name.
    pub place: String,
    /// The media type, where it was fetched.
    pub media_type: Option<String>,
    /// `Cache-Control`, where it was fetched and said.
    pub cache_control: Option<String>,
    /// The document.
    pub body: String,
    /// The time of the event.
    pub at: Timestamp,
    /// Of a document with several entities: which is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
}

impl Fetched {
    /// A document that came from `place` at that time, about its only entity.
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

/// An address that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// What it is, such as `SingleSignOnService`.
    pub what: String,
    /// By which method.
    #[serde(default = "get")]
    pub method: String,
    /// The address.
    pub url: String,
    /// The status it answered.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub trouble: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The message that was sent, empty where none was.
    pub request: String,
    /// Its `ID`.
    pub request_id: String,
    /// The binding that it was sent by.
    pub binding: String,
    /// Whether the request was signed.
    pub signed: bool,
    /// The `RelayState` that was sent.
    pub relay_state: Option<String>,
    /// When it was sent.
    pub at: Timestamp,
    /// Every page on the way.
    pub pages: Vec<Page>,
    /// Whether the person was asked for anything.
    pub asked: bool,
    /// How it ended.
    pub ending: Ending,
    /// What it did to the identity provider, seen by honest sign-ons after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harm: Option<String>,
}

/// A page that a browser was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// How it was asked for.
    pub method: String,
    /// Its address.
    pub url: String,
    /// The fields that were sent, secrets masked.
    pub sent: String,
    /// Its status.
    pub status: u16,
    /// Its media type.
    pub media_type: String,
    /// Where it redirected to.
    pub location: Option<String>,
    /// `Cache-Control`.
    pub cache_control: String,
    /// Whether it forbids to be framed by strangers.
    pub unframed: bool,
    /// The cookies it set: name and flags, without their values.
    pub cookies: Vec<String>,
    /// Whether it asks for a password.
    pub asks: bool,
    /// Its text, cut where it is very long.
    pub body: String,
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum Ending {
    /// With a message to some address.
    Answer(Delivered),
    /// On a page.
    Page {
        /// Its address.
        url: String,
        /// Its status.
        status: u16,
        /// What a person reads there.
        text: String,
    },
    /// A request got no answer: nothing can be concluded from that.
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
    /// It was not tried.
    NotTried {
        /// Why not.
        why: String,
    },
}

/// A message that a browser was told to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// Where to.
    pub to: String,
    /// `HTTP-POST` or `HTTP-Redirect`.
    pub binding: String,
    /// `SAMLResponse` or `SAMLRequest`.
    pub parameter: String,
    /// The parameter's value, as it was sent.
    pub field: String,
    /// The `RelayState` that came with it.
    pub relay_state: Option<String>,
    /// The time of the event.
    pub at: Timestamp,
}

impl Trial {
    /// A trial that was not made.
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
