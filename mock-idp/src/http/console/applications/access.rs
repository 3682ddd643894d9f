//! Tab Access of an application: the groups whose users may sign on to it.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;
use maud::html;
use serde_json::{Value, json};

use super::{find_application, tab};
use crate::Idp;
use crate::applications::Application;
use crate::directory::{Change, Document};
use crate::http::console::form::Form;
use crate::http::console::layout::{Console, Shown};
use crate::http::console::parts;
use crate::http::console::session::Submitted;
use crate::store::resources::{Kind, Resource};

pub(super) fn router() -> Router<Idp> {
    Router::new().route("/{env}/applications/{id}/access", get(show).post(save))
}

fn page(console: &Console, application: &Resource, groups: &[Resource], form: &Form) -> Response {
    let options: Vec<(&str, &str, &str)> = groups
        .iter()
        .map(|group| (group.id.as_str(), group.name.as_str(), ""))
        .collect();
    let fields = html! {
        @if groups.is_empty() {
            p { "There are no groups yet: everybody in this environment may sign on." }
        } @else {
            (parts::choices(form, "checkbox", "group", "Groups", &options))
            (parts::choices(form, "radio", "rule", "Group Membership Policy", &[
                ("ANY_GROUP", "User is in any of the groups", ""),
                ("ALL_GROUPS", "User is in all of the groups", ""),
            ]))
            div.buttons { button.primary type="submit" { "Save" } }
        }
    };
    let content = html! {
        section.card aria-labelledby="access" {
            h2 #access { "Access" }
            p.lead { "Without a group here, everybody in this environment may sign on." }
            (console.form(&format!("/applications/{}/access", application.id), &fields))
        }
    };
    tab(console, application, "Access", Some(form), &content)
}

async fn show(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let resource = find_application(&console, &id).await?;
    let groups = console
        .idp
        .list(console.env_id(), Kind::Group, None)
        .await?;
    let access = Application::of(&resource)?.access_control.group;
    let mut form = Form::default();
    let mut rule = "ANY_GROUP".to_owned();
    if let Some(access) = access {
        if access.rule == "ALL_GROUPS" {
            rule = access.rule;
        }
        for group in access.groups {
            form = form.with("group", group.id);
        }
    }
    Ok(page(&console, &resource, &groups, &form.with("rule", rule)))
}

async fn save(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let groups: Vec<Value> = form.all("group").map(|id| json!({"id": id})).collect();
    let access = match groups.is_empty() {
        true => json!({"group": null}),
        false => json!({"group": {"type": form.text("rule"), "groups": groups}}),
    };
    let document = Document::from_iter([("accessControl".to_owned(), access)]);
    let changed = console
        .idp
        .change_application(console.env_id(), &id, Change::Merge(document))
        .await;
    match form.check_outcome(changed)? {
        Ok(_) => Ok(console.done(&format!("/applications/{id}/access"), "saved")),
        Err(form) => {
            let application = find_application(&console, &id).await?;
            let groups = console
                .idp
                .list(console.env_id(), Kind::Group, None)
                .await?;
            Ok(page(&console, &application, &groups, &form))
        }
    }
}
