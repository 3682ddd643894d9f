//! Pages Identities → Users: the list, Add User, and the page of a user with profile, groups
//! and password.

use axum::Router;
use axum::extract::{Path, Query};
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::form::Form;
use super::layout::{Console, Here, Sheet, Shown};
use super::parts::{self, Field, badge, named_value, value_with_button};
use super::session::Submitted;
use super::tabbed::Tabbed;
use crate::Idp;
use crate::directory::{Change, Document, passwords, text};
use crate::refusal::Refused;
use crate::store::resources::Kind;
use crate::store::users::UserRow;

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/users", get(list))
        .route("/{env}/users/new", get(new).post(create))
        .route("/{env}/users/{id}", get(show))
        .route("/{env}/users/{id}/edit", get(edit).post(save))
        .route("/{env}/users/{id}/enabled", post(enable))
        .route(
            "/{env}/users/{id}/password",
            get(show_password).post(set_password),
        )
        .route("/{env}/users/{id}/groups", get(show_groups).post(join))
        .route("/{env}/users/{id}/groups/remove", post(leave))
        .route("/{env}/users/{id}/delete", post(delete))
}

/// Number of users per page of the list.
const PAGE: usize = 50;

/// Returns the name of a user in lists.
pub(super) fn display_name(user: &UserRow) -> String {
    text(&user.document, "username")
        .unwrap_or_default()
        .to_owned()
}

fn part_of_name<'u>(user: &'u UserRow, part: &str) -> &'u str {
    let name = user.document.get("name");
    name.and_then(|name| name.get(part)?.as_str())
        .unwrap_or_default()
}

fn full_name(user: &UserRow) -> String {
    let both = [part_of_name(user, "given"), part_of_name(user, "family")];
    both.join(" ").trim().to_owned()
}

fn is_enabled(user: &UserRow) -> bool {
    user.document.get("enabled") != Some(&Value::Bool(false))
}

fn states(console: &Console, user: &UserRow) -> Markup {
    html! {
        @if is_enabled(user) { (badge("good", "Enabled")) } @else { (badge("off", "Disabled")) }
        @if passwords::is_locked(&console.idp, user) { " " (badge("bad", "Locked")) }
    }
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    search: String,
    #[serde(default)]
    page: usize,
}

fn matches(user: &UserRow, search: &str) -> bool {
    let email = text(&user.document, "email").unwrap_or_default();
    let all = format!("{} {email} {}", display_name(user), full_name(user));
    all.to_lowercase().contains(&search.to_lowercase())
}

async fn list(console: Console, Query(wanted): Query<Wanted>) -> Shown {
    let search = wanted.search.trim();
    let mut all = console.idp.list_users(console.env_id()).await?;
    all.retain(|user| matches(user, search));
    let pages = all.len().div_ceil(PAGE).max(1);
    let page = wanted.page.min(pages - 1);
    let at_page = |page: usize| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("search", search)
            .append_pair("page", &page.to_string())
            .finish();
        console.at(&format!("/users?{query}"))
    };
    let add = html! { a.button.primary href=(console.at("/users/new")) { "Add User" } };
    let body = html! {
        form.filter method="get" action=(console.at("/users")) role="search" {
            div {
                label for="search" { "Search users" }
                input id="search" name="search" type="search" value=(search) autocomplete="off";
            }
            button type="submit" { "Search" }
        }
        @if all.is_empty() && search.is_empty() { (parts::empty("No users yet.", &add)) }
        @else if all.is_empty() { (parts::empty("Nobody matches this search.", &html! { a.button href=(console.at("/users")) { "Show all users" } })) }
        @else {
            table {
                thead { tr { th scope="col" { "Username" } th scope="col" { "Name" } th scope="col" { "Email" } th scope="col" { "State" } } }
                tbody {
                    @for user in all.iter().skip(page * PAGE).take(PAGE) {
                        tr {
                            th scope="row" { a href=(console.at(&format!("/users/{}", user.id))) { (display_name(user)) } }
                            td { (full_name(user)) }
                            td { (text(&user.document, "email").unwrap_or_default()) }
                            td { (states(&console, user)) }
                        }
                    }
                }
            }
            @if pages > 1 {
                nav.pages aria-label="Pages" {
                    @if page > 0 { a.button href=(at_page(page - 1)) { "Previous" } }
                    span { "Page " (page + 1) " of " (pages) " · " (all.len()) " users" }
                    @if page + 1 < pages { a.button href=(at_page(page + 1)) { "Next" } }
                }
            }
        }
    };
    Ok(console.show(&Sheet {
        here: Here::Users,
        title: "Users",
        actions: add,
        body,
        ..Sheet::default()
    }))
}

