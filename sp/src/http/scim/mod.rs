//! The SCIM service provider's routes, under `/scim/{tenant}/v2` (RFC 7644).

mod discovery;

use std::collections::HashMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};
use scim::schema::{GROUP_TYPE, ResourceType, USER_TYPE};
use scim::{ListQuery, ListResponse, MEDIA_TYPE, Projection, Resource, ScimType};
use serde_json::Value;

use crate::Portal;
use crate::configurator::scim::{ScimAccess, authenticate};
use crate::directory::{Answered, DirectoryError, Page, Precondition, etag, groups, users};

/// The SCIM routes.
pub fn router() -> Router<Portal> {
    let at = |path: &str| format!("/scim/{{tenant}}/v2{path}");
    Router::new()
        .route(&at("/Users"), closed(get(list_users).post(create_user)))
        .route(&at("/Users/.search"), closed(post(search_users)))
        .route(
            &at("/Users/{id}"),
            closed(
                get(read_user)
                    .put(replace_user)
                    .patch(patch_user)
                    .delete(delete_user),
            ),
        )
        .route(&at("/Groups"), closed(get(list_groups).post(create_group)))
        .route(&at("/Groups/.search"), closed(post(search_groups)))
        .route(
            &at("/Groups/{id}"),
            closed(
                get(read_group)
                    .put(replace_group)
                    .patch(patch_group)
                    .delete(delete_group),
            ),
        )
        .route(&at("/.search"), closed(post(search_all)))
        .route(
            &at("/ServiceProviderConfig"),
            closed(get(discovery::service_provider_config)),
        )
        .route(
            &at("/ResourceTypes"),
            closed(get(discovery::resource_types)),
        )
        .route(
            &at("/ResourceTypes/{name}"),
            closed(get(discovery::resource_type)),
        )
        .route(&at("/Schemas"), closed(get(discovery::schemas)))
        .route(&at("/Schemas/{id}"), closed(get(discovery::schema)))
        .route(&at("/{*rest}"), any(nothing_here))
        .route(&at(""), any(nothing_here))
}

/// A path whose other methods get SCIM's own error.
fn closed(methods: MethodRouter<Portal>) -> MethodRouter<Portal> {
    methods.fallback(|| async {
        Failure(scim::Error::new(
            405,
            "this method is not supported at this path",
        ))
    })
}

async fn nothing_here(_: Caller) -> Failure {
    Failure(scim::Error::new(
        404,
        "there is no such endpoint: GET /ResourceTypes has them all",
    ))
}

/// An error on its way out.
struct Failure(scim::Error);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = message(status, &self.0.to_json());
        if status == StatusCode::UNAUTHORIZED {
            let challenge = header::HeaderValue::from_static("Bearer realm=\"scim\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<scim::Error> for Failure {
    fn from(error: scim::Error) -> Self {
        Self(error)
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Scim(error) => Self(error),
            DirectoryError::Store(error) => {
                tracing::error!(%error, "the directory's database failed");
                Self(scim::Error::new(
                    500,
                    "the directory could not do this: try again later",
                ))
            }
        }
    }
}

type Outcome = Result<Response, Failure>;

fn message(status: StatusCode, body: &Value) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, MEDIA_TYPE)],
        body.to_string(),
    )
        .into_response()
}

/// Whoever holds the tenant's bearer token (RFC 6750 §2.1).
struct Caller(ScimAccess);

impl FromRequestParts<Portal> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Failure> {
        let refused = |detail: &str| Failure(scim::Error::new(401, detail));
        let path: Path<HashMap<String, String>> = Path::from_request_parts(parts, portal)
            .await
            .map_err(|error| Failure(scim::Error::new(400, error.to_string())))?;
        let tenant = path.get("tenant").map(String::as_str).unwrap_or_default();
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| {
                refused(
                    "expected Authorization: Bearer with the token the portal showed, found none",
                )
            })?;
        let access = authenticate(portal, tenant, token)
            .await
            .map_err(DirectoryError::from)?;
        access.map(Self).ok_or_else(|| {
            refused(
                "this bearer token opens nothing here: it is unknown or replaced, or SCIM is switched off; \
                 make a new one in step 5 of the configurator",
            )
        })
    }
}

