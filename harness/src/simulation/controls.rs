//! The controls of the simulation: the portal's control port, the identity provider's
//! control port and management API, and the name server. `rehearsal key`, `rehearsal dns`
//! and the simulation page use them.

use std::net::{SocketAddr, ToSocketAddrs as _};

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use world::{ControlPort, ControlPortError, Trust, TrustError, ZoneError, Zones};

/// The addresses of the controls. They are read from the ready file of `rehearsal up`, or
/// from a file with the same members.
#[derive(Debug, Clone)]
pub struct Controls {
    /// The portal's URL.
    pub portal: Option<Url>,
    /// URL of the identity provider's console.
    pub console: Option<Url>,
    portal_control: Option<ControlPort>,
    idp_control: Option<ControlPort>,
    management: Option<Url>,
    admin_token: Option<String>,
    /// The name server with the zones of the organizations.
    pub zones: Zones,
    client: reqwest::Client,
    /// The content of the ready file.
    ready: Value,
}

/// Why a control does not work.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The file is not a target file.
    #[error("invalid target file: {0}; expected the JSON that `rehearsal up --ready-file` writes")]
    Target(String),
    /// The certificate authority of the target cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The address or the secret of a control port is invalid.
    #[error(transparent)]
    Control(#[from] ControlPortError),
    /// The HTTP client cannot be created.
    #[error("cannot set up an HTTP client")]
    Client(#[source] reqwest::Error),
    /// The target does not contain a needed address.
    #[error(
        "{0} not found in the target file; start the party with a control port and add its URL"
    )]
    Missing(&'static str),
    /// The party does not answer.
    #[error("cannot reach {party} at {url}; check that it is running")]
    Unreachable {
        /// The party.
        party: &'static str,
        /// The requested URL.
        url: Url,
        /// The error of the HTTP client.
        source: reqwest::Error,
    },
    /// The party answered with an error status.
    #[error("{party} refused the request: {message} (HTTP {status})")]
    Refused {
        /// The party.
        party: &'static str,
        /// The HTTP status.
        status: u16,
        /// The message of the party.
        message: String,
    },
    /// A DNS record cannot be read or changed.
    #[error(transparent)]
    Zone(#[from] ZoneError),
}

/// The result of a control.
pub type Controlled<T = ()> = Result<T, ControlError>;

const PORTAL: &str = "the portal's control port";
const IDP: &str = "the identity provider's control port";
const MANAGEMENT: &str = "the identity provider's management API";

/// A license key to create.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct KeyOrder {
    /// The number of seats.
    pub seats: u32,
    /// The kind of license: `per-user` or `per-device`.
    pub licensing: String,
    /// The end of the subscription; in a year if missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<Timestamp>,
}

/// A license key that the portal knows.
#[derive(Debug, Clone, Deserialize)]
pub struct KnownKey {
    /// The license key.
    pub key: String,
    /// The kind of license: `per-user` or `per-device`.
    pub licensing: String,
    /// The number of seats.
    pub seats: u32,
    /// `valid` for a key that can be registered, `registered`, `expired` or `cancelled`.
    pub state: String,
}

/// The state of a party's clock.
#[derive(Debug, Clone, Deserialize)]
pub struct ClockState {
    /// The time of the party.
    pub now: Timestamp,
    /// True if the clock can be moved.
    #[serde(default)]
    pub simulated: bool,
}

/// An application of the identity provider, and the faults of its Responses.
#[derive(Debug, Clone)]
pub struct Application {
    /// The environment's id.
    pub environment: String,
    /// The application's id.
    pub id: String,
    /// The name of the application, with that of the environment.
    pub name: String,
    /// The faults that are switched on, as the control port returns them.
    pub faults: Vec<Value>,
}

/// A fault that can be switched on.
#[derive(Debug, Clone, Deserialize)]
pub struct FaultEntry {
    /// The id of the fault.
    pub id: String,
    /// A sentence that describes the fault.
    #[serde(default)]
    pub about: String,
}

/// All faults of the identity provider that can be switched on.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct FaultCatalogue {
    /// Faults in the content of the Responses.
    #[serde(default)]
    pub faults: Vec<FaultEntry>,
    /// Faults of the transport.
    #[serde(default)]
    pub transport: Vec<FaultEntry>,
}

