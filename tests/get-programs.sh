#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: tests/get-programs.sh DIRECTORY PACKAGE FILE...
# Puts programs there, out of a package of Debian that is not installed, since that would start a
# service. What is in the path already is not fetched.
set -euo pipefail

directory=$(realpath -m "$1")
package=$2
files=()
for file in "${@:3}"; do
    if [[ ! -x $directory/${file##*/} ]] && ! command -v "${file##*/}" >/dev/null; then files+=("$file"); fi
done
if ((${#files[@]} == 0)); then exit 0; fi
mkdir -p "$directory"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
apt-get -qq download "$package" 2>download.log || {
    apt-get -qq update
    apt-get -qq download "$package"
}
dpkg-deb --fsys-tarfile "$package"_*.deb | tar -x "${files[@]/#/.}"
mv "${files[@]/#/.}" "$directory/"
