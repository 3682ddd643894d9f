# shellcheck shell=bash
# What building wants and a bare Debian 12 lacks. Sourced by the other scripts
# of this folder; says what it does before it does it.

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo -n "$@"
    else
        echo "expected to be root, or sudo, to install: $*" >&2
        return 1
    fi
}

# install_packages PACKAGE… — from the distribution, where there is apt.
install_packages() {
    [ $# -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "expected apt-get to install: $*; install them by hand" >&2
        return 1
    fi
    echo "installing from the distribution: $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# install_toolchain — a C compiler and a Rust new enough for `rust-version`.
install_toolchain() {
    local missing=() wanted have
    command -v cc >/dev/null || missing+=(build-essential)
    command -v cmake >/dev/null || missing+=(cmake)
    command -v pkg-config >/dev/null || missing+=(pkg-config)
    command -v curl >/dev/null || missing+=(curl ca-certificates)
    install_packages "${missing[@]}"

    # shellcheck disable=SC1091
    if ! command -v cargo >/dev/null && [ -r "$HOME/.cargo/env" ]; then . "$HOME/.cargo/env"; fi
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    have=$(rustc --version 2>/dev/null | cut -d' ' -f2 || true)
    if [ -z "$have" ] || [ "$(printf '%s\n' "$wanted" "$have" | sort -V | head -n1)" != "$wanted" ]; then
        echo "installing Rust by rustup: $wanted or newer is wanted, ${have:-none} is here"
        curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs |
            sh -s -- -y --no-modify-path --profile minimal --component clippy --component rustfmt
        # shellcheck disable=SC1091
        . "$HOME/.cargo/env"
    fi
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
    local missing=()
    command -v chromium >/dev/null || missing+=(chromium)
    command -v chromedriver >/dev/null || missing+=(chromium-driver)
    [ -d /usr/share/fonts/truetype/liberation ] || missing+=(fonts-liberation)
    install_packages "${missing[@]}"
    [ ! -r target/npm/node_modules/axe-core/axe.min.js ] || return 0
    if ! command -v npm >/dev/null; then
        echo "axe-core is not to be had: no npm"
        return 0
    fi
    echo "installing from npm: axe-core"
    mkdir -p target/npm
    npm install --silent --no-audit --no-fund --no-save --prefix target/npm axe-core@4.14.1
}
