//! Components of pages: fields with their errors, values to copy, choices, badges.

use maud::{Markup, html};

use super::form::Form;

/// A form field with its label, hint and error.
pub(super) struct Field<'f> {
    form: &'f Form,
    name: &'f str,
    label: &'f str,
    hint: Option<&'f str>,
    required: bool,
    suggestion: &'f str,
}

impl<'f> Field<'f> {
    pub(super) fn new(form: &'f Form, name: &'f str, label: &'f str) -> Self {
        Self {
            form,
            name,
            label,
            hint: None,
            required: false,
            suggestion: "",
        }
    }

    /// Marks the field as required. The server checks that.
    pub(super) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Sets the line below the label.
    pub(super) fn hint(mut self, hint: &'f str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Sets the example that an empty field shows.
    pub(super) fn like(mut self, suggestion: &'f str) -> Self {
        self.suggestion = suggestion;
        self
    }

    fn around(&self, control: &Markup) -> Markup {
        let wrong = self.form.wrong(self.name);
        html! {
            div.field.wrong[wrong.is_some()] {
                label for=(self.name) {
                    (self.label)
                    @if !self.required { span.optional aria-hidden="true" { " optional" } }
                }
                @if let Some(hint) = self.hint { p.hint id={ (self.name) "-hint" } { (hint) } }
                @if let Some(wrong) = &wrong { p.error id={ (self.name) "-error" } { (wrong) } }
                (control)
            }
        }
    }

    fn description_ids(&self) -> Option<String> {
        let hint = self.hint.map(|_| format!("{}-hint", self.name));
        let error = self.is_wrong().then(|| format!("{}-error", self.name));
        let both: Vec<String> = hint.into_iter().chain(error).collect();
        (!both.is_empty()).then(|| both.join(" "))
    }

    fn is_wrong(&self) -> bool {
        self.form.wrong(self.name).is_some()
    }

    fn invalid(&self) -> Option<&'static str> {
        self.is_wrong().then_some("true")
    }

    fn must(&self) -> Option<&'static str> {
        self.required.then_some("true")
    }

    /// Renders a field of one line. `kind` is the `type` of the `input` element.
    pub(super) fn input(self, kind: &str) -> Markup {
        let complete = if kind == "password" { "off" } else { "on" };
        self.around(&html! {
            input id=(self.name) name=(self.name) type=(kind) value=(self.form.raw_text(self.name))
                placeholder=[Some(self.suggestion).filter(|s| !s.is_empty())]
                aria-required=[self.must()] aria-invalid=[self.invalid()]
                aria-describedby=[self.description_ids()]
                autocomplete=(complete) autocapitalize="none" spellcheck="false";
        })
    }

    /// Renders a field of several lines.
    pub(super) fn area(self, rows: u8) -> Markup {
        self.around(&html! {
            textarea id=(self.name) name=(self.name) rows=(rows)
                placeholder=[Some(self.suggestion).filter(|s| !s.is_empty())]
                aria-required=[self.must()] aria-invalid=[self.invalid()]
                aria-describedby=[self.description_ids()] spellcheck="false" {
                // HTML drops a line feed right after the tag, so a first empty line of the
                // value would be lost without this one.
                "\n" (self.form.raw_text(self.name))
            }
        })
    }

    /// Renders a list to choose from. Options are pairs of value and text.
    pub(super) fn select<V: AsRef<str>, W: AsRef<str>>(self, options: &[(V, W)]) -> Markup {
        let chosen = self.form.raw_text(self.name);
        self.around(&html! {
            select id=(self.name) name=(self.name)
                aria-required=[self.must()] aria-invalid=[self.invalid()]
                aria-describedby=[self.description_ids()] {
                @for (value, words) in options {
                    option value=(value.as_ref()) selected[value.as_ref() == chosen] { (words.as_ref()) }
                }
            }
        })
    }

    /// Renders a file field.
    pub(super) fn file(self, accept: &str) -> Markup {
        self.around(&html! {
            input id=(self.name) name=(self.name) type="file" accept=(accept)
                aria-invalid=[self.invalid()] aria-describedby=[self.description_ids()];
        })
    }
}

/// Renders radio buttons or checkboxes below a question. Options are value, text and
/// explanation.
pub(super) fn choices(
    form: &Form,
    kind: &str,
    name: &str,
    question: &str,
    options: &[(&str, &str, &str)],
) -> Markup {
    let wrong = form.wrong(name);
    html! {
        fieldset.choices.wrong[wrong.is_some()] id=(name) {
            legend { (question) }
            @if let Some(wrong) = &wrong { p.error { (wrong) } }
            @for (value, words, meaning) in options {
                @let id = format!("{name}-{value}");
                div.choice {
                    input type=(kind) id=(id) name=(name) value=(value)
                        checked[form.chose(name, value)]
                        aria-describedby=[(!meaning.is_empty()).then(|| format!("{id}-means"))];
                    label for=(id) { (words) }
                    @if !meaning.is_empty() { p.hint id={ (id) "-means" } { (meaning) } }
                }
            }
        }
    }
}

/// Renders a checkbox.
pub(super) fn checkbox(form: &Form, name: &str, words: &str, meaning: &str) -> Markup {
    let wrong = form.wrong(name);
    html! {
        div.choice.wrong[wrong.is_some()] {
            input type="checkbox" id=(name) name=(name) value="on" checked[form.has(name)]
                aria-describedby={ (name) "-means" };
            label for=(name) { (words) }
            p.hint id={ (name) "-means" } { (meaning) }
            @if let Some(wrong) = &wrong { p.error { (wrong) } }
        }
    }
}

/// Renders the buttons below a form.
pub(super) fn save(words: &str, cancel: &str) -> Markup {
    html! {
        div.buttons {
            button.primary type="submit" { (words) }
            a.button href=(cancel) { "Cancel" }
        }
    }
}

/// Renders a value with its name, and a button that copies it if scripts run.
pub(super) fn value_with_button(id: &str, name: &str, value: &str) -> Markup {
    html! {
        dt { (name) }
        dd.copied {
            code id=(id) { (value) }
            button.copy type="button" hidden data-copy=(id) {
                "Copy" span.visually-hidden { " " (name) } " " span role="status" {}
            }
        }
    }
}

/// Renders a value with its name.
pub(super) fn named_value(name: &str, value: &str) -> Markup {
    html! {
        dt { (name) }
        dd { @if value.is_empty() { span.none { "None" } } @else { (value) } }
    }
}

/// Renders the round button **+** that adds something.
pub(super) fn plus(to: &str, name: &str) -> Markup {
    html! {
        a.plus href=(to) title=(name) {
            span aria-hidden="true" { "+" } span.visually-hidden { (name) }
        }
    }
}

/// Renders a state as a colored word. `kind` is `good`, `bad`, `wait` or `off`.
pub(super) fn badge(kind: &str, words: &str) -> Markup {
    html! { span class={ "badge " (kind) } { (words) } }
}

/// Renders the text and button in place of an empty list.
pub(super) fn empty(words: &str, action: &Markup) -> Markup {
    html! { div.empty { p { (words) } (action) } }
}
