# shellcheck shell=bash
# common.sh - what every script here needs: where the tree is, messages, packages, venvs.
# To be sourced by a script that has `set -euo pipefail`.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() {
    printf '%s\n' "$*"
}

warn() {
    printf 'warning: %s\n' "$*" >&2
}

# die CODE MESSAGE…
die() {
    local code=$1
    shift
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit "$code"
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die 1 "this needs root, and there is no sudo: $*"
    fi
}

installed() {
    dpkg-query -W -f '${db:Status-Abbrev}\n' "$1" 2>/dev/null | grep -q '^ii'
}

# need_packages PACKAGE…: installs those that are missing; calls no apt if none is.
need_packages() {
    local package
    local -a missing=()
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0

    command -v apt-get >/dev/null ||
        die 1 "missing, and there is no apt-get to install it: ${missing[*]}"
    say "installing ${missing[*]}"
    as_root apt-get -qq -o Acquire::Retries=3 update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
        -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
        install "${missing[@]}" >/dev/null
}

# What a virtual environment is made from: its place (scripts inside name it), the
# interpreter and the files of pins.
venv_origin() {
    {
        printf '%s\n' "$1"
        /usr/bin/python3 --version || true
        cat "${@:2}"
    } 2>/dev/null | sha256sum
}

# need_venv DIR REQUIREMENTS [CONSTRAINTS]: a virtual environment that holds exactly these.
# pip runs only when what it was made from has changed.
need_venv() {
    local dir=$1 requirements=$2
    if [[ -f $dir/.made-from && $(<"$dir/.made-from") == "$(venv_origin "$@")" ]]; then
        return
    fi
    need_packages python3 python3-venv ca-certificates
    say "making ${dir#"$ROOT"/} from ${requirements#"$ROOT"/} (minutes, once)"
    rm -rf "$dir"
    /usr/bin/python3 -m venv "$dir"
    "$dir/bin/python" -m pip install --quiet --requirement "$requirements" ${3:+--constraint "$3"}
    venv_origin "$@" >"$dir/.made-from"
}

# The folders of the product, each of which is one target of the build.
product_folders() {
    local file
    for file in */CMakeLists.txt; do
        ! grep -q 'add_folder(' "$file" || printf '%s\n' "${file%/*}"
    done
}

# product_sources PATTERN: its files of that name.
product_sources() {
    local -a folders
    mapfile -t folders < <(product_folders)
    find "${folders[@]}" -name "$1" | sort
}

# Tests and fuzzers too.
all_c_sources() {
    local -a folders
    mapfile -t folders < <(product_folders)
    find "${folders[@]}" tests fuzz bench -name '*.[ch]' -not -path '*/node_modules/*' | sort
}
