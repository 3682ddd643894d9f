//! A thing with a page of several tabs: an application, a group, a user, a
//! rule, a connection.

use axum::response::Response;
use maud::{Markup, html};

use super::form::Form;
use super::layout::{Console, Here, Sheet};

/// What stands around each tab of a thing.
pub(super) struct Tabbed<'t> {
    pub here: Here,
    /// What kind of thing it is: the name of its tabs together.
    pub kind: &'t str,
    /// What it is called.
    pub title: &'t str,
    /// The list that it stands in: name, path within the environment.
    pub list: (&'t str, &'t str),
    /// Its own path within the environment.
    pub path: String,
    /// Its tabs: name, and what their path has beyond its own.
    pub tabs: &'t [(&'t str, &'t str)],
    /// Beside the title.
    pub actions: Markup,
}

impl Tabbed<'_> {
    /// The page with the current tab's content; `form` is the form on it.
    pub(super) fn show(
        self,
        console: &Console,
        current: &str,
        form: Option<&Form>,
        content: &Markup,
    ) -> Response {
        let body = html! {
            nav.tabs aria-label=(self.kind) {
                ul {
                    @for (name, tail) in self.tabs {
                        li {
                            a href=(console.at(&format!("{}{tail}", self.path)))
                                aria-current=[(*name == current).then_some("page")] { (name) }
                        }
                    }
                }
            }
            (content)
        };
        console.show(&Sheet {
            here: self.here,
            title: self.title,
            above: &[self.list],
            actions: self.actions,
            body,
            form,
        })
    }
}
