//! `rehearsal check`: conformance and security checks of endpoints.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ambient::Ambient;
use ambient::arguments::{web_url, whole_number};
use anyhow::bail;
use clap::{Args, Subcommand};
use rehearsal::check::profile::{Kind, Profile};
use rehearsal::check::runner::{Runner, Stop};
use rehearsal::check::sp::{
    FormField, Judge, Person, PersonAttribute, PersonTemplate, Provider, Target,
};
use rehearsal::check::{CheckReport, SetUpError, Signal, sp};
use saml::metadata::{MetadataError, Selection, SpMetadata};
use url::Url;

use super::check_options::{Options, Profiles};
use super::memory_options::MemoryOptions;
use super::more_keys::MoreKeys;
use super::person_file::PersonFile;
use super::report_forms::Forms;
use super::second_idp::SecondIdp;
use super::served_metadata::ServedMetadata;
use super::sp_acceptance::Acceptance;
use super::variant_options::VariantOptions;
use super::{KeyFile, fetch_metadata};

/// The endpoint to check.
#[derive(Subcommand)]
pub(crate) enum Check {
    /// Check a SAML service provider: plays its identity provider, sends valid Responses
    /// and every fault of the catalogue
    #[command(
        after_help = "Example: rehearsal check sp --metadata https://sp.example/metadata --start-url https://sp.example/login --probe-url https://sp.example/whoami --expect '\"jo@example\\.com\"' --idp-port 8444 --idp-metadata-out idp.xml"
    )]
    Sp(Box<Sp>),
    /// Check a SCIM 2.0 server: detects what it supports, checks it, and deletes what it
    /// created
    #[command(
        after_help = "Example: rehearsal check scim --base-url https://scim.example/v2 --token \"$TOKEN\" --html scim.html"
    )]
    Scim(Box<super::check_scim::Scim>),
    /// Check a SAML identity provider: plays its service provider, sends every variant of
    /// an AuthnRequest, and checks metadata, security and every Response
    #[command(
        after_help = "Example: rehearsal check idp --metadata https://idp.example/metadata --sp-port 8555 --sp-metadata-out sp.xml --user jo@example.com --password …"
    )]
    Idp(Box<super::check_idp::Idp>),
    /// Check an application with SAML and SCIM: whether a person who is deactivated, deleted,
    /// removed from a group or logged out loses access, and after how many seconds
    #[command(
        after_help = "Example: rehearsal check leaver --scim-url https://app.example/scim/v2 --token-file scim.token --sp-metadata https://app.example/saml/metadata --start-url 'https://app.example/login?email={user}' --probe-url https://app.example/me --idp-port 8444 --idp-metadata-out idp.xml --group Staff"
    )]
    Leaver(Box<super::check_leaver::Leaver>),
}

impl Check {
    pub(crate) async fn perform(self) -> anyhow::Result<u8> {
        match self {
            Self::Sp(sp) => sp.perform().await,
            Self::Scim(scim) => scim.perform().await,
            Self::Idp(idp) => idp.perform().await,
            Self::Leaver(leaver) => leaver.perform().await,
        }
    }
}

/// Returns the error of a command that a signal ended before it judged anything. The report
/// then names the signal.
fn interruption_error(signal: Signal) -> SetUpError {
    SetUpError::new("interrupted", signal.name(), "Run it again.")
}

/// Performs what comes before the checks; a signal ends it.
///
/// # Errors
/// Those of `work`, or the interruption.
pub(crate) async fn unless_interrupted<T>(
    stop: &Stop,
    work: impl Future<Output = Result<T, SetUpError>>,
) -> Result<T, SetUpError> {
    let done = stop.unless_signaled(work).await;
    done.unwrap_or_else(|signal| Err(interruption_error(signal)))
}

