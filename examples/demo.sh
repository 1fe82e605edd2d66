#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs what is missing (Debian), builds, starts a small service that leaks its sockets, and
# clears them: list, dry run, clear, proof. Exit status 0 only when each proof holds.
set -euo pipefail
cd "$(dirname "$0")/.."

clients=5
out=build-demo

heading() { printf '\n== %s\n' "$*"; }

die() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

run() {
    printf '$ %s\n' "$*"
    "$@"
}

# ask PORT: one line to the service, its answer on stdout, then the client leaves.
ask() {
    local answer
    exec {connection}<>"/dev/tcp/127.0.0.1/$1"
    echo hello >&"$connection"
    IFS= read -r -t 10 answer <&"$connection" || die "the service does not answer"
    exec {connection}>&-
    echo "$answer"
}

# Sockets in CLOSE-WAIT (state 08) of a local port, as the kernel itself lists them.
count_stuck() {
    awk -v port="$(printf ':%04X' "$1")" '$2 ~ port "$" && $4 == "08"' /proc/net/tcp | wc -l
}

count_sockets() {
    find "/proc/$1/fd" -lname 'socket:*' | wc -l
}

heading "1. Install what is missing, and build"
tests/install-missing.sh --to-build
if [[ ! -e $out/build.ninja ]]; then
    meson setup "$out" -Dtests=false --buildtype=release >"$out.log" 2>&1 ||
        { cat "$out.log" >&2; die "meson failed"; }
fi
ninja -C "$out" >"$out.log" 2>&1 || { cat "$out.log" >&2; die "the build failed"; }
rm -f "$out.log"
unwait=$out/src/unwait
run "$unwait" --version

heading "2. Start a service that never closes"
coproc service { exec "$out/examples/leaky-server"; }
# shellcheck disable=SC2154  # coproc assigns it
trap 'kill "$service_PID" 2>/dev/null || true' EXIT
read -r -t 10 _ pid _ port <&"${service[0]}" || die "the service did not start"
echo "leaky-server runs as pid $pid on port $port"
before=$(count_sockets "$pid")

heading "3. $clients clients come, are answered, and leave"
for ((i = 0; i < clients; ++i)); do ask "$port"; done
[[ $(count_stuck "$port") == "$clients" ]] || die "there are no $clients stuck sockets"
[[ $(count_sockets "$pid") == $((before + clients)) ]] || die "the service has not leaked"
echo "the service holds $clients sockets that it will never close"

heading "4. Who holds stuck sockets, and why"
run "$unwait" list --pid "$pid"

heading "5. What would be done to them (nothing is): they are young, so --min-idle 0s"
run "$unwait" clear --pid "$pid" --min-idle 0s --dry-run
[[ $(count_stuck "$port") == "$clients" ]] || die "a dry run changed something"

heading "6. Clear them"
run "$unwait" clear --pid "$pid" --min-idle 0s --yes

heading "7. Proof, from the kernel and from the service"
stuck=$(count_stuck "$port")
((stuck == 0)) || die "$stuck sockets are still in CLOSE-WAIT"
echo "gone: no socket of port $port is in CLOSE-WAIT"
sockets=$(count_sockets "$pid")
((sockets == before)) || die "the service still holds $((sockets - before)) of the fds"
echo "freed: the service holds $sockets socket, as it did before the first client"
answer=$(ask "$port")
[[ $answer == "answer $((clients + 1))" ]] || die "the service has lost its state: $answer"
echo "alive: the same pid $pid says '$answer', with its count kept"
