#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: tests/install-missing.sh PACKAGE|--to-build|--with-bpf|--with-runtimes...
# Installs those of the Debian packages that are not there yet; asks apt for nothing else. --to-build stands
# for those that unwait is built with, --with-bpf for those that its search by BPF takes in addition, and
# --with-runtimes for the real programs that are its targets.
set -euo pipefail

packages=()
for word in "$@"; do
    case $word in
    --to-build)
        packages+=(g++ meson ninja-build pkg-config libmnl-dev nettle-dev libunwind-dev nlohmann-json3-dev
            libboost-program-options-dev)
        ;;
    --with-bpf) packages+=(libbpf-dev bpftool clang) ;;
    --with-runtimes)
        packages+=(nodejs default-jdk-headless golang-go python3-uvloop nginx-light redis-server)
        ;;
    *) packages+=("$word") ;;
    esac
done

here=$(dpkg --print-architecture)
missing=()
for package in "${packages[@]}"; do
    # Of other architectures there may be more, but only those are meant that are named.
    wanted=$here
    if [[ $package == *:* ]]; then wanted=${package##*:}; fi
    dpkg-query -W -f '${Architecture} ${db:Status-Status}\n' "$package" 2>/dev/null |
        grep -qxE "($wanted|all) installed" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then exit 0; fi

if ((EUID != 0)); then
    echo "these packages are missing, install them as root: apt-get install ${missing[*]}" >&2
    exit 1
fi
echo "installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends "${missing[@]}" >&2
