#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: tests/tally.py BUILD-DIRECTORY...

Counts the test cases of the last `meson test` in each build directory, shows of those programs that
failed why and how to repeat them, and prints "N passed, N failed, N skipped". Exit status 1 when any
failed."""

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
# What stands between the cases, of doctest and of unittest.
RULE = re.compile(r"^(?:={60,}|-{60,}\n(?=Ran \d))\n", re.MULTILINE)
CASE = re.compile(r"^(?:\S+:\d+: (?:FATAL )?ERROR: |(?:FAIL|ERROR): )", re.MULTILINE)
# The line that says what was wrong: doctest's, Python's, a sanitizer's.
REASON = re.compile(
    r"\S+:\d+: (?:FATAL )?ERROR: |[\w.]+(?:Error|Exception|Expired)\b|==\d+==ERROR: |.*: runtime error: "
)
MAX_LINES = 20
MAX_CHARACTERS = 1500


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


def output(test: dict) -> str:
    return COLOUR.sub("", test.get("stdout", "") + "\n" + test.get("stderr", ""))


def cases(test: dict) -> Counter:
    """What one test program ran; a program that does not count its cases is one."""
    text = output(test)
    count = doctest_cases(text) or unittest_cases(text)
    if test["result"] == "SKIP":
        return count or Counter(skipped=1)
    if test["result"] != "OK":
        # A crash, a timeout or a sanitizer's complaint after the summary is a failure too.
        return count if count and count["failed"] else Counter(count or {}) + Counter(failed=1)
    return count or Counter(passed=1)


def shorten(lines: list[str], room: int) -> list[str]:
    """The first line, which names the case, and what stands around the reason."""
    if len(lines) <= room:
        return lines
    reasons = [i for i, line in enumerate(lines) if REASON.match(line)]
    if not reasons:
        return ["…"] + lines[1 - room:]
    begin = min(max(1, reasons[0] - 2), len(lines) - room + 2)
    if begin == 1:
        return lines[:room]
    return lines[:1] + ["…"] + lines[begin : begin + room - 2]


def essence(text: str) -> list[str]:
    """Why a program failed: its failed cases, or else a complaint or its last lines."""
    cases = [block for block in RULE.split(text) if CASE.search(block)]
    blocks = [
        [line.rstrip()[:160] for line in block.splitlines() if line.strip(" ^-")]
        for block in cases[:3] or [text]
    ]
    lines = [line for block in blocks for line in shorten(block, MAX_LINES // len(blocks))]
    while sum(map(len, lines)) > MAX_CHARACTERS:
        del lines[2 * len(lines) // 3]
    if len(cases) > len(blocks):
        lines.append(f"[and {len(cases) - len(blocks)} more]")
    return lines


def repeat_command(test: dict) -> str:
    own = {key: value for key, value in test.get("env", {}).items() if key.startswith("UNWAIT")}
    words = [f"{key}={value}" for key, value in own.items()] + test["command"]
    return " ".join(shlex.quote(word) for word in words)


def tally(build: pathlib.Path, failures: list[str]) -> Counter:
    """Counts, prints what was skipped, and adds a paragraph for every program that failed."""
    log = build / "meson-logs" / "testlog.json"
    total = Counter()
    if not log.exists():
        failures.append(f"FAILED {build}: no test ran")
        return Counter(failed=1)
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        test = json.loads(line)
        count = cases(test)
        total += count
        if count["failed"]:
            name = re.sub(r"[^\w.-]+", "-", test["name"])
            evidence = build / "meson-logs" / f"{name}.failed"
            evidence.write_text(test.get("stdout", "") + test.get("stderr", ""), encoding="utf-8")
            why = "".join(f"\n    {line}" for line in essence(output(test)))
            failures.append(f"FAILED {build.name}: {test['name']} ({test['result']}){why}\n"
                            f"  output: {evidence}\n  repeat with: {repeat_command(test)}")
        if count["skipped"]:
            print(f"SKIPPED {build.name}: {count['skipped']} of {test['name']}")
    return total


def main() -> int:
    total = Counter()
    failures: list[str] = []
    for build in sys.argv[1:]:
        total += tally(pathlib.Path(build), failures)
    # Last, since of a long log often the end alone is kept.
    for failure in failures:
        print(failure)
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
