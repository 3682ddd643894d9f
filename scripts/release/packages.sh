#!/usr/bin/env bash
# Packages every crate that can be published, and builds each from its own package in an empty
# folder, with all features. `--list` only packages them, which takes a second.
# Nothing is uploaded: `cargo publish` is up to the owner.
set -euo pipefail
cd "$(dirname "$0")/../.."

verify=(--all-features)
case ${1:-} in
    --list) verify=(--no-verify) ;;
    "") ;;
    *)
        echo "usage: scripts/release/packages.sh [--list]" >&2
        exit 2
        ;;
esac
# In a folder of its own: dependencies of packages are built for other features than those of the
# workspace. Tests read files of the repository, so packages have none: cargo warns about each.
target=${CARGO_TARGET_DIR:-target}/packages
cargo package --workspace --exclude test-postgres --locked --allow-dirty \
    --target-dir "$target" "${verify[@]}" 2> >(grep -v '^warning: ignoring \(test\|example\) ' >&2)

# A package that lacks files of the repository would build only beside it.
expect() { # CRATE NUMBER PATTERN
    local found
    found=$(tar tzf "$target/package/$1"-[0-9]*.crate | grep -c "$3" || true)
    if [ "$found" != "$2" ]; then
        echo "package $1: expected $2 files like $3, found $found" >&2
        exit 1
    fi
}
count() { find "$1" -name "$2" | wc -l; }
expect rehearsal-faults "$(count fixtures/faults '*.toml')" '/fixtures/faults/.*\.toml$'
expect rehearsal-faults "$(count fixtures/controls '*.toml')" '/fixtures/controls/.*\.toml$'
expect rehearsal-faults "$(count fixtures/flavors '*.toml')" '/fixtures/flavors/.*\.toml$'
expect rehearsal-faults "$(count fixtures/spaces '*.toml')" '/fixtures/spaces/.*\.toml$'
expect rehearsal-faults "$(count fixtures/logout-spaces '*.toml')" '/fixtures/logout-spaces/.*\.toml$'
expect rehearsal-conformance "$(count fixtures/profiles '*.toml')" '/fixtures/profiles/.*\.toml$'
expect rehearsal-conformance "$(count fixtures/people '*.toml')" '/fixtures/people/.*\.toml$'
expect rehearsal-world "$(count fixtures/scim 'acts.json')" '/fixtures/scim/.*/acts\.json$'
expect rehearsal-conformance "$(count fixtures/scim 'acts.json')" '/fixtures/scim/.*/acts\.json$'
expect rehearsal-mock-idp "$(count fixtures/flavors '*.toml')" '/fixtures/flavors/.*\.toml$'
expect rehearsal "$(count features '*.feature')" '/features/.*\.feature$'
expect rehearsal "$(count docs/schemas '*.json')" '/schemas/.*\.json$'
for crate in "$target"/package/*.crate; do
    expect "$(basename "$crate" | sed 's/-[0-9].*//')" 1 '/LICENSE$'
done

# A placeholder does not stop a build, but must not be published.
if grep -q '^repository = .*/OWNER/' Cargo.toml; then
    echo "NOT READY TO PUBLISH: set \`repository\` in [workspace.package] of Cargo.toml; it is a placeholder"
fi
