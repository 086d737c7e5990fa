#!/usr/bin/env bash
# Compares memproxy with nginx: CPU per request and per chunk, memory a stream,
# how soon a hang-up is passed on. Installs what is missing, builds, measures.
#   bench/run.sh [ROUNDS] [flags of "gwbench compare"]
# The mock and the load run on core 0, the proxies on core 1.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=scripts/lib/common.sh
. ../scripts/lib/common.sh

rounds=${1:-5}
shift || true
need_packages nginx-light
command -v go >/dev/null || need_packages golang-go
../scripts/build.sh release
go build -o gwbench .

export BENCH=$PWD MEMPROXY=$PWD/../build/release/bin/memproxy
# On a busy machine the scheduler shares by session first: raise this one.
{ echo -10 >/proc/self/autogroup; } 2>/dev/null || true
taskset -c 0 ./gwbench mock -listen 127.0.0.1:22000 &
mock=$!
trap 'kill "$mock"' EXIT
until (exec 3<>/dev/tcp/127.0.0.1/22000) 2>/dev/null; do sleep 0.1; done
rm -f results.jsonl
taskset -c 0 ./gwbench compare -out results.jsonl -rounds "$rounds" "$@"
