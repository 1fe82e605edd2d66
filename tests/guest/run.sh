#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: tests/guest/run.sh [ARCHITECTURE [SUITE [TEST-ARGUMENT...]]]
# Runs the kernel tests under another kernel than that of this machine: Debian's for an ARCHITECTURE (arm64,
# amd64) and a SUITE (bookworm; bullseye, trixie, ...), in qemu, with nothing but the tests, their victims
# and what they load. For arm64 they are built with Debian's cross compiler. Arguments go to the tests
# (doctest). The last line is "N passed, N failed"; the exit status is 0 only when nothing failed.
# UNWAIT_GUEST_PATIENCE: seconds until the machine is turned off (7200). Needs Debian, and root to install
# packages.
set -euo pipefail
architecture=${1:-arm64}
suite=${2:-bookworm}
shift $(($# < 2 ? $# : 2))
here=$(dirname "$(readlink -f "$0")")
cd "$here/../.."

out=$PWD/build-$architecture
setup=(--werror)
common=(meson ninja-build pkg-config cpio kmod xz-utils nlohmann-json3-dev doctest-dev bpftool clang)
libraries=(libmnl-dev nettle-dev libunwind-dev libbpf-dev libboost-program-options-dev)
case $architecture in
arm64)
    machine=(qemu-system-aarch64 -machine virt -cpu 'max,pauth-impdef=on')
    triplet=aarch64-linux-gnu
    console=ttyAMA0
    victims=(victim)
    setup+=(--cross-file "$here/arm64.ini")
    if ! dpkg --print-foreign-architectures | grep -qx arm64; then
        dpkg --add-architecture arm64
        apt-get update >&2
    fi
    tests/install-missing.sh "${common[@]}" g++-aarch64-linux-gnu qemu-system-arm "${libraries[@]/%/:arm64}" >&2
    ;;
amd64)
    machine=(qemu-system-x86_64 -machine q35 -cpu max)
    triplet=x86_64-linux-gnu
    console=ttyS0
    victims=(victim victim32)
    setup+=(-Dcpp_args=-DUNWAIT_SLOWNESS=20)
    tests/install-missing.sh "${common[@]}" g++ qemu-system-x86 "${libraries[@]}" >&2
    ;;
*)
    echo "no such architecture here: $architecture" >&2
    exit 64
    ;;
esac

if [[ ! -e $out/build.ninja ]]; then
    meson setup "$out" "${setup[@]}" >&2
fi
ninja -C "$out" tests/kernel/kernel "${victims[@]/#/tests/victims/}" >&2

# Packages that are unpacked, not installed: a kernel and a shell of another system.
packages=$out/$suite
unpacked=$packages/root
apt_here=(-o "Dir::Etc::SourceList=$packages/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$packages/lists" -o "APT::Architecture=$architecture"
    -o APT::Architectures="$architecture" -o APT::Sandbox::User=root -o Acquire::Languages=none)
fetch() {
    (cd "$packages" && apt-get -qq "${apt_here[@]}" download "$1" && dpkg-deb -x "$1"_*.deb root) >&2
}
if [[ ! -e $packages/done ]]; then
    rm -rf "$packages"
    mkdir -p "$packages/lists/partial" "$unpacked"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" \
        >"$packages/sources.list"
    apt-get -qq "${apt_here[@]}" update >&2
    kernel_package=$(apt-cache "${apt_here[@]}" depends "linux-image-$architecture" |
        sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
    fetch "$kernel_package"
    fetch busybox-static
    find "$unpacked" \( -path '*/kernel/net/*.ko.xz' -o -path '*/kernel/fs/fuse/*.ko.xz' \) -exec xz -d {} +
    touch "$packages/done"
fi
kernel=$(echo "$unpacked"/boot/vmlinuz-*)
version=${kernel##*/vmlinuz-}
modules=$(find "$unpacked" -type d -path "*/lib/modules/$version")

# The guest: what was built, every library it names, and the modules of the network and of FUSE,
# loaded on demand.
root=$packages/guest
rm -rf "$root"
mkdir -p "$root"/{bin,sbin,dev,lib,proc,run,sys,tmp,etc,root} "$root/lib/modules/$version"
cp "$(find "$unpacked" -path '*bin/busybox' -type f)" "$root/bin/"
for applet in sh sleep; do ln -s busybox "$root/bin/$applet"; done
ln -s ../bin/busybox "$root/sbin/modprobe"
(cd "$modules" && cp --parents -r modules.* kernel/net kernel/fs/fuse "$root/lib/modules/$version/")
depmod -b "$root" "$version"

place() {
    mkdir -p "$root$(dirname "$2")"
    "$triplet-strip" --strip-debug -o "$root$2" "$1"
    chmod +x "$root$2"
    # What it is begun by, and what it and its libraries need.
    local name path
    for name in $(readelf -ld "$1" | sed -n 's/.*program interpreter: \(.*\)]$/\1/p; s/.*(NEEDED).*\[\(.*\)]$/\1/p'); do
        path=$(readlink -f "/usr/lib/$triplet/${name##*/}" || true)
        [[ -e $path ]] || path=$(readlink -f "/lib/$triplet/${name##*/}")
        if [[ $name != */* ]]; then name=/lib/$name; fi
        if [[ ! -e $root$name ]]; then place "$path" "$name"; fi
    done
}
for victim in "${victims[@]}"; do place "$out/tests/victims/$victim" "$out/tests/victims/$victim"; done
place "$out/tests/kernel/kernel" /kernel-tests
grep -E '^(root|nobody):' /etc/passwd >"$root/etc/passwd"
cp /etc/services /etc/protocols "$root/etc/" 2>/dev/null || true
(($# == 0)) || printf '%s\n' "$@" >"$root/tests.args"
cp "$here/init.sh" "$root/init"
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$packages/guest.cpio.gz"

log=$packages/guest.log
timeout "${UNWAIT_GUEST_PATIENCE:-7200}" "${machine[@]}" -accel tcg,thread=multi -smp 2 -m 2048 -nic none -nographic \
    -no-reboot -kernel "$kernel" -initrd "$packages/guest.cpio.gz" \
    -append "console=$console quiet panic=-1 print-fatal-signals=1" </dev/null | tee "$log" || true
grep '^not on this\|MESSAGE: not ' "$log" | sort -u >&2 || true
awk '/^\[doctest\] test cases:/ { runs++; passed += $6; failed += $9 }
     END { if (runs < 2) failed++; print passed + 0 " passed, " failed + 0 " failed"; exit failed > 0 }' "$log"
grep -q '^guest: status 0' "$log"
