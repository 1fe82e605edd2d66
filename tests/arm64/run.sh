#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds for arm64 with Debian's cross compiler and runs the kernel tests in an arm64 system: Debian's
# kernel under qemu, with nothing but the tests, their victims and the libraries they need. Arguments go
# to the tests (doctest). The last line is "N passed, N failed"; the exit status is 0 only when nothing
# failed. Needs Debian, and root to install packages.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cd "$here/../.."

if ! dpkg --print-foreign-architectures | grep -qx arm64; then
    dpkg --add-architecture arm64
    apt-get update >&2
fi
tests/install-missing.sh g++-aarch64-linux-gnu qemu-system-arm meson ninja-build pkg-config cpio \
    nlohmann-json3-dev doctest-dev libmnl-dev:arm64 libunwind-dev:arm64 libboost-program-options-dev:arm64 >&2

out=$PWD/build-arm64
patience=${UNWAIT_ARM64_PATIENCE:-1800}
if [[ ! -e $out/build.ninja ]]; then
    meson setup "$out" --werror --cross-file "$here/cross.ini" >&2
fi
ninja -C "$out" tests/kernel/kernel tests/victims/victim >&2

# Unpacked, not installed: a kernel and a shell of another architecture.
packages=$out/packages
fetch() {
    [[ -e $packages/$1.done ]] && return
    mkdir -p "$packages/root"
    (cd "$packages" && apt-get download "$1:arm64" && dpkg-deb -x "$1"_*_arm64.deb root) >&2
    touch "$packages/$1.done"
}
mkdir -p "$packages"
kernel_package=$(apt-cache depends linux-image-arm64:arm64 |
    sed -n 's/^ *Depends: \(linux-image-[^:]*\):arm64$/\1/p')
fetch "$kernel_package"
fetch busybox-static

root=$out/guest
rm -rf "$root"
mkdir -p "$root"/{bin,dev,lib,modules,proc,run,sys,tmp,etc} "$root$out/tests/victims"
version=${kernel_package#linux-image-}
cp "$packages/root/bin/busybox" "$root/bin/"
ln -s busybox "$root/bin/sh"
cp "$packages/root/lib/modules/$version/kernel/net/ipv4/"{inet_diag,tcp_diag}.ko "$root/modules/"
cp "$out/tests/kernel/kernel" "$root/kernel-tests"
cp "$out/tests/victims/victim" "$root$out/tests/victims/"
for library in ld-linux-aarch64.so.1 libc.so.6 libm.so.6 libgcc_s.so.1 libstdc++.so.6 libmnl.so.0; do
    cp -L "/lib/aarch64-linux-gnu/$library" "$root/lib/" 2>/dev/null ||
        cp -L "/usr/lib/aarch64-linux-gnu/$library" "$root/lib/"
done
echo 'root:x:0:0::/:/bin/sh' >"$root/etc/passwd"
echo "$@" >"$root/tests.args"
cp "$here/init.sh" "$root/init"
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$out/guest.cpio.gz"

log=$out/guest.log
timeout "$patience" qemu-system-aarch64 -machine virt -cpu max,pauth-impdef=on -accel tcg,thread=multi \
    -smp 2 -m 1024 -nic none -nographic -no-reboot -kernel "$packages/root/boot/vmlinuz-$version" \
    -initrd "$out/guest.cpio.gz" -append 'console=ttyAMA0 quiet panic=-1 print-fatal-signals=1' </dev/null | tee "$log"
sed -n 's/.*test cases: *[0-9]* | *\([0-9]* passed\) | *\([0-9]* failed\).*/\1, \2/p' "$log" | tail -n 1 |
    grep . || { echo '0 passed, 1 failed'; exit 1; }
grep -q '^guest: status 0' "$log"
