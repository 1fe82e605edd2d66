#!/bin/bash
# SPDX-License-Identifier: MIT
# Within the guest of service.sh: three services leak, unwait.service may clear those of two.
set -uo pipefail

# check NAME COMMAND...: one thing that must be so.
check() {
    if "${@:2}"; then echo "ok    $1"; else echo "FAIL  $1"; fi
}
# The answer to a client of that port, who then leaves.
ask() {
    exec 3<>"/dev/tcp/127.0.0.1/$1" && echo hello >&3 && read -r -t 30 answer <&3
    exec 3>&-
    echo "$answer"
}
pid_of() { systemctl show --value --property MainPID "$1"; }
sockets_of() { find "/proc/$(pid_of "$1")/fd" -lname 'socket:*' | wc -l; }
# So many more than in the beginning.
holds() { [[ $(sockets_of "$1") == $((${at_first[$1]} + $2)) ]]; }
answers() { [[ $(ask "$1") == "answer $2" ]]; }
is_stuck() { [[ $(unwait list -o ndjson --unit "$1" 2>/dev/null | grep -c '"verdict":"stuck"') == "$2" ]]; }
# Younger ones are nobody's business.
wait_until_stuck() {
    for ((i = 0; i < 300; ++i)); do
        is_stuck "$1" "$2" && return
        sleep 1
    done
    return 1
}
has_succeeded() {
    systemctl start unwait.service
    [[ $(systemctl show --value --property Result unwait.service) == success ]]
}
logged() { [[ $(grep -c "$1" /var/log/unwait-service/audit.jsonl) == "$2" ]]; }

declare -A at_first
for service in api hardened other; do at_first[$service]=$(sockets_of "$service"); done
for _ in 1 2 3; do ask 8080 >/dev/null; done
for _ in 1 2; do
    ask 8081 >/dev/null
    ask 9090 >/dev/null
done
for service in api:3 hardened:2 other:2; do
    check "sockets are stuck in ${service%:*}" wait_until_stuck "${service%:*}" "${service#*:}"
done
check "the unit does its work" has_succeeded
check "fds of the service that the policy names are free" holds api 0
check "that service goes on where it was" answers 8080 4
check "connections of the one with a seccomp filter have ended" is_stuck hardened 0
check "which keeps its fds, as it may not be made to close them" holds hardened 2
check "the other service is left alone" is_stuck other 2
check "intents are on record" logged '"type":"intent"' 5
check "outcomes are on record" logged '"result":"cleared"' 5
check "nobody else may read them" test "$(stat -c %a /var/log/private/unwait-service)" = 700
check "one more is stuck" wait_until_stuck api 1
check "the unit runs again" has_succeeded
check "the cool-down is remembered" holds api 1
check "the timer waits" systemctl start unwait.timer
check "for the service" test "$(systemctl show --value --property NextElapseUSecMonotonic unwait.timer)" != infinity
journalctl --no-pager --unit unwait.service
echo "proof: end"