impl Controls {
    /// Reads a target. `admin_token` is used if the target contains no token of the
    /// management API; `zones`, if the name server belongs to this process.
    ///
    /// # Errors
    /// [`ControlError::Target`], [`ControlError::Trust`], [`ControlError::Control`].
    pub fn read(
        target: &Value,
        admin_token: Option<String>,
        zones: Option<Zones>,
    ) -> Controlled<Self> {
        let address = |pointer: &str| -> Controlled<Option<Url>> {
            let Some(text) = target.pointer(pointer).and_then(Value::as_str) else {
                return Ok(None);
            };
            let url = Url::parse(text);
            url.map(Some)
                .map_err(|_| ControlError::Target(format!("{pointer} is not a URL: {text:?}")))
        };
        let below = |base: &Option<Url>, path: &str| {
            let base = base.as_ref()?.as_str().trim_end_matches('/');
            Url::parse(&format!("{base}{path}")).ok()
        };
        let idp = address("/idp/base_url")?;
        let zones = match (
            zones,
            target.pointer("/dns/address").and_then(Value::as_str),
        ) {
            (Some(zones), _) => zones,
            (None, Some(text)) => Zones::At(resolve(text)?),
            (None, None) => Zones::Unknown,
        };
        let token = target.pointer("/idp/admin_token").and_then(Value::as_str);
        let client = Trust::of(target)?.client().build();
        Ok(Self {
            portal: address("/sp/base_url")?,
            console: address("/idp/console_url")?.or_else(|| below(&idp, "/console")),
            portal_control: ControlPort::of_party(target, "sp")?,
            idp_control: ControlPort::of_party(target, "idp")?,
            management: address("/idp/admin_api_url")?.or_else(|| below(&idp, "/v1")),
            admin_token: token.map(str::to_owned).or(admin_token),
            zones,
            client: client.map_err(ControlError::Client)?,
            ready: target.clone(),
        })
    }

    /// Returns a text of the ready file, by its JSON pointer.
    pub(super) fn ready_value(&self, pointer: &str) -> Option<&str> {
        self.ready.pointer(pointer).and_then(Value::as_str)
    }

    /// Returns true if the portal answers.
    pub async fn is_running(&self) -> bool {
        let Some(url) = self
            .portal
            .as_ref()
            .and_then(|url| url.join("/readyz").ok())
        else {
            return false;
        };
        let patience = std::time::Duration::from_secs(2);
        self.client.get(url).timeout(patience).send().await.is_ok()
    }

