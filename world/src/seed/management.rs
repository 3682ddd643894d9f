//! A client for the parts of the management API that the seed needs.

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::World;
use crate::control_port::ControlPort;
use crate::judge::{Failed, Outcome, parse_url};
use crate::trust::Trust;
use crate::world::Answer;

/// One environment of the identity provider, with its administrator's token.
#[derive(Debug, Clone)]
pub(super) struct Management {
    client: reqwest::Client,
    /// URL of the environment in the management API.
    base: String,
    control: Option<ControlPort>,
    /// The environment's id.
    environment: String,
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
            control: ControlPort::of_party(ready, "idp")?,
            environment: environment.to_owned(),
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
        let answer = self
            .send_to_control("reading the faults", Method::GET, application, None)
            .await?;
        Ok(answer["faults"].as_array().cloned().unwrap_or_default())
    }

    /// Switches on these faults of an application, and no others.
    pub(super) async fn choose(&self, application: &str, faults: &[Value]) -> Outcome {
        let body = json!({"faults": faults});
        self.send_to_control("choosing the faults", Method::PUT, application, Some(body))
            .await?;
        Ok(())
    }

    /// Sends a request for the faults of an application to the control port.
    async fn send_to_control(
        &self,
        what: &str,
        method: Method,
        application: &str,
        body: Option<Value>,
    ) -> Outcome<Value> {
        let control = self.control.as_ref().ok_or_else(|| {
            Failed::mismatch("idp.control_url in the ready file, for the faults", "none")
        })?;
        let environment = &self.environment;
        let path = format!("/control/environments/{environment}/applications/{application}/faults");
        let request = control.request(&self.client, method, &path)?;
        send(what, control.address(&path)?, request, body).await
    }

    async fn send_to_url(
        &self,
        what: &str,
        method: Method,
        url: &str,
        body: Option<Value>,
    ) -> Outcome<Value> {
        let url = parse_url(url)?;
        let request = self.client.request(method, url.clone());
        send(what, url, request.bearer_auth(&self.token), body).await
    }
}

async fn send(
    what: &str,
    url: Url,
    mut request: reqwest::RequestBuilder,
    body: Option<Value>,
) -> Outcome<Value> {
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await;
    let answer = answer.map_err(|source| Failed::Unreachable {
        party: "the identity provider",
        url,
        source,
    })?;
    let answer = Answer::read(answer).await?;
    Ok(answer.succeeded(what)?.body)
}

/// Returns the string at `pointer`, or an empty one.
pub(super) fn word(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}
