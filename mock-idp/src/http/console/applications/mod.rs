//! Pages Connections → Applications: the list, **+**, and the page of an application with one
//! file per tab.

mod access;
mod configuration;
mod mappings;
mod overview;
mod worker;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

pub(super) use configuration::attachment;

use super::form::Form;
use super::layout::{Console, Here, Sheet, Shown};
use super::parts::{self, Field, badge, plus};
use super::session::Submitted;
use super::tabbed::Tabbed;
use crate::Idp;
use crate::directory::{Document, text};
use crate::refusal::Refused;
use crate::store::resources::{Kind, Resource};

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/applications", get(list))
        .route("/{env}/applications/new", get(new).post(create))
        .merge(overview::router())
        .merge(configuration::router())
        .merge(mappings::router())
        .merge(access::router())
        .merge(worker::router())
}

fn is_enabled(application: &Resource) -> bool {
    application.document.get("enabled") == Some(&true.into())
}

/// True for an application that users sign on to, false for a worker.
fn is_saml(application: &Resource) -> bool {
    text(&application.document, "protocol") == Some("SAML")
}

/// Returns the console's label for the type.
fn kind(application: &Resource) -> &'static str {
    if is_saml(application) {
        "SAML Application"
    } else {
        "Worker"
    }
}

/// True if the data of a service provider is entered.
fn is_configured(application: &Resource) -> bool {
    text(&application.document, "spEntityId").is_some()
}

async fn list(console: Console) -> Shown {
    let all = console
        .idp
        .list(console.env_id(), Kind::Application, None)
        .await?;
    let add = console.at("/applications/new");
    let body = html! {
        @if all.is_empty() {
            (parts::empty(
                "No applications yet. An application is a service that people sign on to.",
                &html! { a.button.primary href=(add) { "Add Application" } },
            ))
        } @else {
            table {
                thead { tr { th scope="col" { "Application" } th scope="col" { "Type" } th scope="col" { "Entity ID" } th scope="col" { "State" } } }
                tbody {
                    @for application in &all {
                        tr {
                            th scope="row" { a href=(console.at(&format!("/applications/{}", application.id))) { (application.name) } }
                            td { (kind(application)) }
                            td data-name="Entity ID" {
                                @match text(&application.document, "spEntityId") {
                                    Some(entity) => code { (entity) },
                                    None if is_saml(application) => span.none { "Not configured" },
                                    None => span.none { "None" },
                                }
                            }
                            td {
                                @if is_enabled(application) { (badge("good", "Enabled")) }
                                @else { (badge("off", "Disabled")) }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(console.show(&Sheet {
        here: Here::Applications,
        title: "Applications",
        actions: plus(&add, "Add Application"),
        body,
        ..Sheet::default()
    }))
}

fn new_page(console: &Console, form: &Form) -> Response {
    let fields = html! {
        (Field::new(form, "name", "Application Name").required()
            .hint("The name that your users see.").input("text"))
        (Field::new(form, "description", "Description").input("text"))
        (parts::choices(form, "radio", "type", "Application Type", &[
            ("SAML", "SAML Application", "An application that takes SAML 2.0 assertions."),
            ("WORKER", "Worker", "A program that calls the management API with a client secret."),
        ]))
        (parts::save("Save", &console.at("/applications")))
    };
    console.show(&Sheet {
        here: Here::Applications,
        title: "Add Application",
        above: &[("Applications", "/applications")],
        body: console.form("/applications/new", &fields),
        form: Some(form),
        ..Sheet::default()
    })
}

async fn new(console: Console) -> Response {
    new_page(&console, &Form::default())
}

async fn create(console: Console, Submitted(form): Submitted) -> Shown {
    let protocol = match form.text("type") {
        "SAML" => "SAML",
        "WORKER" => "OPENID_CONNECT",
        _ => {
            let wrong = Refused::invalid("type", "choose SAML Application or Worker");
            return Ok(new_page(&console, &form.add_refusal(wrong)?));
        }
    };
    let document = Document::from_iter([
        ("name".to_owned(), form.text("name").into()),
        ("description".to_owned(), form.text("description").into()),
        ("protocol".to_owned(), protocol.into()),
    ]);
    let made = console
        .idp
        .create_application(console.env_id(), document)
        .await;
    Ok(match form.check_outcome(made)? {
        Ok(made) => console.done(&format!("/applications/{}", made.id), "created"),
        Err(form) => new_page(&console, &form),
    })
}

/// Returns an application, or an error if it does not exist.
async fn find_application(console: &Console, id: &str) -> Result<Resource, Refused> {
    console
        .idp
        .get(console.env_id(), Kind::Application, id)
        .await
}

/// Tabs of a SAML application.
const SAML: [(&str, &str); 4] = [
    ("Overview", ""),
    ("Configuration", "/configuration"),
    ("Attribute Mappings", "/mappings"),
    ("Access", "/access"),
];

/// Tabs of a worker.
const WORKER: [(&str, &str); 2] = [("Overview", ""), ("Configuration", "/credentials")];

/// Renders the page of an application: its tabs, and below them the content of the current one.
fn tab(
    console: &Console,
    application: &Resource,
    current: &str,
    form: Option<&Form>,
    content: &Markup,
) -> Response {
    let path = format!("/applications/{}", application.id);
    let enabled = format!("{path}/enabled");
    let tabbed = Tabbed {
        here: Here::Applications,
        kind: "Application",
        title: &application.name,
        list: ("Applications", "/applications"),
        path,
        tabs: if is_saml(application) { &SAML } else { &WORKER },
        actions: console.switch(&enabled, "Enable application", is_enabled(application)),
    };
    tabbed.show(console, current, form, content)
}
