//! The JSON Schemas (draft 2020-12) of the forms that others read and write,
//! as `docs/schemas` has them.

/// What `rehearsal up --seed` reads and `rehearsal export` writes.
pub const SEED: &str = include_str!("../../docs/schemas/seed.schema.json");

/// What `rehearsal run` and `rehearsal check` print with `--json`.
pub const CHECKS: &str = include_str!("../../docs/schemas/checks.schema.json");

/// What `--expected` reads.
pub const EXPECTED: &str = include_str!("../../docs/schemas/expected.schema.json");

/// What `rehearsal trace --json` prints.
pub const TRACE: &str = include_str!("../../docs/schemas/trace.schema.json");

/// What `rehearsal snapshot` writes and `rehearsal restore` reads.
pub const SNAPSHOT: &str = include_str!("../../docs/schemas/snapshot.schema.json");