/// Returns the chosen profiles. If none of them names attributes, adds the deployment's profiles
/// that match the metadata.
pub(crate) fn held(chosen: &[&'static Profile], metadata: &SpMetadata) -> Vec<&'static Profile> {
    if chosen.iter().any(|it| !it.attributes.is_empty()) {
        return chosen.to_vec();
    }
    let known = Profile::of_service_provider(metadata);
    [chosen, &known].concat()
}

/// Parses the attributes of `--attribute NAME=VALUE`.
///
/// # Errors
/// When an attribute has no `=`.
pub(crate) fn attributes(all: &[String]) -> anyhow::Result<Vec<PersonAttribute>> {
    all.iter()
        .map(|one| match one.split_once('=') {
            Some((name, value)) => Ok(PersonAttribute::new(name, value)),
            None => bail!("invalid --attribute: expected NAME=VALUE, got {one}"),
        })
        .collect()
}

/// Reads the metadata of a service provider from a file or a URL; returns it with its document. If
/// the document contains several entities, `entity_id` selects one.
///
/// # Errors
/// When the document cannot be read, is not metadata of a service provider, or contains several
/// service providers and none is selected.
pub(crate) async fn read_sp_metadata(
    (place, entity_id): (&str, Option<&str>),
    wait: Duration,
    runner: &Runner,
) -> Result<(SpMetadata, String), SetUpError> {
    let fetched = fetch_metadata(place, wait, &runner.access);
    let document = unless_interrupted(&runner.stop, fetched).await?;
    let selection = Selection {
        entity_id,
        signed_by: None,
    };
    let metadata = SpMetadata::select(&document, &selection).map_err(|error| match error {
        MetadataError::Aggregate { .. } | MetadataError::NoSuchEntity(_) => SetUpError::new(
            "which-entity",
            format!("Cannot choose an entity of {place}: {error}."),
            "Name the service provider with --entity-id.",
        ),
        error => SetUpError::new(
            "not-metadata",
            format!("{place} is not the metadata of a service provider: {error}."),
            "Check --metadata: it has to be an EntityDescriptor with an SPSSODescriptor.",
        ),
    })?;
    Ok((metadata, document))
}

/// The service provider to check.
#[derive(Args)]
pub(crate) struct SpTarget {
    /// Metadata of the service provider
    #[arg(
        long,
        required = false,
        required_unless_present_any = ["prepare", "list"],
        value_name = "FILE|URL"
    )]
    metadata: String,
    /// URL at which a login starts
    #[arg(
        long,
        required_unless_present_any = ["prepare", "list", "idp_initiated"],
        value_name = "URL", value_parser = web_url
    )]
    start_url: Option<Url>,
    /// Field of a form on the page of --start-url, which is filled in and submitted to start the
    /// login; `{user}` stands for the user. NAME without a value is a button, or a field that
    /// keeps its value. Repeatable
    #[arg(long, value_name = "NAME[=VALUE]", conflicts_with = "idp_initiated", value_parser = FormField::parse)]
    start_form: Vec<FormField>,
    /// URL that, with the cookies of a login, shows which user is logged in
    #[arg(
        long,
        required = false,
        required_unless_present_any = ["prepare", "list"],
        value_name = "URL", value_parser = web_url
    )]
    probe_url: Url,
}

/// Parses the address at which external references are served. Faults contain it, so it must be one
/// that the service provider can open.
fn reachable_address(text: &str) -> Result<SocketAddr, String> {
    let invalid = |got: &str| {
        format!(
            "expected the address of this machine that the service provider can open, and a port, such as 192.0.2.7:0; got {got}"
        )
    };
    let address: SocketAddr = text.parse().map_err(|_| invalid(text))?;
    if address.ip().is_unspecified() {
        return Err(invalid(&format!("{text}, which no other machine can open")));
    }
    Ok(address)
}

