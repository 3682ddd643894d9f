//! Pages Identities → Populations: the populations with their numbers of users.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use maud::html;

use super::form::Form;
use super::layout::{Console, Here, Sheet, Shown};
use super::parts::{self, Field, badge, plus};
use super::session::Submitted;
use crate::Idp;
use crate::directory::{Document, reference, text};
use crate::store::resources::Kind;

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/populations", get(list))
        .route("/{env}/populations/new", get(new).post(create))
        .route("/{env}/populations/{id}/delete", post(delete))
}

async fn render_page(console: &Console, form: Option<&Form>) -> Shown {
    let all = console
        .idp
        .list(console.env_id(), Kind::Population, None)
        .await?;
    let users = console.idp.list_users(console.env_id()).await?;
    let inhabitants = |id: &str| {
        users
            .iter()
            .filter(|user| reference(&user.document, "population") == Some(id))
            .count()
    };
    let body = html! {
        table {
            thead { tr { th scope="col" { "Population" } th scope="col" { "Description" } th scope="col" { "Users" } th scope="col" { span.visually-hidden { "Actions" } } } }
            tbody {
                @for population in &all {
                    @let users = inhabitants(&population.id);
                    tr {
                        th scope="row" {
                            (population.name) " "
                            @if population.document.get("default") == Some(&true.into()) { (badge("good", "Default")) }
                            p.small { "Population ID " code { (population.id) } }
                        }
                        td { (text(&population.document, "description").unwrap_or_default()) }
                        td data-name="Users" { (users) }
                        td.actions {
                            @if users == 0 {
                                (console.button(&format!("/populations/{}/delete", population.id), &[],
                                    &html! { button type="submit" { "Delete" span.visually-hidden { " " (population.name) } } }))
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(console.show(&Sheet {
        here: Here::Populations,
        title: "Populations",
        actions: plus(&console.at("/populations/new"), "Add Population"),
        body,
        form,
        ..Sheet::default()
    }))
}

async fn list(console: Console) -> Shown {
    render_page(&console, None).await
}

fn new_page(console: &Console, form: &Form) -> Response {
    let content = html! {
        (Field::new(form, "name", "Population Name").required().input("text"))
        (Field::new(form, "description", "Description").input("text"))
        (parts::save("Save", &console.at("/populations")))
    };
    console.show(&Sheet {
        here: Here::Populations,
        title: "Add Population",
        above: &[("Populations", "/populations")],
        body: console.form("/populations/new", &content),
        form: Some(form),
        ..Sheet::default()
    })
}

async fn new(console: Console) -> Response {
    new_page(&console, &Form::default())
}

async fn create(console: Console, Submitted(form): Submitted) -> Shown {
    let document = Document::from_iter([
        ("name".to_owned(), form.text("name").into()),
        ("description".to_owned(), form.text("description").into()),
    ]);
    let made = console
        .idp
        .create_population(console.env_id(), document)
        .await;
    Ok(match form.check_outcome(made)? {
        Ok(_) => console.done("/populations", "created"),
        Err(form) => new_page(&console, &form),
    })
}

async fn delete(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let deleted = console.idp.delete_population(console.env_id(), &id).await;
    match form.check_outcome(deleted)? {
        Ok(()) => Ok(console.done("/populations", "deleted")),
        Err(form) => render_page(&console, Some(&form)).await,
    }
}
