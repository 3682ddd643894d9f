//! Tab Overview of an application: its name, description and state.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use maud::html;

use super::{find_application, is_configured, is_saml, kind, tab};
use crate::Idp;
use crate::directory::{Change, Document, text};
use crate::http::console::form::Form;
use crate::http::console::layout::{Console, Shown};
use crate::http::console::parts::{self, Field, named_value, value_with_button};
use crate::http::console::session::Submitted;
use crate::store::resources::{Kind, Resource};

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/applications/{id}", get(show))
        .route("/{env}/applications/{id}/edit", get(edit).post(save))
        .route("/{env}/applications/{id}/enabled", post(enable))
        .route("/{env}/applications/{id}/delete", post(delete))
}

async fn render_page(console: &Console, application: &Resource, form: Option<&Form>) -> Shown {
    let id = &application.id;
    let document = &application.document;
    let mappings = console
        .idp
        .list(console.env_id(), Kind::Attribute, Some(id))
        .await?;
    let at = |tail: &str| console.at(&format!("/applications/{id}{tail}"));
    let content = html! {
        @if is_saml(application) && !is_configured(application) {
            div.callout {
                h2 { "Next: configure the SAML connection" }
                p { "Enter the service provider's ACS URL and entity ID, or import its metadata." }
                a.button.primary href=(at("/configuration/edit")) { "Configure" }
            }
        }
        section.card aria-labelledby="about" {
            div.title { h2 #about { "Application" } a.button href=(at("/edit")) { "Edit" } }
            dl {
                (named_value("Application Name", &application.name))
                (named_value("Description", text(document, "description").unwrap_or_default()))
                (named_value("Type", kind(application)))
                (value_with_button("application-id", "Application ID", id))
                @if is_saml(application) { (named_value("Attributes mapped", &mappings.len().to_string())) }
                (named_value("Created", &application.created_at.strftime("%F %H:%M UTC").to_string()))
            }
        }
        (console.deletion(&format!("/applications/{id}/delete"), "Delete Application",
            if is_saml(application) {
                "Nobody can sign on to it any more. Its attribute mappings are deleted too."
            } else {
                "Its client secret and all its access tokens become invalid."
            }))
    };
    Ok(tab(console, application, "Overview", form, &content))
}

async fn show(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let application = find_application(&console, &id).await?;
    render_page(&console, &application, None).await
}

fn edit_page(console: &Console, application: &Resource, form: &Form) -> Response {
    let path = format!("/applications/{}", application.id);
    let fields = html! {
        (Field::new(form, "name", "Application Name").required().input("text"))
        (Field::new(form, "description", "Description").input("text"))
        (parts::save("Save", &console.at(&path)))
    };
    let content = console.form(&format!("{path}/edit"), &fields);
    tab(console, application, "Overview", Some(form), &content)
}

async fn edit(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let application = find_application(&console, &id).await?;
    let form = Form::default()
        .with("name", application.name.as_str())
        .with(
            "description",
            text(&application.document, "description").unwrap_or_default(),
        );
    Ok(edit_page(&console, &application, &form))
}

async fn save(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let application = find_application(&console, &id).await?;
    let document = Document::from_iter([
        ("name".to_owned(), form.text("name").into()),
        ("description".to_owned(), form.text("description").into()),
    ]);
    let changed = console
        .idp
        .change_application(console.env_id(), &id, Change::Merge(document))
        .await;
    Ok(match form.check_outcome(changed)? {
        Ok(_) => console.done(&format!("/applications/{id}"), "saved"),
        Err(form) => edit_page(&console, &application, &form),
    })
}

async fn enable(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let application = find_application(&console, &id).await?;
    let on = form.text("enabled") == "true";
    let document = Document::from_iter([("enabled".to_owned(), on.into())]);
    let changed = console
        .idp
        .change_application(console.env_id(), &id, Change::Merge(document))
        .await;
    let done = if on { "enabled" } else { "disabled" };
    match form.check_outcome(changed)? {
        Ok(_) => Ok(console.done(&format!("/applications/{id}"), done)),
        Err(form) => render_page(&console, &application, Some(&form)).await,
    }
}

async fn delete(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(_): Submitted,
) -> Shown {
    console
        .idp
        .delete_application(console.env_id(), &id)
        .await?;
    Ok(console.done("/applications", "deleted"))
}
