//! The start page: the list of environments, and the page Add Environment.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use maud::{Markup, html};

use super::environment;
use super::form::Form;
use super::layout::{self, Shown};
use super::parts::{self, plus};
use super::session::{Administrator, Submitted};
use crate::Idp;
use crate::directory::text;
use crate::store::resources::Kind;

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/", get(list_environments))
        .route("/environments/new", get(new).post(create))
}

async fn list_environments(State(idp): State<Idp>, who: Administrator) -> Shown {
    let mut cards = Vec::new();
    for env in idp.list_environments().await? {
        let applications = idp.list(&env.id, Kind::Application, None).await?.len();
        let users = idp.count_users(&env.id).await?;
        cards.push((env, applications, users));
    }
    let body = html! {
        p.lead { "Choose the environment to work in." }
        ul.cards {
            @for (env, applications, users) in &cards {
                li.card {
                    h2 { a href={ "/console/" (env.id) "/applications" } { (env.name) } }
                    p.badges {
                        @let kind = text(&env.document, "type").unwrap_or_default();
                        (parts::badge(if kind == "PRODUCTION" { "good" } else { "off" }, &kind.to_lowercase()))
                        (parts::badge("off", text(&env.document, "region").unwrap_or_default()))
                    }
                    p.counts { (applications) " applications · " (users) " users" }
                    p.small { "Environment ID " code { (env.id) } }
                }
            }
        }
    };
    let add = plus("/console/environments/new", "Add Environment");
    Ok(layout::desk(StatusCode::OK, "Start", &who, &add, &body))
}

fn new_page(who: &Administrator, form: &Form) -> Response {
    let fields = environment::fields(form);
    let body = html! {
        (layout::problems(form, &fields))
        form method="post" action="/console/environments/new" novalidate {
            input type="hidden" name="form_token" value=(who.form_token);
            (fields)
            (parts::save("Finish", "/console"))
        }
    };
    let status = if form.is_refused() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    layout::desk(status, "Add Environment", who, &Markup::default(), &body)
}

async fn new(who: Administrator) -> Response {
    let form = Form::default()
        .with("type", "SANDBOX")
        .with("region", "EU")
        .with("flavor", "ping");
    new_page(&who, &form)
}

async fn create(State(idp): State<Idp>, who: Administrator, Submitted(form): Submitted) -> Shown {
    let made = idp.create_environment(environment::document(&form)).await;
    Ok(match form.check_outcome(made)? {
        Ok(env) => Redirect::to(&format!("/console/{}/applications", env.id)).into_response(),
        Err(form) => new_page(&who, &form),
    })
}
