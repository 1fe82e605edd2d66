#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: tests/get-promtool.sh DIRECTORY
# Puts promtool there, out of Debian's package of prometheus; the package is not installed, since
# that would start its service.
set -euo pipefail

directory=$(realpath -m "$1")
if [[ -x $directory/promtool ]]; then exit 0; fi
mkdir -p "$directory"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
apt-get -qq download prometheus 2>download.log || {
    apt-get -qq update
    apt-get -qq download prometheus
}
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
mv usr/bin/promtool "$directory/"
