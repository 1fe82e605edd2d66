# SPDX-License-Identifier: MIT
"""The static build where it is meant for: in a root directory without a single library."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from support import DEADLINE, SOURCE, Leaky, TestCase, environment

BUILD = pathlib.Path(os.environ["UNWAIT_STATIC_BUILD"])


def build():
    """Builds it, or what has changed of it; shows what was printed only when that fails."""
    steps = [["ninja", "-C", BUILD, "src/unwait"]]
    if not (BUILD / "build.ninja").exists():
        options = ["-Dstatic=true", "-Dtests=false", "--buildtype=release", "--werror"]
        steps.insert(0, ["meson", "setup", BUILD, SOURCE, *options])
    for step in steps:
        done = subprocess.run(step, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{step}:\n{done.stdout}")
    return BUILD / "src/unwait"


class Static(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.binary = build()

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)
        (self.root / "proc").mkdir()
        shutil.copy(self.binary, self.root)

    def run_ok(self, *arguments, status=0):
        """In a mount namespace of its own. Where / is no mount point, as in a chroot, what is
        mounted there may be seen outside all the same: so it is taken away again."""
        script = """mount --make-rprivate / 2>/dev/null
            mount --bind /proc "$0/proc" || exit
            chroot "$0" /unwait "$@"
            status=$?
            umount --lazy "$0/proc"
            exit $status"""
        unshare = ["unshare", "--mount", "--propagation", "unchanged"]
        result = subprocess.run(
            [*unshare, "sh", "-c", script, self.root, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            timeout=DEADLINE,
        )
        self.assertEqual(result.returncode, status, result)
        return result

    def test_needs_no_library(self):
        self.assertEqual(os.listdir(self.root / "proc"), [])
        self.assertRegex(self.run_ok("--version").stdout, rb"\Aunwait \d+\.\d+\.\d+\n\Z")

    def test_hardened(self):
        segments = subprocess.run(
            ["readelf", "-Wl", self.binary], check=True, stdout=subprocess.PIPE, text=True
        ).stdout
        self.assertNotIn("INTERP", segments)
        self.assertIn("GNU_RELRO", segments)
        self.assertRegex(segments, r"(?m)^ +GNU_STACK .* RW +0x")
        self.assertNotRegex(segments, r"(?m)^ +\w+ .* RWE +0x")

    def test_names_of_users(self):
        with Leaky() as leak:
            user = lambda: self.report("list", "--pid", leak.pid)["findings"][0]["holders"][0]["user"]
            self.assertEqual(user(), str(os.getuid()))
            (self.root / "etc").mkdir()
            (self.root / "etc/passwd").write_text(
                f"broken\nother:x:4711:0::/:\nsomebody:x:{os.getuid()}:0::/:/bin/sh\n"
            )
            self.assertEqual(user(), "somebody")
            found = self.report("list", "--pid", leak.pid, "--user", "somebody")["findings"]
            self.assertEqual(len(found), 1)

    def test_clear(self):
        for actions in ("auto", "close", "replace", "shutdown,close", "destroy"):
            with self.subTest(actions=actions), Leaky(count=2) as leak:
                ladder = () if actions == "auto" else ("--actions", actions)
                report = self.report(
                    "clear", "--pid", leak.pid, "--min-idle", "0s", "--yes", "--settle", "0s", *ladder
                )
                results = [outcome["result"] for outcome in report["outcomes"]]
                self.assertEqual(results, ["cleared", "cleared"])
                freed = actions in ("close", "shutdown,close")
                self.assertEqual([o["frees_fd"] for o in report["outcomes"]], [freed, freed])
                self.assertEqual(leak.open_fds(), leak.fds if actions == "destroy" else [])


if __name__ == "__main__":
    unittest.main()
