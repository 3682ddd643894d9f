//! Runs one operation of the portal, the identity provider or the protocols several times.
//! `scripts/counts.sh` runs this program under valgrind, counts the instructions of N and of 2 N
//! repetitions, and takes the difference.
//!
//! ```text
//! rehearsal-counts list                     names of the operations, and N for each
//! rehearsal-counts prepare FOLDER           creates a key and a signed Response for the operations
//! rehearsal-counts run FOLDER OPERATION N   runs an operation N times
//! ```
//!
//! Each operation checks its result, because one that fails early would count as faster.

mod key;
mod mapping;
mod random;
mod response;
mod scim_resources;
mod startup;

// These two are private parts of their crates. They depend on nothing else there, so they are
// included by their paths.
#[allow(dead_code, missing_docs)]
#[path = "../../../protocols/saml/src/xml/canonical.rs"]
mod canonical;
#[allow(dead_code, missing_docs)]
#[path = "../../../mock-idp/src/expression/mod.rs"]
mod expression;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use key::Key;

/// What all functions here return: an error ends the program, and nothing reads its type.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What an operation may use.
struct Context<'c> {
    /// The prepared folder, also for databases; the caller deletes it afterwards.
    folder: &'c Path,
    key: Key,
}

/// One repetition of an operation.
type Repetition = Box<dyn FnMut() -> Result<()>>;

struct Operation {
    name: &'static str,
    /// N: enough for the difference to be exact to a small part of a percent.
    repetitions: u32,
    /// Prepares what does not belong to the operation.
    prepare: fn(Context<'_>) -> Result<Repetition>,
}

const OPERATIONS: [Operation; 9] = [
    Operation {
        name: "verify",
        repetitions: 100,
        prepare: response::verify,
    },
    Operation {
        name: "sign",
        repetitions: 100,
        prepare: response::sign,
    },
    Operation {
        name: "canonicalize",
        repetitions: 500,
        prepare: response::canonicalize,
    },
    Operation {
        name: "metadata",
        repetitions: 200,
        prepare: response::metadata,
    },
    Operation {
        name: "scim-filter",
        repetitions: 1000,
        prepare: scim_resources::filter,
    },
    Operation {
        name: "scim-patch",
        repetitions: 500,
        prepare: scim_resources::patch,
    },
    Operation {
        name: "expression",
        repetitions: 200,
        prepare: mapping::expression,
    },
    Operation {
        name: "start-portal",
        repetitions: 10,
        prepare: startup::portal,
    },
    Operation {
        name: "start-idp",
        repetitions: 10,
        prepare: startup::idp,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["list"] => {
            for operation in &OPERATIONS {
                println!("{} {}", operation.name, operation.repetitions);
            }
            Ok(())
        }
        ["prepare", folder] => prepare(Path::new(folder)),
        ["run", folder, name, repetitions] => run(Path::new(folder), name, repetitions),
        _ => Err("invalid arguments: expected list, prepare FOLDER, or run FOLDER OPERATION N".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Creates what would take longer under valgrind than most operations, or needs random bytes of
/// aws-lc: to collect them takes 440 million instructions, and one million more or less each time.
fn prepare(folder: &Path) -> Result<()> {
    let key = key::create()?;
    key.write(folder)?;
    response::write(folder, &key)
}

fn run(folder: &Path, name: &str, repetitions: &str) -> Result<()> {
    let repetitions: u32 = repetitions.parse()?;
    let operation = OPERATIONS
        .iter()
        .find(|operation| operation.name == name)
        .ok_or_else(|| format!("operation {name} not found"))?;
    let mut repeat = (operation.prepare)(Context {
        folder,
        key: Key::read(folder)?,
    })?;
    for _ in 0..repetitions {
        repeat().map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// Reads a prepared file.
fn read(folder: &Path, name: &str) -> Result<String> {
    std::fs::read_to_string(folder.join(name)).map_err(|error| {
        format!("cannot read {name}: {error}; create it with `prepare FOLDER`").into()
    })
}

/// Requires that an operation has the result that it always has.
fn expect<T: PartialEq + std::fmt::Debug>(result: &T, expected: &T) -> Result<()> {
    if result == expected {
        return Ok(());
    }
    Err(format!("expected {expected:?}, got {result:?}").into())
}
