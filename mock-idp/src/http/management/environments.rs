//! `/environments`, `/environments/{env}/populations`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Json, Router};

use super::href;
use crate::Idp;
use crate::http::hal::{self, Answer, Body};
use crate::store::resources::Kind;

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/environments", get(list).post(create))
        .route("/environments/{env}", get(show).delete(remove))
        .route(
            "/environments/{env}/populations",
            get(populations).post(create_population),
        )
        .route(
            "/environments/{env}/populations/{id}",
            get(population).delete(remove_population),
        )
}

async fn list(State(idp): State<Idp>) -> Answer {
    let all = idp.environments().await?;
    let items = all.iter().map(|e| hal::resource(e, &href(&idp, &e.id, "")));
    let at = format!("{}/v1/environments", idp.base_url);
    Ok(Json(hal::list(&at, "environments", items.collect())).into_response())
}

async fn create(State(idp): State<Idp>, Body(document): Body) -> Answer {
    let made = idp.create_environment(document).await?;
    Ok(hal::created(hal::resource(
        &made,
        &href(&idp, &made.id, ""),
    )))
}

async fn show(State(idp): State<Idp>, Path(env): Path<String>) -> Answer {
    let found = idp.get("", Kind::Environment, &env).await?;
    Ok(Json(hal::resource(&found, &href(&idp, &env, ""))).into_response())
}

async fn remove(State(idp): State<Idp>, Path(env): Path<String>) -> Answer {
    idp.delete_environment(&env).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn populations(State(idp): State<Idp>, Path(env): Path<String>) -> Answer {
    let all = idp.list(&env, Kind::Population, None).await?;
    let items = all
        .iter()
        .map(|p| hal::resource(p, &href(&idp, &env, &format!("/populations/{}", p.id))));
    let at = href(&idp, &env, "/populations");
    Ok(Json(hal::list(&at, "populations", items.collect())).into_response())
}

async fn create_population(
    State(idp): State<Idp>,
    Path(env): Path<String>,
    Body(document): Body,
) -> Answer {
    let made = idp.create_population(&env, document).await?;
    let at = href(&idp, &env, &format!("/populations/{}", made.id));
    Ok(hal::created(hal::resource(&made, &at)))
}

async fn population(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let found = idp.get(&env, Kind::Population, &id).await?;
    let at = href(&idp, &env, &format!("/populations/{id}"));
    Ok(Json(hal::resource(&found, &at)).into_response())
}

async fn remove_population(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
) -> Answer {
    idp.delete_population(&env, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
