#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: tests/long.sh [KILLS [REUSES [ROUNDS]]]
# The tests that draw their moments by chance, far more often than in every run: KILLS (5000) unwaits of each
# kind that are killed, stopped or frozen at any instant, or come between signals; REUSES (100000) attempts
# beside threads that take or swap the very number; and ROUNDS (100) with each real program under load. A 0
# leaves a part out. Takes about an hour; the last line is "N passed, N failed". As root, on an otherwise idle
# machine.
set -euo pipefail
cd "$(dirname "$0")/.."
kills=${1:-5000}
reuses=${2:-100000}
rounds=${3:-100}

tests/install-missing.sh --to-build --with-bpf --with-runtimes doctest-dev python3 >&2
out=build-long
{
    if [[ ! -e $out/build.ninja ]]; then meson setup "$out"; fi
    ninja -C "$out"
} >"$out.log" 2>&1 || { cat "$out.log" >&2; exit 1; }

# run TIMES MESON-TEST-ARGUMENT...: adds what it has counted, but for the cases that were not asked for.
passed=0 failed=0
run() {
    if (($1 == 0)); then return; fi
    UNWAIT_ROUNDS=$1 meson test -C "$out" --no-rebuild --num-processes 1 --timeout-multiplier 20 "${@:2}" || true
    local counted
    counted=$(python3 tests/tally.py "$out" | tee /dev/stderr | tail -n 1) || true
    read -r p _ f _ <<<"$counted"
    passed=$((passed + p)) failed=$((failed + f))
}
# meson takes what it is given apart at blanks.
run "$kills" kernel --test-args "'-tc=*killed*,frozen at any instant*,an unwait that is frozen*,a call that a signal \
ends*,a call that goes on after a handler*,a handler that leaves*,SIGTRAP*'"
run "$reuses" kernel --test-args "'-tc=only the intended fd, while another*,a socket that is connected again*'"
run "$rounds" --suite runtimes
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
