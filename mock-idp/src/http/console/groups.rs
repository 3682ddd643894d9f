//! Pages Identities → Groups: the list, **+**, and the page of a group with its id, its users,
//! its nested groups, and its filter if it is dynamic.

use std::collections::BTreeSet;

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};

use super::form::Form;
use super::layout::{Console, Here, Sheet, Shown};
use super::parts::{self, Field, badge, named_value, plus, value_with_button};
use super::session::Submitted;
use super::tabbed::Tabbed;
use super::users::display_name;
use crate::Idp;
use crate::directory::{Change, Document, text};
use crate::refusal::{Refused, Result};
use crate::store::resources::{Kind, Resource};

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/groups", get(list))
        .route("/{env}/groups/new", get(new).post(create))
        .route("/{env}/groups/{id}", get(show))
        .route("/{env}/groups/{id}/edit", get(edit).post(save))
        .route("/{env}/groups/{id}/delete", post(delete))
        .route("/{env}/groups/{id}/users", get(show_users).post(add_user))
        .route("/{env}/groups/{id}/users/remove", post(remove_user))
        .route("/{env}/groups/{id}/groups", get(show_nested).post(nest))
        .route("/{env}/groups/{id}/groups/remove", post(unnest))
}

async fn list(console: Console) -> Shown {
    let add = console.at("/groups/new");
    let mut rows = Vec::new();
    for group in console
        .idp
        .list(console.env_id(), Kind::Group, None)
        .await?
    {
        let (_, users) = console.idp.count_members(&group).await?;
        rows.push((group, users));
    }
    let body = html! {
        @if rows.is_empty() {
            (parts::empty(
                "No groups yet. Groups decide which users may use an application, and with which role.",
                &html! { a.button.primary href=(add) { "Add Group" } },
            ))
        } @else {
            table {
                thead { tr { th scope="col" { "Group Name" } th scope="col" { "Description" } th scope="col" { "Users" } th scope="col" { "Kind" } } }
                tbody {
                    @for (group, users) in &rows {
                        tr {
                            th scope="row" { a href=(console.at(&format!("/groups/{}", group.id))) { (group.name) } }
                            td { (text(&group.document, "description").unwrap_or_default()) }
                            td data-name="Users" { (users) }
                            td { @if text(&group.document, "userFilter").is_some() { (badge("wait", "Dynamic")) } @else { (badge("off", "Static")) } }
                        }
                    }
                }
            }
        }
    };
    Ok(console.show(&Sheet {
        here: Here::Groups,
        title: "Groups",
        actions: plus(&add, "Add Group"),
        body,
        ..Sheet::default()
    }))
}

fn fields(form: &Form) -> Markup {
    html! {
        (Field::new(form, "name", "Group Name").required()
            .hint("Service providers compare it exactly, with upper and lower case.").input("text"))
        (Field::new(form, "description", "Description").input("text"))
        (Field::new(form, "userFilter", "Dynamic membership filter").like("title eq \"Engineer\"")
            .hint("A SCIM filter. All users who match it are members of the group.").input("text"))
    }
}

fn document(form: &Form) -> Document {
    let mut document = Document::from_iter([
        ("name".to_owned(), form.text("name").into()),
        ("description".to_owned(), form.text("description").into()),
    ]);
    if !form.text("userFilter").is_empty() {
        document.insert("userFilter".into(), form.text("userFilter").into());
    }
    document
}

/// The page that + opens: creates a group (the guide calls it the group creation wizard).
fn new_page(console: &Console, form: &Form) -> Response {
    let content = html! {
        (fields(form))
        (parts::save("Save", &console.at("/groups")))
    };
    console.show(&Sheet {
        here: Here::Groups,
        title: "Add Group",
        above: &[("Groups", "/groups")],
        body: console.form("/groups/new", &content),
        form: Some(form),
        ..Sheet::default()
    })
}

async fn new(console: Console) -> Response {
    new_page(&console, &Form::default())
}

async fn create(console: Console, Submitted(form): Submitted) -> Shown {
    let made = console
        .idp
        .create_group(console.env_id(), document(&form))
        .await;
    Ok(match form.check_outcome(made)? {
        Ok(made) => console.done(&format!("/groups/{}", made.id), "created"),
        Err(form) => new_page(&console, &form),
    })
}

async fn find_group(console: &Console, id: &str) -> Result<Resource> {
    console.idp.get(console.env_id(), Kind::Group, id).await
}

