# SPDX-License-Identifier: MIT
# Completion of unwait(8) for fish. Commands and options are asked of the program itself, so that
# they are those of the version that is installed.

function __unwait_words
    set -l words (commandline -opc)
    set -e words[1]
    # A command is one word, or two.
    if contains -- "$words[1]" policy
        echo $words[1..2]
    else
        echo $words[1]
    end
end

function __unwait_options
    set -l command (string split ' ' -- (__unwait_words))
    unwait help $command 2>/dev/null | string match -rg '^ +(?:-[a-zA-Z], )?(--[a-z-]+)'
end

function __unwait_is_first
    test (count (commandline -opc)) -eq 1
end

function __unwait_before -a option
    set -l words (commandline -opc)
    test "$words[-1]" = "$option"
end

function __unwait_list
    # What stands before the last comma is kept.
    set -l chosen (string match -r '^.*,' -- (commandline -ct))
    printf "$chosen%s\n" $argv
end

complete -c unwait -f
complete -c unwait -n __unwait_is_first -a "(unwait help | sed -n '/^Commands\$/,/^\$/p' | string match -rg '^  ([a-z]+)' | sort -u)"
complete -c unwait -n 'test (__unwait_words) = policy' -a 'check explain'
complete -c unwait -n 'not __unwait_is_first; and string match -q -- "-*" (commandline -ct)' -a '(__unwait_options)'
complete -c unwait -n '__unwait_before --state' -a '(__unwait_list established syn-sent syn-recv fin-wait-1 fin-wait-2 time-wait closed close-wait last-ack listening closing new-syn-recv all connected synchronized bucket big dead)'
complete -c unwait -n '__unwait_before --actions' -a '(__unwait_list auto shutdown close replace destroy term kill)'
complete -c unwait -n '__unwait_before --include' -a '(__unwait_list too-young still-sending in-backlog no-holder holder-unreadable in-use)'
complete -c unwait -n '__unwait_before --freeze' -a 'all one'
complete -c unwait -n '__unwait_before --by' -a 'process unit port peer'
complete -c unwait -n '__unwait_before --measure' -a 'sockets idle fds process'
complete -c unwait -n '__unwait_before --output; or __unwait_before -o' -a 'table json ndjson'
complete -c unwait -n '__unwait_before --color' -a 'auto always never'
complete -c unwait -n '__unwait_before --pid' -a '(__fish_complete_pids)'
complete -c unwait -n '__unwait_before --process' -a '(cat /proc/*/comm 2>/dev/null | sort -u)'
complete -c unwait -n '__unwait_before --user' -a '(__fish_complete_users)'
complete -c unwait -n '__unwait_before --unit' -a "(systemctl list-units --plain --no-legend 2>/dev/null | string match -r '^\S+')"
complete -c unwait -n '__unwait_before --policy; or __unwait_before --audit; or __unwait_before --prom; or __unwait_before apply; or __unwait_before check' -F
