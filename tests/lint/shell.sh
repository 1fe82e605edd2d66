#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: tests/lint/shell.sh SHELLCHECK
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -d '' scripts < <(find .ci/run tests examples completions -type f \( -name '*.sh' -o -name '*.bash' -o -name run \) -print0)
exec "$1" "${scripts[@]}"