fn tab(
    console: &Console,
    group: &Resource,
    current: &str,
    form: Option<&Form>,
    content: &Markup,
) -> Response {
    let tabbed = Tabbed {
        here: Here::Groups,
        kind: "Group",
        title: &group.name,
        list: ("Groups", "/groups"),
        path: format!("/groups/{}", group.id),
        tabs: &[("Overview", ""), ("Users", "/users"), ("Groups", "/groups")],
        actions: Markup::default(),
    };
    tabbed.show(console, current, form, content)
}

async fn show(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let group = find_group(&console, &id).await?;
    let (direct, total) = console.idp.count_members(&group).await?;
    let content = html! {
        section.card aria-labelledby="about" {
            div.title {
                h2 #about { "Group" }
                a.button href=(console.at(&format!("/groups/{id}/edit"))) { "Edit" }
            }
            dl {
                (value_with_button("group-name", "Group Name", &group.name))
                (value_with_button("group-id", "Group ID", &id))
                (named_value("Description", text(&group.document, "description").unwrap_or_default()))
                (named_value("Users", &format!("{total}, {direct} of them directly")))
                dt { "Dynamic membership filter" }
                dd {
                    @match text(&group.document, "userFilter") {
                        Some(filter) => code { (filter) },
                        None => span.none { "None: an administrator adds users" },
                    }
                }
                (named_value("Created", &group.created_at.strftime("%F %H:%M UTC").to_string()))
            }
        }
        (console.deletion(&format!("/groups/{id}/delete"), "Delete Group",
            "Its users are not deleted, but they lose everything that the group gives them."))
    };
    Ok(tab(&console, &group, "Overview", None, &content))
}

fn edit_page(console: &Console, group: &Resource, form: &Form) -> Response {
    let path = format!("/groups/{}", group.id);
    let content = html! {
        (fields(form))
        (parts::save("Save", &console.at(&path)))
    };
    let content = html! { div.card { (console.form(&format!("{path}/edit"), &content)) } };
    tab(console, group, "Overview", Some(form), &content)
}

async fn edit(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let group = find_group(&console, &id).await?;
    let mut form = Form::default().with("name", group.name.as_str());
    for key in ["description", "userFilter"] {
        form = form.with(key, text(&group.document, key).unwrap_or_default());
    }
    Ok(edit_page(&console, &group, &form))
}

async fn save(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let group = find_group(&console, &id).await?;
    let mut said = group.document.clone();
    said.remove("userFilter");
    said.extend(document(&form));
    let changed = console
        .idp
        .change_group(console.env_id(), &id, Change::Replace(said))
        .await;
    Ok(match form.check_outcome(changed)? {
        Ok(_) => console.done(&format!("/groups/{id}"), "saved"),
        Err(form) => edit_page(&console, &group, &form),
    })
}

async fn delete(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(_): Submitted,
) -> Shown {
    console.idp.delete_group(console.env_id(), &id).await?;
    Ok(console.done("/groups", "deleted"))
}

