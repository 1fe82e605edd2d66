#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: tests/package.sh [packages | image]
# Builds what examples/packaging describes, and tries it where nothing else of this project is: the
# Debian packages in a root directory that debootstrap makes, the container image by buildah, without
# a registry. Takes ten minutes or more, needs root and a mirror of Debian; what the steps print is in
# build-tests/package. The last line is "N passed, N failed".
# shellcheck disable=SC2016  # what is quoted is for the shell inside
set -euo pipefail
cd "$(dirname "$0")/.."

out=$PWD/build-tests/package
version=$(sed -n "s/^  version: '\(.*\)',/\1/p" meson.build)
source_dir=$out/unwait-$version
root=$out/root
passed=0 failed=0
# What operating on processes of others takes, see CAPABILITIES in the manual.
capabilities=CAP_DAC_OVERRIDE,CAP_SYS_PTRACE,CAP_SYS_ADMIN,CAP_NET_ADMIN,CAP_BPF,CAP_PERFMON,CAP_KILL,CAP_SYS_NICE

tests/install-missing.sh debootstrap lintian dpkg-dev debhelper g++ meson pkg-config clang libboost-program-options-dev \
    bpftool libbpf-dev libmnl-dev nettle-dev libunwind-dev nlohmann-json3-dev buildah >&2

# check NAME COMMAND...: one thing that must be so.
check() {
    local name=$1
    shift
    if "$@" >"$out/last.log" 2>&1; then
        passed=$((passed + 1))
        echo "ok    $name"
    else
        failed=$((failed + 1))
        echo "FAIL  $name: $*"
        tail -n 40 "$out/last.log" | sed 's/^/      /'
    fi
}

# step NAME COMMAND...: what everything after it needs.
step() {
    local name=$1
    shift
    echo "==    $name"
    "$@" >"$out/$name.log" 2>&1 && return
    tail -n 40 "$out/$name.log"
    echo "$passed passed, $((failed + 1)) failed"
    exit 1
}

# In the root directory, with an environment that owes nothing to ours.
inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        chroot "$root" "$@"
}

undo=()
# shellcheck disable=SC2317  # the trap calls it
clean_up() {
    local each
    for each in "${undo[@]}"; do eval "$each" >/dev/null 2>&1 || true; done
}
trap clean_up EXIT

copy_source() {
    rm -rf "$source_dir"
    mkdir -p "$source_dir"
    tar -c --exclude='./build*' --exclude=./.git . | tar -x -C "$source_dir"
    cp -a examples/packaging/debian "$source_dir/debian"
}

