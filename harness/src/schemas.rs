//! The JSON Schemas (draft 2020-12) of the files that other programs read and write. They
//! are the files in `docs/schemas`.

/// Schema of the seed, which `rehearsal up --seed` reads and `rehearsal export` writes.
pub const SEED: &str = include_str!("../../docs/schemas/seed.schema.json");

/// Schema of the output of `rehearsal run --json` and `rehearsal check … --json`.
pub const CHECKS: &str = include_str!("../../docs/schemas/checks.schema.json");

/// Schema of the file that `--expected` reads.
pub const EXPECTED: &str = include_str!("../../docs/schemas/expected.schema.json");

/// Schema of the output of `rehearsal trace --json`.
pub const TRACE: &str = include_str!("../../docs/schemas/trace.schema.json");

/// Schema of the file that `rehearsal bench load … --json` writes.
pub const LOAD: &str = include_str!("../../docs/schemas/load.schema.json");

/// Schema of the file that `rehearsal snapshot` writes and `rehearsal restore` reads.
pub const SNAPSHOT: &str = include_str!("../../docs/schemas/snapshot.schema.json");
