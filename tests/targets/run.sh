#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: tests/targets/run.sh [stress-ng|python|go|kernel]... [-- NAME...]
# Runs other projects' tests of themselves while sockets that they do not know of are cleared under
# them (siege.cpp): stress-ng's stressors, the tests of CPython and of Go's packages, and those that
# the kernel has for its own calls (default: all), or those of them that are named. Under siege a
# test must end as it ends alone: one that fails is run alone, and, if it passes there, once more
# under siege. The last line is "N passed, N failed"; the exit status is 0 only when nothing failed.
# Needs Debian on x86-64, and root. Takes about three quarters of an hour.
set -euo pipefail
cd "$(dirname "$0")/../.."

sets=()
while (($# > 0)) && [[ $1 != -- ]]; do
    sets+=("$1")
    shift
done
names=("${@:2}")
if ((${#sets[@]} == 0)); then sets=(stress-ng python go kernel); fi

tests/install-missing.sh --to-build --with-bpf doctest-dev
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

packages=(internal/poll net os os/exec os/signal runtime sync syscall)

# A waiter that is held is in no queue: the tests that wake one without a change of the futex are left
# out, and so is seccomp's, one of whose supervisors counts how often it is asked.
selftests=(clone3/clone3{,_clear_sighand,_set_tid} core/close_range_test
    exec/{non-regular,null-argv,recursion-depth} filesystems/epoll/epoll_wakeup_test
    futex/functional/futex_requeue_pi{,_signal_restart}
    futex/functional/futex_wait_{private_mapped_file,timeout,uninitialized_heap,wouldblock}
    kcmp/kcmp_test membarrier/membarrier_test_{multi,single}_thread mincore/mincore_selftest
    openat2/openat2_test pidfd/pidfd_{fdinfo_test,getfd_test,open_test,poll_test,test,wait}
    ptrace/{get_syscall_info,peeksiginfo} rseq/{basic_percpu_ops_test,basic_test,param_test}
    sigaltstack/sas syscall_user_dispatch/sud_test timens/{clock_nanosleep,exec,futex,timer,timerfd}
    timers/{nanosleep,nsleep-lat,posix_timers,threadtest}
    x86/{amx,check_initial_reg_state,corrupt_xstate_header,fsgsbase,fsgsbase_restore,ldt_gdt}_64
    x86/{mov_ss_trap,ptrace_syscall,sigaltstack,sigreturn,sigtrap_loop,single_step_syscall}_64
    x86/{syscall_arg_fault,syscall_nt,syscall_numbering,sysret_rip,sysret_ss_attrs}_64
    x86/test_{mremap_vdso,vsyscall}_64)

programs=$out/programs
linux=$programs/linux/tools/testing/selftests

# Installs what a set consists of, and names it.
install() {
    case $1 in
    stress-ng)
        tests/install-missing.sh stress-ng
        all=("${stressors[@]}")
        ;;
    python)
        tests/install-missing.sh python3
        tests/install-missing.sh "$(
            /usr/bin/python3 -c 'import sys; print("libpython{}.{}-testsuite".format(*sys.version_info))'
        )"
        all=("${modules[@]}")
        ;;
    go)
        tests/install-missing.sh golang-go
        goroot=$(go env GOROOT)
        all=("${packages[@]}")
        ;;
    kernel)
        tests/install-missing.sh linux-source make xz-utils
        local archives=(/usr/src/linux-source-*.tar.xz)
        if [[ ! -d $linux ]]; then
            mkdir -p "$programs/linux"
            tar -C "$programs/linux" --strip-components=1 --wildcards -xf "${archives[-1]}" \
                '*/tools' '*/scripts' '*/arch/x86/include'
        fi
        all=("${selftests[@]}")
        ;;
    *)
        echo "no such set: $1" >&2
        exit 64
        ;;
    esac
}

build() {
    case $1 in
    go) go test -c -o "$programs/go/${2//\//-}" "$2" ;;
    kernel)
        # What others in the same place lack may keep those from being built.
        if [[ ! -x $linux/$2 ]]; then make -k -C "$(dirname "$linux/$2")" || true; fi
        [[ -x $linux/$2 ]]
        ;;
    esac
}

# shellcheck disable=SC2016  # they are expanded there
once_in='cd "$0" && exec "$@"'
# shellcheck disable=SC2016
repeatedly_in='cd "$0" && until ((SECONDS >= 4)); do "$@" || exit; done' # many take a millisecond

command_of() {
    case $1 in
    stress-ng) command=(stress-ng --verify "--$2" 2 -t 4 --vm-bytes 32M --temp-path .) ;;
    python) command=(/usr/bin/python3 -m test -u network "${left_out[@]}" "test_$2") ;;
    go) command=(bash -c "$once_in" "$goroot/src/$2" "$programs/go/${2//\//-}" -test.short) ;;
    kernel) command=(bash -c "$repeatedly_in" "$linux/$(dirname "$2")" "./$(basename "$2")") ;;
    esac
}

run() {
    (cd "$place" && timeout 600 "$@" </dev/null >>"$log" 2>&1)
}

passed=0
failed=0
for set in "${sets[@]}"; do
    install "$set"
    if ((${#names[@]} > 0)); then all=("${names[@]}"); fi
    for name in "${all[@]}"; do
        log=$out/logs/$set-${name//\//-}.log
        if ! build "$set" "$name" >"$log" 2>&1; then
            echo "$set $name: cannot be built, see $log" >&2
            exit 1
        fi
        command_of "$set" "$name"
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
