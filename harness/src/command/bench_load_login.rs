//! `rehearsal bench load login`: load on a service provider and its identity provider together.

use std::path::PathBuf;

use ambient::Ambient;
use anyhow::bail;
use clap::Args;
use rehearsal::check::idp::Credentials;
use rehearsal::check::load;
use rehearsal::check::load::login::{Load, Places};

use super::bench_load::{Options, lines};
use super::secret::secret;

/// The people who sign on, with their passwords.
#[derive(Args)]
pub(super) struct People {
    /// User name that Rehearsal types into the login page
    #[arg(
        long,
        value_name = "NAME",
        requires = "password",
        required_unless_present = "users"
    )]
    user: Option<String>,
    /// Password of the user
    #[arg(
        long,
        value_name = "PW",
        env = "REHEARSAL_PASSWORD",
        value_parser = secret,
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    password: Option<String>,
    /// File with the people who sign on in turn: NAME:PASSWORD, one per line
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    users: Option<PathBuf>,
}

impl People {
    /// Reads the people of the options.
    ///
    /// # Errors
    /// If there is none, or if the file cannot be read.
    pub(super) fn read(&self) -> anyhow::Result<load::People<Credentials>> {
        let Some(path) = &self.users else {
            let pair = self.user.clone().zip(self.password.clone());
            let Some((name, password)) = pair else {
                bail!("no user to sign on with: give --user and --password, or --users");
            };
            return Ok(load::People::one(Credentials { name, password }));
        };
        let people = lines(path)?.into_iter().zip(1..).map(|(line, number)| {
            let Some((name, password)) = line.split_once(':') else {
                bail!(
                    "invalid --users {}: expected NAME:PASSWORD for user {number}, got a line without a colon",
                    path.display()
                );
            };
            Ok(Credentials {
                name: name.to_owned(),
                password: password.to_owned(),
            })
        });
        let people: Vec<Credentials> = people.collect::<anyhow::Result<_>>()?;
        Ok(people.try_into()?)
    }
}

/// Load on a service provider and its identity provider.
#[derive(Args)]
pub(crate) struct Login {
    /// URL of the service provider at which a login starts; {user} stands for the user
    #[arg(long, value_name = "URL")]
    start_url: String,
    /// URL that, with the cookies of a login, shows which user is logged in; {user} stands
    /// for the user
    #[arg(long, value_name = "URL")]
    probe_url: String,
    /// Regular expression that matches the body of the probe URL when the user is logged in;
    /// {user} stands for the user
    #[arg(long, value_name = "REGEX", default_value = "{user}")]
    expect: String,
    #[command(flatten)]
    people: People,
    /// Keep the cookies of each person, so that the identity provider has a session for them
    /// and asks for the password only once
    #[arg(long)]
    keep_cookies: bool,
    #[command(flatten)]
    options: Options,
}

impl Login {
    pub(super) async fn perform(&self) -> anyhow::Result<u8> {
        let people = self.people.read()?;
        let places = Places::parse(&self.start_url, &self.probe_url, &self.expect)?;
        let ambient = Ambient::real();
        let access = self.options.connection.access()?;
        let setting = self.options.setting("bench load login", false)?;
        let load = Load::new(&places, people, self.keep_cookies, access, &ambient);
        let ended = load.run(&setting).await;
        let target = ("login", self.start_url.as_str());
        self.options.report(target, &setting, &ambient, ended)
    }
}
