# shellcheck shell=bash
# What building wants and a bare Debian 12 lacks. Sourced by the other scripts
# of this folder; says what it does before it does it.

# Package names that nobody has installed yet, gathered by `need`.
missing_packages=()

# need PACKAGE… — notes packages for the next `install_missing`.
need() { missing_packages+=("$@"); }

# as_root COMMAND… — runs it as root, by sudo where that asks nothing.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# can_be_root — whether `as_root` works.
can_be_root() {
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }
}

# install_missing — installs all that was noted, from the distribution. Without
# the rights it prints the one command that does it.
install_missing() {
    local packages=("${missing_packages[@]}")
    missing_packages=()
    [ ${#packages[@]} -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "cannot install: this is not Debian or Ubuntu. Install what these Debian packages hold: ${packages[*]}" >&2
        return 1
    fi
    if ! can_be_root; then
        {
            echo "cannot install: you are not root, and sudo is missing or asks for a password."
            echo "Have somebody run this, then try again:"
            echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages[*]}"
        } >&2
        return 1
    fi
    echo "installing from the distribution: ${packages[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null && return 0
    echo "cannot install ${packages[*]}: apt failed, see above. Behind a proxy, set Acquire::http::Proxy in /etc/apt/apt.conf.d." >&2
    return 1
}

# install_packages PACKAGE… — installs these, from the distribution.
install_packages() {
    need "$@"
    install_missing
}

# is_new_enough VERSION — whether it is at least `rust-version` of Cargo.toml.
is_new_enough() {
    [ -n "$1" ] && [ "$(printf '%s\n' "$wanted_rust" "$1" | sort -V | head -n1)" = "$wanted_rust" ]
}

# rust_version — the version of `rustc` on the path, or nothing.
rust_version() { rustc --version 2>/dev/null | cut -d' ' -f2 || true; }

# proxy_hint — what to do when a download failed.
proxy_hint() {
    echo "Behind a proxy, set https_proxy=http://HOST:PORT. If the proxy has its own certificate authority," >&2
    echo "put its certificate (NAME.crt) into /usr/local/share/ca-certificates and run update-ca-certificates." >&2
}

# install_rust_by_rustup — downloads rustup's script, looks whether it is one,
# and runs it. Fails, with the reason, when it cannot be had.
install_rust_by_rustup() {
    local script failed=0
    script=$(mktemp) || return 1
    # A proxy that does not answer shall not hold this up for minutes.
    if ! curl --proto '=https' --tlsv1.2 -sSfL --connect-timeout 20 --max-time 120 -o "$script" https://sh.rustup.rs; then
        echo "cannot download https://sh.rustup.rs" >&2
        failed=1
    # A filter's "access denied" page also comes with status 200.
    elif [ "$(head -c 2 "$script")" != '#!' ] || ! grep -q rustup "$script" || ! sh -n "$script" 2>/dev/null; then
        echo "https://sh.rustup.rs answered something else than rustup's script (a page of a filter or a proxy?); it is not run" >&2
        failed=1
    elif ! sh "$script" -y --no-modify-path --profile minimal --component clippy --component rustfmt; then
        echo "rustup's script failed, see above" >&2
        failed=1
    fi
    rm -f "$script"
    [ "$failed" = 0 ] || return 1
    # shellcheck disable=SC1091
    . "${CARGO_HOME:-$HOME/.cargo}/env"
}

# debian_rust_candidate — the version of Debian's second Rust, which is kept
# new for browsers, if apt knows it.
debian_rust_candidate() {
    apt-cache policy rustc-web 2>/dev/null | sed -n 's/^ *Candidate: \([0-9.]*\).*/\1/p'
}

# install_rust_from_debian — the `-web` packages of bookworm-security.
install_rust_from_debian() {
    local candidate
    command -v apt-cache >/dev/null || return 1
    candidate=$(debian_rust_candidate)
    if [ -z "$candidate" ] && can_be_root; then
        as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
        candidate=$(debian_rust_candidate)
    fi
    if ! is_new_enough "$candidate"; then
        echo "Debian's rustc-web is ${candidate:-unknown to apt}; $wanted_rust or newer is needed" >&2
        return 1
    fi
    echo "taking Rust $candidate from Debian instead"
    install_packages rustc-web cargo-web rust-web-clippy rustfmt-web || return 1
    hash -r
    if ! is_new_enough "$(rust_version)"; then
        echo "an older rustc ($(command -v rustc)) comes first on the PATH; remove it: apt-get remove rustc cargo" >&2
        return 1
    fi
}

# install_toolchain — a C compiler and a Rust new enough for `rust-version`.
install_toolchain() {
    local have wanted_rust
    command -v cc >/dev/null || need build-essential
    command -v pkg-config >/dev/null || need pkg-config
    command -v curl >/dev/null || need curl ca-certificates
    install_missing || return 1

    # shellcheck disable=SC1091
    if ! command -v cargo >/dev/null && [ -r "${CARGO_HOME:-$HOME/.cargo}/env" ]; then . "${CARGO_HOME:-$HOME/.cargo}/env"; fi
    wanted_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    have=$(rust_version)
    if is_new_enough "$have" && command -v cargo >/dev/null; then return 0; fi
    echo "installing Rust: $wanted_rust or newer is needed, ${have:-none} is here"
    if install_rust_by_rustup || install_rust_from_debian; then return 0; fi
    echo "cannot install Rust $wanted_rust or newer. Install it by hand (https://rustup.rs), or make the download work:" >&2
    proxy_hint
    return 1
}

# say_first_build — how long the build that follows takes, when it is the first.
say_first_build() {
    [ -e "${CARGO_TARGET_DIR:-target}/debug/rehearsal" ] && return 0
    echo "building: the first build compiles everything and takes five to ten minutes on two cores, later ones seconds"
}

# has_postgresql — whether the server's programs are here. Debian's package puts
# them below /usr/lib/postgresql only, where the tests look too.
has_postgresql() {
    command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}

# install_postgresql — a PostgreSQL server, for tests.
install_postgresql() {
    has_postgresql || install_packages postgresql
}

# install_browser — Chromium and its driver for the browser tests, and axe-core
# below target/, where nothing is committed. Tests say "skipped" without them.
install_browser() {
    command -v chromium >/dev/null || need chromium
    command -v chromedriver >/dev/null || need chromium-driver
    [ -d /usr/share/fonts/truetype/liberation ] || need fonts-liberation
    install_missing
    [ ! -r target/npm/node_modules/axe-core/axe.min.js ] || return 0
    if ! command -v npm >/dev/null; then
        echo "axe-core is not to be had: no npm"
        return 0
    fi
    echo "installing from npm: axe-core"
    mkdir -p target/npm
    npm install --silent --no-audit --no-fund --no-save --prefix target/npm axe-core@4.14.1
}

# find_typos — prints the path of the spelling checker, which PyPI has.
find_typos() {
    local folder=${CARGO_TARGET_DIR:-target}/typos
    command -v typos && return 0
    if ! [ -x "$folder/bin/typos" ]; then
        { python3 -m venv "$folder" && "$folder/bin/pip" install -q typos==1.52.0; } >/dev/null 2>&1 || return 1
    fi
    echo "$folder/bin/typos"
}

# find_machete — prints the path of the checker for unused dependencies, which
# crates.io has.
find_machete() {
    local folder=${CARGO_TARGET_DIR:-target}/machete
    command -v cargo-machete && return 0
    if ! [ -x "$folder/bin/cargo-machete" ]; then
        cargo install --quiet --locked --root "$folder" cargo-machete@0.9.2 >/dev/null 2>&1 || return 1
    fi
    echo "$folder/bin/cargo-machete"
}
