#!/bin/sh
# SPDX-License-Identifier: MIT
# The first process of the guest: prepares what tests need, runs them, ends the machine.
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mkdir -p /dev/pts /dev/shm /dev/mqueue /run/netns
/bin/busybox mount -t devpts devpts /dev/pts
/bin/busybox mount -t tmpfs tmpfs /dev/shm
/bin/busybox mount -t tmpfs tmpfs /tmp
/bin/busybox ip link set lo up
for module in inet_diag tcp_diag; do /bin/busybox insmod /modules/$module.ko; done
# shellcheck disable=SC2046  # words, not one
/kernel-tests --no-colors $(/bin/busybox cat /tests.args) 2>&1
echo "guest: status $?"
/bin/busybox poweroff -f
