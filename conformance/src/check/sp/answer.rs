//! What came of a delivery.

use serde_json::{Value, json};
use url::Url;

use crate::excerpt::{beginning, excerpt};

/// What came of a delivery.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What `--expect` matched in the probe's answer; none when it did not.
    pub shown: Option<String>,
    /// The status at the end of the delivery.
    pub status: u16,
    /// Where it ended.
    pub url: String,
    /// Whether it ended at the played identity provider: the person is sent
    /// to log in again.
    pub is_sent_back: bool,
    /// The reference number that the answer gave.
    pub reference: Option<String>,
    /// What the page at the end of the delivery says.
    pub page: String,
    /// The probe's status.
    pub probe_status: u16,
    /// What the probe said.
    pub probe: String,
    /// The document that was sent.
    pub sent: String,
    /// Cookies of the service provider that the Response arrived without,
    /// because of `SameSite`.
    pub lost_cookies: Vec<String>,
}

/// How much of a document or answer the evidence quotes, in characters.
const QUOTED: usize = 6000;

/// How much of a page a sentence quotes, in characters.
pub(super) const SAID: usize = 160;

fn quoted(text: &str) -> String {
    beginning(text, QUOTED)
}

/// An address without its query, which may hold a whole SAML message.
pub(super) fn place(url: &str) -> String {
    let Ok(mut place) = Url::parse(url) else {
        return url.to_owned();
    };
    place.set_query(None);
    place.to_string()
}

impl Answer {
    /// Whether somebody was let in who is taken for the person of `--user`.
    pub fn is_accepted(&self) -> bool {
        self.shown.is_some()
    }

    /// In a sentence.
    pub fn to_sentence(&self) -> String {
        let reference = self.reference.as_ref();
        let reference = reference.map_or_else(String::new, |it| format!(", reference {it}"));
        let end = format!("HTTP {} at {}", self.status, place(&self.url));
        let probe = self.probe_status;
        match (&self.shown, self.is_sent_back) {
            (Some(shown), _) => format!(
                "logged in: the probe answers HTTP {probe} with \"{}\"; the Response led to {end}{reference}",
                shown.trim()
            ),
            (None, true) => format!(
                "not logged in: the Response led back to the identity provider{reference}; the probe answers HTTP {probe}"
            ),
            (None, false) => format!(
                "not logged in: the Response led to {end}{reference}{}; the probe answers HTTP {probe}",
                says(&self.page)
            ),
        }
    }

    /// For the report. No secret is in it: the keys are the check's own, and
    /// cookies are left out.
    pub fn evidence(&self) -> Value {
        json!({
            "sent": quoted(&self.sent),
            "answer": {"status": self.status, "url": self.url, "page": self.page},
            "reference": self.reference,
            "probe": quoted(&self.probe),
        })
    }
}

/// What a page says, as a clause; nothing for an empty page.
pub(super) fn says(page: &str) -> String {
    if page.is_empty() {
        return String::new();
    }
    format!(", which says \"{}\"", excerpt(page, SAID))
}
