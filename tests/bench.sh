#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: tests/bench.sh [--rounds N] [--json FILE] [find|growth|one|many|threads|stack|memory]...
# Installs what is missing (Debian), builds optimised and compares unwait with gdb, ss, lsof and
# with what the kernel can do at best, in one run. Use an otherwise idle machine, as root.
set -euo pipefail
start=$PWD
cd "$(dirname "$0")/.."

tests/install-missing.sh --to-build --with-bpf doctest-dev gdb iproute2 lsof net-tools >&2

out=build-bench
log=$out-build.log
{
    if [[ ! -e $out/build.ninja ]]; then meson setup "$out" --buildtype=release; fi
    ninja -C "$out" src/unwait tests/victims/victim tests/bench/unwait-bench
} >"$log" 2>&1 || { cat "$log" >&2; exit 1; }

# A relative --json FILE is meant from where the caller stands.
bench=$PWD/$out/tests/bench/unwait-bench
cd "$start"
exec "$bench" "$@"
