# The commands of a working day, for https://just.systems; each is one line of
# shell that also works without it.

features := "--workspace --features rehearsal-faults/xmlsec"

# List the commands.
default:
    @just --list

# Everything that CI runs; installs what is missing.
ci:
    .ci/run

# Run tests, or those that ARGS choose: just test --test portal -E 'test(lockout)'
test *ARGS:
    cargo nextest run {{features}} {{ARGS}}

# Play the scenarios, or those that ARGS choose: just run --tags '@G-18'
run *ARGS:
    cargo rehearsal run {{ARGS}}

# Play the whole guide and open the parties for a browser.
demo:
    scripts/demo.sh

# Format, and apply the lints that need no thought.
fix:
    cargo fmt --all
    cargo clippy {{features}} --all-targets --fix --allow-dirty

# Accept or refuse changed snapshots.
review:
    cargo insta review

# Build the book and follow its commands.
book:
    scripts/book.sh

# Count the instructions of the operations and compare them with the baseline.
counts *ARGS:
    scripts/counts.sh {{ARGS}}

# What takes hours: kills, races, fuzzing, models, load, the image.
nightly:
    scripts/nightly.sh
