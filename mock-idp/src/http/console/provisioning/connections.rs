//! Pages New connection (first the name, then "Configure authentication") and the page of a
//! connection: synchronization, configuration, switch.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::{Value, json};

use super::{CONNECTIONS, is_active_store, setting, status};
use crate::Idp;
use crate::directory::{Document, text};
use crate::http::console::form::Form;
use crate::http::console::layout::{Console, Here, Sheet, Shown};
use crate::http::console::parts::{self, Field, named_value, value_with_button};
use crate::http::console::session::Submitted;
use crate::http::console::tabbed::Tabbed;
use crate::provisioning::connection::CLIENT_AUTHENTICATIONS;
use crate::refusal::{Refused, Result};
use crate::store::resources::{Kind, Resource};

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/provisioning/connections/new", get(new).post(create))
        .route("/{env}/provisioning/connections/{id}", get(show))
        .route(
            "/{env}/provisioning/connections/{id}/edit",
            get(edit).post(save),
        )
        .route("/{env}/provisioning/connections/{id}/enabled", post(enable))
        .route("/{env}/provisioning/connections/{id}/sync", post(sync))
        .route("/{env}/provisioning/connections/{id}/delete", post(delete))
}

/// Authentication methods: value in the configuration, label of the guide.
const METHODS: [(&str, &str); 4] = [
    ("OAuth 2 Bearer Token", "Bearer Token"),
    ("Basic Authentication", "Basic Authentication"),
    ("OAuth 2 Client Credentials", "OAuth 2 Client Credentials"),
    ("None", "None"),
];

/// Settings that are text, with their initial values.
const TEXTS: [(&str, &str); 18] = [
    ("SCIM_URL", ""),
    ("SCIM_VERSION", "2.0"),
    ("USERS_RESOURCE", "/Users"),
    ("GROUPS_RESOURCE", "/Groups"),
    ("AUTHENTICATION_METHOD", "OAuth 2 Bearer Token"),
    ("BASIC_AUTH_USER", ""),
    ("BASIC_AUTH_PASSWORD", ""),
    ("OAUTH_ACCESS_TOKEN", ""),
    ("OAUTH_TOKEN_REQUEST", ""),
    ("OAUTH_CLIENT_ID", ""),
    ("OAUTH_CLIENT_AUTHENTICATION", "Client Secret Basic"),
    ("OAUTH_CLIENT_SECRET", ""),
    ("OAUTH_SUBJECT", ""),
    ("OAUTH_SCOPE", ""),
    ("UNIQUE_USER_IDENTIFIER", "userName"),
    ("REMOVE_ACTION", "Delete"),
    ("GROUP_MEMBERSHIP_HANDLING", "Overwrite"),
    ("UPDATE_METHOD", "Automatic"),
];

/// Settings that are not shown again after they are saved.
const SECRETS: [&str; 3] = [
    "BASIC_AUTH_PASSWORD",
    "OAUTH_ACCESS_TOKEN",
    "OAUTH_CLIENT_SECRET",
];

const SWITCHES: [(&str, &str, &str); 4] = [
    (
        "CREATE_USERS",
        "Allow users to be created",
        "Users whom a rule covers are created at the target.",
    ),
    (
        "UPDATE_USERS",
        "Allow users to be updated",
        "Changes of users are sent to the target.",
    ),
    (
        "DISABLE_USERS",
        "Allow users to be disabled",
        "Users who are disabled here are disabled at the target too.",
    ),
    (
        "PROVISION_DISABLED_USERS",
        "Provision disabled users",
        "Users who are disabled here are created at the target too.",
    ),
];

fn label_of(key: &str) -> String {
    format!("configuration.{key}")
}

fn blank() -> Form {
    let mut form = Form::default();
    for (key, value) in TEXTS {
        form = form.with(&label_of(key), value);
    }
    for (key, _, _) in &SWITCHES[..3] {
        form = form.with(&label_of(key), "on");
    }
    form
}

fn first_page(console: &Console, form: &Form) -> Response {
    let fields = html! {
        ol.steps { li aria-current="step" { "Name" } li { "Configure authentication" } }
        (parts::choices(form, "radio", "kind", "Identity Store", &[
            ("scim", "SCIM Outbound", "Sends users and groups to a service provider that supports SCIM 2.0."),
        ]))
        (Field::new(form, "name", "Name").required().input("text"))
        (Field::new(form, "description", "Description").input("text"))
        div.buttons {
            button.primary type="submit" name="step" value="name" { "Next" }
            a.button href=(console.at("/provisioning")) { "Cancel" }
        }
    };
    new_sheet(console, form, &fields)
}

