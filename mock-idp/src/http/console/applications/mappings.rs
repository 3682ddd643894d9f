//! Tab Attribute Mappings of an application: the table of the guide, Add, Edit, and Test
//! Expression for a user.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};

use super::{find_application, tab};
use crate::Idp;
use crate::applications::SUBJECT;
use crate::directory::{Document, text, users};
use crate::expression::{Model, Template, texts};
use crate::http::console::attributes::{self, ATTRIBUTES, EXPRESSION};
use crate::http::console::form::Form;
use crate::http::console::layout::{Console, Shown};
use crate::http::console::parts::{self, Field, badge};
use crate::http::console::session::Submitted;
use crate::refusal::{Refused, Result};
use crate::store::resources::{Kind, Resource};
use crate::store::users::UserRow;

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/applications/{id}/mappings", get(list))
        .route(
            "/{env}/applications/{id}/mappings/new",
            get(new).post(create),
        )
        .route(
            "/{env}/applications/{id}/mappings/{mapping}",
            get(edit).post(save),
        )
        .route(
            "/{env}/applications/{id}/mappings/{mapping}/delete",
            post(delete),
        )
}

fn is_required(mapping: &Resource) -> bool {
    mapping.document.get("required") == Some(&true.into())
}

async fn list(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let application = find_application(&console, &id).await?;
    let mappings = console
        .idp
        .list(console.env_id(), Kind::Attribute, Some(&id))
        .await?;
    let at = |tail: &str| console.at(&format!("/applications/{id}/mappings/{tail}"));
    let content = html! {
        section.card aria-labelledby="mappings" {
            div.title {
                h2 #mappings { "Attribute Mappings" }
                a.button.primary href=(at("new")) { "Add" }
            }
            p.lead { "The attributes of a user that assertions contain. Names are case-sensitive." }
            table {
                thead { tr {
                    th scope="col" { "Attributes" } th scope="col" { "PingOne Mappings" }
                    th scope="col" { "Required" } th scope="col" { span.visually-hidden { "Actions" } }
                } }
                tbody {
                    @for mapping in &mappings {
                        tr {
                            th scope="row" { code { (mapping.name) } }
                            td.expression { (attributes::written(text(&mapping.document, "value").unwrap_or_default())) }
                            td data-name="Required" { @if is_required(mapping) { (badge("good", "Required")) } @else { span.none { "No" } } }
                            td.actions { a.button href=(at(&mapping.id)) { "Edit" span.visually-hidden { " " (mapping.name) } } }
                        }
                    }
                }
            }
        }
    };
    Ok(tab(
        &console,
        &application,
        "Attribute Mappings",
        None,
        &content,
    ))
}

