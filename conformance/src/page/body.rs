//! Shows the body of a request or answer by its format: JSON indented, form fields decoded and
//! named, everything else unchanged.

use maud::{Markup, html};
use serde_json::Value;

use crate::excerpt::truncate;

/// Longest body in a report, in characters.
const SHOWN: usize = 8000;

/// Longest field value that is shown unfolded, in characters.
const LONG_FIELD: usize = 300;

/// Returns the HTML of a body. A long body scrolls; `tabindex` makes that possible with the
/// keyboard.
pub(super) fn markup(text: &str) -> Markup {
    if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
        return html! { pre tabindex="0" { (cut(&pretty(&value))) } };
    }
    match fields(text) {
        Some(fields) => {
            html! { dl.fields { @for (name, value) in &fields { (field(name, value)) } } }
        }
        None => html! { pre tabindex="0" { (cut(text)) } },
    }
}

fn field(name: &str, value: &str) -> Markup {
    let is_saml = matches!(name, "SAMLRequest" | "SAMLResponse");
    html! {
        dt { (name) }
        dd {
            @if is_saml || value.len() > LONG_FIELD {
                details {
                    summary { (value.len()) " characters" @if is_saml { " of base64, decoded above" } }
                    pre tabindex="0" { (cut(value)) }
                }
            } @else { code { (value) } }
        }
    }
}

/// Returns the fields of a form, either urlencoded or one `name=value` per line.
pub(super) fn fields(text: &str) -> Option<Vec<(String, String)>> {
    let text = text.trim();
    if text.contains('\n') {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        return lines
            .map(|line| {
                let (name, value) = line.split_once('=')?;
                is_name(name).then(|| (name.to_owned(), value.to_owned()))
            })
            .collect();
    }
    let is_form = text.split('&').all(|pair| {
        pair.split_once('=')
            .is_some_and(|(name, value)| is_name(name) && !value.contains([' ', '<', '"']))
    });
    is_form.then(|| {
        url::form_urlencoded::parse(text.as_bytes())
            .into_owned()
            .collect()
    })
}

fn is_name(text: &str) -> bool {
    let allowed = |it: char| it.is_ascii_alphanumeric() || "-_.:[]%$".contains(it);
    !text.is_empty() && text.len() < 100 && text.chars().all(allowed)
}

pub(super) fn cut(text: &str) -> String {
    truncate(text, SHOWN)
}

/// Returns indented JSON.
pub(crate) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_known_by_its_fields() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            fields("SAMLResponse=PGE%2B&RelayState=a+b"),
            Some(vec![
                pair("SAMLResponse", "PGE+"),
                pair("RelayState", "a b")
            ])
        );
        assert_eq!(
            fields("username=grace\npassword=•••"),
            Some(vec![pair("username", "grace"), pair("password", "•••")])
        );
        for other in [
            "",
            "hello",
            "<a b=\"c\">",
            "Location: https://a/?b=c",
            "a=b\n<p>",
        ] {
            assert_eq!(fields(other), None, "{other}");
        }
    }
}
