#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: tests/lint/format.sh CLANG-FORMAT
# Every C++ source is as clang-format leaves it and begins with its licence.
set -euo pipefail
cd "$(dirname "$0")/../.."

mapfile -d '' sources < <(find src include tests examples -name '*.[ch]pp' -print0)
"$1" --dry-run -Werror "${sources[@]}"
if grep -L '^// SPDX-License-Identifier: MIT$' "${sources[@]}" | grep .; then
    echo "have no licence line" >&2
    exit 1
fi