/// Arguments of `rehearsal check sp`.
#[derive(Args)]
pub(crate) struct Sp {
    /// Only write `--idp-metadata-out` and its key, for a service provider that must trust
    /// the metadata before it starts
    #[arg(long, requires = "idp_metadata_out", requires = "idp_port")]
    prepare: bool,
    #[command(flatten)]
    target: Option<SpTarget>,
    #[command(flatten)]
    acceptance: Acceptance,
    /// Entity ID of the service provider, if the metadata contains several entities
    #[arg(long, value_name = "E")]
    entity_id: Option<String>,
    /// Port of the identity provider that Rehearsal plays [default: a free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = whole_number::<u16>(0..=65_535))]
    idp_port: u16,
    /// Write the metadata of the identity provider that Rehearsal plays, for the service
    /// provider to trust. The key is kept next to it (.key), so that the next run uses the
    /// same key
    #[arg(long, value_name = "FILE")]
    idp_metadata_out: Option<PathBuf>,
    /// The service provider sends no AuthnRequest: every Response is unsolicited
    #[arg(long, conflicts_with = "start_url")]
    idp_initiated: bool,
    #[command(flatten)]
    profiles: Profiles,
    /// User of the valid Responses [default: the `email` parameter of --start-url]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Attribute of the assertions, instead of those of the profile or the common ones;
    /// `{user}` stands for the user. Repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    attribute: Vec<String>,
    #[command(flatten)]
    person: PersonFile,
    /// Address of this machine at which external references of the faults are served,
    /// such as 192.0.2.7:0, for a service provider on another machine
    /// [default: a free port of the loopback interface]
    #[arg(long, value_name = "ADDR:PORT", value_parser = reachable_address)]
    listen: Option<SocketAddr>,
    /// URL at which a user logs out, for the checks of single logout that the service provider
    /// starts. It is requested by GET, or by POST if GET answers 404 or 405
    #[arg(long, value_name = "URL", value_parser = web_url)]
    logout_url: Option<Url>,
    /// Field of a form on the page of --logout-url, which is filled in and submitted to start the
    /// logout; `{user}` stands for the user. NAME without a value is a button, or a field that
    /// keeps its value. Repeatable
    #[arg(long, value_name = "NAME[=VALUE]", requires = "logout_url", value_parser = FormField::parse)]
    logout_form: Vec<FormField>,
    #[command(flatten)]
    more_keys: MoreKeys,
    #[command(flatten)]
    served: ServedMetadata,
    #[command(flatten)]
    variants: VariantOptions,
    #[command(flatten)]
    second: SecondIdp,
    #[command(flatten)]
    memory: MemoryOptions,
    /// Seconds to wait until the metadata can be read
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = whole_number::<u64>(0..=86_400))]
    wait: u64,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    forms: Forms,
}

/// What the options say about the user.
struct Described {
    /// Attributes of `--attribute`.
    attributes: Vec<PersonAttribute>,
    /// Template of `--person`.
    template: Option<PersonTemplate>,
}

