# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
# Common start of every script. Source this file.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
ROOT=$PWD
DEBIAN=$ROOT/target/debian
# The Rust version that the project requires (Cargo.toml, rust-version).
RUST=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}

# say WORDS...: one plain line of progress, with the seconds since the script began.
say() {
    printf '[%3d s] %s\n' "$SECONDS" "$*"
}

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# quietly WHAT COMMAND...: runs COMMAND, and prints its output only if it fails. The subshell is outside of any condition, so
# that a failure inside ends it.
quietly() {
    local what=$1 log status
    shift
    say "$what"
    log=$(mktemp)
    set +e
    (
        set -e
        "$@"
    ) >"$log" 2>&1
    status=$?
    set -e
    ((status == 0)) || cat "$log" >&2
    rm -f "$log"
    ((status == 0)) || die "$what failed"
}

# new_enough CARGO: whether that cargo exists and is as new as the project needs.
new_enough() {
    local version
    version=$("$1" --version 2>/dev/null | cut -d ' ' -f 2) || return 1
    [[ $(printf '%s\n' "$RUST" "$version" | sort -V | head -n 1) == "$RUST" ]]
}

# The cargo for programs on this machine: the first in PATH that is new enough, else Debian's.
host_cargo() {
    if new_enough cargo; then cargo "$@"; else RUSTC=/usr/bin/rustc /usr/bin/cargo "$@"; fi
}

# has_target TARGET: whether rustup has it.
has_target() {
    command -v rustup >/dev/null && rustup target list --installed 2>/dev/null | grep -qx "$1"
}

has_musl_target() {
    has_target x86_64-unknown-linux-musl
}
