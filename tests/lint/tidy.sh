#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: tests/lint/tidy.sh RUN-CLANG-TIDY BUILD-DIRECTORY
# The checks that .clang-tidy names, on the program's own sources.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec "$1" -quiet -j "$(nproc)" -p "$2" "$PWD/src/.*\.cpp$"