async fn list_populations(console: &Console) -> Result<Vec<(String, String)>, Refused> {
    let all = console
        .idp
        .list(console.env_id(), Kind::Population, None)
        .await?;
    Ok(all
        .into_iter()
        .map(|found| (found.id, found.name))
        .collect())
}

fn fields(form: &Form, populations: &[(String, String)]) -> Markup {
    html! {
        (Field::new(form, "name.given", "Given Name").input("text"))
        (Field::new(form, "name.family", "Family Name").input("text"))
        (Field::new(form, "username", "Username").required()
            .hint("The user signs on with it.").input("text"))
        (Field::new(form, "email", "Email").required().input("email"))
        (Field::new(form, "population.id", "Population").required().select(populations))
        (Field::new(form, "title", "Title").input("text"))
        (Field::new(form, "externalId", "External ID").input("text"))
    }
}

/// Converts the form to the JSON of a user. An empty field removes the attribute (null).
fn document(form: &Form) -> Document {
    let said = |key: &str| match form.text(key) {
        "" => Value::Null,
        text => text.into(),
    };
    let mut document = Document::from_iter([
        ("username".to_owned(), form.text("username").into()),
        ("email".to_owned(), form.text("email").into()),
        (
            "name".to_owned(),
            json!({"given": said("name.given"), "family": said("name.family")}),
        ),
        ("title".to_owned(), said("title")),
        ("externalId".to_owned(), said("externalId")),
    ]);
    if !form.text("population.id").is_empty() {
        document.insert(
            "population".into(),
            json!({"id": form.text("population.id")}),
        );
    }
    document
}

/// Removes all nulls: a new user has no attribute to remove.
fn without_nulls(document: Document) -> Document {
    document
        .into_iter()
        .filter_map(|(key, value)| match value {
            Value::Null => None,
            Value::Object(inner) => Some((key, without_nulls(inner).into())),
            value => Some((key, value)),
        })
        .collect()
}

async fn new_page(console: &Console, form: &Form) -> Shown {
    let populations = list_populations(console).await?;
    let content = html! {
        (fields(form, &populations))
        (Field::new(form, "password", "Password")
            .hint("Without a password the user cannot sign on.").input("password"))
        (parts::save("Save", &console.at("/users")))
    };
    Ok(console.show(&Sheet {
        here: Here::Users,
        title: "Add User",
        above: &[("Users", "/users")],
        body: console.form("/users/new", &content),
        form: Some(form),
        ..Sheet::default()
    }))
}

async fn new(console: Console) -> Shown {
    new_page(&console, &Form::default()).await
}

async fn create(console: Console, Submitted(form): Submitted) -> Shown {
    let mut document = without_nulls(document(&form));
    if !form.raw_text("password").is_empty() {
        document.insert(
            "password".into(),
            json!({"value": form.raw_text("password")}),
        );
    }
    let made = console.idp.create_user(console.env_id(), document).await;
    match form.check_outcome(made)? {
        Ok(user) => Ok(console.done(&format!("/users/{}", user.id), "created")),
        Err(form) => new_page(&console, &form.move_errors("value", "password")).await,
    }
}

