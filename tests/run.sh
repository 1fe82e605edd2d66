#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs what is missing (Debian), builds twice, plain and with AddressSanitizer and
# UndefinedBehaviorSanitizer, and runs every test on both. The last line is
# "N passed, N failed, N skipped"; the exit status is 0 only when nothing failed.
set -euo pipefail
cd "$(dirname "$0")/.."

tests/install-missing.sh --to-build --with-bpf --with-runtimes doctest-dev python3 python3-jsonschema mandoc \
    clang-format clang-tidy shellcheck zsh fish iproute2 systemd ansible-core openssh-client libwrap0 jq >&2

out=build-tests
# As root the path may lack sbin.
export PATH=$PATH:/usr/sbin:/sbin
{
    tests/get-programs.sh "$out/bin" prometheus /usr/bin/promtool
    tests/get-programs.sh "$out/bin" openssh-server /usr/sbin/sshd
    tests/get-programs.sh "$out/bin" nagios4-core /usr/sbin/nagios4
    tests/get-programs.sh "$out/bin" nagios-nrpe-server /usr/sbin/nrpe
    tests/get-programs.sh "$out/bin" nagios-nrpe-plugin /usr/lib/nagios/plugins/check_nrpe
} >&2
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
# The sources are the same, and so are the examples, which are about others' programs.
run sanitized --no-suite lint --no-suite automation
exec python3 tests/tally.py "$out/plain" "$out/sanitized"
