//! `/environments`, `/environments/{env}/populations`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::{Extension, Json};
use serde_json::Value;

use super::href;
use super::route::Route;
use crate::Idp;
use crate::applications::workers::Caller;
use crate::directory::Change;
use crate::http::hal::{self, Answer, Asked, Body, Page};
use crate::store::resources::{Kind, Resource};

pub(super) fn routes() -> Vec<Route> {
    let all = "/environments";
    let one = "/environments/{env}";
    let populations = "/environments/{env}/populations";
    let population = "/environments/{env}/populations/{population}";
    vec![
        Route::get(all, "Lists the environments", list).lists("environments", "Environment"),
        Route::post(all, "Creates an environment", create)
            .takes("Environment")
            .makes("Environment"),
        Route::get(one, "Shows an environment", show).shows("Environment"),
        Route::put(one, "Replaces an environment's settings", replace)
            .takes("Environment")
            .shows("Environment"),
        Route::delete(one, "Deletes an environment with all that is in it", remove),
        Route::get(populations, "Lists the populations", list_populations)
            .lists("populations", "Population"),
        Route::post(populations, "Creates a population", create_population)
            .takes("Population")
            .makes("Population"),
        Route::get(population, "Shows a population", show_population).shows("Population"),
        Route::put(
            population,
            "Replaces a population's settings",
            replace_population,
        )
        .takes("Population")
        .shows("Population"),
        Route::delete(
            population,
            "Deletes a population without users",
            remove_population,
        ),
    ]
}

fn environment(idp: &Idp, found: &Resource) -> Value {
    hal::resource(found, &href(idp, &found.id, ""))
}

async fn list(
    State(idp): State<Idp>,
    Extension(caller): Extension<Caller>,
    Asked(page): Asked<Page>,
) -> Answer {
    let mut all = idp.list_environments().await?;
    if let Caller::Worker { environment } = &caller {
        all.retain(|found| found.id == *environment);
    }
    let part = page.resources(&mut all)?;
    let items = part.shown.iter().map(|found| environment(&idp, found));
    let at = format!("{}/v1/environments", idp.base_url);
    let items = items.collect();
    Ok(Json(hal::list(&at, "environments", &part, items)).into_response())
}

async fn create(State(idp): State<Idp>, Body(document): Body) -> Answer {
    let made = idp.create_environment(document).await?;
    Ok(hal::created(environment(&idp, &made)))
}

async fn show(State(idp): State<Idp>, Path(env): Path<String>) -> Answer {
    let found = idp.get("", Kind::Environment, &env).await?;
    Ok(Json(environment(&idp, &found)).into_response())
}

async fn replace(State(idp): State<Idp>, Path(env): Path<String>, Body(document): Body) -> Answer {
    let changed = idp
        .change_environment(&env, Change::Replace(document))
        .await?;
    Ok(Json(environment(&idp, &changed)).into_response())
}

async fn remove(State(idp): State<Idp>, Path(env): Path<String>) -> Answer {
    idp.delete_environment(&env).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn population(idp: &Idp, found: &Resource) -> Value {
    let path = format!("/populations/{}", found.id);
    hal::resource(found, &href(idp, &found.environment, &path))
}

async fn list_populations(
    State(idp): State<Idp>,
    Path(env): Path<String>,
    Asked(page): Asked<Page>,
) -> Answer {
    let mut all = idp.list(&env, Kind::Population, None).await?;
    let part = page.resources(&mut all)?;
    let items = part.shown.iter().map(|found| population(&idp, found));
    let at = href(&idp, &env, "/populations");
    let items = items.collect();
    Ok(Json(hal::list(&at, "populations", &part, items)).into_response())
}

async fn create_population(
    State(idp): State<Idp>,
    Path(env): Path<String>,
    Body(document): Body,
) -> Answer {
    let made = idp.create_population(&env, document).await?;
    Ok(hal::created(population(&idp, &made)))
}

async fn show_population(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
) -> Answer {
    let found = idp.get(&env, Kind::Population, &id).await?;
    Ok(Json(population(&idp, &found)).into_response())
}

async fn replace_population(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Body(document): Body,
) -> Answer {
    let change = Change::Replace(document);
    let changed = idp.change_population(&env, &id, change).await?;
    Ok(Json(population(&idp, &changed)).into_response())
}

async fn remove_population(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
) -> Answer {
    idp.delete_population(&env, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
