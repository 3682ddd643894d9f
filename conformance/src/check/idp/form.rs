//! Reads the forms of login pages as a user would fill them in: which field takes the user name,
//! which button to press, which form submits itself.

use scraper::{ElementRef, Html, Selector};
use url::Url;

/// The next step that a page offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// A form with a SAML message.
    Message(Filled),
    /// A form that asks for a password, with or without a user name.
    Login(Filled),
    /// A form that asks for a user name only.
    Name(Filled),
    /// A form that submits itself, or has nothing to fill in.
    Onward(Filled),
    /// A form that asks whether the user agrees, with the button that says yes.
    Consent(Filled),
    /// A redirect to another URL by `<meta http-equiv=refresh>`.
    Refresh(Url),
    /// No next step.
    Nothing,
}

/// A form with its initial values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) action: Url,
    pub(super) post: bool,
    pub(super) fields: Vec<(String, String)>,
    /// The field for the user name.
    name: Option<String>,
    /// The field for the password.
    password: Option<String>,
}

impl Filled {
    /// Creates a form that posts these fields.
    pub(super) fn of(action: Url, fields: &[(String, String)]) -> Self {
        Self {
            action,
            post: true,
            fields: fields.to_vec(),
            name: None,
            password: None,
        }
    }

    /// Returns the value of a field.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let mut found = self.fields.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// Fills in the user name and the password, where the form asks for them.
    pub(super) fn fill_in(&mut self, name: &str, password: &str) {
        for (field, value) in [(self.name.clone(), name), (self.password.clone(), password)] {
            let Some(field) = field else { continue };
            for (key, current) in &mut self.fields {
                if *key == field {
                    value.clone_into(current);
                }
            }
        }
    }

    /// Returns the fields for a report, with secrets masked.
    pub(super) fn to_masked_text(&self) -> String {
        let shown = self.fields.iter().map(|(key, value)| {
            let secret = Some(key) == self.password.as_ref();
            let value = if secret { "•••" } else { value.as_str() };
            format!("{key}={value}")
        });
        shown.collect::<Vec<_>>().join("\n")
    }
}

/// Words in the names of fields for the user name.
const NAMES: [&str; 9] = [
    "user", "login", "email", "mail", "ident", "uid", "account", "logon", "name",
];

fn select<'a>(of: ElementRef<'a>, css: &str) -> Vec<ElementRef<'a>> {
    Selector::parse(css).map_or_else(|_| Vec::new(), |selector| of.select(&selector).collect())
}

/// Returns what a browser does next on the page at `url`: fill in the login form, submit a form,
/// follow a link, or nothing.
pub(super) fn next(url: &Url, body: &str) -> Next {
    let page = Html::parse_document(body);
    let root = page.root_element();
    let scripted = submits_itself(root);
    let mut name_only = None;
    let mut onward = None;
    let elements = select(root, "form");
    for element in &elements {
        let Some(form) = fill(url, *element, None) else {
            continue;
        };
        // A login page may contain the SAMLRequest in a hidden field, so look for the password
        // first.
        if form.password.is_some() {
            return Next::Login(form);
        }
        if form.value("SAMLResponse").is_some() {
            return Next::Message(form);
        }
        // A form with a text area is a report or a search, and no login.
        let has_text_area = !select(*element, "textarea").is_empty();
        if form.name.is_some() && !has_text_area {
            name_only.get_or_insert(form);
        } else if elements.len() == 1 && (scripted || only_hidden(*element)) {
            onward.get_or_insert(form);
        }
    }
    if let Some(form) = name_only {
        return Next::Name(form);
    }
    if let Some(to) = refresh(url, root) {
        return Next::Refresh(to);
    }
    let consent = find_consent(url, &elements).filter(|_| !scripted);
    if let Some(form) = consent {
        return Next::Consent(form);
    }
    onward.map_or(Next::Nothing, Next::Onward)
}

/// Words on buttons that agree, the clear ones first.
const AGREE: [&[&str]; 2] = [
    &[
        "accept",
        "agree",
        "allow",
        "approve",
        "authorize",
        "confirm",
        "consent",
        "grant",
        "yes",
    ],
    &["continue", "proceed"],
];

/// Words on buttons that refuse.
const REFUSE: [&str; 14] = [
    "another",
    "back",
    "cancel",
    "decline",
    "deny",
    "different",
    "disagree",
    "don",
    "no",
    "not",
    "other",
    "refuse",
    "reject",
    "without",
];