fn new_sheet(console: &Console, form: &Form, fields: &Markup) -> Response {
    console.show(&Sheet {
        here: Here::Provisioning,
        title: "New connection",
        above: &[("Provisioning", "/provisioning")],
        body: console.form(&format!("{CONNECTIONS}/new"), fields),
        form: Some(form),
        ..Sheet::default()
    })
}

/// Result of a connection test: `None` if it succeeded, otherwise the error text.
type Tested = Option<String>;

fn result(tested: Option<&Tested>) -> Markup {
    html! {
        @match tested {
            None => {},
            Some(None) => div.result.good role="status" tabindex="-1" autofocus { "Test Connection succeeded: the target answered and accepted the credentials." },
            Some(Some(why)) => div.result.bad role="alert" tabindex="-1" autofocus {
                strong { "Test Connection failed" }
                p { (why) }
                p { "You can save it anyway. Nothing is provisioned until the connection works." }
            },
        }
    }
}

/// Renders the fields of "Configure authentication".
fn settings(form: &Form, is_new: bool) -> Markup {
    let field = |key: &'static str, label: &'static str| (label_of(key), label);
    let kept = "Leave it empty to keep the one that is saved.";
    let secret = |key: &'static str, label: &'static str| {
        let (name, label) = field(key, label);
        let made = Field::new(form, &name, label).required();
        if is_new {
            made.input("password")
        } else {
            made.hint(kept).input("password")
        }
    };
    let line = |key: &'static str, label: &'static str, kind: &str, like: &str| {
        let (name, label) = field(key, label);
        Field::new(form, &name, label)
            .required()
            .like(like)
            .input(kind)
    };
    let list = |key: &'static str, label: &'static str, options: &[(&str, &str)]| {
        let (name, label) = field(key, label);
        Field::new(form, &name, label).required().select(options)
    };
    html! {
        (line("SCIM_URL", "SCIM Base URL", "url", "https://"))
        (line("USERS_RESOURCE", "Users Resource", "text", "/Users"))
        (Field::new(form, &label_of("GROUPS_RESOURCE"), "Groups Resource")
            .hint("Without it no groups are provisioned.").input("text"))
        (list("SCIM_VERSION", "SCIM Version", &[("2.0", "2.0")]))
        (list("AUTHENTICATION_METHOD", "Connection profile", &METHODS))
        div.when-bearer { (secret("OAUTH_ACCESS_TOKEN", "Bearer Token")) }
        div.when-basic {
            (line("BASIC_AUTH_USER", "Basic Auth User", "text", ""))
            (secret("BASIC_AUTH_PASSWORD", "Basic Auth Password"))
        }
        div.when-client {
            (line("OAUTH_TOKEN_REQUEST", "OAuth Token Request", "url", "https://"))
            (line("OAUTH_CLIENT_ID", "OAuth Client ID", "text", ""))
            (list("OAUTH_CLIENT_AUTHENTICATION", "OAuth Client Authentication",
                &CLIENT_AUTHENTICATIONS.map(|way| (way, way))))
            p.hint { "Private Key JWT and Federated are signed with the default signing key of this environment, and need no secret." }
            (secret("OAUTH_CLIENT_SECRET", "OAuth Client Secret"))
            (line("OAUTH_SUBJECT", "OAuth Subject (Federated)", "text", ""))
            (line("OAUTH_SCOPE", "OAuth Scope", "text", ""))
        }
        h2 { "Preferences" }
        (list("UNIQUE_USER_IDENTIFIER", "User Identifier", &[("userName", "userName"), ("workEmail", "workEmail")]))
        @for (key, words, meaning) in SWITCHES { (parts::checkbox(form, &label_of(key), words, meaning)) }
        (list("REMOVE_ACTION", "Remove Action", &[("Delete", "Delete"), ("Disable", "Disable")]))
        (list("GROUP_MEMBERSHIP_HANDLING", "Group Membership Handling", &[("Overwrite", "Overwrite"), ("Merge", "Merge")]))
        (list("UPDATE_METHOD", "Update Method", &[("Automatic", "PATCH, or PUT where the target has no PATCH"), ("PUT", "PUT only")]))
    }
}

