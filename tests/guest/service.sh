#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: tests/guest/service.sh
# Boots Debian 12 with its own systemd and kernel in qemu, where the installed unwait.service has to do what
# its policy allows, as nobody and in its sandbox: see service-proof.sh. Takes about ten minutes at first, then
# three. Needs Debian, root and a mirror. The last line is "N passed, N failed"; the exit status is 0 only when
# nothing failed.
# UNWAIT_GUEST_PATIENCE: seconds until the machine is turned off (1800).
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cd "$here/../.."
tests/install-missing.sh --to-build --with-bpf debootstrap cpio qemu-system-x86 >&2

out=$PWD/build-service
root=$out/root
if [[ ! -e $out/build.ninja ]]; then
    meson setup "$out" --prefix=/usr --sysconfdir=/etc --buildtype=release -Dtests=false >&2
fi
ninja -C "$out" >&2
if [[ ! -e $out/root.done ]]; then
    rm -rf "$root"
    packages=(linux-image-cloud-amd64 systemd-sysv libboost-program-options1.74.0 libmnl0 libnettle8 libunwind8)
    debootstrap --variant=minbase --include="$(IFS=,; echo "${packages[*]}")" bookworm "$root" >&2
    touch "$out/root.done"
fi

meson install -C "$out" --no-rebuild --destdir "$root" >&2
install -D "$out/examples/leaky-server" "$root/usr/local/bin/leaky-server"
install "$here/service-proof.sh" "$root/usr/local/sbin/proof"
mkdir -p "$root/etc/unwait"
cat >"$root/etc/unwait/policy.json" <<'POLICY'
{
  "policy_version": 1,
  "limits": {"cool_down": "1h"},
  "rules": [
    {"match": {"unit": ["api", "hardened"]}, "actions": ["shutdown", "close"]}
  ],
  "default": "deny"
}
POLICY
units=$root/etc/systemd/system
leaky() {
    printf '[Service]\nExecStart=/usr/local/bin/leaky-server %s\n%s\n' "$2" "$3" >"$units/$1.service"
}
leaky api 8080 User=daemon
leaky hardened 8081 DynamicUser=yes # which brings a seccomp filter with it
leaky other 9090 User=daemon
cat >"$units/proof.service" <<'UNIT'
[Unit]
Wants=api.service hardened.service other.service
After=api.service hardened.service other.service multi-user.target
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/proof
ExecStopPost=systemctl poweroff --force --force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
UNIT
cat >"$units/proof.target" <<'UNIT'
[Unit]
Requires=multi-user.target proof.service
UNIT

kernel=$(echo "$root"/boot/vmlinuz-*)
(cd "$root" && find . -path ./boot -prune -o -path ./var/cache/apt -prune -o -path ./var/lib/apt -prune -o \
    -path ./usr/share/doc -prune -o -print | cpio --quiet -o -H newc | gzip -1) >"$out/guest.cpio.gz"

log=$out/guest.log
timeout "${UNWAIT_GUEST_PATIENCE:-1800}" qemu-system-x86_64 -machine q35 -cpu max -accel tcg,thread=multi -smp 2 \
    -m 3072 -nic none -nographic -no-reboot -kernel "$kernel" -initrd "$out/guest.cpio.gz" -append \
    "console=ttyS0 quiet panic=-1 rdinit=/lib/systemd/systemd systemd.unit=proof.target" </dev/null | tee "$log" >&2 ||
    true
tr -d '\r' <"$log" | awk '/^ok / { passed++ } /^FAIL / { failed++ } /^proof: end/ { ended = 1 }
     END { if (!ended) failed++; print passed + 0 " passed, " failed + 0 " failed"; exit failed > 0 }'