/// Returns the form of a page with at least two buttons, one of which agrees, as if it was pressed.
fn find_consent(url: &Url, forms: &[ElementRef<'_>]) -> Option<Filled> {
    let is_submit = |it: &ElementRef<'_>| {
        let kind = it.attr("type").unwrap_or("submit");
        kind.eq_ignore_ascii_case("submit")
    };
    let buttons = forms.iter().flat_map(|form| {
        let all = select(*form, "button, input[type]");
        all.into_iter().filter(is_submit).map(|it| (*form, it))
    });
    let buttons: Vec<_> = buttons.collect();
    if buttons.len() < 2 {
        return None;
    }
    let agrees = |button: &ElementRef<'_>, agree: &[&str]| {
        let shown = match button.value().name() {
            "button" => button.text().collect::<String>(),
            _ => button.attr("value").unwrap_or_default().to_owned(),
        };
        let name = button.attr("name").unwrap_or_default();
        let words = format!("{shown} {name}").to_lowercase();
        let has = |list: &[&str]| {
            let mut words = words.split(|it: char| !it.is_alphabetic());
            words.any(|word| list.contains(&word))
        };
        has(agree) && !has(&REFUSE)
    };
    let mut kinds = AGREE.into_iter();
    let (form, button) = kinds.find_map(|agree| {
        let mut all = buttons.iter();
        all.find(|(_, button)| agrees(button, agree))
    })?;
    fill(url, *form, Some(*button))
}

fn submits_itself(root: ElementRef<'_>) -> bool {
    let loads = select(root, "body[onload]");
    let on_load = loads.iter().filter_map(|it| it.attr("onload"));
    let scripts = select(root, "script");
    let texts = scripts.iter().map(|it| it.text().collect::<String>());
    on_load
        .map(str::to_owned)
        .chain(texts)
        .any(|text| text.contains("submit()") || text.contains(".click()"))
}

fn only_hidden(form: ElementRef<'_>) -> bool {
    let fields = select(form, "input, textarea, select");
    fields.iter().all(|it| {
        matches!(
            it.attr("type").map(str::to_ascii_lowercase).as_deref(),
            Some("hidden" | "submit" | "button" | "image")
        )
    })
}

fn refresh(url: &Url, root: ElementRef<'_>) -> Option<Url> {
    let metas = select(root, "meta[http-equiv]");
    let meta = metas.iter().find(|it| {
        let kind = it.attr("http-equiv").unwrap_or_default();
        kind.eq_ignore_ascii_case("refresh")
    })?;
    let content = meta.attr("content")?;
    let at = content.to_ascii_lowercase().find("url=")?;
    let target = content[at + 4..].trim().trim_matches(['\'', '"']);
    url.join(target).ok()
}

/// Returns a form with its initial values, and the button that is pressed: the first one if none is
/// given.
fn fill(url: &Url, form: ElementRef<'_>, button: Option<ElementRef<'_>>) -> Option<Filled> {
    let action = url.join(form.attr("action").unwrap_or_default()).ok()?;
    let method = form.attr("method").unwrap_or_default();
    let mut out = Filled {
        action,
        post: method.eq_ignore_ascii_case("post"),
        fields: Vec::new(),
        name: None,
        password: None,
    };
    let mut candidates: Vec<(bool, String)> = Vec::new();
    let mut pressed = false;
    for field in select(form, "input, textarea, select, button") {
        let tag = field.value().name();
        let kind = field.attr("type").unwrap_or(match tag {
            "button" => "submit",
            _ => "text",
        });
        let kind = kind.to_ascii_lowercase();
        let Some(name) = field.attr("name").filter(|name| !name.is_empty()) else {
            continue;
        };
        let value = match tag {
            "select" => chosen_value(field),
            "textarea" => field.text().collect(),
            _ => field.attr("value").unwrap_or_default().to_owned(),
        };
        match kind.as_str() {
            "reset" | "button" | "image" | "file" => continue,
            "submit" if button.is_some_and(|it| it.id() != field.id()) => continue,
            "submit" if pressed => continue,
            "submit" => pressed = true,
            "checkbox" | "radio" if field.attr("checked").is_none() => continue,
            "password" if out.password.is_none() => out.password = Some(name.to_owned()),
            "text" | "email" | "tel" if tag == "input" => {
                let mut words = ["name", "id", "autocomplete"].into_iter();
                let known = words.any(|attribute| {
                    let word = field
                        .attr(attribute)
                        .unwrap_or_default()
                        .to_ascii_lowercase();
                    NAMES.iter().any(|name| word.contains(name))
                });
                candidates.push((known, name.to_owned()));
            }
            _ => {}
        }
        out.fields.push((name.to_owned(), value));
    }
    let known = candidates.iter().find(|(known, _)| *known);
    let best = known.or_else(|| candidates.first().filter(|_| out.password.is_some()));
    out.name = best.map(|(_, name)| name.clone());
    Some(out)
}

fn chosen_value(field: ElementRef<'_>) -> String {
    let options = select(field, "option");
    let marked = options.iter().find(|it| it.attr("selected").is_some());
    marked
        .or(options.first())
        .map(|it| {
            it.attr("value")
                .map_or_else(|| it.text().collect(), str::to_owned)
        })
        .unwrap_or_default()
}

