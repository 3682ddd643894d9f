//! `rehearsal check scim`: the command line.

use std::path::PathBuf;
use std::time::Duration;

use ambient::Ambient;
use anyhow::{Context as _, bail};
use clap::Args;
use rehearsal::check::profile::Kind;
use rehearsal::check::scim::credentials::Credentials;
use rehearsal::check::{CheckReport, scim};
use url::Url;

use super::check::Forms;
use super::check_options::{Options, Profiles};
use super::oauth::{ClientCredentials, Issued};

/// Arguments of `rehearsal check scim`.
#[derive(Args)]
pub(crate) struct Scim {
    /// The address that `/Users` follows.
    #[arg(long, value_name = "URL", required_unless_present = "list")]
    base_url: Option<Url>,
    /// The bearer token; the environment hides it from the list of processes.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "REHEARSAL_SCIM_TOKEN",
        hide_env_values = true,
        allow_hyphen_values = true,
        required_unless_present_any = ["list", "basic", "header", "oauth_token_url"]
    )]
    token: Option<String>,
    /// User name and password, in place of a token.
    #[arg(
        long,
        value_name = "USER:PASSWORD",
        env = "REHEARSAL_SCIM_BASIC",
        hide_env_values = true,
        conflicts_with = "token"
    )]
    basic: Option<String>,
    #[command(flatten)]
    client: ClientCredentials,
    /// A header of every request, such as an API key. May be repeated.
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Changes nothing: runs the checks that need no resources of their own.
    #[arg(long)]
    read_only: bool,
    /// A user as JSON whose members every created user gets, for servers that
    /// require more than their schemas say; {name} stands for the userName.
    #[arg(long, value_name = "FILE")]
    user_template: Option<PathBuf>,
    /// The domain of userNames and e-mail addresses, for servers that accept
    /// only verified ones.
    #[arg(long, value_name = "DOMAIN", default_value = "example.com")]
    domain: String,
    /// Requests a second at most [default: unlimited].
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    #[command(flatten)]
    profiles: Profiles,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    forms: Forms,
}

/// The address that locations are compared with; `Http` adds the query.
fn without_query(base_url: &Url) -> String {
    let mut base = base_url.clone();
    base.set_query(None);
    base.into()
}

fn rate(text: &str) -> Result<f64, String> {
    let invalid = || format!("expected a number of requests above 0, got {text}");
    let rate: f64 = text.parse().map_err(|_| invalid())?;
    let is_rate = rate.is_finite() && rate > 0.0;
    is_rate.then_some(rate).ok_or_else(invalid)
}

impl Scim {
    fn credentials(&self, fetched: Option<&Issued>) -> anyhow::Result<Credentials> {
        if let Some(basic) = &self.basic {
            let Some((user, password)) = basic.split_once(':') else {
                bail!("invalid --basic: expected USER:PASSWORD, got no colon");
            };
            return Ok(Credentials::Basic {
                user: user.to_owned(),
                password: password.to_owned(),
            });
        }
        let fetched = fetched.map(|it| it.token.clone());
        Ok(match fetched.or_else(|| self.token.clone()) {
            Some(token) => Credentials::Bearer(token),
            None => Credentials::Headers,
        })
    }

    /// What only the server's owner knows.
    fn fit(&self) -> anyhow::Result<scim::Options> {
        let template = match &self.user_template {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read --user-template {}", path.display()))?;
                let invalid = || {
                    format!(
                        "invalid --user-template {}: expected a JSON object",
                        path.display()
                    )
                };
                let template: serde_json::Value =
                    serde_json::from_str(&text).with_context(invalid)?;
                anyhow::ensure!(template.is_object(), invalid());
                Some(template)
            }
        };
        let headers = self.header.iter().map(|one| {
            let Some((name, value)) = one.split_once(':') else {
                bail!("invalid --header: expected NAME: VALUE, got {one}");
            };
            let name = name.trim().to_ascii_lowercase();
            reqwest::header::HeaderName::from_bytes(name.as_bytes())
                .with_context(|| format!("invalid --header: {name} is no header name"))?;
            Ok((name, value.trim().to_owned()))
        });
        Ok(scim::Options {
            domain: Some(self.domain.clone()),
            template,
            headers: headers.collect::<anyhow::Result<_>>()?,
            rate: self.rate,
            oauth: None,
        })
    }

    pub(crate) async fn perform(mut self) -> anyhow::Result<u8> {
        // Those included that only profiles demand: --only may name them.
        let checks = Kind::Scim.checks();
        let chosen = self.profiles.chosen(Kind::Scim)?;
        self.options.limit_to(Kind::Scim, &chosen);
        if self.options.print_list(&checks)? {
            return Ok(0);
        }
        self.forms.verify(&checks)?;
        let Some(base_url) = &self.base_url else {
            bail!("--base-url is required");
        };
        let mut options = self.fit()?;
        let ambient = Ambient::real();
        let runner = self.options.runner(&checks)?;
        let fetched = match self.client.token(&runner.access).await {
            Ok(fetched) => fetched,
            Err(error) => {
                let target = base_url.as_str();
                let report = CheckReport::of_error("check scim", target, error, ambient.now());
                return self.forms.write(report, &ambient);
            }
        };
        let credentials = self.credentials(fetched.as_ref())?;
        options.oauth = fetched.map(|it| scim::OAuthToken {
            expires_in: it.expires_in,
        });
        let wire = scim::wire::Http::to(base_url.clone(), runner.access.clone())
            .context("cannot set up the HTTP client")?;
        let started_at = ambient.now();
        let judge = scim::Judge {
            wire: &wire,
            base: without_query(base_url),
            credentials,
            options,
            read_only: self.read_only,
            runner,
            ambient: ambient.clone(),
        };
        let report = match judge.judge().await {
            Ok(report) => report.with_profiles(&chosen).assessed(&chosen),
            Err(trouble) => {
                let base = base_url.as_str();
                judge.runner.progress.end();
                let error = trouble.to_set_up_error(base);
                let report = CheckReport::of_error("check scim", base, error, started_at);
                judge.runner.report(report, checks.len(), Duration::ZERO)
            }
        };
        self.forms.write(report, &ambient)
    }
}
