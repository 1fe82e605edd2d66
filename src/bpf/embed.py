#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: embed.py FILE HEADER: writes a C++ header with the bytes of a file."""
import pathlib
import sys

source, header = map(pathlib.Path, sys.argv[1:])
numbers = [str(byte) for byte in source.read_bytes()]
lines = [",".join(numbers[at:at + 24]) for at in range(0, len(numbers), 24)]
header.write_text(
    "#pragma once\n#include <array>\n#include <cstdint>\n"
    f"inline constexpr std::array<std::uint8_t, {len(numbers)}> {header.stem}{{\n"
    + ",\n".join(lines) + "};\n")
