#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: runbook.sh [-y] [-d DIRECTORY] SELECTORS...     for example: runbook.sh --unit api --min-idle 5m
#
# A runbook for sockets that are stuck: preview, save the plan, have it approved, carry it out, report.
# It trusts exit statuses and JSON and nothing else that unwait prints. The plan and the result stay in
# DIRECTORY (a new one below /tmp); -y approves beforehand. Exit status: that of unwait, see unwait(8).
# Needs jq.
set -eu

unwait=${UNWAIT:-unwait}
approved=no
directory=

say() { printf 'runbook: %s\n' "$*" >&2; }

finish() { # finish STATUS TEXT
    say "$2"
    exit "$1"
}

while true; do # its own options come first, all others are for unwait
    case ${1-} in
        -y) approved=yes ;;
        -d) directory=${2-} && shift ;;
        *) break ;;
    esac
    shift
done
command -v jq >/dev/null || finish 1 "jq is missing"

umask 077 # apply takes no plan that others could have written
if [ -n "$directory" ]; then mkdir -p "$directory"; else directory=$(mktemp -d); fi
plan=$directory/plan.json
result=$directory/result.json

# What is said about each socket. Names come from processes: as JSON they cannot command a terminal.
# shellcheck disable=SC2016 # $l is jq's
where='.socket.local as $l | "\($l.address) port \($l.port)"'
who='[.holders[]? | "\(.command | tojson)[\(.pid)]"] | if . == [] then "nobody" else join(", ") end'

# 1. Preview. 2 says that there is something to do.
status=0
"$unwait" clear "$@" --dry-run --detailed-exitcode --timeout 1m --output json >"$plan" || status=$?
case $status in
    0)
        jq -r ".plan.left_alone[] | \"left alone: \" + ($who) + \" at \" + ($where) + \", \" + .reason +
            (if .override then \" (\(.override) includes it)\" else \"\" end)" "$plan"
        finish 0 "nothing to do, $(jq '.summary.left_alone' "$plan") left alone"
        ;;
    2) ;;
    4) finish 4 "refused: $(jq -r '.plan.refusal // "see above"' "$plan" 2>/dev/null || echo 'see above')" ;;
    124) finish 124 "no answer within a minute: nothing was done" ;;
    *) finish "$status" "could not look (status $status): nothing was done" ;;
esac

# 2. What will be done, from the plan itself.
jq -r ".plan.steps[] | \"step \(.id): \" + (.actions | join(\", \")) + \" for \" + ($who) +
    \" at \" + ($where)" "$plan"
say "$(jq '.summary.planned' "$plan") to clear, $(jq '.summary.left_alone' "$plan") left alone; the plan is $plan"

# 3. Approval: -y, or somebody at the terminal.
if [ "$approved" = no ]; then
    if [ ! -t 0 ]; then
        finish 5 "not approved: nothing was done. Within the hour: $unwait apply $plan"
    fi
    printf 'Carry it out? [y/N] ' >&2
    read -r answer || answer=
    [ "$answer" = y ] || finish 5 "not approved: nothing was done"
fi

# 4. Carry it out. Each step is checked again; what has changed since is refused.
status=0
"$unwait" apply "$plan" --yes --quiet --timeout 5m --output json >"$result" || status=$?

# 5. Report.
if [ -s "$result" ]; then
    jq -r '.outcomes[]? | "step \(.id): \(.result), \(.state_before) > \(.state_after)" +
        (if (.detail // "") == "" then "" else ": \(.detail | tojson)" end)' "$result"
fi
done_and_all() { jq -r '"\(.summary.cleared) of \(.summary.planned)"' "$result"; }
case $status in
    0) finish 0 "$(done_and_all) cleared, and verified" ;;
    3) finish 3 "only $(done_and_all) cleared: the others need a look (unwait explain)" ;;
    4) finish 4 "refused: nothing was done; what has changed is told above, make a new plan" ;;
    124) finish 124 "the time was up: what was begun was finished" ;;
    130) finish 130 "interrupted: what was stopped has been let go" ;;
    *) finish "$status" "could not carry it out (status $status)" ;;
esac
