//! `/environments/{env}/propagation`: stores, plans, rules, mappings, revisions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde_json::{Value, json};

use super::href;
use super::route::Route;
use crate::Idp;
use crate::directory::reference;
use crate::http::hal::{self, Answer, Asked, Body, Page};
use crate::provisioning::plans::without_secrets;
use crate::refusal::Refused;
use crate::store::resources::{Kind, Resource};

/// The names of a kind of resource.
struct Names {
    kind: Kind,
    /// Plural, in paths and lists.
    many: &'static str,
    /// Singular, the path parameter.
    one: &'static str,
    schema: &'static str,
}

const KINDS: [Names; 5] = [
    Names {
        kind: Kind::Store,
        many: "stores",
        one: "store",
        schema: "Store",
    },
    Names {
        kind: Kind::Plan,
        many: "plans",
        one: "plan",
        schema: "Plan",
    },
    Names {
        kind: Kind::Rule,
        many: "rules",
        one: "rule",
        schema: "Rule",
    },
    Names {
        kind: Kind::Mapping,
        many: "mappings",
        one: "mapping",
        schema: "Mapping",
    },
    // PingOne's own clients use both spellings.
    Names {
        kind: Kind::Mapping,
        many: "mapping",
        one: "mapping",
        schema: "Mapping",
    },
];

const BASE: &str = "/environments/{env}/propagation";

fn collection(kind: Kind) -> &'static str {
    KINDS
        .iter()
        .find(|names| names.kind == kind)
        .map_or("revisions", |names| names.many)
}

pub(super) fn routes() -> Vec<Route> {
    let at = |path: &str| format!("{BASE}{path}");
    let mut routes = Vec::new();
    for names in KINDS {
        routes.extend(of_kind(&names));
    }
    let status = at("/stores/connection/status");
    let rules = at("/plans/{plan}/rules");
    let mappings = at("/rules/{rule}/mappings");
    let revisions = at("/revisions");
    routes.extend([
        Route::post(&status, "Tests a connection", test_connection)
            .takes("Store")
            .acts(&["", "connection.check"])
            .shows("ConnectionStatus"),
        Route::get(&rules, "Lists a plan's rules", list_rules).lists("rules", "Rule"),
        Route::post(&rules, "Creates a rule of a plan", create_rule)
            .takes("Rule")
            .makes("Rule"),
        Route::get(&mappings, "Lists a rule's mappings", list_mappings)
            .lists("mappings", "Mapping"),
        Route::post(&mappings, "Creates a mapping of a rule", create_mapping)
            .takes("Mapping")
            .makes("Mapping"),
        Route::get(&revisions, "Lists the revisions", list_revisions)
            .lists("revisions", "Revision"),
        Route::post(
            &revisions,
            "Creates a revision, which makes the configuration take effect",
            create_revision,
        )
        .takes("Partial")
        .makes("Revision"),
        Route::get(
            &at("/revisions/{revision}"),
            "Shows a revision; id:latest is the last one",
            show_revision,
        )
        .shows("Revision"),
    ]);
    routes
}

fn of_kind(names: &Names) -> Vec<Route> {
    let Names {
        kind, many, one, ..
    } = *names;
    let schema = names.schema;
    let all = format!("{BASE}/{many}");
    let single = format!("{BASE}/{many}/{{{one}}}");
    type Two = Path<(String, String)>;
    let remove = Route::delete(
        &single,
        "Deletes a resource",
        move |State(idp): State<Idp>, Path((env, id)): Two| async move {
            idp.delete_propagation(&env, kind, &id).await?;
            Answer::Ok(StatusCode::NO_CONTENT.into_response())
        },
    );
    if many == "mapping" {
        return vec![remove];
    }
    vec![
        Route::get(
            &all,
            "Lists the resources",
            move |State(idp): State<Idp>, Path(env): Path<String>, Asked(page): Asked<Page>| async move {
                list(&idp, &env, kind, None, &page).await
            },
        )
        .lists(many, schema),
        Route::post(
            &all,
            "Creates a resource",
            move |State(idp): State<Idp>, Path(env): Path<String>, Body(document): Body| async move {
                create(&idp, &env, kind, document).await
            },
        )
        .takes(schema)
        .makes(schema),
        Route::get(
            &single,
            "Shows a resource",
            move |State(idp): State<Idp>, Path((env, id)): Two| async move {
                let found = idp.get(&env, kind, &id).await?;
                Answer::Ok(Json(resource_to_json(&idp, &found).await?).into_response())
            },
        )
        .shows(schema),
        Route::put(
            &single,
            "Replaces a resource; secrets that are not sent are kept",
            move |State(idp): State<Idp>, Path((env, id)): Two, Body(document): Body| async move {
                let changed = idp.change_propagation(&env, kind, &id, document).await?;
                Answer::Ok(Json(resource_to_json(&idp, &changed).await?).into_response())
            },
        )
        .takes(schema)
        .shows(schema),
        remove,
    ]
}

