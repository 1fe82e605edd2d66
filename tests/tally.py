#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: tests/tally.py BUILD-DIRECTORY...

Counts the test cases of the last `meson test` in each build directory, says how to repeat those
programs that failed, and prints "N passed, N failed, N skipped". Exit status 1 when any failed."""

import json
import pathlib
import re
import shlex
import sys
from collections import Counter

DOCTEST = re.compile(
    r"^\[doctest\] test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped",
    re.MULTILINE,
)
UNITTEST = re.compile(r"^Ran (\d+) tests? in .*?\n\n(?:OK|FAILED)(?: \((.*)\))?$", re.MULTILINE)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def doctest_cases(text: str) -> Counter | None:
    found = DOCTEST.findall(text)
    if not found:
        return None
    count = Counter()
    for passed, failed, skipped in found:
        count += Counter(passed=int(passed), failed=int(failed), skipped=int(skipped))
    return count


def unittest_cases(text: str) -> Counter | None:
    found = UNITTEST.search(text)
    if not found:
        return None
    ran = int(found[1])
    words = dict(pair.split("=") for pair in (found[2] or "").split(", ") if pair)
    failed = sum(int(words.get(kind, 0)) for kind in ("failures", "errors", "unexpected successes"))
    skipped = int(words.get("skipped", 0))
    return Counter(passed=ran - failed - skipped, failed=failed, skipped=skipped)


def cases(test: dict) -> Counter:
    """What one test program ran; a program that does not count its cases is one."""
    text = COLOUR.sub("", test.get("stdout", "") + "\n" + test.get("stderr", ""))
    count = doctest_cases(text) or unittest_cases(text)
    if test["result"] == "SKIP":
        return count or Counter(skipped=1)
    if test["result"] != "OK":
        # A crash, a timeout or a sanitizer's complaint after the summary is a failure too.
        return count if count and count["failed"] else Counter(count or {}) + Counter(failed=1)
    return count or Counter(passed=1)


def repeat_command(test: dict) -> str:
    own = {key: value for key, value in test.get("env", {}).items() if key.startswith("UNWAIT")}
    words = [f"{key}={value}" for key, value in own.items()] + test["command"]
    return " ".join(shlex.quote(word) for word in words)


def tally(build: pathlib.Path) -> Counter:
    log = build / "meson-logs" / "testlog.json"
    total = Counter()
    if not log.exists():
        print(f"FAILED {build}: no test ran", file=sys.stderr)
        return Counter(failed=1)
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        test = json.loads(line)
        count = cases(test)
        total += count
        if count["failed"]:
            name = re.sub(r"[^\w.-]+", "-", test["name"])
            evidence = build / "meson-logs" / f"{name}.failed"
            evidence.write_text(test.get("stdout", "") + test.get("stderr", ""), encoding="utf-8")
            print(f"FAILED {build.name}: {test['name']}\n  output: {evidence}\n"
                  f"  repeat with: {repeat_command(test)}")
        if count["skipped"]:
            print(f"SKIPPED {build.name}: {count['skipped']} of {test['name']}")
    return total


def main() -> int:
    total = Counter()
    for build in sys.argv[1:]:
        total += tally(pathlib.Path(build))
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
