# SPDX-License-Identifier: MIT
"""The binary as it was linked, and the commands that it was compiled by."""

import json
import pathlib
import re
import subprocess
import unittest

from support import UNWAIT, TestCase

BUILD = pathlib.Path(UNWAIT).parent.parent


def readelf(*options):
    return subprocess.run(
        ["readelf", "--wide", *options, UNWAIT], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


class Hardening(TestCase):
    def test_its_place_in_memory_is_random(self):
        self.assertRegex(readelf("--file-header"), r"Type: +DYN ")
        self.assertRegex(readelf("--dynamic"), r"\(FLAGS_1\) .*\bPIE\b")

    def test_what_the_loader_has_filled_in_is_read_only(self):
        self.assertRegex(readelf("--segments"), r"\bGNU_RELRO\b")
        self.assertRegex(readelf("--dynamic"), r"\(FLAGS_1\) .*\bNOW\b")

    def test_nothing_is_writable_and_code(self):
        """The code that processes are made to run is data here, its source an assembler's."""
        segments = readelf("--segments")
        self.assertRegex(segments, r"(?m)^ +GNU_STACK .* RW +0x")
        self.assertNotRegex(segments, r"(?m)^ +\w+ .* (RWE|[ R]WE) +0x")

    def test_libraries_come_from_where_the_system_has_them(self):
        self.assertNotRegex(readelf("--dynamic"), r"\((RPATH|RUNPATH)\)")

    def test_it_runs_no_program(self):
        """So that PATH and the files that it leads to are none of its concern."""
        wanted = set(re.findall(r" UND (\w+)", readelf("--dyn-syms")))
        self.assertIn("setns", wanted)
        for name in wanted:
            self.assertNotRegex(name, r"^(f?exec|popen$|system$|posix_spawn|wordexp|dlopen)")

    def test_overflows_are_noticed(self):
        wanted = readelf("--dyn-syms")
        self.assertIn(" __stack_chk_fail@", wanted)
        self.assertRegex(wanted, r" __\w+_chk@")

    def test_every_file_is_compiled_that_way(self):
        commands = json.loads((BUILD / "compile_commands.json").read_text())
        ours = [each for each in commands if re.search(r"\bsrc/.*\.cpp$", each["file"])]
        self.assertGreater(len(ours), 100)
        for each in ours:
            for option in ("-fstack-protector-strong", "-fstack-clash-protection",
                           "-fcf-protection|-mbranch-protection=standard", "-D_FORTIFY_SOURCE=[23]",
                           "-fPI[CE]"):
                self.assertRegex(each["command"], rf" ({option}) ", each["file"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
