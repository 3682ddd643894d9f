//! The JSON Schemas (draft 2020-12) of the files that other programs read and write. They
//! are the files in `docs/schemas`.

/// Schema of the seed, which `rehearsal up --seed` reads and `rehearsal export` writes.
pub const SEED: &str = include_str!(concat!(env!("REHEARSAL_SCHEMAS"), "/seed.schema.json"));

/// Schema of the output of `rehearsal run --json` and `rehearsal check … --json`.
pub const CHECKS: &str = include_str!(concat!(env!("REHEARSAL_SCHEMAS"), "/checks.schema.json"));

/// Schema of the file that `--expected` reads.
pub const EXPECTED: &str =
    include_str!(concat!(env!("REHEARSAL_SCHEMAS"), "/expected.schema.json"));

/// Schema of the output of `rehearsal trace --json`.
pub const TRACE: &str = include_str!(concat!(env!("REHEARSAL_SCHEMAS"), "/trace.schema.json"));

/// Schema of the file that `rehearsal bench load … --json` writes.
pub const LOAD: &str = include_str!(concat!(env!("REHEARSAL_SCHEMAS"), "/load.schema.json"));

/// Schema of the file that `rehearsal snapshot` writes and `rehearsal restore` reads.
pub const SNAPSHOT: &str =
    include_str!(concat!(env!("REHEARSAL_SCHEMAS"), "/snapshot.schema.json"));
