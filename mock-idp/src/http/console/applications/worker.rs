//! Tab Configuration of a worker: its token endpoint and its client secret.

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use maud::html;

use super::{find_application, is_saml, tab};
use crate::Idp;
use crate::http::console::layout::{Console, Shown};
use crate::http::console::parts::{named_value, value_with_button};
use crate::http::console::session::Submitted;
use crate::refusal::Refused;

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/applications/{id}/credentials", get(show))
        .route("/{env}/applications/{id}/secret", post(renew))
}

async fn show(console: Console, Path((_, id)): Path<(String, String)>) -> Shown {
    let worker = find_application(&console, &id).await?;
    if is_saml(&worker) {
        return Err(Refused::not_found("worker", &id).into());
    }
    let (idp, env) = (&console.idp, console.env_id());
    let secret = idp.get_worker_secret(env, &id).await?;
    let resource = worker.document.get("resource");
    let resource = resource.and_then(|it| it["audience"].as_str());
    let method = worker.document.get("tokenEndpointAuthMethod");
    let method = match method.and_then(|it| it.as_str()) {
        Some("CLIENT_SECRET_JWT") => "Client Secret JWT",
        Some("PRIVATE_KEY_JWT") => "Private Key JWT",
        _ => "Client Secret Basic or Client Secret Post",
    };
    let content = html! {
        section.card aria-labelledby="credentials" {
            h2 #credentials { "Client Credentials" }
            @match &resource {
                Some(audience) => p.lead { "A worker gets access tokens for " (audience) " with OAuth client credentials. They are signed with the default key of this environment." },
                None => p.lead { "A worker gets access tokens for the management API with OAuth client credentials. It can access this environment only." },
            }
            dl {
                (value_with_button("token-endpoint", "Token Endpoint", &format!("{}/{env}/as/token", idp.base_url)))
                (value_with_button("api", "API", &format!("{}/v1/environments/{env}", idp.base_url)))
                (value_with_button("environment-id", "Environment ID", env))
                (value_with_button("client-id", "Client ID", &id))
                (named_value("Token Endpoint Authentication Method", method))
                (value_with_button("issuer", "Issuer", &idp.oauth_issuer(env)))
                (value_with_button("jwks", "JWKS Endpoint", &format!("{}/jwks", idp.oauth_issuer(env))))
            }
            details.reveal {
                summary { "Show Client Secret" }
                dl { (value_with_button("client-secret", "Client Secret", Idp::secret_text(&secret)?)) }
            }
        }
        (console.deletion(&format!("/applications/{id}/secret"), "Generate New Secret",
            "The current secret and all access tokens issued for it become invalid at once."))
    };
    Ok(forbid_caching(tab(
        &console,
        &worker,
        "Configuration",
        None,
        &content,
    )))
}

/// Forbids caching, because the page contains a secret.
fn forbid_caching(page: Response) -> Response {
    let headers = [(axum::http::header::CACHE_CONTROL, "no-store")];
    (headers, page).into_response()
}

async fn renew(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(_): Submitted,
) -> Shown {
    console
        .idp
        .renew_worker_secret(console.env_id(), &id, None)
        .await?;
    Ok(console.done(&format!("/applications/{id}/credentials"), "renewed"))
}