/// Returns the visible text of a page.
pub(super) fn text(body: &str) -> String {
    let page = Html::parse_document(body);
    let mut words = Vec::new();
    for body in select(page.root_element(), "body") {
        for node in body.descendants() {
            let within = node.parent().and_then(|it| it.value().as_element());
            if within.is_some_and(|it| matches!(it.name(), "script" | "style" | "noscript")) {
                continue;
            }
            if let Some(text) = node.value().as_text() {
                words.extend(text.split_whitespace().map(str::to_owned));
            }
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(body: &str) -> Next {
        next(&Url::parse("https://idp.example/a/b").unwrap(), body)
    }

    #[test]
    fn a_login_form_is_filled_in_with_its_hidden_fields_and_its_button() {
        let Next::Login(mut form) = at(
            r#"<form method="POST" action="../c"><input type="hidden" name="token" value="t">
               <input name="remember" type="checkbox"><input name="j_username">
               <input type="password" name="j_password"><button name="go" value="1">Go</button></form>"#,
        ) else {
            panic!("no login form");
        };
        form.fill_in("ada", "secret");
        assert_eq!(form.action.as_str(), "https://idp.example/c");
        let fields: Vec<_> = form
            .fields
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        assert_eq!(
            fields,
            [
                ("token", "t"),
                ("j_username", "ada"),
                ("j_password", "secret"),
                ("go", "1")
            ]
        );
        assert!(!form.to_masked_text().contains("secret"));
    }

    #[test]
    fn a_login_form_with_the_request_in_a_hidden_field_is_not_an_answer() {
        let page = r#"<form method="post" action="/login"><input type="hidden" name="SAMLRequest" value="x">
                      <input name="username"><input type="password" name="password"></form>"#;
        assert!(matches!(at(page), Next::Login(_)));
    }

    #[test]
    fn the_name_may_be_asked_for_first() {
        let page = r#"<form><input type="search" name="q"></form>
                      <form method="post"><input type="email" name="loginfmt"><input type="submit" value="Next"></form>"#;
        assert!(matches!(at(page), Next::Name(form) if form.post));
    }

    #[test]
    fn pages_that_continue_without_a_user_are_followed() {
        let by_script = r#"<body onload="document.forms[0].submit()"><form action="/x"><input name="a" type="hidden" value="1"></form>"#;
        assert!(matches!(at(by_script), Next::Onward(_)));
        let by_meta = r#"<meta http-equiv="Refresh" content="0; URL='/next'">"#;
        assert_eq!(
            at(by_meta),
            Next::Refresh(Url::parse("https://idp.example/next").unwrap())
        );
        assert_eq!(at("<p>Sorry.</p>"), Next::Nothing);
    }

    #[test]
    fn the_button_that_agrees_is_pressed_where_consent_is_asked_for() {
        for (page, expected) in [
            // Two forms with one button each.
            (
                r#"<form action="/getconsent"><input type="hidden" name="StateId" value="s"><input type="submit" name="yes" value="Yes, continue"></form>
                   <form action="/noconsent"><input type="submit" name="no" value="No, cancel"></form>"#,
                vec![("StateId", "s"), ("yes", "Yes, continue")],
            ),
            // The button that refuses comes first.
            (
                r#"<form method="post"><input type="radio" name="when" value="always" checked><input type="radio" name="when" value="once">
                   <button type="submit" name="_eventId_reject">Reject</button><button type="submit" name="_eventId_proceed">Accept</button></form>"#,
                vec![("when", "always"), ("_eventId_proceed", "")],
            ),
            // A button without a name.
            (
                r#"<form><input type="hidden" name="k" value="1"><button>Do not allow</button><button>Allow</button></form>"#,
                vec![("k", "1")],
            ),
        ] {
            let Next::Consent(form) = at(page) else {
                panic!("no consent: {page}");
            };
            let fields = form.fields.iter();
            let fields: Vec<_> = fields.map(|(a, b)| (a.as_str(), b.as_str())).collect();
            assert_eq!(fields, expected);
        }
        let page = r#"<form><input type="submit" name="x" value="Continue as another user"><input type="submit" name="c" value="Continue"><input type="submit" name="a" value="Accept"></form>"#;
        assert!(matches!(at(page), Next::Consent(form) if form.value("a").is_some()));
        let report = r#"<form action="/report" method="post"><input name="email"><textarea name="text"></textarea><button name="send">Send</button></form>"#;
        assert_eq!(at(report), Next::Nothing);
        let two = r#"<form><button name="a">Help</button><button name="b">No, continue without</button></form>"#;
        assert!(!matches!(at(two), Next::Consent(_)));
        let one = r#"<form action="/logout"><button name="yes">Yes</button></form>"#;
        assert!(matches!(at(one), Next::Onward(_)));
    }

    #[test]
    fn markup_in_scripts_is_ignored() {
        assert_eq!(text("<body><p>a  b<script>c</script></p></body>"), "a b");
    }
}