/// Renders the page of a mapping; of a new one if `mapping` is `None`.
async fn render_page(
    console: &Console,
    application: &Resource,
    mapping: Option<&Resource>,
    form: &Form,
    tested: Option<&Markup>,
) -> Result<Response> {
    let users = console.idp.list_users(console.env_id()).await?;
    let path = format!("/applications/{}/mappings", application.id);
    let action = match mapping {
        Some(mapping) => format!("{path}/{}", mapping.id),
        None => format!("{path}/new"),
    };
    let mut sources: Vec<(&str, &str)> =
        ATTRIBUTES.iter().map(|(name, _)| (*name, *name)).collect();
    sources.push((EXPRESSION, EXPRESSION));
    let mut people = vec![(String::new(), "Choose a user".to_owned())];
    people.extend(
        users
            .iter()
            .take(500)
            .map(|user| (user.id.clone(), name_of_user(user))),
    );
    let is_subject = mapping.is_some_and(|mapping| mapping.name == SUBJECT);
    let fields = html! {
        @if is_subject {
            p.hint { "The subject of every assertion (" code { (SUBJECT) } "): it becomes the NameID and cannot be deleted." }
            input type="hidden" name="name" value=(SUBJECT);
        } @else {
            (Field::new(form, "name", "Attribute Name").required()
                .hint("Exactly as the application expects it, with the same letter case.").input("text"))
        }
        (Field::new(form, "source", "PingOne Mapping").required().select(&sources))
        div.when-expression {
            (Field::new(form, "value", "Expression").required()
                .hint("In PingOne's expression language, for example ${user.name.given + ' ' + user.name.family}").area(3))
            fieldset.test {
                legend { "Test Expression" }
                (Field::new(form, "user", "User").required().select(&people))
                button type="submit" name="test" value="yes" { "Test Expression" }
                @if let Some(tested) = tested { div #tested role="status" { (tested) } }
            }
        }
        @if !is_subject {
            (parts::checkbox(form, "required", "Required",
                "Without a value for the user, the sign-on is refused."))
        }
        (parts::save("Save", &console.at(&path)))
    };
    let title = mapping.map_or_else(
        || "Add Attribute".to_owned(),
        |mapping| format!("Edit {}", mapping.name),
    );
    let content = html! {
        section.card.mapping aria-labelledby="mapping" {
            h2 #mapping { (title) }
            (console.form(&action, &fields))
        }
        @if let Some(mapping) = mapping.filter(|_| !is_subject) {
            (console.deletion(&format!("{path}/{}/delete", mapping.id), "Delete Attribute",
                "Assertions for the application no longer contain this attribute."))
        }
    };
    Ok(tab(
        console,
        application,
        "Attribute Mappings",
        Some(form),
        &content,
    ))
}

fn name_of_user(user: &UserRow) -> String {
    text(&user.document, "username")
        .unwrap_or_default()
        .to_owned()
}

async fn new(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let application = find_application(&console, &id).await?;
    let form = Form::default().with("source", "Username");
    Ok(render_page(&console, &application, None, &form, None).await?)
}

async fn find_mapping(console: &Console, id: &str, mapping: &str) -> Result<Resource> {
    let all = console
        .idp
        .list(console.env_id(), Kind::Attribute, Some(id))
        .await?;
    all.into_iter()
        .find(|found| found.id == mapping)
        .ok_or_else(|| Refused::not_found("attribute", mapping))
}

async fn edit(console: Console, Path((_, id, which)): Path<(String, String, String)>) -> Shown {
    let application = find_application(&console, &id).await?;
    let mapping = find_mapping(&console, &id, &which).await?;
    let value = text(&mapping.document, "value").unwrap_or_default();
    let mut form = Form::default()
        .with("name", mapping.name.as_str())
        .with(
            "source",
            attributes::find_label(value).unwrap_or(EXPRESSION),
        )
        .with("value", value);
    if is_required(&mapping) {
        form = form.with("required", "on");
    }
    Ok(render_page(&console, &application, Some(&mapping), &form, None).await?)
}

fn value(form: &Form) -> &str {
    attributes::expression(form.text("source")).unwrap_or_else(|| form.text("value"))
}

/// Evaluates the expression for the chosen user.
async fn test(console: &Console, form: &Form) -> Result<Markup> {
    if form.text("user").is_empty() {
        return Err(Refused::invalid("user", "choose a user to test it for"));
    }
    let user = console
        .idp
        .get_user(console.env_id(), form.text("user"))
        .await?;
    let groups = console.idp.list_groups_of_user(&user).await?;
    let wrong =
        |error: crate::expression::ExpressionError| Refused::invalid("value", error.to_string());
    let template = Template::parse(value(form)).map_err(wrong)?;
    let model = Model::of(&serde_json::json!({"user": users::seen(&user, &groups)}));
    let results = texts(
        &template
            .evaluate(&model, console.idp.now())
            .map_err(wrong)?,
    );
    Ok(html! {
        p { "For " strong { (name_of_user(&user)) } ":" }
        @if results.is_empty() { p.none { "No value: the attribute is left out." } }
        @else { ul.results { @for result in &results { li { code { (result) } } } } }
    })
}

async fn handle_form(
    console: &Console,
    id: &str,
    former: Option<&Resource>,
    form: Form,
) -> Result<Response> {
    let application = find_application(console, id).await?;
    if form.has("test") {
        let tested = test(console, &form).await;
        return match form.clone().check_outcome(tested)? {
            Ok(tested) => render_page(console, &application, former, &form, Some(&tested)).await,
            Err(form) => render_page(console, &application, former, &form, None).await,
        };
    }
    let document = Document::from_iter([
        ("name".to_owned(), form.text("name").into()),
        ("value".to_owned(), value(&form).into()),
        ("required".to_owned(), form.has("required").into()),
    ]);
    let which = former.map(|former| former.id.as_str());
    let put = console
        .idp
        .put_attribute(console.env_id(), id, which, document)
        .await;
    match form.check_outcome(put)? {
        Ok(_) => Ok(console.done(
            &format!("/applications/{id}/mappings"),
            if former.is_some() { "saved" } else { "added" },
        )),
        Err(form) => render_page(console, &application, former, &form, None).await,
    }
}

async fn create(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    Ok(handle_form(&console, &id, None, form).await?)
}

async fn save(
    console: Console,
    Path((_, id, which)): Path<(String, String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let former = find_mapping(&console, &id, &which).await?;
    Ok(handle_form(&console, &id, Some(&former), form).await?)
}

async fn delete(
    console: Console,
    Path((_, id, which)): Path<(String, String, String)>,
    Submitted(_): Submitted,
) -> Shown {
    console
        .idp
        .delete_attribute(console.env_id(), &id, &which)
        .await?;
    Ok(console.done(&format!("/applications/{id}/mappings"), "deleted"))
}
