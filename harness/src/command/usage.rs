//! What clap does not do by itself: an option that was typed wins over the environment variable of
//! an option that excludes it, errors name the alternatives, and the examples in the help of the
//! parties begin with `rehearsal`.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command};

/// Parses the command line, or prints the error and ends the process.
pub(crate) fn parse(command: &Command, words: Vec<OsString>) -> ArgMatches {
    parsed(command, &words).unwrap_or_else(|error| error.exit())
}

fn parsed(command: &Command, words: &[OsString]) -> Result<ArgMatches, clap::Error> {
    let mut command = command.clone();
    let mut ignored = Vec::new();
    loop {
        let error = match command.clone().try_get_matches_from(words) {
            Ok(matches) => return Ok(matches),
            Err(error) => error,
        };
        // The variable may be set for all commands, so the option that was typed wins.
        let options = conflict(&error);
        let has_typed = options.iter().any(|it| is_typed(words, it));
        let from_variable = options
            .into_iter()
            .find(|it| has_typed && !is_typed(words, it) && !ignored.contains(it));
        let Some(option) = from_variable else {
            return Err(name_alternatives(error, words));
        };
        command = without_variable(command, &option);
        ignored.push(option);
    }
}

/// Returns the options of a conflict, such as `--token`.
fn conflict(error: &clap::Error) -> Vec<String> {
    if error.kind() != ErrorKind::ArgumentConflict {
        return Vec::new();
    }
    let kinds = [ContextKind::InvalidArg, ContextKind::PriorArg];
    let found = kinds.iter().filter_map(|kind| error.get(*kind));
    let texts = found.flat_map(|value| match value {
        ContextValue::String(text) => vec![text.clone()],
        ContextValue::Strings(texts) => texts.clone(),
        _ => Vec::new(),
    });
    let option = |text: String| text.split([' ', '=']).next().map(str::to_owned);
    texts.filter_map(option).collect()
}

fn is_typed(words: &[OsString], option: &str) -> bool {
    words.iter().filter_map(|it| it.to_str()).any(|word| {
        word.strip_prefix(option)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })
}

/// Returns the command without the environment variable of an option.
fn without_variable(command: Command, option: &str) -> Command {
    let name = option.trim_start_matches('-').to_owned();
    command
        .mut_args(
            |argument| match argument.get_long() == Some(name.as_str()) {
                true => argument.env(None::<&'static str>),
                false => argument,
            },
        )
        .mut_subcommands(|below| without_variable(below, option))
}

/// Required arguments of `check sp`, and what can be given instead.
const ALTERNATIVES: [(&str, &str); 2] = [
    (
        "--expect <REGEX>",
        "--expect <REGEX>, --expect-status <STATUS>, --expect-location <REGEX> or --expect-cookie <NAME>",
    ),
    ("--start-url <URL>", "--start-url <URL> or --idp-initiated"),
];

/// Adds the alternatives of a missing argument to the error.
fn name_alternatives(mut error: clap::Error, words: &[OsString]) -> clap::Error {
    let is_check_sp = words.len() > 2 && words[1] == "check" && words[2] == "sp";
    if error.kind() != ErrorKind::MissingRequiredArgument || !is_check_sp {
        return error;
    }
    if let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) {
        let replaced = missing.iter().map(|it| {
            let known = ALTERNATIVES.iter().find(|(name, _)| name == it);
            known.map_or_else(|| it.clone(), |(_, all)| (*all).to_owned())
        });
        let replaced = ContextValue::Strings(replaced.collect());
        error.insert(ContextKind::InvalidArg, replaced);
    }
    error
}

/// The names under which the parties run alone, and by `rehearsal`.
const PARTIES: [(&str, &str); 3] = [
    ("sp ", "rehearsal sp "),
    ("mock-idp ", "rehearsal mock-idp "),
    ("desktop-sim ", "rehearsal desktop "),
];

/// Lets the examples of all commands begin with `rehearsal`.
pub(crate) fn with_examples(command: Command) -> Command {
    let help = command.get_after_help().map(ToString::to_string);
    let example = help.and_then(|help| {
        let rest = help.strip_prefix("Example: ")?;
        let (alone, whole) = PARTIES.iter().find(|(alone, _)| rest.starts_with(alone))?;
        Some(format!("Example: {whole}{}", &rest[alone.len()..]))
    });
    let command = match example {
        Some(example) => command.after_help(example),
        None => command,
    };
    command.mut_subcommands(with_examples)
}