async fn resource_to_json(idp: &Idp, found: &Resource) -> Result<Value, Refused> {
    let mut found = found.clone();
    found.document = without_secrets(found.document);
    let path = format!("/propagation/{}/{}", collection(found.kind), found.id);
    let mut body = hal::resource(&found, &href(idp, &found.environment, &path));
    match found.kind {
        Kind::Store => body["syncStatus"] = idp.sync_status(&found).await?,
        Kind::Rule => body["plan"] = json!({"id": found.parent}),
        Kind::Mapping => body["rule"] = json!({"id": found.parent}),
        _ => {}
    }
    Ok(body)
}

async fn list(idp: &Idp, env: &str, kind: Kind, parent: Option<&str>, page: &Page) -> Answer {
    let mut all = idp.list(env, kind, parent).await?;
    let part = page.resources(&mut all)?;
    let mut items = Vec::new();
    for found in part.shown {
        items.push(resource_to_json(idp, found).await?);
    }
    let name = collection(kind);
    let at = href(idp, env, &format!("/propagation/{name}"));
    Ok(Json(hal::list(&at, name, &part, items)).into_response())
}

async fn create(idp: &Idp, env: &str, kind: Kind, document: crate::directory::Document) -> Answer {
    let parent = match kind {
        Kind::Mapping => Some("rule"),
        Kind::Rule => Some("plan"),
        _ => None,
    };
    let parent = match parent {
        Some(key) => reference(&document, key)
            .ok_or_else(|| Refused::required(&format!("{key}.id")))?
            .to_owned(),
        None => String::new(),
    };
    let made = idp.create_propagation(env, kind, &parent, document).await?;
    Ok(hal::created(resource_to_json(idp, &made).await?))
}

async fn list_rules(
    State(idp): State<Idp>,
    Path((env, plan)): Path<(String, String)>,
    Asked(page): Asked<Page>,
) -> Answer {
    idp.get(&env, Kind::Plan, &plan).await?;
    list(&idp, &env, Kind::Rule, Some(&plan), &page).await
}

async fn list_mappings(
    State(idp): State<Idp>,
    Path((env, rule)): Path<(String, String)>,
    Asked(page): Asked<Page>,
) -> Answer {
    idp.get(&env, Kind::Rule, &rule).await?;
    list(&idp, &env, Kind::Mapping, Some(&rule), &page).await
}

async fn create_rule(
    State(idp): State<Idp>,
    Path((env, plan)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let made = idp
        .create_propagation(&env, Kind::Rule, &plan, document)
        .await?;
    Ok(hal::created(resource_to_json(&idp, &made).await?))
}

async fn create_mapping(
    State(idp): State<Idp>,
    Path((env, rule)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let made = idp
        .create_propagation(&env, Kind::Mapping, &rule, document)
        .await?;
    Ok(hal::created(resource_to_json(&idp, &made).await?))
}

async fn test_connection(
    State(idp): State<Idp>,
    Path(env): Path<String>,
    Body(document): Body,
) -> Answer {
    idp.get("", Kind::Environment, &env).await?;
    let failed = idp.test_connection(&env, &document).await?;
    Ok(Json(json!({
        "status": if failed.is_none() { "SUCCESS" } else { "FAILED" },
        "message": failed,
    }))
    .into_response())
}

async fn list_revisions(
    State(idp): State<Idp>,
    Path(env): Path<String>,
    Asked(page): Asked<Page>,
) -> Answer {
    list(&idp, &env, Kind::Revision, None, &page).await
}

async fn create_revision(State(idp): State<Idp>, Path(env): Path<String>) -> Answer {
    let made = idp.create_revision(&env).await?;
    Ok(hal::created(resource_to_json(&idp, &made).await?))
}

async fn show_revision(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let found = if id == "id:latest" {
        let last = idp.list(&env, Kind::Revision, None).await?.pop();
        last.ok_or_else(|| Refused::not_found("revision", &id))?
    } else {
        idp.get(&env, Kind::Revision, &id).await?
    };
    Ok(Json(resource_to_json(&idp, &found).await?).into_response())
}
