//! Masks secrets in evidence, unless `--show-secrets` is given: passwords and tokens in JSON and
//! forms, and the hidden fields and URLs by which a login page recognizes its visitor.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::CheckReport;

const MASK: &str = "•••";

/// Regular expression for the names of members, fields and parameters with secret values.
const NAMES: &str = "(?i:[a-z_.-]*(?:password|passwd|secret|csrf|xsrf|token|authstate|authorization|api[_-]?key)[a-z_.-]*)";

static PATTERNS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let quoted = format!(r#"("{NAMES}"\s*:\s*")[^"]*""#);
    let parameter = format!(r#"((?:^|[?&\n;\s]){NAMES}=)[^&\s"'<;]+"#);
    let field = format!(r#"(name="{NAMES}"[^>]*?value=")[^"]*""#);
    let field_behind = format!(r#"(value=")[^"]*("[^>]*?name="{NAMES}")"#);
    let token = r"[a-z0-9._~+/=-]";
    let header = format!(r"(?i)(authorization\W{{1,4}}(?:bearer|basic) ){token}{{6,}}");
    // Without the header, "bearer" may be a word of a sentence: a token has a digit.
    let bearer = format!(
        r"(?i)((?:bearer|basic) )(?:{token}*[0-9]{token}{{5,}}|{token}{{5,}}[0-9]{token}*)"
    );
    [
        (quoted, "${1}•••\""),
        (parameter, "${1}•••"),
        (field, "${1}•••\""),
        (field_behind, "${1}•••${2}"),
        (header, "${1}•••"),
        (bearer, "${1}•••"),
    ]
    .into_iter()
    .map(|(pattern, with)| {
        (
            Regex::new(&pattern).expect("a pattern written here compiles"),
            with,
        )
    })
    .collect()
});

fn text(text: &str) -> String {
    let mut out = text.to_owned();
    for (pattern, with) in PATTERNS.iter() {
        out = pattern.replace_all(&out, *with).into_owned();
    }
    out
}

fn value(of: &mut Value) {
    match of {
        Value::String(inner) => *inner = text(inner),
        Value::Array(items) => items.iter_mut().for_each(value),
        Value::Object(members) => {
            for (name, member) in members {
                let secret = ["password", "token", "secret"]
                    .iter()
                    .any(|it| name.to_lowercase().contains(it));
                if secret && member.is_string() {
                    *member = Value::from(MASK);
                } else {
                    value(member);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Least length of a known secret that is masked wherever it appears. A shorter one may be a part of
/// any word.
const LEAST_LENGTH: usize = 6;

/// Replaces known secrets, also as XML writes them.
struct Known(Vec<String>);

impl Known {
    fn new(secrets: &[String]) -> Self {
        let long = secrets.iter().filter(|it| it.len() >= LEAST_LENGTH);
        let forms = long.flat_map(|it| [it.clone(), escape_xml(it)]);
        Self(forms.collect())
    }

    fn mask(&self, text: &mut String) {
        for secret in &self.0 {
            if text.contains(secret) {
                *text = text.replace(secret, MASK);
            }
        }
    }

    fn mask_value(&self, of: &mut Value) {
        match of {
            Value::String(inner) => self.mask(inner),
            Value::Array(items) => items.iter_mut().for_each(|it| self.mask_value(it)),
            Value::Object(members) => members.values_mut().for_each(|it| self.mask_value(it)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn escape_xml(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

impl CheckReport {
    /// Returns the report with the secrets in its evidence masked. `known` has the passwords and
    /// tokens of the run: they are masked in every text, because a target may return them in a
    /// message or an error. Secrets of fewer than 6 bytes are masked only by the names of their
    /// fields.
    #[must_use]
    pub fn mask_secrets(mut self, known: &[String]) -> Self {
        let known = Known::new(known);
        if let Some(error) = &mut self.error {
            error.message = text(&error.message);
            known.mask(&mut error.message);
        }
        for outcome in &mut self.outcomes {
            outcome.actual = text(&outcome.actual);
            known.mask(&mut outcome.actual);
            if let Some(acceptance) = &mut outcome.acceptance {
                known.mask(acceptance);
            }
            value(&mut outcome.evidence);
            known.mask_value(&mut outcome.evidence);
        }
        let assessed = self.assessments.iter_mut();
        for result in assessed.flat_map(|it| &mut it.results) {
            result.reason = text(&result.reason);
            known.mask(&mut result.reason);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_masked_everywhere() {
        for secret in [
            "password=hunter22&x=1",
            "{\"access_token\": \"hunter22\"}",
            "<input type=\"hidden\" name=\"csrf_token\" value=\"hunter22\">",
            "<input value=\"hunter22\" name=\"AuthState\">",
            "Authorization: Bearer hunter22.abc",
            "https://idp.example/login?AuthState=hunter22",
        ] {
            let mut evidence = json!({"conversations": [{"sent": secret}]});
            value(&mut evidence);
            assert!(
                !evidence.to_string().contains("hunter22"),
                "{secret}: {evidence}"
            );
        }
        let mut scim = json!({"bearerToken": "hunter22", "userName": "ada"});
        value(&mut scim);
        assert_eq!(scim, json!({"bearerToken": MASK, "userName": "ada"}));
    }

    #[test]
    fn known_secrets_are_masked_wherever_a_target_returns_them() {
        let known = Known::new(&["right<pw".to_owned(), "short".to_owned()]);
        let mut evidence = json!({
            "xml": "<saml:AttributeValue>right&lt;pw</saml:AttributeValue>",
            "pages": ["wrong: right<pw", "a short text"],
        });
        known.mask_value(&mut evidence);
        let expected = json!({
            "xml": format!("<saml:AttributeValue>{MASK}</saml:AttributeValue>"),
            "pages": [format!("wrong: {MASK}"), "a short text"],
        });
        assert_eq!(evidence, expected);
    }

    #[test]
    fn values_that_are_not_secret_are_not_masked() {
        let saml = "<saml:Attribute Name=\"groups\"/> RelayState=abc NotOnOrAfter=\"2026-01-01T00:00:00Z\"";
        assert_eq!(text(saml), saml);
        let sentence = "no bearer confirmation: see SAML-IDP-ASSERT-04; a bearer assertion";
        assert_eq!(text(sentence), sentence);
        assert_eq!(
            text("HTTP 401 for Bearer eyJhbGciOiJS2NiIs"),
            "HTTP 401 for Bearer •••"
        );
    }
}
