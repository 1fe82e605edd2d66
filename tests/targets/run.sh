#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: tests/targets/run.sh [stress-ng|python]... [-- NAME...]
# Runs other projects' tests of themselves while sockets that they do not know of are cleared under
# them (siege.cpp): stress-ng's stressors and the tests of CPython (default: both), or those of them
# that are named. Under siege a test must end as it ends alone: one that fails is run alone, and, if
# it passes there, once more under siege. The last line is "N passed, N failed"; the exit status is 0
# only when nothing failed. Needs Debian, and root. Takes about half an hour.
set -euo pipefail
cd "$(dirname "$0")/../.."

sets=()
while (($# > 0)) && [[ $1 != -- ]]; do
    sets+=("$1")
    shift
done
names=("${@:2}")
if ((${#sets[@]} == 0)); then sets=(stress-ng python); fi

tests/install-missing.sh python3
testsuite=$(/usr/bin/python3 -c 'import sys; print("libpython{}.{}-testsuite".format(*sys.version_info))')
tests/install-missing.sh --to-build --with-bpf doctest-dev stress-ng "$testsuite"

out=$PWD/build-targets
if [[ ! -e $out/build.ninja ]]; then meson setup "$out" --buildtype=debugoptimized >&2; fi
ninja -C "$out" tests/targets/siege >&2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir -p "$out/logs"

# What harms the machine, fills its memory, or needs hardware is not among them.
stressors=(affinity aio aiol alarm clone close context cpu dup epoll eventfd exit-group fault fifo
    flock fork funccall futex get getrandom hrtimers inotify itimer kcmp kill landlock lease lockf longjmp
    madvise membarrier memfd mincore mmap mprotect mq mremap msg msync munmap mutex nanosleep open pidfd
    pipe pipeherd pkey poll prctl pthread ptrace schedpolicy seccomp sem sem-sysv sendfile shm
    sigabrt sigchld sigfd sigfpe sigio signal signest sigpending sigpipe sigq sigrt sigsegv sigsuspend
    sigtrap sleep sock sockfd sockpair splice switch syscall tee timer timerfd udp userfaultfd usersyscall
    vdso vecmath vfork vm-rw vm-splice wait yield)
# Timeouts of epoll_wait(2) begin anew after each stop, and a write(2) that has begun ends with it
# (unwait(8), NOTES): the tests that measure the one, against a child's two seconds too, or interrupt
# the other are left out.
modules=(asyncio concurrent_futures ctypes eintr epoll faulthandler fcntl file_eintr fork1 io mmap
    multiprocessing_fork multiprocessing_forkserver openpty os poll popen posix pty queue resource select
    selectors signal socketserver subprocess thread threading threadsignals time tty wait3 wait4)
left_out=(-i 'test_timeout' -i 'test_kill_issue43884' -i 'test_interrupted_write_unbuffered')

command_of() {
    case $1 in
    stress-ng) command=(stress-ng --verify "--$2" 2 -t 4 --vm-bytes 32M --temp-path .) ;;
    python) command=(/usr/bin/python3 -m test -u network "${left_out[@]}" "test_$2") ;;
    esac
}

run() {
    (cd "$place" && timeout 600 "$@" </dev/null >>"$log" 2>&1)
}

passed=0
failed=0
for set in "${sets[@]}"; do
    case $set in
    stress-ng) all=("${stressors[@]}") ;;
    python) all=("${modules[@]}") ;;
    *)
        echo "no such set: $set" >&2
        exit 64
        ;;
    esac
    if ((${#names[@]} > 0)); then all=("${names[@]}"); fi
    for name in "${all[@]}"; do
        command_of "$set" "$name"
        log=$out/logs/$set-$name.log
        : >"$log"
        siege=("$out/tests/targets/siege" "${command[@]}")
        if run "${siege[@]}"; then
            verdict=passed
        elif ! run "${command[@]}"; then
            verdict="fails alone, too"
        elif run "${siege[@]}"; then
            verdict="passed at the second attempt"
        else
            verdict="FAILED, see $log"
        fi
        if [[ $verdict == FAILED* ]]; then failed=$((failed + 1)); else passed=$((passed + 1)); fi
        echo "$set $name: $verdict; $(grep '^siege:' "$log" | tail -1)"
    done
done
echo "$passed passed, $failed failed"
((failed == 0))
