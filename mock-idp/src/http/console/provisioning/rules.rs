//! Pages New rule and the page of a rule: which users and groups are sent to which connection,
//! and the switch. Saving creates a revision, so that changes take effect at once.

use axum::Router;
use axum::extract::{Path, Query};
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::{Value, json};

use super::{is_active_rule, list_targets};
use crate::Idp;
use crate::directory::{Document, reference, text};
use crate::http::console::form::Form;
use crate::http::console::layout::{Console, Here, Sheet, Shown};
use crate::http::console::parts::{self, Field, named_value};
use crate::http::console::session::Submitted;
use crate::http::console::tabbed::Tabbed;
use crate::refusal::{Refused, Result};
use crate::store::resources::{Kind, Resource};

const PATH: &str = "/provisioning/rules";

/// Name of the plan that contains the console's rules.
const PLAN: &str = "Console";
/// Name of the store for the directory itself.
const DIRECTORY: &str = "PingOne Directory";

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/provisioning/rules/new", get(new).post(create))
        .route("/{env}/provisioning/rules/{id}", get(show))
        .route("/{env}/provisioning/rules/{id}/edit", get(edit).post(save))
        .route("/{env}/provisioning/rules/{id}/enabled", post(enable))
        .route("/{env}/provisioning/rules/{id}/delete", post(delete))
}

struct Choices {
    targets: Vec<Resource>,
    groups: Vec<Resource>,
}

async fn load_choices(console: &Console) -> Result<Choices> {
    Ok(Choices {
        targets: list_targets(console).await?,
        groups: console
            .idp
            .list(console.env_id(), Kind::Group, None)
            .await?,
    })
}

fn fields(form: &Form, choices: &Choices) -> Markup {
    let stores: Vec<(&str, &str)> = choices
        .targets
        .iter()
        .map(|store| (store.id.as_str(), store.name.as_str()))
        .collect();
    let groups: Vec<(&str, &str, &str)> = choices
        .groups
        .iter()
        .map(|group| (group.id.as_str(), group.name.as_str(), ""))
        .collect();
    html! {
        (Field::new(form, "name", "Name").required().input("text"))
        (Field::new(form, "description", "Description").input("text"))
        (Field::new(form, "targetStore.id", "Connection").required().select(&stores))
        (Field::new(form, "populationExpression", "User Filter").like("population.id pr")
            .hint("A SCIM filter for the users of the directory. Empty: all users.").input("text"))
        @if groups.is_empty() { p.hint { "There are no groups to provision yet." } }
        @else { (parts::choices(form, "checkbox", "group", "Groups to provision", &groups)) }
    }
}

fn new_page(console: &Console, choices: &Choices, form: &Form) -> Response {
    let content = html! {
        @if choices.targets.is_empty() {
            p { "A rule needs a connection. Create one first." }
            div.buttons { a.button.primary href=(console.at("/provisioning/connections/new")) { "New connection" } }
        } @else {
            (fields(form, choices))
            (parts::checkbox(form, "active", "Enable the rule", "Provisioning starts when you save the rule."))
            (parts::save("Save", &console.at("/provisioning")))
        }
    };
    console.show(&Sheet {
        here: Here::Provisioning,
        title: "New rule",
        above: &[("Provisioning", "/provisioning")],
        body: console.form(&format!("{PATH}/new"), &content),
        form: Some(form),
        ..Sheet::default()
    })
}

/// The connection that a link to this form preselects.
#[derive(Default, serde::Deserialize)]
struct Chosen {
    #[serde(default)]
    connection: String,
}

async fn new(console: Console, Query(chosen): Query<Chosen>) -> Shown {
    let form = Form::default().with("targetStore.id", chosen.connection);
    Ok(new_page(&console, &load_choices(&console).await?, &form))
}

/// Returns the id of the resource with this name. Creates it if it does not exist.
async fn find_or_create(console: &Console, kind: Kind, document: Document) -> Result<String> {
    let name = text(&document, "name").unwrap_or_default();
    let all = console.idp.list(console.env_id(), kind, None).await?;
    if let Some(found) = all.iter().find(|found| found.name == name) {
        return Ok(found.id.clone());
    }
    let made = console
        .idp
        .create_propagation(console.env_id(), kind, "", document)
        .await?;
    Ok(made.id)
}

fn document_of(form: &Form) -> Document {
    let groups: Vec<Value> = form.all("group").map(|id| json!({"id": id})).collect();
    let mut document = Document::from_iter([
        ("name".to_owned(), form.text("name").into()),
        ("description".to_owned(), form.text("description").into()),
        (
            "targetStore".to_owned(),
            json!({"id": form.text("targetStore.id")}),
        ),
        ("groups".to_owned(), groups.into()),
    ]);
    if !form.text("populationExpression").is_empty() {
        document.insert(
            "populationExpression".into(),
            form.text("populationExpression").into(),
        );
    }
    document
}

async fn make(console: &Console, form: &Form) -> Result<Resource> {
    if form.text("targetStore.id").is_empty() {
        return Err(Refused::required("targetStore.id"));
    }
    let plan = Document::from_iter([("name".to_owned(), PLAN.into())]);
    let plan = find_or_create(console, Kind::Plan, plan).await?;
    let source = Document::from_iter([
        ("name".to_owned(), DIRECTORY.into()),
        ("type".to_owned(), "directory".into()),
    ]);
    let source = find_or_create(console, Kind::Store, source).await?;
    let mut document = document_of(form);
    document.insert("plan".into(), json!({"id": plan}));
    document.insert("sourceStore".into(), json!({"id": source}));
    document.insert("active".into(), form.has("active").into());
    let made = console
        .idp
        .create_propagation(console.env_id(), Kind::Rule, &plan, document)
        .await?;
    console.idp.create_revision(console.env_id()).await?;
    Ok(made)
}

