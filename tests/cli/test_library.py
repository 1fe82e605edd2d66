# SPDX-License-Identifier: MIT
"""libunwait as it is installed: a program elsewhere is compiled with it, and works."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from support import DEADLINE, SOURCE, UNWAIT, Leaky, TestCase

BUILD = pathlib.Path(UNWAIT).parent.parent


def output(*command, **more):
    return subprocess.run(
        [str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True, **more
    ).stdout


class Library(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.root = pathlib.Path(cls.directory.name)
        output("meson", "install", "-C", BUILD, "--no-rebuild", "--tags", "devel", "--destdir", cls.root)

    def flags(self, *options):
        """Of an installation that is not at its place yet."""
        found = next(self.root.rglob("unwait.pc"))
        # Other packages are where they are, and what is prefixed of them is not found and not needed.
        env = os.environ | {"PKG_CONFIG_PATH": str(found.parent), "PKG_CONFIG_SYSROOT_DIR": str(self.root)}
        return output("pkg-config", *options, "unwait", env=env).split()

    def test_compiles_and_works(self):
        program = self.root / "stuck-sockets"
        output("g++", "-std=c++20", SOURCE / "examples/stuck-sockets.cpp",
               *self.flags("--cflags", "--libs"), "-o", program)
        with Leaky(count=2) as leak:
            told = output(program, timeout=DEADLINE)
            self.assertEqual(len(re.findall(rf"(?m)^port {leak.port} leaked too-young {leak.pid}$", told)), 2)

    def test_only_what_is_for_others_is_installed(self):
        installed = {path.name for path in self.root.rglob("*") if path.suffix in (".a", ".hpp", ".pc")}
        headers = {path.name for path in (SOURCE / "include/unwait").iterdir()}
        self.assertEqual(installed, headers | {"libunwait.a", "unwait.pc"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
