//! The start of a login: a redirect to the identity provider, or a form before it.

use std::collections::HashMap;

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, Html, IntoResponse as _, Redirect, Response};
use jiff::SignedDuration;
use saml::acceptance::Checked;
use saml::binding::{Parameter, post};
use saml::message::{AuthnRequest, RequestedAuthnContext, authn_strength};
use saml::names;

use super::{Broken, USER, cookie};

/// Answers the start URL. With the flaw `starts-by-form`, it shows a page with two forms.
pub(super) async fn login(State(sp): State<Broken>) -> Response {
    if sp.memory.lock().unwrap().is_start_lost {
        return Html("<h1>Choose your identity provider</h1>").into_response();
    }
    if !sp.is_flawed("starts-by-form") {
        return sp.ask().await;
    }
    let set = AppendHeaders([(header::SET_COOKIE, "token=1; Path=/")]);
    let page = "<form action='/search'><input name=q></form>\
        <form method=post><input type=hidden name=token value=1><input name=email>\
        <button name=how value=password>Password</button><button name=how-sso value=1>SSO</button></form>";
    (set, Html(page)).into_response()
}

/// Receives the form.
pub(super) async fn login_by_form(
    State(sp): State<Broken>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let is_given = |name: &str, value: &str| form.get(name).is_some_and(|it| it == value);
    let is_right = is_given("token", "1")
        && cookie(&headers, "token") == Some("1")
        && is_given("email", USER)
        && is_given("how-sso", "1")
        && !form.contains_key("how");
    match is_right {
        true => sp.ask().await,
        false => (StatusCode::BAD_REQUEST, "fill in the form").into_response(),
    }
}

impl Broken {
    fn requested_context(&self) -> Option<RequestedAuthnContext> {
        let class = names::PASSWORD_PROTECTED_TRANSPORT.to_owned();
        self.is_flawed("asks-context")
            .then(|| RequestedAuthnContext::exactly(vec![class]))
    }

    /// True if the user did not sign on as the request asked for.
    pub(super) fn is_weaker(&self, checked: &Checked) -> bool {
        let class = checked.authn_context_class().unwrap_or_default();
        let requested = self.requested_context();
        let is_other = requested.is_some_and(|it| !it.allows(class, authn_strength));
        let hour_ago = self.ambient.now() - SignedDuration::from_hours(1);
        let is_old = checked.authn_instant().is_none_or(|it| it < hour_ago);
        is_other && !self.is_flawed("any-context")
            || is_old && self.is_flawed("forces-authn") && !self.is_flawed("any-instant")
    }

    /// Sends an `AuthnRequest` through the browser.
    async fn ask(&self) -> Response {
        self.refetch().await;
        let id = format!("_{}", self.ambient.rng().hex(16));
        let browser = self.ambient.rng().token(16);
        let number = self.acs_number();
        let request = AuthnRequest {
            id: id.clone(),
            issue_instant: self.ambient.now(),
            issuer: format!("{}/metadata", self.base),
            destination: Some(self.idp.sso[0].location.clone()),
            acs_url: number.is_none().then(|| self.acs_url()),
            acs_index: number,
            protocol_binding: None,
            name_id_policy: None,
            force_authn: self.is_flawed("forces-authn"),
            is_passive: false,
            requested_authn_context: self.requested_context(),
        };
        let request = self.flawed_request(request);
        let url = self.request_url(&request);
        let id = self.request_id(id);
        let mut memory = self.memory.lock().unwrap();
        memory.requests.insert(browser.clone(), id);
        drop(memory);
        let site = self.same_site();
        let set = AppendHeaders([(
            header::SET_COOKIE,
            format!("browser={browser}; Path=/; HttpOnly{site}"),
        )]);
        if self.is_flawed("request-by-post") {
            let to = &self.idp.sso[0].location;
            let page = post::form_page(to, Parameter::Request, &request, None);
            return (set, Html(page)).into_response();
        }
        (set, Redirect::to(&url)).into_response()
    }
}
