//! From a form to a check: reads the fields, and refuses what the check would refuse only after a
//! while.

use std::collections::HashMap;
use std::path::Path;

use ambient::arguments::web_url;

use super::kinds::{Field, Input, Kind};
use super::runs::{Argument, Order};
use crate::simulation::controls::Controls;

/// The field that confirms that the server may be attacked.
pub(super) const CONFIRMED: &str = "confirmed";

/// Maximum length of what is entered, except documents, in bytes. It becomes an argument of a
/// command.
const LONGEST: usize = 16 * 1024;

/// Reads a form.
///
/// # Errors
/// A text that names the field and says what was expected.
pub(super) fn read(kind: &'static Kind, fields: &HashMap<String, String>) -> Result<Order, String> {
    let mut order = Order {
        kind,
        target: String::new(),
        arguments: Vec::new(),
        secrets: Vec::new(),
        fields: HashMap::new(),
    };
    for field in kind.all_fields() {
        let value = fields.get(field.name()).map_or("", String::as_str);
        // A password can begin or end with a space.
        let value = match field.input {
            Input::Secret(_) => value,
            _ => value.trim(),
        };
        if value.is_empty() && field.is_required {
            return Err(format!("{} is missing", field.label));
        }
        add(&mut order, field, value).map_err(|why| format!("invalid {}: {why}", field.label))?;
    }
    require_one(kind, fields)?;
    if !fields.contains_key(CONFIRMED) {
        return Err(
            "Confirm that this is a test system: the check sends attacks and changes data"
                .to_owned(),
        );
    }
    Ok(order)
}

/// Refuses a form in which none of several fields is filled in.
fn require_one(kind: &Kind, fields: &HashMap<String, String>) -> Result<(), String> {
    let alternatives = kind
        .all_fields()
        .filter(|it| kind.one_of.contains(&it.option));
    let alternatives: Vec<&Field> = alternatives.collect();
    let is_filled = |it: &&Field| fields.get(it.name()).is_some_and(|it| !it.is_empty());
    match alternatives.is_empty() || alternatives.iter().any(is_filled) {
        true => Ok(()),
        false => {
            let labels: Vec<String> = alternatives
                .iter()
                .map(|it| format!("“{}”", it.label))
                .collect();
            Err(format!("{} is missing", labels.join(" or ")))
        }
    }
}

fn add(order: &mut Order, field: &Field, value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Ok(());
    }
    if value.contains('\0') {
        return Err("expected a text without NUL".to_owned());
    }
    let may_be_long = matches!(field.input, Input::DocumentOrUrl(_) | Input::Document(_));
    if value.len() > LONGEST && !(may_be_long && is_document(value)) {
        let length = value.len();
        return Err(format!("expected at most {LONGEST} bytes, got {length}"));
    }
    if let Input::Secret(variable) = field.input {
        order.secrets.push((variable, value.to_owned()));
        return Ok(());
    }
    order
        .fields
        .insert(field.name().to_owned(), value.to_owned());
    let argument = match field.input {
        Input::Switch => {
            order
                .arguments
                .push(Argument::Word(field.option.to_owned()));
            return Ok(());
        }
        Input::DocumentOrUrl(ending) | Input::Document(ending) if is_document(value) => {
            Argument::Document {
                ending: format!("{}.{ending}", field.name()),
                content: format!("{value}\n"),
            }
        }
        Input::Document(ending) => {
            let start = match ending {
                "json" => "{",
                _ => "-----BEGIN",
            };
            return Err(format!(
                "expected the document itself, which begins with {start}, got {value}"
            ));
        }
        Input::Url | Input::UrlTemplate | Input::DocumentOrUrl(_) => {
            require_url(value)?;
            Argument::Word(value.to_owned())
        }
        Input::Pattern => {
            let pattern = value.replace("{user}", "user");
            regex::Regex::new(&pattern)
                .map_err(|error| format!("expected a regular expression: {error}"))?;
            Argument::Word(value.to_owned())
        }
        Input::Text | Input::Profile | Input::Lines | Input::Secret(_) => {
            Argument::Word(value.to_owned())
        }
    };
    if order.target.is_empty() {
        order.target = match &argument {
            Argument::Word(word) => word.clone(),
            Argument::Document { .. } => "a pasted document".to_owned(),
        };
    }
    match argument {
        Argument::Word(words) if field.input == Input::Lines => {
            let lines = words.lines().map(str::trim).filter(|it| !it.is_empty());
            for line in lines {
                push_option(order, field, Argument::Word(line.to_owned()));
            }
        }
        argument => push_option(order, field, argument),
    }
    Ok(())
}

fn push_option(order: &mut Order, field: &Field, argument: Argument) {
    match argument {
        // As one argument, because it looks like an option.
        Argument::Word(word) if word.starts_with('-') => {
            let word = format!("{}={word}", field.option);
            order.arguments.push(Argument::Word(word));
        }
        argument => {
            let option = Argument::Word(field.option.to_owned());
            order.arguments.extend([option, argument]);
        }
    }
}

/// Refuses what is no URL, and a URL with a password: pages and reports show the URL.
fn require_url(value: &str) -> Result<(), String> {
    let url = web_url(&value.replace("{user}", "user"))?;
    if url.password().is_some() || !url.username().is_empty() {
        return Err("expected a URL without user name and password".to_owned());
    }
    Ok(())
}

