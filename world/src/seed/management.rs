//! A client for the parts of the management API that the seed needs.

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::World;
use crate::judge::{Failed, Outcome};
use crate::trust::Trust;
use crate::world::Answer;

/// One environment of the identity provider, with its administrator's token.
#[derive(Debug, Clone)]
pub(super) struct Management {
    client: reqwest::Client,
    /// URL of the environment in the management API.
    base: String,
    /// URL of the environment at the control port.
    control: String,
    token: String,
}

impl Management {
    /// Returns the environment of `ready`, the JSON of the ready file.
    pub(super) fn of(ready: &Value) -> Outcome<Self> {
        let at = |name: &str| ready["idp"][name].as_str().unwrap_or_default().to_owned();
        let environment = at("entity_id");
        let environment = environment.rsplit('/').next().unwrap_or_default();
        if environment.is_empty() {
            return Err(Failed::NoEnvironment);
        }
        Ok(Self {
            client: Trust::of(ready)?.client().build()?,
            base: format!("{}/environments/{environment}", at("admin_api_url")),
            control: format!("{}/control/environments/{environment}", at("control_url")),
            token: at("admin_token"),
        })
    }

    /// Returns the environment of a world.
    pub(super) fn within(world: &World) -> Outcome<Self> {
        Self::of(&world.ready().to_json())
    }

    /// Sends a request that must succeed; `what` describes it in the error.
    pub(super) async fn send(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Outcome<Value> {
        let url = format!("{}{path}", self.base);
        self.send_to_url(what, method, &url, body).await
    }

    /// Returns all members of a collection, page by page.
    pub(super) async fn list_all(&self, path: &str, collection: &str) -> Outcome<Vec<Value>> {
        let mut next = Some(format!("{}{path}?limit=1000", self.base));
        let mut all = Vec::new();
        while let Some(url) = next {
            let page = self
                .send_to_url("reading the directory", Method::GET, &url, None)
                .await?;
            let found = page["_embedded"][collection].as_array().cloned();
            all.extend(found.unwrap_or_default());
            let link = page.pointer("/_links/next/href").and_then(Value::as_str);
            next = link.map(str::to_owned);
        }
        Ok(all)
    }

    /// Returns the faults that are switched on for an application.
    pub(super) async fn list_faults(&self, application: &str) -> Outcome<Vec<Value>> {
        let url = self.faults_url(application);
        let answer = self
            .send_to_url("reading the faults", Method::GET, &url, None)
            .await?;
        Ok(answer["faults"].as_array().cloned().unwrap_or_default())
    }

    /// Switches on these faults of an application, and no others.
    pub(super) async fn choose(&self, application: &str, faults: &[Value]) -> Outcome {
        let url = self.faults_url(application);
        let body = json!({"faults": faults});
        self.send_to_url("choosing the faults", Method::PUT, &url, Some(body))
            .await?;
        Ok(())
    }

    fn faults_url(&self, application: &str) -> String {
        format!("{}/applications/{application}/faults", self.control)
    }

    async fn send_to_url(
        &self,
        what: &str,
        method: Method,
        url: &str,
        body: Option<Value>,
    ) -> Outcome<Value> {
        let url = Url::parse(url)?;
        let mut request = self
            .client
            .request(method, url.clone())
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await;
        let answer = answer.map_err(|source| Failed::Unreachable {
            party: "the identity provider's management API",
            url,
            source,
        })?;
        let answer = Answer::read(answer).await?;
        Ok(answer.succeeded(what)?.body)
    }
}

/// Returns the string at `pointer`, or an empty one.
pub(super) fn word(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}
