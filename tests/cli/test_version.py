# SPDX-License-Identifier: MIT
"""The version has one place, meson.build; whatever else names one names the same."""

import pathlib
import re
import subprocess
import unittest

from support import SCHEMA, SOURCE, UNWAIT, TestCase

BUILD = pathlib.Path(UNWAIT).parent.parent


class Version(TestCase):
    def setUp(self):
        meson = (SOURCE / "meson.build").read_text()
        self.version = re.search(r"(?m)^  version: '([^']+)'", meson)[1]

    def found_in(self, path, pattern):
        return re.search(pattern, (SOURCE / path).read_text())[1]

    def test_program(self):
        self.assertEqual(self.run_ok("--version").stdout.decode(), f"unwait {self.version}\n")
        self.assertEqual(self.report("list", "--port", 0)["tool_version"], self.version)

    def test_documents(self):
        self.assertEqual(self.found_in("CHANGELOG.md", r"(?m)^## \[([0-9][^]]*)\]"), self.version)
        for page in ("unwait.8", "unwait-policy.5"):
            head = rf'(?m)^\.TH {page[:-2].upper()} {page[-1]} [-0-9]+ "unwait ([^"]+)" '
            head = head.replace("-POLICY", r"\\?-POLICY")
            self.assertEqual(self.found_in(f"man/{page}", head), self.version)

    def test_packages(self):
        changelog = "examples/packaging/debian/changelog"
        self.assertEqual(self.found_in(changelog, r"\Aunwait \(([^)]+)\)"), self.version)
        told = (BUILD / "meson-private/unwait.pc").read_text()
        self.assertEqual(re.search(r"(?m)^Version: (.*)$", told)[1], self.version)


if __name__ == "__main__":
    unittest.main(verbosity=2)
