//! A browser without scripts, and the answers of the portal to it.

use reqwest::{Client, Method, StatusCode};
use saml::binding::{post, redirect};
use saml::message::AuthnRequest;
use serde_json::Value;

/// A browser with its own cookies; it does not follow redirects.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) client: Client,
    pub(crate) base: String,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

impl Answer {
    /// Returns the body with backticks instead of `<code>` tags.
    pub(crate) fn prose(&self) -> String {
        self.body.replace("<code>", "`").replace("</code>", "`")
    }

    /// Checks the status and returns the JSON body.
    pub(crate) fn is(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// Checks status and problem code and returns the body.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let body = self.is(status);
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(self.content_type, "application/problem+json");
        assert_eq!(body["status"], status);
        body
    }
}

impl Browser {
    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method.clone(), url);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = answer(request).await;
        crate::openapi::check(&method, path, &answer);
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, body).await
    }

    /// Starts SSO; returns the AuthnRequest and the RelayState.
    pub(crate) async fn start_sso(&self, email: &str) -> (AuthnRequest, String) {
        let path = format!("/sso/start?email={}", email.replace('@', "%40"));
        let answer = self.get(&path).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        sent_request(&answer.location.unwrap())
    }

    /// Starts SSO; returns the query of the redirect to the IdP.
    pub(crate) async fn start_sso_and_get_query(&self, email: &str) -> String {
        let path = format!("/sso/start?email={}", email.replace('@', "%40"));
        let location = self.get(&path).await.location.unwrap();
        location.split_once('?').unwrap().1.to_owned()
    }

    /// Posts a form as a browser without scripts does.
    pub(crate) async fn post_form(&self, url: &str, fields: &[(&str, String)]) -> Answer {
        answer(self.client.post(url).form(fields)).await
    }

    /// Opens a page and posts a form with the page's form token.
    pub(crate) async fn fill_in(
        &self,
        page: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let shown = self.get(page).await;
        let token = shown.body.split_once("name=\"csrf\" value=\"");
        let token = token.map_or("", |(_, rest)| rest.split('"').next().unwrap());
        let mut fields = fields.to_vec();
        fields.push(("csrf", token));
        answer(
            self.client
                .post(format!("{}{action}", self.base))
                .form(&fields),
        )
        .await
    }

    /// Posts a Response to the ACS, as the IdP's page does.
    pub(crate) async fn post_response(&self, acs: &str, xml: &str, relay_state: &str) -> Answer {
        let form = [
            ("SAMLResponse", post::encode(xml)),
            ("RelayState", relay_state.to_owned()),
        ];
        answer(self.client.post(acs).form(&form)).await
    }
}

/// Decodes the AuthnRequest and the RelayState in a redirect to the IdP.
pub(crate) fn sent_request(url: &str) -> (AuthnRequest, String) {
    let (_, query) = url.split_once('?').unwrap();
    let message = redirect::decode(query, &saml::Limits::default()).unwrap();
    (
        AuthnRequest::parse(&message.xml).unwrap(),
        message.relay_state.unwrap(),
    )
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let header = |name: &str| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    Answer {
        status: response.status(),
        location: header("location"),
        content_type: header("content-type").unwrap_or_default(),
        body: response.text().await.unwrap(),
    }
}
