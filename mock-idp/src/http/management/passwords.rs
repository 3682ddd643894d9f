//! `/environments/{env}/users/{user}/password`: the media type of the body names the action.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use serde_json::{Value, json};

use super::href;
use super::route::Route;
use crate::Idp;
use crate::directory::text;
use crate::http::hal::{Acted, Answer};
use crate::refusal::Refused;
use crate::store::users::UserRow;

pub(super) fn routes() -> Vec<Route> {
    let password = "/environments/{env}/users/{user}/password";
    vec![
        Route::get(password, "Shows the state of a user's password", show).shows("Password"),
        Route::put(password, "Sets or resets a user's password", put)
            .takes("PasswordGiven")
            .acts(&["", "password.set", "password.reset"])
            .shows("Password"),
        Route::post(
            password,
            "Checks a user's password, unlocks it, or forces its change",
            post,
        )
        .takes("PasswordGiven")
        .acts(&["password.check", "password.unlock", "password.forceChange"])
        .shows("Password"),
    ]
}

fn password_to_json(idp: &Idp, user: &UserRow) -> Value {
    let status = match (&user.password, user.must_change) {
        (None, _) => "NO_PASSWORD",
        (Some(_), true) => "MUST_CHANGE_PASSWORD",
        (Some(_), false) if crate::directory::passwords::is_locked(idp, user) => {
            "PASSWORD_LOCKED_OUT"
        }
        (Some(_), false) => "OK",
    };
    let path = format!("/users/{}/password", user.id);
    json!({
        "_links": {"self": {"href": href(idp, &user.environment, &path)}},
        "environment": {"id": user.environment},
        "user": {"id": user.id},
        "status": status,
    })
}

async fn show(State(idp): State<Idp>, Path((env, id)): Path<(String, String)>) -> Answer {
    let user = idp.get_user(&env, &id).await?;
    Ok(Json(password_to_json(&idp, &user)).into_response())
}

/// Sets the password (`value`), as an administrator; or resets it (`newPassword`), and if
/// `currentPassword` is sent, only if that is right.
async fn put(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Acted { act, mut document }: Acted,
) -> Answer {
    if act == "password.reset" {
        let new = document
            .remove("newPassword")
            .ok_or_else(|| Refused::required("newPassword"))?;
        if let Some(current) = text(&document, "currentPassword")
            && !idp.check_password(&env, &id, current).await?
        {
            return Err(
                Refused::invalid("currentPassword", "this is not the user's password").into(),
            );
        }
        document.insert("value".into(), new);
    }
    let user = idp
        .set_password(&env, &id, &Value::Object(document))
        .await?;
    Ok(Json(password_to_json(&idp, &user)).into_response())
}

async fn post(
    State(idp): State<Idp>,
    Path((env, id)): Path<(String, String)>,
    Acted { act, document }: Acted,
) -> Answer {
    let user = match act.as_str() {
        "password.check" => {
            let password =
                text(&document, "password").ok_or_else(|| Refused::required("password"))?;
            if !idp.check_password(&env, &id, password).await? {
                return Err(Refused::invalid("password", "this is not the user's password").into());
            }
            idp.get_user(&env, &id).await?
        }
        "password.unlock" => idp.set_locked(&env, &id, false).await?,
        "password.forceChange" => idp.force_change(&env, &id).await?,
        other => {
            return Err(Refused::none_of(
                "Content-Type",
                &[
                    "application/vnd.pingidentity.password.check+json",
                    "application/vnd.pingidentity.password.unlock+json",
                    "application/vnd.pingidentity.password.forceChange+json",
                ],
                &other.into(),
            )
            .into());
        }
    };
    Ok(Json(password_to_json(&idp, &user)).into_response())
}
