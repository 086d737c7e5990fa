#!/usr/bin/env bash
# test.sh - installs what is missing, builds, and runs suites of tests.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/common.sh
. scripts/lib/packages.sh
. scripts/lib/fresh.sh

DEFAULT_SUITES=(unit integration lint)
ALL_SUITES=(unit integration lint soak fuzz fresh)
LATER_SUITES=" browser cluster package ollama "
TEST_VENV=$ROOT/.venv-test
REPORTS=$ROOT/build/reports
FUZZ_SECONDS=${FUZZ_SECONDS:-60} # for each fuzzer

PASSED=0
FAILED=0

usage() {
    cat <<EOF
usage: scripts/test.sh [SUITE…]
  unit         the programs of tests/unit and the fuzz corpora, under sanitizers
  integration  memproxy under sanitizers with LiteLLM, the SDKs and fakes around it
  lint         layers, headers, globals, formatting, clang-tidy, shellcheck, complexity
  soak         a store that is away for OUTAGE_SECONDS (60) under load
  fuzz         each fuzzer for FUZZ_SECONDS (60)
  fresh        the README's commands in a minimal Debian 12 (needs root)
  all          all of these
Default: ${DEFAULT_SUITES[*]}. The last line says how many passed and failed.
EOF
}

# --- counting ------------------------------------------------------------------------

# check NAME COMMAND…: one test of its own; its output is shown if it fails.
check() {
    local name=$1 output began=$SECONDS
    shift
    if output=$("$@" 2>&1); then
        PASSED=$((PASSED + 1))
        say "ok   $name ($((SECONDS - began)) s)"
    else
        FAILED=$((FAILED + 1))
        say "FAIL $name"
        say "$output"
    fi
}

# count_report NAME FILE: a run without a report is one failure.
count_report() {
    local passed failed skipped
    if [[ ! -s $2 ]]; then
        say "FAIL $1 ended before it wrote a report"
        FAILED=$((FAILED + 1))
        return
    fi
    read -r passed failed skipped < <(/usr/bin/python3 scripts/lib/counts.py "$2")
    say "$1: $passed passed, $failed failed, $skipped skipped"
    PASSED=$((PASSED + passed))
    FAILED=$((FAILED + failed))
}

# --- what suites need -----------------------------------------------------------------

need_node() {
    local dir=tests/integration/node wanted
    command -v node >/dev/null || need_packages nodejs
    command -v npm >/dev/null || need_packages npm
    wanted=$(cat "$dir/package.json" "$dir/package-lock.json" | sha256sum)
    if [[ -f $dir/node_modules/.made-from && $(<"$dir/node_modules/.made-from") == "$wanted" ]]; then
        return
    fi
    say "installing $dir/node_modules"
    npm ci --silent --prefix "$dir"
    printf '%s\n' "$wanted" >"$dir/node_modules/.made-from"
}

need_test_venv() {
    need_venv "$TEST_VENV" "$ROOT/tests/requirements.txt"
}

# A build that fails is a failure of its suite, and the next one goes on.
built() {
    scripts/build.sh "$1" && return 0
    say "FAIL the $1 build"
    FAILED=$((FAILED + 1))
    return 1
}

# --- suites ---------------------------------------------------------------------------

suite_unit() {
    built asan || return 0
    rm -f "$REPORTS/unit.xml"
    ctest --preset asan --parallel "$(nproc)" --output-junit "$REPORTS/unit.xml" || true
    count_report unit "$REPORTS/unit.xml"
}

suite_integration() {
    need_packages curl ca-certificates python3
    need_venv "$ROOT/.venv" "$ROOT/scripts/litellm-requirements.txt" "$ROOT/scripts/litellm-constraints.txt"
    need_test_venv
    need_node
    built asan || return 0
    rm -f "$REPORTS/integration.xml"
    "$TEST_VENV/bin/python" -m pytest -q -p no:cacheprovider --junitxml="$REPORTS/integration.xml" \
        -c tests/integration/pytest.ini tests/integration || true
    count_report integration "$REPORTS/integration.xml"
}

suite_soak() {
    need_packages curl ca-certificates python3 "${TEST_BUILD_PACKAGES[@]}"
    need_test_venv
    built asan || return 0
    rm -f "$REPORTS/soak.xml"
    OUTAGE_SECONDS=${OUTAGE_SECONDS:-60} "$TEST_VENV/bin/python" -m pytest -q -p no:cacheprovider \
        --junitxml="$REPORTS/soak.xml" -c tests/integration/pytest.ini tests/integration/test_store_outage.py || true
    count_report soak "$REPORTS/soak.xml"
}

suite_lint() {
    local build=build/lint
    local -a sources
    need_packages "${BUILD_PACKAGES[@]}" "${LINT_PACKAGES[@]}"
    need_test_venv
    mapfile -t sources < <(product_sources '*.[ch]')

    check "lint: layers" python3 scripts/lint/layers.py
    check "lint: formatting" scripts/lint/format.sh
    check "lint: shell scripts" scripts/lint/shell.sh
    check "lint: headers compile alone" scripts/lint/headers.sh
    "$TEST_VENV/bin/python" scripts/lint/complexity.py "${sources[@]}"
    # clang as a second compiler; without optimisation, so that no symbol is gone.
    check "lint: clang builds it without a warning" build_for_lint "$build"
    check "lint: no mutable globals" python3 scripts/lint/globals.py "$build"
    check "lint: clang-tidy" scripts/lint/tidy.sh "$build"
}

build_for_lint() {
    cmake -S . -B "$1" -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug \
        -DBUILD_TESTING=OFF -DWARNINGS_AS_ERRORS=ON
    cmake --build "$1"
}

suite_fuzz() {
    local program name
    built fuzz || return 0
    for program in build/fuzz/bin/fuzz_*; do
        name=${program##*/fuzz_}
        # New inputs go to the first folder; the corpus in the tree stays as it is.
        mkdir -p "build/fuzz/corpus/$name" "build/fuzz/findings"
        check "fuzz: $name" "$program" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048 \
            -artifact_prefix="build/fuzz/findings/$name-" \
            "build/fuzz/corpus/$name" "fuzz/corpus/$name"
    done
}

suite_fresh() {
    ((EUID == 0)) || die 1 "fresh needs root"
    need_packages debootstrap
    fresh_run
}

# --- choosing -------------------------------------------------------------------------

suites=()
for suite in "$@"; do
    case $suite in
        unit | integration | lint | soak | fuzz | fresh) suites+=("$suite") ;;
        all) suites+=("${ALL_SUITES[@]}") ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            [[ $LATER_SUITES != *" $suite "* ]] || die 2 "the suite $suite comes with a later issue"
            usage >&2
            exit 2
            ;;
    esac
done
((${#suites[@]})) || suites=("${DEFAULT_SUITES[@]}")

mkdir -p "$REPORTS"
for suite in "${suites[@]}"; do
    say "== $suite"
    "suite_$suite"
done
printf '%d passed, %d failed\n' "$PASSED" "$FAILED"
((FAILED == 0))
