# SPDX-License-Identifier: MIT
"""examples/runbook.sh: what it does for each exit status, and that it says so."""

import json
import os
import resource
import select
import subprocess
import unittest

from hosts import open_directory, own_network
from support import DEADLINE, SOURCE, UNWAIT, Leaky, TestCase, environment

RUNBOOK = SOURCE / "examples/runbook.sh"


class Runbook(TestCase):
    def setUp(self):
        self.directory = open_directory(self)

    def run_book(self, *arguments, status, unwait=UNWAIT):
        told = subprocess.run(
            [RUNBOOK, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, timeout=DEADLINE, env=environment(UNWAIT=unwait),
        )
        self.assertEqual(told.returncode, status, told)
        return told

    def chosen(self, leak, *more, approved=True):
        begin = ["-y"] if approved else []
        return [*begin, "-d", self.directory, "--port", leak.port, "--min-idle", "0", "--settle",
                "100ms", *more]

    def test_done(self):
        with Leaky(b"api", count=2) as leak:
            told = self.run_book(*self.chosen(leak), status=0)
            self.assertEqual(leak.open_fds(), [])
            self.assertIn(f'step 1: shutdown, replace for "api"[{leak.pid}] at 127.0.0.1', told.stdout)
            self.assertIn("step 2: cleared, close-wait > ", told.stdout)
            self.assertIn("2 of 2 cleared, and verified", told.stderr)
            self.valid_report((self.directory / "plan.json").read_text())
            self.valid_report((self.directory / "result.json").read_text())
            again = self.run_book(*self.chosen(leak), status=0)
            self.assertIn("nothing to do, 0 left alone", again.stderr)

    def test_nothing_to_do(self):
        with Leaky() as leak:
            told = self.run_book("-y", "-d", self.directory, "--port", leak.port, status=0)
            self.assertRegex(told.stdout, r"left alone: .*, too-young \(--include too-young includes it\)")
            self.assertIn("nothing to do, 1 left alone", told.stderr)
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_not_approved(self):
        with Leaky() as leak:
            told = self.run_book(*self.chosen(leak, approved=False), status=5)
            self.assertEqual(leak.open_fds(), leak.fds)
            # What it says to do then, does it.
            command = told.stderr.split("Within the hour: ")[1].split()
            subprocess.run([*command, "-y", "-q"], stdout=subprocess.DEVNULL, check=True)
            self.assertEqual(leak.open_fds(), [])

    def test_refused(self):
        with Leaky(count=2) as leak:
            told = self.run_book(*self.chosen(leak, "--max-sockets", 1), status=4)
            self.assertIn("runbook: refused: the plan touches 2 sockets", told.stderr)
            self.assertEqual(leak.open_fds(), leak.fds)

    def test_changed_between_plan_and_apply(self):
        """The program is wrapped: before it carries the plan out, the descriptor has moved."""
        with Leaky() as leak:
            wrapper = self.directory / "unwait"
            asked, answered = self.directory / "asked", self.directory / "answered"
            os.mkfifo(asked)
            os.mkfifo(answered)
            wrapper.write_text(
                f'#!/bin/sh\nif [ "$1" = apply ]; then echo >"{asked}"; read -r _ <"{answered}"; fi\n'
                f'exec "{UNWAIT}" "$@"\n'
            )
            wrapper.chmod(0o755)
            process = subprocess.Popen(
                [RUNBOOK, *map(str, self.chosen(leak))], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                env=environment(UNWAIT=str(wrapper)),
            )
            # Open in both directions, so that neither side waits for the other to be there.
            with open(asked, "rb+", buffering=0) as question, \
                    open(answered, "rb+", buffering=0) as answer:
                self.assertTrue(select.select([question], [], [], DEADLINE)[0])
                leak.ask("move")
                answer.write(b"go\n")
                told = process.communicate(timeout=DEADLINE)
            self.assertEqual(process.returncode, 4, told)
            self.assertRegex(told[0], r"step 1: refused, close-wait > close-wait: .*fd ")
            self.assertIn("make a new plan", told[1])

    def test_partly(self):
        def low_limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

        with Leaky(preexec_fn=low_limit) as leak:
            leak.ask("fill")
            arguments = self.chosen(leak, "--actions", "shutdown,replace")
            told = self.run_book(*arguments, status=3)
            self.assertIn("only 0 of 1 cleared", told.stderr)
            result = json.loads((self.directory / "result.json").read_text())
            self.assertIn(result["outcomes"][0]["result"], told.stdout)

    def test_wrong_usage(self):
        told = self.run_book("-y", "--prot", "80", status=64)
        self.assertIn("did you mean '--port'", told.stderr)
        self.assertIn("nothing was done", told.stderr)
        self.run_book(status=64)

    def test_names_do_not_command_the_terminal(self):
        with Leaky(b"a\x1b[2Jb\n") as leak:
            told = self.run_book(*self.chosen(leak), status=0)
            self.assertNotIn("\x1b", told.stdout + told.stderr)


if __name__ == "__main__":
    own_network()
    unittest.main(verbosity=2)
