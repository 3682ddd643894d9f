//! The answer of the service provider to a Response.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::Url;

use super::expect::Probe;
use crate::excerpt::{excerpt, truncate};

/// The answer to a Response, and then that of the probe.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What matched in the probe's answer, such as `HTTP 200 with "jo"`; `None` if it did not match.
    pub shown: Option<String>,
    /// The status of the last answer, after all redirects.
    pub status: u16,
    /// The URL of the last answer.
    pub url: String,
    /// True if the browser ended at the played identity provider, which means that the user has
    /// to log in again.
    pub is_sent_back: bool,
    /// The value of the header `X-Refusal-Reference`, if an answer had one.
    pub reference: Option<String>,
    /// An excerpt of the page where the browser ended.
    pub page: String,
    /// The probe's answer.
    pub probe: Probe,
    /// The XML document that was sent.
    pub sent: String,
    /// Parts of the form field, if it is not the base64 of the document.
    pub field: Option<String>,
    /// Names of the service provider's cookies that a browser does not send with the Response,
    /// because of `SameSite`.
    pub lost_cookies: Vec<String>,
    /// Names of the service provider's cookies that a browser does not store: `SameSite=None`
    /// without `Secure`, or `Secure` without HTTPS.
    pub ignored_cookies: Vec<String>,
}

/// The most characters of a document or an answer that the evidence contains.
const QUOTED: usize = 6000;

/// The most characters of a page that a sentence quotes.
pub(super) const SAID: usize = 160;

/// The most characters of a page that an error of the set-up quotes: the page is often the only
/// explanation.
pub(super) const CAUSE: usize = 240;

/// The most characters of the begin and of the end of a form field in the evidence.
const FIELD_PART: usize = 100;

fn quote(text: &str) -> String {
    truncate(text, QUOTED)
}

/// Quotes a form field that is not the base64 of the document: its begin, its end, and what is
/// around the first character that does not belong to base64.
pub(super) fn quote_field(field: &str, document: &str) -> Option<String> {
    if STANDARD
        .decode(field)
        .is_ok_and(|it| it == document.as_bytes())
    {
        return None;
    }
    let characters: Vec<char> = field.chars().collect();
    let part = |from: usize, to: usize| -> String {
        let to = to.min(characters.len());
        characters[from.min(to)..to].iter().collect()
    };
    let is_foreign = |it: &char| !(it.is_ascii_alphanumeric() || "+/=".contains(*it));
    let middle = characters.iter().position(is_foreign);
    let middle = middle.filter(|at| *at >= FIELD_PART);
    let middle = middle.map_or_else(String::new, |at| format!("{} … ", part(at - 20, at + 20)));
    let (begin, length) = (part(0, FIELD_PART), characters.len());
    let end = part(length.saturating_sub(FIELD_PART).max(FIELD_PART), length);
    Some(format!("{begin} … {middle}{end} ({length} characters)"))
}

/// Returns a URL without its query, which may contain a whole SAML message.
pub(super) fn place(url: &str) -> String {
    let Ok(mut place) = Url::parse(url) else {
        return url.to_owned();
    };
    place.set_query(None);
    place.to_string()
}

impl Answer {
    /// True if the browser is logged in as the user of `--user`.
    pub fn is_accepted(&self) -> bool {
        self.shown.is_some()
    }

    /// Describes the answer in a sentence, for the report.
    pub fn to_sentence(&self) -> String {
        let reference = self.reference.as_ref();
        let reference = reference.map_or_else(String::new, |it| format!(", reference {it}"));
        let end = format!("HTTP {} at {}", self.status, place(&self.url));
        let probe = self.probe.said();
        match (&self.shown, self.is_sent_back) {
            (Some(shown), _) => format!(
                "logged in: the probe answers {shown}; the Response led to {end}{reference}"
            ),
            (None, true) => format!(
                "not logged in: the Response led back to the identity provider{reference}; the probe answers {probe}"
            ),
            (None, false) => format!(
                "not logged in: the Response led to {end}{reference}{}; the probe answers {probe}",
                says(&self.page)
            ),
        }
    }

    /// Returns the evidence for the report. It contains no cookies, so it cannot be used to log
    /// in.
    pub fn evidence(&self) -> Value {
        let mut evidence = json!({
            "sent": quote(&self.sent),
            "answer": {"status": self.status, "url": self.url, "page": self.page},
            "reference": self.reference,
            "probe": quote(&self.probe.body),
        });
        if let Some(field) = &self.field {
            evidence["field"] = field.as_str().into();
        }
        evidence
    }
}

/// Quotes a page as a clause of a sentence. Returns an empty text for an empty page.
pub(super) fn says(page: &str) -> String {
    if page.is_empty() {
        return String::new();
    }
    format!(", which says \"{}\"", excerpt(page, SAID))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_quoted_if_the_document_does_not_show_it() {
        let document = "<samlp:Response>".repeat(30);
        let field = STANDARD.encode(&document);
        assert_eq!(quote_field(&field, &document), None);
        let mut other = field.clone();
        other.insert_str(300, "*!");
        let quoted = quote_field(&other, &document).unwrap();
        assert!(quoted.starts_with(&field[..100]), "{quoted}");
        assert!(quoted.contains(&other[290..310]), "{quoted}");
        assert!(quoted.ends_with("(642 characters)"), "{quoted}");
        let plain = quote_field("<Response/>", "<Response/>").unwrap();
        assert_eq!(plain, "<Response/> …  (11 characters)");
    }
}
