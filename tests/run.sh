#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs what is missing (Debian), builds twice, plain and with AddressSanitizer and
# UndefinedBehaviorSanitizer, and runs every test on both. The last line is
# "N passed, N failed, N skipped"; the exit status is 0 only when nothing failed.
set -euo pipefail
cd "$(dirname "$0")/.."

tests/install-missing.sh g++ meson ninja-build pkg-config libmnl-dev libunwind-dev nlohmann-json3-dev \
    libboost-program-options-dev libbpf-dev clang doctest-dev python3 python3-jsonschema mandoc clang-format clang-tidy \
    shellcheck zsh fish iproute2 nodejs default-jdk-headless golang-go python3-uvloop nginx-light redis-server >&2

out=build-tests
if ! command -v promtool >/dev/null; then tests/get-promtool.sh "$out/bin" >&2; fi
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

# build NAME [MESON-OPTION...]
build() {
    local name=$1
    shift
    if [[ ! -e $out/$name/build.ninja ]]; then
        meson setup "$out/$name" --werror "$@" >"$out/$name-setup.log" 2>&1 ||
            { cat "$out/$name-setup.log" >&2; return 1; }
    fi
    ninja -C "$out/$name" >"$out/$name-build.log" 2>&1 ||
        { cat "$out/$name-build.log" >&2; return 1; }
}

# run NAME [MESON-TEST-OPTION...]: one test at a time, since some of them measure pauses.
run() {
    local name=$1
    shift
    echo "== $name build"
    rm -f "$out/$name/meson-logs/testlog.json"
    meson test -C "$out/$name" --no-rebuild --num-processes 1 "$@" || true
}

mkdir -p "$out"
build plain
# g++ 12 sees uninitialised members in its own <regex> when it is told to instrument it.
build sanitized -Db_sanitize=address,undefined -Doptimization=1 \
    '-Dcpp_args=-fno-sanitize-recover=all -Wno-maybe-uninitialized'
run plain
# The sources are the same: they are looked at once.
run sanitized --no-suite lint
exec python3 tests/tally.py "$out/plain" "$out/sanitized"