fn buttons(console: &Console, cancel: &str) -> Markup {
    html! {
        div.buttons {
            button.primary type="submit" { "Save" }
            button type="submit" name="test" value="yes" { "Test Connection" }
            a.button href=(console.at(cancel)) { "Cancel" }
        }
    }
}

fn second_page(console: &Console, form: &Form, tested: Option<&Tested>) -> Response {
    let fields = html! {
        ol.steps { li { "Name" } li aria-current="step" { "Configure authentication" } }
        @for name in ["kind", "name", "description"] { input type="hidden" name=(name) value=(form.text(name)); }
        input type="hidden" name="configured" value="yes";
        (settings(form, true))
        (result(tested))
        (buttons(console, "/provisioning"))
    };
    new_sheet(console, form, &fields)
}

async fn new(console: Console) -> Response {
    first_page(&console, &Form::default().with("kind", "scim"))
}

/// Converts the form to the JSON of a store, without secrets that are empty.
fn document(form: &Form) -> Document {
    let mut configuration = Document::new();
    for (key, _) in TEXTS {
        let value = form.text(&label_of(key));
        if !(SECRETS.contains(&key) && value.is_empty()) {
            configuration.insert(key.to_owned(), value.into());
        }
    }
    for (key, _, _) in SWITCHES {
        configuration.insert(key.to_owned(), form.has(&label_of(key)).into());
    }
    Document::from_iter([
        ("name".to_owned(), form.text("name").into()),
        ("description".to_owned(), form.text("description").into()),
        ("type".to_owned(), "scim".into()),
        ("configuration".to_owned(), configuration.into()),
    ])
}

async fn create(console: Console, Submitted(form): Submitted) -> Shown {
    let taken = super::list_targets(&console).await?;
    let name = form.text("name").to_owned();
    let wrong = if form.text("kind") != "scim" {
        Some(Refused::invalid("kind", "choose SCIM Outbound"))
    } else if name.is_empty() {
        Some(Refused::required("name"))
    } else if taken.iter().any(|store| store.name == name) {
        Some(Refused::taken("name", "connection named", &name))
    } else {
        None
    };
    if let Some(wrong) = wrong {
        return Ok(first_page(&console, &form.add_refusal(wrong)?));
    }
    if !form.has("configured") {
        let form = ["kind", "name", "description"]
            .into_iter()
            .fold(blank(), |blank, key| blank.with(key, form.text(key)));
        return Ok(second_page(&console, &form, None));
    }
    let document = document(&form);
    if form.has("test") {
        let env = console.env_id();
        let tested = console.idp.test_connection(env, &document).await;
        return Ok(match form.clone().check_outcome(tested)? {
            Ok(tested) => second_page(&console, &form, Some(&tested)),
            Err(form) => second_page(&console, &form, None),
        });
    }
    let made = console
        .idp
        .create_propagation(console.env_id(), Kind::Store, "", document)
        .await;
    Ok(match form.check_outcome(made)? {
        Ok(made) => console.done(&format!("{CONNECTIONS}/{}", made.id), "created"),
        Err(form) => second_page(&console, &form, None),
    })
}

pub(super) async fn find_connection(console: &Console, id: &str) -> Result<Resource> {
    console.idp.get(console.env_id(), Kind::Store, id).await
}

/// Renders the page of a connection: its tabs, and below them the content of the current one.
pub(super) fn tab(
    console: &Console,
    store: &Resource,
    current: &str,
    form: Option<&Form>,
    content: &Markup,
) -> Response {
    let path = format!("{CONNECTIONS}/{}", store.id);
    let enabled = format!("{path}/enabled");
    let tabbed = Tabbed {
        here: Here::Provisioning,
        kind: "Connection",
        title: &store.name,
        list: ("Provisioning", "/provisioning"),
        path,
        tabs: &[("Overview", ""), ("Users", "/users")],
        actions: console.switch(&enabled, "Enable connection", is_active_store(store)),
    };
    tabbed.show(console, current, form, content)
}