/// The JSON of a request.
fn json_body(headers: &HeaderMap, body: &Bytes) -> Result<Value, Failure> {
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media = media
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if ![MEDIA_TYPE, "application/json"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(media))
    {
        let detail =
            format!("expected Content-Type {MEDIA_TYPE} or application/json, came {media:?}");
        return Err(Failure(scim::Error::new(415, detail)));
    }
    serde_json::from_slice(body).map_err(|error| {
        Failure(scim::Error::of(
            ScimType::InvalidSyntax,
            format!("expected a JSON document: {error}"),
        ))
    })
}

fn tags(headers: &HeaderMap, name: HeaderName) -> Option<Vec<String>> {
    let all = headers.get(name)?.to_str().ok()?;
    Some(all.split(',').map(|tag| tag.trim().to_owned()).collect())
}

fn precondition(headers: &HeaderMap) -> Precondition {
    tags(headers, header::IF_MATCH).map_or(Precondition::None, Precondition::Match)
}

type Parameters = Query<HashMap<String, String>>;

fn projection(parameters: &Parameters) -> Result<Projection, Failure> {
    let parameter = |name: &str| parameters.get(name).map(String::as_str);
    Ok(Projection::parse(
        parameter("attributes"),
        parameter("excludedAttributes"),
    )?)
}

fn resource(
    status: StatusCode,
    answered: &Answered,
    projection: &Projection,
    of: &ResourceType,
) -> Response {
    let mut response = message(status, &projection.apply(&answered.resource, of));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::ETAG, etag(answered.version)),
        (header::CONTENT_LOCATION, answered.location.clone()),
        (header::LOCATION, answered.location.clone()),
    ] {
        if name == header::LOCATION && status != StatusCode::CREATED {
            continue;
        }
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
    response
}

fn unless_known(headers: &HeaderMap, answered: &Answered) -> Option<Response> {
    let known = tags(headers, header::IF_NONE_MATCH)?;
    let version = etag(answered.version);
    known
        .iter()
        .any(|tag| *tag == version || tag == "*")
        .then(|| (StatusCode::NOT_MODIFIED, [(header::ETAG, version)]).into_response())
}

fn listed(mut response: ListResponse, query: &ListQuery, of: &ResourceType) -> Response {
    for resource in &mut response.resources {
        *resource = query.projection.apply(resource, of);
    }
    message(StatusCode::OK, &response.to_json())
}

fn asked(parameters: &Parameters) -> Result<ListQuery, Failure> {
    Ok(ListQuery::parse(|name| {
        parameters.get(name).map(String::as_str)
    })?)
}