async fn create(console: Console, Submitted(form): Submitted) -> Shown {
    let made = make(&console, &form).await;
    Ok(match form.check_outcome(made)? {
        Ok(made) => console.done(&format!("{PATH}/{}", made.id), "created"),
        Err(form) => new_page(&console, &load_choices(&console).await?, &form),
    })
}

async fn find_rule(console: &Console, id: &str) -> Result<Resource> {
    console.idp.get(console.env_id(), Kind::Rule, id).await
}

/// Renders the page of a rule: its tabs, and below them the content of the current one.
pub(super) fn tab(
    console: &Console,
    rule: &Resource,
    current: &str,
    form: Option<&Form>,
    content: &Markup,
) -> Response {
    let path = format!("{PATH}/{}", rule.id);
    let enabled = format!("{path}/enabled");
    let tabbed = Tabbed {
        here: Here::Provisioning,
        kind: "Rule",
        title: &rule.name,
        list: ("Provisioning", "/provisioning"),
        path,
        tabs: &[("Configuration", ""), ("Attribute Mapping", "/mappings")],
        actions: console.switch(&enabled, "Enable rule", is_active_rule(rule)),
    };
    tabbed.show(console, current, form, content)
}

fn groups_of(rule: &Resource) -> Vec<&str> {
    let groups = rule.document.get("groups").and_then(Value::as_array);
    groups
        .into_iter()
        .flatten()
        .filter_map(|group| group["id"].as_str())
        .collect()
}

async fn show(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let rule = find_rule(&console, &id).await?;
    let choices = load_choices(&console).await?;
    let target = reference(&rule.document, "targetStore").unwrap_or_default();
    let target = choices.targets.iter().find(|store| store.id == target);
    let chosen = groups_of(&rule);
    let content = html! {
        section.card aria-labelledby="about" {
            div.title {
                h2 #about { "Configuration" }
                a.button href=(console.at(&format!("{PATH}/{id}/edit"))) { "Edit" }
            }
            dl {
                (named_value("Description", text(&rule.document, "description").unwrap_or_default()))
                dt { "Connection" }
                dd {
                    @if let Some(target) = target {
                        a href=(console.at(&format!("/provisioning/connections/{}", target.id))) { (target.name) }
                    } @else { span.none { "Deleted" } }
                }
                dt { "User Filter" }
                dd {
                    @match text(&rule.document, "populationExpression") {
                        Some(filter) => code { (filter) },
                        None => "Everybody",
                    }
                }
                dt { "Groups" }
                dd {
                    @if chosen.is_empty() { span.none { "None" } }
                    @else {
                        ul { @for group in choices.groups.iter().filter(|group| chosen.contains(&group.id.as_str())) { li { (group.name) } } }
                    }
                }
            }
        }
        (console.deletion(&format!("{PATH}/{id}/delete"), "Delete Rule",
            "Its users are no longer provisioned, unless another rule covers them."))
    };
    Ok(tab(&console, &rule, "Configuration", None, &content))
}

fn edit_page(console: &Console, rule: &Resource, choices: &Choices, form: &Form) -> Response {
    let path = format!("{PATH}/{}", rule.id);
    let content = html! {
        (fields(form, choices))
        (parts::save("Save", &console.at(&path)))
    };
    let content = html! { div.card { (console.form(&format!("{path}/edit"), &content)) } };
    tab(console, rule, "Configuration", Some(form), &content)
}

async fn edit(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let rule = find_rule(&console, &id).await?;
    let mut form = Form::default().with("name", rule.name.as_str()).with(
        "targetStore.id",
        reference(&rule.document, "targetStore").unwrap_or_default(),
    );
    for key in ["description", "populationExpression"] {
        form = form.with(key, text(&rule.document, key).unwrap_or_default());
    }
    for group in groups_of(&rule) {
        form = form.with("group", group);
    }
    Ok(edit_page(
        &console,
        &rule,
        &load_choices(&console).await?,
        &form,
    ))
}

async fn change(console: &Console, id: &str, document: Document) -> Result<()> {
    console
        .idp
        .change_propagation(console.env_id(), Kind::Rule, id, document)
        .await?;
    console.idp.create_revision(console.env_id()).await?;
    Ok(())
}

async fn save(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let rule = find_rule(&console, &id).await?;
    let mut document = rule.document.clone();
    document.remove("populationExpression");
    document.extend(document_of(&form));
    let changed = change(&console, &id, document).await;
    Ok(match form.check_outcome(changed)? {
        Ok(()) => console.done(&format!("{PATH}/{id}"), "saved"),
        Err(form) => edit_page(&console, &rule, &load_choices(&console).await?, &form),
    })
}

async fn enable(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let on = form.text("enabled") == "true";
    let mut document = find_rule(&console, &id).await?.document;
    document.insert("active".into(), on.into());
    change(&console, &id, document).await?;
    let done = if on { "enabled" } else { "disabled" };
    Ok(console.done(&format!("{PATH}/{id}"), done))
}

async fn delete(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(_): Submitted,
) -> Shown {
    console
        .idp
        .delete_propagation(console.env_id(), Kind::Rule, &id)
        .await?;
    Ok(console.done("/provisioning", "deleted"))
}
