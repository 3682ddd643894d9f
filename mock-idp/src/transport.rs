//! Transport faults: they change how the bytes of an answer are sent. They are data here;
//! [`http::transport`](crate::http) applies them.

use serde::{Deserialize, Serialize};

/// A transport fault with its settings, as `{"id": "latency", "milliseconds": 500}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "id", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Transport {
    /// The answer is delayed.
    Latency {
        #[serde(default = "a_second")]
        milliseconds: u64,
    },
    /// The answer is replaced by one with an error status.
    ErrorStatus {
        #[serde(default = "unavailable")]
        status: u16,
    },
    /// The answer is replaced by 429 with `Retry-After`, in seconds.
    TooManyRequests {
        #[serde(default = "a_minute", rename = "retryAfter")]
        retry_after: u64,
    },
    /// The connection ends after half of the body.
    HalfABody,
    /// The connection is reset before the answer.
    Reset,
    /// The body is sent slowly: 16 bytes at a time.
    SlowDrip {
        #[serde(default = "a_tenth")]
        milliseconds: u64,
    },
    /// The answer has a wrong `Content-Type`.
    WrongContentType {
        #[serde(default = "octets", rename = "contentType")]
        content_type: String,
    },
}

fn a_second() -> u64 {
    1000
}

fn a_tenth() -> u64 {
    100
}

fn a_minute() -> u64 {
    60
}

fn unavailable() -> u16 {
    503
}

fn octets() -> String {
    "application/octet-stream".to_owned()
}

/// The description of a transport fault.
pub(crate) struct About {
    pub id: &'static str,
    /// What the fault does.
    pub about: &'static str,
    /// Name of its setting, if it has one.
    pub setting: Option<&'static str>,
}

const fn about(id: &'static str, about: &'static str, setting: Option<&'static str>) -> About {
    About { id, about, setting }
}

/// All transport faults.
pub(crate) const ALL: [About; 7] = [
    about(
        "latency",
        "the answer is delayed by `milliseconds`",
        Some("milliseconds"),
    ),
    about(
        "error-status",
        "the answer is replaced by one with the error `status`",
        Some("status"),
    ),
    about(
        "too-many-requests",
        "the answer is replaced by 429 with a Retry-After of `retryAfter` seconds",
        Some("retryAfter"),
    ),
    about(
        "half-a-body",
        "the connection ends after half of the body",
        None,
    ),
    about("reset", "the connection is reset before the answer", None),
    about(
        "slow-drip",
        "the body is sent slowly: 16 bytes every `milliseconds`",
        Some("milliseconds"),
    ),
    about(
        "wrong-content-type",
        "the Content-Type of the answer is `contentType`",
        Some("contentType"),
    ),
];

impl Transport {
    /// True if there is a transport fault with this id.
    pub(crate) fn is_known(id: &str) -> bool {
        Self::about(id).is_some()
    }

    /// Returns the description of the transport fault with this id.
    pub(crate) fn about(id: &str) -> Option<&'static About> {
        ALL.iter().find(|about| about.id == id)
    }

    /// Returns the fault with this id and setting; if the setting is empty, with the default.
    ///
    /// # Errors
    /// A text that says what was expected.
    pub(crate) fn set(id: &str, setting: &str) -> Result<Self, String> {
        let about = Self::about(id).ok_or_else(|| format!("fault {id:?} not found"))?;
        match (about.setting, setting.trim()) {
            (_, "") => Self::of_header(id),
            (Some(name), setting) => Self::of_header(&format!("{id}; {name}={setting}")),
            (None, setting) => Err(format!(
                "expected no setting, because {id} has none, got {setting:?}"
            )),
        }
    }

    /// Returns the id of the fault.
    pub(crate) fn id(&self) -> String {
        let shown = serde_json::to_value(self).unwrap_or_default();
        shown["id"].as_str().unwrap_or_default().to_owned()
    }

    /// Returns the setting as text, such as `milliseconds=500`.
    pub(crate) fn setting(&self) -> Option<String> {
        let shown = serde_json::to_value(self).ok()?;
        let name = Self::about(shown["id"].as_str()?)?.setting?;
        Some(match &shown[name] {
            serde_json::Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        })
    }

    /// Parses a fault from a header: `latency` or `latency; milliseconds=500`.
    pub(crate) fn of_header(text: &str) -> Result<Self, String> {
        let mut parts = text.split(';').map(str::trim);
        let mut settings = serde_json::Map::new();
        settings.insert("id".into(), parts.next().unwrap_or_default().into());
        for part in parts.filter(|part| !part.is_empty()) {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| format!("expected name=value, got {part:?}"))?;
            let value = value.trim();
            let value = match value.parse::<u64>() {
                Ok(number) => number.into(),
                Err(_) => value.trim_matches('"').into(),
            };
            settings.insert(name.trim().to_owned(), value);
        }
        serde_json::from_value(settings.into()).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_fault_is_read_by_its_id_alone_and_with_its_settings() {
        for About { id, setting, .. } in ALL {
            let read: Transport = serde_json::from_value(json!({"id": id})).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap()["id"], id);
            assert_eq!(Transport::of_header(id).unwrap(), read);
            assert_eq!(read.id(), id);
            assert_eq!(read.setting().is_some(), setting.is_some(), "{id}");
        }
        assert_eq!(
            Transport::set("latency", "20").unwrap(),
            Transport::Latency { milliseconds: 20 }
        );
        assert!(Transport::set("latency", "soon").is_err());
        assert!(Transport::set("reset", "20").is_err());
        assert_eq!(
            Transport::of_header("too-many-requests; retryAfter=7").unwrap(),
            Transport::TooManyRequests { retry_after: 7 }
        );
        assert!(Transport::of_header("latency; seconds=1").is_err());
        assert!(Transport::of_header("earthquake").is_err());
    }
}
