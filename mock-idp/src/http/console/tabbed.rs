//! The layout of a page with tabs: of an application, a group, a user, a rule or a connection.

use axum::response::Response;
use maud::{Markup, html};

use super::form::Form;
use super::layout::{Console, Here, Sheet};

/// The parts of the page that all tabs share.
pub(super) struct Tabbed<'t> {
    pub here: Here,
    /// Kind of the resource, which is the accessible name of its tabs.
    pub kind: &'t str,
    /// Name of the resource.
    pub title: &'t str,
    /// Page with the list of such resources: name, path within the environment.
    pub list: (&'t str, &'t str),
    /// Path of the resource within the environment.
    pub path: String,
    /// Tabs: name, and the end of the path after `path`.
    pub tabs: &'t [(&'t str, &'t str)],
    /// Buttons next to the title.
    pub actions: Markup,
}

impl Tabbed<'_> {
    /// Renders the page with the content of the current tab. `form` is the form in it, if there
    /// is one.
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
