#!/bin/sh
# SPDX-License-Identifier: MIT
# The first process of the guest: prepares what tests need, runs them, ends the machine.
export PATH=/bin:/sbin
busybox=/bin/busybox
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sysfs /sys
$busybox mount -t devtmpfs devtmpfs /dev
$busybox mkdir -p /dev/pts /dev/shm /dev/mqueue /run/netns
$busybox mount -t devpts devpts /dev/pts
$busybox mount -t tmpfs tmpfs /dev/shm
$busybox mount -t cgroup2 cgroup2 /sys/fs/cgroup
# A freezer of cgroup v1 beside it.
$busybox mkdir /sys/fs/cgroup/freezer
$busybox mount -t cgroup -o freezer freezer /sys/fs/cgroup/freezer
$busybox ip link set lo up
# shellcheck disable=SC3045  # busybox has it
ulimit -Hn 20000
echo "guest: $($busybox uname -srm)"
set --
if [ -e /tests.args ]; then
    while read -r argument; do set -- "$@" "$argument"; done </tests.args
fi
status=0
/kernel-tests --no-colors --duration=true "$@" 2>&1 || status=1
# Last, what leaves the machine different from how it was.
/kernel-tests --no-colors --duration=true --no-skip --test-suite=until-reboot "$@" 2>&1 || status=1
echo "guest: status $status"
$busybox poweroff -f