async fn render_users_page(console: &Console, group: &Resource, form: &Form) -> Shown {
    let members = console.idp.list_users_of_group(group).await?;
    let within: BTreeSet<&str> = members
        .iter()
        .filter(|(_, direct)| *direct)
        .map(|(user, _)| user.id.as_str())
        .collect();
    let path = format!("/groups/{}/users", group.id);
    let mut others = vec![(String::new(), "Choose a user".to_owned())];
    others.extend(
        console
            .idp
            .list_users(console.env_id())
            .await?
            .iter()
            .filter(|user| !within.contains(user.id.as_str()))
            .map(|user| (user.id.clone(), display_name(user))),
    );
    let content = html! {
        section.card aria-labelledby="members" {
            h2 #members { "Users" }
            @if members.is_empty() { p.none { "Nobody is in this group yet." } }
            @else {
                table {
                    thead { tr { th scope="col" { "User" } th scope="col" { "Email" } th scope="col" { "Membership" } th scope="col" { span.visually-hidden { "Actions" } } } }
                    tbody {
                        @for (user, direct) in &members {
                            tr {
                                th scope="row" { a href=(console.at(&format!("/users/{}", user.id))) { (display_name(user)) } }
                                td { (text(&user.document, "email").unwrap_or_default()) }
                                td { @if *direct { (badge("good", "Direct")) } @else { (badge("off", "Inherited")) } }
                                td.actions {
                                    @if *direct {
                                        (console.button(&format!("{path}/remove"), &[("user", &user.id)],
                                            &html! { button type="submit" { "Remove" span.visually-hidden { " " (display_name(user)) } } }))
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        section.card aria-labelledby="adding" {
            h2 #adding { "Add a user" }
            @if others.len() == 1 { p.none { "Every user is in this group." } }
            @else {
                (console.form(&path, &html! {
                    (Field::new(form, "user", "User").required().select(&others))
                    button.primary type="submit" { "Add to Group" }
                }))
            }
        }
    };
    Ok(tab(console, group, "Users", Some(form), &content))
}

async fn show_users(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let group = find_group(&console, &id).await?;
    render_users_page(&console, &group, &Form::default()).await
}

async fn add_user(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let group = find_group(&console, &id).await?;
    let joined = match form.text("user") {
        "" => Err(Refused::invalid("user", "choose a user")),
        user => console.idp.join_group(console.env_id(), user, &id).await,
    };
    match form.check_outcome(joined)? {
        Ok(()) => Ok(console.done(&format!("/groups/{id}/users"), "added")),
        Err(form) => render_users_page(&console, &group, &form).await,
    }
}

async fn remove_user(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    console
        .idp
        .leave_group(console.env_id(), form.text("user"), &id)
        .await?;
    Ok(console.done(&format!("/groups/{id}/users"), "removed"))
}

/// Renders the groups within a group, and the groups that contain it.
async fn render_nested_page(console: &Console, group: &Resource, form: &Form) -> Shown {
    let all = console
        .idp
        .list(console.env_id(), Kind::Group, None)
        .await?;
    let outer = console
        .idp
        .list_outer_groups(console.env_id(), &group.id)
        .await?;
    let mut inner = Vec::new();
    for other in &all {
        let around = console
            .idp
            .list_outer_groups(console.env_id(), &other.id)
            .await?;
        if around.iter().any(|around| around.id == group.id) {
            inner.push(other);
        }
    }
    let path = format!("/groups/{}/groups", group.id);
    let mut others = vec![("", "Choose a group")];
    others.extend(
        all.iter()
            .filter(|other| other.id != group.id && !inner.iter().any(|in_| in_.id == other.id))
            .map(|other| (other.id.as_str(), other.name.as_str())),
    );
    let content = html! {
        section.card aria-labelledby="inner" {
            h2 #inner { "Groups within this group" }
            p.lead { "Their users are in this group too." }
            @if inner.is_empty() { p.none { "None." } }
            @else {
                table { tbody {
                    @for other in &inner {
                        tr {
                            th scope="row" { a href=(console.at(&format!("/groups/{}", other.id))) { (other.name) } }
                            td.actions {
                                (console.button(&format!("{path}/remove"), &[("group", &other.id)],
                                    &html! { button type="submit" { "Remove" span.visually-hidden { " " (other.name) } } }))
                            }
                        }
                    }
                } }
            }
            @if others.len() > 1 {
                (console.form(&path, &html! {
                    (Field::new(form, "group", "Group").required().select(&others))
                    button.primary type="submit" { "Add to Group" }
                }))
            }
        }
        section.card aria-labelledby="outer" {
            h2 #outer { "Groups that contain this group" }
            @if outer.is_empty() { p.none { "None." } }
            @else { ul { @for other in &outer { li { a href=(console.at(&format!("/groups/{}", other.id))) { (other.name) } } } } }
        }
    };
    Ok(tab(console, group, "Groups", Some(form), &content))
}

async fn show_nested(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let group = find_group(&console, &id).await?;
    render_nested_page(&console, &group, &Form::default()).await
}

async fn nest(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let group = find_group(&console, &id).await?;
    let nested = match form.text("group") {
        "" => Err(Refused::invalid("group", "choose a group")),
        inner => console.idp.nest_group(console.env_id(), inner, &id).await,
    };
    match form.check_outcome(nested)? {
        Ok(()) => Ok(console.done(&format!("/groups/{id}/groups"), "added")),
        Err(form) => render_nested_page(&console, &group, &form.move_errors("id", "group")).await,
    }
}

async fn unnest(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    console
        .idp
        .unnest_group(console.env_id(), form.text("group"), &id)
        .await?;
    Ok(console.done(&format!("/groups/{id}/groups"), "removed"))
}
