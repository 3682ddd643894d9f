//! Page Settings → Environment Properties: the name and type of the environment, and the
//! identity provider that it imitates.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::form::Form;
use super::layout::{Console, Here, Sheet, Shown};
use super::parts::{self, Field, named_value, value_with_button};
use super::session::Submitted;
use crate::Idp;
use crate::directory::{Change, Document, text};
use crate::flavor::{self, Flavor};

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/environment", get(show))
        .route("/{env}/environment/edit", get(edit).post(save))
}

/// Returns the identity providers that an environment can imitate: value, name, what differs.
fn flavors() -> Vec<(&'static str, &'static str, &'static str)> {
    let all = flavor::all().iter();
    all.map(|it| (it.key, it.name.as_str(), it.about.as_str()))
        .collect()
}

const TYPES: [(&str, &str, &str); 2] = [
    ("SANDBOX", "Sandbox", "For tests."),
    (
        "PRODUCTION",
        "Production",
        "It behaves the same as a sandbox.",
    ),
];

const REGIONS: [(&str, &str); 5] = [
    ("NA", "North America"),
    ("EU", "Europe"),
    ("AP", "Asia-Pacific"),
    ("CA", "Canada"),
    ("AU", "Australia"),
];

/// Members of an environment that the form contains.
const MEMBERS: [&str; 5] = ["name", "description", "type", "region", "flavor"];

/// Renders the fields of a new environment or of one that is edited.
pub(super) fn fields(form: &Form) -> Markup {
    html! {
        (Field::new(form, "name", "Environment Name").required().input("text"))
        (Field::new(form, "description", "Description").input("text"))
        (parts::choices(form, "radio", "type", "Environment Type", &TYPES))
        (Field::new(form, "region", "Region").required().select(&REGIONS))
        (parts::choices(form, "radio", "flavor", "Behaves like", &flavors()))
    }
}

/// Converts the form to the JSON of an environment.
pub(super) fn document(form: &Form) -> Document {
    MEMBERS
        .into_iter()
        .map(|key| (key.to_owned(), form.text(key).into()))
        .collect()
}

fn word<'w>(key: &str, of: impl IntoIterator<Item = (&'w str, &'w str)>) -> &'w str {
    of.into_iter()
        .find(|(known, _)| *known == key)
        .map_or("", |(_, words)| words)
}

async fn show(console: Console) -> Response {
    let env = &console.env;
    let said = |key: &str| text(&env.document, key).unwrap_or_default();
    let flavor = Flavor::of(env);
    let body = html! {
        section.card aria-labelledby="about" {
            div.title {
                h2 #about { "Environment" }
                a.button href=(console.at("/environment/edit")) { "Edit" }
            }
            dl {
                (named_value("Environment Name", &env.name))
                (named_value("Description", said("description")))
                (value_with_button("environment-id", "Environment ID", &env.id))
                (named_value("Environment Type", word(said("type"), TYPES.map(|(key, words, _)| (key, words)))))
                (named_value("Region", word(said("region"), REGIONS)))
                dt { "Behaves like" } dd { (flavor.name) p.hint { (flavor.about) } }
                (named_value("Created", &env.created_at.strftime("%F %H:%M UTC").to_string()))
            }
        }
    };
    console.show(&Sheet {
        here: Here::Environment,
        title: "Environment Properties",
        body,
        ..Sheet::default()
    })
}

fn edit_page(console: &Console, form: &Form) -> Response {
    let content = html! {
        (fields(form))
        p.hint { "A change here affects new applications, and provisioning from now on. Existing applications keep their settings." }
        (parts::save("Save", &console.at("/environment")))
    };
    console.show(&Sheet {
        here: Here::Environment,
        title: "Edit Environment",
        above: &[("Environment Properties", "/environment")],
        body: console.form("/environment/edit", &content),
        form: Some(form),
        ..Sheet::default()
    })
}

async fn edit(console: Console) -> Response {
    let form = MEMBERS.into_iter().fold(Form::default(), |form, key| {
        form.with(key, text(&console.env.document, key).unwrap_or_default())
    });
    edit_page(&console, &form)
}

async fn save(console: Console, Path(env): Path<String>, Submitted(form): Submitted) -> Shown {
    let change = Change::Merge(document(&form));
    let changed = console.idp.change_environment(&env, change).await;
    Ok(match form.check_outcome(changed)? {
        Ok(_) => console.done("/environment", "saved"),
        Err(form) => edit_page(&console, &form),
    })
}
