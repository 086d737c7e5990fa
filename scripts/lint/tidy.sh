#!/usr/bin/env bash
# tidy.sh BUILD - clang-tidy over the product's sources, by a build's compile commands.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/lib/common.sh

product_sources '*.c' | xargs -P "$(nproc)" -n 4 clang-tidy --quiet --warnings-as-errors='*' -p "$1" 2>&1 |
    { grep -vE '^[0-9]+ warnings? (generated|treated as)' || true; }
