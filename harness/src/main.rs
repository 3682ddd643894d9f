//! `rehearsal`: the command.
//!
//! Exit status: 0 on success; 1 when a check or scenario failed; 2 on wrong usage, when a
//! target cannot be reached, or when nothing can be judged; 128 plus the number of the
//! signal after SIGHUP, SIGINT and SIGTERM. Progress goes to standard error, results to
//! standard output.
//!
//! Started under the name `sp`, `mock-idp` or `desktop-sim` (by a link with that name), it
//! runs the command of that party: the container image has one binary.

mod command;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use command::usage;

/// Simulate and check SAML SSO and SCIM provisioning: plays the set-up guide between the
/// vendor's portal, an identity provider and the desktop app, and checks endpoints of your
/// own.
#[derive(Parser)]
#[command(name = "rehearsal", version = rehearsal::VERSION)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play the whole guide once and write a report
    #[command(after_help = "Example: rehearsal demo --html demo-report.html")]
    Demo(command::demo::Demo),
    /// Start the parties and keep them running
    #[command(after_help = "Example: rehearsal up --ready-file ready.json")]
    Up(command::up::Up),
    /// Play the desktop app: activate it by single sign-on
    #[command(subcommand)]
    Desktop(desktop_sim::command::Command),
    /// Serve the simulation page for parties that run elsewhere
    #[command(
        after_help = "Example: rehearsal simulation --target target.json --listen 127.0.0.1:8082 --dns-listen 127.0.0.1:5354"
    )]
    Simulation(command::simulation::Simulation),
    /// Create a license key in running parties
    #[command(after_help = "Example: rehearsal key --seats 3 --expires 2027-12-31")]
    Key(command::key::Key),
    /// List, add or remove TXT records of the simulated DNS
    #[command(
        after_help = "Example: rehearsal dns set lumen.example TXT 'parallels-domain-verification=…'"
    )]
    Dns(command::dns::Dns),
    /// Run the scenarios
    #[command(after_help = "Example: rehearsal run --tags '@G-18' --junit out.xml")]
    Run(command::run::Run),
    /// Measure throughput and compare it with the machine's limit
    #[command(after_help = "Example: rehearsal bench verify --seconds 5 --json")]
    Bench(command::bench::Bench),
    /// Check an identity provider, a service provider, a SCIM server, or whether people who
    /// leave lose access
    #[command(
        subcommand,
        after_help = "`rehearsal check COMMAND --help` lists the options of each. Example: rehearsal check scim --base-url https://scim.example/v2 --token \"$TOKEN\""
    )]
    Check(command::check::Check),
    /// List the profiles for `check --profile`, or the requirements of one
    #[command(after_help = "Example: rehearsal profiles entra-gallery-scim")]
    Profiles(command::profiles::Profiles),
    /// Write a seed file of running parties, from which `up --seed` creates the same set-up
    #[command(after_help = "Example: rehearsal export > seed.toml")]
    Export(command::export::Export),
    /// Write the whole state of running parties to standard output
    #[command(after_help = "Example: rehearsal snapshot > state.json")]
    Snapshot(command::snapshot::Snapshot),
    /// Restore running parties to a state from a file
    #[command(after_help = "Example: rehearsal restore state.json")]
    Restore(command::snapshot::Restore),
    /// Print the JSON Schema of a file format
    #[command(after_help = "Example: rehearsal schema seed > seed.schema.json")]
    Schema(command::schema::Schema),
    /// Decode and explain a SAML message, HAR file or recording
    #[command(after_help = "Example: rehearsal trace response.b64 --metadata idp.xml")]
    Trace(command::trace::Trace),
    /// List the procedures of the guide with their scenarios
    #[command(after_help = "Example: rehearsal coverage --json")]
    Coverage(command::coverage::Coverage),
    /// Run the vendor's portal alone
    #[command(
        subcommand,
        after_help = "Example: rehearsal sp serve --listen 127.0.0.1:8080"
    )]
    Sp(sp::command::Command),
    /// Run the identity provider alone
    #[command(
        subcommand,
        after_help = "Example: rehearsal mock-idp serve --listen 127.0.0.1:8081"
    )]
    MockIdp(mock_idp::command::Command),
    /// Test whether this installation works on this machine, in a few seconds
    #[command(after_help = "Example: rehearsal self-test")]
    SelfTest(command::self_test::SelfTest),
    /// Write shell completions
    #[command(
        after_help = "Example: rehearsal completions bash > ~/.local/share/bash-completion/completions/rehearsal"
    )]
    Completions(command::shell::Completions),
    /// Write the manual pages
    #[command(after_help = "Example: rehearsal man ~/.local/share/man/man1")]
    Man(command::shell::Man),
    /// Check whether a server, or the running parties, are healthy
    #[command(after_help = "Example: rehearsal health http://127.0.0.1:8080/readyz")]
    Health(command::health::Health),
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = match command::party::party_of_program_name() {
        Some(party) => return party.perform().await,
        None => arguments().command,
    };
    // The servers set up their own log, and only the first logger is used.
    if !matches!(command, Command::Sp(_) | Command::MockIdp(_)) {
        // An invalid certificate is in the error of the command.
        let filter = "error,rustls_platform_verifier=off";
        ambient::telemetry::init(ambient::telemetry::LogFormat::Text, filter);
    }
    let outcome = match command {
        Command::Demo(demo) => return exit(demo.perform().await),
        Command::Up(up) => up.perform().await,
        Command::Desktop(desktop) => desktop.perform().await.map(|()| true),
        Command::Simulation(simulation) => simulation.perform().await,
        Command::Key(key) => key.perform().await,
        Command::Dns(dns) => dns.perform().await,
        Command::Run(run) => return exit(run.perform().await),
        Command::Bench(bench) => return exit(bench.perform().await),
        Command::Check(check) => return exit(check.perform().await),
        Command::Profiles(profiles) => profiles.perform().map(|()| true),
        Command::Export(export) => export.perform().await,
        Command::Snapshot(snapshot) => snapshot.perform().await,
        Command::Restore(restore) => restore.perform().await,
        Command::Schema(schema) => schema.perform(),
        Command::Trace(trace) => trace.perform().await,
        Command::Coverage(coverage) => coverage.perform(),
        Command::Sp(sp) => sp::command::run(sp).await.map(|()| true),
        Command::MockIdp(idp) => mock_idp::command::run(idp).await.map(|()| true),
        Command::SelfTest(test) => return exit(test.perform().await),
        Command::Completions(shell) => shell.perform(usage::with_examples(Arguments::command())),
        Command::Man(man) => man.perform(usage::with_examples(Arguments::command())),
        Command::Health(health) => health.perform().await,
    };
    exit(outcome.map(|is_well| u8::from(!is_well)))
}