fn tab(
    console: &Console,
    user: &UserRow,
    current: &str,
    form: Option<&Form>,
    content: &Markup,
) -> Response {
    let path = format!("/users/{}", user.id);
    let enabled = format!("{path}/enabled");
    let tabbed = Tabbed {
        here: Here::Users,
        kind: "User",
        title: &display_name(user),
        list: ("Users", "/users"),
        path,
        tabs: &[
            ("Profile", ""),
            ("Groups", "/groups"),
            ("Password", "/password"),
        ],
        actions: console.switch(&enabled, "Enable user", is_enabled(user)),
    };
    tabbed.show(console, current, form, content)
}

async fn show(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let user = console.idp.get_user(console.env_id(), &id).await?;
    let said = |key: &str| text(&user.document, key).unwrap_or_default().to_owned();
    let home = user
        .document
        .get("population")
        .and_then(|of| of["id"].as_str());
    let populations = list_populations(&console).await?;
    let home = populations.iter().find(|(id, _)| Some(id.as_str()) == home);
    let content = html! {
        section.card aria-labelledby="about" {
            div.title {
                h2 #about { "Profile" }
                a.button href=(console.at(&format!("/users/{id}/edit"))) { "Edit" }
            }
            dl {
                (named_value("Name", &full_name(&user)))
                (named_value("Username", &said("username")))
                (named_value("Email", &said("email")))
                (value_with_button("user-id", "User ID", &id))
                (named_value("Population", home.map_or("", |(_, name)| name)))
                (named_value("Title", &said("title")))
                (named_value("External ID", &said("externalId")))
                dt { "State" } dd { (states(&console, &user)) }
                (named_value("Created", &user.created_at.strftime("%F %H:%M UTC").to_string()))
            }
        }
        (console.deletion(&format!("/users/{id}/delete"), "Delete User",
            "The user cannot sign on any more, and provisioning removes the user from every target."))
    };
    Ok(tab(&console, &user, "Profile", None, &content))
}

async fn edit_page(console: &Console, user: &UserRow, form: &Form) -> Shown {
    let path = format!("/users/{}", user.id);
    let populations = list_populations(console).await?;
    let content = html! {
        (fields(form, &populations))
        (parts::save("Save", &console.at(&path)))
    };
    let content = html! { div.card { (console.form(&format!("{path}/edit"), &content)) } };
    Ok(tab(console, user, "Profile", Some(form), &content))
}

async fn edit(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let user = console.idp.get_user(console.env_id(), &id).await?;
    let home = user
        .document
        .get("population")
        .and_then(|of| of["id"].as_str());
    let mut form = Form::default()
        .with("name.given", part_of_name(&user, "given"))
        .with("name.family", part_of_name(&user, "family"))
        .with("population.id", home.unwrap_or_default());
    for key in ["username", "email", "title", "externalId"] {
        form = form.with(key, text(&user.document, key).unwrap_or_default());
    }
    edit_page(&console, &user, &form).await
}

async fn save(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let user = console.idp.get_user(console.env_id(), &id).await?;
    let change = Change::Merge(document(&form));
    let changed = console.idp.change_user(console.env_id(), &id, change).await;
    match form.check_outcome(changed)? {
        Ok(_) => Ok(console.done(&format!("/users/{id}"), "saved")),
        Err(form) => edit_page(&console, &user, &form).await,
    }
}

async fn enable(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let on = form.text("enabled") == "true";
    let change = Change::Merge(Document::from_iter([("enabled".to_owned(), on.into())]));
    console
        .idp
        .change_user(console.env_id(), &id, change)
        .await?;
    let done = if on { "enabled" } else { "disabled" };
    Ok(console.done(&format!("/users/{id}"), done))
}

