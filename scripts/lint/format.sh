#!/usr/bin/env bash
# format.sh [FILE…] - C sources are as clang-format writes them; all of them by default.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/lib/common.sh

if (($#)); then
    clang-format --dry-run --Werror "$@"
else
    all_c_sources | xargs clang-format --dry-run --Werror
fi
