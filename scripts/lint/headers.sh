#!/usr/bin/env bash
# headers.sh - every header compiles alone, with gcc and with clang.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/lib/common.sh

flags=(-std=c11 -D_GNU_SOURCE -I. -Wall -Wextra -fsyntax-only -x c)
read -ra libraries < <(pkg-config --cflags libevent libcurl libpcre2-8 yaml-0.1 jansson sqlite3 libpq hiredis libcrypto)

try() {
    printf '#include "%s"\n#include "%s"\n' "$2" "$2" | "$1" "${flags[@]}" "${libraries[@]}" - ||
        { printf '%s: does not compile alone with %s\n' "$2" "$1" && return 1; }
}

failed=0
while read -r header; do
    for compiler in gcc clang; do
        try "$compiler" "$header" || failed=1
    done
done < <(product_sources '*.h')
exit "$failed"