/// Parses the command line.
fn arguments() -> Arguments {
    let command = with_negative_numbers(usage::with_examples(Arguments::command()));
    let matches = usage::parse(&command, std::env::args_os().collect());
    Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Lets each option receive a negative number, so that the error names the numbers that it
/// accepts instead of an unknown option `-1`.
fn with_negative_numbers(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| match argument.get_action().takes_values() {
            true => argument.allow_negative_numbers(true),
            false => argument,
        })
        .mut_subcommands(with_negative_numbers)
}

/// Exit status of a program whose output was closed by its reader: 128 and the number of SIGPIPE.
const OUTPUT_CLOSED: u8 = 141;

/// True if the reader of standard output is gone, as after `rehearsal … | head`. A lost connection
/// to a server is never the error itself, only a cause of it.
fn is_output_closed(error: &anyhow::Error) -> bool {
    let is_broken = |kind| kind == Some(std::io::ErrorKind::BrokenPipe);
    let json = error.downcast_ref::<serde_json::Error>();
    is_broken(json.and_then(serde_json::Error::io_error_kind))
        || is_broken(
            error
                .downcast_ref::<std::io::Error>()
                .map(std::io::Error::kind),
        )
}

/// Returns the exit status of the process; 2 on an error.
fn exit(outcome: anyhow::Result<u8>) -> ExitCode {
    match outcome {
        // After a signal, do not wait for tasks that still run.
        Ok(code) if code >= 128 => std::process::exit(code.into()),
        Err(error) if is_output_closed(&error) => std::process::exit(OUTPUT_CLOSED.into()),
        outcome => ambient::process::exit_code("rehearsal", outcome),
    }
}