build_packages() {
    rm -f "$out"/*.deb "$out"/*.changes "$out"/*.dsc
    (cd "$source_dir" && dpkg-buildpackage --unsigned-source --unsigned-changes)
}

make_root() {
    rm -rf "$root"
    debootstrap --variant=minbase bookworm "$root"
}

enter_root() {
    cp /etc/resolv.conf "$root/etc/"
    mount -t proc proc "$root/proc"
    undo+=("umount '$root/proc'")
}

# What the packages are tried with.
install_tools() {
    cp "$out"/unwait_"${version}"_*.deb "$out"/libunwait-dev_"${version}"_*.deb "$root/tmp/"
    inside apt-get install -y --no-install-recommends man-db bash-completion zsh fish logrotate systemd g++ pkg-config
}

# But for what apt has downloaded and man has formatted.
files_named_unwait() {
    inside find / -xdev \( -path /proc -o -path /tmp -o -path /var/lib/apt -o -path /var/cache \) -prune \
        -o -name '*unwait*' -print
}

install_packages() {
    inside sh -c 'apt-get install -y --no-install-recommends /tmp/*.deb'
}

# ask PORT: one line of conversation, then the client leaves.
ask() {
    local answer
    exec {client}<>"/dev/tcp/127.0.0.1/$1"
    echo "a line" >&"$client"
    read -r -t 30 answer <&"$client"
    exec {client}>&-
    echo "$answer"
}

prints() {
    local wanted=$1 output
    shift
    # Read to its end first: who writes to a grep that has found what it wants is ended by SIGPIPE.
    output=$("$@" | tee /dev/stderr) && grep -qE -- "$wanted" <<<"$output"
}

holds_no_stuck_socket() {
    local stuck
    stuck=$(awk -v port="$(printf ':%04X' "$port")" '$2 ~ port "$" && $4 == "08"' /proc/net/tcp)
    [[ -z $stuck ]]
}

# A service with one stuck socket; sets pid and port.
start_service() {
    coproc service { exec "$out/leaky-server"; }
    # shellcheck disable=SC2154  # coproc assigns it
    undo+=("kill $service_PID")
    read -r -t 30 _ pid _ port <&"${service[0]}"
    ask "$port" >/dev/null
}

stop_service() {
    local coproc=$service_PID  # forgotten as soon as it has ended
    kill "$pid"
    wait "$coproc" 2>/dev/null || true
}

try_on_a_service() {
    local pid port
    start_service
    check "a stuck socket is found, with its holder" prints "close-wait .*leaky-server\[$pid\]" inside unwait list --pid "$pid"
    check "the example of the library finds it too" prints "^port $port leaked .* $pid\$" inside /opt/stuck-sockets
    inside install -m 644 /dev/stdin /etc/unwait/policy.json <<<'{"policy_version": 1, "limits": {"cool_down": "1s"}}'
    check "it is cleared, under the policy of the site" \
        inside unwait clear --pid "$pid" --min-idle 0 --settle 0 --yes --audit /var/log/unwait/audit.jsonl
    check "it is gone" holds_no_stuck_socket
    check "the service lives" prints "^answer 2$" ask "$port"
    check "what was done is recorded" prints '"type": ?"outcome"' inside cat /var/log/unwait/audit.jsonl
    stop_service
    check "logrotate takes the example" inside logrotate --debug /etc/logrotate.d/unwait
}

compile_example() {
    inside sh -c 'cd /opt && g++ -std=c++20 -o stuck-sockets \
        /usr/share/doc/libunwait-dev/examples/stuck-sockets.cpp $(pkg-config --cflags --libs unwait)'
}

purge() {
    inside apt-get purge -y unwait libunwait-dev
}

nothing_is_left() {
    [[ -z $(files_named_unwait | tee /dev/stderr) ]]
}

try_packages() {
    step build build_packages
    check "lintian finds nothing" lintian --fail-on error,warning,info --profile debian "$out"/*.changes
    step tools install_tools
    check "nothing of it is there before" nothing_is_left
    check "apt installs the packages" install_packages
    check "the package has the version" prints "^$version\$" inside dpkg-query -W -f '${Version}\n' unwait
    check "the program has it" prints "^unwait $version\$" inside unwait --version
    check "pkg-config has it" prints "^$version\$" inside pkg-config --modversion unwait
    check "the manual is found, and has it" prints "^unwait $version " inside man unwait
    check "so is that of policies" prints "UNWAIT-POLICY\(5\)" inside man unwait-policy
    check "bash completes" prints 'complete .* unwait' inside bash -c '
        . /usr/share/bash-completion/bash_completion; _completion_loader unwait; complete -p unwait'
    check "zsh completes" prints '^_unwait$' inside zsh -fc 'autoload -U compinit; compinit -u -D; echo $_comps[unwait]'
    check "fish completes" prints '^--netns' inside fish -c "complete -C 'unwait list --net'"
    check "systemd takes the units" inside systemd-analyze verify --man=no unwait.service unwait.timer
    check "nothing begins by itself" prints '^disabled$' inside sh -c 'systemctl is-enabled unwait.timer || true'
    check "the example of a policy is valid" inside unwait policy check /usr/share/doc/unwait/examples/policy.json
    check "the example of the library compiles" compile_example
    try_on_a_service
    check "purge" purge
    check "nothing is left" nothing_is_left
}

image() {
    buildah --storage-driver vfs --root "$out/storage" --runroot "$out/storage-run" "$@"
}

# What a registry would have under that name.
make_base_image() {
    local base
    base=$(image from scratch)
    tar -c -C "$root" --exclude=./proc/* --exclude=./tmp/* . >"$out/base.tar"
    image add "$base" "$out/base.tar" /
    image commit --rm "$base" localhost/debian:bookworm
    rm "$out/base.tar"
}

build_image() {
    image bud --isolation chroot --network host --build-arg BASE=localhost/debian:bookworm \
        --tag unwait --file examples/packaging/Containerfile "$source_dir"
}

# in_image ARGUMENT...: as `podman run` would, as far as that goes without its network.
in_image() {
    image run --isolation chroot --cap-add "$capabilities" "$container" -- /unwait "$@"
}

try_image() {
    undo+=("image rm --all" "image rmi --all --force")
    step base make_base_image
    step image build_image
    container=$(image from localhost/unwait)
    local pid port
    start_service
    check "the image runs" prints "^unwait $version\$" in_image --version
    check "it finds a stuck socket of the host" prints "close-wait .*leaky-server\[$pid\]" in_image list --pid "$pid"
    check "it clears that" in_image clear --pid "$pid" --min-idle 0 --settle 0 --yes
    check "the socket is gone from the host" holds_no_stuck_socket
    stop_service
}

mkdir -p "$out"
step source copy_source
step service g++ -std=c++20 -O1 -o "$out/leaky-server" examples/leaky-server.cpp
step debootstrap make_root
step enter enter_root
if [[ ${1-packages} == packages ]]; then try_packages; fi
if [[ ${1-image} == image ]]; then try_image; fi
echo "$passed passed, $failed failed"
((failed == 0))
