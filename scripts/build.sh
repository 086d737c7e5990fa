#!/usr/bin/env bash
# build.sh - installs what building needs, configures a preset and builds it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/common.sh
. scripts/lib/packages.sh

usage() {
    cat <<EOF
usage: scripts/build.sh [release|asan|tsan|fuzz|coverage]
Builds into build/<preset>/; the programs are in build/<preset>/bin/. Default: release.
With CI=true in the environment warnings are errors.
EOF
}

case ${1:-release} in
    release | asan | tsan | fuzz | coverage) preset=${1:-release} ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        usage >&2
        exit 2
        ;;
esac

packages=("${BUILD_PACKAGES[@]}")
case $preset in
    asan | tsan | coverage) packages+=("${TEST_BUILD_PACKAGES[@]}") ;;
    fuzz) packages+=("${FUZZ_PACKAGES[@]}") ;;
esac
need_packages "${packages[@]}"

warnings_as_errors=OFF
[[ ${CI:-} == true ]] && warnings_as_errors=ON
cmake --preset "$preset" -DWARNINGS_AS_ERRORS="$warnings_as_errors" --log-level=WARNING >/dev/null
cmake --build --preset "$preset"
