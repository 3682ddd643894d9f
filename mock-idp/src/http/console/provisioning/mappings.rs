//! Tab Attribute Mapping of a rule: from PingOne attributes to SCIM attributes. A rule without
//! mappings of its own has the defaults; with at least one, it has no defaults.

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use maud::html;

use super::rules;
use crate::Idp;
use crate::directory::{Document, text};
use crate::http::console::attributes::{self, ATTRIBUTES, EXPRESSION};
use crate::http::console::form::Form;
use crate::http::console::layout::{Console, Shown};
use crate::http::console::parts::Field;
use crate::http::console::session::Submitted;
use crate::refusal::Result;
use crate::store::resources::{Kind, Resource};

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route(
            "/{env}/provisioning/rules/{id}/mappings",
            get(show).post(add),
        )
        .route(
            "/{env}/provisioning/rules/{id}/mappings/remove",
            post(remove),
        )
}

/// Returns the source of a mapping as the console shows it.
fn source(mapping: &Resource) -> String {
    let document = &mapping.document;
    match (
        text(document, "sourceAttribute"),
        text(document, "expression"),
    ) {
        (Some(attribute), _) => {
            let path = attribute.trim_start_matches("user.");
            attributes::find_label(&format!("${{user.{path}}}"))
                .map_or_else(|| attribute.to_owned(), str::to_owned)
        }
        (_, Some(expression)) => attributes::written(expression),
        _ => String::new(),
    }
}

async fn render_page(console: &Console, rule: &Resource, form: &Form) -> Shown {
    let mappings = console
        .idp
        .list(console.env_id(), Kind::Mapping, Some(&rule.id))
        .await?;
    let mut sources: Vec<(&str, &str)> =
        ATTRIBUTES.iter().map(|(name, _)| (*name, *name)).collect();
    sources.push((EXPRESSION, EXPRESSION));
    let path = format!("/provisioning/rules/{}/mappings", rule.id);
    let content = html! {
        section.card aria-labelledby="mappings" {
            h2 #mappings { "Attribute Mapping" }
            @if mappings.is_empty() {
                p.lead { "This rule has the default mappings of username, names, email and state to SCIM attributes. If you add a mapping, the defaults no longer apply." }
            } @else {
                table {
                    thead { tr { th scope="col" { "Target attribute" } th scope="col" { "PingOne Directory" } th scope="col" { span.visually-hidden { "Actions" } } } }
                    tbody {
                        @for mapping in &mappings {
                            @let target = text(&mapping.document, "targetAttribute").unwrap_or_default();
                            tr {
                                th scope="row" { code { (target) } }
                                td.expression { (source(mapping)) }
                                td.actions {
                                    (console.button(&format!("{path}/remove"), &[("mapping", &mapping.id)],
                                        &html! { button type="submit" { "Remove" span.visually-hidden { " " (target) } } }))
                                }
                            }
                        }
                    }
                }
            }
        }
        section.card aria-labelledby="adding" {
            h2 #adding { "Add a mapping" }
            (console.form(&path, &html! {
                (Field::new(form, "source", "PingOne Directory").required().select(&sources))
                div.when-expression {
                    (Field::new(form, "value", "Expression").required()
                        .hint("In PingOne's expression language, for example ${user.name.given}").area(2))
                }
                (Field::new(form, "targetAttribute", "Target attribute").required()
                    .hint("A SCIM attribute path, for example emails[type eq \"work\"].value").input("text"))
                button.primary type="submit" { "Add" }
            }))
        }
    };
    Ok(rules::tab(
        console,
        rule,
        "Attribute Mapping",
        Some(form),
        &content,
    ))
}

async fn find_rule(console: &Console, id: &str) -> Result<Resource> {
    console.idp.get(console.env_id(), Kind::Rule, id).await
}

async fn show(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let rule = find_rule(&console, &id).await?;
    render_page(&console, &rule, &Form::default()).await
}

async fn add(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let rule = find_rule(&console, &id).await?;
    let target = form.text("targetAttribute");
    let value = attributes::expression(form.text("source")).unwrap_or(form.text("value"));
    let document = Document::from_iter([
        ("name".to_owned(), target.into()),
        ("targetAttribute".to_owned(), target.into()),
        ("expression".to_owned(), value.into()),
    ]);
    let made = console
        .idp
        .create_propagation(console.env_id(), Kind::Mapping, &id, document)
        .await;
    match form.check_outcome(made)? {
        Ok(_) => {
            console.idp.create_revision(console.env_id()).await?;
            Ok(console.done(&format!("/provisioning/rules/{id}/mappings"), "added"))
        }
        Err(form) => {
            let form = form.move_errors("expression", "value");
            let form = form.move_errors("sourceAttribute", "value");
            render_page(&console, &rule, &form).await
        }
    }
}

async fn remove(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    console
        .idp
        .delete_propagation(console.env_id(), Kind::Mapping, form.text("mapping"))
        .await?;
    console.idp.create_revision(console.env_id()).await?;
    Ok(console.done(&format!("/provisioning/rules/{id}/mappings"), "removed"))
}