fn password_page(console: &Console, user: &UserRow, form: &Form) -> Response {
    let path = format!("/users/{}/password", user.id);
    let state = match (&user.password, user.must_change) {
        (None, _) => "No password: the user cannot sign on",
        (Some(_), true) => "Must be changed at the next sign-on",
        (Some(_), false) => "Set",
    };
    let fields = html! {
        (Field::new(form, "value", "New Password").required().input("password"))
        (parts::checkbox(form, "forceChange", "Force password change",
            "The user must choose a new one at the next sign-on."))
        div.buttons { button.primary type="submit" { "Set Password" } }
    };
    let content = html! {
        section.card aria-labelledby="password" {
            h2 #password { "Password" }
            dl { (named_value("State", state)) (named_value("Wrong passwords in a row", &user.failures.to_string())) }
            (console.form(&path, &fields))
            p.hint { "A new password unlocks a locked account." }
        }
    };
    tab(console, user, "Password", Some(form), &content)
}

async fn show_password(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let user = console.idp.get_user(console.env_id(), &id).await?;
    Ok(password_page(&console, &user, &Form::default()))
}

async fn set_password(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let user = console.idp.get_user(console.env_id(), &id).await?;
    let password = json!({"value": form.raw_text("value"), "forceChange": form.has("forceChange")});
    let set = console
        .idp
        .set_password(console.env_id(), &id, &password)
        .await;
    Ok(match form.check_outcome(set)? {
        Ok(_) => console.done(&format!("/users/{id}/password"), "saved"),
        Err(form) => password_page(&console, &user, &form),
    })
}

async fn render_groups_page(console: &Console, user: &UserRow, form: &Form) -> Shown {
    let within = console.idp.list_groups_of_user(user).await?;
    let all = console
        .idp
        .list(console.env_id(), Kind::Group, None)
        .await?;
    let path = format!("/users/{}/groups", user.id);
    let mut others = vec![("", "Choose a group")];
    others.extend(
        all.iter()
            .filter(|group| !within.iter().any(|in_| in_.id == group.id && in_.direct))
            .map(|group| (group.id.as_str(), group.name.as_str())),
    );
    let content = html! {
        section.card aria-labelledby="within" {
            h2 #within { "Groups" }
            @if within.is_empty() { p.none { "This user is in no group." } }
            @else {
                table {
                    thead { tr { th scope="col" { "Group Name" } th scope="col" { "Membership" } th scope="col" { span.visually-hidden { "Actions" } } } }
                    tbody {
                        @for group in &within {
                            tr {
                                th scope="row" { a href=(console.at(&format!("/groups/{}", group.id))) { (group.name) } }
                                td { @if group.direct { (badge("good", "Direct")) } @else { (badge("off", "Inherited")) } }
                                td.actions {
                                    @if group.direct {
                                        (console.button(&format!("{path}/remove"), &[("group", &group.id)],
                                            &html! { button type="submit" { "Remove" span.visually-hidden { " from " (group.name) } } }))
                                    }
                                }
                            }
                        }
                    }
                }
            }
            @if others.len() > 1 {
                (console.form(&path, &html! {
                    (Field::new(form, "group", "Group").required().select(&others))
                    button.primary type="submit" { "Add to Group" }
                }))
            }
        }
    };
    Ok(tab(console, user, "Groups", Some(form), &content))
}

async fn show_groups(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let user = console.idp.get_user(console.env_id(), &id).await?;
    render_groups_page(&console, &user, &Form::default()).await
}

async fn join(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let user = console.idp.get_user(console.env_id(), &id).await?;
    let joined = match form.text("group") {
        "" => Err(Refused::invalid("group", "choose a group")),
        group => console.idp.join_group(console.env_id(), &id, group).await,
    };
    match form.check_outcome(joined)? {
        Ok(()) => Ok(console.done(&format!("/users/{id}/groups"), "added")),
        Err(form) => render_groups_page(&console, &user, &form).await,
    }
}

async fn leave(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    console
        .idp
        .leave_group(console.env_id(), &id, form.text("group"))
        .await?;
    Ok(console.done(&format!("/users/{id}/groups"), "removed"))
}

async fn delete(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(_): Submitted,
) -> Shown {
    console.idp.delete_user(console.env_id(), &id).await?;
    Ok(console.done("/users", "deleted"))
}