/// The handlers of one resource type: decode, call the directory, encode.
macro_rules! handlers {
    ($of:ident, $domain:ident, $costly:literal;
     $list:ident $search:ident $create:ident $read:ident $replace:ident $patch:ident $delete:ident) => {
        async fn $list(
            State(portal): State<Portal>,
            Caller(access): Caller,
            parameters: Parameters,
        ) -> Outcome {
            let query = asked(&parameters)?;
            Ok(listed(
                $domain::list(&portal, &access, &query).await?,
                &query,
                &$of,
            ))
        }

        async fn $search(
            State(portal): State<Portal>,
            Caller(access): Caller,
            headers: HeaderMap,
            body: Bytes,
        ) -> Outcome {
            let query = ListQuery::from_search(&json_body(&headers, &body)?)?;
            Ok(listed(
                $domain::list(&portal, &access, &query).await?,
                &query,
                &$of,
            ))
        }

        async fn $create(
            State(portal): State<Portal>,
            Caller(access): Caller,
            parameters: Parameters,
            headers: HeaderMap,
            body: Bytes,
        ) -> Outcome {
            let projection = projection(&parameters)?;
            let wanted = Resource::parse(&json_body(&headers, &body)?, &$of)?;
            let created = $domain::create(&portal, &access, wanted).await?;
            Ok(resource(StatusCode::CREATED, &created, &projection, &$of))
        }

        async fn $read(
            State(portal): State<Portal>,
            Caller(access): Caller,
            Path((_, id)): Path<(String, String)>,
            parameters: Parameters,
            headers: HeaderMap,
        ) -> Outcome {
            let projection = projection(&parameters)?;
            let found = $domain::read(&portal, &access, &id, projection.wants($costly)).await?;
            if let Some(known) = unless_known(&headers, &found) {
                return Ok(known);
            }
            Ok(resource(StatusCode::OK, &found, &projection, &$of))
        }

        async fn $replace(
            State(portal): State<Portal>,
            Caller(access): Caller,
            Path((_, id)): Path<(String, String)>,
            parameters: Parameters,
            headers: HeaderMap,
            body: Bytes,
        ) -> Outcome {
            let projection = projection(&parameters)?;
            let wanted = Resource::parse(&json_body(&headers, &body)?, &$of)?;
            let condition = precondition(&headers);
            let changed = $domain::replace(&portal, &access, &id, wanted, &condition).await?;
            Ok(resource(StatusCode::OK, &changed, &projection, &$of))
        }

        async fn $patch(
            State(portal): State<Portal>,
            Caller(access): Caller,
            Path((_, id)): Path<(String, String)>,
            parameters: Parameters,
            headers: HeaderMap,
            body: Bytes,
        ) -> Outcome {
            let projection = projection(&parameters)?;
            let operations = scim::patch::parse(&json_body(&headers, &body)?)?;
            let condition = precondition(&headers);
            let changed = $domain::patch(&portal, &access, &id, &operations, &condition).await?;
            Ok(resource(StatusCode::OK, &changed, &projection, &$of))
        }

        async fn $delete(
            State(portal): State<Portal>,
            Caller(access): Caller,
            Path((_, id)): Path<(String, String)>,
            headers: HeaderMap,
        ) -> Outcome {
            $domain::delete(&portal, &access, &id, &precondition(&headers)).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
    };
}

handlers! { USER_TYPE, users, "groups";
list_users search_users create_user read_user replace_user patch_user delete_user }
handlers! { GROUP_TYPE, groups, "members";
list_groups search_groups create_group read_group replace_group patch_group delete_group }

/// Users and groups in one answer (RFC 7644 §3.4.3): users first.
async fn search_all(
    State(portal): State<Portal>,
    Caller(access): Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Outcome {
    let query = ListQuery::from_search(&json_body(&headers, &body)?)?;
    let page = Page::of(&query);
    let upto = ListQuery {
        start_index: 1,
        count: Some(page.offset.saturating_add(page.limit)),
        ..query.clone()
    };
    let mut found = Vec::new();
    let mut total = 0;
    let kinds = [
        (users::list(&portal, &access, &upto).await, &USER_TYPE),
        (groups::list(&portal, &access, &upto).await, &GROUP_TYPE),
    ];
    let mut refused = Vec::new();
    for (outcome, of) in kinds {
        match outcome {
            Ok(listed) => {
                total += listed.total_results;
                let resources = listed.resources.iter();
                found.extend(resources.map(|one| query.projection.apply(one, of)));
            }
            // An attribute that only the other type has matches nothing here.
            Err(DirectoryError::Scim(error)) => refused.push(error),
            Err(error) => return Err(error.into()),
        }
    }
    if refused.len() == 2
        && let Some(error) = refused.pop()
    {
        return Err(error.into());
    }
    let response = ListResponse {
        total_results: total,
        start_index: query.start_index,
        resources: found
            .into_iter()
            .skip(page.offset)
            .take(page.limit)
            .collect(),
    };
    Ok(message(StatusCode::OK, &response.to_json()))
}