    /// Creates a license key.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn create_key(&self, order: &KeyOrder) -> Controlled<String> {
        let control = self.portal_control()?;
        let body = Some(json!(order));
        let answer = self
            .ask(PORTAL, Method::POST, control, "/control/license-keys", body)
            .await?;
        let key = answer["key"].as_str().unwrap_or_default();
        Ok(key.to_owned())
    }

    /// Returns all license keys of the portal, the newest first.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn list_keys(&self) -> Controlled<Vec<KnownKey>> {
        let control = self.portal_control()?;
        let path = "/control/license-keys";
        let mut answer = self.ask(PORTAL, Method::GET, control, path, None).await?;
        read_answer(PORTAL, answer["keys"].take())
    }

    /// Returns the state of the portal's clock.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn read_portal_clock(&self) -> Controlled<ClockState> {
        let control = self.portal_control()?;
        self.read_clock(PORTAL, control).await
    }

    /// Returns the state of the identity provider's clock.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn read_idp_clock(&self) -> Controlled<ClockState> {
        let control = self.idp_control()?;
        self.read_clock(IDP, control).await
    }

    /// Moves both clocks forward to the same time: the portal's time plus this number of
    /// seconds.
    ///
    /// # Errors
    /// [`ControlError`]; no clock is moved unless both are simulated.
    pub async fn advance_clocks(&self, seconds: i64) -> Controlled<Timestamp> {
        let now = self.read_portal_clock().await?.now;
        let span = jiff::SignedDuration::from_secs(seconds);
        let then = now.checked_add(span).map_err(|_| ControlError::Refused {
            party: PORTAL,
            status: 409,
            message: "the clock ends with the year 9999; move it by less".to_owned(),
        })?;
        self.set_clocks(then).await
    }

    /// Moves both clocks forward to this time.
    ///
    /// # Errors
    /// [`ControlError`]; no clock is moved unless both are simulated.
    pub async fn set_clocks(&self, then: Timestamp) -> Controlled<Timestamp> {
        let (portal, idp) = (
            self.read_portal_clock().await?,
            self.read_idp_clock().await?,
        );
        for (party, clock, option) in [
            (PORTAL, portal, "SP_CLOCK=simulated"),
            (IDP, idp, "MOCK_IDP_SIMULATED_CLOCK=true"),
        ] {
            if !clock.simulated {
                return Err(ControlError::Refused {
                    party,
                    status: 409,
                    message: format!(
                        "its clock is that of the machine; start it with a simulated one ({option})"
                    ),
                });
            }
        }
        let body = json!({"now": then.to_string()});
        let idp = self.idp_control()?;
        self.ask(IDP, Method::PUT, idp, "/sim/clock", Some(body.clone()))
            .await?;
        // In one process both parties share a clock, which is then set twice to the same
        // time.
        let control = self.portal_control()?;
        self.ask(PORTAL, Method::PUT, control, "/sim/clock", Some(body))
            .await?;
        Ok(then)
    }

    /// Returns the faults that can be switched on.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn read_fault_catalogue(&self) -> Controlled<FaultCatalogue> {
        let control = self.idp_control()?;
        let answer = self
            .ask(IDP, Method::GET, control, "/control/faults", None)
            .await?;
        read_answer(IDP, answer)
    }

    /// Returns all applications of all environments of the identity provider.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn list_applications(&self) -> Controlled<Vec<Application>> {
        let mut all = Vec::new();
        for (environment, environment_name) in
            self.list_names("/environments", "environments").await?
        {
            let path = format!("/environments/{environment}/applications");
            for (id, name) in self.list_names(&path, "applications").await? {
                let control = self.idp_control()?;
                let path = fault_path(&environment, &id);
                let chosen = self.ask(IDP, Method::GET, control, &path, None).await?;
                all.push(Application {
                    name: format!("{name} ({environment_name})"),
                    faults: chosen["faults"].as_array().cloned().unwrap_or_default(),
                    environment: environment.clone(),
                    id,
                });
            }
        }
        Ok(all)
    }

    /// Switches on these faults of the application, and no others.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn choose_faults(
        &self,
        environment: &str,
        application: &str,
        faults: &[Value],
    ) -> Controlled {
        let control = self.idp_control()?;
        let path = fault_path(environment, application);
        let body = Some(json!({"faults": faults}));
        self.ask(IDP, Method::PUT, control, &path, body).await?;
        Ok(())
    }

    fn portal_control(&self) -> Controlled<&ControlPort> {
        let control = self.portal_control.as_ref();
        control.ok_or(ControlError::Missing("sp.control_url"))
    }

    fn idp_control(&self) -> Controlled<&ControlPort> {
        let control = self.idp_control.as_ref();
        control.ok_or(ControlError::Missing("idp.control_url"))
    }

    async fn read_clock(
        &self,
        party: &'static str,
        control: &ControlPort,
    ) -> Controlled<ClockState> {
        let answer = self
            .ask(party, Method::GET, control, "/sim/clock", None)
            .await?;
        read_answer(party, answer)
    }

    /// Returns ids and names of the members of a collection of the management API.
    async fn list_names(&self, path: &str, collection: &str) -> Controlled<Vec<(String, String)>> {
        let management = self.management.as_ref();
        let management = management.ok_or(ControlError::Missing("idp.admin_api_url"))?;
        let base = management.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{base}{path}"))
            .map_err(|_| ControlError::Target(format!("{base}{path} is not a URL")))?;
        let mut request = self.client.get(url.clone());
        if let Some(token) = &self.admin_token {
            request = request.bearer_auth(token);
        }
        let answer = self.send(MANAGEMENT, url, request, None).await?;
        let items = answer
            .pointer(&format!("/_embedded/{collection}"))
            .and_then(Value::as_array);
        let text =
            |item: &Value, member: &str| item[member].as_str().unwrap_or_default().to_owned();
        Ok(items
            .into_iter()
            .flatten()
            .map(|item| (text(item, "id"), text(item, "name")))
            .collect())
    }

    /// Sends a request to a control port.
    async fn ask(
        &self,
        party: &'static str,
        method: Method,
        control: &ControlPort,
        path: &str,
        body: Option<Value>,
    ) -> Controlled<Value> {
        let invalid = |_| ControlError::Target(format!("{control}{path} is not a URL"));
        let url = control.address(path).map_err(invalid)?;
        let request = control.request(&self.client, method, path);
        self.send(party, url, request.map_err(invalid)?, body).await
    }

    async fn send(
        &self,
        party: &'static str,
        url: Url,
        mut request: reqwest::RequestBuilder,
        body: Option<Value>,
    ) -> Controlled<Value> {
        if let Some(body) = body {
            request = request.json(&body);
        }
        let unreachable = |source| ControlError::Unreachable {
            party,
            url: url.clone(),
            source,
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let text = answer.text().await.map_err(unreachable)?;
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() {
            return Ok(body);
        }
        // The portal (RFC 9457) and the management API use different members for the
        // message.
        let message = ["detail", "message", "title"]
            .iter()
            .find_map(|member| body[*member].as_str())
            .unwrap_or("no reason given");
        Err(ControlError::Refused {
            party,
            status: status.as_u16(),
            message: message.to_owned(),
        })
    }
}

/// Reads the answer of a party.
fn read_answer<T: serde::de::DeserializeOwned>(
    party: &'static str,
    answer: Value,
) -> Controlled<T> {
    serde_json::from_value(answer).map_err(|error| ControlError::Refused {
        party,
        status: 200,
        message: error.to_string(),
    })
}

fn fault_path(environment: &str, application: &str) -> String {
    format!("/control/environments/{environment}/applications/{application}/faults")
}

/// Resolves the address of a name server: an IP address or a host name, and a port.
fn resolve(text: &str) -> Controlled<SocketAddr> {
    let found = text.to_socket_addrs().ok().and_then(|mut all| all.next());
    found.ok_or_else(|| {
        ControlError::Target(format!(
            "dns.address: expected HOST:PORT that can be resolved, got {text:?}"
        ))
    })
}