async fn show(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let store = find_connection(&console, &id).await?;
    let method = setting(&store, "AUTHENTICATION_METHOD");
    let method = METHODS.iter().find(|(key, _)| *key == method);
    let allowed: Vec<&str> = SWITCHES
        .iter()
        .filter(|(key, _, _)| setting(&store, key).eq_ignore_ascii_case("true"))
        .map(|(_, words, _)| *words)
        .collect();
    let body = html! {
        (status::render_card(&console, &store).await?)
        section.card aria-labelledby="configuration" {
            div.title {
                h2 #configuration { "Configuration" }
                a.button href=(console.at(&format!("{CONNECTIONS}/{id}/edit"))) { "Edit" }
            }
            dl {
                (named_value("Description", text(&store.document, "description").unwrap_or_default()))
                (value_with_button("connection-id", "Connection ID", &id))
                (named_value("SCIM Base URL", &setting(&store, "SCIM_URL")))
                (named_value("Users Resource", &setting(&store, "USERS_RESOURCE")))
                (named_value("Groups Resource", &setting(&store, "GROUPS_RESOURCE")))
                (named_value("Connection profile", method.map_or("None", |(_, words)| words)))
                (named_value("User Identifier", &setting(&store, "UNIQUE_USER_IDENTIFIER")))
                (named_value("Allowed", &allowed.join(", ")))
                (named_value("Remove Action", &setting(&store, "REMOVE_ACTION")))
                (named_value("Group Membership Handling", &setting(&store, "GROUP_MEMBERSHIP_HANDLING")))
            }
        }
        (console.deletion(&format!("{CONNECTIONS}/{id}/delete"), "Delete Connection",
            "Nothing is provisioned there any more. Users and groups at the target are kept."))
    };
    Ok(tab(&console, &store, "Overview", None, &body))
}

fn edit_page(
    console: &Console,
    store: &Resource,
    form: &Form,
    tested: Option<&Tested>,
) -> Response {
    let fields = html! {
        (Field::new(form, "name", "Name").required().input("text"))
        (Field::new(form, "description", "Description").input("text"))
        h2 { "Configure authentication" }
        (settings(form, false))
        (result(tested))
        (buttons(console, &format!("{CONNECTIONS}/{}", store.id)))
    };
    let body = console.form(&format!("{CONNECTIONS}/{}/edit", store.id), &fields);
    tab(console, store, "Overview", Some(form), &body)
}

async fn edit(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let store = find_connection(&console, &id).await?;
    let mut form = Form::default().with("name", store.name.as_str()).with(
        "description",
        text(&store.document, "description").unwrap_or_default(),
    );
    for (key, _) in TEXTS {
        if !SECRETS.contains(&key) {
            form = form.with(&label_of(key), setting(&store, key));
        }
    }
    for (key, _, _) in SWITCHES {
        if setting(&store, key).eq_ignore_ascii_case("true") {
            form = form.with(&label_of(key), "on");
        }
    }
    Ok(edit_page(&console, &store, &form, None))
}

/// Returns the stored JSON with the values of the form.
fn merge_form(store: &Resource, form: &Form) -> Document {
    let mut merged = store.document.clone();
    for (key, value) in document(form) {
        match (merged.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
            (_, value) => {
                merged.insert(key, value);
            }
        }
    }
    merged
}

async fn save(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let store = find_connection(&console, &id).await?;
    let document = merge_form(&store, &form);
    if form.has("test") {
        let env = console.env_id();
        let tested = console.idp.test_connection(env, &document).await;
        return Ok(match form.clone().check_outcome(tested)? {
            Ok(tested) => edit_page(&console, &store, &form, Some(&tested)),
            Err(form) => edit_page(&console, &store, &form, None),
        });
    }
    let changed = console
        .idp
        .change_propagation(console.env_id(), Kind::Store, &id, document)
        .await;
    Ok(match form.check_outcome(changed)? {
        Ok(_) => console.done(&format!("{CONNECTIONS}/{id}"), "saved"),
        Err(form) => edit_page(&console, &store, &form, None),
    })
}

async fn enable(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let on = form.text("enabled") == "true";
    let mut document = find_connection(&console, &id).await?.document;
    let status = if on { "ACTIVE" } else { "INACTIVE" };
    document.insert("status".into(), json!(status));
    console
        .idp
        .change_propagation(console.env_id(), Kind::Store, &id, document)
        .await?;
    let done = if on { "enabled" } else { "disabled" };
    Ok(console.done(&format!("{CONNECTIONS}/{id}"), done))
}

async fn sync(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(_): Submitted,
) -> Shown {
    console.idp.create_revision(console.env_id()).await?;
    Ok(console.done(&format!("{CONNECTIONS}/{id}"), "syncing"))
}

async fn delete(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(_): Submitted,
) -> Shown {
    console
        .idp
        .delete_propagation(console.env_id(), Kind::Store, &id)
        .await?;
    Ok(console.done("/provisioning", "deleted"))
}
