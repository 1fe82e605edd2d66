# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of unwait(8) for bash. Commands and options are asked of the program itself, so that
# they are those of the version that is installed.

_unwait_commands() { # the words at one place of a command: _unwait_commands PROGRAM [FIRST-WORD]
    "$1" help 2>/dev/null | sed -n '/^Commands$/,/^$/p' | grep -oE '^  [a-z]+( [a-z]+)?' |
        awk -v first="${2-}" 'first == "" {print $1} first != "" && $1 == first && NF > 1 {print $2}'
}

_unwait_options() { # _unwait_options PROGRAM COMMAND...
    "$1" help "${@:2}" 2>/dev/null | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'
}

_unwait_values() { # the values of an option; those of files, users and the like excepted
    case $1 in
        --state)
            echo established syn-sent syn-recv fin-wait-1 fin-wait-2 time-wait closed close-wait \
                last-ack listening closing new-syn-recv all connected synchronized bucket big dead ;;
        --actions) echo auto shutdown close replace destroy term kill ;;
        --include) echo too-young still-sending in-backlog no-holder holder-unreadable in-use ;;
        --freeze) echo all one ;;
        --by) echo process unit port peer ;;
        --measure) echo sockets idle fds process ;;
        -o | --output) echo table json ndjson ;;
        --color) echo auto always never ;;
        --pid) (cd /proc && echo [0-9]*) ;;
        --process) cat /proc/[0-9]*/comm 2>/dev/null | sort -u ;;
        --unit) systemctl list-units --plain --no-legend 2>/dev/null | awk '{print $1}' ;;
    esac
}

_unwait() {
    local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local command=("${COMP_WORDS[1]-}") first=2 chosen=
    COMPREPLY=()
    if [[ $current == --*=* ]]; then
        before=${current%%=*} current=${current#*=}
    elif [[ $current == = ]]; then
        current=
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD-2]}
    fi
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$(_unwait_commands "$program") --help --version" -- "$current")
        return
    fi
    if [[ -n $(_unwait_commands "$program" "${command[0]}") ]]; then
        if ((COMP_CWORD == 2)); then
            mapfile -t COMPREPLY < <(
                compgen -W "$(_unwait_commands "$program" "${command[0]}")" -- "$current")
            return
        fi
        command+=("${COMP_WORDS[2]}") first=3
    fi
    case $before in
        --policy | --audit | --prom) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --user) mapfile -t COMPREPLY < <(compgen -u -- "$current"); return ;;
        --cgroup) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
    esac
    local values
    values=$(_unwait_values "$before")
    if [[ -n $values ]]; then
        # A list: what stands before the last comma is kept.
        if [[ $current == *,* ]]; then chosen=${current%,*}, current=${current##*,}; fi
        mapfile -t COMPREPLY < <(compgen -P "$chosen" -W "$values" -- "$current")
    elif [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_unwait_options "$program" "${command[@]}")" -- "$current")
    elif ((COMP_CWORD == first)) && [[ ${command[*]} == apply || ${command[*]} == "policy check" ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

complete -F _unwait unwait
