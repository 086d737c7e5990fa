# shellcheck shell=bash
# packages.sh - the Debian packages that building and testing need.
# shellcheck disable=SC2034 # used by those who source this

BUILD_PACKAGES=(
    cmake ninja-build pkg-config gcc libc6-dev
    libevent-dev libcurl4-openssl-dev libpcre2-dev libyaml-dev libjansson-dev
    libhiredis-dev libsqlite3-dev libpq-dev libstemmer-dev libxxhash-dev libssl-dev
)

# Debug builds carry the unit tests with them.
TEST_BUILD_PACKAGES=(libcmocka-dev python3 postgresql pgbouncer redis-server)

# libFuzzer is in the compiler's run-time library, which clang only recommends.
FUZZ_PACKAGES=(clang libclang-rt-dev)

LINT_PACKAGES=(clang clang-tidy clang-format shellcheck binutils)
