#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tests/tally.py, on what programs that fail really print."""

import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import tally

DOCTEST = """[doctest] doctest version is "2.4.9"
===============================================================================
../tests/kernel/netlink_dump_test.cpp:5:
TEST CASE:  bad
  inner

../tests/kernel/netlink_dump_test.cpp:8: ERROR: CHECK( a == 2 ) is NOT correct!
  values: CHECK( 1 == 2 )
  logged: a := 1

===============================================================================
[doctest] test cases: 4 | 2 passed | 1 failed | 1 skipped
[doctest] assertions: 3 | 1 passed | 2 failed |
[doctest] Status: FAILURE!
"""

UNITTEST = """
import unittest
class Samples(unittest.TestCase):
    maxDiff = None
    def test_long(self): self.assertEqual("a\\n" * 300, "b\\n" * 300)
    def test_raises(self): raise OSError("no such luck")
    def test_fine(self): pass
    @unittest.skip("why not")
    def test_skipped(self): pass
unittest.main()
"""


class Tally(unittest.TestCase):
    def of(self, *tests):
        """Exit status and what is printed about a build in which these were run."""
        with tempfile.TemporaryDirectory() as directory:
            logs = pathlib.Path(directory) / "meson-logs"
            logs.mkdir()
            (logs / "testlog.json").write_text(
                "".join(json.dumps({"name": "t", "command": ["./t"]} | test) + "\n" for test in tests)
            )
            sys.argv[1:] = [directory]
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                status = tally.main()
            return status, printed.getvalue().splitlines()

    def test_all_passed(self):
        status, lines = self.of({"result": "OK", "stdout": "fine"}, {"result": "OK", "stdout": ""})
        self.assertEqual((status, lines), (0, ["2 passed, 0 failed, 0 skipped"]))

    def test_nothing_ran(self):
        self.assertEqual(self.of()[0], 1)

    def test_failed_doctest_case(self):
        status, lines = self.of({"result": "FAIL", "stdout": DOCTEST})
        self.assertEqual((status, lines[-1]), (1, "2 passed, 1 failed, 1 skipped"))
        self.assertIn("    TEST CASE:  bad", lines)
        self.assertIn("      values: CHECK( 1 == 2 )", lines)
        self.assertIn("  repeat with: ./t", lines)
        self.assertFalse([line for line in lines if "[doctest]" in line])

    def test_failed_unittest_cases(self):
        ran = subprocess.run([sys.executable, "-c", UNITTEST], capture_output=True, text=True)
        status, lines = self.of({"result": "FAIL", "stdout": ran.stdout, "stderr": ran.stderr})
        self.assertEqual((status, lines[-1]), (1, "1 passed, 2 failed, 1 skipped"))
        text = "\n".join(lines)
        self.assertIn("FAIL: test_long", text)
        self.assertIn("AssertionError: 'a", text)
        self.assertIn("ERROR: test_raises", text)
        self.assertIn("OSError: no such luck", text)
        self.assertLess(len(lines), 30)

    def test_sanitizer(self):
        text = "x\n" * 50 + "==7==ERROR: AddressSanitizer: heap-use-after-free\n" + "    #1 f\n" * 99
        status, lines = self.of({"result": "ERROR", "stderr": text})
        self.assertEqual(status, 1)
        self.assertIn("    ==7==ERROR: AddressSanitizer: heap-use-after-free", lines)
        self.assertLess(len(lines), 30)

    def test_timeout_shows_the_end(self):
        text = "\n".join(f"line {i} " + "x" * 200 for i in range(500))
        status, lines = self.of({"result": "TIMEOUT", "stdout": text})
        self.assertEqual(status, 1)
        self.assertIn("TIMEOUT", lines[0])
        self.assertTrue(any(line.startswith("    line 499 ") for line in lines))
        self.assertLess(len("\n".join(lines)), 2000)


if __name__ == "__main__":
    unittest.main()
