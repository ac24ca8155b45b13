# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
# Debian packages as plain directories: fetched and verified by apt, installed nowhere, no root needed. Source this file.

# debian_unpack DIR PACKAGE...: unpacks the packages into DIR.
debian_unpack() {
    debian_directory "$1" apt-get download "${@:2}"
}

# debian_closure DIR PACKAGE...: the same, with all dependencies.
debian_closure() {
    debian_directory "$1" apt-get install --yes --download-only --no-install-recommends "${@:2}"
}

# debian_suite DIR SUITE PACKAGE: unpacks the package of another Debian suite into DIR.
debian_suite() {
    debian_elsewhere deb "$2 main" debian_directory "$1" elsewhere_apt download "$3"
}

# debian_blobs DIR PACKAGE...: unpacks the packages of Debian's component non-free-firmware into DIR.
debian_blobs() {
    debian_elsewhere deb "bookworm non-free-firmware" debian_directory "$1" elsewhere_apt download "${@:2}"
}

# debian_source DIR SUITE PACKAGE: unpacks the package's source, with Debian's patches, into DIR.
debian_source() {
    debian_elsewhere deb-src "$2 main" debian_source_directory "$1" "$3"
}

# debian_kernel FLAVOUR: prints the name of the current kernel package, e.g. linux-image-6.1.0-56-amd64 for amd64.
debian_kernel() {
    local package
    package=$(apt-cache depends "linux-image-$1" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p')
    [[ -n $package ]] || { debian_unknown "linux-image-$1"; return 1; }
    echo "$package"
}

# debian_elsewhere TYPE "SUITE COMPONENT" COMMAND...: runs COMMAND, in which elsewhere_apt is an apt with only these packages (deb)
# or sources (deb-src), from this machine's mirror. The machine's own sources and package lists stay as they are.
debian_elsewhere() {
    local apt mirror
    apt=$(mktemp -d) && mkdir -p "$apt/lists/partial" "$apt/parts" || return 1
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
    echo "$1 [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} $2" \
        >"$apt/sources.list"
    local elsewhere=(-o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts="$apt/parts"
        -o Dir::State::lists="$apt/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root)
    local status=0
    { elsewhere_apt update && "${@:3}"; } || status=$?
    rm -rf "$apt"
    return $status
}

# Only for commands of debian_elsewhere.
elsewhere_apt() {
    apt-get "${elsewhere[@]}" "$@"
}

debian_source_directory() (
    directory=$(realpath --canonicalize-missing "$1")
    mkdir -p "$(dirname "$directory")" && work=$(mktemp -d "$directory.XXXXXX") || exit 1
    trap 'rm -rf "$work"' EXIT
    cd "$work" && elsewhere_apt source "$2" || exit 1
    rm -rf "$directory" && mv "$work"/*/ "$directory"
)

# Fills DIR with the packages that COMMAND would download, unless DIR/.packages lists exactly these. A subshell, so that it has
# its own trap and directory.
debian_directory() (
    directory=$(realpath --canonicalize-missing "$1")
    shift
    mkdir -p "$(dirname "$directory")" && work=$(mktemp -d "$directory.XXXXXX") || exit 1
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/archives/partial" "$work/root" && cd "$work/archives" || exit 1
    # As if nothing were installed, and with separate caches, so that the system's stay as they are.
    options=(-q -o Dir::State::status=/dev/null -o Dir::Cache::archives="$work/archives" -o Dir::Cache::pkgcache=
        -o Dir::Cache::srcpkgcache= -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Acquire::Retries=3)

    if ! "$@" "${options[@]}" --print-uris >"$work/answer" 2>"$work/errors"; then
        cat "$work/errors" >&2
        debian_unknown "${*: -1}"
        exit 1
    fi
    grep "^'" "$work/answer" | cut -d ' ' -f 2- | sort >"$work/root/.packages"
    cmp -s "$work/root/.packages" "$directory/.packages" && exit 0

    "$@" "${options[@]}" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    for archive in *.deb; do
        dpkg-deb --extract "$archive" "$work/root" || exit 1
    done
    rm -rf "$directory" && mv "$work/root" "$directory"
)

# Prints why apt may not know PACKAGE.
debian_unknown() {
    if [[ -z $(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -print -quit) ]]; then
        echo "apt's package lists are empty: run 'apt-get update' as root, then try again" >&2
    else
        echo "apt cannot resolve $1: check its sources, and run 'apt-get update' as root if its lists are old" >&2
    fi
}
