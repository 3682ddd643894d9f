//! A SCIM client with the token of the test's tenant.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::parties::{Parties, step, text};

pub(crate) struct Scim {
    pub(crate) client: Client,
    pub(crate) base: String,
    pub(crate) token: String,
}

pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) etag: String,
    pub(crate) media: String,
    pub(crate) challenge: String,
    pub(crate) allow: String,
    pub(crate) retry_after: String,
    pub(crate) body: Value,
}

impl Scim {
    pub(crate) async fn set_up(parties: &Parties) -> Self {
        let (admin, _) = parties.create_integration(3).await;
        let made = admin.post(&step("scim/token"), &Value::Null).await.is(201);
        let page = admin.get("/api/business/idp-integration").await.is(200);
        Self {
            client: Client::new(),
            base: text(&page["scim"]["base_url"]),
            token: text(&made["token"]),
        }
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Got {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.bearer_auth(&self.token);
        }
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/scim+json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body.to_owned()).send().await.unwrap();
        let header = |name: &str| {
            let value = response.headers().get(name);
            value
                .map(|value| value.to_str().unwrap().to_owned())
                .unwrap_or_default()
        };
        Got {
            status: response.status(),
            etag: header("etag"),
            media: header("content-type"),
            challenge: header("www-authenticate"),
            allow: header("allow"),
            retry_after: header("retry-after"),
            body: serde_json::from_str(&response.text().await.unwrap()).unwrap_or(Value::Null),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        self.ask(Method::GET, path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Got {
        self.ask(Method::POST, path, &[], &body.to_string()).await
    }
}

impl Got {
    pub(crate) fn error(&self, status: u16, keyword: &str) -> &str {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.media, "application/scim+json");
        assert_eq!(
            self.body["schemas"][0],
            "urn:ietf:params:scim:api:messages:2.0:Error"
        );
        assert_eq!(self.body["status"], status.to_string());
        assert_eq!(
            self.body["scimType"].as_str().unwrap_or_default(),
            keyword,
            "{}",
            self.body
        );
        self.body["detail"].as_str().unwrap()
    }
}

pub(crate) fn user(name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "password": "never told",
        "emails": [{"value": name, "type": "work", "primary": true}],
    })
}