/// True for an XML document, JSON or PEM, false for a URL.
fn is_document(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with(['<', '{']) || text.starts_with("-----BEGIN ")
}

/// Returns what was entered without the secrets, which no page repeats.
pub(super) fn without_secrets(
    kind: &Kind,
    fields: &HashMap<String, String>,
) -> HashMap<String, String> {
    let is_secret = |name: &str| {
        let field = kind.all_fields().find(|it| it.name() == name);
        field.is_some_and(|it| matches!(it.input, Input::Secret(_)))
    };
    let shown = fields.iter().filter(|(name, _)| !is_secret(name));
    shown
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Returns the fields for the simulation's own party.
pub(super) fn own_values(kind: &Kind, controls: &Controls) -> HashMap<String, String> {
    let value = |field: &Field| {
        let value = controls.ready_value(field.own?)?;
        let value = match field.input {
            Input::Document(_) => ambient::text_file::read(Path::new(value)).ok()?,
            _ => value.to_owned(),
        };
        Some((field.name().to_owned(), value))
    };
    kind.all_fields().filter_map(value).collect()
}

/// True if the simulation has a party of its own for this form.
pub(super) fn has_own_party(kind: &Kind, controls: &Controls) -> bool {
    let needed = |it: &&Field| it.is_required || kind.one_of.first() == Some(&it.option);
    let mut needed = kind.all_fields().filter(needed);
    needed.all(|it| it.own.is_some_and(|it| controls.ready_value(it).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        let pairs = pairs.iter().chain(&[(CONFIRMED, "yes")]);
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn words(order: &Order) -> Vec<String> {
        let word = |it: &Argument| match it {
            Argument::Word(word) => word.clone(),
            Argument::Document { .. } => String::new(),
        };
        order.arguments.iter().map(word).collect()
    }

    #[test]
    fn what_is_entered_never_becomes_an_option() {
        let kind = Kind::of("sp").unwrap();
        let order = read(
            kind,
            &fields(&[
                ("metadata", "<EntityDescriptor/>"),
                ("start-url", "https://sp.example/login"),
                ("probe-url", "https://sp.example/me"),
                ("user", "--html=/tmp/x"),
                ("expect", "-jo"),
            ]),
        )
        .unwrap();
        let words = words(&order);
        assert!(
            words.contains(&"--user=--html=/tmp/x".to_owned()),
            "{words:?}"
        );
        assert!(words.contains(&"--expect=-jo".to_owned()), "{words:?}");
        assert_eq!(order.target, "a pasted document");
        assert!(order.arguments.contains(&Argument::Document {
            ending: "metadata.xml".to_owned(),
            content: "<EntityDescriptor/>\n".to_owned(),
        }));
    }

    #[test]
    fn each_line_becomes_an_option() {
        let order = read(
            Kind::of("scim").unwrap(),
            &fields(&[
                ("base-url", "https://scim.example/v2"),
                ("oauth-token-url", "https://login.example/token"),
                ("client-id", "rehearsal"),
                ("client-secret", "s3cret"),
                ("user-template", "{\"title\": \"x\"}"),
                ("only", "SCIM-AUTH-\r\n\r\n -DISC \r\n"),
            ]),
        )
        .unwrap();
        let words = words(&order);
        assert!(words.ends_with(&["--only", "SCIM-AUTH-", "--only=-DISC"].map(str::to_owned)));
        assert!(!words.iter().any(|it| it.contains("s3cret")), "{words:?}");
        assert_eq!(
            order.secrets,
            [("REHEARSAL_CLIENT_SECRET", "s3cret".to_owned())]
        );
        assert!(order.arguments.contains(&Argument::Document {
            ending: "user-template.json".to_owned(),
            content: "{\"title\": \"x\"}\n".to_owned(),
        }));
    }

    #[test]
    fn what_the_check_would_refuse_is_named_by_its_label() {
        let kind = Kind::of("scim").unwrap();
        let refusal = |pairs: &[(&str, &str)]| read(kind, &fields(pairs)).unwrap_err();
        assert_eq!(refusal(&[]), "SCIM base URL is missing");
        let base = ("base-url", "https://scim.example/v2");
        assert_eq!(
            refusal(&[base]),
            "“Bearer token of SCIM” or “OAuth: URL of the token endpoint” is missing"
        );
        let said = refusal(&[("base-url", "localhost:80/scim"), ("token", "t")]);
        assert!(
            said.starts_with("invalid SCIM base URL: expected a URL"),
            "{said}"
        );
        let said = refusal(&[base, ("token", "t"), ("ca", "/etc/passwd")]);
        assert!(said.contains("expected the document itself"), "{said}");
        let mut unconfirmed = fields(&[base, ("token", "t")]);
        unconfirmed.remove(CONFIRMED);
        assert!(
            read(kind, &unconfirmed)
                .unwrap_err()
                .contains("test system")
        );
        let said = refusal(&[("base-url", "https://u:pw@scim.example"), ("token", "t")]);
        assert!(said.contains("without user name and password"), "{said}");
        let said = refusal(&[base, ("token", "t"), ("user-template", "title=x")]);
        assert!(said.ends_with("which begins with {, got title=x"), "{said}");
        let long = "t".repeat(LONGEST + 1);
        let said = refusal(&[base, ("token", &long)]);
        assert!(said.contains("at most 16384 bytes"), "{said}");
    }
}
