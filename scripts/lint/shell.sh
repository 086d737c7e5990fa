#!/usr/bin/env bash
# shell.sh - shellcheck over every script.
set -euo pipefail
cd "$(dirname "$0")/../.."

find scripts .ci tests bench -path '*/node_modules' -prune -o -type f \( -name '*.sh' -o -path .ci/run \) -print0 |
    xargs -0 shellcheck -x