impl Sp {
    async fn perform(mut self) -> anyhow::Result<u8> {
        // An unreadable catalogue is an error.
        sp::catalogue()?;
        // Includes the checks that only profiles require, because --only may name them.
        let mut checks = Kind::Sp.checks();
        let chosen = self.profiles.chosen(Kind::Sp)?;
        self.options.limit_to(Kind::Sp, &chosen);
        let selection = self.options.selection(&checks)?;
        let demanded = sp::profile_catalogue().into_iter();
        let unasked: Vec<_> = demanded.filter(|it| !selection.asks_for(&it.id)).collect();
        checks.retain(|it| !unasked.contains(it));
        if self.options.print_list(&checks, &self.forms)? {
            return Ok(0);
        }
        self.forms.verify(&checks, &[])?;
        // Before anything is written or started, so that invalid files change nothing.
        let runner = self.options.runner(&checks)?;
        let expect = match self.prepare {
            true => None,
            false => Some(self.acceptance.expect()?),
        };
        let described = Described {
            attributes: attributes(&self.attribute)?,
            template: self.person.template()?,
        };
        let ambient = Ambient::real();
        let key_file = KeyFile::next_to("--idp-metadata-out", self.idp_metadata_out.as_deref())?;
        let provider = Provider::start(self.idp_port, key_file.path(), &ambient).await?;
        let provider = match self.listen {
            Some(at) => provider.with_references_at(at, &ambient).await?,
            None => provider,
        };
        let out = self.idp_metadata_out.as_deref();
        let provider = self.more_keys.of(provider, out, &ambient).await?;
        let provider = self.served.of(provider, out)?;
        if let Some(path) = out {
            key_file.write_metadata(path, &provider.metadata())?;
        }
        let second = self.second.start_provider(&ambient).await?;
        let (Some(target), Some(expect)) = (&self.target, expect) else {
            return self.print_next_steps();
        };
        let _ = writeln!(
            ambient::terminal::err(),
            "playing the identity provider {}",
            provider.entity_id
        );
        key_file.say_if_new("service provider");
        let started_at = ambient.now();
        let refused = |error: SetUpError| {
            let report = CheckReport::of_error("check sp", &target.metadata, error, started_at);
            let report = runner.report(report, checks.len(), Duration::ZERO);
            self.forms.write(report, &ambient)
        };
        let place = (target.metadata.as_str(), self.entity_id.as_deref());
        let wait = Duration::from_secs(self.wait);
        let (metadata, document) = match read_sp_metadata(place, wait, &runner).await {
            Ok(read) => read,
            Err(error) => return refused(error),
        };
        let judge = Judge {
            person: self.person(target.start_url.as_ref(), &metadata, &chosen, described),
            variants: self.variants.chosen(&ambient)?,
            target: Target {
                metadata,
                document,
                start_url: target.start_url.clone(),
                start_form: target.start_form.clone(),
                probe_url: target.probe_url.clone(),
                logout_url: self.logout_url.clone(),
                logout_form: self.logout_form.clone(),
                disable: None,
                memory: self.memory.source(),
                expect,
            },
            provider,
            runner,
            ambient: ambient.clone(),
        };
        let second = match self.second.judge(second, &judge, wait).await {
            Ok(second) => second,
            Err(error) => {
                let target = &judge.target.metadata.entity_id;
                let report = CheckReport::of_error("check sp", target, error, started_at);
                let report = judge.runner.report(report, checks.len(), Duration::ZERO);
                return self.forms.write(report, &ambient);
            }
        };
        let report = judge.judge_with(second.as_ref()).await?;
        let held = held(&chosen, &judge.target.metadata);
        let report = report.with_profiles(&held).with_assessments(&chosen);
        self.forms.write(report, &ambient)
    }

    /// Prints what to do after `--prepare`.
    fn print_next_steps(&self) -> anyhow::Result<u8> {
        let path = self.idp_metadata_out.as_deref().unwrap_or(Path::new(""));
        let (file, port) = (path.display(), self.idp_port);
        super::print_next_steps(
            path,
            &format!(
                "give {file} to the service provider as the metadata of its identity provider"
            ),
            &format!(
                "sp --metadata FILE|URL --start-url URL --probe-url URL --expect REGEX --idp-port {port} --idp-metadata-out {file}"
            ),
            &format!(
                "{} secret: with it, anyone can log in to that service provider as any user.",
                MoreKeys::kept_next_to(path).map_or_else(String::new, |it| format!(" and {it}"))
            ),
        )
    }

    fn person(
        &self,
        start_url: Option<&Url>,
        metadata: &SpMetadata,
        chosen: &[&'static Profile],
        described: Described,
    ) -> Person {
        let in_url = || {
            let mut pairs = start_url?.query_pairs();
            pairs
                .find(|(name, _)| name == "email")
                .map(|(_, value)| value.into_owned())
        };
        let user = self.user.clone().or_else(in_url);
        let user = user.as_deref().unwrap_or("jo@example.com");
        let mut person = Person::of_profiles(user, &held(chosen, metadata));
        if !self.attribute.is_empty() {
            person.attributes = described.attributes;
        }
        match described.template {
            Some(template) => person.with_template(template),
            None => person,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::reachable_address;

    #[test]
    fn an_address_that_no_other_machine_can_open_is_refused() {
        assert!(reachable_address("192.0.2.7:0").is_ok());
        assert!(reachable_address("[::1]:8080").is_ok());
        for wrong in ["0.0.0.0:0", "[::]:80", "192.0.2.7", "sp.example:80"] {
            let error = reachable_address(wrong).err().unwrap_or_default();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
